//! A login end to end, beside a bare post of the same body by the same HTTP client to the same issuer.
//!
//! Each login is that of a source that has just been made, on a connection that is open, and on one that has to be opened
//! first.

use std::time::{Duration, Instant};

use freshtoken::{TokenSource, http_client_builder, voucherify};
use serde::Serialize;

use crate::contenders::Failure;
use crate::issuer::{Does, Issuer};
use crate::statistics::Spread;

const LIFE: Duration = Duration::from_secs(3_600);

/// What one kind of login took.
#[derive(Debug, Serialize)]
pub struct Login {
    /// Over what.
    pub over: &'static str,
    /// Microseconds of a bare post: headers and form sent, the answer read and parsed, the token taken out of it.
    pub bare: Spread,
    /// Microseconds of `header` of a source without a token.
    pub source: Spread,
    /// One to the other, round by round.
    pub ratio: Spread,
}

/// Measures all kinds.
///
/// # Errors
///
/// When a login fails.
pub fn run(is_quick: bool) -> Result<Vec<Login>, Failure> {
    let rounds = if is_quick { 400 } else { 3_000 };
    let (plain, tls) = (Issuer::start(Does::issues(LIFE)), Issuer::start_tls(Does::issues(LIFE))?);
    Ok(vec![
        login("HTTP, an open connection", &plain, true, rounds)?,
        login("HTTP, a new connection", &plain, false, rounds / 4)?,
        login("TLS, an open connection", &tls, true, rounds)?,
        login("TLS, a new connection", &tls, false, rounds / 10)?,
    ])
}

fn login(over: &'static str, issuer: &Issuer, is_open: bool, rounds: usize) -> Result<Login, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut http = http_client_builder().no_proxy();
        if let Some(certificate) = issuer.certificate() {
            http = http.tls_certs_only([reqwest::Certificate::from_pem(certificate.as_bytes())?]);
        }
        if !is_open {
            http = http.pool_max_idle_per_host(0);
        }
        let http = http.build()?;
        let endpoint = voucherify::Endpoint::at(issuer.url()).http_client(http.clone());
        let (mut bare, mut source) = (Vec::new(), Vec::new());
        for round in 0..rounds + 10 {
            // Whoever is first finds the caches colder.
            let order = [round % 2 == 0, round % 2 == 1];
            for is_bare in order {
                let took = match is_bare {
                    true => micros(post(&http, issuer.url())).await?,
                    false => micros(header(&endpoint)).await?,
                };
                if round >= 10 {
                    if is_bare { &mut bare } else { &mut source }.push(took);
                }
            }
        }
        let ratio = Spread::of_ratios(&source, &bare);
        Ok(Login { over, bare: Spread::of(bare), source: Spread::of(source), ratio })
    })
}

async fn micros(login: impl Future<Output = Result<(), Failure>>) -> Result<f64, Failure> {
    let start = Instant::now();
    login.await?;
    Ok(start.elapsed().as_secs_f64() * 1e6)
}

/// What one would write without a crate.
async fn post(http: &reqwest::Client, url: &str) -> Result<(), Failure> {
    let request = http
        .post(format!("{url}/v1/oauth/token"))
        .header("accept", "application/json")
        .header("x-app-id", "example-id")
        .header("x-app-token", "example-secret")
        .form(&[("grant_type", "client_credentials"), ("scope", "api")]);
    let answer: serde_json::Value = request.send().await?.error_for_status()?.json().await?;
    let token = answer["access_token"].as_str().ok_or("no token")?;
    std::hint::black_box(http::HeaderValue::from_str(&format!("Bearer {token}"))?);
    Ok(())
}

async fn header(endpoint: &voucherify::Endpoint) -> Result<(), Failure> {
    let credentials = voucherify::Credentials {
        scope: vec![voucherify::types::Scope::Api].into(),
        app_id: "example-id".into(),
        app_token: "example-secret".into(),
    };
    let tokens = TokenSource::new(endpoint.clone(), credentials);
    std::hint::black_box(tokens.header().await?);
    Ok(())
}
