//! When a token is renewed, and what a source starts from.

use freshtoken::clock::Clock;
use freshtoken::{
    CredentialSource, ErrorKind, GrantError, IssuedTokens, Lifetime, RefreshTokens, Renewal, Secret, TokenKind,
    TokenPolicy, TokenSource, Vendor,
};

use crate::support::{Does, Fixed, Issuer, TestClock, acme, ask, s, settle};
use crate::{DAY, LogsIn, NeedsConsent, RefreshesOnce, policy, source};

/// A clock that lags behind its own sleep, like a coarse clock.
struct Coarse(TestClock);

impl Clock for Coarse {
    fn now(&self) -> freshtoken::clock::Now {
        let behind = std::time::Duration::from_millis(10);
        freshtoken::clock::Now::new(self.0.monotonic() - behind, self.0.wall() - behind)
    }

    fn sleep(&self, duration: std::time::Duration) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>> {
        Clock::sleep(&self.0, duration)
    }
}

#[tokio::test]
async fn a_lagging_coarse_clock_costs_no_refresh_token() {
    let (issuer, clock) = (Issuer::new(Does::issues_pairs(s(DAY))), TestClock::new());
    let builder = TokenSource::builder(acme::<RefreshesOnce>(&issuer), "password".to_owned());
    let tokens = builder.clock(Coarse(clock.clone())).random(Fixed(0.0)).build();
    ask(&tokens).await.unwrap();
    clock.advance(s(DAY));
    let caller = tokio::spawn({
        let tokens = tokens.clone();
        async move { ask(&tokens).await }
    });
    settle().await;
    clock.advance(std::time::Duration::from_millis(2_010));
    assert_eq!(caller.await.unwrap().unwrap(), "token-2");
    assert_eq!(issuer.seen(), ["login", "refresh-1"]);

    issuer.does(Does::Fails);
    clock.advance(s(DAY + 10));
    let wait = ask(&tokens).await.unwrap_err().retry_after().unwrap();
    issuer.does(Does::issues_pairs(s(DAY)));
    clock.advance(wait - std::time::Duration::from_millis(10));
    assert_eq!(ask(&tokens).await.unwrap(), "token-3");
}

#[tokio::test]
async fn a_refused_refresh_is_followed_by_a_login_after_retry_after() {
    let (issuer, clock) = (Issuer::new(Does::issues_pairs(s(DAY))), TestClock::new());
    let tokens = source::<RefreshesOnce>(&issuer, &clock);
    ask(&tokens).await.unwrap();
    clock.advance(s(DAY + 10));
    issuer.does_once(Does::WantsLoginIn(s(30)));
    let error = ask(&tokens).await.unwrap_err();
    assert_eq!((error.kind(), error.retry_after()), (ErrorKind::Unavailable, Some(s(30))));
    clock.advance(s(30));
    assert_eq!(ask(&tokens).await.unwrap(), "token-2");
    assert_eq!(issuer.seen(), ["login", "refresh-1", "login"]);
}

#[tokio::test]
async fn credentials_changed_during_a_refused_fetch_are_tried() {
    let (issuer, clock) = (Issuer::new(Does::Refuses), TestClock::new());
    let tokens = source::<LogsIn>(&issuer, &clock);
    issuer.close();
    assert!(tokens.try_header().is_none());
    settle().await;
    tokens.credentials_changed();
    issuer.open();
    settle().await;
    issuer.does(Does::issues(s(900)));
    assert_eq!(ask(&tokens).await.unwrap(), "token-1");
}

#[tokio::test]
async fn an_empty_start_token_is_ignored_and_an_old_one_is_sent() {
    let (issuer, clock) = (Issuer::new(Does::issues_pairs(s(DAY))), TestClock::new());
    let builder = || TokenSource::builder(acme::<NeedsConsent>(&issuer), "id".to_owned()).clock(clock.clone());
    assert_eq!(ask(&builder().refresh_token("").build()).await.unwrap_err().kind(), ErrorKind::ConsentNeeded);
    let expired = || IssuedTokens::new("t").expires_at(clock.wall() - s(10));
    assert_eq!(ask(&builder().token(expired()).build()).await.unwrap_err().kind(), ErrorKind::ConsentNeeded);
    assert_eq!(issuer.seen(), Vec::<String>::new());
    let over = expired().refresh_token("over").refresh_expires_at(clock.wall() - s(1));
    assert_eq!(ask(&builder().token(over).build()).await.unwrap(), "token-1");
    assert_eq!(issuer.seen(), ["over"]);
    let good = IssuedTokens::new("good").expires_at(clock.wall() + s(600));
    assert_eq!(ask(&builder().token(good).refresh_token("consented").build()).await.unwrap(), "good");
}

#[tokio::test]
async fn a_source_with_a_start_token_renews_at_once() {
    let (issuer, clock) = (Issuer::new(Does::issues(s(900))), TestClock::new());
    let builder = TokenSource::builder(acme::<LogsIn>(&issuer), "password".to_owned());
    let stored = IssuedTokens::new("persisted").expires_at(clock.wall() + s(900));
    let _tokens = builder.clock(clock.clone()).random(Fixed(0.0)).token(stored).refresh_in_background().build();
    settle().await;
    clock.advance(s(675));
    settle().await;
    assert_eq!(issuer.seen(), ["login"]);
}

#[tokio::test]
async fn a_background_refresh_stops_with_the_last_source() {
    let (issuer, clock) = (Issuer::new(Does::issues(s(900))), TestClock::new());
    let builder = TokenSource::builder(acme::<LogsIn>(&issuer), "password".to_owned());
    let tokens = builder.clock(clock.clone()).random(Fixed(0.0)).refresh_in_background().build();
    ask(&tokens).await.unwrap();
    settle().await;
    for _ in 0..3 {
        clock.advance(s(675));
        settle().await;
    }
    assert_eq!(issuer.seen(), ["login"; 4]);
    assert_eq!(tokens.try_header().unwrap(), "Bearer token-4");
    drop(tokens);
    settle().await;
    assert_eq!(tokio::runtime::Handle::current().metrics().num_alive_tasks(), 0);
}

#[tokio::test]
async fn a_stored_token_is_used_until_it_expires() {
    let (issuer, clock) = (Issuer::new(Does::issues_pairs(s(DAY))), TestClock::new());
    let stored = || IssuedTokens::new("persisted").expires_at(clock.wall() + s(600)).refresh_token("consented");
    let builder = || TokenSource::builder(acme::<NeedsConsent>(&issuer), "id".to_owned()).clock(clock.clone());
    let tokens = builder().token(stored()).build();
    assert_eq!(ask(&tokens).await.unwrap(), "persisted");
    let late = stored();
    clock.advance(s(610));
    assert_eq!(ask(&tokens).await.unwrap(), "token-1");
    let tokens = builder().token(late).build();
    assert_eq!(ask(&tokens).await.unwrap(), "token-2");
    assert_eq!(issuer.seen(), ["consented", "consented"], "two sources that share no store");
}

#[tokio::test]
async fn jitter_lengthens_a_backoff_and_advances_a_renewal() {
    let (issuer, clock) = (Issuer::new(Does::Fails), TestClock::new());
    let tokens = TokenSource::builder(acme::<LogsIn>(&issuer), "password".to_owned())
        .clock(clock.clone())
        .random(Fixed(0.999))
        .build();
    let wait = ask(&tokens).await.unwrap_err().retry_after().unwrap();
    assert!((1.24..1.25).contains(&wait.as_secs_f64()), "{wait:?}");
    clock.advance(wait);
    issuer.does(Does::issues(s(1_000)));
    ask(&tokens).await.unwrap();
    issuer.seen();
    clock.advance(s(700));
    ask(&tokens).await.unwrap();
    assert_eq!(issuer.seen().len(), 0);
    clock.advance(s(1));
    ask(&tokens).await.unwrap();
    settle().await;
    assert_eq!(issuer.seen().len(), 1);
}

/// A vendor whose tenants decide whether refresh tokens are single-use.
struct Tenant(Issuer, RefreshTokens);

const ROTATING: TokenPolicy = TokenPolicy::new("tenant").refresh(RefreshTokens::SingleUse).keeps_refresh_token();
const OTHER: TokenPolicy = ROTATING.refresh(RefreshTokens::Reusable).renew(Renewal::Early(0.75));

impl Vendor for Tenant {
    type Credentials = String;
    const POLICY: TokenPolicy = ROTATING;

    fn policy(&self) -> &'static TokenPolicy {
        if self.1 == RefreshTokens::SingleUse { const { &ROTATING } } else { const { &OTHER } }
    }

    fn server(&self) -> String {
        "https://tenant.example".to_owned()
    }

    async fn login(&self, credentials: &CredentialSource<String>) -> Result<IssuedTokens, GrantError> {
        acme::<LogsIn>(&self.0).login(credentials).await
    }

    async fn refresh(
        &self,
        credentials: &CredentialSource<String>,
        token: &Secret,
    ) -> Result<IssuedTokens, GrantError> {
        acme::<LogsIn>(&self.0).refresh(credentials, token).await
    }
}

#[tokio::test]
async fn the_policy_of_the_tenant_decides_when_to_renew() {
    for (refresh, seen) in
        [(RefreshTokens::SingleUse, &["login"][..]), (RefreshTokens::Reusable, &["login", "refresh-1"])]
    {
        let (issuer, clock) = (Issuer::new(Does::issues_pairs(s(DAY))), TestClock::new());
        let tokens = TokenSource::builder(Tenant(issuer.clone(), refresh), "password".to_owned());
        let tokens = tokens.clock(clock.clone()).random(Fixed(0.0)).build();
        ask(&tokens).await.unwrap();
        clock.advance(s(DAY * 4 / 5));
        ask(&tokens).await.unwrap();
        settle().await;
        assert_eq!(issuer.seen(), seen, "{refresh:?}");
    }
}

policy!(Made = TokenPolicy::new("made").login(false).lifetime(Lifetime::Never).revoke(TokenKind::Access));

#[tokio::test]
async fn a_source_starts_from_a_token_made_by_hand_and_revokes_it() {
    let (issuer, clock) = (Issuer::new(Does::issues(s(DAY))), TestClock::new());
    let tokens = TokenSource::builder(acme::<Made>(&issuer), "password".to_owned()).clock(clock.clone());
    let tokens = tokens.token(IssuedTokens::new("by-hand")).build();
    clock.advance(s(400 * DAY));
    assert_eq!(ask(&tokens).await.unwrap(), "by-hand");
    tokens.revoke().await.unwrap();
    assert_eq!(issuer.seen(), ["revoke by-hand"]);
    assert_eq!(ask(&tokens).await.unwrap_err().kind(), ErrorKind::ConsentNeeded);
}

#[tokio::test]
async fn a_source_without_login_asks_for_consent_in_place_of_another_identity() {
    let (issuer, clock) = (Issuer::new(Does::issues_pairs(s(DAY))), TestClock::new());
    let tokens = TokenSource::builder(acme::<RefreshesOnce>(&issuer), "password".to_owned()).clock(clock.clone());
    let tokens = tokens.refresh_token("consented").without_login().build();
    assert_eq!(ask(&tokens).await.unwrap(), "token-1");
    clock.advance(s(DAY + 3));
    issuer.does(Does::WantsLogin);
    assert_eq!(ask(&tokens).await.unwrap_err().kind(), ErrorKind::ConsentNeeded);
    assert_eq!(issuer.seen(), ["consented", "refresh-1"]);
}
