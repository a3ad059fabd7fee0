//! Behaviour, counted: each contender through each scenario, against an issuer of its own, on the real clock.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;
use tokio::time::{sleep, timeout};

use crate::contenders::{Contender, Failure, Place, service_account};
use crate::for_each_contender;
use crate::issuer::{Does, Issuer};
use crate::process;

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A token that outlives every scenario.
const LONG: Duration = s(3_600);

/// Where the first call's wait is looked at, it comes when all that runs side by side is built: that loads certificates, which
/// takes a core for a while. Where a token's life is looked at, nobody settles: some fetch one when they are built.
const SETTLES: Duration = s(2);

/// Why google-cloud-auth's callers wait for nothing where all others are cold.
const EAGER: &str = "google-cloud-auth asks when it is built, which here is two seconds before the first call";

/// Nobody waits longer than this.
const PATIENCE: Duration = s(10);

/// By then a request has arrived that was begun in the background, and its answer, but no second try.
const BACKGROUND: Duration = ms(300);

/// One scenario, and how each contender went through it.
#[derive(Debug, Serialize)]
pub struct Scenario {
    /// What happens.
    pub title: &'static str,
    /// What `requests` counts.
    pub counts: &'static str,
    /// What freshtoken is to do, in words and as the most of each count.
    pub goal: Option<(&'static str, Ran)>,
    /// Why freshtoken does as it does, where another does better.
    pub why: Option<&'static str>,
    /// A contender's name, and what was seen of it.
    pub seen: Vec<(String, Seen)>,
}

/// What was seen.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Seen {
    /// It ran.
    Ran(Ran),
    /// It can't, or it would be unfair, and why.
    Dash(String),
}

/// What was counted.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Ran {
    /// Requests at the issuer.
    pub requests: usize,
    /// Calls made.
    pub calls: usize,
    /// Of them, those that got no token, or one that had expired.
    pub failures: usize,
    /// Of those, the ones that got a token that had expired.
    pub expired: usize,
    /// Of those, the ones in which it panicked.
    pub panics: usize,
    /// Of those, the ones that still waited when nobody waits any longer.
    pub waiting: usize,
    /// The longest that a call took, in milliseconds.
    pub longest: f64,
}

impl Ran {
    fn count(&mut self, outcome: &Outcome) {
        self.calls += 1;
        self.longest = self.longest.max(outcome.took.as_secs_f64() * 1_000.0);
        self.failures += usize::from(outcome.end != End::Served);
        self.expired += usize::from(outcome.end == End::Expired);
        self.panics += usize::from(outcome.end == End::Panicked);
        self.waiting += usize::from(outcome.end == End::Waits);
    }
}

/// The most requests and failures of a goal; a call may take any time.
fn at_most(requests: usize, failures: usize) -> Ran {
    Ran { requests, failures, longest: f64::INFINITY, ..Ran::default() }
}

struct Outcome {
    took: Duration,
    end: End,
}

#[derive(Clone, Copy, PartialEq)]
enum End {
    Served,
    Expired,
    Failed,
    Panicked,
    Waits,
}

type Result<T> = std::result::Result<T, Failure>;

/// Runs every scenario.
pub fn run(missing: &mut Vec<String>) -> Vec<Scenario> {
    // It takes a core for a second, and no scenario is about that.
    let _ = service_account::pem();
    // In one of them some panic, and their backtraces are no part of the results.
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    // What takes seconds is about seconds: all of that runs side by side, and the rest after it, one by one.
    let failing = for_each_contender!(cold_failing());
    let in_a_row = for_each_contender!(in_a_row_failing());
    let gone = for_each_contender!(runtime_gone());
    let idle = for_each_contender!(idle());
    let down = for_each_contender!(issuer_down());
    let due = for_each_contender!(renewal_due());
    let [failing, in_a_row, gone, idle, down, due] = [failing, in_a_row, gone, idle, down, due].map(land);
    let requests = "requests";
    let mut scenarios = vec![
        Scenario {
            title: "50 callers, cold; the issuer takes 100 ms",
            counts: requests,
            goal: Some(("1 request", at_most(1, 0))),
            why: None,
            seen: for_each_contender!(cold()),
        },
        Scenario {
            title: "50 callers, cold; the issuer answers 500 after 100 ms",
            counts: requests,
            goal: Some(("1 request", at_most(1, 50))),
            why: Some(EAGER),
            seen: failing,
        },
        Scenario {
            title: "10 calls in a row, cold, for 10 s at most; the issuer answers 500 after 100 ms",
            counts: requests,
            goal: Some(("1 request, none within the back-off", at_most(1, 10))),
            why: Some(EAGER),
            seen: in_a_row,
        },
        Scenario {
            title: "The caller goes away in mid-flight; another comes",
            counts: requests,
            goal: Some(("1 request, the token kept", at_most(1, 0))),
            why: None,
            seen: for_each_contender!(caller_gone()),
        },
        Scenario {
            title: "50 late 401s with the token before; each asks again",
            counts: "requests after the renewal",
            goal: Some(("0 requests", at_most(0, 0))),
            why: None,
            seen: for_each_contender!(late_401s()),
        },
        Scenario {
            title: "The runtime that built it is gone, its token of 3 s has expired; 10 callers",
            counts: "requests after that",
            goal: Some(("it works: 1 request", at_most(1, 0))),
            why: None,
            seen: gone,
        },
        Scenario {
            title: "Valid for 11 s more, renewal due, the issuer fails after 100 ms; 10 calls in a row",
            counts: "requests of these",
            // Who waited for the issuer would wait 100 ms.
            goal: Some(("1 request at most, and no call waits", Ran { longest: 50.0, ..at_most(1, 0) })),
            why: Some(
                "freshtoken tries once, in the background; for the others it isn't due yet, or a task of their own has renewed it \
                 while the issuer still answered",
            ),
            seen: due,
        },
        Scenario {
            title: "Nobody asks for 12 s, with tokens of 5 s",
            counts: "requests in that time",
            goal: Some(("0 requests", at_most(0, 0))),
            why: None,
            seen: idle,
        },
        Scenario {
            title: "The issuer is down from a token's arrival to its end, 8 s later; a call every 50 ms",
            counts: "requests in that time",
            goal: None,
            why: Some(
                "freshtoken gives no token out in its last second, since a call takes time to arrive; from then on a caller \
                 waits for the issuer, or fails within the back-off",
            ),
            seen: down,
        },
    ];
    std::panic::set_hook(hook);
    match faketime() {
        Some(library) => scenarios.push(Scenario {
            title: "The machine was suspended until after its token's end; 10 callers",
            counts: "requests after that",
            goal: Some(("1 request: it has expired", at_most(1, 0))),
            why: None,
            seen: for_each_contender!(was_suspended(&library)),
        }),
        None => missing.push(
            "A machine that was suspended past a token's end: that wants the library libfaketime (Debian's package \
             faketime), which moves the wall clock and leaves the monotonic one alone, as a suspension does."
                .to_owned(),
        ),
    }
    scenarios
}

type Seat = (String, std::thread::JoinHandle<Seen>);

fn land(seats: Vec<Seat>) -> Vec<(String, Seen)> {
    let land = |(name, seat): Seat| (name, seat.join().unwrap_or_else(|_| Seen::Dash("it panicked".to_owned())));
    seats.into_iter().map(land).collect()
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
}

/// Runs a scenario on a runtime of its own.
fn ran<C: Contender>(scenario: impl Future<Output = Result<Ran>>) -> (String, Seen) {
    let seen = match runtime().block_on(scenario) {
        Ok(ran) => Seen::Ran(ran),
        Err(error) => Seen::Dash(format!("failed: {error}")),
    };
    (C::ABOUT.name.to_owned(), seen)
}

fn dash<C: Contender>(why: &str) -> (String, Seen) {
    (C::ABOUT.name.to_owned(), Seen::Dash(why.to_owned()))
}

/// One caller.
async fn call<C: Contender>(contender: &C, issuer: &Issuer) -> Outcome {
    let start = Instant::now();
    let contender = contender.clone();
    let mut caller = tokio::spawn(async move { contender.ask().await });
    let end = match timeout(PATIENCE, &mut caller).await {
        Ok(Ok(Ok(token))) if issuer.is_good(&token) => End::Served,
        Ok(Ok(Ok(_))) => End::Expired,
        Ok(Ok(Err(_))) => End::Failed,
        Ok(Err(_)) => End::Panicked,
        Err(_) => {
            caller.abort();
            End::Waits
        }
    };
    Outcome { took: start.elapsed(), end }
}

/// Many callers at once.
async fn calls<C: Contender>(contender: &C, issuer: &Issuer, count: usize) -> Ran {
    let mut ran = Ran::default();
    let callers: Vec<_> = (0..count).map(|_| call(contender, issuer)).collect();
    for outcome in join_all(callers).await {
        ran.count(&outcome);
    }
    ran
}

fn cold<C: Contender>() -> (String, Seen) {
    if let Some(why) = C::ABOUT.never_cold {
        return dash::<C>(why);
    }
    ran::<C>(async {
        let issuer = Issuer::start(Does::issues(LONG).after(ms(100)));
        let contender = C::build(Place { url: issuer.url(), life: LONG }).await?;
        let ran = calls(&contender, &issuer, 50).await;
        Ok(Ran { requests: issuer.requests(), ..ran })
    })
}

fn cold_failing<C: Contender>() -> Seat {
    seat::<C>(|| {
        if let Some(why) = C::ABOUT.never_cold {
            return Seen::Dash(why.to_owned());
        }
        let scenario = async {
            let issuer = Issuer::start(Does::fails().after(ms(100)));
            let contender = C::build(Place { url: issuer.url(), life: LONG }).await?;
            sleep(SETTLES).await;
            let ran = calls(&contender, &issuer, 50).await;
            Ok(Ran { requests: issuer.requests(), ..ran })
        };
        ran::<C>(scenario).1
    })
}

fn in_a_row_failing<C: Contender>() -> Seat {
    seat::<C>(|| {
        if let Some(why) = C::ABOUT.never_cold {
            return Seen::Dash(why.to_owned());
        }
        let scenario = async {
            let issuer = Issuer::start(Does::fails().after(ms(100)));
            let contender = C::build(Place { url: issuer.url(), life: LONG }).await?;
            sleep(SETTLES).await;
            let mut ran = Ran::default();
            let end = Instant::now() + PATIENCE;
            while ran.calls < 10 && Instant::now() < end {
                ran.count(&call(&contender, &issuer).await);
            }
            Ok(Ran { requests: issuer.requests(), ..ran })
        };
        ran::<C>(scenario).1
    })
}

fn caller_gone<C: Contender>() -> (String, Seen) {
    if let Some(why) = C::ABOUT.never_cold {
        return dash::<C>(why);
    }
    ran::<C>(async {
        let issuer = Issuer::start(Does::issues(LONG).after(ms(300)));
        let contender = C::build(Place { url: issuer.url(), life: LONG }).await?;
        let goes = timeout(ms(100), contender.ask()).await;
        if goes.is_ok() {
            return Err("it didn't wait for the issuer".into());
        }
        let mut ran = Ran::default();
        ran.count(&call(&contender, &issuer).await);
        Ok(Ran { requests: issuer.requests(), ..ran })
    })
}

fn late_401s<C: Contender>() -> (String, Seen) {
    if let Err(why) = C::ABOUT.rejection {
        return dash::<C>(why);
    }
    ran::<C>(async {
        let issuer = Issuer::start(Does::issues(LONG));
        let contender = C::build(Place { url: issuer.url(), life: LONG }).await?;
        let old = contender.ask().await?;
        contender.rejected(&old).await;
        if contender.ask().await? == old {
            return Err("the rejected token was given out again".into());
        }
        let before = issuer.requests();
        let mut ran = Ran::default();
        for _ in 0..50 {
            contender.rejected(&old).await;
            ran.count(&call(&contender, &issuer).await);
        }
        sleep(BACKGROUND).await;
        Ok(Ran { requests: issuer.requests() - before, ..ran })
    })
}

fn runtime_gone<C: Contender>() -> Seat {
    seat::<C>(|| {
        let life = s(3);
        let issuer = Issuer::start(Does::issues(life));
        let first = runtime();
        let contender = first.block_on(async {
            let contender = C::build(Place { url: issuer.url(), life }).await?;
            contender.ask().await?;
            Ok::<_, Failure>(contender)
        });
        drop(first);
        std::thread::sleep(life + s(1));
        // Nobody's margin is longer than the next token lives.
        issuer.does(Does::issues(LONG));
        let before = issuer.requests();
        match contender {
            Ok(contender) => {
                let ran = runtime().block_on(calls(&contender, &issuer, 10));
                Seen::Ran(Ran { requests: issuer.requests() - before, ..ran })
            }
            Err(error) => Seen::Dash(format!("failed: {error}")),
        }
    })
}

fn idle<C: Contender>() -> Seat {
    seat::<C>(|| {
        let scenario = async {
            let life = s(5);
            let issuer = Issuer::start(Does::issues(life));
            let contender = C::build(Place { url: issuer.url(), life }).await?;
            contender.ask().await?;
            let before = issuer.requests();
            sleep(s(12)).await;
            let requests = issuer.requests() - before;
            drop(contender);
            Ok(Ran { requests, ..Ran::default() })
        };
        ran::<C>(scenario).1
    })
}

fn issuer_down<C: Contender>() -> Seat {
    seat::<C>(|| {
        let life = s(8);
        if C::ABOUT.margin >= life {
            return shorter_than_its_margin::<C>();
        }
        let scenario = async {
            let issuer = Issuer::start(Does::issues(life));
            let contender = C::build(Place { url: issuer.url(), life }).await?;
            contender.ask().await?;
            let end = Instant::now() + life - ms(100);
            let before = issuer.requests();
            issuer.does(Does::fails().after(ms(100)));
            let mut ran = Ran::default();
            while Instant::now() < end {
                ran.count(&call(&contender, &issuer).await);
                sleep(ms(50)).await;
            }
            Ok(Ran { requests: issuer.requests() - before, ..ran })
        };
        ran::<C>(scenario).1
    })
}

fn renewal_due<C: Contender>() -> Seat {
    seat::<C>(|| {
        // Three quarters of it are over when 11 s are left.
        let (life, left) = (s(44), s(11));
        if C::ABOUT.margin >= life {
            return shorter_than_its_margin::<C>();
        }
        let scenario = async {
            let issuer = Issuer::start(Does::issues(life));
            let contender = C::build(Place { url: issuer.url(), life }).await?;
            contender.ask().await?;
            sleep(life - left).await;
            let before = issuer.requests();
            issuer.does(Does::fails().after(ms(100)));
            let mut ran = Ran::default();
            for _ in 0..10 {
                ran.count(&call(&contender, &issuer).await);
            }
            sleep(BACKGROUND).await;
            Ok(Ran { requests: issuer.requests() - before, ..ran })
        };
        ran::<C>(scenario).1
    })
}

fn shorter_than_its_margin<C: Contender>() -> Seen {
    let margin = C::ABOUT.margin.as_secs();
    Seen::Dash(format!("unfair: it renews up to {margin} s before the end, longer than such a token lives"))
}

/// Where libfaketime is.
fn faketime() -> Option<PathBuf> {
    let folders = std::fs::read_dir("/usr/lib").ok()?.flatten().map(|entry| entry.path());
    let libraries = folders.map(|folder| folder.join("faketime/libfaketimeMT.so.1"));
    libraries.into_iter().find(|library| library.is_file())
}

/// A program of its own, whose wall clock can be moved.
fn was_suspended<C: Contender>(library: &Path) -> (String, Seen) {
    let name = C::ABOUT.name;
    let seen = || {
        let moved = std::env::temp_dir().join(format!("freshtoken-bench-{}-time", std::process::id()));
        std::fs::write(&moved, "+0\n")?;
        let seen = process::answer(
            Command::new(std::env::current_exe()?)
                .args(["--suspended", name])
                .env("LD_PRELOAD", library)
                .env("FAKETIME_TIMESTAMP_FILE", &moved)
                .env("FAKETIME_NO_CACHE", "1")
                .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
                .env(service_account::VARIABLE, service_account::pem()?),
        );
        let _ = std::fs::remove_file(&moved);
        seen
    };
    (name.to_owned(), seen().unwrap_or_else(|error: Failure| Seen::Dash(format!("failed: {error}"))))
}

/// What that program does.
///
/// # Errors
///
/// When there is no such crate, or its clock can't be moved.
pub fn suspended(of: &str) -> Result<()> {
    let file = std::env::var("FAKETIME_TIMESTAMP_FILE")?;
    let seen = for_each_contender!(within_suspended(&file, of)).into_iter().flatten().next();
    println!("{}", serde_json::to_string(&seen.ok_or("there is no such crate")?)?);
    Ok(())
}

fn within_suspended<C: Contender>(file: &str, of: &str) -> Option<Seen> {
    let scenario = async {
        // Nobody's margin is longer.
        let life = s(1_000);
        let issuer = Issuer::start(Does::issues(life));
        let contender = C::build(Place { url: issuer.url(), life }).await?;
        contender.ask().await?;
        // Whoever has a task is in it, and the token is the last from before.
        sleep(ms(100)).await;
        issuer.ends_all();
        let (before, started) = (issuer.requests(), SystemTime::now());
        std::fs::write(file, "+1200\n")?;
        if SystemTime::now().duration_since(started)? < life {
            return Err("the clock can't be moved".into());
        }
        // The library reads the file now and then, and a coarse clock ticks.
        sleep(ms(100)).await;
        let ran = calls(&contender, &issuer, 10).await;
        Ok(Ran { requests: issuer.requests() - before, ..ran })
    };
    (C::ABOUT.name == of).then(|| ran::<C>(scenario).1)
}

/// On a thread of its own.
fn seat<C: Contender>(scenario: impl FnOnce() -> Seen + Send + 'static) -> Seat {
    (C::ABOUT.name.to_owned(), std::thread::spawn(scenario))
}
