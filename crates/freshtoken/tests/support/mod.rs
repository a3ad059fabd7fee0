//! Shared test support: a movable clock, and an issuer that behaves as configured.
#![allow(dead_code, reason = "each test uses its part")]

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use freshtoken::clock::{Clock, Now, Random};
use freshtoken::{CredentialSource, GrantError, IssuedTokens, Secret, TokenPolicy, TokenSource, Vendor};
use tokio::sync::{Semaphore, oneshot};

pub const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// 2026-11-22T00:00:00Z.
pub fn start() -> SystemTime {
    UNIX_EPOCH + s(1_795_305_600)
}

/// A clock that does not run until a test moves it.
#[derive(Clone)]
pub struct TestClock(Arc<Mutex<Hands>>);

struct Hands {
    monotonic: Duration,
    wall: SystemTime,
    sleepers: Vec<(Duration, oneshot::Sender<()>)>,
}

impl TestClock {
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(Hands { monotonic: s(1_000), wall: start(), sleepers: Vec::new() })))
    }

    /// Advances both clocks.
    pub fn advance(&self, by: Duration) {
        let mut hands = self.0.lock().unwrap();
        hands.monotonic += by;
        hands.wall += by;
        let now = hands.monotonic;
        for (until, sleeper) in std::mem::take(&mut hands.sleepers) {
            if until <= now {
                let _ = sleeper.send(());
            } else {
                hands.sleepers.push((until, sleeper));
            }
        }
    }

    /// Advances the wall clock only, as when the machine is suspended.
    pub fn suspend(&self, by: Duration) {
        self.0.lock().unwrap().wall += by;
    }

    /// Sets the wall clock back.
    pub fn set_back(&self, by: Duration) {
        self.0.lock().unwrap().wall -= by;
    }

    pub fn monotonic(&self) -> Duration {
        self.0.lock().unwrap().monotonic
    }

    pub fn wall(&self) -> SystemTime {
        self.0.lock().unwrap().wall
    }

    /// The number of sleepers.
    pub fn sleepers(&self) -> usize {
        let mut hands = self.0.lock().unwrap();
        hands.sleepers.retain(|(_, sleeper)| !sleeper.is_closed());
        hands.sleepers.len()
    }
}

impl Clock for TestClock {
    fn now(&self) -> Now {
        let hands = self.0.lock().unwrap();
        Now::new(hands.monotonic, hands.wall)
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let (sender, receiver) = oneshot::channel();
        let mut hands = self.0.lock().unwrap();
        let until = hands.monotonic + duration;
        hands.sleepers.push((until, sender));
        Box::pin(async move {
            let _ = receiver.await;
        })
    }
}

/// Randomness that always returns the same number.
pub struct Fixed(pub f64);

impl Random for Fixed {
    fn unit(&self) -> f64 {
        self.0
    }
}

/// What the issuer does with a request.
#[derive(Clone, Debug)]
pub enum Does {
    /// Issues a token of this lifetime, and maybe a refresh token.
    Issues {
        life: Option<Duration>,
        refresh: bool,
        refresh_life: Option<Duration>,
    },
    /// Issues a pair whose access token expired long ago.
    IssuesExpired,
    /// A response without a token, which says that the old one stays.
    Prolongs,
    Fails,
    FailsFor(Duration),
    Refuses,
    /// Refuses by status, without a listed code.
    RefusesUnlisted,
    /// Refuses the refresh token, and asks for a login.
    WantsLogin,
    WantsLoginIn(Duration),
    /// Processes the request, and the response is lost.
    Loses,
    /// Responds with an unusable success.
    SendsGarbage,
}

impl Does {
    pub fn issues(life: Duration) -> Self {
        Self::Issues { life: Some(life), refresh: false, refresh_life: None }
    }

    pub fn issues_pairs(life: Duration) -> Self {
        Self::Issues { life: Some(life), refresh: true, refresh_life: None }
    }
}

/// An issuer in this process, whose type determines the policy: see `policy!`.
#[derive(Clone)]
pub struct Issuer(Arc<IssuerState>);

struct IssuerState {
    does: Mutex<Does>,
    next: Mutex<VecDeque<Does>>,
    /// The requests since the last call of `seen`.
    seen: Mutex<Vec<String>>,
    issued: Mutex<u64>,
    /// Each response takes a permit.
    gate: Semaphore,
}

impl Issuer {
    pub fn new(does: Does) -> Self {
        Self(Arc::new(IssuerState {
            does: Mutex::new(does),
            next: Mutex::default(),
            seen: Mutex::default(),
            issued: Mutex::new(0),
            gate: Semaphore::new(Semaphore::MAX_PERMITS),
        }))
    }

    /// Sets what happens to all requests from now on.
    pub fn does(&self, does: Does) {
        *self.0.does.lock().unwrap() = does;
    }

    /// Sets what happens to the next request only.
    pub fn does_once(&self, does: Does) {
        self.0.next.lock().unwrap().push_back(does);
    }

    /// Holds all responses until `open`.
    pub fn close(&self) {
        self.0.gate.forget_permits(Semaphore::MAX_PERMITS);
    }

    pub fn open(&self) {
        self.0.gate.add_permits(Semaphore::MAX_PERMITS - self.0.gate.available_permits());
    }

    /// Records an event among the requests.
    pub fn notes(&self, what: &str) {
        self.0.seen.lock().unwrap().push(what.to_owned());
    }

    /// Returns the requests since the last call.
    pub fn seen(&self) -> Vec<String> {
        std::mem::take(&mut self.0.seen.lock().unwrap())
    }

    async fn respond(&self, request: String) -> Result<IssuedTokens, GrantError> {
        let is_revoke = request.starts_with("revoke");
        self.0.seen.lock().unwrap().push(request);
        let _permit = self.0.gate.acquire().await.unwrap();
        let does = self.0.next.lock().unwrap().pop_front().unwrap_or_else(|| self.0.does.lock().unwrap().clone());
        match does {
            Does::Issues { life, refresh, refresh_life } => {
                let mut issued = self.0.issued.lock().unwrap();
                *issued += u64::from(!is_revoke);
                let number = *issued;
                let mut response = IssuedTokens::new(format!("token-{number}"));
                response.expires_in = life;
                response.refresh_token = refresh.then(|| format!("refresh-{number}").into());
                response.refresh_expires_in = refresh_life;
                Ok(response)
            }
            Does::Prolongs => Ok(freshtoken::adapter::kept()),
            Does::IssuesExpired => {
                let mut issued = self.0.issued.lock().unwrap();
                *issued += 1;
                let number = *issued;
                Ok(IssuedTokens::new(format!("token-{number}"))
                    .expires_at(start() - s(60))
                    .refresh_token(format!("refresh-{number}")))
            }
            Does::Fails => Err(GrantError::transient("down").not_sent()),
            Does::FailsFor(wait) => Err(GrantError::transient("busy").not_sent().retry_after(wait)),
            Does::Refuses => Err(GrantError::permanent("wrong credentials")),
            Does::RefusesUnlisted => Err(GrantError::refused("401")),
            Does::WantsLoginIn(wait) => Err(GrantError::relogin("the refresh token is spent").retry_after(wait)),
            Does::WantsLogin => Err(GrantError::relogin("the refresh token is spent")),
            Does::Loses => Err(GrantError::transient("the connection broke")),
            Does::SendsGarbage => Err(GrantError::unusable("no token in it")),
        }
    }
}

/// An issuer with a policy.
pub struct Acme<P>(pub Issuer, pub std::marker::PhantomData<P>);

pub trait HasPolicy: Send + Sync + 'static {
    const POLICY: TokenPolicy;
}

/// Declares a type that stands for a policy.
#[macro_export]
macro_rules! policy {
    ($name:ident = $policy:expr) => {
        #[doc = "A policy."]
        pub struct $name;
        impl $crate::support::HasPolicy for $name {
            const POLICY: freshtoken::TokenPolicy = $policy;
        }
    };
}

pub fn acme<P: HasPolicy>(issuer: &Issuer) -> Acme<P> {
    Acme(issuer.clone(), std::marker::PhantomData)
}

impl<P: HasPolicy> Vendor for Acme<P> {
    type Credentials = String;
    const POLICY: TokenPolicy = P::POLICY;

    fn server(&self) -> String {
        "https://acme.example".to_owned()
    }

    async fn login(&self, credentials: &CredentialSource<String>) -> Result<IssuedTokens, GrantError> {
        credentials.get().await?;
        self.0.respond("login".to_owned()).await
    }

    async fn refresh(&self, _: &CredentialSource<String>, refresh_token: &Secret) -> Result<IssuedTokens, GrantError> {
        self.0.respond(refresh_token.expose().to_owned()).await
    }

    async fn revoke(&self, _: &CredentialSource<String>, token: &Secret) -> Result<(), GrantError> {
        self.0.respond(format!("revoke {}", token.expose())).await.map(drop)
    }
}

/// Runs all tasks until each of them waits.
pub async fn settle() {
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
}

/// The token that a source returns now.
pub async fn ask(tokens: &TokenSource) -> Result<String, freshtoken::Error> {
    Ok(tokens.token().await?.expose().to_owned())
}

/// An issuer whose bare token is sent in a custom header, beside an application key.
pub struct Keyed(pub Issuer);

impl Vendor for Keyed {
    type Credentials = String;
    const POLICY: TokenPolicy = TokenPolicy::new("keyed").header("x-access-token");

    fn server(&self) -> String {
        "https://keyed.example".to_owned()
    }

    async fn login(&self, _: &CredentialSource<String>) -> Result<IssuedTokens, GrantError> {
        let issued = self.0.respond("login".to_owned()).await?;
        Ok(issued.extra_header(http::HeaderName::from_static("x-app-key"), "app-key"))
    }
}

/// All messages of an error and its sources.
pub fn every_text(error: &dyn std::error::Error) -> String {
    let mut text = format!("{error} {error:?} {error:#?}");
    if let Some(source) = error.source() {
        text.push_str(&every_text(source));
    }
    text
}
