//! The scenarios of `scenarios/`: Markdown tables of what happens when, what a caller gets, and what the issuer
//! sees. To add one, write a file and list it in `scenarios!` below. The events are in `Run::event` and `Run::change`.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use freshtoken::store::MemoryStore;
use freshtoken::{
    CredentialSource, Error, ErrorKind, Lifetime, RefreshTokens, Renewal, TokenKind, TokenPolicy, TokenSource, Vendor,
};
use support::{Does, Fixed, Issuer, TestClock, acme, s, settle};
use tokio::task::JoinHandle;

/// How much of a time without waiting callers passes in steps: longer than any quiet time here.
const STEPS: Duration = Duration::from_secs(120);

const BASE: TokenPolicy = TokenPolicy::new("acme").revoke(TokenKind::Access);
policy!(LogsIn = BASE);
policy!(Before60 = BASE.renew(Renewal::Before(s(60))));
policy!(LogsInAtExpiry = BASE.renew(Renewal::AtExpiry));
policy!(LivesADay = BASE.lifetime(Lifetime::For(s(24 * 60 * 60))));
policy!(IsLimited = BASE.grant_limit(3, s(600)));
policy!(HasTwoLive = BASE.renew(Renewal::Early(0.25)).live_limit(2));
policy!(LivesForever = BASE.lifetime(Lifetime::Never));
policy!(Refreshes = BASE.refresh(RefreshTokens::Reusable));
policy!(RefreshesOnce = BASE.refresh(RefreshTokens::SingleUse));
policy!(RefreshesOnceEarly = BASE.refresh(RefreshTokens::SingleUse).renew(Renewal::Early(0.75)));
policy!(
    RefreshesOnceIfRotated = BASE.refresh(RefreshTokens::SingleUse).renew(Renewal::Early(0.75)).keeps_refresh_token()
);
policy!(HasGrace = BASE.refresh(RefreshTokens::SingleUse).grace(s(30)));
policy!(NeedsConsentHasGrace = BASE.login(false).refresh(RefreshTokens::SingleUse).grace(s(30)));
policy!(RenewsTwice = BASE.refresh(RefreshTokens::AccessToken).most_refreshes(2));
policy!(KeepsToken = BASE.refresh(RefreshTokens::Reusable).keeps_access_token());
policy!(NeedsConsent = BASE.login(false).refresh(RefreshTokens::SingleUse));
policy!(NeedsConsentEarly = BASE.login(false).refresh(RefreshTokens::SingleUse).renew(Renewal::Early(0.75)));
policy!(NeedsConsentReusable = BASE.login(false).refresh(RefreshTokens::Reusable));

type Build = fn(&World) -> TokenSource;

/// What a source is built from, at the start and after a restart.
struct World {
    issuer: Issuer,
    clock: TestClock,
    refresh_token: Option<String>,
    store: Option<Arc<MemoryStore>>,
    /// The number of the secret that the callback returns.
    secret: Arc<Mutex<u64>>,
    has_callback: bool,
}

impl World {
    fn credentials(&self) -> CredentialSource<String> {
        if !self.has_callback {
            return "password".to_owned().into();
        }
        let (issuer, secret) = (self.issuer.clone(), self.secret.clone());
        CredentialSource::ask(move || {
            issuer.notes("asks for credentials");
            let secret = format!("password {}", secret.lock().unwrap());
            async { Ok(secret) }
        })
    }
}

fn build<P: support::HasPolicy>(world: &World) -> TokenSource
where
    support::Acme<P>: Vendor<Credentials = String>,
{
    let mut builder = TokenSource::builder(acme::<P>(&world.issuer), world.credentials())
        .clock(world.clock.clone())
        .random(Fixed(0.0));
    if let Some(refresh_token) = &world.refresh_token {
        builder = builder.refresh_token(refresh_token.as_str());
    }
    if let Some(store) = &world.store {
        builder = builder.store(store.clone(), "account");
    }
    builder.build()
}

/// The policies by the name after `Policy:`.
const POLICIES: &[(&str, Build)] = &[
    ("log in, renew at 75 %", build::<LogsIn>),
    ("log in, renew 60 s before expiry", build::<Before60>),
    ("log in, renew at expiry", build::<LogsInAtExpiry>),
    ("log in, lifetime of a day", build::<LivesADay>),
    ("log in, 3 tokens in 10 min, renew at 75 %", build::<IsLimited>),
    ("log in, 2 live tokens, renew at 25 %", build::<HasTwoLive>),
    ("log in, never expires", build::<LivesForever>),
    ("log in, refresh, renew at 75 %", build::<Refreshes>),
    ("log in, refresh once, renew at expiry", build::<RefreshesOnce>),
    ("log in, refresh once, renew at 75 %", build::<RefreshesOnceEarly>),
    ("log in, refresh once if rotated, renew at 75 %", build::<RefreshesOnceIfRotated>),
    ("log in, refresh once with a grace of 30 s, renew at expiry", build::<HasGrace>),
    ("consent, refresh once with a grace of 30 s, renew at expiry", build::<NeedsConsentHasGrace>),
    ("log in, renew a token with itself twice at 75 %", build::<RenewsTwice>),
    ("log in, refresh and keep the token, renew at 75 %", build::<KeepsToken>),
    ("consent, refresh once, renew at expiry", build::<NeedsConsent>),
    ("consent, refresh once, renew at 75 %", build::<NeedsConsentEarly>),
    ("consent, refresh, renew at 75 %", build::<NeedsConsentReusable>),
];

struct Run {
    world: World,
    build: Build,
    tokens: TokenSource,
    waiting: Vec<JoinHandle<Result<String, Error>>>,
    now: Duration,
}

impl Run {
    /// Performs a row's event and returns what a caller gets.
    async fn event(&mut self, event: &str) -> String {
        let words: Vec<&str> = event.split(' ').collect();
        match words.as_slice() {
            [] | [""] => String::new(),
            ["ask"] => self.ask(1).await,
            [count, "ask"] => self.ask(count.parse().unwrap()).await,
            ["waiting", "callers"] => self.waiters().await,
            ["issuer", "responds"] => {
                self.world.issuer.open();
                self.waiters().await
            }
            ["try"] => match self.tokens.try_token() {
                Some(token) => token.expose().replace('-', " "),
                None => "nothing".to_owned(),
            },
            ["401"] => {
                let token = self.tokens.token().await.unwrap();
                format!("{:?}", self.tokens.rejected(&token)).to_lowercase()
            }
            ["401", "with", "token", number] => {
                let header = http::HeaderValue::from_str(&format!("Bearer token-{number}")).unwrap();
                format!("{:?}", self.tokens.rejected(&header)).to_lowercase()
            }
            ["success"] => {
                let token = self.tokens.token().await.unwrap();
                self.tokens.accepted(token.header());
                String::new()
            }
            ["revoke"] => match self.tokens.revoke().await {
                Ok(()) => "done".to_owned(),
                Err(error) => said(&error),
            },
            ["state"] => format!("{:?}", self.tokens.status().state).to_lowercase(),
            words => {
                self.change(words);
                String::new()
            }
        }
    }

    /// Performs an event that no caller takes part in.
    fn change(&mut self, words: &[&str]) {
        match words {
            ["the", "secret", "is", "rotated"] => *self.world.secret.lock().unwrap() += 1,
            ["credentials", "change"] => self.tokens.credentials_changed(),
            ["new", "consent"] => self.tokens.new_consent("the second one"),
            ["starts", "from", rest @ ..] => {
                self.world.refresh_token = Some(rest.join(" "));
                self.tokens = (self.build)(&self.world);
            }
            ["restart"] => self.tokens = (self.build)(&self.world),
            ["clock", "jumps", "ahead", rest @ ..] | ["suspended", "for", rest @ ..] => {
                self.world.clock.suspend(duration(&rest.join(" ")));
            }
            ["clock", "set", "back", rest @ ..] => self.world.clock.set_back(duration(&rest.join(" "))),
            ["issuer", "wants", "a", "login", "once"] => self.world.issuer.does_once(Does::WantsLogin),
            ["issuer", "is", "slow"] => self.world.issuer.close(),
            ["issuer", "loses", "one", "response"] => self.world.issuer.does_once(Does::Loses),
            ["issuer", rest @ ..] => self.world.issuer.does(does(&rest.join(" "))),
            _ => panic!("unknown event `{}`", words.join(" ")),
        }
    }

    async fn ask(&mut self, callers: usize) -> String {
        for _ in 0..callers {
            let tokens = self.tokens.clone();
            self.waiting.push(tokio::spawn(async move { support::ask(&tokens).await }));
        }
        self.waiters().await
    }

    /// Returns what the waiting callers got, without repetitions.
    async fn waiters(&mut self) -> String {
        settle().await;
        if self.waiting.iter().any(|waiter| !waiter.is_finished()) {
            return "waits".to_owned();
        }
        let mut got = Vec::new();
        for waiter in std::mem::take(&mut self.waiting) {
            got.push(match waiter.await.unwrap() {
                Ok(token) => token.replace('-', " "),
                Err(error) => said(&error),
            });
        }
        got.dedup();
        got.join(", ")
    }
}

fn said(error: &Error) -> String {
    let kind = match error.kind() {
        ErrorKind::Unavailable => "unavailable",
        ErrorKind::Refused => "refused",
        ErrorKind::Unusable => "unusable",
        ErrorKind::ConsentNeeded => "consent needed",
        ErrorKind::Store => "store",
        ErrorKind::Unsupported => "unsupported",
        kind => panic!("{kind:?}"),
    };
    match error.retry_after() {
        Some(wait) => format!("{kind} for {} s", wait.as_secs()),
        None => kind.to_owned(),
    }
}

fn does(words: &str) -> Does {
    let pair = |rest: &str, refresh| {
        let (life, refresh_life) = match rest.split_once(", for ") {
            Some((life, refresh_life)) => (life, Some(duration(refresh_life))),
            None => (rest, None),
        };
        let life = (life != "no lifetime").then(|| duration(life));
        Does::Issues { life, refresh, refresh_life }
    };
    match words {
        "issues pairs that have expired" => Does::IssuesExpired,
        "prolongs tokens" => Does::Prolongs,
        "fails" => Does::Fails,
        "refuses" => Does::Refuses,
        "says 401" | "says 403 without a code" => Does::RefusesUnlisted,
        "wants a login" => Does::WantsLogin,
        "loses its responses" => Does::Loses,
        "sends garbage" => Does::SendsGarbage,
        _ => match words.split_once(" of ") {
            Some(("issues tokens", rest)) => pair(rest, false),
            Some(("issues pairs", rest)) => pair(rest, true),
            _ => match words.strip_prefix("fails, asks for ") {
                Some(wait) => Does::FailsFor(duration(wait)),
                None => panic!("unknown issuer behaviour `{words}`"),
            },
        },
    }
}

/// `90 s`, `15 min`, `24 h`, `90 d`.
fn duration(text: &str) -> Duration {
    let (number, unit) = text.split_once(' ').unwrap_or_else(|| panic!("invalid duration: `{text}`"));
    let seconds = match unit {
        "s" => 1.0,
        "min" => 60.0,
        "h" => 3_600.0,
        "d" => 86_400.0,
        _ => panic!("unknown unit of time: `{unit}`"),
    };
    Duration::from_secs_f64(number.parse::<f64>().unwrap() * seconds)
}

async fn run(text: &str) {
    let setting = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.map(|line| line.trim().trim_end_matches('.').to_owned())
    };
    let policy = setting("Policy: ").expect("a line `Policy: …`");
    let (_, build) =
        POLICIES.iter().find(|(name, _)| *name == policy).unwrap_or_else(|| panic!("unknown policy `{policy}`"));
    let issuer = Issuer::new(does(&setting("The issuer ").expect("a line `The issuer …`")));
    let clock = TestClock::new();
    let start = setting("Starts from: ");
    let store = setting("Keeps its records: ").map(|store| match store.as_str() {
        "in a store" => Arc::new(MemoryStore::new()),
        store => panic!("unknown store `{store}`"),
    });
    let has_callback = setting("Credentials: ").is_some_and(|credentials| credentials == "from a callback");
    let world = World { issuer, clock, refresh_token: start, store, secret: Arc::default(), has_callback };
    let tokens = build(&world);
    let mut run = Run { world, build: *build, tokens, waiting: Vec::new(), now: Duration::ZERO };

    let rows = text.lines().filter(|line| line.starts_with('|')).skip(2);
    let mut count = 0;
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [at, event, gets, sees] = cells[..] else { panic!("a row has four cells: {row}") };
        if !at.is_empty() {
            let at = duration(at);
            // A process that watches a record looks at it each second or two.
            while run.now < at {
                let left = at - run.now;
                let jump = if run.waiting.is_empty() { left.saturating_sub(STEPS) } else { Duration::ZERO };
                let step = jump.max(Duration::from_secs(1)).min(left);
                run.world.clock.advance(step);
                run.now += step;
                settle().await;
            }
        }
        let got = run.event(event).await;
        settle().await;
        let saw = run.world.issuer.seen().join(", ").replace('-', " ");
        assert_eq!((got.as_str(), saw.as_str()), (gets, sees), "at {row}");
        count += 1;
    }
    assert!(count > 0, "a table with rows");
    assert!(run.waiting.is_empty(), "a caller still waits");
}

macro_rules! scenarios {
    ($($name:ident),* $(,)?) => {
        $(
            #[tokio::test]
            async fn $name() {
                run(include_str!(concat!("scenarios/", stringify!($name), ".md"))).await;
            }
        )*

        #[test]
        fn every_file_is_run() {
            let names = [$(stringify!($name)),*];
            let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/scenarios");
            for entry in std::fs::read_dir(folder).unwrap() {
                let name = entry.unwrap().file_name().into_string().unwrap();
                assert!(names.contains(&name.trim_end_matches(".md")), "{name} has no line in this file");
            }
        }
    };
}

scenarios! {
    a_token_is_renewed_at_three_quarters_of_its_lifetime,
    a_token_is_renewed_this_long_before_it_expires,
    a_token_renewed_at_expiry_is_never_renewed_in_the_background,
    nothing_runs_without_callers,
    concurrent_callers_share_one_request,
    concurrent_callers_share_one_failure_and_its_backoff,
    the_backoff_is_capped_at_a_minute,
    a_retry_after_is_obeyed,
    a_retry_after_is_obeyed_for_a_day_at_most,
    a_failed_renewal_does_not_displace_a_good_token,
    no_caller_waits_with_eleven_seconds_left_and_the_issuer_down,
    a_refusal_is_retried_after_an_hour_or_with_other_credentials,
    refused_callback_credentials_are_not_resent_until_they_differ,
    unchanged_credentials_are_sent_again_after_an_hour,
    a_refused_renewal_keeps_the_good_token_until_it_expires,
    two_unusable_responses_in_a_row_back_off_ten_minutes,
    another_failure_resets_the_count_of_unusable_responses,
    a_token_that_arrives_expired_is_a_failure,
    a_refresh_token_beside_an_expired_access_token_is_kept,
    short_lived_tokens_do_not_cause_a_busy_loop,
    a_token_of_unknown_lifetime_is_used_until_a_401,
    a_token_without_a_lifetime_gets_the_documented_one,
    a_token_that_never_expires_is_never_renewed,
    no_more_tokens_are_requested_than_the_vendor_grants,
    a_token_is_not_renewed_while_too_many_are_live,
    a_401_with_the_current_token_causes_one_request,
    late_401s_with_an_old_token_cause_no_request,
    renewals_for_401s_back_off_until_a_call_succeeds,
    a_401_after_a_success_is_never_a_permission_problem,
    a_rejected_token_is_not_served_while_the_issuer_is_down,
    a_401_during_a_renewal_is_not_lost,
    a_token_is_served_until_shortly_before_it_expires,
    a_token_that_expired_during_suspension_is_not_served,
    a_clock_set_back_does_not_prolong_a_token,
    a_reusable_refresh_token_is_preferred_to_a_login_and_kept,
    a_single_use_refresh_waits_for_the_expiry_and_a_guard,
    a_single_use_refresh_token_is_never_sent_twice,
    a_lost_response_is_followed_by_a_login_in_the_same_fetch,
    a_lost_response_without_a_login_is_retried_once,
    after_a_lost_response_the_live_token_is_served,
    a_4xx_without_a_code_is_retried_with_a_growing_backoff,
    a_4xx_without_a_code_keeps_the_consent,
    after_a_lost_early_refresh_the_live_token_is_served,
    a_used_refresh_token_is_followed_by_a_login_at_once,
    a_refresh_refused_by_status_alone_is_followed_by_a_login,
    a_refused_refresh_is_permanent_if_the_vendor_lists_it,
    a_refresh_that_was_not_processed_may_be_sent_again,
    an_expired_refresh_token_is_not_sent,
    a_401_with_an_expired_token_does_not_count,
    a_short_lived_token_is_renewed_while_it_is_served,
    a_single_use_refresh_without_a_new_token_leaves_none,
    a_refresh_token_that_is_not_rotated_is_kept,
    a_token_is_renewed_with_itself_so_often,
    a_refresh_without_a_token_prolongs_the_old_one,
    a_lost_response_within_the_grace_is_retried_at_once,
    a_lost_response_after_the_grace_is_not_retried_at_once,
    a_lost_response_without_a_login_is_retried_within_the_grace,
    a_401_before_expiry_causes_a_login_and_no_early_refresh,
    a_clock_that_jumps_ahead_does_not_cause_an_early_refresh,
    a_source_starts_from_a_refresh_token,
    without_login_or_refresh_token_consent_is_needed,
    a_revoked_token_is_forgotten,
    a_failed_revocation_keeps_the_token_for_another_try,
    an_expired_token_is_forgotten_without_a_revocation,
    a_stored_record_is_refreshed_only_after_the_guard_interval,
    after_a_clock_jump_of_years_the_issuer_judges_the_refresh_token,
    a_start_token_is_sent_once_however_often_a_process_starts,
    an_unknown_start_token_is_used_if_no_pair_works,
    a_new_consent_replaces_a_working_pair,
    a_permanent_refusal_keeps_the_refresh_token,
}
