//! What a fresh token, a herd and a login cost, each beside what can't be had for less, in one run.
//!
//! The machine's noise falls on both sides: rounds are interleaved, and medians compared.
#![allow(clippy::unwrap_used)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::hint::black_box;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use freshtoken::{Policy, TokenSource, voucherify};
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

/// An issuer that answers every request alike, on a thread per connection.
fn issuer() -> String {
    const BODY: &str = r#"{"access_token":"example-token","client_id":"example","expires_at":4102444800,"expires_in":900,"scope":"api","token_type":"Bearer"}"#;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            stream.set_nodelay(true).unwrap();
            std::thread::spawn(move || {
                let mut buffer = Vec::new();
                let mut chunk = [0; 4096];
                loop {
                    let is_whole = buffer.windows(4).position(|end| end == b"\r\n\r\n").is_some_and(|head| {
                        let text = String::from_utf8_lossy(&buffer[..head]).to_lowercase();
                        let length =
                            text.split("content-length: ").nth(1).map_or("0", |rest| rest.lines().next().unwrap());
                        buffer.len() >= head + 4 + length.parse::<usize>().unwrap()
                    });
                    if is_whole {
                        buffer.clear();
                        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ";
                        if write!(stream, "{head}{}\r\n\r\n{BODY}", BODY.len()).is_err() {
                            return;
                        }
                    }
                    match stream.read(&mut chunk) {
                        Ok(read) if read > 0 => buffer.extend_from_slice(&chunk[..read]),
                        _ => return,
                    }
                }
            });
        }
    });
    url
}

fn login() {
    let url = issuer();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let http = freshtoken_wire::http_client_builder().no_proxy().build().unwrap();
    let endpoint = voucherify::Endpoint::at(&url).http_client(http.clone());
    let credentials = || voucherify::Credentials {
        scope: vec![voucherify::types::Scope::Api].into(),
        app_id: "example-id".into(),
        app_token: "example-app-token".into(),
    };
    let (mut bare, mut through) = (Vec::new(), Vec::new());
    for _ in 0..1_001 {
        bare.push(runtime.block_on(async {
            let start = Instant::now();
            let request = http
                .post(format!("{url}/v1/oauth/token"))
                .header("x-app-id", "example-id")
                .header("x-app-token", "example-app-token")
                .header("content-type", "application/x-www-form-urlencoded")
                .body("grant_type=client_credentials&scope=api");
            let answer = request.send().await.unwrap().bytes().await.unwrap();
            let answer: serde_json::Value = serde_json::from_slice(&answer).unwrap();
            black_box(answer["access_token"].as_str().unwrap());
            start.elapsed().as_secs_f64() * 1e6
        }));
        through.push(runtime.block_on(async {
            let tokens = TokenSource::new(endpoint.clone(), credentials());
            let start = Instant::now();
            black_box(tokens.header().await.unwrap());
            start.elapsed().as_secs_f64() * 1e6
        }));
    }
    let (bare, through) = (median(bare), median(through));
    println!("a login, us: bare post {bare:.0}, through a source {through:.0}, {:.2} times", through / bare);
}

fn main() {
    fresh_token();
    herd();
    login();
}
