//! What held in a soak, and what did not.

use std::time::{Duration, SystemTime};

use freshtoken_sandbox::Counts;

use super::fleet::Fleet;
use super::message::AccountKind;
use super::report::{Row, plural};
use super::store::StoreKind;
use super::tally::AccountTally;
use super::trace::Trace;

/// How long a lease lasts whose holder is gone.
const LEASE: Duration = Duration::from_secs(10);

/// How long a record must have been seen unchanged before its refresh token is sent again.
const QUIET: Duration = Duration::from_secs(40);

/// How long a token is not served around its expiry, at-expiry: from 1 s before to 2 s after.
const AT_EXPIRY: Duration = Duration::from_secs(3);

/// A request and its delay, the wait between two looks, and a busy machine.
const SLACK: Duration = Duration::from_secs(8);

/// With Redis: the longest outage, and an operation that takes as long as one may.
const OUTAGE: Duration = Duration::from_secs(9);

/// How many accounts are explained for each promise that was broken.
const EXPLAINED: usize = 3;

/// The end of a soak.
pub struct Verdict<'a> {
    pub fleet: &'a Fleet,
    pub traces: &'a [Trace],
    pub store: StoreKind,
    /// Whether the store has lost its data in between.
    pub loses_data: bool,
    pub began_at: SystemTime,
    pub ended_at: SystemTime,
}

impl Verdict<'_> {
    /// Returns the rows of the table. What did not hold is explained on stderr.
    pub fn rows(&self) -> Vec<Row> {
        let mut rows = self.counts();
        rows.extend(self.waits());
        rows
    }

    fn counts(&self) -> Vec<Row> {
        let (with, without) = (AccountKind::WithLogin, AccountKind::WithoutLogin);
        let tally = &self.fleet.tally;
        let expiries = tally.sum_all(|account| account.expiries);
        let of_login = tally.sum(with, |account| account.expiries);
        let killed = plural(tally.sum_all(|account| account.killed_holders), "holder");
        let lost = plural(tally.sum(without, AccountTally::lost), "response");
        let twice = self.explain("a refresh token was spent twice", |account| {
            self.issuer(account).double_spends > self.may_repeat(account)
        });
        let rotations =
            self.explain("a rotation was lost", |account| tally.accounts[account].consents > self.may_repeat(account));
        let is_early = |account| self.issuer(account).early_refreshes > 0;
        let early = self.explain("a refresh was early", is_early);
        self.explain("a call failed", |account| tally.accounts[account].failed_calls > 0);
        let again = self.sum(without, |counts| counts.double_spends);
        let consents = tally.sum(without, |account| account.consents);
        let calls = tally.calls();
        let error = calls.error.map(|error| format!("; the first: {error}")).unwrap_or_default();
        let made = calls.served + calls.failed;
        let requests = self.sum(with, |counts| counts.requests) + self.sum(without, |counts| counts.requests);
        vec![
            Row::count("expiries", expiries, expiries > 0, format!("{of_login} with a login")),
            Row::count("requests to the issuers", requests, true, format!("{killed} killed")),
            Row::count("refresh tokens spent twice", twice, twice == 0, "accounts where that is not allowed"),
            Row::count("sent again without a login", again, true, format!("{lost} lost")),
            Row::count("consents asked for", consents, true, "after the issuer refused"),
            Row::count("rotations lost", rotations, rotations == 0, "accounts with more consents than losses"),
            Row::count("refreshed early", early, early == 0, ""),
            Row::count("calls that failed", calls.failed, calls.failed == 0, format!("of {made} calls{error}")),
        ]
    }

    fn waits(&self) -> Vec<Row> {
        let tally = &self.fleet.tally;
        let limit = |account: usize| self.limit(tally.accounts[account].kind);
        self.explain("a caller had no token for too long", |account| {
            tally.accounts[account].longest_gap > limit(account)
        });
        let left = self.explain("there is no token at the end", |account| {
            let expiry = tally.accounts[account].arrived.and_then(|token| token.expires_at);
            let since = self.ended_at.duration_since(expiry.unwrap_or(self.began_at)).unwrap_or_default();
            since > limit(account)
        });
        let longest = |kind| {
            let of_kind = tally.accounts.iter().filter(|account| account.kind == kind);
            of_kind.map(|account| account.longest_gap).max().unwrap_or_default()
        };
        let row = |name, kind| Row::time(name, longest(kind), self.limit(kind));
        vec![
            Row::count("accounts left without token", left, left == 0, ""),
            row("longest wait, with a login", AccountKind::WithLogin),
            row("longest wait, no login", AccountKind::WithoutLogin),
        ]
    }

    /// Returns how long a caller may be without a token.
    fn limit(&self, kind: AccountKind) -> Duration {
        let outage = match self.store {
            StoreKind::File => Duration::ZERO,
            StoreKind::Redis => OUTAGE,
        };
        let quiet = match kind {
            AccountKind::WithLogin => Duration::ZERO,
            // A record that was put back is another one, so the quiet time starts again.
            AccountKind::WithoutLogin if self.loses_data => QUIET * 2,
            AccountKind::WithoutLogin => QUIET,
        };
        LEASE + AT_EXPIRY + SLACK + outage + quiet
    }

    /// How often the account's refresh tokens may be sent again: once for each lost response, without a login.
    fn may_repeat(&self, account: usize) -> u64 {
        let account = &self.fleet.tally.accounts[account];
        match account.kind {
            AccountKind::WithLogin => 0,
            AccountKind::WithoutLogin => account.lost(),
        }
    }

    fn issuer(&self, account: usize) -> Counts {
        self.fleet.issuers[account].counts()
    }

    fn sum(&self, kind: AccountKind, count: impl Fn(Counts) -> u64) -> u64 {
        let accounts = self.fleet.tally.accounts.iter().enumerate().filter(|(_, account)| account.kind == kind);
        accounts.map(|(account, _)| count(self.issuer(account))).sum()
    }

    /// Counts the accounts for which this is so, and prints what happened to the first of them.
    fn explain(&self, what: &str, is_so: impl Fn(usize) -> bool) -> u64 {
        let accounts: Vec<usize> = (0..self.traces.len()).filter(|account| is_so(*account)).collect();
        for account in accounts.iter().take(EXPLAINED) {
            let kind = self.fleet.tally.accounts[*account].kind;
            eprintln!("\naccount a{account} ({kind:?}): {what}");
            eprint!("{}", self.traces[*account]);
        }
        accounts.len() as u64
    }
}
