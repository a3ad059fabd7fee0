//! `cargo xtask demo`: watch tokens being kept fresh.
//!
//! `show` plays every vendor of `specs/` in the sandbox, each as a `player`, with short-lived tokens, many `callers` and a
//! `script` of what goes wrong; `causes` says why each request to an issuer was made, and whether it should have been;
//! `view` is what one sees of it, and `verdict` the end. `live` does a smaller round at a real vendor. `vendor` is a vendor
//! as both see it: nothing here knows one by name.
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

/// Keeps tokens fresh before your eyes: many callers, short-lived tokens, an issuer that fails on purpose.
///
/// It takes 17 seconds, needs no credentials and stays on this machine. It ends with 0 only if every caller was served, and
/// every request to an issuer had a reason.
#[derive(Parser)]
#[command(name = "cargo xtask demo", bin_name = "cargo xtask demo")]
struct Cli {
    /// Only this vendor, by the name of its spec; can be given several times.
    #[arg(long, value_name = "NAME")]
    vendor: Vec<String>,
    /// The real vendor instead of the sandbox: one login, shared by 20 callers, and what else it says before it asks.
    ///
    /// Credentials come from the environment, see below.
    #[arg(long, requires = "vendor")]
    live: bool,
    /// With --live: also calls this URL with the token, once.
    #[arg(long, value_name = "URL", requires = "live")]
    call: Option<String>,
    /// With --live: doesn't ask before the first request.
    #[arg(long, requires = "live")]
    yes: bool,
    /// The folder of the specs that the sandbox plays.
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

/// Whether all was as it should be.
async fn run() -> Result<bool, Box<dyn std::error::Error>> {
    let vendors = vendor::all();
    let matches = Cli::command().after_long_help(help(&vendors)).get_matches();
    let cli = Cli::from_arg_matches(&matches)?;
    let chosen = vendor::choose(vendors, &cli.vendor)?;
    match &chosen[..] {
        [vendor] if cli.live => live::run(vendor, cli.call.as_deref(), cli.yes).await,
        _ if cli.live => Err("name one vendor with --vendor: --live is for one at a time".into()),
        _ => show::run(&chosen, &cli.specs).await,
    }
}

/// The variables of every vendor.
fn help(vendors: &[DemoVendor]) -> String {
    let mut text = "For --live, in the environment:".to_owned();
    for vendor in vendors {
        text += &format!("\n\n  {}", vendor.name);
        for variable in vendor.variables {
            text += &format!("\n    {variable}");
        }
    }
    text
}
