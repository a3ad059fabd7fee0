//! The facade's examples, run against the sandbox with the commands in their headers.
#![allow(clippy::unwrap_used, missing_docs)]

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::OnceLock;
use std::time::Duration;

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use freshtoken::env::FromEnv as _;
use freshtoken_sandbox::{Fault, Issuer, PlayedVendor, Sandbox};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;
use tokio::task::JoinSet;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// Returns the binary of an example, freshly built.
fn example(name: &str) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        // Builds with the flags of the workspace's tests, so that nothing is compiled twice.
        let mut build = std::process::Command::new(env!("CARGO"));
        build.current_dir(repository("")).args(["build", "--quiet", "--workspace", "--examples"]);
        let profile = std::env::current_exe().unwrap().ancestors().nth(2).unwrap().to_owned();
        if profile.ends_with("release") {
            build.arg("--release");
        }
        let output = build.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        profile.join("examples")
    });
    folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
}

/// Returns what the variables of the vendors begin with.
fn prefixes() -> Vec<String> {
    macro_rules! list {
        ($($vendor:ident)*) => { vec![$(format!("{}_", freshtoken::$vendor::Endpoint::PREFIX)),*] };
    }
    freshtoken::for_vendors!(list)
}

/// Returns a command whose environment has no variables of vendors or proxies.
fn program(program: impl AsRef<OsStr>) -> Command {
    let mut program = Command::new(program);
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().to_uppercase();
        if prefixes().iter().any(|prefix| name.starts_with(prefix)) {
            program.env_remove(name);
        }
    }
    program.env("NO_PROXY", "127.0.0.1").env("no_proxy", "127.0.0.1");
    program.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    program
}

struct Ran {
    succeeded: bool,
    stdout: String,
    stderr: String,
}

async fn run(program: &mut Command) -> Ran {
    let output = program.output().await.unwrap();
    let [stdout, stderr] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    for text in [&stdout, &stderr] {
        assert!(!text.contains("example-"), "it shows a credential or a token: {text}");
    }
    Ran { succeeded: output.status.success(), stdout, stderr }
}

/// Reads the sandbox command from an example's header: the arguments of the sandbox, and those of the example.
fn documented(name: &str) -> (Vec<String>, Vec<String>) {
    let read = |path: &str| fs::read_to_string(repository(&format!("crates/freshtoken/examples/{path}")));
    let source = read(&format!("{name}.rs")).or_else(|_| read(&format!("{name}/main.rs"))).unwrap();
    let command = source.lines().find_map(|line| line.strip_prefix("//! cargo run -p freshtoken-sandbox -- "));
    let own = format!(" -- cargo run -p freshtoken --example {name}");
    let (sandbox, example) = command.and_then(|command| command.split_once(&own)).unwrap();
    let words = |text: &str| text.split_whitespace().map(ToOwned::to_owned).collect();
    (words(sandbox), words(example))
}

/// Runs an example as documented. It is named after its vendor.
async fn in_sandbox(name: &str) -> Ran {
    in_sandbox_of(name, name).await
}

/// Runs an example as documented, and checks that it calls this vendor's API.
async fn in_sandbox_of(vendor: &str, name: &str) -> Ran {
    let ran = documented_run(name).await;
    assert!(ran.stdout.contains(&format!("200 OK\n{{\"vendor\":\"{vendor}\"")), "{}", ran.stdout);
    assert!(ran.stderr.contains("200  accepted, token 1\n"), "{}", ran.stderr);
    assert!(ran.stderr.contains(" 1 requests (0 refused)") || vendor == "voucherify", "{}", ran.stderr);
    ran
}

/// Runs an example as documented, and checks that it logs in.
async fn documented_run(name: &str) -> Ran {
    let (of_sandbox, of_example) = documented(name);
    let mut sandbox = program(env!("CARGO_BIN_EXE_freshtoken-sandbox"));
    sandbox
        .current_dir(repository(""))
        .args(of_sandbox)
        .args(["--port", "0", "--"])
        .arg(example(name))
        .args(of_example);
    let ran = run(&mut sandbox).await;
    assert!(ran.succeeded, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stderr.contains("200  logged in, token 1\n"), "{}", ran.stderr);
    ran
}

#[tokio::test]
#[ignore = "it builds every example with cargo: see .ci/run"]
async fn voucherify_logs_in_calls_and_revokes() {
    let ran = in_sandbox("voucherify").await;
    assert!(ran.stderr.contains("204  access tokens revoked: 1\n"), "{}", ran.stderr);
}

#[tokio::test]
#[ignore = "it builds every example with cargo: see .ci/run"]
async fn wellnessliving_logs_in_and_calls() {
    in_sandbox("wellnessliving").await;
}

#[tokio::test]
#[ignore = "it builds every example with cargo: see .ci/run"]
async fn zenoti_logs_in_and_calls() {
    in_sandbox("zenoti").await;
}

#[tokio::test]
#[ignore = "it builds every example with cargo: see .ci/run"]
async fn a_blocking_program_logs_in_and_calls() {
    in_sandbox_of("wellnessliving", "blocking").await;
}

#[tokio::test]
#[ignore = "it builds every example with cargo: see .ci/run"]
async fn clients_of_others_carry_the_token() {
    in_sandbox_of("voucherify", "hyper_call").await;
    in_sandbox_of("zenoti", "reqwest_call").await;
    let ran = documented_run("progenitor_call").await;
    assert!(ran.stdout.starts_with("200 OK\n{") && ran.stdout.contains(r#""vendor":"zenoti""#), "{}", ran.stdout);
    assert_eq!(documented_run("tonic_call").await.stdout, "Serving\n");
}

#[tokio::test]
#[ignore = "it builds every example with cargo: see .ci/run"]
async fn a_service_is_ready_with_a_token_and_exports_metrics() {
    let (_sandbox, issuer) = play("wellnessliving", 1).await;
    let mut service = program(example("observability"));
    let mut running = service.envs(issuer.environment()).env("PORT", "0").spawn().unwrap();
    let mut stdout = BufReader::new(running.stdout.take().unwrap()).lines();
    let line = stdout.next_line().await.unwrap().unwrap();
    let url = line.strip_prefix("listening on ").unwrap().to_owned();
    issuer.inject(Fault::server_error());
    assert_eq!(get(format!("{url}/healthz")).await.0, 200);
    let (status, wait, _) = get(format!("{url}/readyz")).await;
    assert!(status == 503 && wait.unwrap().parse::<u64>().unwrap() >= 1);
    // Until the backoff of about a second has elapsed, no probe causes a request.
    let limit = Duration::from_secs(20);
    tokio::time::timeout(limit, async { while get(format!("{url}/readyz")).await.0 != 200 {} }).await.unwrap();
    assert_eq!(issuer.counts().requests, 2);
    let metrics = get(format!("{url}/metrics")).await.2;
    let ok = r#"freshtoken_grants_total{vendor="wellnessliving",grant="login",outcome="ok"} 1"#;
    assert!(metrics.contains(ok), "{metrics}");
    let (_, _, state) = get(format!("{url}/status")).await;
    assert!(state.starts_with(r#"{"state":"fresh","is_serving":true"#), "{state}");
    assert!(!(metrics + &state).contains("example-"));
    running.kill().await.unwrap();
}

#[tokio::test]
#[ignore = "it builds every example with cargo: see .ci/run"]
async fn a_quiet_sandbox_logs_nothing() {
    let mut sandbox = program(env!("CARGO_BIN_EXE_freshtoken-sandbox"));
    sandbox.current_dir(repository("")).args(["wellnessliving", "--quiet", "--"]).arg(example("wellnessliving"));
    let ran = run(&mut sandbox).await;
    assert!(ran.succeeded && ran.stdout.contains("200 OK"), "{}{}", ran.stdout, ran.stderr);
    assert_eq!(ran.stderr, "");
}

#[tokio::test]
#[ignore = "it builds every example with cargo: see .ci/run"]
async fn all_missing_variables_are_named_at_once() {
    let zenoti = run(&mut program(example("zenoti"))).await;
    assert!(!zenoti.succeeded);
    for name in ["ACCOUNT_NAME", "USER_NAME", "PASSWORD", "APP_ID", "APP_SECRET", "DEVICE_ID"] {
        assert!(zenoti.stderr.contains(&format!("ZENOTI_{name}")), "{}", zenoti.stderr);
    }
}

async fn play(vendor: &str, accounts: usize) -> (Sandbox, Issuer) {
    let vendor = PlayedVendor::read(repository(&format!("specs/{vendor}.yaml"))).unwrap().accounts(accounts);
    let sandbox = Sandbox::start([vendor]).await.unwrap();
    let issuer = sandbox.issuers()[0].clone();
    (sandbox, issuer)
}

/// Returns status, `Retry-After` and body.
async fn get(url: String) -> (u16, Option<String>, String) {
    let response = reqwest::Client::builder().no_proxy().build().unwrap().get(url).send().await.unwrap();
    let wait = response.headers().get("retry-after").map(|value| value.to_str().unwrap().to_owned());
    (response.status().as_u16(), wait, response.text().await.unwrap())
}

#[tokio::test]
#[ignore = "it builds every example with cargo: see .ci/run"]
async fn the_service_has_a_token_for_each_account() {
    let (_sandbox, issuer) = play("voucherify", 4).await;
    let mut service = program(example("service"));
    // A fifth account with unknown credentials.
    for (name, value) in issuer.environment() {
        if let Some(name) = name.strip_suffix("_4") {
            service.env(format!("{name}_5"), if name.ends_with("TOKEN") { "wrong-token" } else { &value });
        }
        service.env(name, value);
    }
    let mut running = service.env("PORT", "0").spawn().unwrap();
    let mut stdout = BufReader::new(running.stdout.take().unwrap()).lines();
    let line = stdout.next_line().await.unwrap().unwrap();
    let url = line.strip_prefix("listening on ").unwrap().to_owned();
    let vouchers = |account: &str| get(format!("{url}/accounts/{account}/vouchers"));

    // Many requests at once, then one after another.
    let mut calls = JoinSet::new();
    for account in ["1", "2", "3", "1", "2", "3", "1", "2", "3"] {
        calls.spawn(vouchers(account));
    }
    while let Some(call) = calls.join_next().await {
        assert_eq!(call.unwrap().0, 200);
    }
    let mut tokens = Vec::new();
    for account in ["1", "2", "3"] {
        let (status, _, body) = vouchers(account).await;
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!((status, body["vendor"].as_str()), (200, Some("voucherify")));
        tokens.push(body["token"].as_u64().unwrap());
    }
    tokens.sort_unstable();
    assert_eq!(tokens, [1, 2, 3], "each account has its own");
    assert_eq!((issuer.counts().logins, issuer.counts().requests), (3, 3));

    for unknown in ["6", "01", "nobody"] {
        assert_eq!(vouchers(unknown).await.0, 404);
    }
    assert_eq!(issuer.counts().requests, 3);

    let (status, wait, _) = vouchers("5").await;
    assert_eq!((status, wait), (502, None));
    assert_eq!(issuer.counts().refused, 1);

    issuer.inject(Fault::server_error());
    let (status, wait, _) = vouchers("4").await;
    assert_eq!(status, 503);
    assert!(wait.unwrap().parse::<u64>().unwrap() >= 1);

    let (status, _, health) = get(format!("{url}/health")).await;
    let states: Value = serde_json::from_str(&health).unwrap();
    let serving = ["1", "2", "3", "4", "5"].map(|account| states[account]["serving"].as_bool().unwrap());
    assert_eq!((status, serving), (200, [true, true, true, false, false]), "{health}");
    assert_eq!((&states["1"]["state"], states["5"]["error"].is_string()), (&"Fresh".into(), true), "{health}");
    let counts = issuer.counts();
    assert_eq!((counts.logins, counts.calls_accepted, counts.calls_refused), (3, 12, 0));

    if cfg!(unix) {
        let id = running.id().unwrap().to_string();
        assert!(Command::new("kill").args(["-s", "INT", &id]).status().await.unwrap().success());
        let output = running.wait_with_output().await.unwrap();
        let log = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "Ctrl-C ends it cleanly: {log}");
        assert!(log.contains("account 5: ") && log.contains("account 4: "), "{log}");
        for secret in ["wrong-token", "example-app", "example-access"] {
            assert!(!log.contains(secret) && !health.contains(secret), "{log}{health}");
        }
    }
}

/// A folder that is removed after the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        drop(fs::remove_dir_all(&folder));
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

/// Moves all times of a record back. They are in nanoseconds.
fn age(record: &mut Value, by: Duration) {
    let by = u64::try_from(by.as_nanos()).unwrap();
    for pointer in ["/token/issued_at", "/token/expires_at", "/refresh/expires_at"] {
        let time = record.pointer_mut(pointer).unwrap();
        *time = (time.as_u64().unwrap() - by).into();
    }
}

#[tokio::test]
#[ignore = "it builds every example with cargo: see .ci/run"]
async fn a_restart_continues_with_the_last_tokens() {
    let (_sandbox, issuer) = play("zenoti", 1).await;
    let folder = Folder::new("restart");
    let file = folder.0.join("zenoti.json");
    let start = async |first_line: &str| {
        let ran = run(program(example("restart")).arg(&file).envs(issuer.environment())).await;
        assert!(ran.succeeded, "{}{}", ran.stdout, ran.stderr);
        let mut lines = ran.stdout.lines();
        assert!(lines.next().unwrap().starts_with(first_line), "{}", ran.stdout);
        assert_eq!(lines.next(), Some("200 OK"));
        assert_eq!(ran.stderr, "");
        let counts = issuer.counts();
        (counts.logins, counts.refreshes, counts.calls_accepted)
    };
    let record = || serde_json::from_slice::<Value>(&fs::read(&file).unwrap()).unwrap();

    assert_eq!(start("starting with a login").await, (1, 0, 1));
    assert_eq!(start("starting from ").await, (1, 0, 2));

    let mut aged = record();
    age(&mut aged, DAY + DAY / 24);
    fs::write(&file, aged.to_string()).unwrap();
    // A file that a crash left behind, readable by everyone.
    fs::write(file.with_extension("new"), "").unwrap();
    issuer.advance_clock(DAY + DAY / 24);
    assert_eq!(start("starting from ").await, (1, 1, 3));
    assert_ne!(record()["refresh"]["secret"], aged["refresh"]["secret"], "the new one is stored");
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&file).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);
    }
    assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 1, "no temporary file is left");

    assert_eq!(start("starting from ").await, (1, 1, 4));
    let counts = issuer.counts();
    assert_eq!((counts.requests, counts.refresh_tokens_spent), (2, 1));
    assert_eq!((counts.double_spends, counts.early_refreshes, counts.calls_refused), (0, 0, 0));
}

#[tokio::test]
#[ignore = "it builds every example with cargo: see .ci/run"]
async fn two_processes_share_a_token_and_its_refresh() {
    let vendor = PlayedVendor::read(repository("specs/zenoti.yaml")).unwrap().lifetime(Duration::from_secs(4));
    let sandbox = Sandbox::start([vendor]).await.unwrap();
    let issuer = sandbox.issuers()[0].clone();
    let folder = Folder::new("two-processes");
    let start =
        async || run(program(example("two_processes")).arg(folder.0.join("tokens")).envs(issuer.environment())).await;
    let (one, other) = tokio::join!(start(), start());
    assert!(one.succeeded && other.succeeded, "{}{}", one.stderr, other.stderr);
    let printed = format!("{}{}", one.stdout, other.stdout);
    for (line, times) in [(": logged in\n", 1), (": refreshed\n", 1), (": adopted ", 2)] {
        assert_eq!(printed.matches(line).count(), times, "{line}{printed}");
    }
    let counts = issuer.counts();
    assert_eq!((counts.requests, counts.logins, counts.refreshes), (2, 1, 1));
}

#[tokio::test]
#[ignore = "it builds every example with cargo: see .ci/run"]
async fn a_consent_lasts_until_the_vendor_ends_it() {
    let (_sandbox, issuer) = play("quickbooks", 1).await;
    let folder = Folder::new("consent");
    let environment = issuer.environment();
    let start = async |store: &str| {
        let mut consent = program(example("consent"));
        consent.arg(folder.0.join(store)).envs(environment.iter().map(|(name, value)| (name, value)));
        run(if store == "lost" { consent.env("QUICKBOOKS_REFRESH_TOKEN", "an-unknown-token") } else { &mut consent })
            .await
    };
    for _ in 0..2 {
        let ran = start("kept").await;
        assert!(ran.succeeded && ran.stdout.starts_with("200 OK\n"), "{}{}", ran.stdout, ran.stderr);
    }
    assert_eq!(issuer.counts().refreshes, 1, "the second process takes the token from the store");
    let ran = start("lost").await;
    assert!(ran.succeeded && ran.stdout.starts_with("the user must consent again: "), "{}{}", ran.stdout, ran.stderr);
}

#[tokio::test]
#[ignore = "it builds every example with cargo: see .ci/run"]
async fn a_custom_vendor_logs_in() {
    let login = async |headers: HeaderMap| match headers["authorization"].to_str() {
        // `an-id:a-secret`
        Ok("Basic YW4taWQ6YS1zZWNyZXQ=") => (StatusCode::OK, "example-token"),
        _ => (StatusCode::UNAUTHORIZED, ""),
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/token", listener.local_addr().unwrap());
    let serving = tokio::spawn(async move { axum::serve(listener, Router::new().route("/token", post(login))).await });
    let with = async |secret: &str| {
        let variables = [("ACME_URL", url.as_str()), ("ACME_ID", "an-id"), ("ACME_SECRET", secret)];
        run(program(example("own_vendor")).envs(variables)).await
    };
    let ran = with("a-secret").await;
    assert!(ran.succeeded && ran.stdout.starts_with("Token {"), "{}{}", ran.stdout, ran.stderr);
    let refused = with("another").await;
    assert!(!refused.succeeded && refused.stderr.contains("acme refused"), "{}", refused.stderr);
    assert!(!refused.stderr.contains("another"), "{}", refused.stderr);
    serving.abort();
}

#[tokio::test]
#[ignore = "it builds every example with cargo: see .ci/run"]
async fn a_custom_clock_skips_an_hour() {
    let ran = run(&mut program(example("own_clock"))).await;
    assert!(ran.succeeded && ran.stdout.contains("logins: 2"), "{}{}", ran.stdout, ran.stderr);
}

#[test]
fn every_example_is_tested_here() {
    let examples = fs::read_dir(repository("crates/freshtoken/examples")).unwrap();
    let names: Vec<String> =
        examples.map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned()).collect();
    assert!(names.len() >= 7, "{names:?}");
    for name in names {
        let is_run = include_str!("examples.rs").contains(&format!("\"{name}\")"));
        assert!(is_run, "there is no test of the example `{name}`");
    }
}
