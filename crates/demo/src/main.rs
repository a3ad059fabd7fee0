//! `cargo xtask demo`: shows how tokens are kept fresh.
//!
//! `show` simulates every vendor of `specs/` in the sandbox. Each is a `vendor_run`, with short-lived tokens, many
//! `callers` and a `script` of faults. `causes` explains each request to an issuer. `naive_run`
//! plays the same script with a `naive` cache. `terminal` displays the run, and
//! `report` the result. `live` does a smaller run against a real vendor. `replicas` has the runs with many processes: the demo
//! with `--replicas`, and the soak. `vendor` describes any vendor of the facade: no code here is specific to one.
#![forbid(unsafe_code)]

mod callers;
mod causes;
mod live;
mod naive;
mod naive_run;
mod replicas;
mod report;
mod script;
mod show;
#[cfg(test)]
mod simulation;
mod terminal;
mod vendor;
mod vendor_run;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::replicas::process::SUBCOMMAND;
use crate::replicas::redis_server::NotInstalled;
use crate::replicas::store::StoreKind;
use crate::replicas::{replica, soak};
use crate::vendor::DemoVendor;

/// Shows how tokens are kept fresh: many callers, short-lived tokens, and an issuer that fails on purpose. A naive cache, a mutex
/// and an expiry, plays the same script, and a table at the end compares them.
///
/// The demo takes 17 seconds, needs no credentials and does not leave this machine. It exits with 0 only if every
/// caller was served and every request to an issuer was necessary.
#[derive(Parser)]
#[command(name = "cargo xtask demo", bin_name = "cargo xtask demo")]
#[command(args_conflicts_with_subcommands = true, disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
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
    /// Start this many processes that share one token, and kill them at random moments. Takes 40 seconds.
    #[arg(long, value_name = "NUMBER", conflicts_with_all = ["vendor", "live"])]
    #[arg(value_parser = clap::value_parser!(u8).range(2..=32))]
    replicas: Option<u8>,
    /// With --replicas: what they share the token in.
    #[arg(long, requires = "replicas", default_value = "file")]
    store: StoreKind,
    /// With --replicas: the seed of the random moments.
    #[arg(long, requires = "replicas", value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// With --replicas: how long it takes, in seconds.
    #[arg(long, requires = "replicas", value_name = "SECONDS", default_value_t = 40, hide = true)]
    length: u64,
    /// Folder with the specs that the sandbox simulates.
    #[arg(long, value_name = "DIR", default_value = SPECS, hide = true)]
    specs: PathBuf,
}

const SPECS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../specs");

#[derive(Subcommand)]
enum Command {
    /// Run 8 processes through thousands of expiries, and kill, stop and starve them.
    ///
    /// Ends with a table, and with 0 only if no refresh token was spent twice, no rotation was lost, and no caller was without
    /// a token for longer than a lease. The issuer does the counting.
    #[command(hide = true, bin_name = "cargo xtask soak")]
    Soak(SoakArgs),
    /// A replica. The parent talks to it over stdin and stdout.
    #[command(hide = true, name = SUBCOMMAND)]
    Replica,
}

#[derive(Args)]
struct SoakArgs {
    /// What the processes share tokens in.
    #[arg(long, default_value = "file")]
    store: StoreKind,
    /// Number of expiries in total.
    #[arg(long, value_name = "NUMBER", default_value_t = 10_000)]
    expiries: u64,
    /// The seed of the faults.
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// Run for less than a minute, whatever the number of expiries.
    #[arg(long, conflicts_with = "expiries")]
    short: bool,
    /// Folder with the specs that the sandbox simulates.
    #[arg(long, value_name = "DIR", default_value = SPECS, hide = true)]
    specs: PathBuf,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            // A missing program is not a failed check.
            if error.is::<NotInstalled>() { ExitCode::from(2) } else { ExitCode::FAILURE }
        }
    }
}

/// Returns whether everything went as expected.
async fn run() -> Result<bool, Box<dyn Error>> {
    let vendors = vendor::all();
    let matches = Cli::command().after_long_help(help(&vendors)).get_matches();
    let cli = Cli::from_arg_matches(&matches)?;
    match cli.command {
        Some(Command::Replica) => return replica::run().await.map(|()| true),
        Some(Command::Soak(args)) => return soak(args).await,
        None => {}
    }
    if let Some(replicas) = cli.replicas {
        let options = replicas::show::Options {
            replicas: replicas.into(),
            store: cli.store,
            seed: cli.seed,
            length: Duration::from_secs(cli.length),
            specs: cli.specs,
        };
        return replicas::show::run(&options).await;
    }
    let chosen = vendor::choose(vendors, &cli.vendor)?;
    match &chosen[..] {
        [vendor] if cli.live => live::run(vendor, cli.call.as_deref(), cli.yes).await,
        _ if cli.live => Err("--live needs exactly one --vendor".into()),
        _ => show::run(&chosen, &cli.specs).await,
    }
}

async fn soak(args: SoakArgs) -> Result<bool, Box<dyn Error>> {
    let size = if args.short { soak::Size::short() } else { soak::Size::whole(args.expiries) };
    soak::run(&soak::Options { store: args.store, size, seed: args.seed, specs: args.specs }).await
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
