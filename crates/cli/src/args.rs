//! The command line.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use jiff::SignedDuration;

/// Keeps access tokens fresh for shells, cron jobs and programs in any language.
///
/// A token is requested once and shared by all processes of this user. It is renewed by the vendor's rules, by one process at a
/// time.
#[derive(Parser)]
#[command(name = "freshtoken", version, max_term_width = 100, disable_help_subcommand = true)]
#[command(after_help = "Examples:
  h=$(freshtoken header voucherify) && printf '%s\\n' \"$h\" | curl -fsS -H @- https://api.voucherify.io/v1/vouchers
  freshtoken run --file voucherify -- sh -c 'curl -fsS -H \"@$VOUCHERIFY_HEADER_FILE\" https://api.voucherify.io/v1/vouchers'
  freshtoken vendors                     every vendor with its variables, and which are set

Exit status: 0 done, 1 anything else, 2 usage or configuration, 3 refused: change the credentials,
4 try later: the last line of stderr is `retry-after: SECONDS`, 5 consent needed: `freshtoken login`.")]
pub struct Cli {
    #[command(flatten)]
    pub common: Common,
    #[command(subcommand)]
    pub command: Command,
}

/// What every command takes.
#[derive(Args, Clone, Default)]
pub struct Common {
    /// Account of the configuration file [env: FRESHTOKEN_ACCOUNT].
    #[arg(long, global = true, value_name = "NAME")]
    pub account: Option<String>,
    /// Configuration file: accounts, the store, and `key = "keyring"` to keep the key of the records in the keyring of the
    /// operating system [env: FRESHTOKEN_CONFIG] [default: config.toml in the user's configuration directory].
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Where tokens are kept: a directory, or redis://HOST [env: FRESHTOKEN_STORE] [default: the user's state directory].
    #[arg(long, global = true, value_name = "DIR|URL")]
    pub store: Option<OsString>,
    /// The longest time that the command takes, such as 30s [env: FRESHTOKEN_TIMEOUT] [default: 30s].
    #[arg(long, global = true, value_name = "TIME", value_parser = duration)]
    pub timeout: Option<Duration>,
    /// Print no warnings.
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Log what is done to stderr, without any secret [env: FRESHTOKEN_LOG, `info` or `debug`].
    #[arg(short, long, global = true)]
    pub verbose: bool,
}

#[derive(Subcommand)]
pub enum Command {
    /// Print the headers of a call, one per line.
    #[command(after_help = "Example:
  h=$(freshtoken header voucherify) && printf '%s\\n' \"$h\" | curl -fsS -H @- https://api.voucherify.io/v1/vouchers")]
    Header(Which),
    /// Print the access token.
    #[command(after_help = "Examples:
  freshtoken token zenoti
  freshtoken token zenoti --format json
  t=$(freshtoken token zenoti --format env) && eval \"$t\"
  freshtoken token zenoti --min-life 5m       renew it first if it expires sooner")]
    Token(Token),
    /// Run a command with the token in its environment, or in files that are kept fresh.
    #[command(after_help = "Examples:
  freshtoken run --account shop --env API_TOKEN -- python3 import.py
  freshtoken run --file voucherify -- sh -c 'curl -fsS -H \"@$VOUCHERIFY_HEADER_FILE\" https://api.voucherify.io/v1/vouchers'

The command's own exit status is passed on. 125: freshtoken failed; 126: the command cannot be executed; 127: it is not found.")]
    Run(Run),
    /// Serve tokens to the programs of this user, over a Unix socket or on loopback.
    #[command(after_help = "Examples:
  freshtoken serve
  curl -fsS --unix-socket ~/.local/state/freshtoken/agent.sock -H 'Freshtoken-Request: 1' http://localhost/v1/accounts/shop/header
  freshtoken serve --listen 127.0.0.1:9470    with a secret in agent.secret, in the state directory")]
    Serve(Serve),
    /// Show what is known about the tokens. Reads the store, and asks no vendor.
    #[command(after_help = "Examples:
  freshtoken status zenoti
  freshtoken status --all --format json
  freshtoken status zenoti --check            say by the exit status whether there is a valid token")]
    Status(Show),
    /// Revoke the token at the vendor, and forget it.
    #[command(after_help = "Examples:
  freshtoken revoke zenoti
  freshtoken revoke zenoti --forget           delete what is stored, and ask no vendor")]
    Revoke(Revoke),
    /// Start from the refresh token of a person's consent.
    #[command(after_help = "Example:
  printf '%s' \"$REFRESH_TOKEN\" | freshtoken login zenoti --refresh-token -")]
    Login(Login),
    /// List the vendors, their variables, and which are set.
    #[command(after_help = "Examples:
  freshtoken vendors
  freshtoken vendors zenoti --format json")]
    Vendors(Vendors),
    /// Print the completions of a shell.
    #[command(after_help = "Examples:
  freshtoken completions bash > ~/.local/share/bash-completion/completions/freshtoken
  freshtoken completions fish > ~/.config/fish/completions/freshtoken.fish
  freshtoken completions zsh > ~/.zfunc/_freshtoken      with `fpath+=~/.zfunc` before compinit")]
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Print the manual page, or write the pages of all commands.
    #[command(after_help = "Examples:
  freshtoken man | man -l -
  freshtoken man --dir ~/.local/share/man/man1")]
    Man {
        /// Write a page per command to this directory.
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
    },
}

/// Whose token it is.
#[derive(Args)]
pub struct Which {
    /// Vendor, with the credentials of its variables; or use --account.
    pub vendor: Option<String>,
}

#[derive(Args)]
pub struct Token {
    #[command(flatten)]
    pub which: Which,
    /// What is printed.
    #[arg(long, value_enum, default_value_t)]
    pub format: TokenFormat,
    /// Renew the token first if it expires sooner than this, such as 5m.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub min_life: Option<Duration>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum TokenFormat {
    /// The token and a newline.
    #[default]
    Text,
    /// An object with everything that is known about the token.
    Json,
    /// `export` lines for sh.
    Env,
    /// NAME=VALUE lines for env files, without quotes.
    Dotenv,
    /// `set` lines for fish.
    Fish,
    /// Assignments for PowerShell.
    Powershell,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Lines to read.
    #[default]
    Text,
    /// One object.
    Json,
}

#[derive(Args)]
pub struct Run {
    #[command(flatten)]
    pub which: Which,
    /// Put the token and the headers into files that are kept fresh while the command runs.
    #[arg(long)]
    pub file: bool,
    /// Name of the variable with the token, or with --file its file [default: VENDOR_ACCESS_TOKEN, VENDOR_ACCESS_TOKEN_FILE].
    #[arg(long, value_name = "NAME")]
    pub env: Option<String>,
    /// Leave the vendor's credentials in the command's environment.
    #[arg(long)]
    pub keep_credentials: bool,
    /// The command and its arguments.
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub command: Vec<OsString>,
}

#[derive(Args)]
pub struct Serve {
    /// The socket [env: FRESHTOKEN_SOCKET] [default: agent.sock in the user's state directory].
    #[arg(long, value_name = "PATH", conflicts_with = "listen")]
    pub socket: Option<PathBuf>,
    /// Another user who may use the socket, such as the one of a container; needs --socket in a separate directory.
    #[arg(long, value_name = "UID", requires = "socket")]
    pub allow_uid: Vec<u32>,
    /// Listen on this loopback address instead, such as 127.0.0.1:9470.
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<SocketAddr>,
    /// Another name of this machine that a Host header may have, such as host.docker.internal.
    #[arg(long, value_name = "NAME", requires = "listen")]
    pub allow_host: Vec<String>,
    /// Also show a page at `/` for a browser: states and times, no secrets.
    #[arg(long)]
    pub page: bool,
}

#[derive(Args)]
pub struct Show {
    #[command(flatten)]
    pub which: Which,
    /// Show every account of the configuration file, and every vendor whose variables are set.
    #[arg(long, conflicts_with_all = ["vendor", "account"])]
    pub all: bool,
    /// Exit with 0 only if there is a valid token.
    #[arg(long)]
    pub check: bool,
    /// What is printed.
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

#[derive(Args)]
pub struct Revoke {
    #[command(flatten)]
    pub which: Which,
    /// Only delete what is stored. The token stays valid at the vendor until it expires.
    #[arg(long)]
    pub forget: bool,
}

#[derive(Args)]
pub struct Login {
    #[command(flatten)]
    pub which: Which,
    /// `-`: read the refresh token from standard input, or ask for it on a terminal.
    #[arg(long, value_name = "-", required = true, allow_hyphen_values = true)]
    pub refresh_token: OsString,
}

#[derive(Args)]
pub struct Vendors {
    /// Only this vendor.
    pub vendor: Option<String>,
    /// What is printed.
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// Reads a time such as `30s`, `5m` or `1h 30m`.
pub fn duration(text: &str) -> Result<Duration, String> {
    let duration = text.parse::<SignedDuration>().ok().and_then(|duration| Duration::try_from(duration).ok());
    duration.ok_or_else(|| "a time has a unit, such as 30s, 5m or 1h".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_time_has_a_unit_and_is_not_negative() {
        assert_eq!(duration("1h 30m"), Ok(Duration::from_secs(5_400)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert!(duration("30").is_err() && duration("-5s").is_err() && duration("").is_err());
    }
}
