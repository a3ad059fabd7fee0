//! How a command gets a token: from the store if it is fresh, else from the vendor.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, Waker};
use std::time::{Duration, SystemTime};

use freshtoken::status::State;
use freshtoken::{Renewal, Token};

use crate::account::Account;
use crate::context::{Context, finish, run, runtime};
use crate::failure::Failure;
use crate::source::Opened;
use crate::tracked::DIGEST;

/// How far the time of a record may be ahead: the clock was set back since then, or another machine's is ahead.
const FUTURE: Duration = Duration::from_secs(60);

/// How long after its expiry a token has expired at the vendor too, so that a renewal is not early.
const GUARD: Duration = Duration::from_secs(2);

/// How often a token is discarded before the last one is served: other processes may have other credentials.
const DISCARDED: usize = 3;

/// How long a command waits for a renewal that is due. Most take less than a second, and the next command tries again.
const RENEWAL: Duration = Duration::from_secs(3);

/// How often a command looks whether a renewal has completed.
const LOOK: Duration = Duration::from_millis(5);

/// A token with what belongs to it.
pub struct Obtained {
    pub account: Arc<Account>,
    pub token: Token,
    pub header_name: String,
    pub base_url: Option<String>,
}

/// What is wrong with a token that has not expired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    /// It came from other credentials.
    OtherCredentials,
    /// It is from the future, so its expiry means nothing.
    FromTheFuture,
    /// It expires too soon.
    TooShort,
}

/// Gets a token, and lets `then` have it before the program cleans up.
pub fn obtain<T>(
    context: &Context,
    account: &Arc<Account>,
    min_life: Option<Duration>,
    then: impl FnOnce(Obtained) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let opened = context.open(account)?;
    let limit = context.timeout()?;
    let source = Source { account, opened: &opened, min_life };
    if let Some(obtained) = source.stored()? {
        return then(obtained);
    }
    let runtime = runtime()?;
    // A token that is still good is better than a renewal that takes too long.
    let obtained = run(&runtime, limit, source.renewed()).or_else(|failure| source.good().ok_or(failure));
    if obtained.is_ok() && opened.tokens.status().is_store_failing {
        context.warn("the token could not be kept, so the next command may request another; `--verbose` says why");
    }
    if let (Ok(obtained), Some(least)) = (&obtained, min_life)
        && source.flaw(&obtained.token) == Some(Flaw::TooShort)
    {
        context.warn(&format!("the new token lives less than --min-life, which is {} s", least.as_secs()));
    }
    let result = obtained.and_then(then);
    drop(opened);
    finish(runtime);
    result
}

/// A token source, and what the command asks of it.
pub struct Source<'a> {
    pub account: &'a Arc<Account>,
    pub opened: &'a Opened,
    pub min_life: Option<Duration>,
}

impl Source<'_> {
    /// Returns the token in the store if it is fresh. Needs no runtime.
    fn stored(&self) -> Result<Option<Obtained>, Failure> {
        if !self.opened.is_local {
            return Ok(None);
        }
        let tokens = &self.opened.tokens;
        // A broken record costs an explanation, and not a login each time.
        ready(self.opened.load()).transpose()?;
        if tokens.status().state != State::Fresh {
            return Ok(None);
        }
        Ok(self.good())
    }

    /// Returns a token, which is requested if it has to be. A renewal that is due is waited for, since no other call may come.
    /// If it fails, the token is still good.
    pub async fn renewed(&self) -> Result<Obtained, Failure> {
        let obtained = self.current().await?;
        let renewal = async {
            while self.opened.tokens.status().is_renewing {
                tokio::time::sleep(LOOK).await;
            }
        };
        let _ = tokio::time::timeout(RENEWAL, renewal).await;
        Ok(self.good().unwrap_or(obtained))
    }

    /// Returns the token that can be served at once, if there is one.
    fn good(&self) -> Option<Obtained> {
        let token = self.opened.tokens.try_token().filter(|token| self.flaw(token).is_none());
        token.map(|token| self.obtained(token))
    }

    /// Returns a token, which is requested if it has to be. A renewal that is due goes on in the background.
    pub async fn current(&self) -> Result<Obtained, Failure> {
        let tokens = &self.opened.tokens;
        for attempt in 0.. {
            if let Some(token) = tokens.try_token()
                && let Some(flaw) = self.flaw(&token)
                // Its successor is served, however short it lives.
                && !(attempt > 0 && flaw == Flaw::TooShort)
            {
                self.discard(&token, flaw)?;
            }
            let token = tokens.token().await.map_err(|error| self.explain(error))?;
            let is_right = self.flaw(&token).is_none_or(|flaw| flaw == Flaw::TooShort && attempt > 0);
            if is_right || attempt == DISCARDED {
                return Ok(self.obtained(token));
            }
        }
        Err(Failure::other("no token"))
    }

    /// What failed on this machine says more than what the source makes of it.
    pub fn explain(&self, error: freshtoken::Error) -> Failure {
        self.opened.problems.take().unwrap_or_else(|| Failure::of(&error, self.account))
    }

    fn flaw(&self, token: &Token) -> Option<Flaw> {
        let now = SystemTime::now();
        if token.kept(DIGEST) != Some(self.opened.digest.as_str()) {
            return Some(Flaw::OtherCredentials);
        }
        if token.issued_at() > now + FUTURE {
            return Some(Flaw::FromTheFuture);
        }
        let is_short = |expires_at: SystemTime| self.min_life.is_some_and(|least| expires_at < now + least);
        token.expires_at().is_some_and(is_short).then_some(Flaw::TooShort)
    }

    /// Makes the next caller wait for another token. A token that is renewed at its expiry stays until then, unless a login
    /// replaces it.
    fn discard(&self, token: &Token, flaw: Flaw) -> Result<(), Failure> {
        let policy = self.account.vendor.policy;
        let is_early = policy.renew == Renewal::AtExpiry && (!policy.login || flaw == Flaw::TooShort);
        if is_early && let Some(expires_at) = token.expires_at() {
            let wait = expires_at.duration_since(SystemTime::now()).unwrap_or_default() + GUARD;
            let why = match flaw {
                Flaw::OtherCredentials => "the token came from other credentials",
                Flaw::FromTheFuture => "the stored token is from the future; check the clock",
                Flaw::TooShort => "the token expires sooner than --min-life",
            };
            let name = &self.account.name;
            return Err(Failure::later(
                format!("{name}: {why}, and this vendor renews a token only at its expiry"),
                wait,
            ));
        }
        self.opened.tokens.rejected(token);
        Ok(())
    }

    fn obtained(&self, token: Token) -> Obtained {
        let tokens = &self.opened.tokens;
        // There is a token, so it does not wait.
        let base_url = ready(tokens.base_url()).and_then(Result::ok).flatten();
        let header_name = tokens.header_name().to_string();
        Obtained { account: self.account.clone(), token, header_name, base_url }
    }
}

/// Returns the output of a future that does not wait.
pub fn ready<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).poll(&mut TaskContext::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}
