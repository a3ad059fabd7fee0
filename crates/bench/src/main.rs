//! Runs everything, prints it, and writes `RESULTS.md` and `results.json` beside its manifest.
//!
//! `--quick` takes fewer rounds, and counts no instructions.

use std::path::Path;
use std::time::Instant;

use freshtoken_bench::cached::{self, Calls};
use freshtoken_bench::contenders::Failure;
use freshtoken_bench::results::{Results, Run};
use freshtoken_bench::{behaviour, herd};

fn main() -> Result<(), Failure> {
    let start = Instant::now();
    let mut is_quick = false;
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => {}
        ["--quick"] => is_quick = true,
        // What callgrind is given to run.
        ["--callgrind", of, call] => return cached::under_callgrind(of, call),
        _ => return Err("there is only --quick".into()),
    }
    let (cached_rounds, herd_rounds) = if is_quick { (15, 3) } else { (61, 7) };
    let mut missing = vec![
        "A machine that was suspended past the expiry: it wants a clock of one's own, which most of them don't take."
            .to_owned(),
        "Many accounts, a login end to end, the generator, and what a user pays to build: not done yet.".to_owned(),
    ];

    eprintln!("the cached path");
    let mut costs = cached::run(&Calls::all()?, cached_rounds);
    if let Err(error) = cached::count_allocations(&mut costs) {
        missing.push(format!("Allocations: {error}"));
    }
    if is_quick {
        missing.push("Instructions: `--quick` counts none.".to_owned());
    } else if let Err(error) = cached::count_instructions(&mut costs) {
        missing.push(format!("Instructions: {error}"));
    }

    eprintln!("behaviour");
    let behaviour = behaviour::run();

    eprintln!("the herd");
    let herd = herd::run(herd_rounds);

    let run = Run { took: start.elapsed().as_secs_f64(), ..Run::here(is_quick) };
    let results = Results { run, cached: costs, behaviour, herd, missing };
    results.write(Path::new(env!("CARGO_MANIFEST_DIR")))?;
    println!("{}", results.text());
    Ok(())
}
