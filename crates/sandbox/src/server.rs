//! HTTP: from a request to an issuer and back, faults of the connection included.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::{io, mem};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderName, HeaderValue, Response, StatusCode, header};
use http_body::Frame;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

use crate::answer::Answer;
use crate::clock::http_date;
use crate::connection::Tear;
use crate::control;
use crate::issuer::{Call, Issuer, Reply};

/// The most that is read of a request.
const MAX_BODY: usize = 1024 * 1024;

/// The vendors of a sandbox, each under its name, and the control endpoint.
pub(crate) fn router(issuers: Arc<[Issuer]>) -> Router {
    Router::new().merge(control::router(issuers.clone())).fallback(handle).with_state(issuers)
}

/// Plays each request in a task of its own: a client that goes away doesn't stop a vendor, and what it has asked for is
/// done all the same.
async fn handle(
    State(issuers): State<Arc<[Issuer]>>,
    ConnectInfo(tear): ConnectInfo<Tear>,
    request: Request,
) -> Response<Body> {
    let path = request.uri().path();
    let found = issuers.iter().find_map(|issuer| {
        let rest = path.strip_prefix('/')?.strip_prefix(issuer.name())?;
        (rest.is_empty() || rest.starts_with('/')).then(|| (issuer.clone(), rest.to_owned()))
    });
    let Some((issuer, rest)) = found else {
        let names: Vec<&str> = issuers.iter().map(Issuer::name).collect();
        let text = format!("No vendor is played here. There are: {}\n", names.join(", "));
        return with_status(404, Body::from(text));
    };
    match tokio::spawn(play(issuer, rest, request)).await {
        Ok(Reply::Answer { answer, date, is_cut }) => response(answer, date, is_cut),
        // A task fails if the runtime ends.
        Ok(Reply::Reset) | Err(_) => {
            tear.reset();
            with_status(200, Body::empty())
        }
    }
}

async fn play(issuer: Issuer, path: String, request: Request) -> Reply {
    let (parts, body) = request.into_parts();
    let body = Limited::new(body, MAX_BODY).collect().await;
    let mut call = Call {
        method: parts.method.as_str().to_owned(),
        path: if path.is_empty() { "/".to_owned() } else { path },
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: parts.headers,
        body: Vec::new(),
    };
    match body {
        Ok(body) => {
            call.body = body.to_bytes().into();
            issuer.play(&call).await
        }
        Err(error) if error.is::<LengthLimitError>() => issuer.refuse(&call, 413, "the body is longer than 1 MiB"),
        Err(_) => issuer.refuse(&call, 400, "the body ends too early, or its parts can't be read"),
    }
}

fn response(mut answer: Answer, date: std::time::SystemTime, is_cut: bool) -> Response<Body> {
    let length = answer.body.len();
    let body = match is_cut {
        true => {
            answer.body.truncate(length / 2);
            Body::new(CutBody::Half(mem::take(&mut answer.body).into()))
        }
        false => Body::from(mem::take(&mut answer.body)),
    };
    let mut response = with_status(answer.status, body);
    let headers = response.headers_mut();
    for (name, value) in &answer.headers {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(value)) {
            headers.insert(name, value);
        }
    }
    if let Ok(date) = HeaderValue::from_str(&http_date(date)) {
        headers.insert(header::DATE, date);
    }
    if is_cut {
        // Of a body that is empty, one byte is missing.
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length.max(1)));
    }
    response
}

fn with_status(status: u16, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response
}

/// Half a body, and then an end of the connection.
enum CutBody {
    Half(Bytes),
    /// What was written is on its way first.
    Sent,
    Over,
}

impl http_body::Body for CutBody {
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
