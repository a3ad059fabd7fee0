//! Every token that a vendor has issued, and its state. Knows neither HTTP nor the spec; the time is an argument.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::{Duration, SystemTime};

/// How many of the newest tokens are kept in any state. Of older ones, only valid tokens are kept, so that a sandbox
/// that runs for days doesn't keep growing.
const MEMORY: u64 = 20_000;

/// How many times of grants are kept for an account: the most that a limit can be.
const MOST_GRANTS: usize = 1_000;

/// Every token of a vendor.
#[derive(Default)]
pub(crate) struct Ledger {
    access: HashMap<String, AccessToken>,
    refresh: HashMap<String, RefreshToken>,
    /// The values of the access tokens that haven't been invalidated, ordered by expiry. Expired ones are removed when
    /// the next token is issued.
    live: BTreeMap<Expiry, String>,
    issued: u64,
    /// When each account's last tokens were issued.
    granted: HashMap<usize, VecDeque<SystemTime>>,
    /// When this many tokens are stored, old ones are removed.
    full: usize,
}

/// The sort key of an access token: its expiry (tokens that never expire come last) and its number.
type Expiry = (bool, SystemTime, u64);

/// An access token.
#[derive(Clone, Debug)]
pub(crate) struct AccessToken {
    pub(crate) value: String,
    /// Tokens are numbered in the order in which they are issued.
    pub(crate) number: u64,
    pub(crate) account: usize,
    pub(crate) expires_at: Option<SystemTime>,
    pub(crate) scope: Option<Vec<String>>,
    refresh_token: Option<String>,
    end: Option<Invalidation>,
}

#[derive(Clone, Debug)]
struct RefreshToken {
    number: u64,
    account: usize,
    /// None: it was issued by a consent, without an access token.
    newest: Option<Newest>,
    expires_at: Option<SystemTime>,
    end: Option<Invalidation>,
    /// When it was used, if it is single-use.
    spent_at: Option<SystemTime>,
    /// How many refreshes led to it.
    refreshes: u16,
}

/// What a refresh token stores about its newest access token.
#[derive(Clone, Debug)]
struct Newest {
    expires_at: Option<SystemTime>,
    scope: Option<Vec<String>>,
}

/// Why a token was invalidated before its expiry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Invalidation {
    /// A single-use refresh token was used.
    Spent,
    Revoked,
    /// A refresh replaced it.
    Replaced,
    /// It was issued by a refresh before the expiry.
    Redundant,
    /// Too many newer ones were issued.
    Displaced,
}

impl Invalidation {
    /// For a person; follows the token's name.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Spent => "has been used already",
            Self::Revoked => "has been revoked",
            Self::Replaced => "has been replaced by a refresh",
            Self::Redundant => "is redundant: it was issued by a refresh before the expiry",
            Self::Displaced => "was ended by newer ones, of which the vendor allows no more",
        }
    }
}

/// A token to issue.
pub(crate) struct NewToken {
    pub(crate) access_token: String,
    pub(crate) refresh_token: Option<String>,
    pub(crate) account: usize,
    pub(crate) expires_at: Option<SystemTime>,
    pub(crate) refresh_expires_at: Option<SystemTime>,
    pub(crate) scope: Option<Vec<String>>,
    pub(crate) is_redundant: bool,
    /// How many refreshes led to it, since the last login.
    pub(crate) refreshes: u16,
}

/// Why a token can't be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unusable {
    Unknown,
    Expired,
    Ended(Invalidation),
}

impl Unusable {
    /// For a person; follows the token's name.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Unknown => "is unknown",
            Self::Expired => "has expired",
            Self::Ended(end) => end.text(),
        }
    }
}

/// A refresh token that can be used.
pub(crate) struct UsableRefreshToken {
    pub(crate) account: usize,
    pub(crate) scope: Option<Vec<String>>,
    /// How many refreshes led to it.
    pub(crate) refreshes: u16,
    /// Whether its access token hasn't expired yet, even if that was revoked.
    pub(crate) is_early: bool,
}

impl Ledger {
    /// Returns the number of the next token.
    pub(crate) fn next_number(&self) -> u64 {
        self.issued + 1
    }

    /// Issues an access token, with a refresh token if there is one.
    pub(crate) fn issue(&mut self, new: NewToken, now: SystemTime) -> AccessToken {
        self.forget(now);
        self.issued += 1;
        let granted = self.granted.entry(new.account).or_default();
        granted.push_back(now);
        if granted.len() > MOST_GRANTS {
            granted.pop_front();
        }
        let end = new.is_redundant.then_some(Invalidation::Redundant);
        if let Some(value) = &new.refresh_token {
            let newest = Newest { expires_at: new.expires_at, scope: new.scope.clone() };
            let refresh = RefreshToken {
                number: self.issued,
                account: new.account,
                newest: Some(newest),
                expires_at: new.refresh_expires_at,
                end,
                spent_at: None,
                refreshes: new.refreshes,
            };
            self.refresh.insert(value.clone(), refresh);
        }
        let access = AccessToken {
            value: new.access_token,
            number: self.issued,
            account: new.account,
            expires_at: new.expires_at,
            scope: new.scope,
            refresh_token: new.refresh_token,
            end,
        };
        if end.is_none() {
            self.live.insert(expiry(&access), access.value.clone());
        }
        self.access.insert(access.value.clone(), access.clone());
        access
    }

    /// Returns when an account may get another token, if it may get so many in this time.
    pub(crate) fn next_grant(&self, account: usize, most: usize, window: Duration) -> Option<SystemTime> {
        let granted = self.granted.get(&account)?;
        granted.get(granted.len().checked_sub(most)?)?.checked_add(window)
    }

    /// Gives the live access tokens of a refresh token another expiry. Returns the number of the newest one.
    pub(crate) fn prolong(&mut self, refresh_token: &str, end: Option<SystemTime>, now: SystemTime) -> Option<u64> {
        let is_of = |access: &&AccessToken| access.refresh_token.as_deref() == Some(refresh_token);
        let values: Vec<String> = self.all_live(now).filter(is_of).map(|access| access.value.clone()).collect();
        let mut newest = None;
        for value in values {
            let Some(access) = self.access.get_mut(&value) else { continue };
            self.live.remove(&expiry(access));
            access.expires_at = end;
            self.live.insert(expiry(access), value);
            newest = newest.max(Some(access.number));
        }
        let refresh = self.refresh.get_mut(refresh_token).filter(|_| newest.is_some());
        if let Some(known) = refresh.and_then(|refresh| refresh.newest.as_mut()) {
            known.expires_at = end;
        }
        newest
    }

    /// Ends the oldest live tokens of an account until it has this many.
    pub(crate) fn displace(&mut self, account: usize, most: usize, now: SystemTime) {
        let live = self.all_live(now).filter(|access| access.account == account);
        let mut live: Vec<(u64, String)> = live.map(|access| (access.number, access.value.clone())).collect();
        live.sort_unstable();
        for (_, value) in &live[..live.len().saturating_sub(most)] {
            self.invalidate_access(value, Invalidation::Displaced, now);
        }
    }

    /// Issues a refresh token without an access token, as a person's consent does.
    pub(crate) fn consent(&mut self, refresh_token: String, account: usize, expires_at: Option<SystemTime>) {
        self.issued += 1;
        let refresh = RefreshToken {
            number: self.issued,
            account,
            newest: None,
            expires_at,
            end: None,
            spent_at: None,
            refreshes: 0,
        };
        self.refresh.insert(refresh_token, refresh);
    }

    /// Returns the access token if it is live.
    pub(crate) fn live(&self, value: &str, now: SystemTime) -> Result<&AccessToken, Unusable> {
        let access = self.access.get(value).ok_or(Unusable::Unknown)?;
        match access.end {
            Some(end) => Err(Unusable::Ended(end)),
            None if has_passed(access.expires_at, now) => Err(Unusable::Expired),
            None => Ok(access),
        }
    }

    /// Returns the refresh token if it can be used. One that was used less than `grace` ago can.
    pub(crate) fn good(&self, value: &str, now: SystemTime, grace: Duration) -> Result<UsableRefreshToken, Unusable> {
        let refresh = self.refresh.get(value).ok_or(Unusable::Unknown)?;
        let grace_ends = refresh.spent_at.and_then(|spent_at| spent_at.checked_add(grace));
        let is_in_grace = grace_ends.is_some_and(|end| now < end);
        match refresh.end.filter(|end| *end != Invalidation::Spent || !is_in_grace) {
            Some(end) => return Err(Unusable::Ended(end)),
            None if has_passed(refresh.expires_at, now) => return Err(Unusable::Expired),
            None => {}
        }
        Ok(UsableRefreshToken {
            account: refresh.account,
            refreshes: refresh.refreshes,
            scope: refresh.newest.as_ref().and_then(|newest| newest.scope.clone()),
            is_early: refresh.newest.as_ref().is_some_and(|newest| !has_passed(newest.expires_at, now)),
        })
    }

    /// Marks a single-use refresh token as used.
    pub(crate) fn spend(&mut self, refresh_token: &str, now: SystemTime) {
        self.invalidate_refresh(refresh_token, Invalidation::Spent);
        if let Some(refresh) = self.refresh.get_mut(refresh_token) {
            refresh.spent_at.get_or_insert(now);
        }
    }

    /// Returns the expiry of a refresh token.
    pub(crate) fn refresh_expires_at(&self, refresh_token: &str) -> Option<SystemTime> {
        self.refresh.get(refresh_token)?.expires_at
    }

    /// Returns the newest live token of an account, and its refresh token.
    pub(crate) fn newest(&self, account: usize, now: SystemTime) -> Option<(&AccessToken, Option<&str>)> {
        let live = self.all_live(now).filter(|access| access.account == account);
        let newest = live.max_by_key(|access| access.number)?;
        Some((newest, newest.refresh_token.as_deref()))
    }

    /// Returns the number of live access tokens, and the earliest expiry among them.
    pub(crate) fn live_tokens(&self, now: SystemTime) -> (usize, Option<SystemTime>) {
        let first = self.live.range(first_live(now)..).next();
        let expired = self.live.range(..first_live(now)).count();
        (self.live.len() - expired, first.and_then(|((is_endless, end, _), _)| (!is_endless).then_some(*end)))
    }

    /// Returns the number of live access tokens of an account.
    pub(crate) fn live_tokens_of(&self, account: usize, now: SystemTime) -> usize {
        self.all_live(now).filter(|access| access.account == account).count()
    }

    fn all_live(&self, now: SystemTime) -> impl Iterator<Item = &AccessToken> {
        self.live.range(first_live(now)..).filter_map(|(_, value)| self.access.get(value))
    }

    /// Returns the account of a token.
    pub(crate) fn owner(&self, value: &str) -> Option<usize> {
        let access = self.access.get(value).map(|access| access.account);
        access.or_else(|| self.refresh.get(value).map(|refresh| refresh.account))
    }

    /// Invalidates an access token. Returns whether it was live.
    pub(crate) fn invalidate_access(&mut self, value: &str, end: Invalidation, now: SystemTime) -> bool {
        match self.access.get_mut(value) {
            Some(access) if is_live(access, now) => {
                access.end = Some(end);
                self.live.remove(&expiry(access));
                true
            }
            _ => false,
        }
    }

    /// Invalidates every live access token of an account, or of all accounts. Returns how many there were.
    pub(crate) fn invalidate_all(&mut self, account: Option<usize>, end: Invalidation, now: SystemTime) -> u64 {
        self.invalidate_matching(end, now, |access| account.is_none_or(|account| access.account == account))
    }

    fn invalidate_matching(&mut self, end: Invalidation, now: SystemTime, which: impl Fn(&AccessToken) -> bool) -> u64 {
        let values: Vec<String> =
            self.all_live(now).filter(|access| which(access)).map(|access| access.value.clone()).collect();
        values.iter().filter(|value| self.invalidate_access(value, end, now)).count() as u64
    }

    /// Revokes a refresh token and its access tokens, as RFC 7009, section 2.1 requires. Returns the number of access
    /// tokens, or `None` if the refresh token couldn't be used.
    pub(crate) fn revoke_refresh(&mut self, value: &str, now: SystemTime) -> Option<u64> {
        self.good(value, now, Duration::ZERO).ok()?;
        self.invalidate_refresh(value, Invalidation::Revoked);
        Some(
            self.invalidate_matching(Invalidation::Revoked, now, |access| {
                access.refresh_token.as_deref() == Some(value)
            }),
        )
    }

    /// Whether a string is the value of a token.
    pub(crate) fn knows(&self, value: &str) -> bool {
        self.access.contains_key(value) || self.refresh.contains_key(value)
    }

    fn invalidate_refresh(&mut self, value: &str, end: Invalidation) {
        if let Some(refresh) = self.refresh.get_mut(value) {
            refresh.end.get_or_insert(end);
        }
    }

    fn forget(&mut self, now: SystemTime) {
        while self.live.first_key_value().is_some_and(|(expiry, _)| *expiry < first_live(now)) {
            self.live.pop_first();
        }
        if self.access.len() + self.refresh.len() < self.full.max(2 * MEMORY as usize) {
            return;
        }
        let oldest = self.issued.saturating_sub(MEMORY);
        self.access.retain(|_, access| access.number > oldest || is_live(access, now));
        let is_good = |refresh: &RefreshToken| refresh.end.is_none() && !has_passed(refresh.expires_at, now);
        self.refresh.retain(|_, refresh| refresh.number > oldest || is_good(refresh));
        // Wait until the number has doubled; otherwise each issue would scan all tokens.
        self.full = 2 * (self.access.len() + self.refresh.len());
    }
}

fn expiry(access: &AccessToken) -> Expiry {
    (access.expires_at.is_none(), access.expires_at.unwrap_or(SystemTime::UNIX_EPOCH), access.number)
}

/// The sort key after those of all expired tokens.
fn first_live(now: SystemTime) -> Expiry {
    (false, now, u64::MAX)
}

fn is_live(access: &AccessToken, now: SystemTime) -> bool {
    access.end.is_none() && !has_passed(access.expires_at, now)
}

fn has_passed(end: Option<SystemTime>, now: SystemTime) -> bool {
    end.is_some_and(|end| end <= now)
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn pair(ledger: &mut Ledger, number: u32, account: usize) {
        let new = NewToken {
            access_token: format!("access-{number}"),
            refresh_token: Some(format!("refresh-{number}")),
            account,
            expires_at: Some(at(10)),
            refresh_expires_at: Some(at(100)),
            scope: None,
            is_redundant: false,
            refreshes: 0,
        };
        ledger.issue(new, at(0));
    }

    #[test]
    fn a_token_is_live_until_its_expiry() {
        let mut ledger = Ledger::default();
        pair(&mut ledger, 1, 0);
        assert!(ledger.live("access-1", at(9)).is_ok());
        assert_eq!(ledger.live("access-1", at(10)).err(), Some(Unusable::Expired));
        assert_eq!(ledger.live("access-2", at(0)).err(), Some(Unusable::Unknown));
    }

    #[test]
    fn a_refresh_is_early_until_the_access_token_expires() {
        let mut ledger = Ledger::default();
        pair(&mut ledger, 1, 0);
        assert!(ledger.invalidate_access("access-1", Invalidation::Revoked, at(0)));
        assert!(ledger.good("refresh-1", at(9), Duration::ZERO).is_ok_and(|good| good.is_early));
        assert!(ledger.good("refresh-1", at(10), Duration::ZERO).is_ok_and(|good| !good.is_early));
        assert_eq!(ledger.good("refresh-1", at(100), Duration::ZERO).err(), Some(Unusable::Expired));
        ledger.spend("refresh-1", at(0));
        assert_eq!(ledger.good("refresh-1", at(10), Duration::ZERO).err(), Some(Unusable::Ended(Invalidation::Spent)));
    }

    #[test]
    fn an_early_refresh_is_noticed_after_many_other_tokens() {
        let mut ledger = Ledger::default();
        pair(&mut ledger, 1, 0);
        ledger.invalidate_all(Some(0), Invalidation::Replaced, at(0));
        for number in 2..=50_000 {
            pair(&mut ledger, number, 0);
            ledger.invalidate_all(Some(0), Invalidation::Replaced, at(0));
            ledger.spend(&format!("refresh-{number}"), at(0));
        }
        assert!(ledger.access.len() < 50_000, "old tokens are removed");
        assert!(ledger.good("refresh-1", at(9), Duration::ZERO).is_ok_and(|good| good.is_early));
        assert_eq!(
            ledger.good("refresh-49999", at(9), Duration::ZERO).err(),
            Some(Unusable::Ended(Invalidation::Spent))
        );
        assert_eq!(ledger.live_tokens(at(0)), (0, None));
    }

    #[test]
    fn tokens_without_expiry_are_counted() {
        let mut ledger = Ledger::default();
        for (number, expires_at) in [(1, None), (2, Some(at(10))), (3, Some(at(20)))] {
            let new = NewToken {
                access_token: format!("access-{number}"),
                refresh_token: None,
                account: 0,
                expires_at,
                refresh_expires_at: None,
                scope: None,
                is_redundant: false,
                refreshes: 0,
            };
            ledger.issue(new, at(0));
        }
        assert_eq!(ledger.live_tokens(at(0)), (3, Some(at(10))));
        assert_eq!(ledger.live_tokens(at(10)), (2, Some(at(20))));
        assert_eq!(ledger.live_tokens(at(20)), (1, None));
        assert_eq!(ledger.newest(0, at(20)).map(|(access, _)| access.number), Some(1));
        assert_eq!(ledger.invalidate_all(None, Invalidation::Revoked, at(20)), 1);
        assert_eq!(ledger.live_tokens(at(20)), (0, None));
    }

    #[test]
    fn invalidation_is_limited_to_the_account() {
        let mut ledger = Ledger::default();
        pair(&mut ledger, 1, 0);
        pair(&mut ledger, 2, 1);
        assert_eq!(ledger.invalidate_all(Some(1), Invalidation::Revoked, at(0)), 1);
        assert_eq!((ledger.live_tokens(at(0)), ledger.live_tokens(at(10)).0), ((1, Some(at(10))), 0));
        assert_eq!(ledger.revoke_refresh("refresh-1", at(0)), Some(1));
        assert_eq!(ledger.revoke_refresh("refresh-1", at(0)), None);
    }
}
