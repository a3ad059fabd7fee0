//! The service: one request, and maybe one more.

use std::fmt;
use std::future::{Future, poll_fn};
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};

use freshtoken_wire::{Secret, is_loopback_address};
use http::uri::{PathAndQuery, Scheme};
use http::{Request, Response, Uri};
use reqwest::Url;
use tower_layer::Layer;
use tower_service::Service;

use crate::http_client::call::{carry_in, check_plain, with_parameter};
use crate::http_client::origins::Origins;
use crate::http_error::HttpError;
use crate::source::TokenSource;
use crate::status::RejectionOutcome;
use crate::token::Token;
use crate::tower::body::CloneBody;
use crate::tower::layer::TokenLayer;
use crate::tower::response::Verdict;
use crate::used_token::UsedToken;

/// The error of a [`TokenService`]: an [`Error`](crate::Error) of the source, an [`HttpError`] if the token must not be sent
/// there, or the error of the service below.
type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The future of a [`TokenService`].
pub type ResponseFuture<R> = Pin<Box<dyn Future<Output = Result<Response<R>, BoxError>> + Send>>;

/// A service whose requests carry a fresh token: see the [module](crate::tower). Created by [`TokenLayer`].
#[derive(Clone)]
pub struct TokenService<S, C> {
    inner: S,
    layer: TokenLayer<C>,
}

impl<S, C: Clone> Layer<S> for TokenLayer<C> {
    type Service = TokenService<S, C>;

    fn layer(&self, inner: S) -> Self::Service {
        TokenService::new(inner, self.clone())
    }
}

impl<S, C> TokenService<S, C> {
    pub(super) fn new(inner: S, layer: TokenLayer<C>) -> Self {
        Self { inner, layer }
    }
}

impl<S, C, B, R> Service<Request<B>> for TokenService<S, C>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<BoxError>,
    C: CloneBody<B> + Clone + Send + 'static,
    B: Send + 'static,
    R: Send + 'static,
{
    type Response = Response<R>;
    type Error = BoxError;
    type Future = ResponseFuture<R>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, request: Request<B>) -> ResponseFuture<R> {
        // The clone may not be ready: this one is.
        let clone = self.inner.clone();
        let ready = mem::replace(&mut self.inner, clone);
        let layer = self.layer.clone();
        Box::pin(send(ready, layer, request))
    }
}

async fn send<S, C, B, R>(
    mut service: S,
    layer: TokenLayer<C>,
    mut request: Request<B>,
) -> Result<Response<R>, BoxError>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: Into<BoxError>,
    C: CloneBody<B>,
{
    let TokenLayer { tokens, origins, clone_body } = layer;
    check(request.uri(), &origins)?;
    let again = clone_body.clone_body(request.body()).map(|body| copy(&request, body));
    let token = tokens.token().await?;
    carry(&tokens, &token, &mut request)?;
    let response = service.call(request).await.map_err(Into::into)?;
    let rejection = report(&tokens, &token, Verdict::of(&response));
    let Some(mut request) = again.filter(|_| rejection.is_some_and(may_help)) else { return Ok(response) };
    let next = tokens.token().await?;
    // The store may have had no newer one.
    if next.generation() == token.generation() {
        return Ok(response);
    }
    drop(response);
    carry(&tokens, &next, &mut request)?;
    poll_fn(|context| service.poll_ready(context)).await.map_err(Into::into)?;
    let response = service.call(request).await.map_err(Into::into)?;
    report(&tokens, &next, Verdict::of(&response));
    Ok(response)
}

/// Puts the token into a request: into its headers, or into the query of its URI.
fn carry<B>(tokens: &TokenSource, token: &Token, request: &mut Request<B>) -> Result<(), BoxError> {
    carry_in(tokens, token, request.headers_mut());
    let Some(name) = tokens.query_name() else { return Ok(()) };
    let mut parts = request.uri().clone().into_parts();
    let (path, query) = parts.path_and_query.as_ref().map_or(("/", None), |all| (all.path(), all.query()));
    let all = Secret::new([path, "?", &with_parameter(query, name, token.expose())].concat());
    parts.path_and_query = Some(PathAndQuery::try_from(all.expose())?);
    *request.uri_mut() = Uri::from_parts(parts)?;
    Ok(())
}

/// Reports what became of the token. Returns what a rejection means.
fn report(tokens: &TokenSource, token: &Token, verdict: Verdict) -> Option<RejectionOutcome> {
    match verdict {
        Verdict::Accepted => token.accept(),
        Verdict::Unknown => {}
        Verdict::Rejected => return Some(tokens.reject(UsedToken::Token(token)).rejection),
    }
    None
}

/// Whether a new token may help.
fn may_help(rejection: RejectionOutcome) -> bool {
    rejection != RejectionOutcome::PermissionProblem
}

/// Checks that the token may go where the request goes. Without a host, the service below decides.
fn check(uri: &Uri, origins: &Origins) -> Result<(), HttpError> {
    if uri.host().is_none() {
        return Ok(());
    }
    let scheme = uri.scheme().unwrap_or(&Scheme::HTTPS);
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let url = Url::parse(&format!("{scheme}://{authority}")).map_err(|_| HttpError::BaseUrl)?;
    check_plain(&url, is_loopback_address)?;
    origins.check(&url, None)
}

/// Returns a copy of a request with this body.
fn copy<B>(request: &Request<B>, body: B) -> Request<B> {
    let mut copy = Request::new(body);
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.version_mut() = request.version();
    *copy.headers_mut() = request.headers().clone();
    *copy.extensions_mut() = request.extensions().clone();
    copy
}

/// Prints no token.
impl<S, C> fmt::Debug for TokenService<S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenService").field("tokens", self.layer.tokens()).finish_non_exhaustive()
    }
}
