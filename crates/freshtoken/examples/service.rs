//! A service that calls Voucherify on behalf of many accounts, each with its own credentials and token.
//!
//! - `GET /accounts/{account}/vouchers`: Voucherify's response; 404 for an unknown account, 502 if Voucherify refuses the
//!   account, and 503 while its issuer is unreachable.
//! - `GET /health`: the state of each account's token.
//!
//! Account 1 has `VOUCHERIFY_APP_ID`, `VOUCHERIFY_APP_TOKEN` and `VOUCHERIFY_SCOPE`, account 2 the same with `_2` appended,
//! and so on. It listens on `PORT`, by default 8080:
//!
//! ```sh
//! cargo run -p freshtoken --example service
//! ```
//!
//! Without credentials, against the sandbox:
//!
//! ```sh
//! cargo run -p freshtoken-sandbox -- voucherify --accounts 3 -- cargo run -p freshtoken --example service
//! ```

use std::collections::HashMap;
use std::env;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use freshtoken::env::FromEnv;
use freshtoken::{HttpClient, HttpError, TokenSources, voucherify};
use serde_json::{Value, json};

struct Service {
    /// With thousands of accounts, use a database instead.
    credentials: HashMap<String, voucherify::Credentials>,
    accounts: TokenSources<voucherify::Endpoint>,
    /// The client of the first account. The others share its connections.
    api: HttpClient,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (endpoint, credentials) = from_env()?;
    let accounts = TokenSources::builder(endpoint).at_most(10_000).idle(Duration::from_secs(60 * 60)).build();
    let timeout = reqwest::Client::builder().timeout(Duration::from_secs(30));
    let api = HttpClient::from_builder(timeout, accounts.get("1", || credentials["1"].clone()))?;
    let url = env::var("VOUCHERIFY_API_URL").unwrap_or_else(|_| "https://api.voucherify.io".to_owned());
    let service = Arc::new(Service { api: api.base_url(url)?, credentials, accounts });
    tokio::spawn(evict_idle(service.clone()));

    let port = env::var("PORT").unwrap_or_else(|_| "8080".to_owned()).parse()?;
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    println!("listening on http://{}", listener.local_addr()?);
    let routes = Router::new().route("/accounts/{account}/vouchers", get(vouchers)).route("/health", get(health));
    axum::serve(listener, routes.with_state(service)).with_graceful_shutdown(ctrl_c()).await?;
    Ok(())
}

async fn vouchers(State(service): State<Arc<Service>>, Path(account): Path<String>) -> Response {
    let Some(credentials) = service.credentials.get(&account) else {
        return (StatusCode::NOT_FOUND, "no such account\n").into_response();
    };
    let tokens = service.accounts.get(&account, || credentials.clone());
    let api = service.api.with_tokens(tokens);
    match api.get("/v1/vouchers?limit=10").send().await {
        Ok(response) => forward(response).await,
        Err(error) => failed(&account, error),
    }
}

async fn forward(upstream: reqwest::Response) -> Response {
    let (status, content_type) = (upstream.status(), upstream.headers().get(CONTENT_TYPE).cloned());
    let Ok(body) = upstream.bytes().await else {
        return (StatusCode::BAD_GATEWAY, "Voucherify's response was incomplete\n").into_response();
    };
    let mut response = (status, body).into_response();
    if let Some(content_type) = content_type {
        response.headers_mut().insert(CONTENT_TYPE, content_type);
    }
    response
}

/// Error messages contain no secret, but they are for the service's operator and not for its callers.
fn failed(account: &str, error: HttpError) -> Response {
    eprintln!("account {account}: {error:?}");
    match error {
        HttpError::Token(error) if error.is_transient() => {
            let wait = error.retry_after().unwrap_or_default().as_secs_f64().ceil().to_string();
            (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, wait)], "no token now\n").into_response()
        }
        HttpError::Token(_) => (StatusCode::BAD_GATEWAY, "no token for this account\n").into_response(),
        _ => (StatusCode::BAD_GATEWAY, "Voucherify is unreachable\n").into_response(),
    }
}

async fn health(State(service): State<Arc<Service>>) -> Response {
    let sources = service.accounts.sources().into_iter();
    let states = sources.map(|(account, tokens)| {
        let status = tokens.status();
        let error = status.last_error.map(|error| error.to_string());
        let state = json!({ "state": format!("{:?}", status.state), "serving": status.is_serving, "error": error });
        (account.to_string(), state)
    });
    ([(CONTENT_TYPE, "application/json")], states.collect::<Value>().to_string()).into_response()
}

/// Evicts idle sources every minute. A full set does so on its own, but a set that never fills up does not.
async fn evict_idle(service: Arc<Service>) {
    let mut minutes = tokio::time::interval(Duration::from_secs(60));
    loop {
        minutes.tick().await;
        service.accounts.evict_idle();
    }
}

/// Reads the credentials of all accounts from the environment.
fn from_env() -> Result<(voucherify::Endpoint, HashMap<String, voucherify::Credentials>), Box<dyn std::error::Error>> {
    let (endpoint, first) = voucherify::Endpoint::from_env()?;
    let mut accounts = HashMap::from([("1".to_owned(), first)]);
    for number in 2.. {
        let variable = |name: &str| env::var(format!("{name}_{number}")).ok();
        if variable("VOUCHERIFY_APP_ID").is_none() {
            break;
        }
        let of_account = voucherify::Endpoint::from_vars(&variable);
        let (_, credentials) =
            of_account.map_err(|error| format!("account {number}, variables with _{number}: {error}"))?;
        accounts.insert(number.to_string(), credentials);
    }
    Ok((endpoint, accounts))
}

async fn ctrl_c() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending().await
    }
}
