//! Lets a fault strike at a message.

use super::faults::{Fault, Op, Trouble};
use super::time::{MILLI, SECOND};
use super::world::{Command, Sim};

impl Sim {
    /// A process sends a message. Returns what goes wrong with it.
    pub(super) fn strike(&mut self, process: usize, op: Op) -> Trouble {
        let now = self.now;
        let Some(fault) = self.faults.next(op, now) else { return Trouble::None };
        let is_for_issuer = matches!(op, Op::Login | Op::Refresh | Op::Revoke);
        if fault == Fault::Message {
            let trouble = if is_for_issuer { self.issuer_trouble() } else { self.store_trouble() };
            self.faults.issuer_troubles += u32::from(is_for_issuer);
            self.over_at(50 * SECOND);
            return trouble;
        }
        let lag = self.rng.weighted(&[(0, 5), (1, 3), (2, 2), (3, 2)]);
        let lag = match lag {
            0 => 0,
            1 => self.rng.between(MILLI, 20 * MILLI),
            2 => self.rng.between(20 * MILLI, SECOND),
            _ => self.rng.between(SECOND, 15 * SECOND),
        };
        let hit = if self.rng.chance(80) { process } else { self.rng.between(0, self.machines.len() as u64) as usize };
        let short = self.rng.between(SECOND / 10, 12 * SECOND);
        let long = self.rng.between(5 * SECOND, 90 * SECOND);
        let wait = if self.rng.chance(50) { short } else { long };
        self.over_at(lag + wait);
        match fault {
            Fault::Message => {}
            Fault::Crash => self.command(lag, Command::Crash(hit, wait / 4)),
            Fault::Stall => self.command(lag, Command::Stall(hit, wait)),
            Fault::Outage => self.after(lag, move |sim| {
                sim.store.down_until = sim.now + wait / 2;
                sim.log(|| format!("STORE is down for {} ms", wait / 2 / MILLI));
            }),
            Fault::LosesEverything => self.after(lag, Sim::lose_everything),
            Fault::FailsOver => self.after(lag, Sim::fail_over),
            Fault::LeaseLost => self.after(lag, Sim::lose_lease),
        }
        Trouble::None
    }

    fn over_at(&mut self, wait: u64) {
        self.faults.over_at = self.faults.over_at.max(self.now + wait);
    }

    fn store_trouble(&mut self) -> Trouble {
        let short = self.rng.between(100 * MILLI, 5 * SECOND);
        let long = self.rng.between(5 * SECOND, 45 * SECOND);
        let any = if self.rng.chance(50) { short } else { long };
        let troubles = [
            Trouble::Slow(short),
            Trouble::SlowReply(short),
            Trouble::LostBefore,
            Trouble::LostAfter,
            Trouble::LostAfter,
            Trouble::Late(any),
            Trouble::Late(any),
            Trouble::Twice(any),
        ];
        self.rng.pick(&troubles)
    }

    /// A request is never longer on its way than its limit and 10 s.
    fn issuer_trouble(&mut self) -> Trouble {
        let wait = self.rng.between(SECOND, 29 * SECOND);
        let troubles = [
            Trouble::Slow(wait),
            Trouble::SlowReply(wait),
            Trouble::LostBefore,
            Trouble::LostAfter,
            Trouble::LostAfter,
            Trouble::Fails,
        ];
        self.rng.pick(&troubles)
    }
}
