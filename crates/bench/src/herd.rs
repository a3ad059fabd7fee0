//! The herd: many callers on one cold slot, and on one whose issuer fails.
//!
//! The issuer holds its answer back until every caller has asked. What counts is the time from its first answer to the last
//! caller who got a token, or an error.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::time::{sleep, timeout};

use crate::contenders::{Contender, Failure, Place};
use crate::for_each_contender;
use crate::issuer::{Does, Issuer};
use crate::statistics::Spread;

const LIFE: Duration = Duration::from_secs(3_600);

/// Nobody waits longer than this.
const PATIENCE: Duration = Duration::from_secs(5);

/// Beyond this, one round is enough.
const SLOW: Duration = Duration::from_secs(1);

/// Whoever has asked has sent what it sends, by then.
const GRACE: Duration = Duration::from_millis(100);

/// How many callers there are.
pub const SIZES: [usize; 4] = [10, 1_000, 10_000, 100_000];

/// Of this size on, a connection per caller is more than a process may open.
const MANY: usize = 10_000;

/// How a contender's herds went.
#[derive(Debug, Serialize)]
pub struct Herds {
    /// The crate.
    pub of: String,
    /// For each of [`SIZES`], with an issuer that answers.
    pub answered: Vec<Herd>,
    /// For each of [`SIZES`], with an issuer that fails.
    pub failed: Vec<Herd>,
}

/// How one herd went.
#[derive(Clone, Debug, Serialize)]
pub enum Herd {
    /// It was told, all of it or a part.
    Told {
        /// Requests at the issuer, the most of all rounds.
        requests: usize,
        /// Milliseconds from the first answer to the last caller.
        lag: Spread,
        /// Callers without an answer after five seconds.
        waiting: usize,
        /// Callers who got what the issuer didn't say: an error from one that answers, or a token from one that fails.
        surprised: usize,
    },
    /// It wasn't run, and why.
    Dash(String),
}

/// A contender that has herds run.
struct Racer {
    of: &'static str,
    never_cold: Option<&'static str>,
    once: fn(usize, Does) -> Result<Once, Failure>,
}

fn racer<C: Contender>() -> Racer {
    let once = |callers, does| {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let once = runtime.block_on(once::<C>(callers, does));
        runtime.shutdown_background();
        once
    };
    Racer { of: C::ABOUT.name, never_cold: C::ABOUT.never_cold, once }
}

/// Runs all herds; those of one kind and size by turns.
pub fn run(is_quick: bool) -> Vec<Herds> {
    let racers = for_each_contender!(racer());
    let mut herds: Vec<Herds> = racers
        .iter()
        .map(|racer| Herds { of: racer.of.to_owned(), answered: Vec::new(), failed: Vec::new() })
        .collect();
    for callers in SIZES {
        // The largest takes as long as all the others.
        let rounds = if is_quick || callers > MANY { 1 } else { 3 };
        let answered = race(&racers, callers, Does::issues(LIFE), rounds, |index| herds[index].answered.last());
        let failed = race(&racers, callers, Does::fails(), rounds, |index| herds[index].failed.last());
        for (herds, (answered, failed)) in herds.iter_mut().zip(answered.into_iter().zip(failed)) {
            herds.answered.push(answered);
            herds.failed.push(failed);
        }
    }
    herds
}

fn race<'a>(
    racers: &[Racer],
    callers: usize,
    does: Does,
    rounds: usize,
    smaller: impl Fn(usize) -> Option<&'a Herd>,
) -> Vec<Herd> {
    let dash = |(index, racer): (usize, &Racer)| dash(racer, callers, smaller(index));
    let mut dashes: Vec<Option<String>> = racers.iter().enumerate().map(dash).collect();
    let mut runs: Vec<Vec<Once>> = racers.iter().map(|_| Vec::new()).collect();
    for round in 0..rounds {
        for turn in 0..racers.len() {
            let index = (round + turn) % racers.len();
            // A herd that takes seconds is told apart from others without more rounds.
            let is_slow = runs[index].last().is_some_and(|once| once.lag > SLOW);
            if dashes[index].is_some() || is_slow {
                continue;
            }
            match (racers[index].once)(callers, does) {
                Ok(once) => runs[index].push(once),
                Err(error) => dashes[index] = Some(format!("failed: {error}")),
            }
        }
    }
    let told = |(dash, runs): (Option<String>, Vec<Once>)| match dash {
        Some(why) => Herd::Dash(why),
        None => Herd::Told {
            requests: most(&runs, |once| once.requests),
            waiting: most(&runs, |once| once.waiting),
            surprised: most(&runs, |once| once.surprised),
            lag: Spread::of(runs.iter().map(|once| once.lag.as_secs_f64() * 1_000.0).collect()),
        },
    };
    dashes.into_iter().zip(runs).map(told).collect()
}

fn most(runs: &[Once], of: fn(&Once) -> usize) -> usize {
    runs.iter().map(of).max().unwrap_or_default()
}

/// Why a herd isn't run, if it isn't, by what the smaller one did.
fn dash(racer: &Racer, callers: usize, smaller: Option<&Herd>) -> Option<String> {
    if let Some(why) = racer.never_cold {
        return Some(why.to_owned());
    }
    match smaller? {
        Herd::Told { lag, .. } if lag.median > 1_000.0 => Some("the smaller herd took seconds".to_owned()),
        Herd::Told { requests, .. } if callers >= MANY && *requests >= 1_000 => {
            Some("a connection per caller: more than a process may open here".to_owned())
        }
        Herd::Told { .. } => None,
        Herd::Dash(why) => Some(why.clone()),
    }
}

struct Once {
    requests: usize,
    lag: Duration,
    waiting: usize,
    surprised: usize,
}

async fn once<C: Contender>(callers: usize, does: Does) -> Result<Once, Failure> {
    let issuer = Issuer::start(does);
    issuer.close();
    let contender = C::build(Place { url: issuer.url(), life: LIFE }).await?;
    let arrived = Arc::new(AtomicUsize::new(0));
    let spawn = |_| {
        let (contender, arrived) = (contender.clone(), arrived.clone());
        tokio::spawn(async move {
            arrived.fetch_add(1, Ordering::SeqCst);
            let is_served = contender.ask().await.is_ok();
            (Instant::now(), is_served)
        })
    };
    let herd: Vec<_> = (0..callers).map(spawn).collect();
    let start = Instant::now();
    while (arrived.load(Ordering::SeqCst) < callers || issuer.requests() == 0) && start.elapsed() < PATIENCE {
        sleep(Duration::from_millis(1)).await;
    }
    sleep(GRACE).await;
    issuer.open();
    let opened = Instant::now();
    let (mut last, mut waiting, mut surprised) = (opened, 0, 0);
    for mut caller in herd {
        let left = (opened + PATIENCE).saturating_duration_since(Instant::now());
        match timeout(left, &mut caller).await {
            Ok(told) => {
                let (when, is_served) = told?;
                last = last.max(when);
                surprised += usize::from(is_served != does.issues.is_some());
            }
            Err(_) => {
                caller.abort();
                last = Instant::now();
                waiting += 1;
            }
        }
    }
    let lag = last.saturating_duration_since(issuer.first_answer().unwrap_or(opened));
    Ok(Once { requests: issuer.requests(), lag, waiting, surprised })
}
