//! Where credentials come from.

use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::Failure;

type Answer<C> = Pin<Box<dyn Future<Output = Result<C, Box<dyn StdError + Send + Sync>>> + Send>>;

/// Credentials, or a callback that is asked for them at each grant that needs some.
///
/// RFC 6749 section 4.3.1 wants a password gone once it is used: with a callback, the facade keeps none. Generated
/// credentials wipe their secrets from memory when they are dropped.
pub struct CredentialSource<C>(Kind<C>);

enum Kind<C> {
    Value(Arc<C>),
    Ask(Arc<dyn Fn() -> Answer<C> + Send + Sync>),
}

impl<C> CredentialSource<C> {
    /// A callback that is asked at each login, and at a refresh or revoke that needs credentials. Whatever it fails with
    /// ends that one try; its text must hold no secret.
    ///
    /// ```
    /// use freshtoken::CredentialSource;
    ///
    /// let source = CredentialSource::ask(|| async { Ok(std::fs::read_to_string("/run/secrets/acme")?) });
    /// # let _: CredentialSource<String> = source;
    /// ```
    pub fn ask<F, A>(callback: F) -> Self
    where
        F: Fn() -> A + Send + Sync + 'static,
        A: Future<Output = Result<C, Box<dyn StdError + Send + Sync>>> + Send + 'static,
    {
        Self(Kind::Ask(Arc::new(move || Box::pin(callback()))))
    }

    /// The credentials, for a [`Vendor`](crate::Vendor) that is about to send them.
    ///
    /// # Errors
    ///
    /// What the callback failed with, as a transient failure.
    pub async fn get(&self) -> Result<Arc<C>, Failure> {
        match &self.0 {
            Kind::Value(value) => Ok(value.clone()),
            Kind::Ask(callback) => callback().await.map(Arc::new).map_err(Failure::credentials),
        }
    }

    /// The credentials where they are a value.
    pub(crate) fn value(&self) -> Option<&C> {
        match &self.0 {
            Kind::Value(value) => Some(value),
            Kind::Ask(_) => None,
        }
    }
}

impl<C> From<C> for CredentialSource<C> {
    fn from(credentials: C) -> Self {
        Self(Kind::Value(Arc::new(credentials)))
    }
}

impl<C> Clone for CredentialSource<C> {
    fn clone(&self) -> Self {
        Self(match &self.0 {
            Kind::Value(value) => Kind::Value(value.clone()),
            Kind::Ask(callback) => Kind::Ask(callback.clone()),
        })
    }
}

/// Which of the two, nothing of what it holds.
impl<C> fmt::Debug for CredentialSource<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Kind::Value(_) => "CredentialSource(value)",
            Kind::Ask(_) => "CredentialSource(callback)",
        })
    }
}
