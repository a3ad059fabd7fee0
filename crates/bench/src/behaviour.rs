//! Behaviour, counted: each contender in each scenario, with an issuer of its own, on the real clock.

use std::process::Command;
use std::thread::{JoinHandle, spawn};
use std::time::{Duration, Instant, SystemTime};

use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;
use tokio::time::{sleep, timeout};

use crate::contenders::{BoxError, Contender, Target};
use crate::for_each_contender;
use crate::issuer::{Issuer, Reply};
use crate::process;
use crate::report::{Goal, Section, Verdict, better, contender_columns};
use crate::statistics::milliseconds;

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// The lifetime of a token that does not expire within any scenario.
const LONG: Duration = s(3_600);

/// How long a caller waits.
const PATIENCE: Duration = s(10);

/// How long the scenarios that run side by side load their certificates, which would delay the first call.
const SETTLE: Duration = s(2);

/// Long enough for a request in the background, too short for a second attempt.
const BACKGROUND: Duration = ms(300);

#[derive(Clone, Copy, PartialEq)]
enum Scenario {
    Cold,
    CallerGone,
    LateRejections,
    Suspended,
    // These take many seconds and run side by side.
    ColdFailing,
    InARowFailing,
    RuntimeGone,
    RenewalDue,
    Idle,
    IssuerDown,
}

/// How many rows run one by one, before the others in the table.
const ONE_BY_ONE: usize = 4;

/// A scenario, its title, and the most that freshtoken may do.
struct Row(Scenario, &'static str, Counts);

const ROWS: [Row; 10] = [
    Row(Scenario::Cold, "50 cold callers; the issuer takes 100 ms", at_most(1, 0)),
    Row(Scenario::CallerGone, "the first caller is dropped during the request; another asks", at_most(1, 0)),
    Row(Scenario::LateRejections, "50 late 401s for the previous token; each asks again", at_most(0, 0)),
    Row(Scenario::Suspended, "the machine was suspended until the token had expired; 10 callers", at_most(1, 0)),
    Row(Scenario::ColdFailing, "50 cold callers; the issuer fails after 100 ms", at_most(1, 50)),
    Row(
        Scenario::InARowFailing,
        "10 cold calls in a row, for at most 10 s; the issuer fails after 100 ms",
        at_most(1, 10),
    ),
    Row(
        Scenario::RuntimeGone,
        "the runtime that built the source is gone, its token has expired; 10 callers",
        at_most(1, 0),
    ),
    Row(
        Scenario::RenewalDue,
        "valid for another 11 s, renewal due, the issuer fails after 100 ms; 10 calls in a row",
        // A caller that waits for the issuer waits 100 ms.
        Counts { longest: 50.0, ..at_most(1, 0) },
    ),
    Row(Scenario::Idle, "no call for 12 s, with tokens of 5 s", at_most(0, 0)),
    Row(
        Scenario::IssuerDown,
        "the issuer is down during the whole lifetime of a token, 8 s; a call every 50 ms",
        at_most(usize::MAX, usize::MAX),
    ),
];

/// What was counted from the event in the title on.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Counts {
    requests: usize,
    calls: usize,
    /// Calls that returned no valid token. The next three fields are parts of it.
    failures: usize,
    expired: usize,
    panicked: usize,
    waiting: usize,
    /// The longest wait in milliseconds.
    longest: f64,
}

const fn at_most(requests: usize, failures: usize) -> Counts {
    Counts { requests, calls: 0, failures, expired: 0, panicked: 0, waiting: 0, longest: f64::INFINITY }
}

/// The counts, or why there are none.
type Outcome = Result<Counts, String>;

/// Runs all scenarios.
pub fn run() -> Section {
    // Some contenders panic in one of the scenarios.
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let (short, long) = ROWS.split_at(ONE_BY_ONE);
    let threads: Vec<_> = long.iter().map(|row| for_each_contender!(start(row.0))).collect();
    let join = |thread: JoinHandle<Outcome>| thread.join().unwrap_or_else(|_| Err("panicked".to_owned()));
    let long: Vec<Vec<Outcome>> = threads.into_iter().map(|row| row.into_iter().map(join).collect()).collect();
    let short = short.iter().map(|row| for_each_contender!(outcome(row.0)));
    let outcomes: Vec<Vec<Outcome>> = short.chain(long).collect();
    std::panic::set_hook(hook);
    let row = |(Row(_, title, _), outcomes): (&Row, &Vec<Outcome>)| {
        let ours = outcomes.first().and_then(|ours| ours.as_ref().ok());
        [vec![(*title).to_owned()], outcomes.iter().map(|outcome| cell(outcome, ours)).collect()].concat()
    };
    Section {
        title: "Behaviour, counted",
        intro: "Requests from the event on / calls that failed or got an expired token / the longest wait. A caller waits for at \
                most 10 s. `—`: the constructor waits for the first token, a 401 cannot be reported, or the crate renews earlier \
                than such a token lives; google-cloud-auth logs in when it is built. freshtoken serves no token in its last second."
            .to_owned(),
        head: contender_columns(""),
        rows: ROWS.iter().zip(&outcomes).map(row).collect(),
        goals: ROWS.iter().zip(&outcomes).filter_map(|(row, outcomes)| goal(row, outcomes.first()?)).collect(),
    }
}

fn goal(Row(_, title, most): &Row, ours: &Outcome) -> Option<Goal> {
    if most.requests == usize::MAX {
        return None;
    }
    let mut limit = format!("at most {} / {}", most.requests, most.failures);
    if most.longest.is_finite() {
        limit += ", no call waits for the issuer";
    }
    let is_met = |ours: &Counts| {
        ours.requests <= most.requests && ours.failures <= most.failures && ours.longest <= most.longest
    };
    let (measured, verdict) = match ours {
        Ok(ours) => (figures(ours), is_met(ours).into()),
        Err(why) => (why.clone(), Verdict::NOT_MEASURED),
    };
    Some(Goal { what: (*title).to_owned(), limit, measured, verdict })
}

fn figures(counts: &Counts) -> String {
    let Counts { requests, calls, failures, expired, panicked, waiting, longest } = *counts;
    if calls == 0 {
        return requests.to_string();
    }
    let kinds = [(expired, "expired"), (panicked, "panicked"), (waiting, "still waiting")];
    let kinds = kinds.into_iter().filter(|(count, _)| *count > 0).map(|(count, kind)| format!("{count} {kind}"));
    let failures = std::iter::once(failures.to_string()).chain(kinds).collect::<Vec<_>>().join(", ");
    format!("{requests} / {failures} / {}", milliseconds(longest))
}

fn cell(outcome: &Outcome, ours: Option<&Counts>) -> String {
    let theirs = match outcome {
        Ok(counts) => counts,
        Err(why) => return why.clone(),
    };
    // Not all make as many calls. A crate that serves no caller sends few requests and lets no caller wait.
    let is_better = |ours: &Counts| {
        let (failures, our_failures) = (theirs.failures * ours.calls, ours.failures * theirs.calls);
        let is_faster = theirs.requests < ours.requests || theirs.longest + 50.0 < ours.longest;
        failures < our_failures || failures == our_failures && theirs.calls >= ours.calls && is_faster
    };
    let figures = figures(theirs);
    if ours.is_some_and(is_better) { better(&figures) } else { figures }
}

fn start<C: Contender>(scenario: Scenario) -> JoinHandle<Outcome> {
    spawn(move || outcome::<C>(scenario))
}

fn outcome<C: Contender>(scenario: Scenario) -> Outcome {
    let is_applicable = match scenario {
        Scenario::Cold | Scenario::CallerGone | Scenario::ColdFailing | Scenario::InARowFailing => {
            !C::ABOUT.fetches_when_built
        }
        Scenario::LateRejections => C::ABOUT.rejection.is_some(),
        Scenario::RenewalDue => C::ABOUT.margin < DUE,
        Scenario::IssuerDown => C::ABOUT.margin < DOWN,
        Scenario::Suspended | Scenario::RuntimeGone | Scenario::Idle => true,
    };
    if is_applicable { play::<C>(scenario).map_err(|error| format!("failed: {error}")) } else { Err("—".to_owned()) }
}

fn play<C: Contender>(scenario: Scenario) -> Result<Counts, BoxError> {
    let delay = ms(100);
    let runtime = runtime()?;
    match scenario {
        Scenario::Cold => runtime.block_on(cold::<C>(Reply::token(LONG).after(delay), Duration::ZERO)),
        Scenario::ColdFailing => runtime.block_on(cold::<C>(Reply::error().after(delay), SETTLE)),
        Scenario::InARowFailing => runtime.block_on(in_a_row_failing::<C>(delay)),
        Scenario::CallerGone => runtime.block_on(caller_gone::<C>()),
        Scenario::LateRejections => runtime.block_on(late_rejections::<C>()),
        Scenario::RuntimeGone => runtime_gone::<C>(runtime),
        Scenario::RenewalDue => runtime.block_on(renewal_due::<C>(delay)),
        Scenario::Idle => runtime.block_on(idle::<C>()),
        Scenario::IssuerDown => runtime.block_on(issuer_down::<C>(delay)),
        Scenario::Suspended => suspended::<C>(),
    }
}

fn runtime() -> std::io::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()
}

/// A contender, its issuer, and what is counted.
struct Stage<C> {
    issuer: Issuer,
    contender: C,
    requests_before: usize,
    counts: Counts,
}

enum End {
    Served,
    Expired,
    Failed,
    Panicked,
    Waiting,
}

impl<C: Contender> Stage<C> {
    async fn cold(reply: Reply) -> Result<Self, BoxError> {
        let issuer = Issuer::start(reply);
        let target = Target { url: issuer.url(), lifetime: reply.lifetime.unwrap_or(LONG) };
        let contender = C::build(target).await?;
        Ok(Self { issuer, contender, requests_before: 0, counts: Counts::default() })
    }

    /// With a token of this lifetime.
    async fn warm(lifetime: Duration) -> Result<Self, BoxError> {
        let stage = Self::cold(Reply::token(lifetime)).await?;
        stage.contender.token().await?;
        Ok(stage)
    }

    /// Requests count from here on.
    fn event(&mut self) {
        self.requests_before = self.issuer.requests();
    }

    async fn call(&self) -> (Duration, End) {
        let start = Instant::now();
        let contender = self.contender.clone();
        let mut caller = tokio::spawn(async move { contender.token().await });
        let end = match timeout(PATIENCE, &mut caller).await {
            Ok(Ok(Ok(token))) if self.issuer.is_valid(&token) => End::Served,
            Ok(Ok(Ok(_))) => End::Expired,
            Ok(Ok(Err(_))) => End::Failed,
            Ok(Err(_)) => End::Panicked,
            Err(_) => {
                caller.abort();
                End::Waiting
            }
        };
        (start.elapsed(), end)
    }

    /// Counts this many calls, all at once.
    async fn calls(&mut self, calls: usize) {
        for (took, end) in join_all((0..calls).map(|_| self.call()).collect::<Vec<_>>()).await {
            let counts = &mut self.counts;
            counts.calls += 1;
            counts.longest = counts.longest.max(took.as_secs_f64() * 1e3);
            counts.failures += usize::from(!matches!(end, End::Served));
            match end {
                End::Served | End::Failed => {}
                End::Expired => counts.expired += 1,
                End::Panicked => counts.panicked += 1,
                End::Waiting => counts.waiting += 1,
            }
        }
    }

    fn counts(&self) -> Counts {
        Counts { requests: self.issuer.requests() - self.requests_before, ..self.counts }
    }
}

async fn cold<C: Contender>(reply: Reply, settle: Duration) -> Result<Counts, BoxError> {
    let mut stage = Stage::<C>::cold(reply).await?;
    sleep(settle).await;
    stage.calls(50).await;
    Ok(stage.counts())
}

async fn in_a_row_failing<C: Contender>(delay: Duration) -> Result<Counts, BoxError> {
    let mut stage = Stage::<C>::cold(Reply::error().after(delay)).await?;
    sleep(SETTLE).await;
    let end = Instant::now() + PATIENCE;
    while stage.counts.calls < 10 && Instant::now() < end {
        stage.calls(1).await;
    }
    Ok(stage.counts())
}

async fn caller_gone<C: Contender>() -> Result<Counts, BoxError> {
    let mut stage = Stage::<C>::cold(Reply::token(LONG).after(ms(300))).await?;
    if timeout(ms(100), stage.contender.token()).await.is_ok() {
        return Err("the first caller did not wait for the issuer".into());
    }
    stage.calls(1).await;
    Ok(stage.counts())
}

async fn late_rejections<C: Contender>() -> Result<Counts, BoxError> {
    let mut stage = Stage::<C>::cold(Reply::token(LONG)).await?;
    let old = stage.contender.token().await?;
    stage.contender.rejected(&old).await;
    if stage.contender.token().await? == old {
        return Err("the rejected token was served again".into());
    }
    stage.event();
    for _ in 0..50 {
        stage.contender.rejected(&old).await;
        stage.calls(1).await;
    }
    sleep(BACKGROUND).await;
    Ok(stage.counts())
}

fn runtime_gone<C: Contender>(first: Runtime) -> Result<Counts, BoxError> {
    let lifetime = s(3);
    let mut stage = first.block_on(Stage::<C>::warm(lifetime))?;
    drop(first);
    std::thread::sleep(lifetime + s(1));
    // The next token outlives every margin.
    stage.issuer.reply(Reply::token(LONG));
    stage.event();
    runtime()?.block_on(stage.calls(10));
    Ok(stage.counts())
}

async fn idle<C: Contender>() -> Result<Counts, BoxError> {
    let mut stage = Stage::<C>::warm(s(5)).await?;
    stage.event();
    sleep(s(12)).await;
    Ok(stage.counts())
}

/// The lifetime of the token in [`Scenario::IssuerDown`].
const DOWN: Duration = s(8);

async fn issuer_down<C: Contender>(delay: Duration) -> Result<Counts, BoxError> {
    let mut stage = Stage::<C>::warm(DOWN).await?;
    let end = Instant::now() + DOWN - ms(100);
    stage.event();
    stage.issuer.reply(Reply::error().after(delay));
    while Instant::now() < end {
        stage.calls(1).await;
        sleep(ms(50)).await;
    }
    Ok(stage.counts())
}

/// The lifetime of the token in [`Scenario::RenewalDue`]. When 11 s are left, three quarters have passed.
const DUE: Duration = s(44);

async fn renewal_due<C: Contender>(delay: Duration) -> Result<Counts, BoxError> {
    let mut stage = Stage::<C>::warm(DUE).await?;
    sleep(DUE - s(11)).await;
    stage.event();
    stage.issuer.reply(Reply::error().after(delay));
    for _ in 0..10 {
        stage.calls(1).await;
    }
    sleep(BACKGROUND).await;
    Ok(stage.counts())
}

/// Plays the scenario in a child process under libfaketime, which moves the wall clock but not the monotonic clock, as a
/// suspension does.
fn suspended<C: Contender>() -> Result<Counts, BoxError> {
    let folders = std::fs::read_dir("/usr/lib")?.flatten().map(|entry| entry.path());
    let library = folders.map(|folder| folder.join("faketime/libfaketimeMT.so.1")).find(|library| library.is_file());
    let offset = std::env::temp_dir().join(format!("freshtoken-bench-{}-time", std::process::id()));
    std::fs::write(&offset, "+0\n")?;
    let counts = process::output(
        Command::new(std::env::current_exe()?)
            .args(["--suspended", C::ABOUT.name])
            .env("LD_PRELOAD", library.ok_or("needs libfaketime")?)
            .env(OFFSET, &offset)
            .env("FAKETIME_NO_CACHE", "1")
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
    );
    std::fs::remove_file(&offset)?;
    counts
}

/// libfaketime's name of the file that holds the clock's offset.
const OFFSET: &str = "FAKETIME_TIMESTAMP_FILE";

/// Plays the scenario in the child process and prints the counts.
///
/// # Errors
///
/// If there is no such contender, or its clock cannot be moved.
pub fn suspended_child(name: &str) -> Result<(), BoxError> {
    fn play<C: Contender>(name: &str) -> Option<Result<Counts, BoxError>> {
        (C::ABOUT.name == name).then(|| runtime()?.block_on(within_suspended::<C>()))
    }
    let counts = for_each_contender!(play(name)).into_iter().flatten().next().ok_or("unknown contender")??;
    println!("{}", serde_json::to_string(&counts)?);
    Ok(())
}

async fn within_suspended<C: Contender>() -> Result<Counts, BoxError> {
    // Longer than every margin.
    let lifetime = s(1_000);
    let mut stage = Stage::<C>::warm(lifetime).await?;
    // A renewal task, if there is one, is waiting by then.
    sleep(ms(100)).await;
    stage.issuer.expire_all();
    stage.event();
    let start = SystemTime::now();
    std::fs::write(std::env::var(OFFSET)?, "+1200\n")?;
    if SystemTime::now().duration_since(start)? < lifetime {
        return Err("the clock cannot be moved".into());
    }
    // Until the coarse clock ticks.
    sleep(ms(100)).await;
    stage.calls(10).await;
    Ok(stage.counts())
}
