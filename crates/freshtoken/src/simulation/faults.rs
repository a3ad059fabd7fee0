//! What goes wrong in a run, as it is drawn: each fault strikes at an operation of store or issuer, the next one mostly soon
//! after.

use std::collections::VecDeque;

use super::rng::Rng;

/// An operation of the store or the issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Op {
    Load,
    Store,
    TryLease,
    Renew,
    Release,
    Login,
    Refresh,
    Revoke,
}

/// What goes wrong with a message, with a wait in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    None,
    /// It takes longer on its way there.
    Slow(u64),
    /// Its reply takes longer.
    SlowReply(u64),
    /// It has no effect.
    LostBefore,
    /// It has its effect, but no reply.
    LostAfter,
    /// It has its effect long after the caller has given up.
    Late(u64),
    /// It has its effect twice.
    Twice(u64),
    /// An issuer responds with 503, and may have processed the request.
    Fails,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    Message,
    Crash,
    Stall,
    Outage,
    LosesEverything,
    FailsOver,
    LeaseLost,
}

/// A fault, and the operation that it strikes at.
struct Planned {
    fault: Fault,
    /// `None`: any.
    op: Option<Op>,
    /// How many such operations after the last fault.
    after: u64,
}

/// The faults of a run.
pub(super) struct Faults {
    planned: VecDeque<Planned>,
    /// No fault begins later.
    until: u64,
    /// By then, the last fault is over.
    pub(super) over_at: u64,
    /// Messages to the issuer that were struck.
    pub(super) issuer_troubles: u32,
    /// How many there were.
    pub(super) fired: u32,
}

/// How many faults there are in a run, by weight.
pub(super) const COUNTS: [(u64, u64); 6] = [(0, 1), (1, 2), (2, 3), (3, 6), (4, 3), (5, 2)];

/// The same for a broken protocol, which is to be found soon.
pub(super) const MANY: [(u64, u64); 2] = [(4, 1), (5, 1)];

const FAULTS: [(Fault, u64); 7] = [
    (Fault::Message, 8),
    (Fault::Crash, 5),
    (Fault::Stall, 4),
    (Fault::Outage, 2),
    (Fault::LosesEverything, 2),
    (Fault::FailsOver, 2),
    (Fault::LeaseLost, 2),
];

/// Where faults matter most.
const OPS: [(Op, u64); 6] =
    [(Op::Load, 2), (Op::Store, 6), (Op::TryLease, 2), (Op::Renew, 2), (Op::Release, 2), (Op::Refresh, 6)];

impl Faults {
    /// Draws up to five faults. Some strike at a rare operation.
    pub(super) fn draw(rng: &mut Rng, counts: &[(u64, u64)], rare: Option<Op>, until: u64) -> Self {
        let count = rng.weighted(counts);
        let mut planned = VecDeque::new();
        for index in 0..count {
            let fault = rng.weighted(&FAULTS);
            let is_near = index > 0 && rng.chance(65);
            let (op, after) = match rare {
                _ if is_near => (None, rng.between(1, 13)),
                // It does not happen often.
                Some(op) if rng.chance(20) => (Some(op), rng.between(1, 3)),
                _ => (Some(rng.weighted(&OPS)), rng.between(1, 9)),
            };
            planned.push_back(Planned { fault, op, after });
        }
        Self { planned, until, over_at: until, issuer_troubles: 0, fired: 0 }
    }

    /// Returns the fault that strikes at this operation, if any.
    pub(super) fn next(&mut self, op: Op, now: u64) -> Option<Fault> {
        let next = self.planned.front_mut().filter(|next| now < self.until && next.op.is_none_or(|its| its == op))?;
        next.after -= 1;
        if next.after > 0 {
            return None;
        }
        self.fired += 1;
        self.planned.pop_front().map(|planned| planned.fault)
    }
}
