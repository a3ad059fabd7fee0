//! What a process finds around it: no home, other modes, another user's files.

use std::ffi::OsStr;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::PathBuf;

use crate::support::{Fixed, Ran, User, has};

#[test]
fn without_a_place_for_tokens_the_variable_to_set_is_named() {
    let issuer = Fixed::token("invented-token");
    let user = issuer.user();
    for home in ["/proc/none", "relative"] {
        let mut command = user.command(&["token", "voucherify"]);
        command.env_remove("FRESHTOKEN_STATE_DIR").env("HOME", home).env("XDG_STATE_HOME", "relative");
        let ran = Ran::of(command.output().unwrap());
        assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{home}: {}", ran.err);
        assert!(ran.err.contains("FRESHTOKEN_STATE_DIR"), "{}", ran.err);
    }
    assert_eq!(issuer.count(), 0);
}

#[test]
fn the_state_directory_is_below_the_home_directory() {
    let user = Fixed::token("invented-token").user();
    let mut command = user.command(&["token", "voucherify"]);
    command.env_remove("FRESHTOKEN_STATE_DIR").env("XDG_STATE_HOME", "relative");
    assert_eq!(Ran::of(command.output().unwrap()).code, Some(0));
    assert!(user.dir.0.join(".local/state/freshtoken/key").exists());
    let mut command = user.command(&["token", "voucherify"]);
    command.env_remove("FRESHTOKEN_STATE_DIR").env("XDG_STATE_HOME", user.dir.0.join("xdg"));
    assert_eq!(Ran::of(command.output().unwrap()).code, Some(0));
    assert!(user.dir.0.join("xdg/freshtoken/key").exists());
}

/// Root could write below `/`, so another user is used.
#[test]
fn a_home_that_is_the_root_is_no_place_for_tokens() {
    let Some(other) = OtherUser::new() else { return };
    let ran = other.token(&[("HOME", "/".as_ref())]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{}", ran.err);
    assert!(ran.err.contains("FRESHTOKEN_STATE_DIR") && ran.err.lines().count() == 1, "{}", ran.err);
    // A service may have no other home, and a state directory.
    let ran = other.token(&[("HOME", "/".as_ref()), ("XDG_STATE_HOME", other.dir.as_ref())]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), "invented-token\n"), "{}", ran.err);
}

#[test]
fn an_unset_home_is_taken_from_the_password_database() {
    let user = Fixed::token("invented-token").user();
    // Nothing is to be written into the real one.
    let mut command = user.command(&["vendors", "voucherify"]);
    assert_eq!(Ran::of(command.env_remove("HOME").env_remove("FRESHTOKEN_STATE_DIR").output().unwrap()).code, Some(0));
    let home = std::env::home_dir().unwrap();
    let mut command = user.command(&["token", "--account", "invented-account"]);
    let ran = Ran::of(command.env_remove("HOME").env_remove("FRESHTOKEN_STATE_DIR").output().unwrap());
    assert!(ran.code == Some(2) && ran.err.contains(home.to_str().unwrap()), "{}", ran.err);
}

#[test]
fn files_are_the_user_s_alone_whatever_the_umask_is() {
    for umask in ["000", "777"] {
        let issuer = Fixed::token("invented-token");
        let user = issuer.user();
        let ran = user.sh(&format!("umask {umask} && freshtoken token voucherify"));
        assert_eq!(ran.code, Some(0), "{umask}: {}", ran.err);
        let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().mode() & 0o7777;
        assert_eq!(mode(&user.state()), 0o700, "{umask}");
        let mut files = 0;
        for entry in std::fs::read_dir(user.state()).unwrap() {
            let path = entry.unwrap().path();
            assert_eq!(mode(&path), 0o600, "{umask}: {path:?}");
            files += 1;
        }
        assert!(files >= 3, "a record, its lock and the key");
        assert_eq!(user.ok(&["token", "voucherify"]), "invented-token\n");
        assert_eq!(issuer.count(), 1);
    }
}

#[test]
fn a_state_directory_that_others_can_reach_is_refused() {
    let issuer = Fixed::token("invented-token");
    let user = issuer.user();
    std::fs::create_dir(user.state()).unwrap();
    std::fs::set_permissions(user.state(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let ran = user.run(&["token", "voucherify"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""));
    assert!(ran.err.contains("others can access") && ran.err.contains("chmod 0700"), "{}", ran.err);

    let user = issuer.user();
    let real = user.dir.0.join("real");
    std::fs::create_dir(&real).unwrap();
    std::fs::set_permissions(&real, std::fs::Permissions::from_mode(0o700)).unwrap();
    symlink(&real, user.state()).unwrap();
    let ran = user.run(&["token", "voucherify"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""));
    assert!(ran.err.contains("symbolic link"), "{}", ran.err);
    assert_eq!(issuer.count(), 0);
}

#[test]
fn a_key_that_others_can_read_is_refused() {
    let issuer = Fixed::token("invented-token");
    let user = issuer.user();
    user.ok(&["token", "voucherify"]);
    std::fs::set_permissions(user.state().join("key"), std::fs::Permissions::from_mode(0o644)).unwrap();
    let ran = user.run(&["token", "voucherify"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""));
    assert!(ran.err.contains("others can access"), "{}", ran.err);
}

/// A user without an entry in the password database, and a directory of theirs.
struct OtherUser {
    user: User,
    dir: PathBuf,
}

impl OtherUser {
    /// Returns `None` if this is impossible here. A printed line says why.
    fn new() -> Option<Self> {
        if std::fs::metadata("/proc/self").unwrap().uid() != 0 {
            println!("skipped: only root can become another user");
            return None;
        }
        if !has("setpriv") {
            return None;
        }
        let user = Fixed::token("invented-token").user();
        let dir = user.dir.0.join("other");
        std::fs::create_dir(&dir).unwrap();
        std::os::unix::fs::chown(&dir, Some(54_321), Some(54_321)).unwrap();
        std::fs::set_permissions(&user.dir.0, std::fs::Permissions::from_mode(0o755)).unwrap();
        Some(Self { user, dir })
    }

    /// Asks for a token with these variables.
    fn token(&self, variables: &[(&str, &OsStr)]) -> Ran {
        let arguments = ["--reuid", "54321", "--clear-groups", crate::support::PROGRAM, "token", "voucherify"];
        let mut command = self.user.other_command("setpriv", &arguments);
        command.env_remove("HOME").env_remove("FRESHTOKEN_STATE_DIR").envs(variables.iter().copied());
        Ran::of(command.output().unwrap())
    }
}

#[test]
fn a_user_without_a_password_entry_needs_only_a_state_directory() {
    let Some(other) = OtherUser::new() else { return };
    let ran = other.token(&[]);
    assert!(ran.code == Some(2) && ran.err.contains("FRESHTOKEN_STATE_DIR"), "{ran:?}");
    let state = other.dir.join("state");
    let ran = other.token(&[("FRESHTOKEN_STATE_DIR", state.as_ref())]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), "invented-token\n"), "{}", ran.err);
    // Another user's state directory is refused, even by root.
    let mut command = other.user.command(&["token", "voucherify"]);
    let ran = Ran::of(command.env("FRESHTOKEN_STATE_DIR", state).output().unwrap());
    assert!(ran.code == Some(2) && ran.err.contains("belongs to another user"), "{ran:?}");
}

#[test]
fn the_documented_crontab_line_works_in_the_environment_of_cron() {
    let issuer = Fixed::token("invented-token");
    let user = issuer.user();
    let config = user.dir.0.join(".config/freshtoken");
    std::fs::create_dir_all(&config).unwrap();
    let text = format!(
        "version = 1\n[accounts.shop]\nvendor = \"voucherify\"\nurl = \"{}\"\ncredentials.app_id = \"a\"\n\
         credentials.app_token = {{ command = [\"echo\", \"invented-app-token\"] }}\ncredentials.scope = \"vouchers\"\n",
        issuer.url
    );
    user.dir.write(".config/freshtoken/config.toml", 0o600, &text);
    let job = user.dir.write("sync-vouchers", 0o700, "#!/bin/sh\ncat \"$VOUCHERIFY_HEADER_FILE\"\n");
    let line = format!("{} run --file --account shop -- {}", crate::support::PROGRAM, job.display());
    let mut cron = std::process::Command::new("/bin/sh");
    cron.args(["-c", &line]).env_clear().stdin(std::process::Stdio::null()).current_dir("/");
    cron.env("HOME", &user.dir.0).env("SHELL", "/bin/sh").env("PATH", "/usr/bin:/bin").env("LOGNAME", "invented");
    let ran = Ran::of(cron.output().unwrap());
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), "Authorization: Bearer invented-token\n"), "{}", ran.err);
    assert!(user.dir.0.join(".local/state/freshtoken/key").exists());
}
