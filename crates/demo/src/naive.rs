//! The cache that many programs use instead of a token source: a mutex and an expiry.
//!
//! It plays the same script as freshtoken, with as many callers, against an issuer of its own. The report compares them.

use std::collections::{HashMap, VecDeque};
use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use freshtoken::env::{EnvError, FromEnv};
use freshtoken::{CredentialSource, IssuedTokens, Secret, Token, TokenPolicy, TokenSource, Vendor};
use freshtoken_sandbox::{Issuer, Sandbox};
use reqwest::{Client, header::HeaderName};
use tokio::sync::Mutex;

use crate::callers::Calls;
use crate::script::{Step, script};
use crate::vendor::{DemoVendor, Var};
use crate::vendor_run::{PROTECTED, find_issuer};

/// How long a token without an expiry is used.
const UNKNOWN: Duration = Duration::from_secs(3_600);

/// After so many failed refreshes in a row, it logs in.
const FAILURES: u32 = 2;

type HeaderFuture<'a> = Pin<Box<dyn Future<Output = Result<(HeaderName, Token), String>> + Send + 'a>>;

/// A cache of one token.
pub trait Cache: Send + Sync {
    /// Returns the token and the name of its header, of the cache or of the issuer.
    fn get(&self) -> HeaderFuture<'_>;
}

/// Creates the cache of a vendor.
///
/// # Errors
///
/// Names the variables that are missing or cannot be used.
pub fn cache<E: FromEnv>(var: Var<'_>) -> Result<Arc<dyn Cache>, EnvError> {
    let (vendor, credentials) = E::from_vars(var)?;
    let refresh_token = var(&format!("{}_REFRESH_TOKEN", E::PREFIX)).map(Secret::from);
    let cached = Cached { token: None, refresh_token, failures: 0 };
    Ok(Arc::new(MutexAndExpiry { vendor, credentials: credentials.into(), cached: Mutex::new(cached) }))
}

struct MutexAndExpiry<V: Vendor> {
    vendor: V,
    credentials: CredentialSource<V::Credentials>,
    cached: Mutex<Cached>,
}

struct Cached {
    token: Option<(HeaderName, Token, Instant)>,
    refresh_token: Option<Secret>,
    failures: u32,
}

impl<V: Vendor> Cache for MutexAndExpiry<V> {
    fn get(&self) -> HeaderFuture<'_> {
        Box::pin(async {
            let mut cached = self.cached.lock().await;
            if let Some((name, token, until)) = &cached.token
                && Instant::now() < *until
            {
                return Ok((name.clone(), token.clone()));
            }
            let issued = match cached.refresh_token.clone() {
                Some(token) => self.vendor.refresh(&self.credentials, &token).await,
                None => self.vendor.login(&self.credentials).await,
            };
            let issued = issued.map_err(|error| {
                cached.failures += 1;
                if cached.failures >= FAILURES && V::POLICY.login {
                    cached.refresh_token = None;
                }
                error.to_string()
            })?;
            cached.failures = 0;
            cached.refresh_token = issued.refresh_token.clone().or(cached.refresh_token.take());
            let until = Instant::now() + lifetime(&issued);
            let (name, token) = token_of::<V>(issued)?;
            cached.token = Some((name.clone(), token.clone(), until));
            Ok((name, token))
        })
    }
}

fn lifetime(issued: &IssuedTokens) -> Duration {
    let at = issued.expires_at.and_then(|at| at.duration_since(std::time::SystemTime::now()).ok());
    issued.expires_in.or(at).unwrap_or(UNKNOWN)
}

/// The header of a token, as the vendor wants it. A source that never sends a request builds it.
fn token_of<V: Vendor>(issued: IssuedTokens) -> Result<(HeaderName, Token), String> {
    struct Silent<V>(std::marker::PhantomData<fn() -> V>);

    impl<V: Vendor> Vendor for Silent<V> {
        type Credentials = ();
        const POLICY: TokenPolicy = V::POLICY;

        fn server(&self) -> String {
            String::new()
        }
    }

    let source = TokenSource::builder(Silent::<V>(std::marker::PhantomData), ()).token(issued).build();
    let token = source.try_token().ok_or("the token has expired")?;
    Ok((source.header_name().clone(), token))
}

/// A vendor in the demo, with a naive cache.
pub struct NaiveRun {
    pub issuer: Issuer,
    pub calls: Arc<Calls>,
    cache: Arc<dyn Cache>,
    steps: VecDeque<(Duration, Step)>,
}

impl NaiveRun {
    pub fn new(number: usize, vendor: &DemoVendor, sandbox: &Sandbox) -> Result<Self, Box<dyn Error>> {
        let issuer = find_issuer(vendor, sandbox)?;
        let variables: HashMap<String, String> = issuer.environment().into_iter().collect();
        Ok(Self {
            issuer: issuer.clone(),
            calls: Arc::default(),
            cache: (vendor.naive)(&|name| variables.get(name).cloned())?,
            steps: script(number, &vendor.policy).steps.into(),
        })
    }

    /// Performs the due steps of the script.
    pub fn step(&mut self, now: Duration) {
        while self.steps.front().is_some_and(|(at, _)| *at <= now) {
            match self.steps.pop_front() {
                Some((_, Step::Fault(fault))) => self.issuer.inject(fault),
                Some((_, Step::EndTokens)) => drop(self.issuer.revoke_all()),
                None => {}
            }
        }
    }

    /// Returns one call, which a caller makes again and again.
    pub fn call(&self) -> impl Fn() -> Pin<Box<dyn Future<Output = Result<(), String>> + Send>> + Clone + Send + use<> {
        let (cache, url, http) = (self.cache.clone(), format!("{}{PROTECTED}", self.issuer.url()), Client::new());
        move || {
            let (cache, url, http) = (cache.clone(), url.clone(), http.clone());
            Box::pin(async move {
                let (name, token) = cache.get().await?;
                let mut call = http.get(url).header(name, token.header());
                for (name, value) in token.extra_headers() {
                    call = call.header(name, value);
                }
                let response = call.send().await.map_err(|error| error.to_string())?;
                response.error_for_status().map(drop).map_err(|error| error.to_string())
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_naive_cache_makes_the_header_as_the_vendor_wants_it() {
        let issued = IssuedTokens::new("example-access-token").expires_in(Duration::from_secs(60));
        let (name, token) = token_of::<freshtoken::zenoti::Endpoint>(issued).unwrap();
        assert_eq!((name.as_str(), token.header().to_str().unwrap()), ("authorization", "Bearer example-access-token"));
    }
}
