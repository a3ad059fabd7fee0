//! `completions`: what a shell reads to complete the command line.

use std::fmt::Write;

use clap::builder::PossibleValuesParser;
use clap::{Arg, CommandFactory};
use clap_complete::Shell;

use crate::args::Cli;
use crate::vendors::VENDORS;

/// Returns the completions for a shell. They include the vendors, but not the accounts, which change after the script is written.
pub fn script(shell: Shell) -> String {
    let names: Vec<&str> = VENDORS.iter().map(|vendor| vendor.name).collect();
    // Only here: for an unknown vendor, the parser's message would be worse than ours.
    let parser = PossibleValuesParser::new(names.clone());
    let with_names = |arg: Arg| if is_vendor(&arg) { arg.value_parser(parser.clone()) } else { arg };
    let mut command = Cli::command().mut_subcommands(|command| command.mut_args(with_names));
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, "freshtoken", &mut script);
    let mut script = String::from_utf8_lossy(&script).into_owned();
    if shell == Shell::Fish {
        // For this shell, clap omits the values of positional arguments.
        for command in command.get_subcommands().filter(|command| command.get_arguments().any(is_vendor)) {
            let (name, names) = (command.get_name(), names.join(" "));
            // Writing to a string does not fail.
            let _ = writeln!(
                script,
                "complete -c freshtoken -n \"__fish_freshtoken_using_subcommand {name}\" -a \"{names}\""
            );
        }
    }
    script
}

fn is_vendor(arg: &Arg) -> bool {
    arg.get_id() == "vendor"
}
