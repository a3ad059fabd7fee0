//! Several processes share one token, and the store, the network or a process fails. A process is a runtime of its own, and
//! killing it drops the runtime.

mod database;
mod leases;
mod outages;
mod revocations;

use std::time::Duration;

use freshtoken::TokenSource;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use self::database::Database;
use crate::support::{Does, Fixed, HasPolicy, Issuer, TestClock, acme, ask, s, settle};
use crate::{DAY, runtime};

/// A fleet with one clock, one issuer and one database.
struct Fleet {
    issuer: Issuer,
    clock: TestClock,
    database: Database,
}

/// One process of it.
struct Process {
    runtime: Runtime,
    tokens: TokenSource,
}

impl Fleet {
    fn new() -> Self {
        let clock = TestClock::new();
        Self { issuer: Issuer::new(Does::issues_pairs(s(DAY))), database: Database::new(&clock), clock }
    }

    fn process<P: HasPolicy>(&self) -> Process {
        self.process_with::<P>(&self.clock, "consented")
    }

    fn process_with<P: HasPolicy>(&self, clock: &TestClock, start: &str) -> Process {
        let builder = TokenSource::builder(acme::<P>(&self.issuer), "password".to_owned()).refresh_token(start);
        let tokens = builder.clock(clock.clone()).random(Fixed(0.5)).store(self.database.clone(), "tenant").build();
        Process { runtime: runtime(), tokens }
    }

    /// Lets time pass for these processes, in steps of half a second for the last minute.
    fn pass(&self, time: Duration, processes: &[&Process]) {
        let mut left = time;
        while !left.is_zero() {
            let step = left.min(left.saturating_sub(s(60)).max(Duration::from_millis(500)));
            self.clock.advance(step);
            left -= step;
            for process in processes {
                process.runtime.block_on(settle());
            }
        }
    }

    /// The process gets a token, refreshes it after a day, and is killed before the issuer responds.
    fn kill_in_a_refresh(&self, process: Process) {
        assert_eq!(process.gets(), "token-1");
        self.pass(s(DAY + 3), &[]);
        self.issuer.close();
        let _asking = process.ask();
        assert_eq!(self.database.mark(), "first");
        process.kill();
        self.issuer.open();
    }
}

impl Process {
    /// A caller asks, and waits if it has to.
    fn ask(&self) -> JoinHandle<Result<String, freshtoken::Error>> {
        let tokens = self.tokens.clone();
        let asking = self.runtime.spawn(async move { ask(&tokens).await });
        self.runtime.block_on(settle());
        asking
    }

    /// How long the token is good by this clock.
    fn lifetime(&self, clock: &TestClock) -> Duration {
        self.tokens.status().expires_at.unwrap().duration_since(clock.wall()).unwrap()
    }

    fn gets(&self) -> String {
        self.got(self.ask())
    }

    /// What a caller got.
    fn got(&self, asking: JoinHandle<Result<String, freshtoken::Error>>) -> String {
        assert!(asking.is_finished(), "the caller still waits");
        match self.runtime.block_on(asking).unwrap() {
            Ok(token) => token,
            Err(error) => format!("{:?}", error.kind()),
        }
    }

    fn kill(self) {
        drop(self.runtime);
    }
}
