//! A token under a client of `tonic`: a gRPC call through a tower layer.
//!
//! The token is Voucherify's, which has no gRPC API, so the example calls the health service of a server of its own. That
//! server rejects calls without a token.
//!
//! ```sh
//! cargo run -p freshtoken-sandbox -- voucherify -- cargo run -p freshtoken --example tonic_call
//! ```

use std::net::SocketAddr;

use freshtoken::tower::TokenLayer;
use freshtoken::{TokenSource, voucherify};
use tonic::service::interceptor::InterceptedService;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Endpoint, Server};
use tonic::{Request, Status};
use tonic_health::ServingStatus;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tower::{BoxError, ServiceBuilder};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let address = serve().await?;
    let tokens = TokenSource::from_env::<voucherify::Endpoint>()?;

    // tonic sends requests without a host to the channel, which knows it. So there is no origin to allow.
    let channel = Endpoint::from_shared(format!("http://{address}"))?.connect_lazy();
    let channel = ServiceBuilder::new().layer(TokenLayer::new(tokens.clone())).service(channel);
    let mut client = HealthClient::new(channel);

    let response = client.check(HealthCheckRequest { service: "orders".to_owned() }).await?;
    println!("{:?}", response.into_inner().status());

    tokens.revoke().await?;
    Ok(())
}

/// Starts the server.
async fn serve() -> Result<SocketAddr, BoxError> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let (reporter, health) = tonic_health::server::health_reporter();
    reporter.set_service_status("orders", ServingStatus::Serving).await;
    let service =
        InterceptedService::new(health, |request: Request<()>| match request.metadata().get("authorization") {
            // The scheme is case-insensitive: some vendors have `bearer`.
            Some(header) if header.as_bytes().to_ascii_lowercase().starts_with(b"bearer ") => Ok(request),
            _ => Err(Status::unauthenticated("a token is missing")),
        });
    tokio::spawn(Server::builder().add_service(service).serve_with_incoming(TcpIncoming::from(listener)));
    Ok(address)
}
