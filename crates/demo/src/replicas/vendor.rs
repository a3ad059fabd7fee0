//! The vendor of the replicas: any that has a login and single-use refresh tokens. Its adapter is wrapped, so that each grant
//! is reported.

use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use freshtoken::env::{EnvError, FromEnv};
use freshtoken::store::Seal;
use freshtoken::{
    CredentialSource, GrantError, IssuedTokens, RefreshTokens, Renewal, Secret, TokenPolicy, TokenSource, Vendor,
};

use super::message::{Account, AccountKind, Grant, Report};
use super::running::Reporter;
use super::store::OpenStore;

/// The name of the variable with the refresh token to start from, after the vendor's prefix.
pub const REFRESH_TOKEN: &str = "REFRESH_TOKEN";

/// A vendor of the facade.
pub struct FleetVendor {
    pub name: &'static str,
    pub policy: TokenPolicy,
    /// The prefix of its variables.
    pub prefix: &'static str,
    /// Creates the source of an account.
    pub tokens: NewSource,
}

/// Creates the source of the account with this number.
type NewSource = fn(usize, &Account, &OpenStore, &Seal, &Arc<Reporter>) -> Result<TokenSource, EnvError>;

impl FleetVendor {
    fn of<E: FromEnv>() -> Self {
        Self { name: E::POLICY.vendor, policy: E::POLICY, prefix: E::PREFIX, tokens: tokens::<E> }
    }

    /// Whether it is the hardest case for a fleet: a refresh token that works once, and only after the expiry.
    fn is_hard(&self) -> bool {
        let TokenPolicy { login, refresh, renew, .. } = self.policy;
        login && refresh == RefreshTokens::SingleUse && renew == Renewal::AtExpiry
    }
}

/// Returns the first vendor that is a hard case.
pub fn hardest() -> Option<FleetVendor> {
    all().into_iter().find(FleetVendor::is_hard)
}

/// Returns the vendor of this name.
pub fn named(name: &str) -> Option<FleetVendor> {
    all().into_iter().find(|vendor| vendor.name == name)
}

fn all() -> Vec<FleetVendor> {
    macro_rules! list {
        ($($vendor:ident)*) => { vec![$(FleetVendor::of::<freshtoken::$vendor::Endpoint>()),*] };
    }
    freshtoken::for_vendors!(list)
}

fn tokens<E: FromEnv>(
    index: usize,
    account: &Account,
    store: &OpenStore,
    seal: &Seal,
    reporter: &Arc<Reporter>,
) -> Result<TokenSource, EnvError> {
    match account.kind {
        AccountKind::WithLogin => with_policy::<E, WithLogin<E>>(index, account, store, seal, reporter),
        AccountKind::WithoutLogin => with_policy::<E, WithoutLogin<E>>(index, account, store, seal, reporter),
    }
}

fn with_policy<E: FromEnv, P: Policy>(
    index: usize,
    account: &Account,
    store: &OpenStore,
    seal: &Seal,
    reporter: &Arc<Reporter>,
) -> Result<TokenSource, EnvError> {
    let (endpoint, credentials) = E::from_vars(&|name| account.variables.get(name).cloned())?;
    let is_issued = Arc::new(AtomicBool::new(false));
    let adapter = Reporting::<E, P> {
        inner: endpoint,
        account: index,
        is_issued: is_issued.clone(),
        reporter: reporter.clone(),
        policy: PhantomData,
    };
    let changes = reporter.clone();
    let mut source = TokenSource::builder(adapter, credentials).seal(seal.clone()).on_change(move |_| {
        // The callback also runs for the mark before a refresh.
        if is_issued.swap(false, Ordering::AcqRel) {
            changes.send(&Report::Stored { account: index });
        }
        async {}
    });
    if let Some(token) = account.variables.get(&format!("{}_{REFRESH_TOKEN}", E::PREFIX)) {
        source = source.refresh_token(token.as_str());
    }
    let source = match store {
        OpenStore::File(store) => source.store(store.clone(), &*account.name),
        OpenStore::Redis(store) => source.store(store.clone(), &*account.name),
    };
    Ok(source.build())
}

trait Policy: Send + Sync + 'static {
    const POLICY: TokenPolicy;

    /// Returns the error of a refresh as this vendor would report it.
    fn refresh_error(error: GrantError) -> GrantError {
        error
    }
}

struct WithLogin<E>(PhantomData<E>);

impl<E: Vendor> Policy for WithLogin<E> {
    const POLICY: TokenPolicy = E::POLICY;
}

/// The same vendor, if a person's consent were the only way in.
struct WithoutLogin<E>(PhantomData<E>);

impl<E: Vendor> Policy for WithoutLogin<E> {
    const POLICY: TokenPolicy = E::POLICY.login(false);

    /// A vendor with a login need not list its code for a used refresh token, because a login shows what the cause is. One
    /// without a login lists it: only this code says that a person has to consent again.
    fn refresh_error(error: GrantError) -> GrantError {
        if error.to_string().contains("returned 401") { GrantError::relogin(error.to_string()) } else { error }
    }
}

struct Reporting<E, P> {
    inner: E,
    account: usize,
    /// Whether a token has been issued that is not yet in the store.
    is_issued: Arc<AtomicBool>,
    reporter: Arc<Reporter>,
    policy: PhantomData<P>,
}

impl<E, P> Reporting<E, P> {
    async fn reported(
        &self,
        grant: Grant,
        request: impl Future<Output = Result<IssuedTokens, GrantError>>,
    ) -> Result<IssuedTokens, GrantError> {
        let account = self.account;
        self.reporter.send(&Report::Sending { account, grant });
        let result = request.await;
        match &result {
            Ok(_) => {
                self.is_issued.store(true, Ordering::Release);
                self.reporter.send(&Report::Issued { account, grant });
            }
            Err(error) => self.reporter.send(&Report::Failed { account, grant, error: error.to_string() }),
        }
        result
    }
}

impl<E: Vendor, P: Policy> Vendor for Reporting<E, P> {
    type Credentials = E::Credentials;
    const POLICY: TokenPolicy = P::POLICY;
    const IS_TIMED: bool = E::IS_TIMED;

    fn server(&self) -> String {
        self.inner.server()
    }

    async fn login(&self, credentials: &CredentialSource<E::Credentials>) -> Result<IssuedTokens, GrantError> {
        self.reported(Grant::Login, self.inner.login(credentials)).await
    }

    async fn refresh(
        &self,
        credentials: &CredentialSource<E::Credentials>,
        token: &Secret,
    ) -> Result<IssuedTokens, GrantError> {
        self.reported(Grant::Refresh, self.inner.refresh(credentials, token)).await.map_err(P::refresh_error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fleet_has_a_vendor_with_single_use_refresh_tokens_and_a_login() {
        let vendor = hardest().unwrap();
        assert!(vendor.policy.login && vendor.policy.refresh == RefreshTokens::SingleUse);
        assert_eq!(named(vendor.name).unwrap().prefix, vendor.prefix);
    }
}
