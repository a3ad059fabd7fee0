//! The demo as a person starts it. The whole show takes seconds of real time, so `.ci/run` has it, not this.
#![allow(clippy::unwrap_used, reason = "a helper of a test may fail as the test may")]

use std::process::{Command, Output};
use std::sync::{Arc, Mutex};

use freshtoken_sandbox::{Event, Issuer, PlayedVendor, Sandbox};

fn demo(arguments: &[&str], variables: &[(String, String)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_freshtoken-demo"));
    // Nothing of the environment that the tests happen to run in.
    for (name, _) in std::env::vars_os() {
        let is_vendors = ["ZENOTI_", "VOUCHERIFY_", "WELLNESSLIVING_"];
        if is_vendors.iter().any(|prefix| name.to_string_lossy().starts_with(prefix)) {
            command.env_remove(name);
        }
    }
    command.args(arguments).envs(variables.iter().cloned()).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A sandbox that plays Zenoti, and what it saw.
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
async fn a_live_round_is_one_login_a_call_and_a_revocation_and_shows_no_secret() {
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
async fn without_a_yes_and_a_person_no_real_request_is_made() {
    let (_sandbox, issuer, seen) = zenoti().await;
    let output = demo(&["--vendor", "zenoti", "--live"], &issuer.environment());
    assert!(!output.status.success());
    assert!(text(&output.stderr).contains("--yes"), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("one request"), "it says what it would do");
    assert!(seen.lock().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_login_is_a_clear_error_without_the_password() {
    let (_sandbox, issuer, _) = zenoti().await;
    let mut variables = issuer.environment();
    let password = variables.iter_mut().find(|(name, _)| name == "ZENOTI_PASSWORD").unwrap();
    password.1 = "hunter2".to_owned();
    let output = demo(&["--vendor", "zenoti", "--live", "--yes"], &variables);
    let error = text(&output.stderr);
    assert!(!output.status.success());
    assert!(error.contains("zenoti: can't log in, change the credentials"), "{error}");
    assert!(!error.contains("hunter2"), "{error}");
}

#[test]
fn missing_credentials_and_unknown_vendors_are_named() {
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
