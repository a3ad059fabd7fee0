//! Which process sends a refresh token, and what others do meanwhile.

use std::time::Duration;

use super::database::Tables;
use super::{Fleet, Process};
use crate::support::{s, settle};
use crate::{DAY, LogsIn, NeedsConsent, RefreshesOnce};

#[test]
fn a_holder_killed_before_the_mark_delays_others_by_its_lease() {
    let fleet = Fleet::new();
    let (dying, other) = (fleet.process::<RefreshesOnce>(), fleet.process::<RefreshesOnce>());
    assert_eq!(dying.gets(), "token-1");
    // It holds the lease, and waits for the expiry.
    fleet.pass(s(DAY - 1), &[&dying]);
    let _waiting = dying.ask();
    dying.kill();
    let asking = other.ask();
    assert!(!asking.is_finished());
    fleet.pass(s(11), &[&other]);
    assert_eq!(other.got(asking), "token-2");
    assert_eq!(fleet.issuer.seen(), ["consented", "refresh-1"]);
}

#[test]
fn a_holder_killed_after_the_mark_is_followed_by_a_login() {
    let fleet = Fleet::new();
    let (dying, other) = (fleet.process::<RefreshesOnce>(), fleet.process::<RefreshesOnce>());
    fleet.kill_in_a_refresh(dying);
    let asking = other.ask();
    fleet.pass(s(11), &[&other]);
    assert_eq!(other.got(asking), "token-2");
    assert_eq!(fleet.issuer.seen(), ["consented", "refresh-1", "login"]);
}

#[test]
fn a_holder_killed_after_the_mark_is_followed_by_one_more_try() {
    let fleet = Fleet::new();
    let (dying, other) = (fleet.process::<NeedsConsent>(), fleet.process::<NeedsConsent>());
    fleet.kill_in_a_refresh(dying);
    let asking = other.ask();
    fleet.pass(s(39), &[&other]);
    assert!(!asking.is_finished(), "the holder may be alive");
    fleet.pass(s(12), &[&other]);
    assert_eq!(other.got(asking), "token-2");
    assert_eq!(fleet.issuer.seen(), ["consented", "refresh-1", "refresh-1"]);
}

#[test]
fn each_lost_response_doubles_the_quiet_time_of_every_process() {
    let fleet = Fleet::new();
    let [first, second, third] = [(); 3].map(|()| fleet.process::<NeedsConsent>());
    fleet.kill_in_a_refresh(first);
    let _asking = second.ask();
    fleet.issuer.close();
    fleet.pass(s(51), &[&second]);
    assert_eq!(fleet.database.mark(), "again");
    second.kill();
    fleet.issuer.open();
    // It has lost no response itself, and its callers need not wait that long.
    let asking = third.ask();
    fleet.pass(s(11), &[&third]);
    assert_eq!(third.got(asking), "Unavailable");
    fleet.pass(s(60), &[&third]);
    assert_eq!(third.gets(), "Unavailable");
    assert_eq!(fleet.issuer.seen(), ["consented", "refresh-1", "refresh-1"]);
    fleet.pass(s(20), &[&third]);
    assert_eq!(third.gets(), "token-2");
    assert_eq!(fleet.issuer.seen(), ["refresh-1"]);
}

#[test]
fn a_young_process_keeps_no_other_from_sending_a_lost_refresh_token_again() {
    let fleet = Fleet::new();
    let (dying, watching) = (fleet.process::<NeedsConsent>(), fleet.process::<NeedsConsent>());
    fleet.kill_in_a_refresh(dying);
    let asking = watching.ask();
    fleet.pass(s(8), &[&watching]);
    // It is the first to see that the lease has ended, and has 40 s to wait.
    let young = fleet.process::<NeedsConsent>();
    let _asking = young.ask();
    fleet.pass(s(34), &[&young, &watching]);
    assert_eq!(watching.got(asking), "token-2");
}

#[test]
fn a_holder_that_lost_its_lease_sends_nothing() {
    let fleet = Fleet::new();
    let holder = fleet.process::<RefreshesOnce>();
    assert_eq!(holder.gets(), "token-1");
    fleet.pass(s(DAY - 1), &[&holder]);
    let asking = holder.ask();
    // The process stops while it waits for the expiry. Meanwhile its lease ends, and another process takes it.
    fleet.database.change(|tables| tables.lease = Some(("another".to_owned(), s(1_000_000))));
    fleet.clock.advance(s(9));
    holder.runtime.block_on(settle());
    assert!(!asking.is_finished());
    assert_eq!(fleet.issuer.seen(), ["consented"]);
    fleet.database.change(|tables| tables.lease = None);
    fleet.pass(s(1), &[&holder]);
    assert_eq!(holder.got(asking), "token-2");
    assert_eq!(fleet.issuer.seen(), ["refresh-1"]);
}

#[test]
fn a_pair_that_arrives_after_the_lease_is_lost_is_stored_over_another_mark() {
    let fleet = Fleet::new();
    let (slow, other) = (fleet.process::<NeedsConsent>(), fleet.process::<NeedsConsent>());
    assert_eq!(slow.gets(), "token-1");
    fleet.pass(s(DAY + 3), &[]);
    fleet.issuer.close();
    let asking = slow.ask();
    // It stands still for 15 s. Another process takes the lease, and watches the record.
    let waiting = other.ask();
    fleet.pass(s(15), &[&other]);
    assert!(!waiting.is_finished());
    fleet.issuer.open();
    fleet.pass(s(1), &[&slow, &other]);
    assert_eq!(slow.got(asking), "token-2");
    fleet.pass(s(2), &[&slow, &other]);
    assert_eq!(other.got(waiting), "token-2");
    assert_eq!(fleet.issuer.seen(), ["consented", "refresh-1"]);
}

#[test]
fn a_response_that_arrived_while_the_process_was_stopped_is_not_lost() {
    let fleet = Fleet::new();
    let stopped = fleet.process::<NeedsConsent>();
    assert_eq!(stopped.gets(), "token-1");
    fleet.pass(s(DAY + 3), &[]);
    fleet.issuer.close();
    let asking = stopped.ask();
    // It continues after the limit of the request, and its timer is first.
    fleet.clock.advance(s(25));
    stopped.runtime.block_on(settle());
    fleet.issuer.open();
    stopped.runtime.block_on(settle());
    assert_eq!(stopped.got(asking), "token-2");
    assert_eq!(fleet.issuer.seen(), ["consented", "refresh-1"]);
}

#[test]
fn two_first_starts_send_one_start_token_once() {
    let fleet = Fleet::new();
    let (one, other) = (fleet.process::<NeedsConsent>(), fleet.process::<NeedsConsent>());
    fleet.issuer.close();
    let (first, second) = (one.ask(), other.ask());
    fleet.issuer.open();
    fleet.pass(s(1), &[&one, &other]);
    assert_eq!((one.got(first), other.got(second)), ("token-1".to_owned(), "token-1".to_owned()));
    assert_eq!(fleet.issuer.seen(), ["consented"]);
}

#[test]
fn many_waiting_processes_are_served_at_once_and_look_ten_times_a_second_at_most() {
    let fleet = Fleet::new();
    let processes: Vec<Process> = (0..64).map(|_| fleet.process::<LogsIn>()).collect();
    fleet.issuer.close();
    let waiting: Vec<_> = processes.iter().map(Process::ask).collect();
    fleet.database.change(|tables| tables.calls.clear());
    for _ in 0..20 {
        fleet.clock.advance(Duration::from_millis(50));
        processes.iter().for_each(|process| process.runtime.block_on(settle()));
    }
    let loads = |tables: &Tables| tables.calls.iter().filter(|call| **call == "load").count();
    fleet.database.change(|tables| assert!(loads(tables) <= 63 * 10, "{} loads in a second", loads(tables)));
    fleet.issuer.open();
    processes[0].runtime.block_on(settle());
    fleet.database.change(|tables| tables.calls.clear());
    for _ in 0..5 {
        fleet.clock.advance(Duration::from_millis(50));
        processes.iter().for_each(|process| process.runtime.block_on(settle()));
    }
    for (process, asking) in processes.iter().zip(waiting) {
        assert_eq!(process.got(asking), "token-1");
    }
    fleet.database.change(|tables| assert!(!tables.calls.contains(&"lease"), "{:?}", tables.calls));
    assert_eq!(fleet.issuer.seen(), ["login"]);
}

#[test]
fn a_fetch_makes_at_most_six_calls_of_the_store() {
    let fleet = Fleet::new();
    let process = fleet.process::<RefreshesOnce>();
    assert_eq!(process.gets(), "token-1");
    fleet.pass(s(DAY + 3), &[]);
    fleet.database.change(|tables| tables.calls.clear());
    assert_eq!(process.gets(), "token-2");
    fleet.database.change(|tables| {
        assert_eq!(tables.calls, ["load", "lease", "load", "store", "store", "release"]);
    });
}
