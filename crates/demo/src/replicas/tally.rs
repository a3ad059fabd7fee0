//! Counts what happened to each account. Requests, double spends and early refreshes are counted by the issuer; which replica
//! sent a request, and whether its token got into the store, by the replicas' reports.

use std::collections::HashMap;
use std::time::Duration;

use super::happening::{Happening, IssuedToken};
use super::message::{AccountKind, Report};

/// What is known about an account.
#[derive(Debug)]
pub struct AccountTally {
    pub kind: AccountKind,
    /// The newest token at the issuer.
    newest: Option<IssuedToken>,
    /// The newest token that arrived in a replica.
    pub arrived: Option<IssuedToken>,
    pub requests: u64,
    /// Tokens that expired and were replaced.
    pub expiries: u64,
    /// Replicas that were killed after they had sent a request and before its token was in the store.
    pub killed_holders: u64,
    /// Tokens that the issuer issued.
    issued: u64,
    /// Tokens that a replica stored.
    stored: u64,
    /// Refusals that no replica has seen.
    lost_refusals: u64,
    /// Whether the last response of the issuer was a refusal.
    pub is_refused: bool,
    /// How often a person had to consent again.
    pub consents: u64,
    /// Calls that failed although there was a token.
    pub failed_calls: u64,
    /// The longest time that a caller had no token.
    pub longest_gap: Duration,
    /// The requests of each replica that are not yet in the store.
    open: HashMap<usize, Open>,
}

/// A request that a replica has sent.
#[derive(Clone, Copy, Debug)]
struct Open {
    /// Whether the response has arrived, and only the store is missing.
    is_issued: bool,
}

/// The calls of all replicas.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallCounts {
    pub served: u64,
    pub failed: u64,
    pub slowest: Duration,
    pub error: Option<String>,
}

impl CallCounts {
    fn add(&mut self, other: Self) {
        self.served += other.served;
        self.failed += other.failed;
        self.slowest = self.slowest.max(other.slowest);
        self.error = self.error.take().or(other.error);
    }
}

pub struct Tally {
    pub accounts: Vec<AccountTally>,
    /// Of the processes that are gone.
    past_calls: CallCounts,
    /// Of the running process of each replica.
    calls: Vec<CallCounts>,
    /// Whether the replicas end by themselves now.
    pub is_finishing: bool,
}

impl Tally {
    pub fn new(replicas: usize, accounts: Vec<AccountKind>) -> Self {
        let account = |kind| AccountTally {
            kind,
            newest: None,
            arrived: None,
            requests: 0,
            expiries: 0,
            killed_holders: 0,
            issued: 0,
            stored: 0,
            lost_refusals: 0,
            is_refused: false,
            consents: 0,
            failed_calls: 0,
            longest_gap: Duration::ZERO,
            open: HashMap::new(),
        };
        Self {
            accounts: accounts.into_iter().map(account).collect(),
            past_calls: CallCounts::default(),
            calls: vec![CallCounts::default(); replicas],
            is_finishing: false,
        }
    }

    pub fn replicas(&self) -> usize {
        self.calls.len()
    }

    pub fn calls(&self) -> CallCounts {
        let mut all = self.past_calls.clone();
        self.calls.iter().cloned().for_each(|calls| all.add(calls));
        all
    }

    /// Adds up a count of all accounts of this kind.
    pub fn sum(&self, kind: AccountKind, count: impl Fn(&AccountTally) -> u64) -> u64 {
        self.accounts.iter().filter(|account| account.kind == kind).map(count).sum()
    }

    /// Adds up a count of all accounts.
    pub fn sum_all(&self, count: impl Fn(&AccountTally) -> u64) -> u64 {
        self.accounts.iter().map(count).sum()
    }

    /// The accounts for which this replica has sent a request whose token is not yet in the store.
    pub fn held_by(&self, replica: usize) -> impl Iterator<Item = usize> {
        let accounts = self.accounts.iter().enumerate();
        accounts.filter(move |(_, account)| account.open.contains_key(&replica)).map(|(number, _)| number)
    }

    pub fn record(&mut self, happening: &Happening) {
        match happening {
            Happening::Request { account, issued, is_lost, .. } => {
                let account = &mut self.accounts[*account];
                account.requests += 1;
                account.newest = issued.or(account.newest);
                account.issued += u64::from(issued.is_some());
                account.is_refused = issued.is_none();
                account.lost_refusals += u64::from(issued.is_none() && *is_lost);
            }
            Happening::Report { replica, report } => self.report(*replica, report),
            Happening::Gone { replica } => {
                self.past_calls.add(std::mem::take(&mut self.calls[*replica]));
                for account in &mut self.accounts {
                    let open = account.open.remove(replica).filter(|_| !self.is_finishing);
                    account.killed_holders += u64::from(open.is_some());
                }
            }
        }
    }

    fn report(&mut self, replica: usize, report: &Report) {
        match report {
            Report::Sending { account, .. } => {
                self.accounts[*account].open.insert(replica, Open { is_issued: false });
            }
            Report::Issued { account, .. } => self.accounts[*account].arrived(replica),
            Report::Failed { account, .. } => drop(self.accounts[*account].open.remove(&replica)),
            Report::Stored { account } => {
                let account = &mut self.accounts[*account];
                account.open.remove(&replica);
                account.stored += 1;
            }
            Report::Gap { account, millis } => {
                let longest = &mut self.accounts[*account].longest_gap;
                *longest = (*longest).max(Duration::from_millis(*millis));
            }
            Report::Calls { served, failed, slowest_millis, error } => {
                self.calls[replica] = CallCounts {
                    served: *served,
                    failed: *failed,
                    slowest: Duration::from_millis(*slowest_millis),
                    error: error.clone(),
                };
            }
            Report::CallFailed { account, .. } => self.accounts[*account].failed_calls += 1,
            Report::Ready | Report::Adopted { .. } | Report::ConsentNeeded { .. } => {}
        }
    }
}

impl AccountTally {
    /// How many responses were lost: tokens that were issued and did not get into the store, because the replica was killed or the
    /// connection broke, and refusals. It does not depend on the order in which reports of the issuer and of the replicas arrive.
    pub fn lost(&self) -> u64 {
        self.issued.saturating_sub(self.stored) + self.lost_refusals
    }

    /// Whether the newest token has arrived in a replica, so that no process waits for one that was lost.
    pub fn is_well(&self) -> bool {
        self.newest == self.arrived && !self.is_refused
    }

    /// The newest token has arrived in this replica.
    fn arrived(&mut self, replica: usize) {
        // Older responses of other replicas are stored, or were dropped because something newer is.
        self.open.retain(|other, open| *other == replica || !open.is_issued);
        if let Some(open) = self.open.get_mut(&replica) {
            open.is_issued = true;
        }
        let Some(newest) = self.newest else { return };
        let expiry = self.arrived.and_then(|token| token.expires_at);
        self.expiries += u64::from(expiry.is_some_and(|expiry| newest.at >= expiry));
        self.arrived = Some(newest);
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::super::message::Grant;
    use super::*;

    fn request(number: u64, second: u64) -> Happening {
        let at = UNIX_EPOCH + Duration::from_secs(second);
        let issued = IssuedToken { number, at, expires_at: Some(at + Duration::from_secs(5)) };
        Happening::Request { account: 0, issued: Some(issued), is_lost: false, text: String::new() }
    }

    fn report(replica: usize, report: Report) -> Happening {
        Happening::Report { replica, report }
    }

    fn tally_of(happenings: Vec<Happening>) -> Tally {
        let mut tally = Tally::new(2, vec![AccountKind::WithLogin]);
        happenings.iter().for_each(|happening| tally.record(happening));
        tally
    }

    /// A request, its response, and the token in the store.
    fn renewed(replica: usize, grant: Grant, number: u64, second: u64) -> Vec<Happening> {
        vec![
            report(replica, Report::Sending { account: 0, grant }),
            request(number, second),
            report(replica, Report::Issued { account: 0, grant }),
            report(replica, Report::Stored { account: 0 }),
        ]
    }

    #[test]
    fn only_a_token_that_was_replaced_after_it_expired_counts_as_an_expiry() {
        let steps = [
            renewed(0, Grant::Login, 1, 0),
            renewed(1, Grant::Refresh, 2, 7),
            // Not yet expired: a needless request.
            renewed(0, Grant::Login, 3, 9),
        ];
        let account = &tally_of(steps.into_iter().flatten().collect()).accounts[0];
        assert_eq!((account.requests, account.expiries), (3, 1));
        assert_eq!((account.killed_holders, account.lost()), (0, 0));
    }

    #[test]
    fn a_kill_between_the_request_and_the_store_is_one_of_a_holder() {
        let mut steps = renewed(0, Grant::Login, 1, 0);
        steps.push(Happening::Gone { replica: 0 });
        assert_eq!(tally_of(steps).accounts[0].killed_holders, 0, "its token was in the store");

        let mut steps = renewed(0, Grant::Login, 1, 0);
        steps.extend(renewed(1, Grant::Refresh, 2, 7).into_iter().take(3));
        steps.push(Happening::Gone { replica: 1 });
        let account = &tally_of(steps).accounts[0];
        assert_eq!((account.killed_holders, account.lost()), (1, 1));
    }

    #[test]
    fn a_token_is_lost_if_it_was_issued_and_not_stored() {
        let grant = Grant::Refresh;
        let sending = || report(1, Report::Sending { account: 0, grant });
        let failed = || report(1, Report::Failed { account: 0, grant, error: "reset".to_owned() });
        let refused = Happening::Request { account: 0, issued: None, is_lost: false, text: String::new() };
        let mut steps = renewed(0, Grant::Login, 1, 0);
        steps.extend([sending(), refused, failed()]);
        assert_eq!(tally_of(steps).accounts[0].lost(), 0);

        let mut steps = renewed(0, Grant::Login, 1, 0);
        steps.extend([sending(), request(2, 7), failed()]);
        let account = &tally_of(steps).accounts[0];
        assert_eq!((account.lost(), account.is_well()), (1, false));

        // The issuer's report may arrive last.
        let mut steps = renewed(0, Grant::Login, 1, 0);
        steps.extend([sending(), failed(), request(2, 7)]);
        assert_eq!(tally_of(steps).accounts[0].lost(), 1);
    }

    #[test]
    fn calls_of_a_killed_process_are_added_to_those_of_the_next() {
        let calls =
            |served, failed, slowest_millis| report(0, Report::Calls { served, failed, slowest_millis, error: None });
        let tally = tally_of(vec![calls(5, 0, 10), calls(9, 1, 300), Happening::Gone { replica: 0 }, calls(4, 0, 20)]);
        let expected = CallCounts { served: 13, failed: 1, slowest: Duration::from_millis(300), error: None };
        assert_eq!(tally.calls(), expected);
    }
}
