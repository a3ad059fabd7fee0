//! One simulated vendor: handles its requests, and is the handle through which a test controls it.

use std::collections::{HashSet, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::watch;

use crate::account::{Accounts, Credentials};
use crate::chain::Handed;
use crate::clock::Clock;
use crate::curl::Caller;
use crate::environment::Account;
use crate::event::{Counts, Event, Outcome};
use crate::exchange::{Reply, VendorRequest};
use crate::fault::queue::FaultQueue;
use crate::fault::{Fault, FaultKind, Purpose, apply};
use crate::grants::Grants;
use crate::ledger::{Invalidation, Ledger};
use crate::refusal::{Reason, Refusal};
use crate::request::incoming::Incoming;
use crate::request::values::RequestValues;
use crate::response::message::Response;
use crate::response::{challenge, failure, success};
use crate::route::{Matched, Route, route};
use crate::spec::x_token::XToken;
use crate::state::State;
use crate::vendor::PlayedVendor;
use crate::{request, resource};

/// How many events are kept; older ones are dropped.
const MAX_EVENTS: usize = 10_000;

/// The callback for events.
pub(crate) type OnEvent = Arc<dyn Fn(&Event) + Send + Sync>;

/// A vendor that a [`Sandbox`](crate::Sandbox) simulates. Inspect it, control it, make it fail. Clones share one
/// issuer.
#[derive(Clone)]
pub struct Issuer(Arc<Shared>);

struct Shared {
    vendor: PlayedVendor,
    url: String,
    accounts: Accounts,
    /// The credentials of every vendor of the sandbox, which must not appear in logs.
    secrets: Arc<[String]>,
    on_event: Option<OnEvent>,
    stopping: watch::Receiver<bool>,
    state: Mutex<State>,
}

impl Issuer {
    pub(crate) fn new(
        vendor: PlayedVendor,
        url: String,
        secrets: Arc<[String]>,
        on_event: Option<OnEvent>,
        stopping: watch::Receiver<bool>,
    ) -> Self {
        let accounts = Accounts::new(&vendor.document, vendor.accounts, &vendor.any);
        let state = State {
            ledger: Ledger::default(),
            counts: Counts::default(),
            faults: FaultQueue::default(),
            dice: fastrand::Rng::with_seed(vendor.seed),
            events: VecDeque::new(),
            seen: HashSet::new(),
            handed: Handed::new(),
        };
        Self(Arc::new(Shared { vendor, url, accounts, secrets, on_event, stopping, state: Mutex::new(state) }))
    }

    /// Returns the vendor's name.
    pub fn name(&self) -> &str {
        &self.0.vendor.name
    }

    /// Returns the base URL for a client, without a trailing slash.
    pub fn url(&self) -> &str {
        &self.0.url
    }

    /// Returns the credentials of the first account, by name.
    pub fn credentials(&self) -> &Credentials {
        &self.0.accounts.credentials()[0]
    }

    /// Returns the credentials of every account.
    pub fn all_credentials(&self) -> &[Credentials] {
        self.0.accounts.credentials()
    }

    /// Returns the values of the settings: of path parameters, such as a tenant, and of the server variables that a computed
    /// value contains.
    pub fn settings(&self) -> &Credentials {
        self.0.accounts.settings()
    }

    /// Returns a `curl` command that gets a token for the first account, by login or, if there is none, by refresh.
    pub fn curl_grant(&self) -> Option<String> {
        let token = self.0.vendor.document.token.as_ref()?;
        let consented = if token.login.is_none() { self.consent() } else { None };
        let caller = Caller {
            document: &self.0.vendor.document,
            url: self.url(),
            credentials: self.credentials(),
            settings: self.settings(),
            token: consented.as_deref(),
        };
        caller.curl(&token.forms(token.login.as_ref().or(token.refresh.as_ref())?)[0])
    }

    /// Returns a `curl` command that calls the protected resource. Replace `TOKEN` with a token, and `KEPT` with what came
    /// with it.
    pub fn curl_call(&self) -> Option<String> {
        let document = &self.0.vendor.document;
        let token = document.token.as_ref()?;
        let prefix = resource::prefix(document, token).map(|prefix| format!("{prefix} ")).unwrap_or_default();
        let also = token.usage.also.iter().map(|(header, also)| {
            let known = |name| self.credentials().get(name).or_else(|| self.settings().get(name));
            let value = also.credential().and_then(known).map(String::as_str);
            format!(" -H '{header}: {}'", value.unwrap_or("KEPT"))
        });
        let also: String = also.collect();
        Some(format!("curl -sS {}/protected -H '{}: {prefix}TOKEN'{also}", self.url(), token.usage.header))
    }

    /// Returns the counters.
    pub fn counts(&self) -> Counts {
        self.state().counts
    }

    /// Returns the last 10,000 events, oldest first.
    pub fn events(&self) -> Vec<Event> {
        self.state().events.iter().cloned().collect()
    }

    /// Returns the number of live access tokens.
    pub fn live_tokens(&self) -> usize {
        self.state().ledger.live_tokens(self.clock().now()).0
    }

    /// Injects a fault. Faults wait in the order in which they were injected, and a request meets the first that
    /// applies to it.
    pub fn inject(&self, fault: Fault) {
        let now = self.clock().now();
        self.state().faults.add(fault, now);
    }

    /// Returns the faults that are still waiting.
    pub fn faults(&self) -> Vec<Fault> {
        let now = self.clock().now();
        self.state().faults.waiting(now)
    }

    /// Removes all faults.
    pub fn clear_faults(&self) {
        self.state().faults.clear();
    }

    /// Returns the issuer's clock.
    pub fn clock(&self) -> &Clock {
        &self.0.vendor.clock
    }

    /// Advances the issuer's clock; see [`Clock::advance`].
    pub fn advance_clock(&self, by: Duration) {
        self.clock().advance(by);
    }

    /// Invalidates every live access token, as when a password is changed, and returns how many there were.
    pub fn revoke_all(&self) -> u64 {
        let now = self.clock().now();
        self.state().ledger.invalidate_all(None, Invalidation::Revoked, now)
    }

    /// Returns a new refresh token for the first account, as if a person had given consent. If the vendor has neither a login nor
    /// a refresh, it is an access token, as if a person had made it. Returns `None` if the vendor has only a login.
    pub fn consent(&self) -> Option<String> {
        self.consent_of(0)
    }

    fn consent_of(&self, account: usize) -> Option<String> {
        let grants = self.grants()?;
        let now = self.clock().now();
        grants.consent(&mut self.state().ledger, account, now)
    }

    /// Returns the environment variables that a client of this issuer needs: `ZENOTI_URL`, `ZENOTI_API_URL`,
    /// `ZENOTI_USER_NAME` and so on.
    ///
    /// - Names start with the vendor's name in upper case. Characters that aren't allowed in a variable name become
    ///   `_`, and a leading digit gets a `_` in front.
    /// - `…_URL` is [the base URL](Issuer::url), and `…_API_URL` is that of the protected resource, which is the same
    ///   here.
    /// - The others are the [credentials](Issuer::credentials), the [settings](Issuer::settings) and the other inputs
    ///   of a grant, such as a scope or an enum, as in the spec's example. A list of words is separated by spaces; any
    ///   other list is JSON. Names that would clash with `URL`, `SERVER`, `API_URL` or `REFRESH_TOKEN` get a trailing
    ///   `_`.
    /// - If a client has a choice (`one-of`), they are those of the first alternative, or of the one that
    ///   [`PlayedVendor::alternative`] names.
    /// - `…_REFRESH_TOKEN` exists if the vendor has no login, or `…_ACCESS_TOKEN` if it has no refresh either. Each call of this method issues a [new
    ///   one](Issuer::consent).
    /// - The second account's variables end in `_2`, and so on.
    ///
    /// Two vendors whose names differ only in such characters, such as `a-b` and `a_b`, get the same variables; pass
    /// only one of them to a program.
    pub fn environment(&self) -> Vec<(String, String)> {
        let needs_consent = self.0.vendor.document.token.as_ref().is_some_and(|token| token.login.is_none());
        let starts_from_token = self.0.vendor.document.token.as_ref().is_some_and(XToken::starts_from_token);
        let accounts = self.all_credentials().iter().enumerate().map(|(account, credentials)| Account {
            number: account + 1,
            url: self.url(),
            values: [credentials, self.settings(), self.0.accounts.others()],
            left_out: self.0.accounts.of_other_alternatives(),
            start: if needs_consent { self.consent_of(account) } else { None },
            start_name: if starts_from_token { "ACCESS_TOKEN" } else { "REFRESH_TOKEN" },
        });
        accounts.flat_map(|account| account.variables(self.name())).collect()
    }

    /// Handles one request.
    pub(crate) async fn handle(&self, request: &VendorRequest) -> Reply {
        let document = &self.0.vendor.document;
        let routed = route(document, &request.method, &request.path);
        let checked = match &routed {
            Route::Operation(matched) => Some(self.check(matched, request)),
            Route::OtherMethod(..) | Route::Other => None,
        };
        let purpose = self.purpose(&routed, checked.as_ref().and_then(|checked| checked.as_ref().ok()));
        let fault = self.next_fault(purpose);
        if let Some(FaultKind::Delay { by }) = fault
            && !self.wait(by).await
        {
            return Reply::Reset;
        }

        // From here on everything happens at one instant.
        let mut state = self.state();
        let now = self.clock().now();
        let path = self.logged_path(&routed, request, &state.ledger);
        let operation = match &routed {
            Route::Operation(matched) | Route::OtherMethod(matched, _) => Some(matched.operation),
            Route::Other => None,
        };
        let instead = fault.as_ref().and_then(|fault| apply::instead(document, operation, fault, now));
        let (reply, outcome) = instead.map(|reply| (reply, Outcome::Nothing)).unwrap_or_else(|| {
            let (response, outcome) = self.done(&mut state, request, &routed, checked, purpose, fault.as_ref(), now);
            (apply::afterwards(fault.as_ref(), response, apply::date(fault.as_ref(), now), &request.method), outcome)
        });
        let status = match &reply {
            Reply::Response { response, .. } => Some(response.status),
            Reply::Reset => None,
        };
        let (vendor, method) = (self.name().to_owned(), logged_method(&request.method));
        let fault = fault.map(|fault| fault.to_string());
        self.record(&mut state, Event { at: now, vendor, method, path, status, outcome, fault });
        reply
    }

    /// Rejects a request before the vendor sees it: it is for another host, or its body can't be read. No fault applies
    /// to it.
    pub(crate) fn refuse(&self, request: &VendorRequest, status: u16, why: &str) -> Reply {
        let routed = route(&self.0.vendor.document, &request.method, &request.path);
        let mut state = self.state();
        let at = self.clock().now();
        match &routed {
            Route::Other => state.counts.calls_refused += 1,
            Route::Operation(_) | Route::OtherMethod(..) => {
                state.counts.requests += 1;
                state.counts.refused += 1;
            }
        }
        let path = self.logged_path(&routed, request, &state.ledger);
        let (vendor, method) = (self.name().to_owned(), logged_method(&request.method));
        let outcome = Outcome::Refused { why: why.to_owned() };
        self.record(&mut state, Event { at, vendor, method, path, status: Some(status), outcome, fault: None });
        let mut response = Response::empty(status);
        response.headers.push((REASON.to_owned(), why.to_owned()));
        Reply::Response { response, date: at, is_truncated: false }
    }

    /// Records an action of the control endpoint.
    pub(crate) fn record_directed(&self, method: &str, thing: &str, what: String) {
        let mut state = self.state();
        let (at, vendor) = (self.clock().now(), self.name().to_owned());
        let path = format!("/{}/{vendor}/{thing}", crate::vendor::CONTROL);
        let (method, outcome) = (logged_method(method), Outcome::Directed { what });
        self.record(&mut state, Event { at, vendor, method, path, status: Some(200), outcome, fault: None });
    }

    fn purpose(&self, routed: &Route<'_>, values: Option<&RequestValues>) -> Purpose {
        match (routed, self.grants()) {
            (Route::Other, _) => Purpose::Call,
            (Route::Operation(matched), Some(grants)) => grants.purpose(matched.operation, values),
            _ => Purpose::Other,
        }
    }

    fn next_fault(&self, purpose: Purpose) -> Option<FaultKind> {
        let now = self.clock().now();
        let State { faults, dice, counts, .. } = &mut *self.state();
        counts.requests += u64::from(purpose != Purpose::Call);
        let fault = faults.next(purpose, now, dice);
        counts.faults += u64::from(fault.is_some());
        fault
    }

    /// Returns the vendor's response, and what it did.
    #[expect(clippy::too_many_arguments, reason = "they are one request")]
    fn done(
        &self,
        state: &mut State,
        request: &VendorRequest,
        routed: &Route<'_>,
        checked: Option<Result<RequestValues, Refusal>>,
        purpose: Purpose,
        fault: Option<&FaultKind>,
        now: SystemTime,
    ) -> (Response, Outcome) {
        let document = &self.0.vendor.document;
        let done = match (routed, checked) {
            (Route::Operation(matched), Some(checked)) => {
                let operation = matched.operation;
                let acted = checked.and_then(|values| match self.grants() {
                    Some(grants) => grants.act(state, purpose, operation, &values, fault, (self.url(), now)),
                    None => Ok((success::plain(document, operation), Outcome::Answered)),
                });
                acted.map_err(|refusal| {
                    let mut response = failure::for_refusal(document, operation, &refusal);
                    if refusal.reason == Reason::TooManyTokens {
                        let first = state.ledger.live_tokens(now).1.and_then(|end| end.duration_since(now).ok());
                        apply::wait_headers(document, &mut response, first.unwrap_or_default(), now);
                    }
                    (refusal, response)
                })
            }
            (Route::OtherMethod(matched, methods), _) => {
                let refusal = Refusal::new(Reason::Method, &format!("the method must be {}", methods.join(" or ")));
                let mut response = failure::for_refusal(document, matched.operation, &refusal);
                response.headers.push(("allow".to_owned(), methods.join(", ")));
                Err((refusal, response))
            }
            _ => resource::protected(&self.0.vendor, &self.0.accounts, state, request, now),
        };
        done.unwrap_or_else(|(refusal, mut response)| {
            state.counts.refused += u64::from(purpose != Purpose::Call);
            if response.status == 401 && !response.has_header("www-authenticate") {
                response.headers.push(("www-authenticate".to_owned(), self.challenge(routed, request)));
            }
            let why = refusal.why.replace(|c: char| !c.is_ascii_graphic() && c != ' ', "?");
            response.headers.push((REASON.to_owned(), why));
            (response, Outcome::Refused { why: refusal.why })
        })
    }

    fn challenge(&self, routed: &Route<'_>, request: &VendorRequest) -> String {
        let document = &self.0.vendor.document;
        let usage = document.token.as_ref().map(|token| (token, &token.usage.header));
        // Only `Authorization` has schemes.
        let prefix = usage.filter(|(_, header)| header.eq_ignore_ascii_case("authorization"));
        let prefix = prefix.and_then(|(token, _)| resource::prefix(document, token));
        let (operation, header) = match routed {
            Route::Operation(matched) | Route::OtherMethod(matched, _) => (Some(matched.operation), "authorization"),
            Route::Other => (None, usage.map_or("authorization", |(_, header)| header)),
        };
        challenge::www_authenticate(document, operation, prefix, self.name(), request.headers.contains_key(header))
    }

    fn record(&self, state: &mut State, event: Event) {
        if state.events.len() == MAX_EVENTS {
            state.events.pop_front();
        }
        // Called under the lock, so that the log is in the order of events.
        if let Some(on_event) = &self.0.on_event {
            on_event(&event);
        }
        state.events.push_back(event);
    }

    fn grants(&self) -> Option<Grants<'_>> {
        Grants::of(&self.0.vendor, &self.0.accounts)
    }

    fn check(&self, matched: &Matched<'_>, request: &VendorRequest) -> Result<RequestValues, Refusal> {
        let incoming = Incoming {
            headers: &request.headers,
            query: &request.query,
            body: &request.body,
            path: matched.values.clone(),
        };
        request::check(&self.0.vendor.document, matched.shared, matched.operation, &incoming)
    }

    /// Waits by the issuer's clock. Returns false if the sandbox stops in the meantime.
    async fn wait(&self, by: Duration) -> bool {
        let end = self.clock().now().checked_add(by);
        let mut stopping = self.0.stopping.clone();
        tokio::select! {
            () = self.clock().wait_until(end.unwrap_or_else(|| self.clock().now())) => true,
            _ = stopping.wait_for(|is_stopping| *is_stopping) => false,
        }
    }

    /// Returns the spec's path for an operation. For a call, returns the path as sent, with `***` for each segment that
    /// may be a secret.
    ///
    /// A secret can appear encoded, after a `p=`, or belong to another vendor, so searching for secrets is not enough:
    /// only segments that are plainly words are logged.
    fn logged_path(&self, routed: &Route<'_>, request: &VendorRequest, ledger: &Ledger) -> String {
        if let Route::Operation(matched) | Route::OtherMethod(matched, _) = routed {
            return matched.path.to_owned();
        }
        // A credential may look like a word. Secrets of one or two characters are skipped: they occur in every word.
        let holds_secret = |part: &str| {
            let mut secrets = self.0.secrets.iter().filter(|secret| secret.len() > 2);
            ledger.knows(part) || secrets.any(|secret| part.contains(secret.as_str()))
        };
        let parts = request.path.split('/').map(|part| if is_word(part) && !holds_secret(part) { part } else { "***" });
        parts.collect::<Vec<_>>().join("/").chars().take(MAX_PATH).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The header that says what was wrong with a request.
const REASON: &str = "x-sandbox-reason";

/// The longest path segment that is logged, in bytes.
const MAX_WORD: usize = 16;

/// Whether a path segment is plainly a word, such as `sessions`, `gift_cards` or `v2`: letters, `-`, `_` and `.`, with
/// at most two digits at the end, after a letter. Tokens of the sandbox end in `-` and a number, so they never match.
fn is_word(part: &str) -> bool {
    let word = part.trim_end_matches(|c: char| c.is_ascii_digit());
    let digits = part.len() - word.len();
    part.len() <= MAX_WORD
        && word.bytes().all(|byte| byte.is_ascii_alphabetic() || b"-_.".contains(&byte))
        && (digits == 0 || digits <= 2 && word.ends_with(|c: char| c.is_ascii_alphabetic()))
}

/// Returns `?` for a method that HTTP doesn't define: it could be anything, even a secret.
pub(crate) fn logged_method(method: &str) -> String {
    const KNOWN: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];
    if KNOWN.contains(&method) { method.to_owned() } else { "?".to_owned() }
}

/// How much of a path is logged, in characters.
const MAX_PATH: usize = 200;

/// Shows neither credentials nor tokens.
impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issuer").field("name", &self.name()).field("url", &self.url()).finish_non_exhaustive()
    }
}
