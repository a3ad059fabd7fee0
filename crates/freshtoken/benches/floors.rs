//! What a fresh token, a herd and a login cost, each beside what can't be had for less, in one run.
//!
//! The machine's noise falls on both sides: rounds are interleaved, and medians compared.
#![allow(clippy::unwrap_used)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use freshtoken::{Policy, TokenSource};
use http::HeaderValue;
use rustix::time::{ClockId, clock_gettime};
use support::{Does, Issuer, acme, s};

policy!(LogsIn = Policy::new("acme"));

const ROUNDS: usize = 41;
const CALLS: u32 = 200_000;

fn timed(calls: u32, mut call: impl FnMut()) -> f64 {
    let start = Instant::now();
    for _ in 0..calls {
        call();
    }
    start.elapsed().as_nanos() as f64 / f64::from(calls)
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn fresh_token() {
    struct Snapshot {
        header: HeaderValue,
        until: i64,
    }
    let header = HeaderValue::from_str(&format!("Bearer {}", "x".repeat(900))).unwrap();
    black_box(header.clone());
    let floor = ArcSwapOption::new(Some(Arc::new(Snapshot { header, until: i64::MAX })));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let tokens = TokenSource::new(acme::<LogsIn>(&Issuer::new(Does::issues(s(900)))), "password".to_owned());
    runtime.block_on(tokens.header()).unwrap();

    let mut times: [Vec<f64>; 4] = Default::default();
    for _ in 0..ROUNDS {
        times[0].push(timed(CALLS, || {
            let snapshot = floor.load();
            let snapshot = snapshot.as_ref().unwrap();
            if clock_gettime(ClockId::MonotonicCoarse).tv_sec < snapshot.until {
                black_box(snapshot.header.clone());
            }
        }));
        times[1].push(timed(CALLS, || {
            black_box(tokens.try_header());
        }));
        times[2].push(runtime.block_on(async {
            let start = Instant::now();
            for _ in 0..CALLS {
                black_box(tokens.header().await.unwrap());
            }
            start.elapsed().as_nanos() as f64 / f64::from(CALLS)
        }));
        times[3].push(timed(CALLS, || {
            black_box(tokens.try_token());
        }));
    }
    let [floor, try_header, header, try_token] = times.map(median);
    println!("a fresh token, ns: floor (load, coarse clock, clone) {floor:.1}");
    for (name, time) in [("try_header", try_header), ("header", header), ("try_token", try_token)] {
        println!("  {name} {time:.1}, {:.2} times the floor", time / floor);
    }
}

fn herd() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap();
    let mut lags = Vec::new();
    for _ in 0..11 {
        let issuer = Issuer::new(Does::issues(s(900)));
        issuer.close();
        let tokens = TokenSource::new(acme::<LogsIn>(&issuer), "password".to_owned());
        lags.push(runtime.block_on(async {
            let callers: Vec<_> = (0..10_000)
                .map(|_| {
                    let tokens = tokens.clone();
                    tokio::spawn(async move { tokens.header().await.map(drop) })
                })
                .collect();
            while tokens.status().counters.joined < 9_999 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            let start = Instant::now();
            issuer.open();
            for caller in callers {
                caller.await.unwrap().unwrap();
            }
            start.elapsed().as_secs_f64() * 1_000.0
        }));
        assert_eq!(issuer.seen().len(), 1);
    }
    println!("a herd of 10,000, from the answer to the last caller: {:.1} ms, 1 request", median(lags));
}

fn main() {
    fresh_token();
    herd();
}
