//! The lease of an account: taken for one fetch, renewed while it runs, and released by its owner alone.
//!
//! It keeps other processes from doing the same work. Losing it is harmless: before a request, [`Keeper::may_send`] says that it
//! was lost, and after it, the pair is stored by compare-and-store.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tracing::warn;

use crate::clock::{Deadline, Now};
use crate::core::cell::TokenCell;
use crate::store::StoreError;
use crate::store::any::AnyLease;
use crate::store::record::random_id;
use crate::sync::{Mutex, lock};

/// How long a holder that was killed keeps others waiting.
const LEASE: Duration = Duration::from_secs(10);

/// How often a lease is renewed: twice may fail before it ends.
const RENEWAL: Duration = Duration::from_secs(3);

/// A request starts only if the lease was renewed this recently, so that it has ended nowhere before the request has left.
const FRESH: Duration = Duration::from_secs(8);

/// The lease of a fetch or a revocation, if it has one.
pub(crate) struct Keeper {
    cell: Arc<TokenCell>,
    held: Mutex<Option<Held>>,
}

struct Held {
    lease: Arc<AnyLease>,
    /// When the last successful renewal was sent.
    renewed: Now,
    /// The next renewal: it is waited for, or on its way.
    renewal: Pin<Box<dyn Future<Output = Renewal> + Send>>,
}

/// When a renewal was sent, and whether the lease is still ours; `None`: that is unknown.
type Renewal = (Now, Option<bool>);

impl Keeper {
    pub(crate) fn new(cell: Arc<TokenCell>) -> Self {
        Self { cell, held: Mutex::new(None) }
    }

    /// Takes the lease, unless someone else holds it. Returns whether it was taken.
    ///
    /// # Errors
    ///
    /// If the store fails. It may have been taken, and ends by itself.
    pub(crate) async fn try_take(&self) -> Result<bool, StoreError> {
        let sent = self.cell.now();
        let Some(lease) = self.cell.try_lease(&format!("{:032x}", random_id()), LEASE).await? else { return Ok(false) };
        let lease = Arc::new(lease);
        let renewal = next_renewal(self.cell.clone(), lease.clone());
        *lock(&self.held) = Some(Held { lease, renewed: sent, renewal });
        Ok(true)
    }

    /// Whether a request may be sent now. It is asked immediately before one, with no wait in between.
    pub(crate) fn may_send(&self, now: Now) -> bool {
        lock(&self.held).as_ref().is_some_and(|held| !Deadline::after(held.renewed, FRESH).has_passed(now))
    }

    /// Drops the lease without releasing it: it is someone else's by now, or soon.
    pub(crate) fn abandon(&self) {
        drop(lock(&self.held).take());
    }

    pub(crate) async fn release(&self) {
        let Some(Held { lease, renewal, .. }) = lock(&self.held).take() else { return };
        // It holds the lease too.
        drop(renewal);
        let Ok(lease) = Arc::try_unwrap(lease) else { return };
        if let Err(error) = self.cell.release_lease(lease).await {
            warn!(%error, "cannot release the lease, which ends by itself");
        }
    }

    /// Renews the lease when it is time.
    fn poll_renewals(&self, context: &mut Context<'_>) {
        let mut held = lock(&self.held);
        while let Some(lease) = &mut *held {
            let Poll::Ready((sent, is_ours)) = lease.renewal.as_mut().poll(context) else { return };
            match is_ours {
                Some(false) => {
                    *held = None;
                    return;
                }
                Some(true) => lease.renewed = sent,
                None => {}
            }
            lease.renewal = next_renewal(self.cell.clone(), lease.lease.clone());
        }
    }
}

fn next_renewal(cell: Arc<TokenCell>, lease: Arc<AnyLease>) -> Pin<Box<dyn Future<Output = Renewal> + Send>> {
    Box::pin(async move {
        cell.shared().clock.sleep(RENEWAL).await;
        let sent = cell.now();
        match cell.renew_lease(&lease, LEASE).await {
            Ok(true) => (sent, Some(true)),
            Ok(false) => {
                warn!("lost the lease to another process");
                (sent, Some(false))
            }
            Err(error) => {
                warn!(%error, "cannot renew the lease");
                (sent, None)
            }
        }
    })
}

/// Runs a future, and renews the lease meanwhile. Both are one task: if it stalls, so do the renewals.
pub(crate) async fn keeping<T>(keeper: &Keeper, future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    std::future::poll_fn(|context| {
        let poll = future.as_mut().poll(context);
        if poll.is_pending() {
            keeper.poll_renewals(context);
        }
        poll
    })
    .await
}
