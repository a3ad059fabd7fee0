//! What a store promises of records.

use std::time::{Duration, Instant, SystemTime};

use crate::store::{Key, Store};
use crate::testing::subject::{Failure, Subject, entry, expect, with_ttl, within};

/// How many stores race for one generation.
const RACERS: u64 = 8;

/// How often they race: a store that reads before it writes may be lucky.
const RACES: u64 = 5;

pub(crate) async fn nothing<S: Store>(subject: &Subject<S>) -> Result<(), Failure> {
    expect("load of a new key", None, subject.read(&subject.one, &subject.key()).await?)
}

/// Stores the text as a first record, and loads it.
async fn loads_as_stored<S: Store>(subject: &Subject<S>, what: &str, text: &str) -> Result<(), Failure> {
    let key = subject.key();
    expect(
        "compare_and_store of a first record, expecting 0",
        true,
        subject.write(&subject.one, &key, 0, 7, text).await?,
    )?;
    let loaded = subject.read(&subject.one, &key).await?;
    let found = loaded.map_or("no record".to_owned(), |(generation, loaded)| {
        format!("generation {generation} with {}", difference(text, &loaded))
    });
    expect(&format!("load of {what}"), "generation 7 with the same text".to_owned(), found)
}

/// Returns how two strings differ, without printing 64 KiB.
fn difference(stored: &str, loaded: &str) -> String {
    if stored == loaded {
        return "the same text".into();
    }
    let at = stored.chars().zip(loaded.chars()).take_while(|(one, other)| one == other).count();
    format!(
        "a string of {} bytes instead of {}, different from character {at} on: {:?} instead of {:?}",
        loaded.len(),
        stored.len(),
        loaded.chars().nth(at),
        stored.chars().nth(at),
    )
}

pub(crate) async fn round_trip<S: Store>(subject: &Subject<S>) -> Result<(), Failure> {
    loads_as_stored(subject, "a record", r#"{"version":2}"#).await
}

pub(crate) async fn any_text<S: Store>(subject: &Subject<S>) -> Result<(), Failure> {
    for text in
        ["it's \"quoted\" \\ `so` ; -- ${x} %s", " two\nlines\r\n\tand blanks ", "zażółć 日本語 🔑 \u{7f}", "0", "null"]
    {
        loads_as_stored(subject, &format!("{text:?}"), text).await?;
    }
    Ok(())
}

pub(crate) async fn large<S: Store>(subject: &Subject<S>) -> Result<(), Failure> {
    loads_as_stored(subject, "a record of 64 KiB", &"0123456789abcdef".repeat(4096)).await
}

pub(crate) async fn compare<S: Store>(subject: &Subject<S>) -> Result<(), Failure> {
    let (store, key) = (&*subject.one, subject.key());
    let what = "compare_and_store expecting 5, without a record";
    expect(what, false, subject.write(store, &key, 5, 9, "wrong").await?)?;
    expect("load after that", None, subject.read(store, &key).await?)?;
    expect("compare_and_store expecting 0, without a record", true, subject.write(store, &key, 0, 5, "one").await?)?;
    // The order tells those that compare with `<` or with `>`.
    for expected in [0, 4, 6] {
        let what = format!("compare_and_store expecting {expected}, over generation 5");
        expect(&what, false, subject.write(store, &key, expected, 9, "wrong").await?)?;
    }
    expect("load after that", Some((5, "one".into())), subject.read(store, &key).await?)?;
    let what = "compare_and_store of generation 12 expecting 5, over generation 5";
    expect(what, true, subject.write(store, &key, 5, 12, "two").await?)?;
    expect("load after that", Some((12, "two".into())), subject.read(store, &key).await?)?;
    let what = "the same once more, over generation 12";
    expect(what, false, subject.write(store, &key, 5, 12, "three").await?)
}

pub(crate) async fn exact_generation<S: Store>(subject: &Subject<S>) -> Result<(), Failure> {
    // A floating-point number has the same value for the two.
    let (near, stored) = (1 << 53, (1 << 53) + 1);
    let (store, key) = (&*subject.one, subject.key());
    expect("compare_and_store of generation 2^53 + 1", true, subject.write(store, &key, 0, stored, "one").await?)?;
    expect("load after that", Some((stored, "one".into())), subject.read(store, &key).await?)?;
    let what = "compare_and_store expecting 2^53, over generation 2^53 + 1";
    expect(what, false, subject.write(store, &key, near, stored + 1, "two").await?)
}

pub(crate) async fn one_winner<S: Store>(subject: &Subject<S>) -> Result<(), Failure> {
    let key = subject.key();
    let mut expected = 0;
    for race in 1..=RACES {
        let racers: Vec<_> = (0..RACERS)
            .map(|racer| {
                let store = if racer % 2 == 0 { subject.one.clone() } else { subject.other.clone() };
                let (key, generation) = (key.clone(), race * 100 + racer);
                tokio::spawn(async move {
                    let entry = entry(generation, &format!("racer {racer}"));
                    Ok(store.compare_and_store(&key, expected, entry).await?.then_some(generation))
                })
            })
            .collect();
        let mut winners = Vec::new();
        for racer in racers {
            let racer = async { racer.await.unwrap_or_else(|_| Err("it panicked".into())) };
            winners.extend(within("compare_and_store", racer).await?);
        }
        let what = format!("compare_and_store by {RACERS} at once, expecting {expected}: number of winners");
        expect(&what, 1, winners.len())?;
        let loaded = subject.read(&subject.one, &key).await?.map(|(generation, _)| generation);
        expect("load after a race: the winner's generation", winners.first().copied(), loaded)?;
        expected = loaded.unwrap_or_default();
    }
    Ok(())
}

pub(crate) async fn no_cache<S: Store>(subject: &Subject<S>) -> Result<(), Failure> {
    let key = subject.key();
    let (one, other) = (&*subject.one, &*subject.other);
    expect("load by one handle", None, subject.read(one, &key).await?)?;
    let pairs = [(other, one, 0, 1), (one, other, 1, 2), (other, one, 2, 3)];
    for (writer, reader, expected, generation) in pairs {
        let text = format!("text {generation}");
        let what = format!("compare_and_store of generation {generation} by one handle");
        expect(&what, true, subject.write(writer, &key, expected, generation, &text).await?)?;
        let what = "load by the other handle after that";
        expect(what, Some((generation, text)), subject.read(reader, &key).await?)?;
    }
    Ok(())
}

pub(crate) async fn separate_keys<S: Store>(subject: &Subject<S>) -> Result<(), Failure> {
    let run = subject.unique();
    let server = "https://acme.example";
    let account = |rest: &str| format!("{run}{rest}");
    // For a store that ignores a field, case or blanks at the end, cuts names off, or takes the account for a path.
    let mut keys = vec![
        Key::new("acme", server, account(""), ""),
        Key::new("acme2", server, account(""), ""),
        Key::new("acme", "https://acme.example:8443", account(""), ""),
        Key::new("acme", server, account(""), "read"),
        Key::new("acme", server, account("READ"), ""),
        Key::new("acme", server, account("read"), ""),
        Key::new("acme", server, account(" "), ""),
        Key::new("acme", server, account("/../x"), ""),
        Key::new("acme", server, account("'; --"), ""),
        Key::new("acme", server, account("é"), ""),
        Key::new("acme", server, account("e\u{301}"), ""),
        Key::new("acme", server, account(&"x".repeat(400)), ""),
        Key::new("acme", server, account(&"x".repeat(401)), ""),
    ];
    // For one that joins the fields.
    for between in ["", ":", "/", "|", ",", "-", "_", ".", " ", "\n", "\0"] {
        keys.push(Key::new("acme", server, account(&format!("{between}1")), "2"));
        keys.push(Key::new("acme", server, account(""), format!("1{between}2")));
    }
    for (number, key) in (1..).zip(&keys) {
        let what = format!("compare_and_store of a first record for {key:?}");
        expect(&what, true, subject.write(&subject.one, key, 0, number, &format!("text {number}")).await?)?;
    }
    for (number, key) in (1..).zip(&keys) {
        let expected = Some((number, format!("text {number}")));
        expect(&format!("load for {key:?}"), expected, subject.read(&subject.one, key).await?)?;
    }
    Ok(())
}

pub(crate) async fn keep_for<S: Store>(subject: &Subject<S>) -> Result<(), Failure> {
    with_ttl(async |ttl| {
        let (store, key, far) = (&*subject.one, subject.key(), subject.key());
        let start = Instant::now();
        // The first is shorter, so a store that keeps the first expiry loses the second record.
        let short = entry(1, "short").with_keep_for(ttl);
        let stored = within("compare_and_store", store.compare_and_store(&key, 0, short)).await?;
        expect("compare_and_store of a record for a moment", true, stored)?;
        let stored = subject.write(store, &key, 1, 2, "long").await?;
        if !stored && start.elapsed() >= ttl {
            return Err(Failure::TooSlow);
        }
        expect("compare_and_store over it of a record for a minute", true, stored)?;
        // A store may have to limit this.
        let long = entry(3, "far").with_keep_for(Duration::from_secs(1 << 40));
        let stored = within("compare_and_store", store.compare_and_store(&far, 0, long)).await?;
        expect("compare_and_store of a record for 35,000 years", true, stored)?;
        tokio::time::sleep_until((start + ttl + ttl / 3).into()).await;
        let what = "load, after that moment, of the record for a minute";
        expect(what, Some((2, "long".into())), subject.read(store, &key).await?)?;
        let what = "load, after that moment, of the record for 35,000 years";
        expect(what, Some((3, "far".into())), subject.read(store, &far).await?)
    })
    .await
}

/// How far from this machine's clock a store's clock may be. More is a wrong unit, or a wrong time zone.
const MAX_SKEW: Duration = Duration::from_secs(10 * 60);

pub(crate) async fn clock<S: Store>(subject: &Subject<S>) -> Result<(), Failure> {
    let key = subject.key();
    let Some(first) = subject.load(&subject.one, &key).await?.now else { return Ok(()) };
    let here = SystemTime::now();
    let skew = here.duration_since(first).unwrap_or_else(|error| error.duration());
    expect("the store's time is within 10 minutes of this machine's", true, skew < MAX_SKEW)?;
    tokio::time::sleep(Duration::from_millis(50)).await;
    let second = subject.load(&subject.other, &key).await?.now;
    expect("every load has the store's time", true, second.is_some())?;
    // A clock in seconds stands still for 50 ms.
    expect("the store's time does not go back", true, second >= Some(first))
}

pub(crate) async fn changed<S: Store>(subject: &Subject<S>) -> Result<(), Failure> {
    let (store, key) = (&*subject.one, subject.key());
    // Dropped while it waits, and once more.
    for generation in [1, 2] {
        let _ = tokio::time::timeout(Duration::from_millis(20), store.changed(&key)).await;
        let what = "compare_and_store after waiting for a change";
        expect(what, true, subject.write(&subject.other, &key, generation - 1, generation, "text").await?)?;
        expect("load after that", Some((generation, "text".into())), subject.read(store, &key).await?)?;
    }
    Ok(())
}
