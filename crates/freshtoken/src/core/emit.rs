//! Notifies the user's callback and the metrics of events.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tracing::warn;

use crate::core::cell::TokenCell;
use crate::event::{Event, EventKind};

impl TokenCell {
    /// Notifies the callback and the metrics. No lock may be held: the callback may ask the source for its status.
    pub(crate) fn emit(&self, kind: EventKind) {
        #[cfg(feature = "metrics")]
        crate::metrics::record_event(self.vendor(), &kind);
        let Some(on_event) = &self.shared().on_event else { return };
        let event = Event { vendor: self.vendor(), account: self.account_name(), kind };
        if catch_unwind(AssertUnwindSafe(|| on_event(&event))).is_err() {
            warn!(vendor = self.vendor(), account = self.account(), "on_event panicked");
        }
    }
}
