//! Signals: what ends the agent, and what `run --file` passes on to its command.

#[cfg(unix)]
pub use unix::{Signals, end, pass_on};
#[cfg(windows)]
pub use windows::{Signals, end, pass_on};

#[cfg(unix)]
mod unix {
    use std::future::Future;

    use rustix::process::{Pid, Signal, getpgrp, kill_process};
    use rustix::termios::tcgetpgrp;
    use tokio::process::Child;
    use tokio::signal::unix::{SignalKind, signal};
    use tokio::sync::mpsc;

    /// The signals that are passed on.
    const SIGNALS: [Signal; 6] = [Signal::TERM, Signal::HUP, Signal::INT, Signal::QUIT, Signal::USR1, Signal::USR2];

    /// Returns a future that ends with SIGTERM or Ctrl-C, which no longer end the process.
    pub fn end() -> Result<impl Future<Output = ()>, String> {
        let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
        Ok(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        })
    }

    /// The signals of this process, for its command.
    pub struct Signals(mpsc::UnboundedReceiver<Signal>);

    impl Signals {
        /// Forwards this process's signals to a channel. The tasks end once this is dropped, because the program waits for them at
        /// its end.
        pub fn watch() -> Result<Self, String> {
            let (sender, receiver) = mpsc::unbounded_channel();
            for name in SIGNALS {
                let mut signals = signal(SignalKind::from_raw(name.as_raw())).map_err(failed)?;
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
            Ok(Self(receiver))
        }

        /// Waits for the next one.
        pub async fn next(&mut self) -> Signal {
            match self.0.recv().await {
                Some(signal) => signal,
                None => std::future::pending().await,
            }
        }
    }

    /// Sends a signal to the command, unless the terminal has done so.
    pub fn pass_on(signal: Signal, child: &Child) {
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

    fn failed(error: std::io::Error) -> String {
        format!("cannot watch for signals: {error}")
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[tokio::test]
        async fn no_signal_is_watched_once_the_command_has_ended() {
            let runtime = tokio::runtime::Handle::current();
            let signals = Signals::watch().unwrap();
            assert_eq!(runtime.metrics().num_alive_tasks(), SIGNALS.len());
            drop(signals);
            // Each task needs a turn or two.
            for _ in 0..10 {
                tokio::task::yield_now().await;
            }
            assert_eq!(runtime.metrics().num_alive_tasks(), 0);
        }
    }
}

#[cfg(windows)]
mod windows {
    use std::future::Future;

    use tokio::process::Child;
    use tokio::signal::windows::{CtrlC, ctrl_c};

    /// Ctrl-C.
    pub struct Signal;

    /// Returns a future that ends with Ctrl-C, which no longer ends the process.
    pub fn end() -> Result<impl Future<Output = ()>, String> {
        let mut signals = Signals::watch()?;
        Ok(async move { drop(signals.next().await) })
    }

    /// The signals of this process, for its command.
    pub struct Signals(CtrlC);

    impl Signals {
        pub fn watch() -> Result<Self, String> {
            ctrl_c().map(Self).map_err(|error| format!("cannot watch for Ctrl-C: {error}"))
        }

        /// Waits for the next one.
        pub async fn next(&mut self) -> Signal {
            match self.0.recv().await {
                Some(()) => Signal,
                None => std::future::pending().await,
            }
        }
    }

    /// The console has sent it to the command itself.
    pub fn pass_on(_: Signal, _: &Child) {}
}
