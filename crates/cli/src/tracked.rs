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
impl<V: Vendor<Credentials: Clone>> Vendor for Tracked<V> {
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
        // What failed before is not the cause of what fails now.
        self.problems.take();
        // From here on the refusals are those of these credentials.
        let credentials = (*credentials.get().await?).clone();
        if let Some(why) = self.refusals.check() {
            self.problems.set(Failure::new(Status::Refused, format!("{}: {why}", self.refusals.account().name)));
            return Err(GrantError::permanent(why));
        }
        let since = Instant::now();
        let result = self.vendor.login(&credentials.into()).await.and_then(|issued| self.track(issued));
        match &result {
            Ok(_) => self.refusals.forget(),
            Err(error) if error.outcome() == "refused" => self.refusals.keep(error),
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
        let result = self.vendor.refresh(credentials, refresh_token).await.and_then(|issued| self.track(issued));
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
