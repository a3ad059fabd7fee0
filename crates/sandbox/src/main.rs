//! `cargo run -p freshtoken-sandbox -- [VENDOR…]`: plays vendors on loopback until Ctrl-C.

use std::collections::BTreeSet;
use std::io::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;
use std::time::Duration;

use clap::Parser;
use freshtoken_sandbox::{Error, Issuer, Sandbox, Vendor, parse_duration};

/// Plays vendors' token endpoints on loopback, from specs/.
#[derive(Parser)]
#[command(name = "freshtoken-sandbox")]
#[command(after_help = "Examples:
  freshtoken-sandbox                                   play every vendor of specs/
  freshtoken-sandbox zenoti --lifetime 30s             play one, whose tokens live 30 seconds
  freshtoken-sandbox --live-tokens voucherify=1000     let Voucherify have 1,000 live tokens at most

VENDOR= before a value means that vendor alone; without it, all.")]
struct Cli {
    /// The vendors to play, by the names of their specs; all of them if none is named.
    vendors: Vec<String>,
    /// The folder of the specs.
    #[arg(long, value_name = "DIR", default_value = "specs")]
    specs: PathBuf,
    /// The port; 0 for any that is free.
    #[arg(long, default_value_t = 8400)]
    port: u16,
    /// The address; loopback alone is taken.
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    address: IpAddr,
    /// How long an access token lives, such as 30s. Default: what the spec says.
    #[arg(long, value_name = "[VENDOR=]TIME", value_parser = setting(parse_duration))]
    lifetime: Vec<Setting<Duration>>,
    /// How long a refresh token lives. Default: what the spec says, else 90d.
    #[arg(long, value_name = "[VENDOR=]TIME", value_parser = setting(parse_duration))]
    refresh_lifetime: Vec<Setting<Duration>>,
    /// How many access tokens may be live at once. Default: any number.
    #[arg(long, value_name = "[VENDOR=]N", value_parser = setting(parse::<usize>))]
    live_tokens: Vec<Setting<usize>>,
    /// How many accounts there are, each with credentials of its own. Default: one.
    #[arg(long, value_name = "[VENDOR=]N", value_parser = setting(parse::<usize>))]
    accounts: Vec<Setting<usize>>,
    /// A credential of which any value is right.
    #[arg(long, value_name = "[VENDOR=]NAME", value_parser = setting(parse::<String>))]
    any: Vec<Setting<String>>,
    /// The seed of faults with a probability.
    #[arg(long, default_value_t = 0)]
    seed: u64,
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

/// The settings that are this vendor's, the general ones first.
fn of<'a, T>(settings: &'a [Setting<T>], vendor: &'a str) -> impl Iterator<Item = &'a T> {
    let general = settings.iter().filter(|setting| setting.vendor.is_none());
    let own = settings.iter().filter(move |setting| setting.vendor.as_deref() == Some(vendor));
    general.chain(own).map(|setting| &setting.value)
}

impl Cli {
    fn vendors(&self) -> Result<Vec<Vendor>, Error> {
        let vendors = Vendor::read_folder(&self.specs, &self.vendors)?;
        let known: Vec<String> = vendors.iter().map(|vendor| vendor.name().to_owned()).collect();
        if let Some(name) = self.named().into_iter().find(|name| !known.contains(name)) {
            return Err(Error::UnknownVendor { name, known });
        }
        Ok(vendors.into_iter().map(|vendor| self.set(vendor)).collect())
    }

    /// The vendors that settings name.
    fn named(&self) -> BTreeSet<String> {
        let times = self.lifetime.iter().chain(&self.refresh_lifetime).map(|setting| &setting.vendor);
        let numbers = self.live_tokens.iter().chain(&self.accounts).map(|setting| &setting.vendor);
        times.chain(numbers).chain(self.any.iter().map(|setting| &setting.vendor)).flatten().cloned().collect()
    }

    fn set(&self, mut vendor: Vendor) -> Vendor {
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
        for credential in of(&self.any, &name) {
            vendor = vendor.any(credential);
        }
        vendor.seed(self.seed)
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(&Cli::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: &Cli) -> Result<(), Box<dyn std::error::Error>> {
    let sandbox = Sandbox::builder(cli.vendors()?)
        .address(SocketAddr::new(cli.address, cli.port))
        // A reader that has gone away is no reason to stop.
        .on_event(|event| drop(writeln!(io::stdout(), "{event}")))
        .start()
        .await?;
    for issuer in sandbox.issuers() {
        introduce(issuer)?;
    }
    writeln!(io::stdout(), "faults, counts, clock: {}\nCtrl-C stops it.\n", sandbox.control_url())?;

    tokio::signal::ctrl_c().await?;
    writeln!(io::stdout())?;
    for issuer in sandbox.issuers() {
        writeln!(io::stdout(), "{}: {}", issuer.name(), issuer.counts())?;
    }
    sandbox.shutdown().await;
    Ok(())
}

/// The URL, the credentials, and what to try.
fn introduce(issuer: &Issuer) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{}  {}", issuer.name(), issuer.url())?;
    let accounts = issuer.all_credentials();
    for (index, account) in accounts.iter().enumerate() {
        if accounts.len() > 1 {
            writeln!(out, "  account {}", index + 1)?;
        }
        for (name, value) in account {
            writeln!(out, "    {name:<16} {value}")?;
        }
    }
    for (name, value) in issuer.settings() {
        writeln!(out, "    {name:<16} {value}  (in the path)")?;
    }
    for curl in [issuer.curl_grant(), issuer.curl_call()].into_iter().flatten() {
        writeln!(out, "  {curl}")?;
    }
    writeln!(out)
}
