//! How a fresh token is served: one atomic load, one look at the clocks, one clone; no lock and no allocation.
//!
//! Every trick that this takes is here. Each gain is of a fresh header, measured by `cargo xtask bench cached`:
//!
//! - [`Snapshot`], in an `ArcSwap`: readers share no lock with fetches.
//! - [`CachedDeadline`]: within a tick of the coarse clock, one clock is read instead of two. A coarse clock costs 5 ns, a
//!   precise one 25.
//! - [`Lookup`], a future written by hand: a compiler-generated one of another crate is not inlined, which costs a quarter.
//! - [`Output`], a trait and not a closure: with a closure, a header takes a tenth longer.
//! - `inline(always)` on [`FastPath::get`] and `cold` on what follows a miss: one more call is a tenth.
//!
//! It isn't for deciding anything: what happens when there is no fresh token is in `fetch`.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use arc_swap::ArcSwapOption;
use http::HeaderValue;

#[cfg(any(target_os = "linux", target_os = "android"))]
use crate::clock::coarse_monotonic;
use crate::clock::{AnyClock, Deadline};
use crate::error::Error;
use crate::token::Token;

/// The token that is served without a lock, if there is one.
#[derive(Default)]
pub(crate) struct FastPath(ArcSwapOption<Snapshot>);

struct Snapshot {
    token: Token,
    /// From here on the state decides.
    until: CachedDeadline,
}

impl FastPath {
    /// Returns a fresh token's output.
    #[inline(always)]
    pub(crate) fn get<T: Output>(&self, clock: &AnyClock) -> Option<T> {
        let snapshot = self.0.load();
        let snapshot = snapshot.as_ref()?;
        if snapshot.until.has_passed(clock) { None } else { T::of(&snapshot.token) }
    }

    /// The token that is served, if `is_it` says so.
    pub(crate) fn find(&self, is_it: impl Fn(&Token) -> bool) -> Option<Token> {
        self.0.load().as_ref().map(|snapshot| &snapshot.token).filter(|token| is_it(token)).cloned()
    }

    /// Serves this token from now on, until the deadline.
    pub(crate) fn publish(&self, served: Option<(Token, Deadline)>) {
        let snapshot = served.map(|(token, until)| Arc::new(Snapshot { token, until: CachedDeadline::new(until) }));
        // Replacing nothing by nothing is no change, and storing into an `ArcSwap` waits for its readers.
        if snapshot.is_some() || self.0.load().is_some() {
            self.0.store(snapshot);
        }
    }
}

/// What a caller gets of a token.
pub(crate) trait Output: Sized {
    /// `None`: no header carries the token.
    fn of(token: &Token) -> Option<Self>;
}

impl Output for Token {
    #[inline(always)]
    fn of(token: &Token) -> Option<Self> {
        Some(token.clone())
    }
}

impl Output for HeaderValue {
    #[inline(always)]
    fn of(token: &Token) -> Option<Self> {
        token.is_in_header().then(|| token.header().clone())
    }
}

/// A caller that waits for a token.
pub(crate) type Waiting<'a> = Pin<Box<dyn Future<Output = Result<Token, Error>> + Send + 'a>>;

/// Something with a fast path, and a way to wait where that has nothing.
pub(crate) trait Served {
    fn fast_path(&self) -> &FastPath;
    fn clock(&self) -> &AnyClock;
    /// Not generic, so that it isn't compiled again with each program.
    fn wait(served: &Arc<Self>) -> Waiting<'_>;
    /// No header carries the token.
    fn no_header(served: &Arc<Self>) -> Error;
}

/// The future of a caller: ready at once where there is a fresh token.
pub(crate) struct Lookup<'a, S> {
    served: &'a Arc<S>,
    waiting: Option<Waiting<'a>>,
}

impl<'a, S: Served> Lookup<'a, S> {
    #[inline]
    pub(crate) fn new(served: &'a Arc<S>) -> Self {
        Self { served, waiting: None }
    }

    #[inline]
    pub(crate) fn poll<T: Output>(&mut self, context: &mut Context<'_>) -> Poll<Result<T, Error>> {
        if self.waiting.is_none()
            && let Some(output) = self.served.fast_path().get(self.served.clock())
        {
            return Poll::Ready(Ok(output));
        }
        self.wait(context)
    }

    #[cold]
    #[inline(never)]
    fn wait<T: Output>(&mut self, context: &mut Context<'_>) -> Poll<Result<T, Error>> {
        let waiting = self.waiting.get_or_insert_with(|| S::wait(self.served));
        let token = match waiting.as_mut().poll(context) {
            Poll::Ready(token) => token,
            Poll::Pending => return Poll::Pending,
        };
        Poll::Ready(token.and_then(|token| T::of(&token).ok_or_else(|| S::no_header(self.served))))
    }
}

/// A deadline that is checked at each use. The coarse clocks tick together, so within a tick one of them tells that nothing
/// has changed since the last check; a machine that was suspended, or whose clock was set, has ticked.
struct CachedDeadline {
    deadline: Deadline,
    /// The monotonic clock's time at the last check, when it hadn't passed.
    good_at: AtomicU64,
}

impl CachedDeadline {
    fn new(deadline: Deadline) -> Self {
        Self { deadline, good_at: AtomicU64::new(0) }
    }

    /// Whether the deadline has passed: what [`Deadline::has_passed`] says, but mostly at the price of one clock.
    #[inline]
    fn has_passed(&self, clock: &AnyClock) -> bool {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        if matches!(clock, AnyClock::System) && self.good_at.load(Ordering::Relaxed) == coarse_monotonic() {
            return false;
        }
        self.has_passed_since(clock)
    }

    /// The first check within a tick.
    #[cold]
    #[inline(never)]
    fn has_passed_since(&self, clock: &AnyClock) -> bool {
        let now = clock.now();
        let has_passed = self.deadline.has_passed(now);
        if !has_passed {
            self.good_at.store(now.monotonic, Ordering::Relaxed);
        }
        has_passed
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_cached_deadline_lies_on_both_clocks() {
        let now = AnyClock::System.now();
        let passed = |deadline| CachedDeadline::new(deadline).has_passed(&AnyClock::System);
        assert!(!passed(Deadline::after(now, Duration::from_secs(3_600))));
        assert!(passed(Deadline { monotonic: u64::MAX, wall: now.wall }));
        assert!(passed(Deadline { monotonic: now.monotonic, wall: u64::MAX }));
    }

    #[test]
    fn a_token_is_checked_again_in_the_next_tick() {
        let tick = AnyClock::System.now().monotonic;
        let cached = CachedDeadline { deadline: Deadline::PAST, good_at: AtomicU64::new(tick) };
        while AnyClock::System.now().monotonic == tick {
            std::hint::spin_loop();
        }
        assert!(cached.has_passed(&AnyClock::System));
    }
}
