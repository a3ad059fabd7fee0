//! What goes wrong, and when: by a vendor's rules, so that each new vendor has a script too.

use std::time::Duration;

use freshtoken::{Policy, Refresh, Renew};
use freshtoken_sandbox::{Fault, FaultScope, RetryAfter};

/// When the callers stop.
pub const END: Duration = Duration::from_secs(16);

/// Something that happens at the issuer.
#[derive(Clone, Debug)]
pub enum Step {
    /// The next login or refresh meets it.
    Fault(Fault),
    /// It ends every token, as vendors do when a password is changed.
    EndTokens,
}

/// How long access tokens live, and what happens when.
pub struct Script {
    pub life: Duration,
    pub steps: Vec<(Duration, Step)>,
}

impl Script {
    pub fn faults(&self) -> u64 {
        self.steps.iter().map(|(_, step)| u64::from(matches!(step, Step::Fault(_)))).sum()
    }
}

/// The script of the vendor with this number.
///
/// Early renewal: a token of 6 s is due after some 4.3 s, so at about 4 and 10 s, each time into a fault. Renewal at the
/// expiry: a token of 4 s is refreshed after 6 s, so at about 6 s, and, once all tokens were ended at 8 s, at 14 s, into a
/// fault.
pub fn script(number: usize, policy: &Policy) -> Script {
    let secs = Duration::from_secs;
    let fault = |at, fault: Fault| (secs(at), Step::Fault(fault.on(FaultScope::Grants)));
    // The first answer takes its time, so that all who came at once can be seen to wait for it.
    let slow = fault(0, Fault::delay(Duration::from_millis(300)));
    let [first, second] = faults(number, policy);
    if policy.renew != Renew::AtExpiry {
        let steps = vec![slow, fault(1, first), fault(7, second), (secs(13), Step::EndTokens)];
        return Script { life: secs(6), steps };
    }
    let mut steps = vec![slow];
    // Without a login only a refresh helps after a 401, and before the expiry there must be none.
    if policy.login {
        steps.push((secs(8), Step::EndTokens));
    }
    steps.push(fault(9, first));
    Script { life: secs(4), steps }
}

/// What goes wrong with two grants, by how often a refresh token works.
fn faults(number: usize, policy: &Policy) -> [Fault; 2] {
    let throttled = |form| Fault::too_many_requests(form, Duration::from_secs(1));
    match (policy.refresh, policy.login) {
        // The worst: the refresh token is spent, and the response is lost.
        (Refresh::SingleUse, true) => [Fault::reset_after(), Fault::truncated()],
        // Where no login can follow, what a refresh token survives.
        (Refresh::SingleUse, false) => [throttled(RetryAfter::Seconds), throttled(RetryAfter::Date)],
        // What a login gets over, and a refresh token that works again and again.
        _ => match number % 3 {
            0 => [Fault::server_error(), throttled(RetryAfter::Seconds)],
            1 => [Fault::html(200), Fault::reset_after()],
            _ => [Fault::truncated(), Fault::reset_before()],
        },
    }
}
