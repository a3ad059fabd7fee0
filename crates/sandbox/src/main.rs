//! `cargo run -p freshtoken-sandbox -- [VENDOR…] [-- COMMAND…]`: simulates vendors on loopback until Ctrl-C, or until
//! the given command exits.

mod log;
mod signals;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::{ExitCode, ExitStatus};
use std::str::FromStr;
use std::time::Duration;

use clap::Parser;
use freshtoken_sandbox::{Error, Issuer, PlayedVendor, Sandbox, parse_duration};
use log::Log;
use signals::{Ending, Passing};
use tokio::process::Command;

/// The default port when no command is given.
const PORT: u16 = 8400;

/// Simulates vendors' token endpoints on loopback, from their specs.
#[derive(Parser)]
#[command(name = "freshtoken-sandbox")]
#[command(after_help = "Examples:
  freshtoken-sandbox                                   simulate every vendor in specs/
  freshtoken-sandbox zenoti --lifetime 30s             simulate one, with tokens that expire after 30 seconds
  freshtoken-sandbox --live-tokens voucherify=1000     limit Voucherify to 1,000 live tokens
  freshtoken-sandbox zenoti -- python3 client.py       simulate one while a program runs

Options with a [VENDOR=] prefix apply to that vendor; without the prefix, to all vendors.
The program after -- finds URLs and credentials in its environment: ZENOTI_URL, ZENOTI_USER_NAME, ….")]
struct Cli {
    /// Vendors to simulate, by spec file name [default: all].
    vendors: Vec<String>,
    /// Folder that contains the specs.
    #[arg(long, value_name = "DIR", default_value = "specs")]
    specs: PathBuf,
    /// Port to listen on; 0 picks a free one [default: 8400, or a free port with a command].
    #[arg(long)]
    port: Option<u16>,
    /// Address to listen on; must be loopback.
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    address: IpAddr,
    /// Lifetime of access tokens, such as 30s [default: the spec's].
    #[arg(long, value_name = "[VENDOR=]TIME", value_parser = setting(parse_duration))]
    lifetime: Vec<Setting<Duration>>,
    /// Lifetime of refresh tokens; 0s means they never expire [default: the spec's, or 90d].
    #[arg(long, value_name = "[VENDOR=]TIME", value_parser = setting(parse_duration))]
    refresh_lifetime: Vec<Setting<Duration>>,
    /// Maximum number of live access tokens [default: unlimited].
    #[arg(long, value_name = "[VENDOR=]N", value_parser = setting(parse::<usize>))]
    live_tokens: Vec<Setting<usize>>,
    /// Number of accounts, each with its own credentials [default: 1].
    #[arg(long, value_name = "[VENDOR=]N", value_parser = setting(parse::<usize>))]
    accounts: Vec<Setting<usize>>,
    /// A credential for which any value is accepted.
    #[arg(long, value_name = "[VENDOR=]NAME", value_parser = setting(parse::<String>))]
    any: Vec<Setting<String>>,
    /// How a client authenticates, by its name in `one-of` [default: the first].
    #[arg(long, value_name = "VENDOR=NAME", value_parser = setting(parse::<String>))]
    alternative: Vec<Setting<String>>,
    /// Seed for faults that have a probability.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Don't log requests, and don't print counts at the end.
    #[arg(short, long)]
    quiet: bool,
    /// A command to run against the sandbox, with its arguments. The sandbox exits with it, and logs to stderr.
    #[arg(last = true)]
    command: Vec<OsString>,
}

/// A value for one vendor or for all.
#[derive(Clone)]
struct Setting<T> {
    vendor: Option<String>,
    value: T,
}

fn setting<T, E: std::fmt::Display>(
    parse: impl Fn(&str) -> Result<T, E> + Clone + Send + Sync + 'static,
) -> impl Fn(&str) -> Result<Setting<T>, String> + Clone + Send + Sync + 'static {
    move |text| {
        let (vendor, value) = match text.split_once('=') {
            Some((vendor, value)) => (Some(vendor.to_owned()), value),
            None => (None, text),
        };
        parse(value).map(|value| Setting { vendor, value }).map_err(|error| error.to_string())
    }
}

fn parse<T: FromStr>(text: &str) -> Result<T, T::Err> {
    text.parse()
}

/// The settings that apply to a vendor: the general ones first.
fn of<'a, T>(settings: &'a [Setting<T>], vendor: &'a str) -> impl Iterator<Item = &'a T> {
    let general = settings.iter().filter(|setting| setting.vendor.is_none());
    let own = settings.iter().filter(move |setting| setting.vendor.as_deref() == Some(vendor));
    general.chain(own).map(|setting| &setting.value)
}

impl Cli {
    fn vendors(&self) -> Result<Vec<PlayedVendor>, Error> {
        let vendors = PlayedVendor::read_folder(&self.specs, &self.vendors)?;
        let known: Vec<String> = vendors.iter().map(|vendor| vendor.name().to_owned()).collect();
        if let Some(name) = self.named().into_iter().find(|name| !known.contains(name)) {
            return Err(Error::UnknownVendor { name, known });
        }
        // For a setting of one vendor, `Sandbox::start` reports this error.
        for name in self.any.iter().filter(|any| any.vendor.is_none()).map(|any| &any.value) {
            let of_each: BTreeSet<String> = vendors.iter().flat_map(PlayedVendor::credentials).collect();
            if !of_each.contains(name) {
                let (name, vendor, known) = (name.clone(), known.join(", "), of_each.into_iter().collect());
                return Err(Error::UnknownCredential { vendor, name, known });
            }
        }
        vendors.into_iter().map(|vendor| self.set(vendor)).collect()
    }

    /// The vendors that settings name.
    fn named(&self) -> BTreeSet<String> {
        let times = self.lifetime.iter().chain(&self.refresh_lifetime).map(|setting| &setting.vendor);
        let numbers = self.live_tokens.iter().chain(&self.accounts).map(|setting| &setting.vendor);
        let names = self.any.iter().chain(&self.alternative).map(|setting| &setting.vendor);
        times.chain(numbers).chain(names).flatten().cloned().collect()
    }

    fn set(&self, mut vendor: PlayedVendor) -> Result<PlayedVendor, Error> {
        let name = vendor.name().to_owned();
        if let Some(lifetime) = of(&self.lifetime, &name).last() {
            vendor = vendor.lifetime(*lifetime);
        }
        if let Some(lifetime) = of(&self.refresh_lifetime, &name).last() {
            vendor = vendor.refresh_lifetime(*lifetime);
        }
        if let Some(most) = of(&self.live_tokens, &name).last() {
            vendor = vendor.live_tokens(*most);
        }
        if let Some(accounts) = of(&self.accounts, &name).last() {
            vendor = vendor.accounts(*accounts);
        }
        if let Some(alternative) = of(&self.alternative, &name).last() {
            vendor = vendor.alternative(alternative)?;
        }
        let known = vendor.credentials();
        for any in &self.any {
            let is_its_own = any.vendor.as_deref().map_or(known.contains(&any.value), |vendor| vendor == name);
            if is_its_own {
                vendor = vendor.any(&any.value);
            }
        }
        Ok(vendor.seed(self.seed))
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(&Cli::parse()).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: &Cli) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let has_command = !cli.command.is_empty();
    let port = cli.port.unwrap_or(if has_command { 0 } else { PORT });
    // Stdout belongs to the command.
    let (log, writer) = if has_command { Log::start(io::stderr()) } else { Log::start(io::stdout()) };
    let mut sandbox = Sandbox::builder(cli.vendors()?).address(SocketAddr::new(cli.address, port));
    if !cli.quiet {
        let events = log.clone();
        sandbox = sandbox.on_event(move |event| events.line(event.to_string()));
    }
    let sandbox = sandbox.start().await?;
    let code = match cli.command.split_first() {
        Some((program, arguments)) => {
            let status = run_command(&sandbox, program, arguments).await;
            code(status.map_err(|error| format!("`{}` cannot be started: {error}", program.display()))?)
        }
        None => {
            // Watch before printing: a caller may send Ctrl-C as soon as the introduction appears.
            let mut ending = Ending::watch()?;
            sandbox.issuers().iter().for_each(|issuer| log.say(introduction(issuer)));
            log.say(format!("faults, counts, clock: {}\npress Ctrl-C to stop\n", sandbox.control_url()));
            ending.wait().await;
            log.say(String::new());
            ExitCode::SUCCESS
        }
    };
    let issuers = sandbox.issuers().to_vec();
    sandbox.shutdown().await;
    if !cli.quiet {
        issuers.iter().for_each(|issuer| log.say(format!("{}: {}", issuer.name(), issuer.counts())));
    }
    writer.finish();
    Ok(code)
}

/// Runs a command with the vendors' variables in its environment, and waits until it exits.
async fn run_command(sandbox: &Sandbox, program: &OsString, arguments: &[OsString]) -> io::Result<ExitStatus> {
    let mut command = Command::new(program);
    command.args(arguments).envs(sandbox.issuers().iter().flat_map(Issuer::environment));
    // Watch for signals before the command starts, so that none is lost.
    let mut signals = Passing::watch()?;
    let mut running = command.spawn()?;
    let id = running.id();
    tokio::select! {
        never = signals.pass_on(id) => match never {},
        status = running.wait() => status,
    }
}

/// Follows the shell convention: a command that was killed by a signal exits with 128 plus its number.
fn code(status: ExitStatus) -> ExitCode {
    #[cfg(unix)]
    let signal = std::os::unix::process::ExitStatusExt::signal(&status).map(|signal| signal + 128);
    #[cfg(not(unix))]
    let signal = None;
    // Windows has exit codes above 255; those count as failures.
    status.code().or(signal).and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from)
}

/// The URL, the credentials and two `curl` commands to try.
fn introduction(issuer: &Issuer) -> String {
    let mut lines = vec![format!("{}  {}", issuer.name(), issuer.url())];
    let accounts = issuer.all_credentials();
    for (index, account) in accounts.iter().enumerate() {
        if accounts.len() > 1 {
            lines.push(format!("  account {}", index + 1));
        }
        lines.extend(account.iter().map(|(name, value)| format!("    {name:<16} {value}")));
    }
    lines.extend(issuer.settings().iter().map(|(name, value)| format!("    {name:<16} {value}  (a setting)")));
    lines.extend([issuer.curl_grant(), issuer.curl_call()].into_iter().flatten().map(|curl| format!("  {curl}")));
    lines.push(String::new());
    lines.join("\n")
}
