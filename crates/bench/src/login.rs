//! A login end to end, compared with a bare POST of the same body by the same HTTP client, and each layer between them.

use std::time::{Duration, Instant};

use freshtoken::{IssuedTokens, TokenSource, http_client_builder, voucherify};
use http::HeaderValue;
use reqwest::Client;

use crate::contenders::BoxError;
use crate::contenders::freshtoken::credentials;
use crate::issuer::{Issuer, Reply};
use crate::report::{Goal, Section, Verdict};
use crate::statistics::{Spread, interleaved};

const LIFETIME: Duration = Duration::from_secs(3_600);

/// The most that a login may take, compared with a bare POST.
const MOST: f64 = 1.1;

const WARM_UP: usize = 10;

#[derive(Clone, Copy)]
enum Way {
    BarePost,
    TypedClient,
    LaterLogin,
    FirstLogin,
    /// Without a custom client, so that it takes the one that all sources share. It always opens a connection.
    SharedClient,
}

const WAYS: [(Way, &str); 5] = [
    (Way::BarePost, "bare POST"),
    (Way::TypedClient, "typed client"),
    (Way::LaterLogin, "a later login of a source"),
    (Way::FirstLogin, "the first login of a source"),
    (Way::SharedClient, "the first login of a source with the shared client"),
];

#[derive(Clone, Copy, PartialEq)]
enum Connection {
    Open,
    New,
}

/// Measures all ways over all kinds of connections.
///
/// # Errors
///
/// If a login fails.
pub fn run(rounds: usize) -> Result<Section, BoxError> {
    let issuer = Issuer::start(Reply::token(LIFETIME));
    let (mut rows, mut goals) = (Vec::new(), Vec::new());
    for (name, connection) in [("open connection", Connection::Open), ("new connection", Connection::New)] {
        let micros = measure(issuer.url(), connection, rounds)?;
        let ratios = micros.each_ref().map(|way| Spread::of_ratios(way, &micros[0]));
        let cell = |(micros, ratio): (Vec<f64>, &Spread)| format!("{:.0}; {:.2}", Spread::of(micros), ratio.median);
        rows.push([vec![name.to_owned()], micros.into_iter().zip(&ratios).map(cell).collect()].concat());
        let [_, _, later, first, shared] = ratios;
        if connection == Connection::New {
            goals.push(Goal {
                what: "the first login of a second source without a custom client".to_owned(),
                limit: format!("{MOST} × a bare POST with a warm client"),
                measured: format!("{shared:.2}"),
                verdict: Verdict::at_most(MOST, shared),
            });
        }
        let slower = if first.median > later.median { first } else { later };
        goals.push(Goal {
            what: format!("a login: {name}"),
            limit: format!("{MOST} × a bare POST"),
            measured: format!("first {first:.2}, later {later:.2}"),
            verdict: Verdict::at_most(MOST, slower),
        });
    }
    Ok(Section {
        title: "A login end to end",
        intro: "Microseconds over HTTP on one thread, and the ratio to the bare POST of the same round.".to_owned(),
        head: [""].into_iter().chain(WAYS.map(|(_, name)| name)).map(str::to_owned).collect(),
        rows,
        goals,
    })
}

/// Returns the microseconds of each round, by way.
fn measure(url: &str, connection: Connection, rounds: usize) -> Result<[Vec<f64>; WAYS.len()], BoxError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut login = Login::new(url)?;
        let mut micros = [const { Vec::new() }; WAYS.len()];
        for round in 0..rounds + WARM_UP {
            for index in interleaved(round, WAYS.len()) {
                if connection == Connection::New {
                    login = Login::new(url)?;
                    // A task still closes the previous connection.
                    while runtime.metrics().num_alive_tasks() > 0 {
                        tokio::task::yield_now().await;
                    }
                }
                let took = login.run(WAYS[index].0).await?;
                if round >= WARM_UP {
                    micros[index].push(took.as_secs_f64() * 1e6);
                }
            }
        }
        Ok(micros)
    })
}

struct Login {
    url: String,
    http: Client,
    endpoint: voucherify::Endpoint,
}

impl Login {
    fn new(url: &str) -> Result<Self, BoxError> {
        // Plain HTTP needs no certificates, and reading the platform's takes long.
        let http = http_client_builder().no_proxy().tls_certs_only([]).build()?;
        let endpoint = voucherify::Endpoint::at(url)?.http_client(http.clone());
        Ok(Self { url: url.to_owned(), http, endpoint })
    }

    async fn run(&self, way: Way) -> Result<Duration, BoxError> {
        match way {
            Way::BarePost => timed(post(&self.http, &self.url)).await,
            Way::TypedClient => timed(create_token(self.endpoint.clone())).await,
            Way::LaterLogin => {
                let token = IssuedTokens::new("example-token").expires_in(LIFETIME);
                let source = TokenSource::builder(self.endpoint.clone(), credentials()).token(token).build();
                source.rejected(&source.try_header().ok_or("the initial token is missing")?);
                let took = timed(async { Ok(source.header().await?) }).await;
                if source.status().counters.logins == 1 { took } else { Err("there was no login".into()) }
            }
            Way::SharedClient => {
                let login = async {
                    let source = TokenSource::new(voucherify::Endpoint::at(&*self.url)?, credentials());
                    let header = source.header().await?;
                    Ok((source, header))
                };
                timed(login).await
            }
            Way::FirstLogin => {
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

/// Times a login, without the time to drop what it returns.
async fn timed<T>(login: impl Future<Output = Result<T, BoxError>>) -> Result<Duration, BoxError> {
    let start = Instant::now();
    let result = login.await?;
    let took = start.elapsed();
    drop(result);
    Ok(took)
}

/// What a user writes without a crate.
async fn post(http: &Client, url: &str) -> Result<(serde_json::Value, HeaderValue), BoxError> {
    let request = http
        .post(format!("{url}/v1/oauth/token"))
        .header("accept", "application/json")
        .header("x-app-id", "example-id")
        .header("x-app-token", "example-secret")
        .form(&[("grant_type", "client_credentials"), ("scope", "api")]);
    let response: serde_json::Value = request.send().await?.error_for_status()?.json().await?;
    let header = bearer(response["access_token"].as_str().ok_or("no token")?)?;
    Ok((response, header))
}

/// The vendor's generated crate without the facade.
async fn create_token(
    endpoint: voucherify::Endpoint,
) -> Result<(freshtoken_voucherify::Client, voucherify::types::Token, HeaderValue), BoxError> {
    let voucherify::Credentials { app_id, app_token, scope } = credentials();
    let credentials = freshtoken_voucherify::Credentials { app_id, app_token };
    let client = freshtoken_voucherify::Client::new(endpoint, credentials)?;
    let response = client.create_token(voucherify::types::TokenRequest { scope }).await?;
    let header = bearer(response.access_token.expose())?;
    Ok((client, response, header))
}

fn bearer(token: &str) -> Result<HeaderValue, BoxError> {
    Ok(HeaderValue::from_str(&format!("Bearer {token}"))?)
}
