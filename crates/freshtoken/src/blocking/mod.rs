//! Tokens and calls for programs without an async runtime, modelled on `reqwest::blocking`.
//!
//! ```no_run
//! # use freshtoken::Vendor;
//! # fn example<V: Vendor>(endpoint: V, credentials: V::Credentials) -> Result<(), freshtoken::HttpError> {
//! use freshtoken::blocking::{HttpClient, TokenSource};
//!
//! let tokens = TokenSource::new(endpoint, credentials);
//! let header = tokens.header()?; // waits only if there is no fresh token
//! # let _ = header;
//!
//! let api = HttpClient::new(tokens)?.base_url("https://api.example.com/v1")?;
//! println!("{}", api.get("orders").send()?.error_for_status()?.text()?);
//! # Ok(())
//! # }
//! ```
//!
//! - **One background thread** runs the requests of every source and client of this module, early renewal included. It starts
//!   with the first one and sleeps when there is nothing to do. A fresh token doesn't involve it.
//! - **Any thread** may call, any number at a time. Waiting callers share one request, as in async code.
//! - **Async code** must not wait: there, a call that would have to wait returns [`ErrorKind::AsyncContext`] or
//!   [`HttpError::AsyncContext`] instead of stopping the other tasks of its thread. It may create, clone and drop all types, and
//!   call [`try_header`](TokenSource::try_header). `tokio::task::spawn_blocking` and `block_in_place` are fine.
//! - **Callbacks**, such as [`on_change`](crate::TokenSourceBuilder::on_change), run on the background thread. They must not
//!   block for long, and are async code themselves.
//! - **At its end**, the program does not wait for the thread.
//!
//! The types wrap those at the crate's root, whose documentation has the details. A source from a
//! [builder](crate::TokenSource::builder) or from [`TokenSources`](crate::TokenSources) converts with `from`:
//!
//! ```no_run
//! # use freshtoken::Vendor;
//! # fn example<V: Vendor>(endpoint: V, credentials: V::Credentials, record: freshtoken::store::Record) {
//! let tokens = freshtoken::TokenSource::builder(endpoint, credentials).record(record).build();
//! let tokens = freshtoken::blocking::TokenSource::from(tokens);
//! # }
//! ```
//!
//! [`ErrorKind::AsyncContext`]: crate::ErrorKind::AsyncContext
//! [`HttpError::AsyncContext`]: crate::HttpError::AsyncContext

mod http_client;
mod response;
mod source;
mod thread;

pub use self::http_client::{HttpClient, RequestBuilder};
pub use self::response::Response;
pub use self::source::TokenSource;
