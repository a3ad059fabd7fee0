//! How long a record has been seen unchanged.

use std::time::Duration;

use crate::clock::{Deadline, Now};
use crate::store::record::{MarkKind, Record};

/// For how long a refresh token whose response was lost must have been seen unchanged before it is sent again: the limit of a
/// request (20 s), of a lease (10 s), and 10 s for the issuer. So a process that is alive has its turn first.
const QUIET: Duration = Duration::from_secs(40);

/// The quiet time doubles with each lost response, up to this.
const LONGEST_QUIET: Duration = Duration::from_secs(10 * 60);

/// After a longer gap between two looks, because the store was down for example, the quiet time starts again.
const LONGEST_GAP: Duration = Duration::from_secs(5);

/// What this process has seen of the record in the store.
#[derive(Clone, Copy)]
pub(crate) struct Watch {
    generation: u64,
    since: Now,
    last: Now,
    /// The generation with the mark of a request of this process whose response said that the refresh token was not used. 0: none.
    answered: u64,
}

impl Watch {
    pub(crate) fn new(now: Now) -> Self {
        Self { generation: 0, since: now, last: now, answered: 0 }
    }

    /// The store holds this generation.
    pub(crate) fn saw(&mut self, generation: u64, now: Now) {
        let is_same = generation == self.generation && !Deadline::after(self.last, LONGEST_GAP).has_passed(now);
        *self = Self { generation, since: if is_same { self.since } else { now }, last: now, ..*self };
    }

    /// The response to the request of this generation's mark arrived, and said that the refresh token was not used.
    pub(crate) fn answered(&mut self, generation: u64) {
        self.answered = generation;
    }

    /// How many responses to requests with a marked refresh token were lost. A record that was put back is no sign of one.
    pub(crate) fn losses(&self, record: &Record) -> u8 {
        let Some(mark) = record.in_use else { return 0 };
        let was_sent = matches!(mark.kind, MarkKind::First | MarkKind::Again);
        mark.losses.saturating_add(u8::from(was_sent && self.answered != record.generation))
    }

    /// How long until this record has been seen unchanged for the quiet time.
    pub(crate) fn remaining(&self, record: &Record, now: Now) -> Duration {
        let doublings = self.losses(record).saturating_sub(1).min(8);
        let quiet = QUIET.saturating_mul(1 << doublings).min(LONGEST_QUIET);
        Deadline::after(self.since, quiet).remaining_on_both(now)
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::store::record::Mark;

    fn at(seconds: u64) -> Now {
        Now::new(Duration::from_secs(seconds), UNIX_EPOCH + Duration::from_secs(1_800_000_000 + seconds))
    }

    fn marked(mark: Mark) -> Record {
        Record { in_use: Some(mark), ..Record::empty(7) }
    }

    #[test]
    fn the_quiet_time_starts_again_after_a_change_or_an_outage() {
        let (mut watch, record) = (Watch::new(at(0)), marked(Mark::new(MarkKind::First)));
        for second in 0..=30 {
            watch.saw(7, at(second));
        }
        assert_eq!(watch.remaining(&record, at(30)), Duration::from_secs(10));
        watch.saw(8, at(31));
        assert_eq!(watch.remaining(&record, at(31)), QUIET);
        watch.saw(8, at(34));
        assert_eq!(watch.remaining(&record, at(34)), Duration::from_secs(37));
        watch.saw(8, at(40));
        assert_eq!(watch.remaining(&record, at(40)), QUIET, "it was not looked at for 6 s");
    }

    #[test]
    fn each_lost_response_doubles_the_quiet_time_up_to_ten_minutes() {
        let mut record = marked(Mark::new(MarkKind::First));
        let mut waits = Vec::new();
        for _ in 0..6 {
            // Each time another process, which knows the mark alone.
            let watch = Watch::new(at(0));
            waits.push(watch.remaining(&record, at(0)).as_secs());
            record = marked(Mark::again(watch.losses(&record)));
        }
        assert_eq!(waits, [40, 80, 160, 320, 600, 600]);
    }

    #[test]
    fn a_response_that_says_unused_and_a_record_that_is_put_back_are_no_losses() {
        let (mut watch, record) = (Watch::new(at(0)), marked(Mark::again(1)));
        assert_eq!(watch.remaining(&record, at(0)), 2 * QUIET);
        watch.answered(7);
        assert_eq!(watch.remaining(&record, at(0)), QUIET);
        assert_eq!(watch.losses(&record), 1);
        let put_back = marked(Mark::new(MarkKind::PutBack));
        let watch = Watch::new(at(0));
        assert_eq!((watch.losses(&put_back), watch.remaining(&put_back, at(0))), (0, QUIET));
    }
}
