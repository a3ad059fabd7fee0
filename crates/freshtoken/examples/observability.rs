//! A service that dashboards and an orchestrator can watch: `/healthz`, `/readyz`, `/metrics` and `/status`.
//!
//! - `GET /healthz`: 200 while the process responds. It doesn't depend on the vendor: a restart would not help.
//! - `GET /readyz`: 200 if there is a token, else 503 with the reason and `Retry-After`. It logs in at the first probe.
//! - `GET /metrics`: Prometheus text. `freshtoken::metrics` lists the names.
//! - `GET /status`: the state of the token as JSON.
//!
//! Set WellnessLiving's variables, and `PORT`, by default 8080:
//!
//! ```sh
//! cargo run -p freshtoken --example observability
//! ```
//!
//! Without credentials, against the sandbox:
//!
//! ```sh
//! cargo run -p freshtoken-sandbox -- wellnessliving -- cargo run -p freshtoken --example observability
//! ```

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use freshtoken::env::FromEnv;
use freshtoken::{TokenSource, wellnessliving};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

struct Service {
    tokens: TokenSource,
    metrics: PrometheusHandle,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let metrics = PrometheusBuilder::new().install_recorder()?;
    freshtoken::metrics::describe();

    let (endpoint, credentials) = wellnessliving::Endpoint::from_env()?;
    let tokens = TokenSource::builder(endpoint, credentials)
        .on_event(|event| eprintln!("{}: {:?}", event.vendor, event.kind))
        .build();
    let service = Arc::new(Service { tokens, metrics });

    let port = std::env::var("PORT").unwrap_or_else(|_| "8080".to_owned()).parse()?;
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    println!("listening on http://{}", listener.local_addr()?);
    let routes = Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(|State(service): State<Arc<Service>>| async move { service.metrics.render() }))
        .route("/status", get(status));
    axum::serve(listener, routes.with_state(service)).with_graceful_shutdown(ctrl_c()).await?;
    Ok(())
}

async fn ready(State(service): State<Arc<Service>>) -> Response {
    match service.tokens.warm_up().await {
        Ok(()) => "ready\n".into_response(),
        Err(error) => {
            let wait = error.retry_after().unwrap_or_default().as_secs_f64().ceil().to_string();
            (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, wait)], format!("{error}\n")).into_response()
        }
    }
}

async fn status(State(service): State<Arc<Service>>) -> Response {
    match serde_json::to_string(&service.tokens.status()) {
        Ok(json) => ([(CONTENT_TYPE, "application/json")], json).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

async fn ctrl_c() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending().await
    }
}
