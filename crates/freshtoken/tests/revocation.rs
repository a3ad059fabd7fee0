//! Revocations that take more than one token.
#![allow(clippy::unwrap_used)]

mod support;

use std::sync::{Arc, Mutex};

use freshtoken::{
    CredentialSource, GrantError, IssuedTokens, RefreshTokens, Secret, TokenKind, TokenPolicy, TokenSource, Vendor,
};
use support::{Fixed, TestClock, s};

/// A vendor whose revocation of a refresh token is authorized by the access token, like a generated one.
#[derive(Clone, Default)]
struct Authorized(Arc<Mutex<Vec<String>>>);

impl Vendor for Authorized {
    type Credentials = ();

    const POLICY: TokenPolicy =
        TokenPolicy::new("authorized").refresh(RefreshTokens::SingleUse).revoke(TokenKind::Refresh);

    fn server(&self) -> String {
        "https://authorized.example".to_owned()
    }

    async fn login(&self, _: &CredentialSource<()>) -> Result<IssuedTokens, GrantError> {
        let mut issued = IssuedTokens::new("access");
        issued.expires_in = Some(s(900));
        issued.refresh_token = Some("refresh".into());
        Ok(issued)
    }

    async fn revoke_with(
        &self,
        _: &CredentialSource<()>,
        token: &Secret,
        access_token: Option<&Secret>,
    ) -> Result<(), GrantError> {
        let authority = access_token.map_or("nothing", Secret::expose);
        self.0.lock().unwrap().push(format!("{} by {authority}", token.expose()));
        Ok(())
    }
}

#[tokio::test]
async fn a_revocation_gets_the_refresh_token_and_the_live_access_token() {
    for (after, wanted) in [(0, "refresh by access"), (1000, "refresh by nothing")] {
        let (vendor, clock) = (Authorized::default(), TestClock::new());
        let tokens = TokenSource::builder(vendor.clone(), ()).clock(clock.clone()).random(Fixed(0.0)).build();
        tokens.token().await.unwrap();
        clock.advance(s(after));
        tokens.revoke().await.unwrap();
        assert_eq!(*vendor.0.lock().unwrap(), [wanted]);
    }
}
