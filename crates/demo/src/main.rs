//! `cargo xtask demo`: shows how tokens are kept fresh.
//!
//! `show` simulates every vendor of `specs/` in the sandbox. Each is a `vendor_run`, with short-lived tokens, many
//! `callers` and a `script` of faults. `causes` explains each request to an issuer. `terminal` displays the run, and
//! `report` the result. `live` does a smaller run against a real vendor. `vendor` describes any vendor of the facade:
//! no code here is specific to one.
#![forbid(unsafe_code)]

mod callers;
mod causes;
mod live;
mod report;
mod script;
mod show;
#[cfg(test)]
mod simulation;
mod terminal;
mod vendor;
mod vendor_run;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser};

use crate::vendor::DemoVendor;

/// Shows how tokens are kept fresh: many callers, short-lived tokens, and an issuer that fails on purpose.
///
/// The demo takes 17 seconds, needs no credentials and does not leave this machine. It exits with 0 only if every
/// caller was served and every request to an issuer was necessary.
#[derive(Parser)]
#[command(name = "cargo xtask demo", bin_name = "cargo xtask demo")]
struct Cli {
    /// Vendor to show, by spec file name; can be repeated [default: all].
    #[arg(long, value_name = "NAME")]
    vendor: Vec<String>,
    /// Use the real vendor instead of the sandbox: one login, shared by 20 callers. Lists its requests and asks for
    /// confirmation.
    ///
    /// Credentials come from the environment, see below.
    #[arg(long, requires = "vendor")]
    live: bool,
    /// With --live: also call this URL once, with the token.
    #[arg(long, value_name = "URL", requires = "live")]
    call: Option<String>,
    /// With --live: don't ask for confirmation.
    #[arg(long, requires = "live")]
    yes: bool,
    /// Folder with the specs that the sandbox simulates.
    #[arg(long, value_name = "DIR", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../../specs"), hide = true)]
    specs: PathBuf,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Returns whether everything went as expected.
async fn run() -> Result<bool, Box<dyn std::error::Error>> {
    let vendors = vendor::all();
    let matches = Cli::command().after_long_help(help(&vendors)).get_matches();
    let cli = Cli::from_arg_matches(&matches)?;
    let chosen = vendor::choose(vendors, &cli.vendor)?;
    match &chosen[..] {
        [vendor] if cli.live => live::run(vendor, cli.call.as_deref(), cli.yes).await,
        _ if cli.live => Err("--live needs exactly one --vendor".into()),
        _ => show::run(&chosen, &cli.specs).await,
    }
}

/// Lists the environment variables of every vendor.
fn help(vendors: &[DemoVendor]) -> String {
    let mut text = "Environment variables for --live:".to_owned();
    for vendor in vendors {
        text += &format!("\n\n  {}", vendor.name);
        for variable in vendor.variables {
            text += &format!("\n    {variable}");
        }
    }
    text
}
