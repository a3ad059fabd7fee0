//! What was asked of a vendor: how often, with which outcome, and how long it took.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The upper bounds of the histogram's buckets, in seconds.
pub const BUCKETS: [f64; 9] = [0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// Requests by grant and outcome.
#[derive(Default)]
pub struct Grants(Mutex<BTreeMap<(&'static str, &'static str), Timing>>);

/// The number of requests, and their durations.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Timing {
    pub count: u64,
    pub seconds: f64,
    /// The number of requests that took at most as long as each bound of `BUCKETS`.
    pub within: [u64; BUCKETS.len()],
}

impl Grants {
    pub fn count(&self, grant: &'static str, outcome: &'static str, took: Duration) {
        let mut grants = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let timing = grants.entry((grant, outcome)).or_default();
        let took = took.as_secs_f64();
        timing.count += 1;
        timing.seconds += took;
        for (within, bound) in timing.within.iter_mut().zip(BUCKETS) {
            *within += u64::from(took <= bound);
        }
    }

    pub fn all(&self) -> BTreeMap<(&'static str, &'static str), Timing> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_in_every_bucket_that_is_long_enough() {
        let grants = Grants::default();
        grants.count("login", "ok", Duration::from_millis(300));
        grants.count("login", "ok", Duration::from_secs(60));
        let timing = grants.all()[&("login", "ok")];
        assert_eq!((timing.count, timing.within), (2, [0, 0, 0, 1, 1, 1, 1, 1, 1]));
    }
}
