//! Runs without a terminal: one vendor, one caller, and a clock that is advanced. Covers policies that no vendor in
//! `specs/` has.

use std::collections::HashMap;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use freshtoken::clock::Now;
use freshtoken::env::FromEnv;
use freshtoken::{
    CredentialSource, GrantError, HttpError, IssuedTokens, RefreshTokens, Renewal, Secret, TokenPolicy, TokenSource,
    Vendor as _, voucherify, wellnessliving, zenoti,
};
use freshtoken_sandbox::{Clock, Event, Outcome, Sandbox};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::callers;
use crate::report;
use crate::script::{END, script};
use crate::vendor::DemoVendor;
use crate::vendor_run::VendorRun;

/// How far the clock advances between two calls.
const TICK: Duration = Duration::from_millis(100);

/// More than any request needs. Only a task that waits for the clock takes this many.
const YIELDS: u32 = 20_000;

/// The sandbox's clock as the facade's clock, so that both advance together.
struct Shared(Clock);

impl freshtoken::clock::Clock for Shared {
    fn now(&self) -> Now {
        let now = self.0.now();
        Now::new(now.duration_since(UNIX_EPOCH).unwrap(), now)
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let clock = self.0.clone();
        Box::pin(async move { clock.wait_until(clock.now() + duration).await })
    }
}

struct Even;

impl freshtoken::clock::Random for Even {
    fn unit(&self) -> f64 {
        0.5
    }
}

/// A different policy for the requests of an existing vendor.
trait Fragment: Send + Sync + 'static {
    type Of: freshtoken::Vendor + FromEnv;
    const POLICY: TokenPolicy;
    /// Replacements in the vendor's spec.
    const CHANGES: &[(&str, &str)];
    const REPEATS: bool = false;
}

/// The vendor's adapter with the fragment's policy. Counts the grants in progress.
struct Adapter<F: Fragment>(F::Of, Arc<AtomicU32>, PhantomData<F>);

async fn counted<T>(under_way: &AtomicU32, grant: impl Future<Output = T>) -> T {
    under_way.fetch_add(1, Ordering::AcqRel);
    let done = grant.await;
    under_way.fetch_sub(1, Ordering::AcqRel);
    done
}

type Credentials<F> = <<F as Fragment>::Of as freshtoken::Vendor>::Credentials;

impl<F: Fragment> freshtoken::Vendor for Adapter<F> {
    type Credentials = Credentials<F>;
    const POLICY: TokenPolicy = F::POLICY;

    fn server(&self) -> String {
        self.0.server()
    }

    async fn login(&self, credentials: &CredentialSource<Credentials<F>>) -> Result<IssuedTokens, GrantError> {
        counted(&self.1, self.0.login(credentials)).await
    }

    async fn refresh(
        &self,
        credentials: &CredentialSource<Credentials<F>>,
        token: &Secret,
    ) -> Result<IssuedTokens, GrantError> {
        counted(&self.1, self.0.refresh(credentials, token)).await
    }

    async fn revoke(&self, credentials: &CredentialSource<Credentials<F>>, token: &Secret) -> Result<(), GrantError> {
        self.0.revoke(credentials, token).await
    }
}

/// An issuer that repeats its live token, for a client that asks early enough to receive it.
struct Repeating;

impl Fragment for Repeating {
    type Of = wellnessliving::Endpoint;
    const POLICY: TokenPolicy = wellnessliving::Endpoint::POLICY.renew(Renewal::Early(0.5));
    const CHANGES: &[(&str, &str)] = &[("  renew: { early: 0.75 }", "  renew: { early: 0.5 }")];
    const REPEATS: bool = true;
}

/// Single-use refresh tokens, early renewal, no login.
struct EarlySingleUse;

impl Fragment for EarlySingleUse {
    type Of = zenoti::Endpoint;
    const POLICY: TokenPolicy =
        zenoti::Endpoint::POLICY.login(false).refresh(RefreshTokens::SingleUse).renew(Renewal::Early(0.75));
    const CHANGES: &[(&str, &str)] = &[
        ("  login: { operation: create_token, body: PasswordGrant }\n", ""),
        ("  renew: at-expiry ", "  renew: { early: 0.75 } "),
    ];
}

/// Single-use refresh tokens, early renewal, and a login if one is lost.
struct EarlySingleUseWithLogin;

impl Fragment for EarlySingleUseWithLogin {
    type Of = zenoti::Endpoint;
    const POLICY: TokenPolicy = zenoti::Endpoint::POLICY.renew(Renewal::Early(0.75));
    const CHANGES: &[(&str, &str)] = &[("  renew: at-expiry ", "  renew: { early: 0.75 } ")];
}

/// Renewal so late that the token is no longer served when it is due.
struct Late;

impl Fragment for Late {
    type Of = voucherify::Endpoint;
    const POLICY: TokenPolicy = voucherify::Endpoint::POLICY.renew(Renewal::Early(0.9));
    const CHANGES: &[(&str, &str)] = &[("  renew: { early: 0.75 }", "  renew: { early: 0.9 }")];
}

/// Renewal at expiry by login.
struct LoginAtExpiry;

impl Fragment for LoginAtExpiry {
    type Of = voucherify::Endpoint;
    const POLICY: TokenPolicy = voucherify::Endpoint::POLICY.renew(Renewal::AtExpiry);
    const CHANGES: &[(&str, &str)] = &[("  renew: { early: 0.75 }", "  renew: at-expiry")];
}

/// A documented lifetime that the vendor does not keep: only a 401 shows the expiry.
struct Unkept;

impl Fragment for Unkept {
    type Of = wellnessliving::Endpoint;
    const POLICY: TokenPolicy = wellnessliving::Endpoint::POLICY.renew(Renewal::AtExpiry);
    const CHANGES: &[(&str, &str)] =
        &[("    expires-in: /expires_in\n", ""), ("  renew: { early: 0.75 }", "  renew: at-expiry")];
}

/// The result of a run: the checks, and the printed lines.
struct Ended {
    checks: Vec<(bool, String)>,
    seen: String,
}

/// Runs a vendor with the script of this number.
async fn rehearse<F: Fragment>(number: usize) -> Ended {
    let vendor = vendor::<F>();
    // The first response comes 300 ms later: on a full second, or at a fraction that dates cut off.
    let start = Duration::from_secs(1_795_305_600) + Duration::from_millis(700 + 330 * number as u64);
    let clock = Clock::stopped(UNIX_EPOCH + start);
    let (sender, mut events) = mpsc::unbounded_channel();
    let played = played::<F>(&clock).lifetime(script(number, &F::POLICY).lifetime);
    let on_event = move |event: &Event| {
        if !matches!(event.outcome, Outcome::Accepted { .. }) {
            drop(sender.send(event.clone()));
        }
    };
    let sandbox = Sandbox::builder([played]).on_event(on_event).start().await.unwrap();
    let issuer = sandbox.issuers()[0].clone();
    let under_way = Arc::new(AtomicU32::new(0));

    let variables: HashMap<String, String> = issuer.environment().into_iter().collect();
    // A vendor without a login needs no credentials, but its adapter requires them.
    let needed = |name: &str| F::Of::VARIABLES.iter().any(|known| known.is_required && name.ends_with(known.name));
    let var = |name: &str| variables.get(name).cloned().or_else(|| needed(name).then(|| "example".to_owned()));
    let (endpoint, credentials) = F::Of::from_vars(&var).unwrap();
    let adapter = Adapter::<F>(endpoint, under_way.clone(), PhantomData);
    let mut tokens = TokenSource::builder(adapter, credentials).clock(Shared(clock.clone())).random(Even);
    if !F::POLICY.login {
        tokens = tokens.refresh_token(issuer.consent().unwrap());
    }
    let mut run = VendorRun::with(number, &vendor, &issuer, tokens.build()).unwrap();

    let mut calls = JoinSet::new();
    let mut seen = String::new();
    let mut now = Duration::ZERO;
    while now < END {
        while run.step(now).is_some() {}
        if calls.is_empty() {
            let (api, url) = (run.api.clone(), run.url());
            calls.spawn(async move { callers::get(&api, &url).await });
        }
        for _ in 0..YIELDS {
            while let Some(call) = calls.try_join_next() {
                match call.unwrap() {
                    Ok(response) if response.status().is_success() => run.calls.record(Ok(()), TICK),
                    Ok(response) => run.calls.record(Err(format!("{now:?}: {}", response.status())), TICK),
                    // The call is retried.
                    Err(HttpError::Token(error)) if error.is_transient() => {}
                    Err(error) => run.calls.record(Err(format!("{now:?}: {error}")), TICK),
                }
            }
            if calls.is_empty() && under_way.load(Ordering::Acquire) == 0 {
                break;
            }
            tokio::task::yield_now().await;
        }
        while let Ok(event) = events.try_recv() {
            seen += &run.record_event(&event).map(|(_, text)| format!("{now:?} {text}\n")).unwrap_or_default();
        }
        now += TICK;
        clock.advance(TICK);
    }
    let revoked: Vec<_> = run.revoke().await.into_iter().collect();
    while let Ok(event) = events.try_recv() {
        run.record_event(&event);
    }
    Ended { checks: report::checks(&[run], calls.is_empty(), &revoked), seen }
}

fn vendor<F: Fragment>() -> DemoVendor {
    DemoVendor {
        name: F::POLICY.vendor,
        policy: F::POLICY,
        variables: &[],
        tokens: |_| unreachable!("the source is passed in"),
        naive: |_| unreachable!("not used"),
        server: |_| unreachable!("not used"),
    }
}

/// Returns the vendor's spec with the fragment's replacements.
fn played<F: Fragment>(clock: &Clock) -> freshtoken_sandbox::PlayedVendor {
    let name = F::POLICY.vendor;
    let file = format!("{}/../../specs/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
    let spec = F::CHANGES.iter().fold(std::fs::read_to_string(file).unwrap(), |spec, (from, to)| {
        assert!(spec.contains(from), "{name} has no {from}");
        spec.replacen(from, to, 1)
    });
    let vendor = freshtoken_sandbox::PlayedVendor::parse(name, &spec).unwrap().clock(clock.clone());
    if F::REPEATS { vendor.repeat_live_token() } else { vendor }
}

/// Asserts that all checks pass. Each number has other faults.
async fn assert_all_explained<F: Fragment>() -> [Ended; 3] {
    let all = [rehearse::<F>(0).await, rehearse::<F>(1).await, rehearse::<F>(2).await];
    for Ended { checks, seen } in &all {
        let failed: Vec<&String> = checks.iter().filter(|(holds, _)| !holds).map(|(_, text)| text).collect();
        assert!(failed.is_empty(), "{failed:#?}\n{seen}");
    }
    all
}

#[tokio::test]
async fn a_repeated_live_token_is_explained() {
    for Ended { seen, .. } in assert_all_explained::<Repeating>().await {
        assert!(seen.contains("same token again, token 1 "), "{seen}");
    }
}

#[tokio::test]
async fn early_single_use_without_a_login_is_explained() {
    assert_all_explained::<EarlySingleUse>().await;
}

#[tokio::test]
async fn early_single_use_with_a_login_is_explained() {
    for Ended { seen, .. } in assert_all_explained::<EarlySingleUseWithLogin>().await {
        assert!(seen.contains("a reset after the request took effect") && seen.contains("a truncated body"), "{seen}");
    }
}

#[tokio::test]
async fn a_renewal_at_nine_tenths_is_explained() {
    assert_all_explained::<Late>().await;
}

#[tokio::test]
async fn a_login_at_the_expiry_is_explained() {
    assert_all_explained::<LoginAtExpiry>().await;
}

#[tokio::test]
async fn an_expiry_known_only_by_a_401_is_explained() {
    assert_all_explained::<Unkept>().await;
}
