//! The vendor of the token sources: requests that a process sends to the simulated issuer.

use std::time::Duration;

use freshtoken_wire::Secret;

use super::calls::{Call, call};
use super::faults::{Op, Trouble};
use super::issuer::{GRACE, Issuer, Sent, number};
use super::time::MILLI;
use super::world::Local;
use crate::credentials::CredentialSource;
use crate::grant_error::GrantError;
use crate::issued_tokens::IssuedTokens;
use crate::vendor::{RefreshTokens, Renewal, TokenKind, TokenPolicy, Vendor};

/// The vendor, as a process reaches it.
pub(super) struct Endpoint<const HAS_LOGIN: bool, const IS_AT_EXPIRY: bool>(pub(super) Local);

impl Local {
    /// Sends a request. The reply has the pair that it is about.
    fn request(
        &self,
        op: Op,
        pair: usize,
        act: impl Fn(&mut Issuer, u64) -> Result<usize, GrantError> + Send + 'static,
    ) -> Call<Result<usize, GrantError>> {
        let process = self.process;
        let (call, reply) = call(process);
        let sim = &mut *self.world.lock();
        let trouble = sim.strike(process, op);
        let (there, back) = (sim.rng.between(5 * MILLI, 200 * MILLI), sim.rng.between(5 * MILLI, 200 * MILLI));
        let is_early = sim.rng.chance(50);
        if trouble == Trouble::LostBefore && is_early {
            sim.log(|| format!("P{process} {op:?} of {pair}: never left"));
            let refused = || GrantError::transient("connection refused").not_sent();
            sim.after(there, move |sim| sim.send(&reply, Err(refused())));
            return call;
        }
        let there = if let Trouble::Slow(wait) = trouble { there + wait } else { there };
        let is_processed = trouble != Trouble::LostBefore && (trouble != Trouble::Fails || !is_early);
        sim.log(|| format!("P{process} {op:?} of {pair}: {trouble:?}"));
        if op != Op::Revoke {
            let now = sim.now;
            sim.issuer.requests.push(now);
        }
        if op == Op::Refresh {
            let acts_at = if is_processed { sim.now + there } else { 0 };
            let is_lost = matches!(trouble, Trouble::LostBefore | Trouble::LostAfter);
            sim.check_refresh(pair, Sent { by: (process, sim.machines[process].start), at: sim.now, acts_at, is_lost });
        }
        sim.after(there, move |sim| {
            let mut result = if is_processed { act(&mut sim.issuer, sim.now) } else { Ok(0) };
            sim.log(|| format!("ISSUER {op:?} of {pair}: {}", outcome(is_processed, &result)));
            match trouble {
                Trouble::LostBefore | Trouble::LostAfter if is_early => return,
                Trouble::LostBefore | Trouble::LostAfter => result = Err(GrantError::transient("connection reset")),
                Trouble::Fails => result = Err(GrantError::of_status(503, "unavailable")),
                _ => {}
            }
            let back = if let Trouble::SlowReply(wait) = trouble { back + wait } else { back };
            sim.after(back, move |sim| sim.send(&reply, result));
        });
        call
    }

    async fn issue(
        &self,
        op: Op,
        pair: usize,
        act: impl Fn(&mut Issuer, u64) -> Result<usize, GrantError> + Send + 'static,
    ) -> Result<IssuedTokens, GrantError> {
        let pair = self.request(op, pair, act).await?;
        let mut sim = self.world.lock();
        let (now, process, start) = (sim.now, self.process, sim.machines[self.process].start);
        sim.issuer.pairs[pair].arrived_at = Some(now);
        sim.issuer.learn(pair, process, start, now);
        sim.log(|| format!("P{process} has pair {pair}"));
        let lifetime = Duration::from_nanos(sim.issuer.lifetime);
        Ok(IssuedTokens::new(format!("access-{pair}")).expires_in(lifetime).refresh_token(format!("refresh-{pair}")))
    }
}

fn outcome(is_processed: bool, result: &Result<usize, GrantError>) -> String {
    match result {
        _ if !is_processed => "never processed".to_owned(),
        Ok(pair) => format!("pair {pair}"),
        Err(error) => error.to_string(),
    }
}

impl<const HAS_LOGIN: bool, const IS_AT_EXPIRY: bool> Vendor for Endpoint<HAS_LOGIN, IS_AT_EXPIRY> {
    type Credentials = ();
    const POLICY: TokenPolicy = TokenPolicy::new("simulated")
        .login(HAS_LOGIN)
        .refresh(RefreshTokens::SingleUse)
        .renew(if IS_AT_EXPIRY { Renewal::AtExpiry } else { Renewal::Early(0.75) })
        .revoke(TokenKind::Refresh);

    fn policy(&self) -> &'static TokenPolicy {
        if self.0.world.lock().issuer.grace > 0 {
            const { &Self::POLICY.grace(Duration::from_nanos(GRACE)) }
        } else {
            const { &Self::POLICY }
        }
    }

    fn server(&self) -> String {
        "https://simulated.example".to_owned()
    }

    async fn login(&self, _: &CredentialSource<()>) -> Result<IssuedTokens, GrantError> {
        self.0.issue(Op::Login, 0, |issuer, now| issuer.log_in(now)).await
    }

    async fn refresh(&self, _: &CredentialSource<()>, token: &Secret) -> Result<IssuedTokens, GrantError> {
        let pair = number(token.expose());
        self.0.issue(Op::Refresh, pair, move |issuer, now| issuer.refresh(pair, now)).await
    }

    async fn revoke(&self, _: &CredentialSource<()>, token: &Secret) -> Result<(), GrantError> {
        let pair = number(token.expose());
        self.0.request(Op::Revoke, pair, move |issuer, _| issuer.revoke(pair)).await.map(drop)
    }
}
