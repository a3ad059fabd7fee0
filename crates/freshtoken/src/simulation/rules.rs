//! What must hold, whatever goes wrong: counted at the issuer and at the callers.

use super::checks::Served;
use super::issuer::{ACTS_WITHIN, Sent};
use super::time::SECOND;
use super::world::{Asked, Command, Sim};
use crate::error::{Error, ErrorKind};

/// How late a process may be about an expiry: the one that stored it and the one that loads it both compare their clocks with the
/// store's by a message that takes up to 5 s.
const CLOCKS: u64 = 10 * SECOND;

/// How long a process that knows a pair has, before another one may send the refresh token that was traded in for it.
const QUIET: u64 = 40 * SECOND;

/// It doubles with each lost response, up to this.
const LONGEST_QUIET: u64 = 600 * SECOND;

/// How long a process may serve a token after a revocation elsewhere: it looks every 15 s.
const REVOKED: u64 = 30 * SECOND;

/// What a call with a token results in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Called {
    Accepted,
    Rejected,
}

impl Sim {
    fn violate(&mut self, what: String) {
        self.log(|| format!("VIOLATION: {what}"));
        self.checks.violation.get_or_insert(what);
    }

    /// A process gets the lease.
    pub(super) fn check_lease(&mut self, process: usize) {
        if self.holder().is_some() {
            self.violate(format!("process {process} gets the lease, which another one holds"));
        }
    }

    /// A process sends a refresh token.
    pub(super) fn check_refresh(&mut self, pair: usize, sent: Sent) {
        let (now, process) = (self.now, sent.by.0);
        let refreshed = &self.issuer.pairs[pair];
        let is_early = self.issuer.is_at_expiry && !refreshed.is_consent && now < self.issuer.expires_at(pair);
        if is_early && !self.issuer.is_ended(pair) {
            self.violate(format!("process {process} refreshes early: refresh-{pair}"));
        }
        // Documented: a lease is lost with the store's data, and its holder sends once.
        if self.holder().is_some_and(|holder| holder != process) && !self.has_lost_lease() {
            self.violate(format!("process {process} sends refresh-{pair} after its lease"));
        }
        if !self.issuer.pairs[pair].sent.is_empty() {
            self.checks.sent_again += 1;
            if let Some(why) = self.forbids_sending_again(process, pair) {
                self.violate(format!("process {process} sends refresh-{pair} again, {why}"));
            }
        }
        self.issuer.pairs[pair].sent.push(sent);
    }

    fn forbids_sending_again(&self, process: usize, pair: usize) -> Option<String> {
        let start = self.machines[process].start;
        let refreshed = &self.issuer.pairs[pair];
        // Documented: a fail-over loses a mark, and the store does not wait for replicas.
        if self.store.lost_marks.contains(&pair) {
            return None;
        }
        // Documented: the store loses everything, and a process starts with a start token before another one has put its record
        // back.
        let has_loaded = self.issuer.has_loaded.contains(&(process, start));
        if refreshed.is_consent && !self.store.losses.is_empty() && !has_loaded {
            return None;
        }
        let now = self.now;
        // Only the process that has lost the response knows how much of the grace period is left.
        if let [first] = &refreshed.sent[..]
            && first.by == (process, start)
            && now < first.at + self.issuer.grace
        {
            return None;
        }
        if self.issuer.has_login {
            return Some("though it can log in".into());
        }
        if refreshed.sent.iter().any(|sent| sent.acts_at > now) {
            return Some("while the first request may still be processed".into());
        }
        if refreshed.sent.iter().any(|sent| now < sent.at + ACTS_WITHIN) {
            return Some("before the quiet time has passed".into());
        }
        // A store that has lost its data has lost the number of losses too.
        let losses = refreshed.sent.iter().filter(|sent| sent.is_lost).count();
        // A second request within the grace period counts with the first.
        let losses = if self.issuer.grace > 0 { losses.min(1).max(losses.saturating_sub(1)) } else { losses };
        let quiet = (QUIET << losses.saturating_sub(1).min(4)).min(LONGEST_QUIET) - (QUIET - ACTS_WITHIN);
        let sent_at = refreshed.sent.last().map_or(0, |sent| sent.at);
        if losses > 0 && now < sent_at + quiet && self.store.losses.is_empty() {
            return Some(format!("after {losses} lost responses, {} s after the last", (now - sent_at) / SECOND));
        }
        let successor = refreshed.successor?;
        if self.store.kept.as_ref().is_some_and(|kept| kept.pair == Some(successor)) {
            return Some(format!("though the store has pair {successor}"));
        }
        self.issuer.pairs[successor].known_by.iter().find_map(|(by, its_start, since)| {
            let machine = &self.machines[*by];
            let is_same = machine.is_alive && machine.start == *its_start;
            // A process that stopped for longer than the quiet time could not store what it knows.
            let was_awake = machine.stalled_until <= now && machine.awake_since.max(*since) + QUIET <= now;
            (is_same && (was_awake || *by == process)).then(|| format!("though process {by} has pair {successor}"))
        })
    }

    /// A caller got a token, and makes a call with it.
    pub(super) fn check_token(&mut self, process: usize, pair: usize) -> Called {
        let now = self.now;
        self.checks.tokens += 1;
        let last = &self.checks.served[process];
        if last.pair != Some(pair) {
            self.log(|| format!("P{process} serves access-{pair}"));
        }
        self.checks.served[process] = Served { pair: Some(pair), at: now, needs_consent: false };
        let arrived_at = self.issuer.pairs[pair].arrived_at.unwrap_or(self.issuer.pairs[pair].issued_at);
        if now > arrived_at + self.issuer.lifetime + CLOCKS {
            self.violate(format!("process {process} serves access-{pair}, which has expired"));
        }
        let (is_ended, issued_at) = (self.issuer.is_ended(pair), self.issuer.pairs[pair].issued_at);
        let is_revoked = |(started, ended): &(u64, u64)| issued_at < *started && now > ended + REVOKED;
        if !self.issuer.has_login && !is_ended && self.checks.revocations.iter().any(is_revoked) {
            self.violate(format!("process {process} serves access-{pair} long after a revocation that succeeded"));
        }
        self.check_agreement();
        if is_ended || now >= self.issuer.expires_at(pair) { Called::Rejected } else { Called::Accepted }
    }

    fn check_agreement(&mut self) {
        if self.checks.recovered_by.is_none_or(|by| self.now < by) {
            return;
        }
        let served = &self.checks.served;
        let is_recent = served.iter().all(|served| self.now < served.at + 3 * SECOND);
        if is_recent && served.iter().all(|one| one.pair == served[0].pair) {
            self.checks.has_agreed = true;
        }
    }

    /// A caller got an error.
    pub(super) fn check_error(&mut self, process: usize, error: &Error) {
        let now = self.now;
        self.checks.errors += 1;
        let needs_consent = error.kind() == ErrorKind::ConsentNeeded;
        self.log(|| format!("P{process} fails: {error}"));
        self.checks.served[process].needs_consent = needs_consent;
        if needs_consent {
            if self.issuer.refusals == 0 {
                self.violate(format!("process {process} asks for consent, though the issuer refused nothing"));
            }
            if !std::mem::replace(&mut self.checks.is_person_asked, true) {
                let wait = self.rng.between(20 * SECOND, 40 * SECOND);
                self.command(wait, Command::Consent(process, Asked::Yes));
            }
        }
        if self.checks.recovered_by.is_some_and(|by| now > by) {
            self.violate(format!("process {process} has not recovered: {error}"));
        }
    }

    /// A person is about to consent. Returns whether that is still needed.
    pub(super) fn needs_consent(&mut self, process: usize) -> bool {
        self.checks.is_person_asked = false;
        self.checks.served[process].needs_consent
    }

    pub(super) fn check_revocation(&mut self, process: usize, started: u64, result: Result<(), Error>) {
        let now = self.now;
        self.log(|| {
            format!("P{process} revokes: {}", result.as_ref().map_or_else(Error::to_string, |()| "done".into()))
        });
        if result.is_ok() {
            self.checks.revocations.push((started, now));
        }
    }

    /// The run has ended. Nothing has gone wrong for the last few lifetimes.
    pub(super) fn check_end(&mut self) {
        let Some(since) = self.checks.recovered_by else { return };
        // Early renewal comes at 70 % of a lifetime or later.
        let period = self.issuer.lifetime * if self.issuer.is_at_expiry { 10 } else { 7 } / 10;
        let most = self.now.saturating_sub(since) / period + 1;
        for process in 0..self.checks.served.len() {
            if self.now > self.checks.served[process].at + 20 * SECOND {
                self.violate(format!("callers of process {process} wait forever"));
            }
        }
        if !self.checks.has_agreed {
            self.violate("the processes do not agree on a token".into());
        }
        let requests = self.issuer.requests.iter().filter(|at| **at >= since).count();
        if requests as u64 > most {
            self.violate(format!("{requests} requests without a fault, and not {most} at most"));
        }
    }
}
