//! A layer for tower services over [`http::Request`], such as clients of `hyper-util` and `tonic`.
//!
//! ```
//! # use freshtoken::{TokenSource, Vendor};
//! # use http::{Request, Response};
//! # use tower::{BoxError, Service};
//! # fn example<V: Vendor, S>(endpoint: V, credentials: V::Credentials, http_client: S) -> Result<(), BoxError>
//! # where S: Service<Request<String>, Response = Response<String>, Error = BoxError> + Clone + Send + 'static, S::Future: Send {
//! use freshtoken::tower::TokenLayer;
//! use tower::ServiceBuilder;
//!
//! let tokens = TokenLayer::new(TokenSource::new(endpoint, credentials)).retry().allow_origin("https://api.example.com")?;
//! let mut api = ServiceBuilder::new().layer(tokens).service(http_client);
//! let response = api.call(Request::get("https://api.example.com/orders").body(String::new())?);
//! # let _ = response;
//! # Ok(())
//! # }
//! ```
//!
//! - **Each request** gets the token's headers, which replace existing ones of the same names.
//! - **The response** is reported: a success with [`accepted`](crate::TokenSource::accepted), and a 401 with
//!   [`rejected`](crate::TokenSource::rejected), unless `WWW-Authenticate` says `insufficient_scope`. Of gRPC, it is the status
//!   in the head of the response: 0, or none yet, is a success, and 16 (`UNAUTHENTICATED`) is a 401.
//! - **After a 401**, the request is sent once more with a new token, if its body can be copied: with [`TokenLayer::retry`] if it
//!   is `Clone`, or by your own function with [`TokenLayer::retry_with`]. By default it is sent once. The 401 is returned if a new
//!   token cannot help, as [`HttpClient`](crate::HttpClient) does. The body of `tonic` cannot be copied, so `retry` does not compile
//!   with it: after `UNAUTHENTICATED`, repeat the call yourself.
//! - **Without a token**, the error is the source's [`Error`](crate::Error) in a box. Nothing is sent.
//! - **The token goes to named origins only.** A request whose URL has a host must be allowed by [`TokenLayer::allow_origin`].
//!   If it has none, as with `tonic`, the service below decides on the host. Over plain `http://`, the token goes to loopback
//!   only.
//! - **Redirects** must be followed above this layer, or within one origin only. Add this layer last: layers above it then see
//!   no token, and retries get a fresh one for each try.
//!
//! `examples/hyper_call.rs` and `examples/tonic_call.rs` are complete programs.

mod body;
mod layer;
mod response;
mod service;

pub use self::body::{CloneBody, Cloned, SendOnce};
pub use self::layer::TokenLayer;
pub use self::service::{ResponseFuture, TokenService};
