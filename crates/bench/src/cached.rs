//! The cached path: what a fresh token costs, from one thread and from two, beside the least that it could cost.
//!
//! Each round times every call once, forwards or backwards, so that no call always follows the same neighbour. A round has
//! so many calls that it takes some milliseconds, whatever a call takes. What two threads lose depends on where in memory
//! code and counts are: so each two rounds have a process of their own.

use std::hint::black_box;
use std::ops::Deref;
use std::process::{Command, Stdio};
use std::sync::{Arc, Barrier, LazyLock, RwLock};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use http::HeaderValue;
use rustix::time::{ClockId, clock_gettime};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;

use crate::contenders::{Call, Contender, Failure, Place, service_account};
use crate::for_each_contender;
use crate::issuer::{Does, Issuer};
use crate::process;
use crate::statistics::Spread;

/// Nobody's margin is near.
const LIFE: Duration = Duration::from_secs(3_600);

/// The floor, of which threads share nothing: it tells how many cores a run really had.
pub const CONTROL: &str = "the floor, nothing shared";

/// The floor, of which threads share nothing but the header's reference count: what they lose at that within a call.
pub const COUNT_WITHIN: &str = "the floor, a shared count";

/// What two threads lose at a reference count that they share, if they do nothing else.
pub const COUNT: &str = "a shared count";

/// What one round of one call should take.
const ROUND: Duration = Duration::from_millis(4);

/// What a call costs.
#[derive(Debug, Serialize, Deserialize)]
pub struct Cost {
    /// The crate, and its version.
    pub of: String,
    /// The call.
    pub call: String,
    /// What it gives.
    pub gives: String,
    /// What it looks at before.
    pub checks: String,
    /// Nanoseconds per call, from one thread.
    pub one: Spread,
    /// To the floor, round by round.
    pub to_floor: Spread,
    /// Nanoseconds until each of two threads has made one.
    pub two: Spread,
    /// Two threads to one, round by round.
    pub two_to_one: Spread,
    /// What two threads take beyond what one takes, in nanoseconds, round by round.
    pub lost: Spread,
    /// Allocations per call, where counted.
    pub allocations: Option<f64>,
    /// Instructions per call, where valgrind is installed.
    pub instructions: Option<f64>,
}

impl Cost {
    /// Whether users could do it: the others are there to be compared with.
    pub fn is_token(&self) -> bool {
        ![CONTROL, COUNT_WITHIN, COUNT].contains(&&*self.of)
    }
}

struct Entry {
    of: String,
    checks: &'static str,
    call: Call,
}

/// All calls there are, each on a fresh token, and what keeps them so.
pub struct Calls {
    entries: Vec<Entry>,
    /// Their background tasks live here.
    _runtime: Runtime,
    _issuer: Issuer,
}

impl Calls {
    /// The floor first, then ours, then the others.
    ///
    /// # Errors
    ///
    /// When a source can't be built, or gives no token.
    pub fn all() -> Result<Self, Failure> {
        Self::of(|_| true)
    }

    /// The floors, and those of some crates.
    fn of(is_wanted: impl Fn(&str) -> bool) -> Result<Self, Failure> {
        let issuer = Issuer::start(Does::issues(LIFE));
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let mut entries = floors();
        for entry in for_each_contender!(calls_of(&runtime, issuer.url(), &is_wanted)) {
            entries.extend(entry?);
        }
        // The first call of each may still fetch.
        for entry in &entries {
            entry.call.round(10);
        }
        Ok(Self { entries, _runtime: runtime, _issuer: issuer })
    }

    /// Each of them, in their order.
    pub fn iter(&self) -> impl Iterator<Item = &Call> {
        self.entries.iter().map(|entry| &entry.call)
    }
}

fn calls_of<C: Contender>(
    runtime: &Runtime,
    url: &str,
    is_wanted: impl Fn(&str) -> bool,
) -> Result<Vec<Entry>, Failure> {
    if !is_wanted(C::ABOUT.name) {
        return Ok(Vec::new());
    }
    runtime.block_on(async {
        let contender = C::build(Place { url, life: LIFE }).await?;
        contender.ask().await?;
        let of = format!("{} {}", C::ABOUT.name, C::ABOUT.version());
        let entry = |call| Entry { of: of.clone(), checks: C::ABOUT.checks, call };
        Ok(contender.calls().into_iter().map(entry).collect())
    })
}

/// What the least that a header can cost looks at.
struct Snapshot {
    header: HeaderValue,
    until: i64,
}

impl Snapshot {
    fn of(header: HeaderValue) -> ArcSwapOption<Self> {
        ArcSwapOption::new(Some(Arc::new(Self { header, until: i64::MAX })))
    }

    fn look(snapshot: &ArcSwapOption<Self>) -> Option<HeaderValue> {
        let snapshot = snapshot.load();
        let snapshot = snapshot.as_ref()?;
        (clock_gettime(ClockId::MonotonicCoarse).tv_sec < snapshot.until).then(|| snapshot.header.clone())
    }
}

fn text() -> String {
    format!("Bearer {}", "x".repeat(900))
}

/// Its reference count has its cache lines to itself: a neighbour that is read would be lost together with it.
fn header() -> HeaderValue {
    let bytes = Bytes::from_owner(Apart(text()));
    HeaderValue::from_maybe_shared(bytes).expect("letters make a header")
}

/// The one that threads share of which nothing else is shared.
static HEADER: LazyLock<HeaderValue> = LazyLock::new(header);

thread_local! {
    static COUNT_SHARED: ArcSwapOption<Snapshot> = Snapshot::of(HEADER.clone());
    static NOTHING_SHARED: ArcSwapOption<Snapshot> = Snapshot::of(header());
}

/// Alone in its cache lines, with what it is kept with: with a count, or a pointer to one, in one line, threads would lose more
/// than they do at it.
#[repr(align(128))]
struct Apart<T>(T);

impl<T> Deref for Apart<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl AsRef<[u8]> for Apart<String> {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

/// The least that a header can cost, by what threads share of it, and what one writes without a crate.
fn floors() -> Vec<Entry> {
    const CALL: &str = "`ArcSwap` load, coarse clock, clone";
    let entry = |of: &str, checks, call| Entry { of: of.to_owned(), checks, call };
    let floor = |of, call| entry(of, "the expiry, by the coarse monotonic clock", call);
    let snapshot = Apart(Snapshot::of(header()));
    let counted = Apart(Arc::new(Apart(())));
    let locked = RwLock::new(text());
    vec![
        floor("the floor", Call::plain(CALL, "`HeaderValue`", move || Snapshot::look(&snapshot))),
        floor(COUNT_WITHIN, Call::plain(CALL, "`HeaderValue`", || COUNT_SHARED.with(Snapshot::look))),
        floor(CONTROL, Call::plain(CALL, "`HeaderValue`", || NOTHING_SHARED.with(Snapshot::look))),
        entry(COUNT, "nothing", Call::plain("`Arc` clone, drop", "a count, no token", move || Arc::clone(&counted))),
        entry(
            "by hand",
            "nothing",
            Call::plain("`RwLock<String>` read, clone", "`String`", move || {
                locked.read().map(|text| text.clone()).ok()
            }),
        ),
    ]
}

/// Times every call, and counts.
///
/// # Errors
///
/// When a source can't be built, or gives no token.
pub fn run(is_quick: bool, missing: &mut Vec<String>) -> Result<Vec<Cost>, Failure> {
    let mut costs = time(if is_quick { 8 } else { 20 })?;
    if let Err(error) = count_allocations(&mut costs) {
        missing.push(format!("Allocations: {error}"));
    }
    if is_quick {
        missing.push("Instructions: `--quick` counts none.".to_owned());
    } else if let Err(error) = count_instructions(&mut costs) {
        missing.push(format!("Instructions, which want valgrind: {error}"));
    }
    Ok(costs)
}

/// The rounds of one call, in nanoseconds.
#[derive(Default, Serialize, Deserialize)]
struct Rounds {
    one: Vec<f64>,
    two: Vec<f64>,
}

/// How many rounds a process has.
const ROUNDS: usize = 2;

/// What this program does in a process of its own: times every call, in rounds of which the first has this number.
///
/// # Errors
///
/// When a source can't be built, or gives no token.
pub fn in_a_process_of_its_own(first: &str) -> Result<(), Failure> {
    let first: usize = first.parse()?;
    let calls = Calls::all()?;
    let sizes: Vec<u32> = calls.iter().map(size).collect();
    let mut all: Vec<Rounds> = sizes.iter().map(|_| Rounds::default()).collect();
    for round in first..first + ROUNDS {
        for turn in 0..sizes.len() {
            let turn = if round % 2 == 0 { turn } else { sizes.len() - 1 - turn };
            let index = (round / 2 + turn) % sizes.len();
            let (call, size) = (&calls.entries[index].call, sizes[index]);
            all[index].one.push(from_one(call, size));
            all[index].two.push(from_two(call, size));
        }
    }
    println!("{}", serde_json::to_string(&all)?);
    Ok(())
}

fn time(processes: usize) -> Result<Vec<Cost>, Failure> {
    let (program, key) = (std::env::current_exe()?, service_account::pem()?);
    let entries = Calls::all()?.entries;
    let mut all: Vec<Rounds> = entries.iter().map(|_| Rounds::default()).collect();
    for number in 0..processes {
        let first = (number * ROUNDS).to_string();
        let these: Vec<Rounds> =
            process::answer(Command::new(&program).args(["--cached", &first]).env(service_account::VARIABLE, key))?;
        for (all, these) in all.iter_mut().zip(these) {
            all.one.extend(these.one);
            all.two.extend(these.two);
        }
    }
    let floor = all.first().map(|floor| floor.one.clone()).unwrap_or_default();
    let cost = |(entry, Rounds { one, two }): (Entry, Rounds)| Cost {
        to_floor: Spread::of_ratios(&one, &floor),
        two_to_one: Spread::of_ratios(&two, &one),
        lost: Spread::of(two.iter().zip(&one).map(|(two, one)| two - one).collect()),
        of: entry.of,
        call: entry.call.name.to_owned(),
        gives: entry.call.gives.to_owned(),
        checks: entry.checks.to_owned(),
        one: Spread::of(one),
        two: Spread::of(two),
        allocations: None,
        instructions: None,
    };
    Ok(entries.into_iter().zip(all).map(cost).collect())
}

/// How many calls make a round.
fn size(call: &Call) -> u32 {
    let mut calls = 64;
    loop {
        let start = Instant::now();
        call.round(calls);
        let took = start.elapsed();
        if took >= ROUND / 4 || calls >= 1 << 24 {
            return (f64::from(calls) * ROUND.as_secs_f64() / took.as_secs_f64()) as u32;
        }
        calls *= 2;
    }
}

fn from_one(call: &Call, calls: u32) -> f64 {
    let start = Instant::now();
    call.round(calls);
    start.elapsed().as_nanos() as f64 / f64::from(calls)
}

/// From when both can start until both are done. This thread is one of them: two that are new may be started on one core.
fn from_two(call: &Call, calls: u32) -> f64 {
    let barrier = Barrier::new(2);
    let work = || {
        call.round(1);
        barrier.wait();
        let start = Instant::now();
        call.round(calls);
        (start, Instant::now())
    };
    let (ours, theirs) = std::thread::scope(|scope| {
        let other = scope.spawn(work);
        let ours = work();
        (ours, other.join())
    });
    let theirs = theirs.unwrap_or(ours);
    let took = ours.1.max(theirs.1) - ours.0.min(theirs.0);
    took.as_nanos() as f64 / f64::from(calls)
}

/// What the other program says, which counts allocations and is built beside this one. That it is another one has a
/// reason: an allocator that counts costs those time who allocate.
///
/// # Errors
///
/// When it isn't there, or fails.
pub fn allocations<T: DeserializeOwned>(arguments: &[&str]) -> Result<T, Failure> {
    let program = std::env::current_exe()?.with_file_name("allocations");
    process::answer(Command::new(program).args(arguments))
}

fn count_allocations(costs: &mut [Cost]) -> Result<(), Failure> {
    let counts: Vec<f64> = allocations(&[])?;
    for (cost, count) in costs.iter_mut().zip(counts) {
        cost.allocations = Some(count);
    }
    Ok(())
}

/// How many calls callgrind looks at. What a round costs beside them is lost in so many.
const COUNTED: u32 = 2_000;

/// Callgrind counts only within this function.
#[inline(never)]
fn counted_by_callgrind(call: &Call, calls: u32) {
    call.round(black_box(calls));
    // Else it would end with a jump, and callgrind wouldn't see it end.
    black_box(());
}

/// What this program does under callgrind: one call of one crate.
///
/// # Errors
///
/// When the crate has no source, or no such call.
pub fn under_callgrind(of: &str, name: &str) -> Result<(), Failure> {
    let calls = Calls::of(|crate_name| of.split(' ').next() == Some(crate_name))?;
    let entry = calls.entries.iter().find(|entry| entry.of == of && entry.call.name == name);
    counted_by_callgrind(&entry.ok_or("there is no such call")?.call, COUNTED);
    Ok(())
}

/// Has callgrind count instructions per call, by this program itself.
fn count_instructions(costs: &mut [Cost]) -> Result<(), Failure> {
    let (program, key) = (std::env::current_exe()?, service_account::pem()?);
    let start = |cost: &Cost| {
        Command::new("valgrind")
            .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--collect-atstart=no"])
            .arg("--toggle-collect=*counted_by_callgrind*")
            .arg(&program)
            .args(["--callgrind", &cost.of, &cost.call])
            .env(service_account::VARIABLE, key)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
    };
    // Two at once: nothing is timed here.
    for costs in costs.chunks_mut(2) {
        let runs = costs.iter().map(start).collect::<Result<Vec<_>, _>>()?;
        for (cost, run) in costs.iter_mut().zip(runs) {
            let output = run.wait_with_output()?;
            let text = String::from_utf8_lossy(&output.stderr);
            let collected = text.lines().find_map(|line| line.split("Collected : ").nth(1));
            let collected: f64 =
                collected.ok_or_else(|| format!("callgrind counted nothing: {text}"))?.trim().parse()?;
            cost.instructions = Some(collected / f64::from(COUNTED));
        }
    }
    Ok(())
}
