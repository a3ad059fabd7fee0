//! `run --file`: waits for the command, and renews the files meanwhile.
//!
//! The command stays in this process's group, so the terminal and the shell stop, continue and interrupt both. One
//! limit remains: if the command creates its own group and stops only that, as an interactive shell does at `suspend`, the shell
//! around this process does not notice.

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::time::Duration;

use freshtoken::event::EventKind;
use rustix::process::{Pid, Signal, getpgrp, kill_process};
use rustix::termios::tcgetpgrp;
use tokio::process::Child;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Notify, mpsc};

use super::files::Files;
use crate::account::Account;
use crate::args::Run;
use crate::context::{Context, finish, run as run_within, runtime};
use crate::failure::Failure;
use crate::obtain::{Obtained, Source};
use crate::source::{Mode, Opened};

/// How often the token is looked at. A change is noticed at once; this is for a renewal that is due.
const LOOK: Duration = Duration::from_secs(1);

/// The signals that are passed on.
const SIGNALS: [Signal; 6] = [Signal::TERM, Signal::HUP, Signal::INT, Signal::QUIT, Signal::USR1, Signal::USR2];

pub fn perform(
    context: &Context,
    account: &Arc<Account>,
    run: &Run,
    mut command: Command,
) -> Result<ExitCode, Failure> {
    let changed = Arc::new(Notify::new());
    let notify = changed.clone();
    let quiet = context.options.quiet;
    let opened = context.open_with(
        account,
        Mode::InBackground,
        Some(Arc::new(move |event| match &event.kind {
            EventKind::Renewed { .. } | EventKind::Adopted => notify.notify_one(),
            EventKind::Refused(error) | EventKind::ConsentNeeded(error) if !quiet => {
                crate::note::note(&format!("freshtoken: {error:#}"));
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
    let mut signals = watch().map_err(|error| Failure::other(format!("cannot watch for signals: {error}")))?;
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
                let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
                return Ok(ExitCode::from(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(super::FAILED)));
            }
            Some(signal) = signals.recv() => pass_on(signal, &child),
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

/// Forwards this process's signals to a channel. The tasks end once the receiver is dropped, because the program waits for them
/// at its end.
fn watch() -> std::io::Result<mpsc::UnboundedReceiver<Signal>> {
    let (sender, receiver) = mpsc::unbounded_channel();
    for name in SIGNALS {
        let mut signals = signal(SignalKind::from_raw(name.as_raw()))?;
        let sender = sender.clone();
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    () = sender.closed() => break,
                    _ = signals.recv() => drop(sender.send(name)),
                }
            }
        });
    }
    Ok(receiver)
}

fn pass_on(signal: Signal, child: &Child) {
    // The terminal has sent it to the command itself.
    if matches!(signal, Signal::INT | Signal::QUIT) && is_in_foreground() {
        return;
    }
    let child = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    // The command may have just exited.
    let _ = child.map(|child| kill_process(child, signal));
}

/// Whether the terminal signals this process and its command.
fn is_in_foreground() -> bool {
    let terminal = std::fs::File::open("/dev/tty");
    terminal.is_ok_and(|terminal| tcgetpgrp(terminal).is_ok_and(|group| group == getpgrp()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn no_signal_is_watched_once_the_command_has_ended() {
        let runtime = tokio::runtime::Handle::current();
        let signals = watch().unwrap();
        assert_eq!(runtime.metrics().num_alive_tasks(), SIGNALS.len());
        drop(signals);
        // Each task needs a turn or two.
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        assert_eq!(runtime.metrics().num_alive_tasks(), 0);
    }
}
