//! Measures everything, or the sections that are named; `--help` says how.

use std::path::Path;
use std::time::Instant;

use freshtoken_bench::contenders::Failure;
use freshtoken_bench::results::{Results, Run};
use freshtoken_bench::{SECTIONS, accounts, behaviour, build, cached, generator, herd, login};

const HELP: &str = "\
Measures freshtoken beside what users would pick instead.

Usage: cargo xtask bench [--quick | --optimised] [SECTION…]

Sections: cached, login, behaviour, herd, accounts, generator, build; all, where none is named.
With all of them, RESULTS.md, results.json and plots/ in crates/bench are written anew;
with some, they are printed and nothing is written.

  --quick      fewer rounds, and no instructions, no million accounts, no builds
  --optimised  the programs of `build` as a release has them as well: several minutes more
  --help       this";

const QUICK: &str = "--quick";
const OPTIMISED: &str = "--optimised";

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["--help" | "-h"] => {
            println!("{HELP}");
            return Ok(());
        }
        // What this program has itself do.
        ["--cached", first] => return cached::in_a_process_of_its_own(first),
        ["--callgrind", of, call] => return cached::under_callgrind(of, call),
        ["--accounts", count, with] => return accounts::in_a_process_of_its_own(count, with),
        ["--suspended", of] => return behaviour::suspended(of),
        _ => {}
    }
    let (is_quick, is_optimised) = (arguments.contains(&QUICK), arguments.contains(&OPTIMISED));
    let named: Vec<&str> =
        arguments.iter().copied().filter(|argument| ![QUICK, OPTIMISED].contains(argument)).collect();
    if let Some(unknown) = named.iter().find(|name| !SECTIONS.contains(name)) {
        return Err(format!("there is no section `{unknown}`: {}", SECTIONS.join(", ")).into());
    }
    let start = Instant::now();
    let mut results = Results::new(Run::here(&arguments));
    for section in SECTIONS.into_iter().filter(|section| named.is_empty() || named.contains(section)) {
        let begun = Instant::now();
        eprintln!("{section} …");
        let missing = &mut results.missing;
        match section {
            "cached" => results.cached = Some(cached::run(is_quick, missing)?),
            "behaviour" => results.behaviour = Some(behaviour::run(missing)),
            "herd" => results.herd = Some(herd::run(is_quick)),
            "accounts" => results.accounts = Some(accounts::run(is_quick, missing)?),
            "login" => results.login = Some(login::run(is_quick)?),
            "generator" => results.generator = Some(generator::run(is_quick)?),
            _ => results.build = build::run(is_quick, is_optimised, missing)?,
        }
        eprintln!("{section}: {:.0} s", begun.elapsed().as_secs_f64());
    }
    results.run.took = start.elapsed().as_secs_f64();
    if named.is_empty() {
        results.write(Path::new(env!("CARGO_MANIFEST_DIR")))?;
    }
    println!("{}", results.text());
    Ok(())
}
