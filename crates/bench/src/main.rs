//! Measures all sections, or those that are named.

use std::path::Path;
use std::time::Instant;

use freshtoken_bench::contenders::BoxError;
use freshtoken_bench::report::render;
use freshtoken_bench::{SECTIONS, accounts, behaviour, build, cached, fleet, herd, login};

const HELP: &str = "\
Compares freshtoken with the crates that users would pick instead.

Usage: cargo xtask bench [--quick] [SECTION…]

Sections: cached, login, accounts, behaviour, herd, fleet, build [default: all]
A complete run without --quick writes crates/bench/RESULTS.md. Every run prints its results.

  --quick  fewer rounds and accounts; `build` only if it is named
  --help   print this help";

fn main() -> Result<(), BoxError> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut named: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match named[..] {
        ["--help" | "-h"] => {
            println!("{HELP}");
            return Ok(());
        }
        // The child processes.
        ["--cached", first_round] => return cached::child(first_round),
        ["--suspended", contender] => return behaviour::suspended_child(contender),
        _ => {}
    }
    let is_quick = named.contains(&"--quick");
    named.retain(|argument| *argument != "--quick");
    if let Some(unknown) = named.iter().find(|name| !SECTIONS.contains(name)) {
        return Err(format!("unknown section `{unknown}`; the sections are {}", SECTIONS.join(", ")).into());
    }
    let start = Instant::now();
    let mut sections = Vec::new();
    let is_chosen = |name: &&str| named.contains(name) || named.is_empty() && !(is_quick && *name == "build");
    for name in SECTIONS.into_iter().filter(is_chosen) {
        let section_start = Instant::now();
        eprintln!("{name} …");
        sections.push(match name {
            "cached" => cached::run(if is_quick { 8 } else { 20 })?,
            "login" => login::run(if is_quick { 400 } else { 1_400 })?,
            "accounts" => accounts::run(if is_quick { 1_000 } else { 1_000_000 })?,
            "behaviour" => behaviour::run(),
            "herd" => herd::run(if is_quick { 1 } else { 3 }),
            "fleet" => fleet::run(if is_quick { 1 } else { 5 })?,
            _ => build::run()?,
        });
        eprintln!("{name}: {:.0} s", section_start.elapsed().as_secs_f64());
    }
    let command = ["cargo xtask bench".to_owned(), arguments.join(" ")].join(" ");
    let text = render(command.trim(), start.elapsed().as_secs_f64(), &sections);
    if arguments.is_empty() {
        std::fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join("RESULTS.md"), &text)?;
    }
    println!("{text}");
    Ok(())
}
