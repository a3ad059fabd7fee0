//! A server on loopback that behaves as configured, and the first three vendors' responses.
//!
//! It runs on its own thread and runtime, so only the crate's tasks run on a test's runtime. A test file includes it
//! with `#[path = "support/server.rs"] mod server;` beside `mod support;`.
#![allow(dead_code, reason = "each test uses its part")]

use std::collections::VecDeque;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use freshtoken::{
    CredentialSource, Error, TokenSource, TokenSourceBuilder, Vendor, voucherify, wellnessliving, zenoti,
};
use freshtoken_wire::Timestamp;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Semaphore, oneshot, watch};

use crate::support::{Fixed, TestClock, s};

pub const DAY: u64 = 24 * 60 * 60;

/// After this time, a future counts as hanging. It is shorter than the timeout of a request, which would hide some hangs.
const TOO_LONG: Duration = Duration::from_secs(20);

/// Returns a future's output, and fails if it hangs.
pub async fn limit<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(TOO_LONG, future).await.expect("it hangs")
}

/// The token that a source returns now.
pub async fn ask(tokens: &TokenSource) -> Result<String, Error> {
    limit(crate::support::ask(tokens)).await
}

/// Waits until a source's fetch has completed.
pub async fn landed(tokens: &TokenSource) {
    limit(async {
        while tokens.status().is_renewing {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// A builder with the test's clock and no jitter.
pub fn builder<V: Vendor>(
    endpoint: V,
    credentials: impl Into<CredentialSource<V::Credentials>>,
    clock: &TestClock,
) -> TokenSourceBuilder<V> {
    TokenSource::builder(endpoint, credentials).clock(clock.clone()).random(Fixed(0.0))
}

/// What the server does with a request.
#[derive(Clone)]
pub enum Act {
    Responds(Response),
    /// Responds, but closes the connection in the middle of the body.
    Truncates(Response),
    /// Processes the request, and resets the connection.
    Resets,
    /// Resets the connection before it reads anything.
    ResetsUnread,
    /// Reads the request, and never responds.
    Hangs,
}

/// A response: its head and its body.
#[derive(Clone)]
pub struct Response {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    says_length: bool,
}

impl Response {
    pub fn new(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new(), says_length: true }
    }

    pub fn json(status: u16, body: impl Into<String>) -> Self {
        Self::new(status).header("content-type", "application/json").body(body.into())
    }

    pub fn html(status: u16, body: &str) -> Self {
        Self::new(status).header("content-type", "text/html").body(body)
    }

    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Sets `Date`.
    pub fn date(self, date: SystemTime) -> Self {
        self.header("date", httpdate::fmt_http_date(date))
    }

    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Ends the body by closing the connection.
    pub fn without_length(mut self) -> Self {
        self.says_length = false;
        self
    }

    /// Replaces a part of the body.
    pub fn replace(mut self, from: &str, to: &str) -> Self {
        let body = String::from_utf8(self.body).unwrap();
        assert!(body.contains(from), "`{from}` isn't in {body}");
        self.body = body.replace(from, to).into_bytes();
        self
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut head = format!("HTTP/1.1 {} As told\r\nconnection: close\r\n", self.status);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if self.says_length {
            head.push_str(&format!("content-length: {}\r\n", self.body.len()));
        }
        head.push_str("\r\n");
        [head.into_bytes(), self.body.clone()].concat()
    }
}

impl From<Response> for Act {
    fn from(response: Response) -> Self {
        Self::Responds(response)
    }
}

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Request {
    /// Method and path.
    pub line: String,
    headers: Vec<(String, String)>,
    pub body: String,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The names of all headers.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.headers.iter().map(|(name, _)| name.as_str())
    }
}

pub struct Server {
    address: SocketAddr,
    state: Arc<State>,
    arrived: watch::Receiver<usize>,
    _stop: oneshot::Sender<()>,
}

struct State {
    always: Mutex<Act>,
    next: Mutex<VecDeque<Act>>,
    requests: Mutex<Vec<Request>>,
    /// The number of requests that were read.
    arrived: watch::Sender<usize>,
    connections: AtomicUsize,
    /// Each response takes a permit.
    gate: Semaphore,
}

impl Server {
    /// Starts a server that does this with each request.
    pub fn new(always: impl Into<Act>) -> Self {
        Self::on(std::net::TcpListener::bind("127.0.0.1:0").unwrap(), always)
    }

    /// Starts a server at a reserved address.
    pub fn at(reserved: Reserved, always: impl Into<Act>) -> Self {
        Self::on(reserved.0.listen(128).unwrap().into_std().unwrap(), always)
    }

    fn on(listener: std::net::TcpListener, always: impl Into<Act>) -> Self {
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, arrived) = watch::channel(0);
        let state = Arc::new(State {
            always: Mutex::new(always.into()),
            next: Mutex::default(),
            requests: Mutex::default(),
            arrived: sender,
            connections: AtomicUsize::new(0),
            gate: Semaphore::new(Semaphore::MAX_PERMITS),
        });
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = state.clone();
        std::thread::spawn(move || {
            tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap().block_on(async move {
                let listener = TcpListener::from_std(listener).unwrap();
                let serve = async {
                    while let Ok((stream, _)) = listener.accept().await {
                        tokio::spawn(serving.clone().serve(stream));
                    }
                };
                tokio::select! { () = serve => {}, _ = stopped => {} }
            });
        });
        Self { address, state, arrived, _stop: stop }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Sets what happens to all requests from now on.
    pub fn does(&self, act: impl Into<Act>) {
        *self.state.always.lock().unwrap() = act.into();
    }

    /// Sets what happens to the next request only.
    pub fn does_once(&self, act: impl Into<Act>) {
        self.state.next.lock().unwrap().push_back(act.into());
    }

    /// Holds all responses until `open`.
    pub fn close(&self) {
        self.state.gate.forget_permits(Semaphore::MAX_PERMITS);
    }

    pub fn open(&self) {
        self.state.gate.add_permits(Semaphore::MAX_PERMITS - self.state.gate.available_permits());
    }

    /// Waits until this many requests have arrived.
    pub async fn arrived(&self, count: usize) {
        let mut arrived = self.arrived.clone();
        limit(arrived.wait_for(|arrived| *arrived >= count)).await.unwrap();
    }

    /// Returns all requests.
    pub fn requests(&self) -> Vec<Request> {
        self.state.requests.lock().unwrap().clone()
    }

    /// Returns the number of requests.
    pub fn count(&self) -> usize {
        self.state.requests.lock().unwrap().len()
    }

    /// Returns the number of connections. Each request has its own.
    pub fn connections(&self) -> usize {
        self.state.connections.load(Ordering::SeqCst)
    }

    /// Returns the requests in Zenoti's terms: `login`, `refresh <token>`, `revoke <token>`.
    pub fn zenoti_saw(&self) -> Vec<String> {
        let name = |request: Request| match request.line.as_str() {
            "DELETE /v1/tokens/sessions/revoke" => format!("revoke {}", request.header("authorization").unwrap()),
            "POST /v1/tokens" if request.body.contains("\"grant_type\":\"password\"") => "login".to_owned(),
            "POST /v1/tokens" => {
                let token = request.body.strip_prefix("{\"grant_type\":\"refresh_token\",\"refresh_token\":\"");
                format!("refresh {}", token.unwrap().trim_end_matches("\"}"))
            }
            line => panic!("{line}"),
        };
        self.requests().into_iter().map(name).collect()
    }
}

impl State {
    async fn serve(self: Arc<Self>, mut stream: TcpStream) {
        self.connections.fetch_add(1, Ordering::SeqCst);
        if matches!(self.next.lock().unwrap().front().or(Some(&*self.always.lock().unwrap())), Some(Act::ResetsUnread))
        {
            let _ = stream.peek(&mut [0]).await;
            self.next.lock().unwrap().pop_front();
            stream.set_zero_linger().unwrap();
            return;
        }
        let Some(request) = read(&mut stream).await else { return };
        let act = self.next.lock().unwrap().pop_front().unwrap_or_else(|| self.always.lock().unwrap().clone());
        self.requests.lock().unwrap().push(request);
        self.arrived.send_modify(|arrived| *arrived += 1);
        let _permit = self.gate.acquire().await.unwrap();
        match act {
            Act::Responds(response) => {
                let _ = stream.write_all(&response.bytes()).await;
                // An unread rest of the body must not cause a reset.
                let _ = stream.shutdown().await;
                let _ = stream.read(&mut [0]).await;
            }
            Act::Truncates(response) => {
                let bytes = response.bytes();
                let _ = stream.write_all(&bytes[..bytes.len() - response.body.len() / 2]).await;
            }
            Act::Resets => stream.set_zero_linger().unwrap(),
            Act::ResetsUnread => {}
            // Until the client closes the connection.
            Act::Hangs => drop(stream.read(&mut [0]).await),
        }
    }
}

/// Reads one request, or returns `None` if the client closed the connection.
async fn read(stream: &mut TcpStream) -> Option<Request> {
    let mut bytes = Vec::new();
    loop {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let mut lines = head.split("\r\n");
        let line = lines.next().unwrap().trim_end_matches(" HTTP/1.1").to_owned();
        let headers: Vec<(String, String)> = lines
            .map(|line| line.split_once(": ").unwrap())
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect();
        let length = headers.iter().find(|(name, _)| name == "content-length");
        let length = length.map_or(0, |(_, value)| value.parse().unwrap());
        let body = &bytes[end + 4..];
        if body.len() >= length {
            return Some(Request { line, headers, body: String::from_utf8(body.to_vec()).unwrap() });
        }
    }
}

/// Reserves an address where nothing listens.
pub fn reserved() -> Reserved {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    Reserved(socket)
}

/// An address where nothing listens, as long as this lives.
pub struct Reserved(TcpSocket);

impl Reserved {
    pub fn address(&self) -> SocketAddr {
        self.0.local_addr().unwrap()
    }
}

impl std::fmt::Display for Reserved {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.address().fmt(f)
    }
}

pub fn unix(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap().as_secs()
}

fn rfc3339(time: SystemTime) -> String {
    Timestamp::try_from(time).unwrap().to_string()
}

pub fn voucherify_credentials() -> voucherify::Credentials {
    voucherify::Credentials {
        app_id: "an-app".into(),
        app_token: "an-app-token".into(),
        scope: [voucherify::types::Scope::Vouchers].into(),
    }
}

pub fn wellnessliving_credentials() -> wellnessliving::Credentials {
    wellnessliving::Credentials { client_id: "a-client".into(), client_secret: "a-client-secret".into(), scope: None }
}

pub fn zenoti_credentials() -> zenoti::Credentials {
    zenoti::Credentials {
        account_name: "acme".into(),
        user_name: "ann".into(),
        password: "a-password".into(),
        app_id: "an-app".into(),
        app_secret: "an-app-secret".into(),
        device_id: "a-device".into(),
    }
}

pub fn voucherify_at(server: &Server, clock: &TestClock) -> TokenSource {
    builder(voucherify::Endpoint::at(server.url()).unwrap(), voucherify_credentials(), clock).build()
}

pub fn wellnessliving_at(server: &Server, clock: &TestClock) -> TokenSource {
    builder(wellnessliving::Endpoint::at(server.url()).unwrap(), wellnessliving_credentials(), clock).build()
}

pub fn zenoti_at(server: &Server, clock: &TestClock) -> TokenSource {
    builder(zenoti::Endpoint::at(server.url()).unwrap(), zenoti_credentials(), clock).build()
}

/// Voucherify's response at this moment of the issuer's clock, with a `Date`.
pub fn voucherify_token(token: &str, now: SystemTime) -> Response {
    voucherify_token_with(token, "900", &(unix(now) + 900).to_string()).date(now)
}

/// Voucherify's response with these two expiries as JSON, and no `Date`.
pub fn voucherify_token_with(token: &str, expires_in: &str, expires_at: &str) -> Response {
    Response::json(
        200,
        format!(
            r#"{{"access_token":"{token}","client_id":"a-client","expires_at":{expires_at},"expires_in":{expires_in},
                "scope":"vouchers","token_type":"Bearer"}}"#
        ),
    )
}

/// WellnessLiving's response.
pub fn wellnessliving_token(token: &str, now: SystemTime) -> Response {
    Response::json(200, format!(r#"{{"access_token":"{token}","expires_in":3600,"token_type":"Bearer"}}"#)).date(now)
}

/// Zenoti's response at this moment of the issuer's clock, with a `Date` and tokens such as `access-1` and `refresh-1`.
pub fn zenoti_pair(number: u64, now: SystemTime) -> Response {
    let (end, refresh_end) = (rfc3339(now + s(DAY)), rfc3339(now + s(90 * DAY)));
    let body = format!(
        r#"{{"credentials":{{"access_token":"access-{number}","access_token_expiry":"{end}",
            "refresh_token":"refresh-{number}","refresh_token_expiry":"{refresh_end}","token_type":"bearer",
            "token_id":"id-{number}","app_id":"an-app","user_type":"Employee"}},
            "login_policy_evaluation":null,"error":null}}"#
    );
    Response::json(200, body).date(now)
}

/// Zenoti's refusal.
pub fn zenoti_error(status: u16, code: u32) -> Response {
    Response::json(status, format!(r#"{{"error":{{"code":{code},"message":"no"}}}}"#))
}
