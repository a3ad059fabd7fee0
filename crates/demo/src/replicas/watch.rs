//! A caller that measures how long it had no token.

use std::time::{Duration, Instant};

use freshtoken::{ErrorKind, HttpClient, HttpError, Token};
use tokio::time::{sleep, timeout};

use super::message::Report;
use super::running::Running;
use crate::callers;

/// How often a caller asks for the token.
const REST: Duration = Duration::from_millis(400);

/// The longest wait after an error, so that a gap is measured precisely.
const LONGEST_REST: Duration = Duration::from_secs(1);

/// A shorter wait is not reported.
const SHORTEST_GAP: Duration = Duration::from_secs(1);

/// Asks for the token of an account all the time, and calls the API once with each.
pub async fn run(account: usize, api: &HttpClient, url: &str, running: &Running) {
    let mut generation = 0;
    while !running.is_finishing() {
        let token = next(account, api, running).await;
        if let Some(token) = token
            && token.generation() != generation
        {
            if generation == 0 {
                running.first_token();
            }
            generation = token.generation();
            call(account, api, url, running).await;
        }
        sleep(REST).await;
    }
}

/// Waits for a token, and reports for how long; `None`: the replica finishes first.
async fn next(account: usize, api: &HttpClient, running: &Running) -> Option<Token> {
    let began = Instant::now();
    let frozen = running.frozen.total();
    let gap = || began.elapsed().saturating_sub(running.frozen.total().saturating_sub(frozen));
    let mut consent_asked: Option<Instant> = None;
    let token = loop {
        // A caller that gives up cancels nothing, so it can look now and then whether it should end.
        let asked = timeout(LONGEST_REST, api.tokens().token()).await;
        match asked {
            Ok(Ok(token)) => break Some(token),
            _ if running.is_finishing() => break None,
            Err(_) => {}
            Ok(Err(error)) => {
                let is_due = consent_asked.is_none_or(|asked| asked.elapsed() > LONGEST_REST);
                if error.kind() == ErrorKind::ConsentNeeded && is_due {
                    consent_asked = Some(Instant::now());
                    running.reporter.send(&Report::ConsentNeeded { account });
                }
                sleep(error.retry_after().unwrap_or(REST).min(LONGEST_REST)).await;
            }
        }
    };
    let gap = gap();
    if gap >= SHORTEST_GAP {
        let millis = u64::try_from(gap.as_millis()).unwrap_or(u64::MAX);
        running.reporter.send(&Report::Gap { account, millis });
    }
    token
}

async fn call(account: usize, api: &HttpClient, url: &str, running: &Running) {
    let began = Instant::now();
    let outcome = match callers::get(api, url).await {
        Ok(response) if response.status().is_success() => Ok(()),
        Ok(response) => Err(format!("the API returned {}", response.status())),
        // The token has expired since, and the next round measures for how long there is no other.
        Err(HttpError::Token(_)) => return,
        Err(error) => Err(error.to_string()),
    };
    if let Err(error) = &outcome {
        running.reporter.send(&Report::CallFailed { account, error: error.clone() });
    }
    running.calls.record(outcome, began.elapsed());
}
