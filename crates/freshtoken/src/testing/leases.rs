//! What a store promises of leases. Their times are real: a database has its own clock.

use std::time::{Duration, Instant};

use crate::store::{Key, Store};
use crate::testing::subject::{Failure, GRACE, LONG, Subject, TTLS, entry, expect, with_ttl, within};

/// How many take a lease at once.
const RACERS: usize = 8;

/// How often to look whether a lease is free.
const POLL: Duration = Duration::from_millis(25);

pub(crate) async fn exclusive<S: Store>(subject: &Subject<S>) -> Result<(), Failure> {
    let key = subject.key();
    let racers: Vec<_> = (0..RACERS)
        .map(|racer| {
            let store = if racer % 2 == 0 { subject.one.clone() } else { subject.other.clone() };
            let (key, owner) = (key.clone(), subject.unique());
            tokio::spawn(async move { store.try_lease(&key, &owner, LONG).await })
        })
        .collect();
    let mut holders = Vec::new();
    for racer in racers {
        let racer = async { racer.await.unwrap_or_else(|_| Err("it panicked".into())) };
        holders.extend(within("try_lease", racer).await?);
    }
    expect(&format!("try_lease by {RACERS} at once: number of holders"), 1, holders.len())?;
    for store in [&subject.one, &subject.other] {
        let start = Instant::now();
        expect(
            "try_lease while someone holds the lease: None",
            true,
            subject.lease(store, &key, LONG).await?.is_none(),
        )?;
        expect("that None comes at once", true, start.elapsed() < Duration::from_secs(2))?;
    }
    Ok(())
}

pub(crate) async fn per_key<S: Store>(subject: &Subject<S>) -> Result<(), Failure> {
    let (one, other) = (&*subject.one, &*subject.other);
    let account = subject.unique();
    let key = |requested: &str| Key::new("acme", "https://acme.example", account.as_str(), requested);
    let lease = subject.take(one, &key("read"), LONG).await?;
    expect("the lease of another request is held", false, subject.is_held(other, &key("write")).await?)?;
    let what = "compare_and_store by a process that does not hold the lease";
    expect(what, true, subject.write(other, &key("read"), 0, 1, "text").await?)?;
    expect("renew_lease after that", true, subject.renew(one, &key("read"), &lease, LONG).await?)?;
    subject.release(one, &key("read"), lease).await?;
    let what = "load after the release";
    expect(what, Some((1, "text".into())), subject.read(one, &key("read")).await?)
}

pub(crate) async fn release<S: Store>(subject: &Subject<S>) -> Result<(), Failure> {
    let key = subject.key();
    for (holder, next) in [(&*subject.one, &*subject.other), (&*subject.one, &*subject.one)] {
        let lease = subject.take(holder, &key, LONG).await?;
        subject.release(holder, &key, lease).await?;
        expect("the lease is held after release_lease", false, subject.is_held(next, &key).await?)?;
    }
    Ok(())
}

/// Whether the lease that was taken or renewed after `start` is held. `TooSlow`: it may have expired by now.
async fn is_still_held<S: Store>(
    subject: &Subject<S>,
    key: &Key,
    start: Instant,
    ttl: Duration,
) -> Result<bool, Failure> {
    let is_held = subject.is_held(&subject.other, key).await?;
    if !is_held && start.elapsed() >= ttl { Err(Failure::TooSlow) } else { Ok(is_held) }
}

/// Waits until the lease is free, and takes it. `ttl` is how long it may last, from now on.
async fn take_when_expired<S: Store>(subject: &Subject<S>, key: &Key, ttl: Duration) -> Result<S::Lease, Failure> {
    let start = Instant::now();
    loop {
        if let Some(lease) = subject.lease(&subject.other, key, LONG).await? {
            return Ok(lease);
        }
        if start.elapsed() > ttl + GRACE {
            return Err(Failure::Mismatch {
                expected: format!("try_lease after the {} ms of the lease: Some", ttl.as_millis()),
                found: format!("None, for {} ms more", GRACE.as_millis()),
            });
        }
        tokio::time::sleep(POLL).await;
    }
}

pub(crate) async fn expiry<S: Store>(subject: &Subject<S>) -> Result<(), Failure> {
    with_ttl(async |ttl| {
        let key = subject.key();
        let start = Instant::now();
        // Alive, but not renewed.
        let _lease = subject.take(&subject.one, &key, ttl).await?;
        let what = format!("a lease of {} ms is held before they are over", ttl.as_millis());
        expect(&what, true, is_still_held(subject, &key, start, ttl).await?)?;
        tokio::time::sleep_until((start + ttl / 2).into()).await;
        expect(&what, true, is_still_held(subject, &key, start, ttl).await?)?;
        take_when_expired(subject, &key, ttl).await.map(drop)
    })
    .await
}

pub(crate) async fn renewal<S: Store>(subject: &Subject<S>) -> Result<(), Failure> {
    with_ttl(async |ttl| {
        let key = subject.key();
        let start = Instant::now();
        let lease = subject.take(&subject.one, &key, ttl).await?;
        tokio::time::sleep_until((start + ttl * 2 / 3).into()).await;
        let renewed = Instant::now();
        let is_renewed = subject.renew(&subject.one, &key, &lease, ttl).await?;
        if !is_renewed && start.elapsed() >= ttl {
            return Err(Failure::TooSlow);
        }
        expect("renew_lease by its holder", true, is_renewed)?;
        // Past the end of the first term, and before that of the second.
        tokio::time::sleep_until((start + ttl * 4 / 3).into()).await;
        let what = "a renewed lease is held when its first term is over";
        expect(what, true, is_still_held(subject, &key, renewed, ttl).await?)?;
        take_when_expired(subject, &key, ttl).await.map(drop)
    })
    .await
}

pub(crate) async fn no_revival<S: Store>(subject: &Subject<S>) -> Result<(), Failure> {
    let (one, ttl) = (&*subject.one, TTLS[0]);
    // Taken by another handle.
    let key = subject.key();
    let former = subject.take(one, &key, ttl).await?;
    let current = take_when_expired(subject, &key, ttl).await?;
    expect("renew_lease after another process took it", false, subject.renew(one, &key, &former, LONG).await?)?;
    expect("renew_lease by the new holder", true, subject.renew(&subject.other, &key, &current, LONG).await?)?;
    // Expired, and not taken.
    let key = subject.key();
    let former = subject.take(one, &key, ttl).await?;
    tokio::time::sleep(ttl + GRACE / 2).await;
    expect("renew_lease after it has expired", false, subject.renew(one, &key, &former, LONG).await?)?;
    expect("the lease is held after that", false, subject.is_held(&subject.other, &key).await?)
}

pub(crate) async fn owner_check<S: Store>(subject: &Subject<S>) -> Result<(), Failure> {
    let (one, ttl) = (&*subject.one, TTLS[0]);
    let key = subject.key();
    let former = subject.take(one, &key, ttl).await?;
    let current = take_when_expired(subject, &key, ttl).await?;
    // A store may say that it is too late.
    let _ = within("release_lease", one.release_lease(&key, former)).await;
    let what = "another holder's lease is held after a former holder's release_lease";
    expect(what, true, subject.is_held(one, &key).await?)?;
    expect("renew_lease by that holder", true, subject.renew(&subject.other, &key, &current, LONG).await?)?;
    let stored = within("compare_and_store", one.compare_and_store(&key, 0, entry(1, "text"))).await?;
    expect("compare_and_store by the former holder, without a newer record", true, stored)
}

pub(crate) async fn dropped<S: Store>(subject: &Subject<S>) -> Result<(), Failure> {
    let (key, ttl) = (subject.key(), TTLS[0]);
    drop(subject.take(&subject.one, &key, ttl).await?);
    take_when_expired(subject, &key, ttl).await.map(drop)
}
