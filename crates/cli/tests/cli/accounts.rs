//! Accounts of the configuration file, and the places that credentials come from.

use crate::support::{Fixed, Ran, User};

/// A user with an account `shop` whose credentials are these lines.
fn user(issuer: &Fixed, credentials: &str) -> User {
    let scope = "credentials.scope = [\"vouchers\", \"customers\"]";
    user_of(issuer, "voucherify", &format!("{scope}\n{credentials}"))
}

fn user_of(issuer: &Fixed, vendor: &str, credentials: &str) -> User {
    let mut user = issuer.user();
    user.variables.clear();
    let url = &issuer.url;
    let text = format!("version = 1\n\n[accounts.shop]\nvendor = \"{vendor}\"\nurl = \"{url}\"\n{credentials}\n");
    let path = user.dir.write("config.toml", 0o600, &text);
    user.set("FRESHTOKEN_CONFIG", path.to_str().unwrap());
    user
}

const LITERAL: &str = "credentials.app_id = \"invented-app-id\"\ncredentials.app_token = \"invented-app-token\"";

#[test]
fn an_account_has_its_own_token() {
    let issuer = Fixed::token("invented-token");
    let mut user = user(&issuer, LITERAL);
    assert_eq!(user.ok(&["header", "--account", "shop"]), "Authorization: Bearer invented-token\n");
    user.set("FRESHTOKEN_ACCOUNT", "shop");
    let json = user.ok(&["token", "--format", "json"]);
    assert!(json.contains("\"account\":\"shop\",\"vendor\":\"voucherify\""), "{json}");
    assert_eq!(issuer.count(), 1);
    assert!(user.ok(&["status", "--all"]).starts_with("shop (voucherify): fresh until "));
}

#[test]
fn a_credential_comes_from_a_variable_a_file_a_command_or_systemd() {
    let issuer = Fixed::token("invented-token");
    let base = user(&issuer, "");
    let secret = base.dir.write("secret", 0o600, "invented-app-token\r\n");
    let secret = secret.to_str().unwrap();
    for place in [
        "{ env = \"SHOP_TOKEN\" }".to_owned(),
        format!("{{ file = \"{secret}\" }}"),
        "{ systemd = \"secret\" }".to_owned(),
        format!("{{ command = [\"cat\", \"{secret}\"] }}"),
    ] {
        let mut user = user(&issuer, &format!("credentials.app_id = \"a\"\ncredentials.app_token = {place}"));
        user.set("SHOP_TOKEN", "invented-app-token");
        user.set("CREDENTIALS_DIRECTORY", base.dir.0.to_str().unwrap());
        assert_eq!(user.ok(&["token", "--account", "shop"]), "invented-token\n", "{place}");
    }
}

#[test]
fn a_value_that_decides_the_token_may_come_from_a_file_but_not_from_a_command() {
    let issuer = Fixed::token("invented-token");
    let base = user(&issuer, "");
    let client = base.dir.write("client", 0o600, "invented-client\n");
    let client = client.to_str().unwrap();
    let with = |place: &str| {
        let secret = "credentials.client_secret = { env = \"SHOP_SECRET\" }";
        let mut user = user_of(&issuer, "wellnessliving", &format!("credentials.client_id = {place}\n{secret}"));
        user.set("SHOP_SECRET", "invented-client-secret");
        user
    };
    let user = with(&format!("{{ file = \"{client}\" }}"));
    assert_eq!(user.ok(&["token", "--account", "shop"]), "invented-token\n");
    let ran = with(&format!("{{ command = [\"cat\", \"{client}\"] }}")).run(&["token", "--account", "shop"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.contains("a value that decides where the token is kept comes from a command"), "{}", ran.err);
}

#[test]
fn a_variable_that_is_not_set_or_empty_is_named_with_its_key() {
    let issuer = Fixed::token("unused");
    let place = "credentials.app_token = { env = \"SHOP_TOKEN\" }";
    let cron = "cron and systemd pass none of your shell's variables";
    let with = |credentials: &str, variables: &[(&str, &str)]| {
        let mut user = user(&issuer, credentials);
        variables.iter().for_each(|(name, value)| user.set(name, value));
        let ran = user.run(&["token", "--account", "shop"]);
        assert_eq!(ran.code, Some(2), "{}", ran.err);
        assert!(!ran.err.contains("hunter2"), "{}", ran.err);
        ran.err.split_once("config.toml\": ").unwrap().1.trim_end().to_owned()
    };
    let complete = format!("credentials.app_id = \"a\"\n{place}");
    let unset = "credentials.app_token comes from SHOP_TOKEN, which is not set";
    assert_eq!(with(&complete, &[]), format!("{unset}; {cron}"));
    let similar = "SHOP_TOKENS is set: did you mean SHOP_TOKEN?";
    assert_eq!(with(&complete, &[("SHOP_TOKENS", "hunter2")]), format!("{unset}; {similar}; {cron}"));
    let empty = "credentials.app_token comes from SHOP_TOKEN, which is empty";
    assert_eq!(with(&complete, &[("SHOP_TOKEN", "")]), empty);
    let missing = "set credentials.app_id and credentials.app_token";
    assert_eq!(with(place, &[]), format!("{missing}; {unset}; {cron}"));
}

#[test]
fn a_command_runs_only_for_a_request_and_gets_its_arguments_unchanged() {
    let issuer = Fixed::token("invented-token");
    let base = user(&issuer, "");
    let log = base.dir.0.join("log");
    let script = base.dir.write(
        "print",
        0o700,
        &format!("#!/bin/sh\nprintf '<%s>' \"$@\" >> {}\nprintf secret\n", log.display()),
    );
    let credentials = format!(
        "credentials.app_id = \"a\"\ncredentials.app_token = {{ command = [\"{}\", \"a b\", \"$HOME\"] }}",
        script.display()
    );
    let user = user(&issuer, &credentials);
    user.ok(&["token", "--account", "shop"]);
    user.ok(&["token", "--account", "shop"]);
    user.ok(&["status", "--account", "shop"]);
    assert_eq!(std::fs::read_to_string(log).unwrap(), "<a b><$HOME>");
}

#[test]
fn a_command_that_fails_is_status_2_and_one_that_hangs_is_named_with_status_4() {
    let issuer = Fixed::token("unused");
    let big = "head -c 1048576 /dev/zero | tr '\\\\0' a";
    for (command, code, expected) in [
        ("exit 3", 2, "failed with exit status: 3"),
        ("printf hunter2; exit 1", 2, "failed with exit status: 1"),
        (big, 2, "is longer than 64 KiB"),
        (":", 2, "is empty"),
        ("printf 'a\\\\0b\\\\0'", 2, "is UTF-16"),
        (&format!("{} token voucherify", crate::support::PROGRAM), 2, "failed with exit status: 2"),
        (
            "exec sleep 60 # hunter2",
            4,
            "account shop: credentials.app_token: the command \"/bin/sh\" did not finish in time; try again, or raise --timeout",
        ),
    ] {
        let credentials = format!(
            "credentials.app_id = \"a\"\ncredentials.app_token = {{ command = [\"/bin/sh\", \"-c\", \"{command}\"] }}"
        );
        let ran = user(&issuer, &credentials).run(&["token", "--account", "shop", "--timeout", "2s"]);
        assert_eq!((ran.code, ran.out.as_str()), (Some(code), ""), "{command}: {}", ran.err);
        assert!(ran.err.contains(expected) && !ran.err.contains("hunter2"), "{command}: {}", ran.err);
    }
    assert_eq!(issuer.count(), 0);
}

#[test]
fn a_typo_names_the_right_key_the_file_and_the_line() {
    let issuer = Fixed::token("unused");
    for (credentials, line, expected) in [
        ("credentials.app_tokn = \"a\"", 7, "unknown key \"app_tokn\"; did you mean `app_token`?"),
        ("credentals.app_token = \"a\"", 7, "did you mean `credentials`?"),
        ("app_token = \"a\"", 7, "unknown key \"app_token\"; did you mean `credentials.app_token`?"),
        ("server = \"europe\"", 7, "write `server` or `url`, not both"),
        ("credentials.app_token = { enw = \"A\" }", 7, "did you mean `env`?"),
        ("credentials.app_token = { file = \"relative\" }", 7, "write an absolute path"),
        ("[serv]", 7, "did you mean `serve`?"),
        ("[accounts.voucherify]\nvendor = \"voucherify\"", 7, "has a vendor's name"),
        ("[accounts.other]\nvendor = \"vouchrify\"", 8, "did you mean `voucherify`?"),
        ("credentials.app_token = \"unclosed", 7, ""),
    ] {
        let user = user(&issuer, credentials);
        let ran = user.run(&["token", "--account", "shop"]);
        assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{}", ran.err);
        let place = format!("{}:{line}: ", user.dir.0.join("config.toml").display());
        assert!(ran.err.contains(&place) && ran.err.contains(expected), "{credentials}: {}", ran.err);
    }
}

#[test]
fn missing_credentials_are_named_as_the_file_has_them() {
    let issuer = Fixed::token("unused");
    let ran = user(&issuer, "").run(&["token", "--account", "shop"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.contains("set credentials.app_id and credentials.app_token"), "{}", ran.err);
    assert!(!ran.err.contains("VOUCHERIFY_"), "{}", ran.err);
}

#[test]
fn a_literal_secret_is_refused_where_others_can_read_it() {
    let issuer = Fixed::token("invented-token");
    let user = user(&issuer, LITERAL);
    let text = std::fs::read_to_string(user.dir.0.join("config.toml")).unwrap();
    user.dir.write("config.toml", 0o644, &text);
    let ran = user.run(&["token", "--account", "shop"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""));
    assert!(ran.err.contains("chmod 600") && !ran.err.contains("invented-app"), "{}", ran.err);
}

#[test]
fn the_current_directory_is_not_searched() {
    let issuer = Fixed::token("unused");
    let mut user = user(&issuer, LITERAL);
    user.variables.clear();
    let mut command = user.command(&["token", "--account", "shop"]);
    let ran = Ran::of(command.current_dir(&user.dir.0).output().unwrap());
    assert_eq!(ran.code, Some(2), "{}", ran.err);
}
