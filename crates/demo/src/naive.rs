//! The cache that many programs use instead of a token source: a mutex and an expiry.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use freshtoken::env::{EnvError, FromEnv};
use freshtoken::{CredentialSource, IssuedTokens, Secret, Token, TokenPolicy, TokenSource, Vendor};
use reqwest::header::HeaderName;
use tokio::sync::Mutex;

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
pub fn cache<E: FromEnv>(var: &dyn Fn(&str) -> Option<String>) -> Result<Arc<dyn Cache>, EnvError> {
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
