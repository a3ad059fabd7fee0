//! Many accounts: what a source takes, how long it is looked for, and how the renewals of all spread when all are due.
//!
//! Each set is measured in a process of its own, so that its memory is its own. All accounts log in at one moment, for the
//! clock stands still meanwhile. Then it jumps to shortly before the first is due and runs on, many times faster than
//! real time, while every account is asked for again and again. Each is a real login: over HTTP up to a hundred thousand;
//! a million would take minutes over HTTP, so its vendor is in the process.

use std::collections::HashMap;
use std::hint::black_box;
use std::pin::Pin;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant, UNIX_EPOCH};

use freshtoken::voucherify::{Credentials, Endpoint, types::Scope};
use freshtoken::{Accounts, Clock, CredentialSource, Failure as Refusal, Issued, Now, Policy, TokenSource, Vendor};
use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;
use tokio::time::sleep;

use crate::cached::allocations;
use crate::contenders::{Contender, Failure, Place};
use crate::for_each_contender;
use crate::issuer::{Does, Issuer, token};
use crate::process;
use crate::statistics::Spread;

/// How many accounts there are, and whether their vendor is asked over HTTP.
pub const SETS: [(usize, &str); 4] = [(1, HTTP), (1_000, HTTP), (100_000, HTTP), (1_000_000, IN_PROCESS)];

const HTTP: &str = "over HTTP";
const IN_PROCESS: &str = "in the process";

/// How many sources of each rival are made, as its docs make one.
pub const RIVALS: usize = 100;

/// A token's life, by the clock of the accounts.
const LIFE: Duration = Duration::from_secs(3_600);

/// The earliest that a renewal is due: freshtoken renews from 70 to 75 % of a life.
const FIRST_DUE: Duration = Duration::from_secs(2_520);

/// How long it may take from then until the last one is due.
pub const WINDOW: Duration = Duration::from_secs(180);

/// How many log in at once.
const AT_ONCE: usize = 64;

/// How many names are looked for in a round.
const LOOKED_FOR: usize = 100_000;

/// Buckets of the plot, so many seconds long by the clock of the accounts.
pub const BUCKET: usize = 5;

/// What was measured of many accounts.
#[derive(Debug, Serialize)]
pub struct Many {
    /// Each of [`SETS`].
    pub sets: Vec<Set>,
    /// Bytes of the heap for each source, by crate, of [`RIVALS`] sources.
    pub rivals: Vec<(String, Result<f64, String>)>,
}

/// What was measured of one set of accounts.
#[derive(Debug, Serialize, Deserialize)]
pub struct Set {
    /// How many accounts.
    pub accounts: usize,
    /// How their vendor is asked.
    pub vendor: String,
    /// Bytes of the heap for each, all in all; where counted.
    pub heap: Option<f64>,
    /// Bytes of it that are the account's own: name, credentials, and the header with the token.
    pub own: usize,
    /// Bytes by which the process grew for each. Of few accounts it says nothing.
    pub resident: f64,
    /// Seconds until all had logged in.
    pub logins: f64,
    /// Nanoseconds to get a source by its name.
    pub look_up: Spread,
    /// The same from a `HashMap` of `Arc`s behind an `RwLock`.
    pub map: Spread,
    /// Real seconds from the first renewal to the last.
    pub renewals: f64,
    /// How many times faster than real time the clock ran.
    pub rate: f64,
    /// Requests in that time.
    pub requests: usize,
    /// Accounts without a token at the end, or that once had none.
    pub failures: usize,
    /// Renewals in each [`BUCKET`], from when the first could be due.
    pub buckets: Vec<usize>,
}

impl Set {
    /// Bytes of the heap for each beyond its own.
    pub fn beyond(&self) -> Option<f64> {
        self.heap.map(|heap| heap - self.own as f64)
    }

    /// Requests in the fullest second, and in a second of the window if all were alike.
    pub fn peak(&self) -> (f64, f64) {
        let fullest = self.buckets.iter().max().copied().unwrap_or_default();
        (fullest as f64 / BUCKET as f64, self.accounts as f64 / WINDOW.as_secs_f64())
    }
}

/// Measures every set.
///
/// # Errors
///
/// When a process of its own fails.
pub fn run(is_quick: bool, missing: &mut Vec<String>) -> Result<Many, Failure> {
    let issuer = Issuer::start(Does::issues(LIFE));
    let mut sets = Vec::new();
    for (accounts, vendor) in SETS {
        if is_quick && accounts > 1_000 {
            missing.push(format!("{accounts} accounts: `--quick` leaves them out."));
            continue;
        }
        let url = if vendor == HTTP { issuer.url() } else { IN_PROCESS };
        let program = std::env::current_exe()?;
        let mut set: Set = process::answer(Command::new(program).args(["--accounts", &accounts.to_string(), url]))?;
        set.heap = Some(allocations(&["--accounts", &accounts.to_string()])?);
        sets.push(set);
    }
    let rivals = allocations(&["--rivals"])?;
    Ok(Many { sets, rivals })
}

/// What this program does for one set.
///
/// # Errors
///
/// When the accounts can't log in.
pub fn in_a_process_of_its_own(accounts: &str, url: &str) -> Result<(), Failure> {
    let accounts = accounts.parse()?;
    let set = match url {
        IN_PROCESS => measure(accounts, InProcess, || (), IN_PROCESS)?,
        url => measure(accounts, Endpoint::at(url)?, credentials, HTTP)?,
    };
    println!("{}", serde_json::to_string(&set)?);
    Ok(())
}

fn credentials() -> Credentials {
    Credentials { scope: vec![Scope::Api].into(), app_id: "example-id".into(), app_token: "example-secret".into() }
}

fn measure<V: Vendor>(
    accounts: usize,
    vendor: V,
    credentials: fn() -> V::Credentials,
    how: &str,
) -> Result<Set, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let clock = Warp::default();
    let log = Arc::new(Log::default());
    let vendor = Logged { vendor, log: log.clone(), clock: clock.clone() };
    let set = Arc::new(Accounts::builder(vendor).at_most(accounts + 1).clock(clock.clone()).build());
    // What the first one needs is nobody's.
    runtime.block_on(set.get_scoped("the first", "api", credentials).header())?;
    set.remove("the first");
    let names: Arc<Vec<String>> = Arc::new((0..accounts).map(name).collect());

    let before = resident()?;
    let start = Instant::now();
    log_in(&runtime, &set, &names, credentials)?;
    let logins = start.elapsed().as_secs_f64();
    let resident = resident()?.saturating_sub(before) as f64 / accounts as f64;

    let (look_up, map) = look_ups(&set, &names, credentials);
    log.clear();
    // Real seconds for the window: what a login over HTTP takes here, and what one in the process takes, fits well in.
    let seconds = match how {
        HTTP => (accounts as f64 / 10_000.0).max(2.0),
        _ => 12.0,
    };
    let rate = WINDOW.as_secs_f64() / seconds;
    let failures = runtime.block_on(renew(&set, &clock, rate))?;
    let renewals = log.0.lock().unwrap_or_else(PoisonError::into_inner);
    let (first, last) = (renewals.first(), renewals.last());
    let took = first.zip(last).map_or(0.0, |((_, first), (_, last))| (*last - *first).as_secs_f64());
    let mut buckets = vec![0; WINDOW.as_secs() as usize / BUCKET];
    for (due, _) in renewals.iter() {
        let bucket = due.saturating_sub(FIRST_DUE).as_secs() as usize / BUCKET;
        // A late one counts as well.
        buckets.resize(buckets.len().max(bucket + 1), 0);
        buckets[bucket] += 1;
    }
    Ok(Set {
        accounts,
        vendor: how.to_owned(),
        heap: None,
        own: own(),
        resident,
        logins,
        look_up,
        map,
        renewals: took,
        rate,
        requests: renewals.len(),
        failures,
        buckets,
    })
}

fn name(number: usize) -> String {
    format!("account-{number:08}")
}

/// Name and header; the credentials of the counted ones take none.
fn own() -> usize {
    name(0).len() + "Bearer ".len() + token(0).len()
}

/// Has all log in, some at once.
fn log_in<V: Vendor>(
    runtime: &Runtime,
    set: &Arc<Accounts<V>>,
    names: &Arc<Vec<String>>,
    credentials: fn() -> V::Credentials,
) -> Result<(), Failure> {
    let next = Arc::new(AtomicUsize::new(0));
    let worker = || {
        let (set, names, next) = (set.clone(), names.clone(), next.clone());
        runtime.spawn(async move {
            while let Some(name) = names.get(next.fetch_add(1, Ordering::Relaxed)) {
                set.get_scoped(name, "api", credentials).header().await?;
            }
            Ok::<_, freshtoken::Error>(())
        })
    };
    let workers: Vec<_> = (0..AT_ONCE).map(|_| worker()).collect();
    for worker in workers {
        runtime.block_on(worker)??;
    }
    Ok(())
}

/// How long a source is looked for, by names in no order, beside the map that one would write.
fn look_ups<V: Vendor>(set: &Accounts<V>, names: &[String], credentials: fn() -> V::Credentials) -> (Spread, Spread) {
    // With names of its own, as ours has.
    let by_hand: HashMap<Box<str>, Arc<AtomicUsize>> =
        names.iter().map(|name| (name.as_str().into(), Arc::default())).collect();
    let by_hand = RwLock::new(by_hand);
    let mut shuffled: Vec<&str> = names.iter().map(String::as_str).collect();
    shuffle(&mut shuffled);
    // On and on, so that of a million nobody is looked for twice.
    let mut wanted = shuffled.into_iter().cycle();
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..7 {
        let wanted: Vec<String> = wanted.by_ref().take(LOOKED_FOR).map(str::to_owned).collect();
        let mut ours = || {
            ours.push(per_name(&wanted, |name| {
                black_box(set.get_scoped(name, "api", credentials));
            }));
        };
        let mut theirs = || {
            theirs.push(per_name(&wanted, |name| {
                black_box(by_hand.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned());
            }));
        };
        // Whoever is second finds the names in a cache.
        if round % 2 == 0 {
            ours();
            theirs();
        } else {
            theirs();
            ours();
        }
    }
    (Spread::of(ours), Spread::of(theirs))
}

fn per_name(wanted: &[String], look_up: impl Fn(&str)) -> f64 {
    let start = Instant::now();
    wanted.iter().for_each(|name| look_up(name));
    start.elapsed().as_nanos() as f64 / wanted.len() as f64
}

/// The same order each time, and none that a cache could guess.
fn shuffle(names: &mut [&str]) {
    let mut state: u64 = 1;
    for index in (1..names.len()).rev() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        names.swap(index, (state >> 33) as usize % (index + 1));
    }
}

/// Lets the clock run through the window, and asks for all all the time, as calls would. Gives how many had no token.
async fn renew<V: Vendor>(set: &Accounts<V>, clock: &Warp, rate: f64) -> Result<usize, Failure> {
    let sources: Vec<TokenSource> = set.sources().into_iter().map(|(_, source)| source).collect();
    clock.run(FIRST_DUE, rate);
    let mut failures = 0;
    let real = WINDOW.div_f64(rate);
    let end = Instant::now() + real + real / 4;
    while Instant::now() < end {
        for part in sources.chunks(1_000) {
            failures += part.iter().filter(|source| black_box(source.try_header()).is_none()).count();
            // The logins want the core as well.
            tokio::task::yield_now().await;
        }
        sleep(Duration::from_millis(20)).await;
    }
    let renewing = |source: &&TokenSource| source.status().is_renewing;
    while sources.iter().any(|source| renewing(&source)) {
        sleep(Duration::from_millis(20)).await;
    }
    Ok(failures)
}

/// Bytes of this process in memory.
fn resident() -> Result<usize, Failure> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<usize>()? * 1_024)
}

/// What the other program, which counts, does: bytes of the heap for each of so many accounts.
pub fn heap(accounts: usize, bytes_of: fn(&mut dyn FnMut()) -> i64) -> Result<f64, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let set = Accounts::builder(InProcess).at_most(accounts + 1).build();
    let log_in = |accounts: std::ops::Range<usize>| {
        runtime.block_on(async {
            for number in accounts {
                set.get_scoped(&name(number), "api", || ()).header().await?;
            }
            Ok::<_, freshtoken::Error>(())
        })
    };
    log_in(accounts..accounts + 1)?;
    set.remove(&name(accounts));
    let mut logged_in = Ok(());
    let bytes = bytes_of(&mut || logged_in = log_in(0..accounts));
    logged_in?;
    Ok(bytes as f64 / accounts as f64)
}

/// What the other program does: bytes of the heap for each of [`RIVALS`] sources, by crate.
pub fn rivals(bytes_of: fn(&mut dyn FnMut()) -> i64) -> Vec<(String, Result<f64, String>)> {
    fn rival<C: Contender>(bytes_of: fn(&mut dyn FnMut()) -> i64) -> (String, Result<f64, String>) {
        let bytes = || {
            let issuer = Issuer::start(Does::issues(LIFE));
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let place = Place { url: issuer.url(), life: LIFE };
            let source = || {
                runtime.block_on(async {
                    let contender = C::build(place).await?;
                    contender.ask().await?;
                    Ok::<_, Failure>(contender)
                })
            };
            let first = source()?;
            let mut sources = Vec::with_capacity(RIVALS);
            let bytes = bytes_of(&mut || sources.extend((0..RIVALS).map(|_| source())));
            let failed = sources.into_iter().find_map(Result::err);
            drop(first);
            failed.map_or(Ok(bytes as f64 / RIVALS as f64), Err)
        };
        (C::ABOUT.name.to_owned(), bytes().map_err(|error: Failure| error.to_string()))
    }
    for_each_contender!(rival(bytes_of))
}

/// A vendor in this process.
struct InProcess;

impl Vendor for InProcess {
    type Credentials = ();
    const POLICY: Policy = Policy::new("in-process");

    fn server(&self) -> String {
        "https://issuer.example".to_owned()
    }

    async fn login(&self, _: &CredentialSource<()>) -> Result<Issued, Refusal> {
        Ok(Issued::new(token(0)).expires_in(LIFE))
    }
}

/// A vendor whose logins are written down.
struct Logged<V> {
    vendor: V,
    log: Arc<Log>,
    clock: Warp,
}

/// When each login began: since all had logged in by the clock of the accounts, and really.
#[derive(Default)]
struct Log(Mutex<Vec<(Duration, Instant)>>);

impl Log {
    fn clear(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Vec::new();
    }
}

impl<V: Vendor> Vendor for Logged<V> {
    type Credentials = V::Credentials;
    const POLICY: Policy = V::POLICY;

    fn server(&self) -> String {
        self.vendor.server()
    }

    async fn login(&self, credentials: &CredentialSource<V::Credentials>) -> Result<Issued, Refusal> {
        let entry = (self.clock.elapsed(), Instant::now());
        self.log.0.lock().unwrap_or_else(PoisonError::into_inner).push(entry);
        self.vendor.login(credentials).await
    }
}

/// A clock that stands still, and then runs from some moment on, many times faster than real time.
#[derive(Clone, Default)]
struct Warp(Arc<RwLock<Option<Run>>>);

#[derive(Clone, Copy)]
struct Run {
    since: Instant,
    from: Duration,
    rate: f64,
}

impl Warp {
    fn run(&self, from: Duration, rate: f64) {
        let run = Run { since: Instant::now(), from, rate };
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(run);
    }

    fn running(&self) -> Option<Run> {
        *self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn elapsed(&self) -> Duration {
        self.running().map_or(Duration::ZERO, |run| run.from + run.since.elapsed().mul_f64(run.rate))
    }
}

impl Clock for Warp {
    fn now(&self) -> Now {
        let elapsed = self.elapsed();
        // A day that the answers' absolute expiries and dates are far from.
        Now::new(elapsed, UNIX_EPOCH + Duration::from_secs(1_000_000_000) + elapsed)
    }

    /// It is only for what takes too long, and nothing is to take long because the clock runs fast.
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(sleep(duration))
    }
}
