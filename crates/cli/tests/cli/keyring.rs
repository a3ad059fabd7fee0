//! `key = "keyring"`, with the keyring of GNOME if it is installed.

use std::os::unix::net::UnixListener;
use std::time::{Duration, Instant};

use crate::support::{Fixed, Ran, User, has};

/// A user whose configuration asks for the keyring.
fn user(issuer: &Fixed) -> User {
    let mut user = issuer.user();
    let config = user.dir.write("config.toml", 0o600, "version = 1\nkey = \"keyring\"\n");
    user.set("FRESHTOKEN_CONFIG", config.to_str().unwrap());
    user
}

/// Runs a script with the program as `freshtoken`, and with an unlocked keyring in the user's home directory.
fn with_keyring(user: &User, script: &str) -> Ran {
    let start = "printf invented | gnome-keyring-daemon --unlock --components=secrets > /dev/null 2>&1";
    user.dir.write("script", 0o600, &format!("{start}\n{script}\n"));
    user.sh("dbus-run-session -- sh \"$HOME/script\"")
}

fn has_keyring() -> bool {
    has("dbus-run-session") && has("gnome-keyring-daemon")
}

#[test]
fn without_a_keyring_the_message_says_what_to_do_and_no_key_is_written() {
    let issuer = Fixed::token("invented-token");
    let mut user = user(&issuer);
    user.set("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus");
    let ran = user.run(&["token", "voucherify"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{}", ran.err);
    assert!(ran.err.starts_with("freshtoken: the keyring cannot be used: "), "{}", ran.err);
    assert!(ran.err.contains("write `key = \"file\"`") && ran.err.lines().count() == 1, "{}", ran.err);
    assert!(!user.state().join("key").exists());
    assert_eq!(issuer.count(), 0);
}

#[test]
fn a_keyring_that_never_responds_is_given_up_after_two_seconds() {
    let issuer = Fixed::token("invented-token");
    let mut user = user(&issuer);
    let bus = user.dir.0.join("bus");
    let _silent = UnixListener::bind(&bus).unwrap();
    user.set("DBUS_SESSION_BUS_ADDRESS", &format!("unix:path={}", bus.display()));
    let start = Instant::now();
    let ran = user.run(&["token", "voucherify"]);
    let took = start.elapsed();
    assert_eq!((ran.code, ran.out.as_str()), (Some(4), ""), "{}", ran.err);
    assert!(ran.err.contains("does not respond within 2 s") && ran.err.ends_with("retry-after: 2\n"), "{}", ran.err);
    assert!(took < Duration::from_secs(4), "{took:?}");
    assert!(!user.state().join("key").exists());
}

#[test]
fn the_key_is_in_the_keyring_and_in_no_file() {
    if !has_keyring() {
        return;
    }
    let issuer = Fixed::token("invented-token");
    let user = user(&issuer);
    let many = "for _ in 1 2 3 4 5; do freshtoken token voucherify & done; wait; freshtoken token voucherify";
    let ran = with_keyring(&user, many);
    assert_eq!((ran.code, ran.out), (Some(0), "invented-token\n".repeat(6)), "{}", ran.err);
    assert_eq!(issuer.count(), 1, "all have the same key");
    assert!(!user.state().join("key").exists());
    // Another login session of the user.
    let ran = with_keyring(&user, "freshtoken token voucherify");
    assert_eq!((ran.code, ran.out.as_str(), issuer.count()), (Some(0), "invented-token\n", 1), "{}", ran.err);
}

#[test]
fn records_stay_readable_when_the_key_moves_to_the_keyring() {
    if !has_keyring() {
        return;
    }
    let issuer = Fixed::token("invented-token");
    let mut user = issuer.user();
    user.ok(&["token", "voucherify"]);
    let config = user.dir.write("config.toml", 0o600, "version = 1\nkey = \"keyring\"\n");
    user.set("FRESHTOKEN_CONFIG", config.to_str().unwrap());
    let ran = with_keyring(
        &user,
        "freshtoken token voucherify && rm \"$FRESHTOKEN_STATE_DIR/key\" && freshtoken token voucherify",
    );
    assert_eq!((ran.code, ran.out), (Some(0), "invented-token\n".repeat(2)), "{}", ran.err);
    assert_eq!(issuer.count(), 1);
}
