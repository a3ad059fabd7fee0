//! The agent: fresh tokens for programs in any language, over a Unix socket or on loopback.
//!
//! | module | what it does |
//! | --- | --- |
//! | `listen`, `socket` | the port and its secret, the socket and who may use it |
//! | `connection`, `slots` | accepts and serves connections, with limits |
//! | `gate`, `routes` | who may ask what |
//! | `respond` | the responses |
//! | `metrics`, `page` | what a dashboard and a person see |

mod connection;
mod denied;
mod gate;
mod listen;
mod metrics;
mod page;
mod peer;
mod respond;
mod routes;
mod slots;
#[cfg(unix)]
mod socket;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use freshtoken::TokenSource;
use freshtoken::event::EventKind;
use tokio::task::JoinSet;

use crate::account::Account;
use crate::args::Serve;
use crate::context::{Context, finish, runtime};
use crate::failure::Failure;
use crate::obtain::Source;
use crate::serve::denied::Denied;
use crate::serve::gate::Gate;
use crate::source::{Mode, Opened};

/// How long to wait for what only a person can change.
const RETRY: Duration = Duration::from_secs(60);

/// How many events the page shows for each account.
const EVENTS: usize = 5;

/// What the agent serves, and what it has counted.
pub struct Agent {
    accounts: Vec<Served>,
    gate: Gate,
    /// How long a request may take.
    limit: Duration,
    log: Log,
    requests: Mutex<BTreeMap<(&'static str, u16), u64>>,
    denied: Mutex<BTreeMap<Denied, u64>>,
}

/// An account with its source.
pub struct Served {
    account: Arc<Account>,
    opened: Opened,
    events: Events,
}

/// The last events of an account.
type Events = Arc<Mutex<VecDeque<(SystemTime, &'static str)>>>;

/// Whether a line is logged for each request.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Log {
    Requests,
    Nothing,
}

impl Served {
    fn source(&self) -> Source<'_> {
        Source { account: &self.account, opened: &self.opened, min_life: None }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Serves until SIGTERM or Ctrl-C.
pub fn perform(context: &Context, options: &Serve) -> Result<(), Failure> {
    let limit = context.timeout()?;
    let accounts = accounts(context)?;
    let runtime = runtime()?;
    let result = runtime.block_on(async {
        let (listener, gate) = listen::bind(options)?;
        let log = if context.options.quiet { Log::Nothing } else { Log::Requests };
        let agent =
            Arc::new(Agent { accounts, gate, limit, log, requests: Mutex::default(), denied: Mutex::default() });
        let mut first = JoinSet::new();
        if context.config()?.serve.keep_fresh {
            for served in &agent.accounts {
                first.spawn(first_token(served.opened.tokens.clone()));
            }
        }
        // Dropping the set ends what still waits.
        connection::serve(listener, &agent).await
    });
    finish(runtime);
    result
}

/// Gets the first token, whose renewals follow by themselves. Each failure is an event.
async fn first_token(tokens: TokenSource) {
    while let Err(error) = tokens.token().await {
        tokio::time::sleep(error.retry_after().unwrap_or(RETRY)).await;
    }
}

/// Returns the accounts to serve: those that the file names, or all.
fn accounts(context: &Context) -> Result<Vec<Served>, Failure> {
    let serve = &context.config()?.serve;
    let mode = if serve.keep_fresh { Mode::InBackground } else { Mode::OnDemand };
    let mut served = Vec::new();
    for account in context.accounts()? {
        if serve.accounts.as_ref().is_some_and(|names| !names.contains(&account.name)) {
            continue;
        }
        let events = Events::default();
        let log = events.clone();
        let on_event = move |event: &freshtoken::event::Event| {
            let mut log = lock(&log);
            log.truncate(EVENTS - 1);
            log.push_front((SystemTime::now(), name_of(&event.kind)));
        };
        match context.open_with(&account, mode, Some(Arc::new(on_event))) {
            Ok(opened) => served.push(Served { account, opened, events }),
            // A vendor whose variables are incomplete is not meant to be served.
            Err(failure) if account.file.is_none() => {
                context.warn(&format!("not serving {}: {}", account.name, failure.message));
            }
            Err(failure) => return Err(failure),
        }
    }
    if served.is_empty() {
        let file = &context.config()?.path;
        return Err(Failure::usage(format!(
            "there is no account to serve: add one to {file:?}, or set a vendor's variables"
        )));
    }
    Ok(served)
}

fn name_of(event: &EventKind) -> &'static str {
    match event {
        EventKind::Renewed { .. } => "renewed",
        EventKind::Adopted => "adopted from another process",
        EventKind::Failed(_) => "failed",
        EventKind::Refused(_) => "refused",
        EventKind::ConsentNeeded(_) => "consent needed",
        EventKind::StoreFailed(_) => "store failed",
        _ => "changed",
    }
}

impl Agent {
    fn names(&self) -> Vec<&str> {
        self.accounts.iter().map(|served| served.account.name.as_str()).collect()
    }

    fn find(&self, name: &str) -> Option<&Served> {
        self.accounts.iter().find(|served| served.account.name == name)
    }

    fn count_denied(&self, denied: Denied) {
        *lock(&self.denied).entry(denied).or_default() += 1;
    }
}
