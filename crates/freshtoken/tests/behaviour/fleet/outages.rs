//! The store fails, restarts empty, or loses the result of a write.

use freshtoken::store::{Entry, Record};

use super::Fleet;
use crate::support::{TestClock, s, settle};
use crate::{DAY, LogsIn, NeedsConsent, RefreshesOnce};

#[test]
fn an_outage_of_the_store_keeps_no_caller_from_a_live_token() {
    let fleet = Fleet::new();
    let (logs_in, consents) = (fleet.process::<LogsIn>(), fleet.process_with::<NeedsConsent>(&fleet.clock, "other"));
    assert_eq!(logs_in.gets(), "token-1");
    fleet.database.change(|tables| tables.is_down = true);
    fleet.pass(s(16), &[&logs_in]);
    assert_eq!(logs_in.gets(), "token-1");
    fleet.pass(s(DAY), &[&logs_in]);
    assert_eq!(logs_in.gets(), "token-2", "with a login");
    let status = logs_in.tokens.status();
    assert!(status.is_store_failing && status.counters.store_failures > 0);
    assert_eq!(consents.gets(), "Store", "without a login");
    assert_eq!(fleet.issuer.seen(), ["login", "login"]);
}

#[test]
fn a_pair_that_could_not_be_stored_is_stored_soon_after_the_store_is_back() {
    let fleet = Fleet::new();
    let process = fleet.process::<RefreshesOnce>();
    assert_eq!(process.gets(), "token-1");
    fleet.pass(s(DAY + 3), &[]);
    fleet.issuer.close();
    let asking = process.ask();
    fleet.database.change(|tables| tables.is_down = true);
    fleet.issuer.open();
    process.runtime.block_on(settle());
    assert_eq!(process.got(asking), "token-2");
    fleet.pass(s(20), &[&process]);
    assert_eq!((fleet.database.mark(), fleet.database.refresh_token()), ("first".into(), "refresh-1".into()));
    fleet.database.change(|tables| tables.is_down = false);
    fleet.pass(s(2), &[&process]);
    assert_eq!((fleet.database.mark(), fleet.database.refresh_token()), ("none".into(), "refresh-2".into()));
    assert_eq!(fleet.process::<RefreshesOnce>().gets(), "token-2");
}

#[test]
fn a_store_that_restarts_empty_gets_the_newest_record_back_with_a_mark() {
    let fleet = Fleet::new();
    let (one, other) = (fleet.process::<NeedsConsent>(), fleet.process::<NeedsConsent>());
    assert_eq!(one.gets(), "token-1");
    assert_eq!(other.gets(), "token-1");
    fleet.database.change(|tables| tables.entry = None);
    fleet.pass(s(16), &[&one, &other]);
    assert_eq!((fleet.database.mark(), fleet.database.refresh_token()), ("put-back".into(), "refresh-1".into()));
    assert_eq!(fleet.process::<NeedsConsent>().gets(), "token-1", "the token is served as long as it is good");
    fleet.pass(s(DAY), &[]);
    let next = fleet.process::<NeedsConsent>();
    let asking = next.ask();
    fleet.pass(s(39), &[&next]);
    assert!(!asking.is_finished(), "no process knows whether the refresh token was sent");
    fleet.pass(s(2), &[&next]);
    assert_eq!(next.got(asking), "token-2");
    assert_eq!(fleet.issuer.seen(), ["consented", "refresh-1"]);
}

#[test]
fn after_a_store_lost_its_data_a_vendor_with_a_login_is_logged_in_to() {
    let fleet = Fleet::new();
    let process = fleet.process::<RefreshesOnce>();
    assert_eq!(process.gets(), "token-1");
    fleet.database.change(|tables| tables.entry = None);
    fleet.pass(s(DAY + 3), &[&process]);
    assert_eq!(process.gets(), "token-2");
    assert_eq!(fleet.issuer.seen(), ["consented", "login"], "refresh-1 may have been sent by another process");
}

#[test]
fn expiries_are_kept_by_the_clock_of_the_store() {
    let fleet = Fleet::new();
    fleet.database.change(|tables| tables.tells_time = true);
    assert_eq!(fleet.process::<RefreshesOnce>().gets(), "token-1");
    let an_hour_ahead = TestClock::new();
    an_hour_ahead.suspend(s(3600));
    let late = fleet.process_with::<RefreshesOnce>(&an_hour_ahead, "consented");
    assert_eq!(late.gets(), "token-1");
    assert_eq!(late.lifetime(&an_hour_ahead), s(DAY));
}

#[test]
fn an_expiry_is_by_the_clock_of_the_store_even_if_the_first_load_failed() {
    let fleet = Fleet::new();
    fleet.database.change(|tables| (tables.tells_time, tables.is_down) = (true, true));
    fleet.issuer.close();
    let an_hour_ahead = TestClock::new();
    an_hour_ahead.suspend(s(3600));
    let first = fleet.process_with::<LogsIn>(&an_hour_ahead, "consented");
    let asking = first.ask();
    fleet.database.change(|tables| tables.is_down = false);
    fleet.issuer.open();
    first.runtime.block_on(settle());
    assert_eq!(first.got(asking), "token-1");
    let other = fleet.process::<LogsIn>();
    assert_eq!(other.gets(), "token-1");
    assert_eq!(other.lifetime(&fleet.clock), s(DAY));
}

#[test]
fn a_mark_whose_result_is_lost_is_recognised_by_its_id() {
    let fleet = Fleet::new();
    let process = fleet.process::<NeedsConsent>();
    assert_eq!(process.gets(), "token-1");
    fleet.pass(s(DAY + 3), &[]);
    fleet.database.change(|tables| tables.loses_result = true);
    assert_eq!(process.gets(), "token-2");
    assert_eq!(fleet.issuer.seen(), ["consented", "refresh-1"]);
    assert_eq!(fleet.database.mark(), "none");
}

#[test]
fn a_pair_whose_result_is_lost_is_recognised() {
    let fleet = Fleet::new();
    let process = fleet.process::<NeedsConsent>();
    assert_eq!(process.gets(), "token-1");
    fleet.pass(s(DAY + 3), &[]);
    fleet.issuer.close();
    let asking = process.ask();
    fleet.database.change(|tables| tables.loses_result = true);
    fleet.issuer.open();
    process.runtime.block_on(settle());
    assert_eq!(process.got(asking), "token-2");
    fleet.pass(s(5), &[&process]);
    assert_eq!((fleet.database.mark(), fleet.database.refresh_token()), ("none".into(), "refresh-2".into()));
}

#[test]
fn an_unreadable_record_is_kept_and_is_no_outage_with_a_login() {
    let fleet = Fleet::new();
    fleet.database.change(|tables| tables.entry = Some(Entry::new(7, "something else")));
    assert_eq!(fleet.process::<LogsIn>().gets(), "token-1");
    assert_eq!(fleet.process::<NeedsConsent>().gets(), "Store");
    fleet
        .database
        .change(|tables| assert_eq!(tables.entry.as_ref().unwrap().text().unwrap().expose(), "something else"));
    assert!(Record::from_json("something else").is_err());
}
