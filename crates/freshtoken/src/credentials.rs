//! Where credentials come from: a value, or a callback.

use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::grant_error::GrantError;
use crate::sync::{Mutex, lock};

type BoxFuture<C> = Pin<Box<dyn Future<Output = Result<C, Box<dyn StdError + Send + Sync>>> + Send>>;

/// Credentials, or a callback that is called for each grant that needs some. A value converts with [`From`].
///
/// RFC 6749 section 4.3.1 requires a client to discard a password after use: with a callback, this crate keeps none. Generated
/// credentials wipe their secrets from memory when they are dropped.
pub struct CredentialSource<C>(Kind<C>);

enum Kind<C> {
    Value(Arc<C>),
    Ask(Ask<C>),
    Attempt(Arc<Attempt<C>>),
}

struct Ask<C> {
    callback: Arc<dyn Fn() -> BoxFuture<C> + Send + Sync>,
    is_same: fn(&C, &C) -> bool,
}

/// One grant's view of a callback: it does not hand out credentials that the vendor has just refused.
struct Attempt<C> {
    ask: Ask<C>,
    refused: Option<Arc<C>>,
    given: Mutex<Option<Arc<C>>>,
}

/// The credentials of a callback that the vendor refused. They are kept only while the refusal lasts, to be compared.
pub(crate) struct Refusals<C>(Mutex<Option<Arc<C>>>);

impl<C> Refusals<C> {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(None))
    }

    /// Allows the same credentials to be sent again.
    pub(crate) fn forget(&self) {
        *lock(&self.0) = None;
    }

    /// Returns the credentials for one grant.
    pub(crate) fn attempt(&self, credentials: &CredentialSource<C>) -> CredentialSource<C> {
        match &credentials.0 {
            Kind::Ask(ask) => CredentialSource(Kind::Attempt(Arc::new(Attempt {
                ask: ask.clone(),
                refused: lock(&self.0).clone(),
                given: Mutex::new(None),
            }))),
            _ => credentials.clone(),
        }
    }

    /// Records the result of the grant.
    pub(crate) fn record<T>(&self, attempt: &CredentialSource<C>, result: &Result<T, GrantError>) {
        let Kind::Attempt(attempt) = &attempt.0 else { return };
        match result {
            Ok(_) => self.forget(),
            Err(failure) if failure.is_refusal() => *lock(&self.0) = lock(&attempt.given).take(),
            Err(_) => {}
        }
    }
}

impl<C> Clone for Ask<C> {
    fn clone(&self) -> Self {
        Self { callback: self.callback.clone(), is_same: self.is_same }
    }
}

impl<C> CredentialSource<C> {
    /// Creates a source from a callback.
    ///
    /// The callback is called at each login, and at a refresh or a revocation that needs credentials. If it fails, that one
    /// attempt fails. The error's message must not contain a secret.
    ///
    /// After a refusal it is called again, first after a minute, then at growing intervals of up to an hour. The request is
    /// sent again only if the credentials differ or an hour has passed. So a rotated secret is picked up, and an account is
    /// not locked out. The refused credentials stay in memory in the meantime, to be compared.
    ///
    /// # Examples
    ///
    /// ```
    /// use freshtoken::CredentialSource;
    ///
    /// let source = CredentialSource::ask(|| async { Ok(std::fs::read_to_string("/run/secrets/acme")?) });
    /// # let _: CredentialSource<String> = source;
    /// ```
    pub fn ask<F, A>(callback: F) -> Self
    where
        C: PartialEq,
        F: Fn() -> A + Send + Sync + 'static,
        A: Future<Output = Result<C, Box<dyn StdError + Send + Sync>>> + Send + 'static,
    {
        Self(Kind::Ask(Ask { callback: Arc::new(move || Box::pin(callback())), is_same: C::eq }))
    }

    /// Returns the credentials, for a [`Vendor`](crate::Vendor) that is about to send them.
    ///
    /// # Errors
    ///
    /// The error of the callback, as a transient failure.
    pub async fn get(&self) -> Result<Arc<C>, GrantError> {
        match &self.0 {
            Kind::Value(value) => Ok(value.clone()),
            Kind::Ask(ask) => (ask.callback)().await.map(Arc::new).map_err(GrantError::credentials),
            Kind::Attempt(attempt) => {
                let given = (attempt.ask.callback)().await.map(Arc::new).map_err(GrantError::credentials)?;
                if attempt.refused.as_ref().is_some_and(|refused| (attempt.ask.is_same)(refused, &given)) {
                    return Err(GrantError::unchanged());
                }
                *lock(&attempt.given) = Some(given.clone());
                Ok(given)
            }
        }
    }

    /// Returns the credentials if they are a value.
    pub(crate) fn value(&self) -> Option<&C> {
        match &self.0 {
            Kind::Value(value) => Some(value),
            Kind::Ask(_) | Kind::Attempt(_) => None,
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
            Kind::Ask(ask) => Kind::Ask(ask.clone()),
            Kind::Attempt(attempt) => Kind::Attempt(attempt.clone()),
        })
    }
}

/// Prints which of the two it is, and nothing of the credentials.
impl<C> fmt::Debug for CredentialSource<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Kind::Value(_) => "CredentialSource(value)",
            Kind::Ask(_) | Kind::Attempt(_) => "CredentialSource(callback)",
        })
    }
}
