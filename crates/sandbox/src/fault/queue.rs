//! The faults that wait for a request.

use std::time::SystemTime;

use crate::fault::{Fault, FaultKind, Purpose};

/// The waiting faults, in the order in which they were injected.
#[derive(Default)]
pub(crate) struct FaultQueue(Vec<Entry>);

struct Entry {
    fault: Fault,
    left: u32,
    end: Option<SystemTime>,
}

impl FaultQueue {
    pub(crate) fn add(&mut self, mut fault: Fault, now: SystemTime) {
        fault.kind = fault.kind.bounded();
        let once = fault.probability.is_none() && fault.lasts.is_none();
        let left = fault.times.unwrap_or(if once { 1 } else { u32::MAX });
        let end = fault.lasts.and_then(|lasts| now.checked_add(lasts));
        self.0.push(Entry { fault, left, end });
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Returns the waiting faults.
    pub(crate) fn waiting(&mut self, now: SystemTime) -> Vec<Fault> {
        self.drop_what_is_over(now);
        self.0.iter().map(|entry| entry.fault.clone()).collect()
    }

    /// Returns the first fault that applies to this request, if any.
    pub(crate) fn next(&mut self, purpose: Purpose, now: SystemTime, dice: &mut fastrand::Rng) -> Option<FaultKind> {
        self.drop_what_is_over(now);
        let fits = |entry: &&mut Entry| {
            entry.fault.on.includes(purpose) && entry.fault.probability.is_none_or(|limit| dice.f64() < limit)
        };
        let entry = self.0.iter_mut().find(fits)?;
        entry.left -= 1;
        Some(entry.fault.kind.clone())
    }

    fn drop_what_is_over(&mut self, now: SystemTime) {
        self.0.retain(|entry| entry.left > 0 && entry.end.is_none_or(|end| now < end));
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;
    use crate::fault::FaultScope;

    fn fires(queue: &mut FaultQueue, purpose: Purpose, at: u64) -> bool {
        queue.next(purpose, UNIX_EPOCH + Duration::from_secs(at), &mut fastrand::Rng::with_seed(0)).is_some()
    }

    #[test]
    fn a_fault_happens_once_by_default() {
        let mut queue = FaultQueue::default();
        queue.add(Fault::server_error(), UNIX_EPOCH);
        queue.add(Fault::truncated().times(2).on(FaultScope::Calls), UNIX_EPOCH);
        assert!(fires(&mut queue, Purpose::Login, 0) && !fires(&mut queue, Purpose::Login, 0));
        assert!([true, true, false].into_iter().all(|plays| fires(&mut queue, Purpose::Call, 0) == plays));
    }

    #[test]
    fn a_lasting_fault_ends_by_the_clock() {
        let mut queue = FaultQueue::default();
        queue.add(Fault::server_error().lasting(Duration::from_secs(10)), UNIX_EPOCH);
        assert!(fires(&mut queue, Purpose::Login, 0) && fires(&mut queue, Purpose::Login, 9));
        assert!(!fires(&mut queue, Purpose::Login, 10));
    }

    #[test]
    fn a_fault_by_probability_repeats_with_its_seed() {
        let run = |seed| {
            let mut queue = FaultQueue::default();
            queue.add(Fault::server_error().probability(0.3), UNIX_EPOCH);
            let mut dice = fastrand::Rng::with_seed(seed);
            (0..100).map(|_| queue.next(Purpose::Login, UNIX_EPOCH, &mut dice).is_some()).collect::<Vec<_>>()
        };
        assert_eq!(run(1), run(1));
        assert_ne!(run(1), run(2));
        assert!((15..45).contains(&run(1).iter().filter(|plays| **plays).count()));
    }
}
