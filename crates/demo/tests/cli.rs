//! The demo's command line. The whole demo and the soak take seconds of real time, so they run in `.ci/run` and not here.
#![allow(clippy::unwrap_used, reason = "a helper of a test may fail as the test may")]

use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};

use freshtoken::env::FromEnv as _;
use freshtoken_sandbox::{Event, Issuer, PlayedVendor, Sandbox};

/// Returns what the variables of the vendors begin with.
fn prefixes() -> Vec<String> {
    macro_rules! list {
        ($($vendor:ident)*) => { vec![$(format!("{}_", freshtoken::$vendor::Endpoint::PREFIX)),*] };
    }
    freshtoken::for_vendors!(list)
}

fn demo(arguments: &[&str], variables: &[(String, String)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_freshtoken-demo"));
    // Removes the vendors' variables of the environment that the tests run in.
    for (name, _) in std::env::vars_os() {
        if prefixes().iter().any(|prefix| name.to_string_lossy().starts_with(prefix)) {
            command.env_remove(name);
        }
    }
    command.args(arguments).envs(variables.iter().cloned()).stdin(Stdio::null()).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Starts a sandbox with Zenoti, and records its events.
async fn zenoti() -> (Sandbox, Issuer, Arc<Mutex<Vec<String>>>) {
    let vendor = PlayedVendor::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../../specs/zenoti.yaml")).unwrap();
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let log = seen.clone();
    let on_event = move |event: &Event| log.lock().unwrap().push(format!("{} {}", event.method, event.outcome));
    let sandbox = Sandbox::builder([vendor]).on_event(on_event).start().await.unwrap();
    let issuer = sandbox.issuer("zenoti").unwrap().clone();
    (sandbox, issuer, seen)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_live_run_logs_in_calls_and_revokes() {
    let (_sandbox, issuer, seen) = zenoti().await;
    let url = format!("{}/v1/centers?key=hidden", issuer.url());
    let output = demo(&["--vendor", "zenoti", "--live", "--yes", "--call", &url], &issuer.environment());
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{out}{err}");
    assert_eq!(
        *seen.lock().unwrap(),
        ["POST logged in, token 1", "GET accepted, token 1", "DELETE access tokens revoked: 1"]
    );
    assert!(out.contains("20 callers have a token") && out.contains("the call: 200 OK"), "{out}");
    let password = &issuer.credentials()["password"];
    for secret in [password.as_str(), "example-access-token", "hidden"] {
        assert!(!out.contains(secret) && !err.contains(secret), "{secret} in {out}{err}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_real_request_is_made_without_confirmation() {
    let (_sandbox, issuer, seen) = zenoti().await;
    let output = demo(&["--vendor", "zenoti", "--live"], &issuer.environment());
    assert!(!output.status.success());
    assert!(text(&output.stderr).contains("--yes"), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("one login request"), "it lists the requests");
    assert!(seen.lock().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_login_is_reported_without_the_password() {
    let (_sandbox, issuer, _) = zenoti().await;
    let mut variables = issuer.environment();
    let password = variables.iter_mut().find(|(name, _)| name == "ZENOTI_PASSWORD").unwrap();
    password.1 = "hunter2".to_owned();
    let output = demo(&["--vendor", "zenoti", "--live", "--yes"], &variables);
    let error = text(&output.stderr);
    assert!(!output.status.success());
    assert!(error.contains("zenoti: cannot log in: refused; change the credentials"), "{error}");
    assert!(!error.contains("hunter2"), "{error}");
}

#[test]
fn missing_variables_and_unknown_vendors_are_named() {
    let output = demo(&["--vendor", "voucherify", "--live", "--yes"], &[]);
    let expected = "error: set VOUCHERIFY_APP_ID, VOUCHERIFY_APP_TOKEN and VOUCHERIFY_SCOPE in the environment\n";
    assert_eq!(text(&output.stderr), expected);
    let output = demo(&["--vendor", "acme"], &[]);
    assert!(text(&output.stderr).starts_with("error: unknown vendor `acme`; the vendors are: "));
    assert!(!output.status.success());
}

#[test]
fn the_help_names_every_variable() {
    let help = text(&demo(&["--help"], &[]).stdout);
    for variable in ["ZENOTI_PASSWORD: ", "VOUCHERIFY_SCOPE: ", "WELLNESSLIVING_SERVER: (optional) "] {
        assert!(help.contains(variable), "{help}");
    }
}

#[test]
#[ignore = "it takes 9 seconds of real time: see .ci/run"]
fn two_replicas_share_a_token_and_one_is_killed() {
    let output = demo(&["--replicas", "2", "--store", "file", "--length", "9", "--seed", "3"], &[]);
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{out}{err}");
    assert_eq!(err, "");
    for event in
        ["logged in: token 1\n", " adopted token 1 from the store", "  killed", " started again", "all of it held"]
    {
        assert!(out.contains(event), "{event} in {out}");
    }
    for line in out.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    for secret in ["example-password", "example-access-token", "example-refresh-token"] {
        assert!(!out.contains(secret), "{secret} in {out}");
    }
}

#[test]
fn a_missing_redis_server_says_how_to_install_it() {
    for arguments in [["--replicas", "2", "--store", "redis"].as_slice(), &["soak", "--short", "--store", "redis"]] {
        let output = demo(arguments, &[("PATH".to_owned(), String::new())]);
        assert_eq!(output.status.code(), Some(2));
        let error = text(&output.stderr);
        assert!(error.contains("apt-get install redis-server") && error.contains("brew install redis"), "{error}");
    }
}

#[test]
fn a_replica_without_a_setup_ends_with_an_error() {
    let output = demo(&["replica"], &[]);
    assert!(!output.status.success());
    assert!(text(&output.stderr).starts_with("error: "), "{}", text(&output.stderr));
}

#[test]
fn options_of_the_replicas_need_replicas() {
    for arguments in [["--store", "redis"], ["--seed", "3"], ["--replicas", "1"]] {
        assert_eq!(demo(&arguments, &[]).status.code(), Some(2), "{arguments:?}");
    }
}
