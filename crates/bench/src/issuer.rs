//! The local issuer: an HTTP server on loopback whose responses have every field that a contender looks for.
//!
//! It runs on a thread and a runtime of its own, so that it outlives the runtimes of its clients.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::serve::ListenerExt;
use tokio::net::TcpSocket;
use tokio::sync::{oneshot, watch};

/// The length of a token, that of a typical signed one.
const LENGTH: usize = 900;

/// How the issuer responds to a request.
#[derive(Clone, Copy, Debug)]
pub struct Reply {
    /// The lifetime of the token that it issues, or `None` for a 500.
    pub lifetime: Option<Duration>,
    delay: Duration,
}

impl Reply {
    /// A token with this lifetime.
    pub const fn token(lifetime: Duration) -> Self {
        Self { lifetime: Some(lifetime), delay: Duration::ZERO }
    }

    /// A 500.
    pub const fn error() -> Self {
        Self { lifetime: None, delay: Duration::ZERO }
    }

    /// Delays the response.
    pub const fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }
}

/// A running issuer. It stops when it is dropped.
pub struct Issuer {
    url: String,
    shared: Arc<Shared>,
    _stop: oneshot::Sender<()>,
}

struct Shared {
    reply: Mutex<Reply>,
    requests: AtomicUsize,
    /// The expiry of each token, by its number.
    expiries: Mutex<Vec<Instant>>,
    is_open: watch::Sender<bool>,
    first_response: Mutex<Option<Instant>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Issuer {
    /// Starts an issuer.
    ///
    /// # Panics
    ///
    /// If it gets no port or no thread.
    pub fn start(reply: Reply) -> Self {
        let shared = Arc::new(Shared {
            reply: Mutex::new(reply),
            requests: AtomicUsize::new(0),
            expiries: Mutex::default(),
            is_open: watch::Sender::new(true),
            first_response: Mutex::default(),
        });
        let (sender, receiver) = std::sync::mpsc::channel();
        let (stop, stopped) = oneshot::channel::<()>();
        let state = shared.clone();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                // A herd without single-flight opens all its connections at once.
                let socket = TcpSocket::new_v4().expect("a socket");
                socket.bind(([127, 0, 0, 1], 0).into()).expect("a port on loopback");
                let listener = socket.listen(16_384).expect("a listener");
                let address = listener.local_addr().expect("an address");
                let _ = sender.send(format!("http://{address}"));
                let router = Router::new().fallback(respond).with_state(state);
                let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
                tokio::select! {
                    _ = axum::serve(listener, router) => {}
                    _ = stopped => {}
                }
            });
        });
        Self { url: receiver.recv().expect("the issuer's address"), shared, _stop: stop }
    }

    /// Returns its URL without a path. Every path is its token endpoint.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Changes how it responds from now on.
    pub fn reply(&self, reply: Reply) {
        *lock(&self.shared.reply) = reply;
    }

    /// Accepts requests, but holds back the responses until [`Issuer::open`].
    pub fn close(&self) {
        self.shared.is_open.send_replace(false);
        *lock(&self.shared.first_response) = None;
    }

    /// Responds to all requests again.
    pub fn open(&self) {
        self.shared.is_open.send_replace(true);
    }

    /// Returns the number of requests so far.
    pub fn requests(&self) -> usize {
        self.shared.requests.load(Ordering::SeqCst)
    }

    /// Returns the time of the first response since [`Issuer::close`].
    pub fn first_response(&self) -> Option<Instant> {
        *lock(&self.shared.first_response)
    }

    /// Lets every token expire that it has issued.
    pub fn expire_all(&self) {
        lock(&self.shared.expiries).fill(Instant::now());
    }

    /// Returns whether it has issued this token and the token has not expired.
    pub fn is_valid(&self, token: &str) -> bool {
        let number = token.rsplit(' ').next().and_then(|token| token.split('-').nth(1)?.parse::<usize>().ok());
        let expiries = lock(&self.shared.expiries);
        number.and_then(|number| expiries.get(number)).is_some_and(|expiry| Instant::now() < *expiry)
    }
}

/// Returns the token with this number.
pub fn token(number: usize) -> String {
    let mut token = format!("token-{number}-");
    token.push_str(&"x".repeat(LENGTH.saturating_sub(token.len())));
    token
}

async fn respond(State(shared): State<Arc<Shared>>) -> impl IntoResponse {
    shared.requests.fetch_add(1, Ordering::SeqCst);
    let reply = *lock(&shared.reply);
    let mut is_open = shared.is_open.subscribe();
    let _ = is_open.wait_for(|is_open| *is_open).await;
    if !reply.delay.is_zero() {
        tokio::time::sleep(reply.delay).await;
    }
    lock(&shared.first_response).get_or_insert_with(Instant::now);
    let json = [(CONTENT_TYPE, "application/json")];
    let Some(lifetime) = reply.lifetime else {
        return (StatusCode::INTERNAL_SERVER_ERROR, json, r#"{"error":"server_error"}"#.to_owned());
    };
    let number = {
        let mut expiries = lock(&shared.expiries);
        expiries.push(Instant::now() + lifetime);
        expiries.len() - 1
    };
    let token = token(number);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let lifetime = lifetime.as_secs();
    // RFC 6749, and the fields that azure_identity and Voucherify add.
    let body = serde_json::json!({
        "access_token": token,
        "token_type": "Bearer",
        "expires_in": lifetime,
        "ext_expires_in": lifetime,
        "expires_at": now + lifetime,
        "client_id": "example-id",
        "scope": "api",
    });
    (StatusCode::OK, json, body.to_string())
}
