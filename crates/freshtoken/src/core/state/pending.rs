//! A record that has to get into the store, and what the store may hold by then.

use std::sync::Arc;

use crate::store::record::{Ended, Mark, MarkKind, Record};

/// A record that is to be stored.
#[derive(Clone, Debug)]
pub(crate) struct Pending {
    pub(crate) record: Arc<Record>,
    /// The record in the store that the grant was made for; `None`: there was none.
    pub(crate) base: Option<Arc<Record>>,
    pub(crate) grant: Grant,
}

/// What a record came of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Grant {
    /// Its pair replaces only the record that was loaded before, or an older one.
    Login,
    /// Its pair replaces every record of the refresh token that it was traded in for.
    Refresh,
}

/// What became of it.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// It is in the store.
    Stored(Arc<Record>),
    /// The store holds something newer.
    Superseded(Arc<Record>),
    /// Another process has revoked the account's token meanwhile.
    Revoked(Arc<Record>),
    /// It may be in the store, or may get there.
    Unknown,
}

/// What a stored record means for a pending one.
pub(crate) enum Found<'a> {
    Ours,
    Newer(&'a Arc<Record>),
    Revoked(&'a Arc<Record>),
    /// To be replaced.
    Older(Option<&'a Arc<Record>>),
}

impl Pending {
    pub(crate) fn find<'a>(&self, stored: Option<&'a Arc<Record>>) -> Found<'a> {
        let Some(found) = stored else { return Found::Older(None) };
        let is_new = self.base.as_ref().is_none_or(|base| found.is_newer_than(base));
        // A revocation that was known when the grant was made may have been put back since, as a new generation.
        let is_new_revocation = self.base.as_ref().is_none_or(|base| found.pair > base.pair);
        if found.pair == self.record.pair
            && found.ended == self.record.ended
            && found.generation >= self.record.generation
        {
            Found::Ours
        } else if found.ended == Some(Ended::Revoked) && is_new_revocation {
            Found::Revoked(found)
        } else if found.pair > self.record.pair || (self.grant == Grant::Login && is_new) {
            Found::Newer(found)
        } else {
            Found::Older(stored)
        }
    }

    /// The record to store over another one that isn't the mark of this very request.
    pub(crate) fn over(&self, found: Option<&Record>, generation: u64, is_single_use: bool) -> Record {
        let mut record = Record { generation, ..(*self.record).clone() };
        let Some(found) = found else { return record };
        record = record.with_grants_of(found);
        record.starts.extend(found.starts.iter().filter(|start| !self.record.starts.contains(start)));
        let is_our_mark = self.base.as_ref().is_some_and(|base| base.in_use.is_some() && base.in_use == found.in_use);
        if is_single_use && record.refresh.is_some() && !is_our_mark {
            record.in_use = Some(Mark::new(MarkKind::PutBack));
        }
        record
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_revocation_that_is_put_back_does_not_end_a_new_pair() {
        let revoked = Record::empty(0).revoked(7);
        let base = Record { generation: 8, in_use: Some(Mark::new(MarkKind::First)), ..revoked.clone() };
        let pair = Record { pair: 9, ..Record::empty(9) };
        let pending = Pending { record: Arc::new(pair), base: Some(Arc::new(base)), grant: Grant::Refresh };
        let put_back = Arc::new(Record { generation: 20, ..revoked.clone() });
        assert!(matches!(pending.find(Some(&put_back)), Found::Older(Some(_))));
        let revoked_again = Arc::new(revoked.revoked(21));
        assert!(matches!(pending.find(Some(&revoked_again)), Found::Revoked(_)));
    }
}
