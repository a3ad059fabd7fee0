//! Times for a source's status. An account is to take less than a kibibyte, so each is 32 bits.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

#[derive(Default)]
pub(crate) struct Times {
    /// How long all grants took, in milliseconds, for up to 49 days.
    grants: u32,
    /// How long the longest grant took, in milliseconds.
    longest_grant: u32,
    /// When the last token arrived, in seconds since 1970, until 2106; 0: none has.
    last_success: u32,
}

impl Times {
    pub(crate) fn record_grant(&mut self, took: Duration) {
        let millis = u32::try_from(took.as_millis()).unwrap_or(u32::MAX);
        self.grants = self.grants.saturating_add(millis);
        self.longest_grant = self.longest_grant.max(millis);
    }

    pub(crate) fn record_success(&mut self, at: SystemTime) {
        let seconds = at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        self.last_success = u32::try_from(seconds).unwrap_or(u32::MAX);
    }

    pub(crate) fn grant_time(&self) -> Duration {
        Duration::from_millis(self.grants.into())
    }

    pub(crate) fn longest_grant(&self) -> Duration {
        Duration::from_millis(self.longest_grant.into())
    }

    pub(crate) fn last_success(&self) -> Option<SystemTime> {
        (self.last_success > 0).then(|| UNIX_EPOCH + Duration::from_secs(self.last_success.into()))
    }
}
