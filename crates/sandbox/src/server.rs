//! HTTP: passes requests to issuers, and applies faults of the connection.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::SystemTime;
use std::{io, mem};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response as HttpResponse, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use http_body::Frame;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

use crate::clock::http_date;
use crate::connection::ResetHandle;
use crate::event::{Event, Outcome};
use crate::exchange::{Reply, VendorRequest};
use crate::issuer::{Issuer, OnEvent, logged_method};
use crate::response::message::Response;
use crate::{control, host};

/// The largest request body: 1 MiB.
const MAX_BODY: usize = 1024 * 1024;

/// Routes requests to the vendors and to the control endpoint.
pub(crate) fn router(issuers: Arc<[Issuer]>, on_event: Option<OnEvent>) -> Router {
    let known = Known { issuers: issuers.clone(), on_event };
    Router::new()
        .merge(control::router(issuers.clone()))
        .fallback(handle)
        .with_state(issuers)
        .layer(from_fn_with_state(known, only_loopback))
}

#[derive(Clone)]
struct Known {
    issuers: Arc<[Issuer]>,
    on_event: Option<OnEvent>,
}

/// Rejects a request for another host than this machine. A web page could otherwise read responses by resolving its own
/// name to 127.0.0.1 (DNS rebinding).
async fn only_loopback(State(known): State<Known>, request: Request, next: Next) -> HttpResponse<Body> {
    let Err((status, why)) = host::check(&request) else { return next.run(request).await };
    let method = request.method().as_str().to_owned();
    let Some((issuer, path)) = vendor(&known.issuers, request.uri().path()) else {
        let event = Event {
            at: SystemTime::now(),
            vendor: crate::vendor::CONTROL.to_owned(),
            method: logged_method(&method),
            path: "/***".to_owned(),
            status: Some(status),
            outcome: Outcome::Refused { why: why.to_owned() },
            fault: None,
        };
        if let Some(on_event) = &known.on_event {
            on_event(&event);
        }
        return with_status(status, Body::from(format!("{why}\n")));
    };
    let request = VendorRequest { method, path, query: String::new(), headers: HeaderMap::new(), body: Vec::new() };
    reply_response(issuer.refuse(&request, status, why))
}

/// Returns the vendor of a path, and the rest of the path.
fn vendor(issuers: &[Issuer], path: &str) -> Option<(Issuer, String)> {
    issuers.iter().find_map(|issuer| {
        let rest = path.strip_prefix('/')?.strip_prefix(issuer.name())?;
        (rest.is_empty() || rest.starts_with('/')).then(|| (issuer.clone(), rest.to_owned()))
    })
}

/// Handles each request in a task of its own: if the client disconnects, the request still takes effect, as at a real
/// vendor.
async fn handle(
    State(issuers): State<Arc<[Issuer]>>,
    ConnectInfo(reset_handle): ConnectInfo<ResetHandle>,
    request: Request,
) -> HttpResponse<Body> {
    let Some((issuer, rest)) = vendor(&issuers, request.uri().path()) else {
        let names: Vec<&str> = issuers.iter().map(Issuer::name).collect();
        let text = format!("no vendor has this path; the vendors are: {}\n", names.join(", "));
        return with_status(404, Body::from(text));
    };
    // The task only fails when the runtime shuts down.
    let reply = tokio::spawn(handle_vendor(issuer, rest, request)).await.unwrap_or(Reply::Reset);
    if matches!(reply, Reply::Reset) {
        reset_handle.reset();
    }
    reply_response(reply)
}

fn reply_response(reply: Reply) -> HttpResponse<Body> {
    match reply {
        Reply::Response { response, date, is_truncated } => http_response(response, date, is_truncated),
        Reply::Reset => with_status(200, Body::empty()),
    }
}

async fn handle_vendor(issuer: Issuer, path: String, request: Request) -> Reply {
    let (parts, body) = request.into_parts();
    let body = Limited::new(body, MAX_BODY).collect().await;
    let mut request = VendorRequest {
        method: parts.method.as_str().to_owned(),
        path: if path.is_empty() { "/".to_owned() } else { path },
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: parts.headers,
        body: Vec::new(),
    };
    match body {
        Ok(body) => {
            request.body = body.to_bytes().into();
            issuer.handle(&request).await
        }
        Err(error) if error.is::<LengthLimitError>() => issuer.refuse(&request, 413, "the body is longer than 1 MiB"),
        Err(_) => issuer.refuse(&request, 400, "the body is truncated or malformed"),
    }
}

fn http_response(mut response: Response, date: SystemTime, is_truncated: bool) -> HttpResponse<Body> {
    let length = response.body.len();
    let body = if is_truncated {
        response.body.truncate(length / 2);
        Body::new(TruncatedBody::Half(response.body.into()))
    } else {
        Body::from(response.body)
    };
    let mut sent = with_status(response.status, body);
    let headers = sent.headers_mut();
    for (name, value) in &response.headers {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(value)) {
            headers.insert(name, value);
        }
    }
    if let Ok(date) = HeaderValue::from_str(&http_date(date)) {
        headers.insert(header::DATE, date);
    }
    if is_truncated {
        // One byte is missing from an empty body.
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length.max(1)));
    }
    sent
}

fn with_status(status: u16, body: Body) -> HttpResponse<Body> {
    let mut response = HttpResponse::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response
}

/// Sends half a body and then closes the connection.
enum TruncatedBody {
    Half(Bytes),
    /// Lets the first half be written before the error.
    Sent,
    Over,
}

impl http_body::Body for TruncatedBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match mem::replace(&mut *self, Self::Over) {
            Self::Half(half) => {
                *self = Self::Sent;
                Poll::Ready(Some(Ok(Frame::data(half))))
            }
            Self::Sent => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Self::Over => Poll::Ready(Some(Err(io::ErrorKind::UnexpectedEof.into()))),
        }
    }
}
