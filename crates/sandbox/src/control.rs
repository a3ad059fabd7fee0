//! The control endpoint: JSON for a person or a program that controls the sandbox.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Request, State};
use axum::http::{Method, Response as HttpResponse, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::routing::any;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::account::Credentials;
use crate::event::Counts;
use crate::fault::Fault;
use crate::issuer::Issuer;
use crate::spec::duration::{show, text};

/// Serves `GET /_sandbox`, `GET /_sandbox/VENDOR` and `/_sandbox/VENDOR/…`.
pub(crate) fn router(issuers: Arc<[Issuer]>) -> Router<Arc<[Issuer]>> {
    Router::new()
        .route("/_sandbox", any(overview))
        .route("/_sandbox/{vendor}", any(one))
        .route("/_sandbox/{vendor}/{thing}", any(thing))
        .layer(from_fn(refuse_browsers))
        .with_state(issuers)
}

/// Rejects requests from web pages, which browsers mark with `Origin`.
async fn refuse_browsers(request: Request, next: Next) -> HttpResponse<Body> {
    if request.headers().contains_key(header::ORIGIN) {
        respond(Err((StatusCode::FORBIDDEN, "web pages cannot control the sandbox".to_owned())))
    } else {
        next.run(request).await
    }
}

type ControlResult = Result<Value, (StatusCode, String)>;

async fn overview(State(issuers): State<Arc<[Issuer]>>, method: Method) -> HttpResponse<Body> {
    respond(only(&method, &Method::GET).and_then(|()| {
        let all = issuers.iter().map(|issuer| Ok((issuer.name(), value(&view(issuer))?)));
        value(&all.collect::<Result<BTreeMap<_, _>, _>>()?)
    }))
}

async fn one(State(issuers): State<Arc<[Issuer]>>, Path(name): Path<String>, method: Method) -> HttpResponse<Body> {
    let view = || value(&view(find(&issuers, &name)?));
    respond(only(&method, &Method::GET).and_then(|()| view()))
}

async fn thing(
    State(issuers): State<Arc<[Issuer]>>,
    Path((name, thing)): Path<(String, String)>,
    method: Method,
    body: Bytes,
) -> HttpResponse<Body> {
    respond(find(&issuers, &name).and_then(|issuer| {
        let (value, done) = act(issuer, &thing, &method, &body)?;
        if let Some(done) = done {
            issuer.record_directed(method.as_str(), &thing, done);
        }
        Ok(value)
    }))
}

/// Returns the response, and a line for the log if something changed.
fn act(
    issuer: &Issuer,
    thing: &str,
    method: &Method,
    body: &[u8],
) -> Result<(Value, Option<String>), (StatusCode, String)> {
    match (thing, method.as_str()) {
        ("events", "GET") => Ok((value(&issuer.events())?, None)),
        ("counts", "GET") => Ok((value(&issuer.counts())?, None)),
        ("faults", "GET") => Ok((value(&issuer.faults())?, None)),
        ("faults", "POST") => {
            let fault = fault(body, issuer.clock().now())?;
            let done = format!("fault injected: {fault}");
            issuer.inject(fault);
            Ok((value(&issuer.faults())?, Some(done)))
        }
        ("faults", "DELETE") => {
            issuer.clear_faults();
            Ok((value(&issuer.faults())?, Some("faults cleared".to_owned())))
        }
        ("clock", "POST") => {
            let by = read::<Advance>(body)?.advance;
            if !issuer.clock().try_advance(by) {
                return Err((StatusCode::BAD_REQUEST, "`advance` leads past the year 9999".to_owned()));
            }
            let now = jiff::Timestamp::try_from(issuer.clock().now()).unwrap_or_default().to_string();
            Ok((json!({ "now": now }), Some(format!("clock advanced by {}", show(by)))))
        }
        ("revoke", "POST") => {
            let revoked = issuer.revoke_all();
            Ok((json!({ "revoked": revoked }), Some(format!("access tokens revoked: {revoked}"))))
        }
        ("consent", "POST") => match issuer.consent() {
            Some(refresh_token) => {
                Ok((json!({ "refresh_token": refresh_token }), Some("consent given, refresh token issued".to_owned())))
            }
            None => Err((StatusCode::NOT_FOUND, format!("{} has no refresh tokens", issuer.name()))),
        },
        ("events" | "counts" | "faults" | "clock" | "revoke" | "consent", _) => {
            Err((StatusCode::METHOD_NOT_ALLOWED, format!("{method} is not allowed here")))
        }
        _ => Err((
            StatusCode::NOT_FOUND,
            format!("unknown path `{thing}`; try one of: clock, consent, counts, events, faults, revoke"),
        )),
    }
}

/// The state of a vendor.
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
    #[serde(with = "text")]
    advance: Duration,
}

fn find<'a>(issuers: &'a [Issuer], name: &str) -> Result<&'a Issuer, (StatusCode, String)> {
    issuers.iter().find(|issuer| issuer.name() == name).ok_or_else(|| {
        let names: Vec<&str> = issuers.iter().map(Issuer::name).collect();
        (StatusCode::NOT_FOUND, format!("unknown vendor `{name}`; the vendors are: {}", names.join(", ")))
    })
}

fn only(method: &Method, known: &Method) -> Result<(), (StatusCode, String)> {
    if method == known {
        Ok(())
    } else {
        Err((StatusCode::METHOD_NOT_ALLOWED, format!("{method} is not allowed here")))
    }
}

fn read<T: for<'de> Deserialize<'de>>(body: &[u8]) -> Result<T, (StatusCode, String)> {
    serde_json::from_slice(body).map_err(|error| (StatusCode::BAD_REQUEST, error.to_string()))
}

/// Parses a fault. Unknown members are rejected, so that a typo doesn't inject another fault. A null member counts as
/// absent.
fn fault(body: &[u8], now: SystemTime) -> Result<Fault, (StatusCode, String)> {
    let refuse = |why: String| (StatusCode::BAD_REQUEST, why);
    let mut words = read::<serde_json::Map<String, Value>>(body)?;
    words.retain(|_, value| !value.is_null());
    // Serde would read a number as the index of a variant.
    if words.get("fault").is_some_and(|fault| !fault.is_string()) {
        return Err(refuse("`fault` is not a string".to_owned()));
    }
    let fault: Fault = serde_json::from_value(words.clone().into()).map_err(|error| refuse(error.to_string()))?;
    let understood = value(&fault)?;
    if let Some(word) = words.keys().find(|word| understood.get(word).is_none()) {
        return Err(refuse(format!("unknown member `{word}`")));
    }
    fault.check(now).map_err(refuse)?;
    Ok(if words.contains_key("on") { fault } else { fault.where_it_makes_sense() })
}

fn value(value: &impl Serialize) -> ControlResult {
    serde_json::to_value(value).map_err(|error| (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))
}

fn respond(result: ControlResult) -> HttpResponse<Body> {
    let (status, value) = match result {
        Ok(value) => (StatusCode::OK, value),
        Err((status, error)) => (status, json!({ "error": error })),
    };
    let mut response = HttpResponse::new(Body::from(format!("{value:#}\n")));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    // The body contains credentials and refresh tokens.
    headers.insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    response
}
