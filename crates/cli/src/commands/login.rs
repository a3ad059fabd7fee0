//! `login`: starts from the refresh token of a person's consent.

use std::io;
use std::io::{IsTerminal, Read};

use freshtoken::{RefreshTokens, Secret};
use tokio::runtime::Runtime;

use crate::args::Login;
use crate::context::{Context, finish, run, runtime};
use crate::failure::{Failure, Status};
use crate::obtain::Source;
use crate::value;

pub fn perform(context: &Context, login: &Login) -> Result<(), Failure> {
    if login.refresh_token != "-" {
        return Err(Failure::usage(
            "a refresh token is no argument, since every user can see it in `ps`: pass `--refresh-token -`, and the token on \
             standard input",
        ));
    }
    let account = context.account(&login.which)?;
    if account.vendor.policy.refresh == RefreshTokens::None {
        let vendor = account.vendor.name;
        return Err(Failure::usage(format!("{vendor} has no refresh tokens: its credentials are enough for a token")));
    }
    let runtime = runtime()?;
    let refresh_token = read(&runtime)?;
    let opened = context.open(&account)?;
    // A person has acted, so the credentials are sent again.
    opened.refusals.forget();
    let source = Source { account: &account, opened: &opened, min_life: None };
    let result = run(&runtime, context.timeout()?, async {
        opened.load().await?;
        opened.tokens.new_consent(refresh_token);
        source.renewed().await?;
        // A vendor with a login has issued a token all the same, which is not what was asked for.
        let is_refused =
            opened.grants.all().keys().any(|(grant, outcome)| (*grant, *outcome) == ("refresh", "refused"));
        let name = &account.name;
        let refused = || {
            let message =
                format!("{name}: the refresh token was refused, so the credentials were used for a login instead");
            Failure::new(Status::Refused, message)
        };
        if is_refused { Err(refused()) } else { Ok(()) }
    });
    drop(opened);
    finish(runtime);
    result
}

/// Reads the refresh token. A terminal shows nothing of it.
fn read(runtime: &Runtime) -> Result<Secret, Failure> {
    let failed =
        |problem: &dyn std::fmt::Display| Failure::usage(format!("the refresh token on standard input {problem}"));
    let stdin = std::io::stdin();
    if stdin.is_terminal() {
        let typed = prompt(runtime).map_err(|error| failed(&format!("cannot be read: {error}")))?;
        return value::text(typed.into_bytes()).map_err(|problem| failed(&problem));
    }
    let mut bytes = Vec::with_capacity(4096);
    let read = stdin.lock().take(value::MAX_LEN + 1).read_to_end(&mut bytes);
    read.map_err(|error| failed(&format!("cannot be read: {error}")))?;
    value::text(bytes).map_err(|problem| failed(&problem))
}

/// Asks for the refresh token. Ctrl-C must not end the process before the terminal shows again what is typed, so it is an error.
fn prompt(runtime: &Runtime) -> io::Result<String> {
    let _runtime = runtime.enter();
    #[cfg(unix)]
    let _interrupts = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt())?;
    rpassword::prompt_password("Refresh token: ")
}
