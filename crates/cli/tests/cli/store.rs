//! Records: what is broken, changed or from another time.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use freshtoken_sandbox::Fault;

use crate::support::{Fixed, Ran, User, has, sandbox, sandbox_with};

fn record(user: &User) -> PathBuf {
    let files = std::fs::read_dir(user.state()).unwrap().map(|entry| entry.unwrap().path());
    let mut records = files.filter(|path| path.extension().is_some_and(|extension| extension == "record"));
    let record = records.next().unwrap();
    assert!(records.next().is_none());
    record
}

#[test]
fn a_store_that_is_no_directory_is_explained() {
    let issuer = Fixed::token("unused");
    let explained = |store: &str, expected: &str| {
        let ran = issuer.user().run(&["token", "voucherify", "--store", store]);
        assert!(ran.code == Some(2) && ran.err.contains(expected), "{ran:?}");
    };
    explained("file:///var/lib/tokens", "write a directory, without `file://`");
    #[cfg(not(feature = "redis"))]
    explained("redis://127.0.0.1:1", "install it with `cargo install --path crates/cli --features redis`");
    assert_eq!(issuer.count(), 0);
}

#[test]
fn a_broken_record_is_explained_and_kept() {
    let issuer = Fixed::token("invented-token");
    let user = issuer.user();
    user.ok(&["token", "voucherify"]);
    let path = record(&user);
    let good = std::fs::read(&path).unwrap();
    let flipped: Vec<u8> =
        good.iter().enumerate().map(|(at, byte)| if at == good.len() - 9 { byte ^ 1 } else { *byte }).collect();
    let half = good[..good.len() / 2].to_vec();
    for (content, expected) in [
        (Vec::new(), "is empty"),
        (half, "is damaged"),
        (flipped, "is damaged"),
        (b"something else entirely, and long enough for a header\n".to_vec(), "was not written by freshtoken"),
    ] {
        std::fs::write(&path, &content).unwrap();
        let ran = user.run(&["token", "voucherify"]);
        assert_eq!((ran.code, ran.out.as_str()), (Some(1), ""), "{}", ran.err);
        assert!(ran.err.contains(expected) && ran.err.contains(path.to_str().unwrap()), "{}", ran.err);
        assert_eq!(std::fs::read(&path).unwrap(), content, "the file is kept");
    }
    assert_eq!(issuer.count(), 1, "no login each time");
    std::fs::write(&path, good).unwrap();
    assert_eq!(user.ok(&["token", "voucherify"]), "invented-token\n");
}

#[test]
fn a_token_that_cannot_be_kept_is_printed_with_a_warning() {
    let issuer = Fixed::token("invented-token");
    let user = issuer.user();
    user.ok(&["token", "voucherify"]);
    let record = record(&user);
    std::fs::remove_file(&record).unwrap();
    std::fs::set_permissions(record.with_extension("lock"), std::fs::Permissions::from_mode(0o644)).unwrap();
    let ran = user.run(&["token", "voucherify"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), "invented-token\n"), "{}", ran.err);
    assert!(ran.err.contains("could not be kept"), "{}", ran.err);
    let ran = user.run(&["--verbose", "token", "voucherify"]);
    assert!(ran.err.contains(".lock"), "{}", ran.err);
}

#[test]
fn a_broken_record_keeps_no_other_account_from_its_token() {
    let mut issuer = Fixed::token("invented-token");
    let mut user = issuer.user();
    user.ok(&["token", "voucherify"]);
    std::fs::write(record(&user), "").unwrap();
    assert_eq!(user.run(&["token", "voucherify"]).code, Some(1));
    issuer = Fixed::token("other-token");
    user.set("VOUCHERIFY_URL", &issuer.url);
    for _ in 0..2 {
        assert_eq!(user.ok(&["token", "voucherify"]), "other-token\n");
    }
    assert_eq!(issuer.count(), 1);
}

#[test]
fn a_record_of_a_newer_version_is_explained() {
    let user = Fixed::token("invented-token").user();
    user.ok(&["token", "voucherify"]);
    let path = record(&user);
    let text = std::fs::read_to_string(&path).unwrap();
    // The first number is the version of the file's format.
    let at = text.find(|c: char| c.is_ascii_digit()).unwrap();
    std::fs::write(&path, format!("{}9{}", &text[..at], &text[at..])).unwrap();
    let ran = user.run(&["token", "voucherify"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(1), ""));
    assert!(ran.err.contains("newer version"), "{}", ran.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_good_token_is_served_while_its_renewal_hangs() {
    let (_sandbox, issuer, user) = sandbox("voucherify").await;
    // Its renewal is due, and it has not expired.
    let arguments = ["-f", "-800s", crate::support::PROGRAM, "token", "voucherify"];
    let Ok(faked) = user.other_command("faketime", &arguments).output() else {
        return println!("skipped: no faketime");
    };
    let first = Ran::of(faked).out;
    issuer.inject(Fault::delay(Duration::from_secs(60)).times(10));
    assert_eq!(user.ok(&["token", "voucherify"]), first);
    assert_eq!(issuer.counts().requests, 2, "it was tried");
}

#[test]
fn a_disk_that_is_full_leaves_the_old_record() {
    let issuer = Fixed::token("first-token");
    let user = issuer.user();
    user.ok(&["token", "voucherify"]);
    let before = std::fs::read(record(&user)).unwrap();
    issuer.set(
        "200 OK\r\ncontent-type: application/json",
        r#"{"access_token":"second-token","token_type":"Bearer","expires_in":900}"#,
    );
    // No file may get a single byte.
    let ran = user.sh("trap '' XFSZ; ulimit -f 0; freshtoken token voucherify --min-life 1h | cat");
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), "second-token\n"), "{}", ran.err);
    assert_eq!(std::fs::read(record(&user)).unwrap(), before);
    assert_eq!(user.ok(&["token", "voucherify"]), "first-token\n");
}

#[test]
fn a_record_of_a_lost_key_is_explained_and_can_be_forgotten() {
    let user = Fixed::token("invented-token").user();
    user.ok(&["token", "voucherify"]);
    std::fs::remove_file(user.state().join("key")).unwrap();
    for command in ["token", "status", "revoke"] {
        let ran = user.run(&[command, "voucherify"]);
        assert_eq!((ran.code, ran.out.as_str()), (Some(1), ""), "{command}: {}", ran.err);
        assert!(ran.err.contains("unknown key"), "{}", ran.err);
        assert!(ran.err.contains("`freshtoken revoke voucherify --forget` forgets it"), "{}", ran.err);
    }
    user.ok(&["revoke", "voucherify", "--forget"]);
    user.ok(&["token", "voucherify"]);
}

#[test]
fn a_token_of_other_credentials_scopes_or_servers_is_not_served() {
    let issuer = Fixed::token("first-token");
    let mut user = issuer.user();
    assert_eq!(user.ok(&["token", "voucherify"]), "first-token\n");
    for (count, name, value) in [
        (2, "VOUCHERIFY_APP_TOKEN", "rotated-app-token"),
        (3, "VOUCHERIFY_SCOPE", "vouchers customers"),
        (4, "VOUCHERIFY_URL", &format!("{}/", issuer.url.replace("127.0.0.1", "localhost"))),
    ] {
        let body = format!(r#"{{"access_token":"token-{count}","token_type":"Bearer","expires_in":900}}"#);
        issuer.set("200 OK\r\ncontent-type: application/json", &body);
        user.set(name, value);
        assert_eq!(user.ok(&["token", "voucherify"]), format!("token-{count}\n"), "{name}");
        assert_eq!(user.ok(&["token", "voucherify"]), format!("token-{count}\n"), "{name}");
        assert_eq!(issuer.count(), count, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_secret_keeps_the_refresh_token_of_a_consent() {
    let (_sandbox, issuer, mut user) = sandbox_with("quickbooks", |vendor| vendor.any("client_secret")).await;
    let first = user.ok(&["token", "quickbooks"]);
    user.set("QUICKBOOKS_CLIENT_SECRET", "rotated-client-secret");
    let second = user.ok(&["token", "quickbooks"]);
    assert_ne!(second, first, "a token of the old secret is not served");
    assert_eq!(user.ok(&["token", "quickbooks"]), second);
    let counts = issuer.counts();
    assert_eq!((counts.logins, counts.refreshes, counts.double_spends), (0, 2, 0), "{counts:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_expires_too_soon_is_renewed_or_waited_for() {
    let (_sandbox, issuer, user) = sandbox("voucherify").await;
    let first = user.ok(&["token", "voucherify"]);
    assert_eq!(user.ok(&["token", "voucherify", "--min-life", "1m"]), first);
    assert_ne!(user.ok(&["token", "voucherify", "--min-life", "2h"]), first);
    assert_eq!(issuer.counts().logins, 2);
    let ran = user.run(&["token", "voucherify", "--min-life", "9h"]);
    assert!(ran.code == Some(0) && ran.err.contains("lives less than --min-life, which is 32400 s"), "{}", ran.err);
    assert_eq!(user.run(&["--quiet", "token", "voucherify", "--min-life", "9h"]).err, "");

    // A person has consented, and need not do so again.
    let (_sandbox, issuer, user) = sandbox("quickbooks").await;
    let first = user.ok(&["token", "quickbooks"]);
    assert_ne!(user.ok(&["token", "quickbooks", "--min-life", "2h"]), first);
    let counts = issuer.counts();
    assert_eq!((counts.logins, counts.refreshes, counts.double_spends), (0, 2, 0));

    // A vendor whose tokens are renewed at their expiry.
    let (_sandbox, issuer, user) = sandbox("zenoti").await;
    user.ok(&["token", "zenoti"]);
    let ran = user.run(&["token", "zenoti", "--min-life", "48h"]);
    assert_eq!(ran.code, Some(4), "{}", ran.err);
    let seconds: u64 = ran.err.lines().last().unwrap().strip_prefix("retry-after: ").unwrap().parse().unwrap();
    assert!((86_000..=86_403).contains(&seconds), "{seconds}");
    assert_eq!((issuer.counts().logins, issuer.counts().refreshes), (1, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_from_the_future_is_not_served_and_spends_no_refresh_token() {
    let (_sandbox, issuer, user) = sandbox("zenoti").await;
    let faked = user.other_command("faketime", &["-f", "+1d", crate::support::PROGRAM, "token", "zenoti"]).output();
    let Ok(faked) = faked else { return println!("skipped: no faketime") };
    assert!(faked.status.success(), "{}", String::from_utf8_lossy(&faked.stderr));
    let now = user.ok(&["token", "zenoti"]);
    assert_ne!(now.as_bytes(), faked.stdout);
    let counts = issuer.counts();
    assert_eq!((counts.logins, counts.refreshes), (2, 0));
}

/// Runs the program with another wall clock. Returns `None` if this is impossible here; a printed line says why.
fn with_clock(user: &User, offset: &str, arguments: &[&str]) -> Option<Ran> {
    // If the machine's uptime is known, the record has two more fields.
    let record = std::fs::read_to_string(record(user)).unwrap();
    if record.lines().next().is_none_or(|line| line.split(' ').count() < 6) || !has("faketime") {
        println!("skipped: the machine's uptime is unknown, or there is no faketime");
        return None;
    }
    // A wall clock that is set leaves the others alone.
    let arguments = [&["--exclude-monotonic", "-f", offset, crate::support::PROGRAM], arguments].concat();
    Some(Ran::of(user.other_command("faketime", &arguments).output().unwrap()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_jumps_a_day_costs_no_refresh_token() {
    let (_sandbox, issuer, user) = sandbox("zenoti").await;
    let first = user.ok(&["token", "zenoti"]);
    for offset in ["+1d", "-1d"] {
        let Some(ran) = with_clock(&user, offset, &["token", "zenoti"]) else { return };
        assert_eq!((ran.code, &ran.out), (Some(0), &first), "{offset}: {}", ran.err);
    }
    assert_eq!(issuer.counts().requests, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_expired_token_stays_expired_when_the_clock_jumps_back() {
    let (_sandbox, _issuer, user) = sandbox_with("voucherify", |vendor| vendor.lifetime(Duration::from_secs(3))).await;
    let first = user.ok(&["token", "voucherify"]);
    while user.run(&["status", "voucherify", "--check"]).code == Some(0) {}
    let Some(ran) = with_clock(&user, "-1h", &["token", "voucherify"]) else { return };
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert_ne!(ran.out, first);
    assert_eq!(user.ok(&["token", "voucherify"]), ran.out, "the new one is fresh by the right clock too");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vendor_without_revocation_says_that_the_token_stays_valid_there() {
    let (_sandbox, issuer, user) = sandbox("wellnessliving").await;
    let first = user.ok(&["token", "wellnessliving"]);
    for _ in 0..2 {
        let ran = user.run(&["revoke", "wellnessliving"]);
        assert_eq!((ran.code, ran.out.as_str()), (Some(1), ""), "{}", ran.err);
        assert!(ran.err.contains("revokes no tokens") && ran.err.contains("valid there until"), "{}", ran.err);
        assert_eq!(ran.err.lines().count(), 1, "{}", ran.err);
    }
    assert_eq!(issuer.counts().requests, 1, "there is nothing to ask");
    assert_ne!(user.ok(&["token", "wellnessliving"]), first, "it is forgotten here");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_token_is_served_by_no_process() {
    let (_sandbox, issuer, user) = sandbox("voucherify").await;
    user.ok(&["revoke", "voucherify"]);
    assert_eq!(issuer.counts().requests, 0, "there is nothing to revoke");
    let first = user.ok(&["token", "voucherify"]);
    user.ok(&["revoke", "voucherify"]);
    user.ok(&["revoke", "voucherify"]);
    assert_eq!(issuer.counts().revocations, 1);
    assert_ne!(user.ok(&["token", "voucherify"]), first);
    let second = user.ok(&["token", "voucherify"]);
    user.ok(&["revoke", "voucherify", "--forget"]);
    assert_ne!(user.ok(&["token", "voucherify"]), second);
    assert_eq!(issuer.counts().revocations, 1, "--forget asks no vendor");
}
