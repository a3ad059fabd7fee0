//! Simulated callers of a vendor's API, and their results.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use freshtoken::{HttpClient, HttpError};
use reqwest::Response;
use tokio::task::JoinSet;
use tokio::time::sleep;

/// How long a caller rests between two calls.
const REST: Duration = Duration::from_millis(400);

/// How long a caller keeps trying without a token.
const PATIENCE: Duration = Duration::from_secs(10);

/// The results of the calls.
#[derive(Default)]
pub struct Calls {
    served: AtomicU64,
    failed: AtomicU64,
    longest: AtomicU64,
    /// The first failure.
    failure: Mutex<Option<String>>,
    is_stopping: AtomicBool,
}

impl Calls {
    pub fn served(&self) -> u64 {
        self.served.load(Ordering::Relaxed)
    }

    pub fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }

    /// Returns the longest time that a call took.
    pub fn longest(&self) -> Duration {
        Duration::from_micros(self.longest.load(Ordering::Relaxed))
    }

    /// Returns the first failure.
    pub fn failure(&self) -> Option<String> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Lets the callers stop after their current call.
    pub fn end(&self) {
        self.is_stopping.store(true, Ordering::Relaxed);
    }

    pub fn record(&self, outcome: Result<(), String>, took: Duration) {
        self.longest.fetch_max(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
        match outcome {
            Ok(()) => drop(self.served.fetch_add(1, Ordering::Relaxed)),
            Err(why) => {
                self.failed.fetch_add(1, Ordering::Relaxed);
                self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(why);
            }
        }
    }
}

/// Starts callers, who all begin at once and continue until [`Calls::end`].
pub fn start<F>(callers: u32, calls: &Arc<Calls>, call: impl Fn() -> F + Clone + Send + 'static) -> JoinSet<()>
where
    F: Future<Output = Result<(), String>> + Send,
{
    let mut tasks = JoinSet::new();
    for caller in 0..callers {
        let (calls, call) = (calls.clone(), call.clone());
        tasks.spawn(async move {
            // The first calls are simultaneous; later ones are spread.
            let mut rest = REST + REST * caller / callers;
            while !calls.is_stopping.load(Ordering::Relaxed) {
                let began = Instant::now();
                let outcome = call().await;
                calls.record(outcome, began.elapsed());
                sleep(rest).await;
                rest = REST;
            }
        });
    }
    tasks
}

/// Sends one request with a token.
pub async fn get(api: &HttpClient, url: &str) -> Result<Response, HttpError> {
    api.send(api.get(url)).await
}

/// Makes one call. Without a token, retries when the source says so, as a service would.
pub async fn call(api: Arc<HttpClient>, url: String) -> Result<(), String> {
    let began = Instant::now();
    loop {
        let response = match get(&api, &url).await {
            Ok(response) => response,
            Err(HttpError::Token(error)) if error.is_transient() && began.elapsed() < PATIENCE => {
                sleep(error.retry_after().unwrap_or(REST)).await;
                continue;
            }
            Err(HttpError::Token(error)) => return Err(error.to_string()),
            Err(error) => return Err(error.to_string()),
        };
        let status = response.status();
        // The connection can only be reused once the body has been read.
        let body = response.bytes().await;
        return match (status.is_success(), body) {
            (true, Ok(_)) => Ok(()),
            (true, Err(_)) => Err("the response is truncated".to_owned()),
            (false, _) => Err(format!("the API returned {status}")),
        };
    }
}
