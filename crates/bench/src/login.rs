//! A login end to end, beside a bare post of the same body by the same HTTP client to the same issuer, and beside each
//! layer between the two.
//!
//! All go over a connection that is open, and over one that has to be opened first, by an HTTP client of its own. The
//! second is what happens: tokens live for an hour, and an idle connection for ten seconds.

use std::time::{Duration, Instant};

use freshtoken::{Issued, TokenSource, http_client_builder, voucherify};
use http::HeaderValue;
use serde::Serialize;

use crate::contenders::Failure;
use crate::issuer::{Does, Issuer};
use crate::statistics::Spread;

const LIFE: Duration = Duration::from_secs(3_600);

/// The ways to a token, from the least to the most. The first is the measure.
pub const WAYS: [&str; 5] =
    ["a bare post", "the typed client", "that in a task of its own", "a later login of a source", "a source's first"];

/// What one kind of login took.
#[derive(Debug, Serialize)]
pub struct Login {
    /// Over what.
    pub over: &'static str,
    /// Microseconds, in the order of [`WAYS`].
    pub micros: [Spread; WAYS.len()],
    /// Each to the bare post of its round.
    pub ratios: [Spread; WAYS.len()],
}

/// Which HTTP client a login has.
#[derive(Clone, Copy, PartialEq)]
enum Http {
    /// One for all: its connection is open.
    Shared,
    /// One of its own: it opens a connection.
    Own,
    /// One of its own that has read the platform's certificates just before, a hundred files, and with them swept the caches.
    OwnCold,
}

/// Measures all kinds.
///
/// # Errors
///
/// When a login fails.
pub fn run(is_quick: bool) -> Result<Vec<Login>, Failure> {
    let rounds = if is_quick { 400 } else { 1_400 };
    let (plain, tls) = (Issuer::start(Does::issues(LIFE)), Issuer::start_tls(Does::issues(LIFE))?);
    let trusts = reqwest::Certificate::from_pem(tls.certificate().unwrap_or_default().as_bytes())?;
    let login = |over, issuer: &Issuer, http, rounds| login(over, issuer.url(), &trusts, http, rounds);
    Ok(vec![
        login("HTTP, an open connection", &plain, Http::Shared, rounds)?,
        login("HTTP, a new connection", &plain, Http::Own, rounds)?,
        login("HTTP, a new connection, and cold caches", &plain, Http::OwnCold, rounds / 4)?,
        login("TLS, an open connection", &tls, Http::Shared, rounds)?,
        login("TLS, a new connection", &tls, Http::Own, rounds / 4)?,
    ])
}

fn login(
    over: &'static str,
    url: &str,
    trusts: &reqwest::Certificate,
    http: Http,
    rounds: usize,
) -> Result<Login, Failure> {
    let trusts = (http != Http::OwnCold).then_some(trusts);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut place = Place::new(url, trusts)?;
        let mut micros = [const { Vec::new() }; WAYS.len()];
        for round in 0..rounds + 10 {
            for turn in 0..WAYS.len() {
                if http != Http::Shared {
                    place = Place::new(url, trusts)?;
                    // The connection of the one before is closed by a task, which is no part of the next login.
                    while runtime.metrics().num_alive_tasks() > 0 {
                        tokio::task::yield_now().await;
                    }
                }
                // Each comes first as often as last, and as often after the one before it as after the one behind it: who
                // has gone before has warmed the caches.
                let turn = if round % 2 == 0 { turn } else { WAYS.len() - 1 - turn };
                let way = (round / 2 + turn) % WAYS.len();
                let took = place.log_in(way).await?;
                if round >= 10 {
                    micros[way].push(took.as_secs_f64() * 1e6);
                }
            }
        }
        let ratios = micros.each_ref().map(|these| Spread::of_ratios(these, &micros[0]));
        Ok(Login { over, ratios, micros: micros.map(Spread::of) })
    })
}

/// An HTTP client and where it leads.
struct Place {
    url: String,
    http: reqwest::Client,
    endpoint: voucherify::Endpoint,
}

impl Place {
    /// Without a certificate to trust, the HTTP client reads the platform's.
    fn new(url: &str, trusts: Option<&reqwest::Certificate>) -> Result<Self, Failure> {
        let http = http_client_builder().no_proxy();
        let http = match trusts {
            Some(certificate) => http.tls_certs_only([certificate.clone()]),
            None => http,
        }
        .build()?;
        let endpoint = voucherify::Endpoint::at(url)?.http_client(http.clone());
        Ok(Self { url: url.to_owned(), http, endpoint })
    }

    /// Logs in one way.
    async fn log_in(&self, way: usize) -> Result<Duration, Failure> {
        match way {
            0 => timed(post(&self.http, &self.url)).await,
            1 => timed(async { create_token(self.endpoint.clone()).await }).await,
            2 => timed(async { tokio::spawn(create_token(self.endpoint.clone())).await? }).await,
            3 => {
                let token = Issued::new("example-token").expires_in(LIFE);
                let source = TokenSource::builder(self.endpoint.clone(), credentials()).token(token).build();
                source.rejected(&source.try_header().ok_or("there is no token to reject")?);
                let took = timed(async { Ok(source.header().await?) }).await;
                if source.status().counters.logins != 1 {
                    return Err("the token was still good".into());
                }
                took
            }
            _ => {
                let login = async {
                    let source = TokenSource::new(self.endpoint.clone(), credentials());
                    let header = source.header().await?;
                    Ok((source, header))
                };
                timed(login).await
            }
        }
    }
}

/// What a login leaves, an answer, a client or a source, goes after its time: where it is used, it is kept.
async fn timed<T>(login: impl Future<Output = Result<T, Failure>>) -> Result<Duration, Failure> {
    let start = Instant::now();
    let left = login.await?;
    let took = start.elapsed();
    drop(left);
    Ok(took)
}

/// What one would write without a crate: headers and form sent, the answer read and parsed, the token taken out of it.
async fn post(http: &reqwest::Client, url: &str) -> Result<(serde_json::Value, HeaderValue), Failure> {
    let request = http
        .post(format!("{url}/v1/oauth/token"))
        .header("accept", "application/json")
        .header("x-app-id", "example-id")
        .header("x-app-token", "example-secret")
        .form(&[("grant_type", "client_credentials"), ("scope", "api")]);
    let answer: serde_json::Value = request.send().await?.error_for_status()?.json().await?;
    let header = bearer(answer["access_token"].as_str().ok_or("no token")?)?;
    Ok((answer, header))
}

/// The crate of the vendor, without the facade.
async fn create_token(
    endpoint: voucherify::Endpoint,
) -> Result<(freshtoken_voucherify::Client, voucherify::types::Token, HeaderValue), Failure> {
    let voucherify::Credentials { app_id, app_token, scope } = credentials();
    let credentials = freshtoken_voucherify::Credentials { app_id, app_token };
    let client = freshtoken_voucherify::Client::new(endpoint, credentials)?;
    let answer = client.create_token(voucherify::types::TokenRequest { scope }).await?;
    let header = bearer(answer.access_token.expose())?;
    Ok((client, answer, header))
}

fn bearer(token: &str) -> Result<HeaderValue, Failure> {
    Ok(HeaderValue::from_str(&format!("Bearer {token}"))?)
}

fn credentials() -> voucherify::Credentials {
    voucherify::Credentials {
        scope: vec![voucherify::types::Scope::Api].into(),
        app_id: "example-id".into(),
        app_token: "example-secret".into(),
    }
}
