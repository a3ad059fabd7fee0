//! The local issuer: one plain HTTP server on loopback, whose answer has what every contender looks for.
//!
//! It runs on a thread and a runtime of its own, so that it outlives the runtimes of those who ask it, and counts every
//! request that arrives.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::serve::{Listener, ListenerExt};
use rustls::pki_types::PrivatePkcs8KeyDer;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::contenders::Failure;

/// A token is as long as a signed one is.
const LENGTH: usize = 900;

/// What the issuer does with a request.
#[derive(Clone, Copy, Debug)]
pub struct Does {
    /// The life of the tokens that it issues; None: it answers 500.
    pub issues: Option<Duration>,
    /// How long it takes to answer.
    pub after: Duration,
}

impl Does {
    /// It issues tokens of this life.
    pub const fn issues(life: Duration) -> Self {
        Self { issues: Some(life), after: Duration::ZERO }
    }

    /// It answers 500.
    pub const fn fails() -> Self {
        Self { issues: None, after: Duration::ZERO }
    }

    /// It takes so long to answer.
    pub const fn after(mut self, wait: Duration) -> Self {
        self.after = wait;
        self
    }
}

/// An issuer. It ends when it is dropped.
pub struct Issuer {
    url: String,
    certificate: Option<String>,
    shared: Arc<Shared>,
    _ends: oneshot::Sender<()>,
}

struct Shared {
    does: Mutex<Does>,
    requests: AtomicUsize,
    /// When each token ends, by its number.
    ends: Mutex<Vec<Instant>>,
    is_open: watch::Sender<bool>,
    first_answer: Mutex<Option<Instant>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Issuer {
    /// Starts one.
    ///
    /// # Panics
    ///
    /// When there is no port or no thread for it.
    pub fn start(does: Does) -> Self {
        Self::start_with(does, None)
    }

    /// Starts one that talks TLS, with a certificate of its own.
    ///
    /// # Errors
    ///
    /// When no certificate can be made.
    ///
    /// # Panics
    ///
    /// As [`Issuer::start`].
    pub fn start_tls(does: Does) -> Result<Self, Failure> {
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()])?;
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()).into();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)?;
        let tls = TlsAcceptor::from(Arc::new(config));
        Ok(Self { certificate: Some(made.cert.pem()), ..Self::start_with(does, Some(tls)) })
    }

    fn start_with(does: Does, tls: Option<TlsAcceptor>) -> Self {
        let shared = Arc::new(Shared {
            does: Mutex::new(does),
            requests: AtomicUsize::new(0),
            ends: Mutex::default(),
            is_open: watch::Sender::new(true),
            first_answer: Mutex::default(),
        });
        let (tell, url) = std::sync::mpsc::channel();
        let (ends, ended) = oneshot::channel::<()>();
        let state = shared.clone();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                // A herd of those who know no single flight connects all at once.
                let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
                socket.bind(([127, 0, 0, 1], 0).into()).expect("a port on loopback");
                let listener: TcpListener = socket.listen(16_384).expect("a listener");
                let address = listener.local_addr().expect("an address");
                let scheme = if tls.is_some() { "https" } else { "http" };
                let _ = tell.send(format!("{scheme}://{address}"));
                let router = Router::new().fallback(answer).with_state(state);
                let server = async {
                    let listener = listener.tap_io(|stream| {
                        let _ = stream.set_nodelay(true);
                    });
                    match tls {
                        Some(tls) => axum::serve(Tls { listener, tls }, router).await,
                        None => axum::serve(listener, router).await,
                    }
                };
                tokio::select! {
                    _ = server => {}
                    _ = ended => {}
                }
            });
        });
        Self { url: url.recv().expect("the issuer's address"), certificate: None, shared, _ends: ends }
    }

    /// Its certificate, as PEM, if it talks TLS.
    pub fn certificate(&self) -> Option<&str> {
        self.certificate.as_deref()
    }

    /// Where it is, without a path. Every path is its token endpoint.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// From now on.
    pub fn does(&self, does: Does) {
        *lock(&self.shared.does) = does;
    }

    /// Requests arrive, and aren't answered until [`Issuer::open`].
    pub fn close(&self) {
        self.shared.is_open.send_replace(false);
        *lock(&self.shared.first_answer) = None;
    }

    /// Answers, those who wait as well.
    pub fn open(&self) {
        self.shared.is_open.send_replace(true);
    }

    /// How many requests have arrived.
    pub fn requests(&self) -> usize {
        self.shared.requests.load(Ordering::SeqCst)
    }

    /// When the first answer since [`Issuer::close`] went out.
    pub fn first_answer(&self) -> Option<Instant> {
        *lock(&self.shared.first_answer)
    }

    /// Every token that it has issued has expired.
    pub fn ends_all(&self) {
        lock(&self.shared.ends).iter_mut().for_each(|end| *end = Instant::now());
    }

    /// Whether a token is one of its own that hasn't expired.
    pub fn is_good(&self, token: &str) -> bool {
        let number = token.rsplit(' ').next().and_then(|token| token.split('-').nth(1)).and_then(|n| n.parse().ok());
        number.is_some_and(|number: usize| lock(&self.shared.ends).get(number).is_some_and(|end| Instant::now() < *end))
    }
}

/// Connections through TLS. One handshake at a time is enough here.
struct Tls<L> {
    listener: L,
    tls: TlsAcceptor,
}

impl<L: Listener<Io = TcpStream, Addr = SocketAddr>> Listener for Tls<L> {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (stream, address) = self.listener.accept().await;
            if let Ok(stream) = self.tls.accept(stream).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

/// The token of this number.
pub fn token(number: usize) -> String {
    let mut token = format!("token-{number}-");
    token.push_str(&"x".repeat(LENGTH.saturating_sub(token.len())));
    token
}

async fn answer(State(shared): State<Arc<Shared>>) -> impl IntoResponse {
    shared.requests.fetch_add(1, Ordering::SeqCst);
    let does = *lock(&shared.does);
    let mut is_open = shared.is_open.subscribe();
    let _ = is_open.wait_for(|is_open| *is_open).await;
    if !does.after.is_zero() {
        tokio::time::sleep(does.after).await;
    }
    lock(&shared.first_answer).get_or_insert_with(Instant::now);
    let json = [(CONTENT_TYPE, "application/json")];
    let Some(life) = does.issues else {
        return (StatusCode::INTERNAL_SERVER_ERROR, json, r#"{"error":"server_error"}"#.to_owned());
    };
    let number = {
        let mut ends = lock(&shared.ends);
        ends.push(Instant::now() + life);
        ends.len() - 1
    };
    let token = token(number);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let life = life.as_secs();
    // RFC 6749's answer, and what azure_identity and Voucherify have beyond it.
    let body = serde_json::json!({
        "access_token": token,
        "token_type": "Bearer",
        "expires_in": life,
        "ext_expires_in": life,
        "expires_at": now + life,
        "client_id": "example-id",
        "scope": "api",
    });
    (StatusCode::OK, json, body.to_string())
}
