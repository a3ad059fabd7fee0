//! A vendor whose tokens know the credentials that they came from.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use freshtoken::{CredentialSource, GrantError, IssuedTokens, Secret, TokenPolicy, Vendor};

use crate::failure::{Failure, Status};
use crate::grants::Grants;
use crate::printable::is_printable;
use crate::refusals::Refusals;

/// The name of the digest among the kept values of a token.
pub const DIGEST: &str = "freshtoken-cli.credentials";

/// A vendor that stores a digest of the credentials with each token. A token that came from others is not served.
pub struct Tracked<V> {
    vendor: V,
    digest: String,
    problems: Arc<Problems>,
    refusals: Arc<Refusals>,
    grants: Arc<Grants>,
}

/// The last failure on this machine, which says more than the failed request.
#[derive(Default)]
pub struct Problems(Mutex<Option<Failure>>);

impl Problems {
    pub fn set(&self, failure: Failure) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure);
    }

    pub fn take(&self) -> Option<Failure> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Why credentials were not handed out. A vendor returns another error then, which says less.
#[derive(Clone, Default)]
struct Withheld(Arc<Mutex<Option<GrantError>>>);

impl Withheld {
    fn set(&self, error: GrantError) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
    }

    fn take(&self) -> Option<GrantError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl<V: Vendor> Tracked<V> {
    pub fn new(
        vendor: V,
        digest: String,
        problems: Arc<Problems>,
        refusals: Arc<Refusals>,
        grants: Arc<Grants>,
    ) -> Self {
        Self { vendor, digest, problems, refusals, grants }
    }

    fn count<T>(&self, grant: &'static str, since: Instant, result: &Result<T, GrantError>) {
        let outcome = match result.as_ref().map_err(GrantError::outcome) {
            Ok(_) => "ok",
            // A login that may have been processed costs nothing: only a refresh token can be lost.
            Err("ambiguous") if grant == "login" => "transient",
            Err(outcome) => outcome,
        };
        self.grants.count(grant, outcome, since.elapsed());
    }

    /// Returns the credentials for one request, and why they were not handed out to it: they were refused, for example.
    fn unrefused(&self, credentials: &CredentialSource<V::Credentials>) -> (CredentialSource<V::Credentials>, Withheld)
    where
        V::Credentials: Clone + PartialEq,
    {
        // What failed before is not the cause of what fails now.
        self.problems.take();
        let withheld = Withheld::default();
        let all = (credentials.clone(), self.problems.clone(), self.refusals.clone(), withheld.clone());
        let unrefused = CredentialSource::ask(move || {
            let (credentials, problems, refusals, withheld) = all.clone();
            async move {
                let given = credentials.get().await.and_then(|given| match refusals.check() {
                    None => Ok(V::Credentials::clone(&given)),
                    Some(why) => {
                        let message = format!("{}: {why}", refusals.account().name);
                        problems.set(Failure::new(Status::Refused, message));
                        Err(GrantError::permanent(why))
                    }
                });
                given.map_err(|error| {
                    withheld.set(error.clone());
                    error.to_string().into()
                })
            }
        });
        (unrefused, withheld)
    }

    /// Keeps that the credentials were refused.
    fn refused(&self, error: &GrantError) {
        if let Err(problem) = self.refusals.keep(error) {
            let name = &self.refusals.account().name;
            let message = format!(
                "{name}: the credentials were refused, and the next command sends them again, because the state directory cannot \
                 be written ({problem}); change the credentials: {error}"
            );
            self.problems.set(Failure::new(Status::Refused, message));
        }
    }

    /// Adds the digest. Refuses a token that could not be printed.
    fn track(&self, issued: IssuedTokens) -> Result<IssuedTokens, GrantError> {
        if !is_printable(issued.access_token.expose()) {
            let message = "the vendor's token has a byte that is no printable ASCII character";
            self.problems.set(Failure::other(format!("{}: {message}", V::POLICY.vendor)));
            return Err(GrantError::unusable(message));
        }
        Ok(issued.keep(DIGEST, self.digest.clone()))
    }
}

/// Delegates everything: a method that is missing here would have its default.
impl<V: Vendor<Credentials: Clone + PartialEq>> Vendor for Tracked<V> {
    type Credentials = V::Credentials;

    const POLICY: TokenPolicy = V::POLICY;

    const IS_TIMED: bool = V::IS_TIMED;

    fn policy(&self) -> &'static TokenPolicy {
        self.vendor.policy()
    }

    fn server(&self) -> String {
        self.vendor.server()
    }

    fn base_url(&self) -> Option<String> {
        self.vendor.base_url()
    }

    async fn login(&self, credentials: &CredentialSource<V::Credentials>) -> Result<IssuedTokens, GrantError> {
        let since = Instant::now();
        let (credentials, withheld) = self.unrefused(credentials);
        let result = self.vendor.login(&credentials).await.and_then(|issued| self.track(issued));
        if let Some(error) = withheld.take() {
            return Err(error);
        }
        match &result {
            Ok(_) => self.refusals.accepted(),
            Err(error) if error.outcome() == "refused" => self.refused(error),
            Err(_) => {}
        }
        self.count("login", since, &result);
        result
    }

    async fn refresh(
        &self,
        credentials: &CredentialSource<V::Credentials>,
        refresh_token: &Secret,
    ) -> Result<IssuedTokens, GrantError> {
        let since = Instant::now();
        let (credentials, withheld) = self.unrefused(credentials);
        let result = self.vendor.refresh(&credentials, refresh_token).await.and_then(|issued| self.track(issued));
        if let Some(error) = withheld.take() {
            return Err(error);
        }
        // Any other refusal is that of the refresh token.
        if let Some(error) = result.as_ref().err().filter(|error| error.is_permanent()) {
            self.refused(error);
        }
        self.count("refresh", since, &result);
        result
    }

    async fn revoke(&self, credentials: &CredentialSource<V::Credentials>, token: &Secret) -> Result<(), GrantError> {
        self.vendor.revoke(credentials, token).await
    }

    async fn revoke_with(
        &self,
        credentials: &CredentialSource<V::Credentials>,
        token: &Secret,
        access_token: Option<&Secret>,
    ) -> Result<(), GrantError> {
        let since = Instant::now();
        let result = self.vendor.revoke_with(credentials, token, access_token).await;
        self.count("revoke", since, &result);
        result
    }
}
