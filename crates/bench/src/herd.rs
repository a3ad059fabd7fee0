//! The herd: many callers of one cold source, with an issuer that issues a token and with one that fails.
//!
//! The issuer holds back its response until every caller has asked. The time runs from its first response until the last
//! caller has a token or an error.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::time::{sleep, timeout};

use crate::contenders::{BoxError, Contender, Target};
use crate::for_each_contender;
use crate::issuer::{Issuer, Reply};
use crate::report::{Goal, Section, Verdict, better, contender_columns};
use crate::statistics::{Spread, grouped, milliseconds};

const LIFETIME: Duration = Duration::from_secs(3_600);

/// How long a caller waits.
const PATIENCE: Duration = Duration::from_secs(5);

/// A contender that takes longer, or sends this many requests, runs no further rounds and no larger herd: it would take
/// seconds each time, or more connections than a process may open.
const SLOW: Duration = Duration::from_secs(1);
const MANY: usize = 1_000;

/// After this time, every caller has sent what it sends.
const GRACE: Duration = Duration::from_millis(100);

const SIZES: [usize; 4] = [10, 1_000, 10_000, 100_000];

/// The size that the goal is about.
const LARGE: usize = 10_000;

/// The goal in milliseconds.
const MOST: f64 = 10.0;

/// The herds of one contender and size, or why there are none.
type Outcome = Result<Herd, String>;

struct Herd {
    /// The most requests of a round.
    requests: usize,
    /// The most callers of a round that still waited at its end, or got a token from a failing issuer or the reverse.
    odd: usize,
    millis: Spread,
}

impl Herd {
    fn of(rounds: &[Round]) -> Self {
        Self {
            requests: rounds.iter().map(|round| round.requests).max().unwrap_or_default(),
            odd: rounds.iter().map(|round| round.odd).max().unwrap_or_default(),
            millis: Spread::of(rounds.iter().map(|round| round.took.as_secs_f64() * 1e3).collect()),
        }
    }
}

struct Round {
    requests: usize,
    odd: usize,
    took: Duration,
}

/// Runs all herds.
pub fn run(rounds: usize) -> Section {
    let (mut rows, mut goals) = (Vec::new(), Vec::new());
    for (issuer, reply) in [("a token", Reply::token(LIFETIME)), ("a 500", Reply::error())] {
        let mut left_out = Vec::new();
        for callers in SIZES {
            let what = format!("{} callers, {issuer}", grouped(callers));
            // The largest herd takes as long as all others together.
            let herds = herds(callers, reply, if callers > LARGE { 1 } else { rounds }, &mut left_out);
            let ours = herds.first().and_then(|ours| ours.as_ref().ok());
            rows.push([vec![what.clone()], herds.iter().map(|herd| cell(herd, ours)).collect()].concat());
            if let Some(Herd { requests, millis, .. }) = ours.filter(|_| callers == LARGE) {
                let spread = [millis.median, millis.lower, millis.upper].map(milliseconds);
                goals.push(Goal {
                    what: format!("a herd: {what}"),
                    limit: format!("1 request, {MOST:.0} ms"),
                    measured: format!("{requests}, {} ({} – {})", spread[0], spread[1], spread[2]),
                    verdict: if *requests > 1 { false.into() } else { Verdict::at_most(MOST, *millis) },
                });
            }
        }
    }
    Section {
        title: "The herd",
        intro: "Requests, and the time from the issuer's first response until the last caller has it. `—`: the constructor waits \
                for the first token, or the smaller herd took seconds or opened a connection for each caller."
            .to_owned(),
        head: contender_columns("callers, and what the issuer returns"),
        rows,
        goals,
    }
}

fn cell(herd: &Outcome, ours: Option<&Herd>) -> String {
    let Herd { requests, odd, millis } = match herd {
        Ok(herd) => herd,
        Err(why) => return why.clone(),
    };
    let mut cell = format!("{requests}; {}", milliseconds(millis.median));
    if millis.lower < millis.upper {
        cell += &format!(" ({} – {})", milliseconds(millis.lower), milliseconds(millis.upper));
    }
    if *odd > 0 {
        cell += &format!("; {odd} callers without that response");
    }
    // Less than a tenth is noise.
    let is_better = |ours: &Herd| millis.upper < ours.millis.lower && millis.median * 1.1 < ours.millis.median;
    if *odd == 0 && ours.is_some_and(is_better) { better(&cell) } else { cell }
}

/// Runs the herds of one size, with interleaved rounds. No contender in `left_out` runs.
fn herds(callers: usize, reply: Reply, rounds: usize, left_out: &mut Vec<&str>) -> Vec<Outcome> {
    let mut herds: Vec<Result<Vec<Round>, String>> = Vec::new();
    for _ in 0..rounds {
        let results = for_each_contender!(run_round(callers, reply, left_out));
        herds.resize_with(results.len(), || Ok(Vec::new()));
        for (herd, result) in herds.iter_mut().zip(results) {
            match (&mut *herd, result) {
                (Ok(rounds), Ok(round)) => rounds.push(round),
                (Ok(rounds), Err(why)) if rounds.is_empty() => *herd = Err(why),
                _ => {}
            }
        }
    }
    herds.into_iter().map(|rounds| rounds.map(|rounds| Herd::of(&rounds))).collect()
}

fn run_round<C: Contender>(callers: usize, reply: Reply, left_out: &mut Vec<&str>) -> Result<Round, String> {
    let name = C::ABOUT.name;
    if C::ABOUT.fetches_when_built || left_out.contains(&name) {
        return Err("—".to_owned());
    }
    let run = || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let round = runtime.block_on(round::<C>(callers, reply));
        runtime.shutdown_background();
        round
    };
    let round = run().map_err(|error: BoxError| format!("failed: {error}"))?;
    if round.took > SLOW || round.requests >= MANY {
        left_out.push(name);
    }
    Ok(round)
}

async fn round<C: Contender>(callers: usize, reply: Reply) -> Result<Round, BoxError> {
    let issuer = Issuer::start(reply);
    issuer.close();
    let contender = C::build(Target { url: issuer.url(), lifetime: LIFETIME }).await?;
    let asked = Arc::new(AtomicUsize::new(0));
    let spawn = |_| {
        let (contender, asked) = (contender.clone(), asked.clone());
        tokio::spawn(async move {
            asked.fetch_add(1, Ordering::SeqCst);
            let is_served = contender.token().await.is_ok();
            (Instant::now(), is_served)
        })
    };
    let herd: Vec<_> = (0..callers).map(spawn).collect();
    let start = Instant::now();
    while (asked.load(Ordering::SeqCst) < callers || issuer.requests() == 0) && start.elapsed() < PATIENCE {
        sleep(Duration::from_millis(1)).await;
    }
    sleep(GRACE).await;
    issuer.open();
    let opened = Instant::now();
    let (mut last, mut odd) = (opened, 0);
    for mut caller in herd {
        let left = (opened + PATIENCE).saturating_duration_since(Instant::now());
        if let Ok(done) = timeout(left, &mut caller).await {
            let (at, is_served) = done?;
            last = last.max(at);
            odd += usize::from(is_served != reply.lifetime.is_some());
        } else {
            caller.abort();
            last = Instant::now();
            odd += 1;
        }
    }
    let took = last.saturating_duration_since(issuer.first_response().unwrap_or(opened));
    Ok(Round { requests: issuer.requests(), odd, took })
}
