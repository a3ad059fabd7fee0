//! A token under a client of `hyper-util`: a call of Voucherify's API through a tower layer.
//!
//! The client here speaks plain HTTP, which is enough for the sandbox. Yours has the TLS connector of `hyper-rustls` or
//! `hyper-tls`.
//!
//! ```sh
//! cargo run -p freshtoken-sandbox -- voucherify -- cargo run -p freshtoken --example hyper_call
//! ```

use axum::body::Bytes;
use freshtoken::tower::TokenLayer;
use freshtoken::{TokenSource, voucherify};
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tower::{BoxError, Service, ServiceBuilder, ServiceExt};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let tokens = TokenSource::from_env::<voucherify::Endpoint>()?;
    let url = std::env::var("VOUCHERIFY_API_URL")?;

    // `Full` can be cloned, so a call that gets 401 is sent once more with a new token.
    let layer = TokenLayer::new(tokens.clone()).retry().allow_origin(&url)?;
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let mut api = ServiceBuilder::new().layer(layer).service(client);

    let request = Request::get(format!("{url}/v1/vouchers?limit=1")).body(Full::default())?;
    let response = api.ready().await?.call(request).await?;
    let status = response.status();
    let body = response.into_body().collect().await?.to_bytes();
    println!("{status}\n{}", String::from_utf8_lossy(&body));

    tokens.revoke().await?;
    Ok(())
}
