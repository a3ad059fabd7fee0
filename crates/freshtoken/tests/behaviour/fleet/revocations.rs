//! A token ends before its expiry: it is revoked, refused or rejected.

use freshtoken::ErrorKind;
use freshtoken::status::State;

use super::{Fleet, Process};
use crate::support::{Does, s, settle};
use crate::{DAY, NeedsConsent, RefreshesOnce};

#[test]
fn a_revocation_is_for_all_processes_and_for_good() {
    let fleet = Fleet::new();
    let (one, other) = (fleet.process::<NeedsConsent>(), fleet.process::<NeedsConsent>());
    assert_eq!((one.gets(), other.gets()), ("token-1".to_owned(), "token-1".to_owned()));
    one.runtime.block_on(one.tokens.revoke()).unwrap();
    assert_eq!(fleet.database.record()["ended"], "revoked");
    fleet.pass(s(16), &[&one, &other]);
    assert_eq!(fleet.database.record()["ended"], "revoked", "an older memory does not put the pair back");
    assert_eq!(other.gets(), "ConsentNeeded");
    assert_eq!(fleet.issuer.seen(), ["consented", "revoke token-1"]);
}

#[test]
fn a_revocation_whose_process_is_killed_is_finished_by_the_next() {
    let fleet = Fleet::new();
    let dying = fleet.process::<RefreshesOnce>();
    assert_eq!(dying.gets(), "token-1");
    fleet.issuer.close();
    let tokens = dying.tokens.clone();
    dying.runtime.spawn(async move { tokens.revoke().await });
    dying.runtime.block_on(settle());
    assert_eq!(fleet.database.mark(), "revoke");
    dying.kill();
    fleet.issuer.open();
    let next = fleet.process::<RefreshesOnce>();
    let asking = next.ask();
    fleet.pass(s(11), &[&next]);
    assert_eq!(next.got(asking), "token-2", "the start token was sent before");
    assert_eq!(fleet.issuer.seen(), ["consented", "revoke token-1", "revoke token-1", "login"]);
}

#[test]
fn a_revocation_that_cannot_be_stored_is_not_reported_as_done() {
    let fleet = Fleet::new();
    let process = fleet.process::<RefreshesOnce>();
    assert_eq!(process.gets(), "token-1");
    fleet.database.change(|tables| tables.is_down = true);
    let error = process.runtime.block_on(process.tokens.revoke()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Store);
    assert_eq!(fleet.issuer.seen(), ["consented"], "nothing was sent");
    assert_eq!(process.gets(), "token-1");
}

#[test]
fn two_revocations_are_one_after_the_other() {
    let fleet = Fleet::new();
    let (one, other) = (fleet.process::<RefreshesOnce>(), fleet.process::<RefreshesOnce>());
    assert_eq!((one.gets(), other.gets()), ("token-1".to_owned(), "token-1".to_owned()));
    let revoke = |process: &Process| {
        let tokens = process.tokens.clone();
        let revoking = process.runtime.spawn(async move { tokens.revoke().await });
        process.runtime.block_on(settle());
        revoking
    };
    fleet.issuer.close();
    let (first, second) = (revoke(&one), revoke(&other));
    fleet.issuer.open();
    fleet.pass(s(1), &[&one, &other]);
    assert!(one.runtime.block_on(first).unwrap().is_ok() && other.runtime.block_on(second).unwrap().is_ok());
    assert_eq!(fleet.issuer.seen(), ["consented", "revoke token-1"]);
}

#[test]
fn a_refusal_is_no_end_while_another_process_has_a_pair() {
    let fleet = Fleet::new();
    let process = fleet.process::<NeedsConsent>();
    assert_eq!(process.gets(), "token-1");
    fleet.pass(s(DAY + 3), &[]);
    fleet.issuer.does_once(Does::WantsLogin);
    assert_eq!(process.gets(), "ConsentNeeded");
    // A person consents, and another process gets the token.
    assert_eq!(fleet.process_with::<NeedsConsent>(&fleet.clock, "consented anew").gets(), "token-2");
    fleet.pass(s(16), &[&process]);
    assert_eq!(process.gets(), "token-2");
    assert_eq!(process.tokens.status().state, State::Fresh);
}

#[test]
fn a_process_with_a_401_uses_the_newer_token_of_the_store() {
    let fleet = Fleet::new();
    let (one, other) = (fleet.process::<RefreshesOnce>(), fleet.process::<RefreshesOnce>());
    assert_eq!((one.gets(), other.gets()), ("token-1".to_owned(), "token-1".to_owned()));
    for wanted in ["token-2", "token-3"] {
        let token = one.tokens.try_token().unwrap();
        one.tokens.accepted(token.header());
        one.tokens.rejected(&token);
        assert_eq!(one.gets(), wanted);
        let token = other.tokens.try_token().unwrap();
        other.tokens.rejected(&token);
        assert_eq!(other.gets(), wanted, "without a request");
        fleet.pass(s(61), &[&one, &other]);
    }
    assert_eq!(fleet.issuer.seen(), ["consented", "login", "login"]);
}
