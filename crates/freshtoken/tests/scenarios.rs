//! The scenarios of `scenarios/`: each a Markdown table of what happens when, what a caller gets, and what the issuer
//! sees. To add one, write a file and give it a line in `SCENARIOS`; `ask` and the other events are in `Run::event`.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use freshtoken::{
    CredentialSource, Error, ErrorKind, Lifetime, Memory, Policy, Refresh, Renew, Takes, TokenSource, Vendor,
};
use support::{Does, Fixed, Issuer, TestClock, acme, s, settle};
use tokio::task::JoinHandle;

const BASE: Policy = Policy::new("acme").revoke(Takes::Access);
policy!(LogsIn = BASE);
policy!(Before60 = BASE.renew(Renew::Before(s(60))));
policy!(LogsInAtExpiry = BASE.renew(Renew::AtExpiry));
policy!(LivesADay = BASE.lifetime(Lifetime::For(s(24 * 60 * 60))));
policy!(LivesForever = BASE.lifetime(Lifetime::Never));
policy!(Refreshes = BASE.refresh(Refresh::Reusable));
policy!(RefreshesOnce = BASE.refresh(Refresh::SingleUse));
policy!(RefreshesOnceEarly = BASE.refresh(Refresh::SingleUse).renew(Renew::Early(0.75)));
policy!(NeedsConsent = BASE.login(false).refresh(Refresh::SingleUse));
policy!(NeedsConsentEarly = BASE.login(false).refresh(Refresh::SingleUse).renew(Renew::Early(0.75)));
policy!(NeedsConsentReusable = BASE.login(false).refresh(Refresh::Reusable));

type Build = fn(&World) -> TokenSource;

/// What a source is built from, also after a restart.
struct World {
    issuer: Issuer,
    clock: TestClock,
    refresh_token: Option<String>,
    store: Option<Arc<Memory>>,
    /// The number of the secret, where it comes from a callback.
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

/// The policies by the words after `Policy:`.
const POLICIES: &[(&str, Build)] = &[
    ("log in, renew at 75 %", build::<LogsIn>),
    ("log in, renew 60 s before the end", build::<Before60>),
    ("log in, renew at expiry", build::<LogsInAtExpiry>),
    ("log in, lives a day", build::<LivesADay>),
    ("log in, lives forever", build::<LivesForever>),
    ("log in, refresh, renew at 75 %", build::<Refreshes>),
    ("log in, refresh once, renew at expiry", build::<RefreshesOnce>),
    ("log in, refresh once, renew at 75 %", build::<RefreshesOnceEarly>),
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
    /// Does what a row says, and tells what a caller gets.
    async fn event(&mut self, event: &str) -> String {
        let words: Vec<&str> = event.split(' ').collect();
        match words.as_slice() {
            [] | [""] => String::new(),
            ["ask"] => {
                let tokens = self.tokens.clone();
                self.waiting.push(tokio::spawn(async move { support::ask(&tokens).await }));
                self.waiters().await
            }
            [count, "ask"] => {
                for _ in 0..count.parse().unwrap() {
                    let tokens = self.tokens.clone();
                    self.waiting.push(tokio::spawn(async move { support::ask(&tokens).await }));
                }
                self.waiters().await
            }
            ["who", "waits"] => self.waiters().await,
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
            ["the", "secret", "is", "rotated"] => {
                *self.world.secret.lock().unwrap() += 1;
                String::new()
            }
            ["revoke"] => match self.tokens.revoke().await {
                Ok(()) => "done".to_owned(),
                Err(error) => said(&error),
            },
            ["credentials", "change"] => {
                self.tokens.credentials_changed();
                String::new()
            }
            ["new", "consent"] => {
                self.tokens.new_consent("the second one");
                String::new()
            }
            ["starts", "from", rest @ ..] => {
                self.world.refresh_token = Some(rest.join(" "));
                self.tokens = (self.build)(&self.world);
                String::new()
            }
            ["issuer", "wants", "a", "login", "once"] => {
                self.world.issuer.does_once(Does::WantsLogin);
                String::new()
            }
            ["restart"] => {
                self.tokens = (self.build)(&self.world);
                String::new()
            }
            ["clock", "jumps", "ahead", rest @ ..] => {
                self.world.clock.suspend(duration(&rest.join(" ")));
                String::new()
            }
            ["suspended", "for", rest @ ..] => {
                self.world.clock.suspend(duration(&rest.join(" ")));
                String::new()
            }
            ["clock", "set", "back", rest @ ..] => {
                self.world.clock.set_back(duration(&rest.join(" ")));
                String::new()
            }
            ["state"] => format!("{:?}", self.tokens.status().state).to_lowercase(),
            ["issuer", "is", "slow"] => {
                self.world.issuer.close();
                String::new()
            }
            ["issuer", "answers"] => {
                self.world.issuer.open();
                self.waiters().await
            }
            ["issuer", "loses", "one", "answer"] => {
                self.world.issuer.does_once(Does::Loses);
                String::new()
            }
            ["issuer", rest @ ..] => {
                self.world.issuer.does(does(&rest.join(" ")));
                String::new()
            }
            _ => panic!("no event `{event}`"),
        }
    }

    /// What those got who waited, all the same.
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
        let life = (life != "no said life").then(|| duration(life));
        Does::Issues { life, refresh, refresh_life }
    };
    match words {
        "issues pairs that have expired" => Does::IssuesExpired,
        "fails" => Does::Fails,
        "refuses" => Does::Refuses,
        "says 401" | "says 403 without a code" => Does::RefusesUnlisted,
        "wants a login" => Does::WantsLogin,
        "loses its answers" => Does::Loses,
        "babbles" => Does::Babbles,
        _ => match words.split_once(" of ") {
            Some(("issues tokens", rest)) => pair(rest, false),
            Some(("issues pairs", rest)) => pair(rest, true),
            _ => match words.strip_prefix("fails, asks for ") {
                Some(wait) => Does::FailsFor(duration(wait)),
                None => panic!("no issuer that `{words}`"),
            },
        },
    }
}

/// `90 s`, `15 min`, `24 h`, `90 d`.
fn duration(text: &str) -> Duration {
    let (number, unit) = text.split_once(' ').unwrap_or_else(|| panic!("no duration: `{text}`"));
    let seconds = match unit {
        "s" => 1.0,
        "min" => 60.0,
        "h" => 3_600.0,
        "d" => 86_400.0,
        _ => panic!("no unit of time: `{unit}`"),
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
        POLICIES.iter().find(|(name, _)| *name == policy).unwrap_or_else(|| panic!("no policy `{policy}`"));
    let issuer = Issuer::new(does(&setting("The issuer ").expect("a line `The issuer …`")));
    let clock = TestClock::new();
    let start = setting("Starts from: ");
    let store = setting("Keeps its records: ").map(|store| match store.as_str() {
        "in a store" => Arc::new(Memory::new()),
        store => panic!("no store `{store}`"),
    });
    let has_callback = setting("Credentials: ").is_some_and(|credentials| credentials == "from a callback");
    let world = World { issuer, clock, refresh_token: start, store, secret: Arc::default(), has_callback };
    let tokens = build(&world);
    let mut run = Run { world, build: *build, tokens, waiting: Vec::new(), now: Duration::ZERO };

    let rows = text.lines().filter(|line| line.starts_with('|')).skip(2);
    let mut count = 0;
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [at, event, gets, sees] = cells[..] else { panic!("four cells, please: {row}") };
        if !at.is_empty() {
            let at = duration(at);
            run.world.clock.advance(at - run.now);
            run.now = at;
            settle().await;
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
    a_token_is_renewed_in_the_background_at_three_quarters_of_its_life,
    a_token_is_renewed_so_long_before_its_end,
    a_token_that_is_renewed_at_its_expiry_is_never_renewed_in_the_background,
    nothing_runs_when_nobody_asks,
    callers_who_come_together_share_one_request,
    callers_who_come_together_share_one_failure_and_the_next_waits_for_the_back_off,
    the_back_off_grows_to_a_minute_and_no_further,
    the_vendors_own_wish_to_wait_is_obeyed,
    a_failed_renewal_doesnt_displace_a_good_token,
    with_eleven_seconds_left_and_the_issuer_down_no_call_waits_and_one_request_is_made,
    a_refusal_is_tried_again_after_an_hour_or_with_other_credentials,
    a_callback_is_asked_again_after_a_refusal_and_nothing_is_sent_before_it_differs,
    credentials_that_stay_the_same_are_sent_again_after_an_hour,
    a_refused_renewal_leaves_the_good_token_in_place_until_its_end,
    an_answer_that_makes_no_sense_may_pass_once_but_not_twice_in_a_row,
    answers_that_make_no_sense_count_anew_after_another_failure,
    a_token_that_arrives_expired_is_a_failure,
    a_refresh_token_is_kept_though_its_access_token_arrives_expired,
    tokens_that_hardly_live_dont_make_a_busy_loop,
    a_token_whose_end_nobody_says_is_used_until_a_call_gets_401,
    a_token_without_a_said_life_has_the_documented_one,
    a_token_that_never_expires_is_never_renewed,
    a_401_with_the_current_token_causes_one_request,
    late_401s_with_an_old_token_cause_none,
    renewals_for_401s_back_off_until_a_call_succeeds,
    a_401_after_a_success_is_never_a_permission_problem,
    a_rejected_token_isnt_given_out_again_though_the_issuer_is_down,
    a_401_during_a_renewal_isnt_lost,
    a_token_isnt_given_out_shortly_before_its_end_but_never_after_it,
    a_suspended_machine_doesnt_believe_a_token_that_has_expired_meanwhile,
    a_clock_set_back_doesnt_prolong_a_token,
    a_refresh_token_is_preferred_to_a_login_and_kept_if_no_new_one_comes,
    a_single_use_refresh_waits_for_the_expiry_and_a_guard,
    a_single_use_refresh_token_is_never_sent_twice,
    a_lost_answer_is_followed_by_a_login_in_the_same_flight,
    a_lost_response_without_a_login_is_followed_by_one_more_try,
    a_lost_response_without_a_login_leaves_the_good_token_in_use,
    a_4xx_without_a_code_is_tried_again_with_a_growing_backoff,
    a_4xx_without_a_code_leaves_a_consent_in_place,
    a_lost_answer_to_an_early_refresh_keeps_the_good_token_in_use,
    a_spent_refresh_token_is_followed_by_a_login_at_once,
    a_refresh_that_is_refused_by_its_status_alone_is_followed_by_a_login,
    a_refused_refresh_is_permanent_where_the_vendors_list_says_so,
    a_refresh_that_surely_wasnt_acted_on_may_be_sent_again,
    a_refresh_token_that_is_over_isnt_sent,
    a_401_with_a_token_that_has_ended_says_nothing_of_the_next,
    a_short_lived_token_too_is_renewed_while_it_is_given_out,
    a_single_use_refresh_answered_without_a_new_refresh_token_leaves_none,
    a_401_before_the_expiry_is_answered_with_a_login_and_no_early_refresh,
    a_clock_that_jumps_ahead_doesnt_cause_an_early_refresh,
    a_source_starts_from_a_refresh_token,
    without_a_login_and_a_refresh_token_a_person_is_needed,
    a_revoked_token_is_forgotten,
    a_revoke_that_fails_leaves_the_token_so_that_one_can_try_again,
    a_token_that_is_over_isnt_revoked_but_forgotten,
    a_record_from_the_store_within_the_guard_window_is_refreshed_after_it,
    a_clock_that_jumps_years_ahead_leaves_the_refresh_token_to_the_issuer,
    a_start_token_is_sent_once_however_often_a_process_starts,
    an_unknown_start_token_is_used_where_no_pair_works,
    a_new_consent_replaces_a_pair_that_works,
    a_refusal_for_good_leaves_the_refresh_token_for_other_credentials,
}
