//! The agent's responses.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use freshtoken::http::header::{ACCEPT, ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, RETRY_AFTER};
use freshtoken::http::header::{HeaderName, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use freshtoken::http::request::Parts;
use freshtoken::http::{HeaderValue, Request, Response, StatusCode};
use freshtoken::status::RejectionOutcome;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use serde_json::{Value, json};

use crate::failure::{Failure, Status};
use crate::output;
use crate::serve::denied::Denied;
use crate::serve::peer::Peer;
use crate::serve::routes::Route;
use crate::serve::{Agent, Served, metrics, page};

/// The longest body, in bytes.
const BODY: usize = 16 * 1024;

/// How long a client may take for the body.
const BODY_TIME: Duration = Duration::from_secs(5);

const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";

/// No script, no form, no frame, and nothing from anywhere else.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

type Reply = Response<Full<Bytes>>;

/// Responds to one request, and counts it.
pub async fn respond(agent: &Arc<Agent>, peer: Peer, request: Request<Incoming>) -> Reply {
    let (head, body) = request.into_parts();
    let route = match agent.gate.check(&head) {
        Ok(route) => route,
        Err(denied) => {
            agent.count_denied(denied);
            let reply = refuse(denied);
            agent.record("denied", None, reply.status().as_u16(), peer);
            return reply;
        }
    };
    let served = route.account().and_then(|name| agent.find(name));
    let work = perform(agent, &route, served, &head, body);
    let reply = match tokio::time::timeout(agent.limit, work).await {
        Ok(reply) => reply,
        Err(_) => failed(&Failure::timeout(agent.limit)),
    };
    let name = served.map(|served| served.account.name.as_str());
    agent.record(route.name(), name, reply.status().as_u16(), peer);
    reply
}

async fn perform(agent: &Agent, route: &Route, served: Option<&Served>, head: &Parts, body: Incoming) -> Reply {
    match (route, served) {
        (Route::Health, _) => reply(StatusCode::OK, TEXT, "ok\n"),
        (Route::Metrics, _) => {
            agent.load().await;
            reply(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", metrics::text(agent))
        }
        (Route::Page, _) => {
            agent.load().await;
            let page = reply(StatusCode::OK, "text/html; charset=utf-8", page::html(agent, SystemTime::now()));
            // The page loads itself again, and a request with a `Referer` is refused.
            with(with(page, CONTENT_SECURITY_POLICY, POLICY), REFERRER_POLICY, "no-referrer")
        }
        (Route::Accounts, _) => {
            let account =
                |served: &Served| json!({ "name": served.account.name, "vendor": served.account.vendor.name });
            object(StatusCode::OK, &json!({ "accounts": agent.accounts.iter().map(account).collect::<Vec<_>>() }))
        }
        (Route::Header(_), Some(served)) => header(served, head).await.unwrap_or_else(|failure| failed(&failure)),
        (Route::Rejected(_), Some(served)) => rejected(served, body).await,
        (Route::Status(_), Some(served)) => {
            served.load().await;
            object(StatusCode::OK, &serde_json::to_value(served.opened.tokens.status()).unwrap_or_default())
        }
        (_, None) => refuse(Denied::NotFound),
    }
}

impl Agent {
    async fn load(&self) {
        for served in &self.accounts {
            served.load().await;
        }
    }
}

impl Served {
    /// Another process may have renewed or revoked the token. A store that fails is an event, and no reason to fail.
    async fn load(&self) {
        if self.opened.is_local {
            let _ = self.opened.tokens.load_stored().await;
        }
    }
}

async fn header(served: &Served, head: &Parts) -> Result<Reply, Failure> {
    served.load().await;
    let obtained = served.source().current().await?;
    let wants_json =
        head.headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).is_some_and(|accept| accept.contains(JSON));
    Ok(if wants_json {
        object(StatusCode::OK, &output::json(&obtained)?)
    } else {
        reply(StatusCode::OK, TEXT, output::header_lines(&obtained)?)
    })
}

/// The body has the header lines of the call that got 401.
async fn rejected(served: &Served, body: Incoming) -> Reply {
    let Ok(body) = tokio::time::timeout(BODY_TIME, Limited::new(body, BODY).collect()).await else {
        return error(StatusCode::REQUEST_TIMEOUT, "too_slow", "the body did not arrive within 5 s");
    };
    let Ok(body) = body else {
        let message = "the body has the header lines of the call, and at most 16 KiB";
        return error(StatusCode::PAYLOAD_TOO_LARGE, "too_large", message);
    };
    let body = body.to_bytes();
    let tokens = &served.opened.tokens;
    let line = |line: &[u8]| {
        let at = line.iter().position(|byte| *byte == b':')?;
        let is_token = line[..at].eq_ignore_ascii_case(tokens.header_name().as_str().as_bytes());
        is_token.then(|| HeaderValue::from_bytes(line[at + 1..].trim_ascii()).ok()).flatten()
    };
    let Some(value) = body.split(|byte| *byte == b'\n').find_map(line) else {
        let message = "the body has no line of the header that carries the token";
        return error(StatusCode::BAD_REQUEST, "bad_request", message);
    };
    let result = match tokens.rejected(&value) {
        RejectionOutcome::Superseded => "superseded",
        RejectionOutcome::Renewing => "renewing",
        _ => "permission_problem",
    };
    object(StatusCode::OK, &json!({ "result": result }))
}

/// A failure of the vendor or of this machine.
fn failed(failure: &Failure) -> Reply {
    let (status, name) = match failure.status {
        Status::Later => (StatusCode::SERVICE_UNAVAILABLE, "try_later"),
        Status::Refused => (StatusCode::BAD_GATEWAY, "refused"),
        Status::Consent => (StatusCode::BAD_GATEWAY, "consent_needed"),
        Status::Usage => (StatusCode::INTERNAL_SERVER_ERROR, "configuration"),
        Status::Other => (StatusCode::INTERNAL_SERVER_ERROR, "failed"),
    };
    match failure.retry_after_seconds() {
        Some(seconds) => {
            let value = json!({ "error": name, "message": failure.message, "retry_after": seconds });
            with(object(status, &value), RETRY_AFTER, &seconds.to_string())
        }
        None => error(status, name, &failure.message),
    }
}

fn refuse(denied: Denied) -> Reply {
    let reply = error(denied.status(), denied.name(), denied.message());
    // HTTP asks for it; which method is right is in the documentation.
    if denied == Denied::Method { with(reply, ALLOW, "GET, POST") } else { reply }
}

fn error(status: StatusCode, name: &str, message: &str) -> Reply {
    object(status, &json!({ "error": name, "message": message }))
}

fn object(status: StatusCode, value: &Value) -> Reply {
    reply(status, JSON, format!("{value}\n"))
}

fn reply(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Reply {
    let mut reply = Response::new(Full::new(body.into()));
    *reply.status_mut() = status;
    let reply = with(reply, CONTENT_TYPE, content_type);
    with(with(reply, CACHE_CONTROL, "no-store"), X_CONTENT_TYPE_OPTIONS, "nosniff")
}

fn with(mut reply: Reply, name: HeaderName, value: &str) -> Reply {
    if let Ok(value) = HeaderValue::from_str(value) {
        reply.headers_mut().insert(name, value);
    }
    reply
}
