//! The script of a run: which faults happen when. It follows from the vendor's policy, so new vendors have one too.

use std::time::Duration;

use freshtoken::{RefreshTokens, Renewal, TokenPolicy};
use freshtoken_sandbox::{Fault, FaultScope, RetryAfter};

/// When the callers stop.
pub const END: Duration = Duration::from_secs(16);

/// Something that happens at the issuer.
#[derive(Clone, Debug)]
pub enum Step {
    /// The next login or refresh meets a fault.
    Fault(Fault),
    /// The issuer invalidates every token, as when a password is changed.
    EndTokens,
}

/// The lifetime of access tokens, and what happens when.
pub struct Script {
    pub lifetime: Duration,
    pub steps: Vec<(Duration, Step)>,
}

impl Script {
    pub fn faults(&self) -> u64 {
        self.steps.iter().map(|(_, step)| u64::from(matches!(step, Step::Fault(_)))).sum()
    }
}

/// Returns the script of the vendor with this number.
///
/// With early renewal, a token of 6 s is due after about 4.3 s, so renewals at about 4 s and 10 s meet a fault. With
/// renewal at expiry, a token of 4 s is refreshed after 6 s, at about 6 s. All tokens are invalidated at 8 s, and the
/// refresh at 14 s meets a fault.
pub fn script(number: usize, policy: &TokenPolicy) -> Script {
    let secs = Duration::from_secs;
    let fault = |at, fault: Fault| (secs(at), Step::Fault(fault.on(FaultScope::Grants)));
    // The first response is slow, so that the callers are seen waiting for one request.
    let slow = fault(0, Fault::delay(Duration::from_millis(300)));
    let [first, second] = faults(number, policy);
    if policy.renew != Renewal::AtExpiry {
        let steps = vec![slow, fault(1, first), fault(7, second), (secs(13), Step::EndTokens)];
        return Script { lifetime: secs(6), steps };
    }
    let mut steps = vec![slow];
    // Without a login, only a refresh helps after a 401, and it must not come before the expiry.
    if policy.login {
        steps.push((secs(8), Step::EndTokens));
    }
    steps.push(fault(9, first));
    Script { lifetime: secs(4), steps }
}

/// Returns two faults that the vendor's kind of refresh token survives.
fn faults(number: usize, policy: &TokenPolicy) -> [Fault; 2] {
    let throttled = |form| Fault::too_many_requests(form, Duration::from_secs(1));
    match (policy.refresh, policy.login) {
        // The worst case: the refresh token is spent, and the response is lost.
        (RefreshTokens::SingleUse, true) => [Fault::reset_after(), Fault::truncated()],
        // Without a login, faults that do not spend the refresh token.
        (RefreshTokens::SingleUse, false) => [throttled(RetryAfter::Seconds), throttled(RetryAfter::Date)],
        // Faults after which a login, or a reusable refresh token, works.
        _ => match number % 3 {
            0 => [Fault::server_error(), throttled(RetryAfter::Seconds)],
            1 => [Fault::html(200), Fault::reset_after()],
            _ => [Fault::truncated(), Fault::reset_before()],
        },
    }
}
