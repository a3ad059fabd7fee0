//! What a caller gets where the fast path has nothing: the token, an error, or the result of a fetch.

use std::sync::Arc;
use std::time::Duration;

use tracing::debug;

use crate::clock::AnyClock;
use crate::core::background;
use crate::core::cell::{Completion, TokenCell};
use crate::core::fast_path::{FastPath, Served, Waiting};
use crate::core::fetch;
use crate::core::guard::within;
use crate::core::state::Reply;
use crate::error::{Error, ErrorKind};
use crate::sync::{RuntimeId, lock, runtime_id};
use crate::token::Token;

/// How long a caller waits for a fetch. It takes less, unless it is on a runtime that is no longer driven.
const FETCH: Duration = Duration::from_secs(300);

/// How often a caller starts again after a fetch that was aborted with its runtime, or whose result it saw late.
const ASKS: usize = 5;

const GET_A_TOKEN: &str = "get a token";

/// What a caller gets, or has to wait for.
enum Answer {
    Token(Token),
    /// The fetch, which is on this runtime.
    Wait(Arc<Completion>, Option<RuntimeId>),
    Failed(Error),
}

impl Served for TokenCell {
    #[inline]
    fn fast_path(&self) -> &FastPath {
        TokenCell::fast_path(self)
    }

    #[inline]
    fn clock(&self) -> &AnyClock {
        &self.shared().clock
    }

    fn wait(cell: &Arc<Self>) -> Waiting<'_> {
        Box::pin(get(cell))
    }

    fn no_header(cell: &Arc<Self>) -> Error {
        cell.error(ErrorKind::InQuery, "return a header")
    }
}

/// The token if there is a good one; starts its renewal if that is due.
pub(crate) fn try_token(cell: &Arc<TokenCell>) -> Option<Token> {
    let fresh = cell.fast_path().get(&cell.shared().clock);
    fresh.or_else(|| match ask(cell) {
        Answer::Token(token) => Some(token),
        _ => None,
    })
}

async fn get(cell: &Arc<TokenCell>) -> Result<Token, Error> {
    if cell.is_notifying() {
        let token = lock(cell.locked()).state.good_token(cell.now()).cloned();
        return token.ok_or_else(|| cell.error(ErrorKind::InCallback, GET_A_TOKEN));
    }
    for _ in 0..ASKS {
        match ask(cell) {
            Answer::Token(token) => return Ok(token),
            Answer::Failed(error) => return Err(error),
            Answer::Wait(completion, runtime) => {
                // A runtime that drives the caller drives its fetch as well; thousands wait without a timer each.
                let result = if runtime == runtime_id() {
                    Some(completion.wait().await)
                } else {
                    within(&cell.shared().clock, FETCH, completion.wait()).await
                };
                match result {
                    // The process was stopped in between, so the token may have expired.
                    Some(Some(Ok(_))) if completion.is_late(cell.now()) => {}
                    Some(Some(result)) => return result,
                    // It was aborted with its runtime.
                    Some(None) => {}
                    None => break,
                }
            }
        }
    }
    Err(cell.error(ErrorKind::NoRuntime, GET_A_TOKEN))
}

fn ask(cell: &Arc<TokenCell>) -> Answer {
    let now = cell.now();
    let mut locked = lock(cell.locked());
    let no_runtime = || Answer::Failed(cell.error(ErrorKind::NoRuntime, GET_A_TOKEN));
    match locked.state.ask(now) {
        Reply::Serve(token) => Answer::Token(token),
        Reply::ServeAndFetch(token) => {
            fetch::start(cell, locked, now);
            background::ensure(cell);
            Answer::Token(token)
        }
        Reply::Wait => match &mut locked.fetch {
            Some(fetch) => {
                let wait = Answer::Wait(fetch.completion.clone(), fetch.runtime);
                locked.counters.joined = locked.counters.joined.saturating_add(1);
                // A subscriber may ask this very source something.
                drop(locked);
                debug!(vendor = cell.vendor(), account = cell.account(), "waiting for the fetch in progress");
                wait
            }
            None => no_runtime(),
        },
        Reply::Fetch => match fetch::start(cell, locked, now) {
            Some(completion) => {
                background::ensure(cell);
                Answer::Wait(completion, runtime_id())
            }
            None => no_runtime(),
        },
        Reply::Fail(error) => Answer::Failed(error),
    }
}
