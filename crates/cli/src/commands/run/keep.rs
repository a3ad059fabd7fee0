//! `run --file`: waits for the command, and renews the files meanwhile.
//!
//! The command stays in this process's group, so the terminal and the shell stop, continue and interrupt both. One
//! limit remains: if the command creates its own group and stops only that, as an interactive shell does at `suspend`, the shell
//! around this process does not notice.

use std::process::{Command, ExitCode, ExitStatus};
use std::sync::Arc;
use std::time::Duration;

use freshtoken::event::EventKind;
use tokio::sync::Notify;

use super::files::Files;
use crate::account::Account;
use crate::args::Run;
use crate::context::{Context, finish, run as run_within, runtime};
use crate::failure::Failure;
use crate::obtain::{Obtained, Source};
use crate::signals::{Signals, pass_on};
use crate::source::{Mode, Opened};

/// How often the token is looked at. A change is noticed at once; this is for a renewal that is due.
const LOOK: Duration = Duration::from_secs(1);

pub fn perform(
    context: &Context,
    account: &Arc<Account>,
    run: &Run,
    mut command: Command,
) -> Result<ExitCode, Failure> {
    let changed = Arc::new(Notify::new());
    let notify = changed.clone();
    let (quiet, of) = (context.options.quiet, account.clone());
    let opened = context.open_with(
        account,
        Mode::InBackground,
        Some(Arc::new(move |event| match &event.kind {
            EventKind::Renewed { .. } | EventKind::Adopted => notify.notify_one(),
            EventKind::Refused(error) | EventKind::ConsentNeeded(error) if !quiet => {
                crate::note::note(&format!("freshtoken: {}", Failure::of(error, &of).message));
            }
            _ => {}
        })),
    )?;
    let runtime = runtime()?;
    let source = Source { account, opened: &opened, min_life: None };
    let obtained = run_within(&runtime, context.timeout()?, source.renewed())?;
    let files = Files::create()?;
    files.write(&obtained)?;
    let prefix = account.vendor.prefix;
    let name = run.env.clone().unwrap_or_else(|| format!("{prefix}_ACCESS_TOKEN_FILE"));
    command.env(name, files.token());
    if account.vendor.policy.query.is_none() {
        command.env(format!("{prefix}_HEADER_FILE"), files.headers());
    }
    let status = runtime.block_on(wait(command, &source, &files, obtained, &changed));
    drop(files);
    drop(opened);
    finish(runtime);
    status
}

/// Runs the command until its end.
async fn wait(
    command: Command,
    source: &Source<'_>,
    files: &Files,
    obtained: Obtained,
    changed: &Notify,
) -> Result<ExitCode, Failure> {
    // Before the command starts, so that no signal ends this process alone.
    let mut signals = Signals::watch().map_err(Failure::other)?;
    let mut command = tokio::process::Command::from(command);
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => return Ok(super::not_started(command.as_std(), &error)),
    };
    let mut renewing = std::pin::pin!(renew(source, files, obtained, changed));
    let mut is_renewing = true;
    loop {
        tokio::select! {
            status = child.wait() => {
                let status = status.map_err(|error| Failure::other(format!("cannot wait for the command: {error}")))?;
                return Ok(ExitCode::from(code(status).and_then(|code| u8::try_from(code).ok()).unwrap_or(super::FAILED)));
            }
            signal = signals.next() => pass_on(signal, &child),
            failure = &mut renewing, if is_renewing => {
                // The command may still do without a newer token.
                is_renewing = false;
                failure.print();
            }
        }
    }
}

/// Writes each new token until that fails.
async fn renew(source: &Source<'_>, files: &Files, mut obtained: Obtained, changed: &Notify) -> Failure {
    let Opened { tokens, .. } = source.opened;
    loop {
        let _ = tokio::time::timeout(LOOK, changed.notified()).await;
        // Another process may have renewed or revoked the token.
        let _ = tokens.load_stored().await;
        let token = match tokens.try_token() {
            Some(token) => token,
            None => match tokens.token().await {
                Ok(token) => token,
                Err(_) => continue,
            },
        };
        if token.generation() == obtained.token.generation() {
            continue;
        }
        obtained.token = token;
        if let Err(failure) = files.write(&obtained) {
            return failure;
        }
    }
}

/// The exit status of a command, with 128 and the number of the signal that ended it.
fn code(status: ExitStatus) -> Option<i32> {
    #[cfg(unix)]
    let ended_by = std::os::unix::process::ExitStatusExt::signal(&status).map(|signal| 128 + signal);
    #[cfg(not(unix))]
    let ended_by = None;
    status.code().or(ended_by)
}
