//! Many accounts: the memory of a source, the time to look one up, and how renewals spread when all are due.
//!
//! All accounts log in while the clock stands still. Then it jumps to shortly before the first renewal is due and runs faster
//! than real time, while every account is asked for its header again and again. The vendor is in this process, because a
//! million logins over HTTP would take minutes.

use std::collections::HashMap;
use std::hint::black_box;
use std::ops::Range;
use std::pin::Pin;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant, UNIX_EPOCH};

use freshtoken::clock::{Clock, Now};
use freshtoken::{CredentialSource, GrantError, IssuedTokens, TokenPolicy, TokenSource, TokenSources, Vendor};
use tokio::time::sleep;

use crate::contenders::{BoxError, Contender, Target};
use crate::for_each_contender;
use crate::issuer::{Issuer, Reply, token};
use crate::process::allocations;
use crate::report::{Goal, Section, better};
use crate::statistics::{Spread, grouped};

const SIZES: [usize; 4] = [1, 1_000, 100_000, 1_000_000];

/// How many sources of each contender are built.
const SOURCES: usize = 100;

const LIFETIME: Duration = Duration::from_secs(3_600);

/// The earliest renewal: freshtoken renews after 70 to 75 % of the lifetime.
const FIRST_DUE: Duration = Duration::from_secs(2_520);

/// The time from the earliest to the latest renewal.
const WINDOW: Duration = Duration::from_secs(180);

/// How many names a round looks up.
const LOOK_UPS: usize = 100_000;

/// The length of the intervals in which renewals are counted, in seconds.
const INTERVAL: usize = 5;

const KIBIBYTE: f64 = 1_024.0;

/// The most that a source may take beside the HTTP client that all sources share.
const MOST_OF_A_SOURCE: f64 = 3.0;

struct Measured {
    accounts: usize,
    /// Bytes of the heap for each account.
    heap: f64,
    /// Nanoseconds to get a source by name, and to get a value of a `HashMap` of `Arc`s behind an `RwLock`.
    look_up: Spread,
    map: Spread,
    renewals: usize,
    /// Calls that got no token.
    failures: usize,
    /// Renewals in the fullest interval, compared with an even spread.
    peak: f64,
}

impl Measured {
    /// Returns the bytes for each account without its name and header. The credentials take none.
    fn beyond(&self) -> f64 {
        self.heap - (name(0).len() + "Bearer ".len() + token(0).len()) as f64
    }
}

/// Measures sets of up to this many accounts.
///
/// # Errors
///
/// If an account cannot log in.
pub fn run(most: usize) -> Result<Section, BoxError> {
    let sizes = SIZES.into_iter().filter(|accounts| *accounts <= most);
    let sets = sizes.map(measure).collect::<Result<Vec<_>, _>>()?;
    let row = |set: &Measured| {
        vec![
            grouped(set.accounts),
            format!("{:.0} B", set.heap),
            format!("{:.0} B", set.beyond()),
            format!("{:.0} ns", set.look_up),
            format!("{:.0} ns", set.map),
            grouped(set.renewals),
            set.failures.to_string(),
            if set.accounts < 1_000 { "—".to_owned() } else { format!("{:.2} ×", set.peak) },
        ]
    };
    let heaps: Vec<(String, Result<f64, String>)> = allocations(&["--sources"])?;
    let ours = heaps.first().and_then(|(_, heap)| heap.as_ref().ok()).copied().unwrap_or_default();
    let heap = |(name, heap): &(String, Result<f64, String>)| match heap {
        // Less than a tenth is noise.
        Ok(heap) if heap * 1.1 < ours => better(&format!("{name} {:.1} KiB", heap / KIBIBYTE)),
        Ok(heap) => format!("{name} {:.1} KiB", heap / KIBIBYTE),
        Err(error) => format!("{name} {error}"),
    };
    let heaps: Vec<_> = heaps.iter().map(heap).collect();
    let mut goals = goals(&sets);
    goals.push(Goal {
        what: "memory of a source without a custom HTTP client, with its token".to_owned(),
        limit: format!("{MOST_OF_A_SOURCE} KiB"),
        measured: format!("{:.1} KiB", ours / KIBIBYTE),
        verdict: (ours > 0.0 && ours <= MOST_OF_A_SOURCE * KIBIBYTE).into(),
    });
    let intro = format!(
        "Tokens of 900 characters. All renewals are due within {} s of a clock that runs faster than real time, and every account \
         is asked for all the time. The heap of one more source, as each crate's documentation builds it: {}.",
        WINDOW.as_secs(),
        heaps.join(", ")
    );
    let head = [
        "accounts",
        "heap of each",
        "without name and token",
        "look-up",
        "look-up in a `HashMap`",
        "renewals",
        "calls without a token",
        "fullest 5 s, to an even spread",
    ];
    Ok(Section {
        title: "Many accounts",
        intro,
        head: head.map(str::to_owned).to_vec(),
        rows: sets.iter().map(row).collect(),
        goals,
    })
}

fn goals(sets: &[Measured]) -> Vec<Goal> {
    let beyond = sets.iter().filter(|set| set.accounts > 1).map(Measured::beyond).fold(0.0, f64::max);
    let failures: usize = sets.iter().map(|set| set.failures).sum();
    let odd = sets.iter().filter(|set| set.renewals != set.accounts).count();
    let mut goals = vec![
        Goal {
            what: "many accounts: memory of a source without name and token".to_owned(),
            limit: "1 KiB".to_owned(),
            measured: format!("{beyond:.0} B"),
            verdict: (beyond <= KIBIBYTE).into(),
        },
        Goal {
            what: "many accounts: renewals when all are due".to_owned(),
            limit: "one each, and no call without a token".to_owned(),
            measured: format!("{odd} sets with another number, {failures} calls without a token"),
            verdict: (odd == 0 && failures == 0).into(),
        },
    ];
    // In a small set, chance alone makes peaks.
    let peaks: Vec<f64> = sets.iter().filter(|set| set.accounts >= 100_000).map(|set| set.peak).collect();
    if !peaks.is_empty() {
        let peak = peaks.into_iter().fold(0.0, f64::max);
        goals.push(Goal {
            what: "many accounts: the fullest 5 s of renewals".to_owned(),
            limit: "2 × an even spread".to_owned(),
            measured: format!("{peak:.2} ×"),
            verdict: (peak <= 2.0).into(),
        });
    }
    goals
}

fn measure(accounts: usize) -> Result<Measured, BoxError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let vendor = InProcess::default();
    let (clock, log) = (vendor.clock.clone(), vendor.logins.clone());
    let set = TokenSources::builder(vendor).at_most(accounts).clock(clock.clone()).build();
    let names: Vec<String> = (0..accounts).map(name).collect();
    runtime.block_on(log_in(&set, 0..accounts))?;
    let (look_up, map) = look_ups(&set, &names);
    // Long enough for this machine to keep up with the renewals.
    let real_window = Duration::from_secs((accounts as u64 / 10_000).clamp(2, 12));
    let failures = runtime.block_on(renew(&set, &clock, real_window));
    let renewals = log.lock().unwrap_or_else(PoisonError::into_inner);
    let mut intervals = HashMap::<usize, usize>::new();
    for at in renewals.iter() {
        *intervals.entry(at.as_secs() as usize / INTERVAL).or_default() += 1;
    }
    let even = accounts as f64 * INTERVAL as f64 / WINDOW.as_secs_f64();
    let peak = intervals.into_values().max().unwrap_or_default() as f64 / even;
    let heap = allocations(&["--accounts", &accounts.to_string()])?;
    Ok(Measured { accounts, heap, look_up, map, renewals: renewals.len(), failures, peak })
}

fn name(number: usize) -> String {
    format!("account-{number:08}")
}

async fn log_in(set: &TokenSources<InProcess>, accounts: Range<usize>) -> Result<(), freshtoken::Error> {
    for number in accounts {
        set.get_scoped(&name(number), "api", || ()).header().await?;
    }
    Ok(())
}

/// Looks names up in random order, in our set and in the map that a user would write.
fn look_ups(set: &TokenSources<InProcess>, names: &[String]) -> (Spread, Spread) {
    let map: HashMap<Box<str>, Arc<AtomicUsize>> =
        names.iter().map(|name| (name.as_str().into(), Arc::default())).collect();
    let map = RwLock::new(map);
    let mut shuffled: Vec<&str> = names.iter().map(String::as_str).collect();
    shuffle(&mut shuffled);
    let mut wanted = shuffled.into_iter().cycle();
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..7 {
        let wanted: Vec<String> = wanted.by_ref().take(LOOK_UPS).map(str::to_owned).collect();
        // The second of the two finds the names in the caches.
        for is_ours in [round % 2 == 0, round % 2 == 1] {
            if is_ours {
                ours.push(per_name(&wanted, |name| set.get_scoped(name, "api", || ())));
            } else {
                theirs.push(per_name(&wanted, |name| {
                    map.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
                }));
            }
        }
    }
    (Spread::of(ours), Spread::of(theirs))
}

fn per_name<T>(wanted: &[String], look_up: impl Fn(&str) -> T) -> f64 {
    let start = Instant::now();
    for name in wanted {
        black_box(look_up(name));
    }
    start.elapsed().as_nanos() as f64 / wanted.len() as f64
}

/// The same order in each run.
fn shuffle(names: &mut [&str]) {
    let mut state: u64 = 1;
    for index in (1..names.len()).rev() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        names.swap(index, (state >> 33) as usize % (index + 1));
    }
}

/// Runs the clock through the window and asks for all headers all the time. Returns the number of calls without a token.
async fn renew(set: &TokenSources<InProcess>, clock: &FastClock, real_window: Duration) -> usize {
    let sources: Vec<TokenSource> = set.sources().into_iter().map(|(_, source)| source).collect();
    clock.run(FIRST_DUE, WINDOW.as_secs_f64() / real_window.as_secs_f64());
    let mut failures = 0;
    let end = Instant::now() + real_window + real_window / 4;
    while Instant::now() < end {
        for part in sources.chunks(1_000) {
            failures += part.iter().filter(|source| black_box(source.try_header()).is_none()).count();
            // The logins need this core, too.
            tokio::task::yield_now().await;
        }
        sleep(Duration::from_millis(20)).await;
    }
    while sources.iter().any(|source| source.status().is_renewing) {
        sleep(Duration::from_millis(20)).await;
    }
    failures
}

/// Counts the bytes of the heap for each of so many accounts, in the program that counts.
///
/// # Errors
///
/// If an account cannot log in.
pub fn heap(accounts: usize, bytes_of: fn(&mut dyn FnMut()) -> i64) -> Result<f64, BoxError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let set = TokenSources::builder(InProcess::default()).at_most(accounts + 1).build();
    // The first login prepares what all of them share.
    runtime.block_on(log_in(&set, accounts..accounts + 1))?;
    set.remove(&name(accounts));
    let mut result = Ok(());
    let bytes = bytes_of(&mut || result = runtime.block_on(log_in(&set, 0..accounts)));
    result?;
    Ok(bytes as f64 / accounts as f64)
}

/// Counts the bytes of the heap for each source, by contender, in the program that counts.
pub fn heap_of_contenders(bytes_of: fn(&mut dyn FnMut()) -> i64) -> Vec<(String, Result<f64, String>)> {
    fn heap<C: Contender>(bytes_of: fn(&mut dyn FnMut()) -> i64) -> (String, Result<f64, String>) {
        let bytes = || {
            let issuer = Issuer::start(Reply::token(LIFETIME));
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let target = Target { url: issuer.url(), lifetime: LIFETIME };
            let source = || {
                runtime.block_on(async {
                    let contender = C::build(target).await?;
                    contender.token().await?;
                    Ok::<_, BoxError>(contender)
                })
            };
            // The first one prepares what all of them share.
            let _first = source()?;
            let mut sources = Vec::with_capacity(SOURCES);
            let bytes = bytes_of(&mut || sources.extend((0..SOURCES).map(|_| source())));
            sources.into_iter().collect::<Result<Vec<_>, _>>()?;
            Ok(bytes as f64 / SOURCES as f64)
        };
        (C::ABOUT.name.to_owned(), bytes().map_err(|error: BoxError| error.to_string()))
    }
    for_each_contender!(heap(bytes_of))
}

/// A vendor in this process.
#[derive(Default)]
struct InProcess {
    clock: FastClock,
    /// The clock's time at each login. Nothing is logged while the clock stands still.
    logins: Arc<Mutex<Vec<Duration>>>,
}

impl Vendor for InProcess {
    type Credentials = ();
    const POLICY: TokenPolicy = TokenPolicy::new("in-process");

    fn server(&self) -> String {
        "https://issuer.example".to_owned()
    }

    async fn login(&self, _: &CredentialSource<()>) -> Result<IssuedTokens, GrantError> {
        let elapsed = self.clock.elapsed();
        if !elapsed.is_zero() {
            self.logins.lock().unwrap_or_else(PoisonError::into_inner).push(elapsed);
        }
        Ok(IssuedTokens::new(token(0)).expires_in(LIFETIME))
    }
}

/// A clock that stands still until it is told to run.
#[derive(Clone, Default)]
struct FastClock(Arc<RwLock<Option<Run>>>);

#[derive(Clone, Copy)]
struct Run {
    since: Instant,
    from: Duration,
    rate: f64,
}

impl FastClock {
    fn run(&self, from: Duration, rate: f64) {
        let run = Run { since: Instant::now(), from, rate };
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(run);
    }

    fn elapsed(&self) -> Duration {
        let run = *self.0.read().unwrap_or_else(PoisonError::into_inner);
        run.map_or(Duration::ZERO, |run| run.from + run.since.elapsed().mul_f64(run.rate))
    }
}

impl Clock for FastClock {
    fn now(&self) -> Now {
        let elapsed = self.elapsed();
        // Far before the absolute expiries and dates of the responses.
        Now::new(elapsed, UNIX_EPOCH + Duration::from_secs(1_000_000_000) + elapsed)
    }

    /// Only timeouts sleep, and a fast clock must not shorten them.
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(sleep(duration))
    }
}
