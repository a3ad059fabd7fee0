//! One vendor in the demo: its issuer, its source, its callers, and what has happened.

use std::collections::{HashMap, VecDeque};
use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use console::style;
use freshtoken::status::State;
use freshtoken::{HttpClient, TokenKind, TokenSource};
use freshtoken_sandbox::{Event, Issuer, Outcome, Sandbox};
use reqwest::StatusCode;

use crate::callers::Calls;
use crate::causes::{Cause, Causes, FetchResult};
use crate::script::{Step, script};
use crate::terminal::{Row, Tone};
use crate::vendor::DemoVendor;

/// The path of the calls. In the sandbox, every path outside the spec is protected.
pub const PROTECTED: &str = "/protected";

/// One vendor in the demo.
pub struct VendorRun<'a> {
    pub vendor: &'a DemoVendor,
    pub issuer: Issuer,
    pub tokens: TokenSource,
    pub api: Arc<HttpClient>,
    pub calls: Arc<Calls>,
    pub causes: Causes,
    lifetime: Duration,
    pub faults: u64,
    steps: VecDeque<(Duration, Step)>,
    /// The newest token, and when it arrived by the issuer's clock.
    token: Option<(u64, SystemTime)>,
    pub has_ended_tokens: bool,
}

impl<'a> VendorRun<'a> {
    pub fn new(number: usize, vendor: &'a DemoVendor, sandbox: &Sandbox) -> Result<Self, Box<dyn Error>> {
        let issuer = find_issuer(vendor, sandbox)?;
        let variables: HashMap<String, String> = issuer.environment().into_iter().collect();
        let tokens = (vendor.tokens)(&|name| variables.get(name).cloned())?;
        Self::with(number, vendor, issuer, tokens)
    }

    /// Creates a run whose tokens come from this source.
    pub fn with(
        number: usize,
        vendor: &'a DemoVendor,
        issuer: &Issuer,
        tokens: TokenSource,
    ) -> Result<Self, Box<dyn Error>> {
        let script = script(number, &vendor.policy);
        Ok(Self {
            vendor,
            issuer: issuer.clone(),
            api: Arc::new(HttpClient::new(tokens.clone())?.allow_origin(issuer.url())?),
            tokens,
            calls: Arc::default(),
            causes: Causes::new(vendor.policy, script.lifetime),
            lifetime: script.lifetime,
            faults: script.faults(),
            steps: script.steps.into(),
            token: None,
            has_ended_tokens: false,
        })
    }

    /// Returns the URL of the calls.
    pub fn url(&self) -> String {
        format!("{}{PROTECTED}", self.issuer.url())
    }

    /// Performs the next due step of the script, and returns it.
    pub fn step(&mut self, now: Duration) -> Option<Step> {
        let (at, step) = self.steps.front()?;
        // Wait until callers have a token that can be invalidated.
        let is_early = *at > now || (matches!(step, Step::EndTokens) && !self.tokens.status().is_serving);
        if is_early {
            return None;
        }
        let (_, step) = self.steps.pop_front()?;
        match &step {
            Step::Fault(fault) => self.issuer.inject(fault.clone()),
            Step::EndTokens => {
                self.causes.ended(self.issuer.clock().now());
                self.has_ended_tokens |= self.issuer.revoke_all() > 0;
            }
        }
        Some(step)
    }

    /// Returns the line for an event, or `None` if there is nothing to print.
    pub fn record_event(&mut self, event: &Event) -> Option<(Tone, String)> {
        if event.path == PROTECTED {
            let line = || (Tone::Bad, "a call got 401; it is retried with a new token".to_owned());
            return self.causes.rejected().then(line);
        }
        if let Some(failure) = failure(event) {
            let cause = self.causes.request(event.at, FetchResult::Failed(failure.clone()));
            return Some((Tone::Bad, format!("{failure} {}", because(&cause))));
        }
        let (action, token, expires_at) = match event.outcome {
            Outcome::LoggedIn { token, expires_at } => ("logged in", token, expires_at),
            Outcome::Refreshed { token, expires_at, .. } => ("refreshed", token, expires_at),
            Outcome::Repeated { token, expires_at } => ("same token again", token, expires_at),
            _ => {
                self.causes.request(event.at, FetchResult::Token { expires_at: None, is_new: true });
                return Some((Tone::Plain, "revoked".to_owned()));
            }
        };
        let is_new = !matches!(event.outcome, Outcome::Repeated { .. });
        let cause = self.causes.request(event.at, FetchResult::Token { expires_at, is_new });
        if is_new {
            self.token = Some((token, event.at));
        }
        Some((Tone::Good, format!("{action}, token {token} {}", because(&cause))))
    }

    pub fn row(&self) -> Row<'_> {
        let now = self.issuer.clock().now();
        let status = self.tokens.status();
        let state = match (status.state, status.is_serving) {
            (_, true) if status.is_renewing => "renewing",
            (State::Empty | State::Expired | State::Ambiguous, false) => "waiting",
            (State::Fresh, _) => "fresh",
            (State::Due, _) => "due",
            (State::BackingOff, _) => "backoff",
            (State::Ambiguous, _) => "ambiguous",
            (State::Dead, _) => "dead",
            _ => "",
        };
        let counted = self.causes.counted();
        Row {
            vendor: self.vendor.name,
            state,
            is_serving: status.is_serving,
            token: self.token.map(|(number, _)| number),
            age: self.token.and_then(|(_, since)| now.duration_since(since).ok()).unwrap_or_default(),
            lifetime: self.lifetime,
            served: self.calls.served(),
            requests: counted.all(),
            renewals: counted.renewals,
            faults: self.issuer.counts().faults,
        }
    }

    /// Revokes the token. Returns `None` if the vendor has no revocation.
    pub async fn revoke(&mut self) -> Option<Result<(), String>> {
        let takes = self.vendor.policy.revoke?;
        self.causes.ending();
        let header = self.tokens.try_header();
        if let Err(error) = self.tokens.revoke().await {
            return Some(Err(error.to_string()));
        }
        if takes == TokenKind::Refresh {
            return Some(Ok(()));
        }
        let Some(header) = header else {
            return Some(Err("no token to test the revocation with".to_owned()));
        };
        let call = reqwest::Client::new().get(self.url()).header(self.tokens.header_name(), header);
        Some(match call.send().await {
            Ok(response) if response.status() == StatusCode::UNAUTHORIZED => Ok(()),
            Ok(response) => Err(format!("a call with the revoked token got {}", response.status())),
            Err(error) => Err(error.to_string()),
        })
    }
}

/// Returns the vendor's issuer in the sandbox.
pub fn find_issuer<'a>(vendor: &DemoVendor, sandbox: &'a Sandbox) -> Result<&'a Issuer, String> {
    let issuer = sandbox.issuers().iter().find(|issuer| vendor.is_called(issuer.name()));
    issuer.ok_or_else(|| format!("there is no spec for {}: run `cargo xtask gen`", vendor.name))
}

/// Returns why the client received no usable response, or `None` if it did.
fn failure(event: &Event) -> Option<String> {
    let is_done = !matches!(event.outcome, Outcome::Nothing);
    match (&event.outcome, &event.fault) {
        (Outcome::Refused { why }, _) => Some(format!("refused: {why}")),
        // A delayed response is still usable.
        (_, Some(fault)) if !is_done || !fault.starts_with("a delay") => Some(fault.clone()),
        _ => None,
    }
}

/// Formats the cause of a request.
fn because(cause: &Cause) -> String {
    style(format!("({cause})")).dim().to_string()
}
