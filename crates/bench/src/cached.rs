//! The cached path: the cost of a fresh token from one thread and from two, compared with the least that it could cost.
//!
//! A round times every call once. Every two rounds run in a process of their own, because what two threads lose depends on
//! the memory layout.

use std::ops::Deref;
use std::process::Command;
use std::sync::{Arc, Barrier, LazyLock, RwLock};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use freshtoken::store::FileStore;
use freshtoken::{TokenSource, voucherify};
use http::HeaderValue;
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;

use crate::contenders::freshtoken::{Freshtoken, credentials};
use crate::contenders::{BoxError, Call, Contender, Target};
use crate::fleet::Folder;
use crate::for_each_contender;
use crate::issuer::{Issuer, Reply};
use crate::process;
use crate::report::{Goal, Section, Verdict, better};
use crate::statistics::{Spread, interleaved};

const LIFETIME: Duration = Duration::from_secs(3_600);

/// How long a round of one call takes: long enough for the clock, short enough to interleave the calls.
const ROUND: Duration = Duration::from_millis(4);

const ROUNDS_PER_PROCESS: usize = 2;

const FLOOR: &str = "the floor";
const SHARED_COUNT: &str = "the floor, sharing only the count";

struct Entry {
    kind: Kind,
    /// The crate and its version.
    of: String,
    call: Call,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// No rival: it is not a complete token source.
    Floor,
    Ours,
    /// A rival that checks the expiry.
    Checked,
    /// A rival that does not.
    Unchecked,
}

/// Every call of every contender, each with a fresh token.
pub struct Calls {
    entries: Vec<Entry>,
    _store: Folder,
    _runtime: Runtime,
    _issuer: Issuer,
}

impl Calls {
    /// Builds a source of each contender and gets its token.
    ///
    /// # Errors
    ///
    /// If a source returns no token.
    pub fn new() -> Result<Self, BoxError> {
        let issuer = Issuer::start(Reply::token(LIFETIME));
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let mut entries = without_a_crate();
        for contender in for_each_contender!(entries_of(&runtime, issuer.url())) {
            entries.extend(contender?);
        }
        let folder = Folder::new()?;
        entries.push(with_a_store(&runtime, issuer.url(), &folder)?);
        // The first call of some still fetches.
        entries.iter().for_each(|entry| entry.call.round(10));
        Ok(Self { entries, _store: folder, _runtime: runtime, _issuer: issuer })
    }

    /// Iterates over the calls.
    pub fn iter(&self) -> impl Iterator<Item = &Call> {
        self.entries.iter().map(|entry| &entry.call)
    }
}

fn entries_of<C: Contender>(runtime: &Runtime, url: &str) -> Result<Vec<Entry>, BoxError> {
    runtime.block_on(async {
        let contender = C::build(Target { url, lifetime: LIFETIME }).await?;
        contender.token().await?;
        let kind = match C::ABOUT.checks {
            _ if C::ABOUT.name == Freshtoken::ABOUT.name => Kind::Ours,
            Some(_) => Kind::Checked,
            None => Kind::Unchecked,
        };
        let entry = |call| Entry { kind, of: format!("{} {}", C::ABOUT.name, C::ABOUT.version()), call };
        Ok(contender.calls().into_iter().map(entry).collect())
    })
}

/// The name of the call that is compared with the first of ours.
const WITH_A_STORE: &str = "try_header, with a store";

/// A source of ours that shares its token through a store.
fn with_a_store(runtime: &Runtime, url: &str, folder: &Folder) -> Result<Entry, BoxError> {
    let builder = TokenSource::builder(voucherify::Endpoint::at(url)?, credentials());
    let tokens = builder.store(FileStore::open(folder.0.join("cached"))?, "account").build();
    runtime.block_on(tokens.header())?;
    let of = format!("{} {}", Freshtoken::ABOUT.name, Freshtoken::ABOUT.version());
    Ok(Entry { kind: Kind::Ours, of, call: Call::sync(WITH_A_STORE, "`HeaderValue`", move || tokens.try_header()) })
}

/// The floors, and what a user writes without a crate.
fn without_a_crate() -> Vec<Entry> {
    const LOOK: &str = "`ArcSwap` load, coarse clock, clone";
    let snapshot = Aligned(Snapshot::of(header()));
    let locked = RwLock::new(text());
    let read = move || locked.read().map(|text| text.clone()).ok();
    let entry = |kind, of: &str, call| Entry { kind, of: of.to_owned(), call };
    let floor = |of, call| entry(Kind::Floor, of, call);
    vec![
        floor(FLOOR, Call::sync(LOOK, "`HeaderValue`", move || Snapshot::look(&snapshot))),
        floor(SHARED_COUNT, Call::sync(LOOK, "`HeaderValue`", || LOCAL.with(Snapshot::look))),
        entry(Kind::Unchecked, "by hand", Call::sync("`RwLock<String>` read, clone", "`String`", read)),
    ]
}

/// The least that serving a header needs.
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

static HEADER: LazyLock<HeaderValue> = LazyLock::new(header);

thread_local! {
    static LOCAL: ArcSwapOption<Snapshot> = Snapshot::of(HEADER.clone());
}

fn text() -> String {
    format!("Bearer {}", "x".repeat(900))
}

fn header() -> HeaderValue {
    HeaderValue::from_maybe_shared(Bytes::from_owner(Aligned(text()))).expect("letters make a header")
}

/// A value that shares no cache line with another: false sharing would raise the floor.
#[repr(align(128))]
struct Aligned<T>(T);

impl<T> Deref for Aligned<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl AsRef<[u8]> for Aligned<String> {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

/// The nanoseconds per call, by round.
#[derive(Default, Serialize, Deserialize)]
struct Rounds {
    one: Vec<f64>,
    two: Vec<f64>,
}

/// Times every call in a child process and prints the rounds. The first round has this number.
///
/// # Errors
///
/// If a source returns no token.
pub fn child(first_round: &str) -> Result<(), BoxError> {
    let first_round: usize = first_round.parse()?;
    let calls = Calls::new()?;
    let sizes: Vec<u32> = calls.iter().map(calls_per_round).collect();
    let mut all: Vec<Rounds> = sizes.iter().map(|_| Rounds::default()).collect();
    for round in first_round..first_round + ROUNDS_PER_PROCESS {
        for index in interleaved(round, sizes.len()) {
            let (call, size) = (&calls.entries[index].call, sizes[index]);
            all[index].one.push(from_one_thread(call, size));
            all[index].two.push(from_two_threads(call, size));
        }
    }
    println!("{}", serde_json::to_string(&all)?);
    Ok(())
}

fn calls_per_round(call: &Call) -> u32 {
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

fn from_one_thread(call: &Call, calls: u32) -> f64 {
    let start = Instant::now();
    call.round(calls);
    start.elapsed().as_nanos() as f64 / f64::from(calls)
}

/// Times two threads from the start of the first to the end of the last. One of them is this thread, because the scheduler
/// may start two new ones on the same core.
fn from_two_threads(call: &Call, calls: u32) -> f64 {
    let barrier = Barrier::new(2);
    let work = || {
        call.round(1);
        barrier.wait();
        let start = Instant::now();
        call.round(calls);
        (start, Instant::now())
    };
    let (this, other) = std::thread::scope(|scope| {
        let other = scope.spawn(work);
        let this = work();
        (this, other.join().unwrap_or(this))
    });
    let took = this.1.max(other.1) - this.0.min(other.0);
    took.as_nanos() as f64 / f64::from(calls)
}

struct Cost {
    entry: Entry,
    one: Spread,
    to_floor: Spread,
    /// Compared with the first call of ours.
    to_ours: Spread,
    two: Spread,
    /// What a call from two threads takes beyond one from a single thread.
    lost: Spread,
    allocations: f64,
}

/// Times every call, in rounds of this many processes, and counts its allocations.
///
/// # Errors
///
/// If a source returns no token.
pub fn run(processes: usize) -> Result<Section, BoxError> {
    let costs = measure(processes)?;
    let ours = || costs.iter().filter(|cost| cost.entry.kind == Kind::Ours);
    let row = |cost: &Cost| {
        let Entry { kind, of, call } = &cost.entry;
        let is_rival = [Kind::Checked, Kind::Unchecked].contains(kind);
        let time = |time: fn(&Cost) -> Spread| {
            let is_better = is_rival && ours().any(|ours| time(cost).upper < time(ours).lower);
            let figure = format!("{:.1}", time(cost));
            if is_better { better(&figure) } else { figure }
        };
        let (one, two) = (time(|cost| cost.one), time(|cost| cost.two));
        let [to_floor, allocations] = [format!("{:.2}", cost.to_floor.median), format!("{:.0}", cost.allocations)];
        [of, call.name, call.returns, &one, &to_floor, &two, &allocations].map(str::to_owned).to_vec()
    };
    Ok(Section {
        title: "The cached path: a fresh token",
        intro: "Nanoseconds per call, with a token of 900 characters. Two threads share one source; of the second floor, they share \
                only the header's reference count."
            .to_owned(),
        head: ["", "call", "returns", "one thread", "× the floor", "two threads", "allocations"].map(str::to_owned).to_vec(),
        rows: costs.iter().map(row).collect(),
        goals: goals(&costs),
    })
}

fn measure(processes: usize) -> Result<Vec<Cost>, BoxError> {
    let entries = Calls::new()?.entries;
    let mut all: Vec<Rounds> = entries.iter().map(|_| Rounds::default()).collect();
    for process in 0..processes {
        let first_round = (process * ROUNDS_PER_PROCESS).to_string();
        let child = &mut Command::new(std::env::current_exe()?);
        let these: Vec<Rounds> = process::output(child.args(["--cached", &first_round]))?;
        for (all, these) in all.iter_mut().zip(these) {
            all.one.extend(these.one);
            all.two.extend(these.two);
        }
    }
    let allocations: Vec<f64> = process::allocations(&[])?;
    let floor = all[0].one.clone();
    let ours = entries.iter().position(|entry| entry.kind == Kind::Ours).unwrap_or_default();
    let ours = all[ours].one.clone();
    let cost = |((entry, Rounds { one, two }), allocations): ((Entry, Rounds), f64)| Cost {
        entry,
        to_floor: Spread::of_ratios(&one, &floor),
        to_ours: Spread::of_ratios(&one, &ours),
        lost: Spread::of(two.iter().zip(&one).map(|(two, one)| two - one).collect()),
        one: Spread::of(one),
        two: Spread::of(two),
        allocations,
    };
    Ok(entries.into_iter().zip(all).zip(allocations).map(cost).collect())
}

fn goals(costs: &[Cost]) -> Vec<Goal> {
    let ours: Vec<&Cost> = costs.iter().filter(|cost| cost.entry.kind == Kind::Ours).collect();
    let slowest = |time: fn(&Cost) -> Spread| {
        ours.iter().copied().map(time).max_by(|one, other| one.median.total_cmp(&other.median)).unwrap_or(costs[0].one)
    };
    let (to_floor, lost) = (slowest(|cost| cost.to_floor), slowest(|cost| cost.lost));
    let floor_lost = costs.iter().find(|cost| cost.entry.of == SHARED_COUNT).map_or(lost, |floor| floor.lost);
    let with_a_store =
        costs.iter().find(|cost| cost.entry.call.name == WITH_A_STORE).map_or(to_floor, |cost| cost.to_ours);
    let allocations = ours.iter().map(|cost| cost.allocations).fold(0.0, f64::max);
    // A rival's header is compared with our slowest header, its token with our token.
    let is_header = |cost: &Cost| cost.entry.call.name.contains("header");
    let times = |rival: &Cost| {
        let same = ours.iter().filter(|cost| is_header(cost) == is_header(rival));
        rival.one.median / same.map(|cost| cost.one.median).fold(0.0, f64::max)
    };
    let near = costs.iter().filter(|cost| cost.entry.kind == Kind::Checked && times(cost) < 5.0);
    let near = near.map(|rival| {
        let Entry { of, call, .. } = &rival.entry;
        format!("{of} `{}` {:.1} × (the floor {:.1} ×)", call.name, times(rival), rival.to_floor.median)
    });
    let near: Vec<_> = near.collect();
    vec![
        Goal {
            what: "a fresh token: the slowest of `try_header`, `header`, `token`".to_owned(),
            limit: "1.25 × the floor".to_owned(),
            measured: format!("{to_floor:.2} ×"),
            verdict: Verdict::at_most(1.25, to_floor),
        },
        Goal {
            what: "a fresh token: what a call loses with a second thread".to_owned(),
            limit: "1.1 × what the floor loses that shares only the count".to_owned(),
            measured: format!("{lost:.0} ns; the floor {floor_lost:.0} ns"),
            verdict: Verdict::at_most(floor_lost.median * 1.1, lost),
        },
        Goal {
            what: "a fresh token: `try_header` with a store".to_owned(),
            limit: "1.05 × without a store".to_owned(),
            measured: format!("{with_a_store:.2} ×"),
            verdict: Verdict::at_most(1.05, with_a_store),
        },
        Goal {
            what: "a fresh token: allocations".to_owned(),
            limit: "0".to_owned(),
            measured: format!("{allocations:.0}"),
            verdict: (allocations == 0.0).into(),
        },
        Goal {
            what: "a fresh token: every crate that checks the expiry".to_owned(),
            limit: "takes 5 × as long".to_owned(),
            verdict: near.is_empty().into(),
            measured: if near.is_empty() { "all do".to_owned() } else { format!("all but {}", near.join("; ")) },
        },
    ]
}
