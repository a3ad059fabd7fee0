//! What the tests of the generated vendor crates share: a server on loopback, and requests and responses as text.
//!
//! A vendor's tests send each request of its spec to a [`Server`] and review two kinds of snapshots: the request as it
//! arrives at the vendor ([`Server::request_text`]), and each response with what the caller gets
//! ([`Server::response_text`]). The snapshots are written for people, so secrets appear in them as their names.
//!
//! # Examples
//!
//! A test of a generated crate:
//!
//! ```ignore
//! let server = Server::start(Response { status: 204, media_type: "", body: "", headers: &[] }).await;
//! client(&server).revoke_token(&"example-token".into()).await.expect("a success");
//! review!("requests", "revoke_token", server.request_text(&[("token", "example-token")]).await);
//! ```

// Only tests use it, and a test fails by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod mask;
mod request;
mod response;
mod server;

pub use mask::Secrets;
pub use response::Response;
pub use server::Server;

#[doc(hidden)]
pub use insta;

/// Compares a string with the snapshot of this name in `snapshots/<folder>`, next to the test's file.
#[macro_export]
macro_rules! review {
    ($folder:literal, $name:literal, $text:expr $(,)?) => {{
        let text = $text;
        $crate::settings($folder).bind(|| $crate::insta::assert_snapshot!($name, text));
    }};
}

/// Returns insta's settings for the snapshots in this folder.
#[doc(hidden)]
pub fn settings(folder: &str) -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(format!("snapshots/{folder}"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings
}
