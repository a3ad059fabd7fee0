//! The control endpoint: what a person or another program sees and does, in JSON.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Request, State};
use axum::http::{Method, Response, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::routing::any;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::Fault;
use crate::account::Credentials;
use crate::event::Counts;
use crate::issuer::Issuer;
use crate::spec::duration;

/// The folder of the control endpoint; no vendor can have this name.
pub(crate) const PATH: &str = "_sandbox";

/// `GET /_sandbox`, `GET /_sandbox/VENDOR`, and what hangs from a vendor.
pub(crate) fn router(issuers: Arc<[Issuer]>) -> Router<Arc<[Issuer]>> {
    Router::new()
        .route("/_sandbox", any(overview))
        .route("/_sandbox/{vendor}", any(one))
        .route("/_sandbox/{vendor}/{thing}", any(thing))
        .layer(from_fn(refuse_browsers))
        .with_state(issuers)
}

/// A web page has no business here. Browsers say where a request comes from.
async fn refuse_browsers(request: Request, next: Next) -> Response<Body> {
    match request.headers().contains_key(header::ORIGIN) {
        true => answer(Err((StatusCode::FORBIDDEN, "web pages can't control the sandbox".to_owned()))),
        false => next.run(request).await,
    }
}

type Answered = Result<Value, (StatusCode, String)>;

async fn overview(State(issuers): State<Arc<[Issuer]>>, method: Method) -> Response<Body> {
    answer(only(&method, &Method::GET).and_then(|()| {
        let all = issuers.iter().map(|issuer| Ok((issuer.name(), value(&view(issuer))?)));
        value(&all.collect::<Result<BTreeMap<_, _>, _>>()?)
    }))
}

async fn one(State(issuers): State<Arc<[Issuer]>>, Path(name): Path<String>, method: Method) -> Response<Body> {
    let view = || value(&view(find(&issuers, &name)?));
    answer(only(&method, &Method::GET).and_then(|()| view()))
}

async fn thing(
    State(issuers): State<Arc<[Issuer]>>,
    Path((name, thing)): Path<(String, String)>,
    method: Method,
    body: Bytes,
) -> Response<Body> {
    answer(find(&issuers, &name).and_then(|issuer| act(issuer, &thing, &method, &body)))
}

fn act(issuer: &Issuer, thing: &str, method: &Method, body: &[u8]) -> Answered {
    match (thing, method.as_str()) {
        ("events", "GET") => value(&issuer.events()),
        ("counts", "GET") => value(&issuer.counts()),
        ("faults", "GET") => value(&issuer.faults()),
        ("faults", "POST") => {
            issuer.fault(fault(body)?);
            value(&issuer.faults())
        }
        ("faults", "DELETE") => {
            issuer.clear_faults();
            value(&issuer.faults())
        }
        ("clock", "POST") => {
            issuer.advance_clock(read::<Advance>(body)?.advance);
            value(&json!({ "now": jiff::Timestamp::try_from(issuer.clock().now()).unwrap_or_default().to_string() }))
        }
        ("revoke", "POST") => value(&json!({ "revoked": issuer.revoke_all() })),
        ("consent", "POST") => match issuer.consent() {
            Some(refresh_token) => value(&json!({ "refresh_token": refresh_token })),
            None => Err((StatusCode::NOT_FOUND, format!("{} has no refresh tokens", issuer.name()))),
        },
        ("events" | "counts" | "faults" | "clock" | "revoke" | "consent", _) => {
            Err((StatusCode::METHOD_NOT_ALLOWED, format!("{method} isn't known here")))
        }
        _ => Err((
            StatusCode::NOT_FOUND,
            format!("there is no `{thing}`; there are: clock, consent, counts, events, faults, revoke"),
        )),
    }
}

/// How a vendor is.
#[derive(Serialize)]
struct View {
    url: String,
    credentials: Vec<Credentials>,
    #[serde(skip_serializing_if = "Credentials::is_empty")]
    settings: Credentials,
    live_tokens: usize,
    counts: Counts,
    faults: Vec<Fault>,
}

fn view(issuer: &Issuer) -> View {
    View {
        url: issuer.url().to_owned(),
        credentials: issuer.all_credentials().to_vec(),
        settings: issuer.settings().clone(),
        live_tokens: issuer.live_tokens(),
        counts: issuer.counts(),
        faults: issuer.faults(),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    #[serde(deserialize_with = "text")]
    advance: Duration,
}

fn text<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    duration(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
}

fn find<'a>(issuers: &'a [Issuer], name: &str) -> Result<&'a Issuer, (StatusCode, String)> {
    issuers.iter().find(|issuer| issuer.name() == name).ok_or_else(|| {
        let names: Vec<&str> = issuers.iter().map(Issuer::name).collect();
        (StatusCode::NOT_FOUND, format!("there is no vendor `{name}`; there are: {}", names.join(", ")))
    })
}

fn only(method: &Method, known: &Method) -> Result<(), (StatusCode, String)> {
    match method == known {
        true => Ok(()),
        false => Err((StatusCode::METHOD_NOT_ALLOWED, format!("{method} isn't known here"))),
    }
}

fn read<T: for<'de> Deserialize<'de>>(body: &[u8]) -> Result<T, (StatusCode, String)> {
    serde_json::from_slice(body).map_err(|error| (StatusCode::BAD_REQUEST, error.to_string()))
}

/// A fault, of which every word is known: a slip mustn't make it another one.
fn fault(body: &[u8]) -> Result<Fault, (StatusCode, String)> {
    let fault: Fault = read(body)?;
    let understood = value(&fault)?;
    let words = read::<serde_json::Map<String, Value>>(body)?;
    match words.keys().find(|word| understood.get(word).is_none()) {
        Some(word) => Err((StatusCode::BAD_REQUEST, format!("`{word}` isn't known here"))),
        None => Ok(fault),
    }
}

fn value(value: &impl Serialize) -> Answered {
    serde_json::to_value(value).map_err(|error| (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))
}

fn answer(answered: Answered) -> Response<Body> {
    let (status, value) = match answered {
        Ok(value) => (StatusCode::OK, value),
        Err((status, error)) => (status, json!({ "error": error })),
    };
    let mut response = Response::new(Body::from(format!("{value:#}\n")));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    response
}
