//! The program's signals.

pub(crate) use own::{Ending, Passing};

#[cfg(unix)]
mod own {
    use std::convert::Infallible;
    use std::io;

    use rustix::process::{Pid, Signal as Name, kill_process};
    use tokio::signal::unix::{Signal, SignalKind, signal};

    /// Waits for Ctrl-C or SIGTERM, which end the program.
    pub(crate) struct Ending {
        interrupt: Signal,
        terminate: Signal,
    }

    impl Ending {
        /// Watches for the signals from now on.
        pub(crate) fn watch() -> io::Result<Self> {
            Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
        }

        pub(crate) async fn wait(&mut self) {
            tokio::select! {
                _ = self.interrupt.recv() => {}
                _ = self.terminate.recv() => {}
            }
        }
    }

    /// Signals that are meant for the command.
    pub(crate) struct Passing {
        interrupt: Signal,
        terminate: Signal,
        hang_up: Signal,
        quit: Signal,
    }

    impl Passing {
        /// Watches for the signals from now on.
        pub(crate) fn watch() -> io::Result<Self> {
            Ok(Self {
                interrupt: signal(SignalKind::interrupt())?,
                terminate: signal(SignalKind::terminate())?,
                hang_up: signal(SignalKind::hangup())?,
                quit: signal(SignalKind::quit())?,
            })
        }

        /// Forwards signals to a command for as long as it runs.
        pub(crate) async fn pass_on(&mut self, command: Option<u32>) -> Infallible {
            let command = command.and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
            loop {
                let name = tokio::select! {
                    // On Ctrl-C, the terminal signals the command itself.
                    Some(()) = self.interrupt.recv() => continue,
                    Some(()) = self.terminate.recv() => Name::TERM,
                    Some(()) = self.hang_up.recv() => Name::HUP,
                    Some(()) = self.quit.recv() => Name::QUIT,
                    else => std::future::pending().await,
                };
                // The command may have just exited.
                let _ = command.map(|command| kill_process(command, name));
            }
        }
    }
}

#[cfg(not(unix))]
mod own {
    use std::convert::Infallible;
    use std::io;

    use tokio::signal::ctrl_c;

    /// Waits for Ctrl-C, which ends the program.
    pub(crate) struct Ending;

    impl Ending {
        pub(crate) fn watch() -> io::Result<Self> {
            Ok(Self)
        }

        pub(crate) async fn wait(&mut self) {
            let _ = ctrl_c().await;
        }
    }

    /// Ctrl-C, which the console sends to the command itself.
    pub(crate) struct Passing;

    impl Passing {
        pub(crate) fn watch() -> io::Result<Self> {
            Ok(Self)
        }

        pub(crate) async fn pass_on(&mut self, _command: Option<u32>) -> Infallible {
            while ctrl_c().await.is_ok() {}
            std::future::pending().await
        }
    }
}
