//! The control endpoint, the address and the program.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::UNIX_EPOCH;

use freshtoken_sandbox::{Clock, Error, Fault, FaultScope, Sandbox};
use serde_json::{Value, json};

use crate::support::{
    Playing, client, foreign, play, repository, s, status_and_body, text, vendor, voucherify_login, zenoti_login,
};

fn control(playing: &Playing, path: &str) -> String {
    format!("{}{path}", playing.sandbox.control_url())
}

#[tokio::test]
async fn vendors_and_counts_can_be_listed() {
    let playing = play(vendor("voucherify")).await;
    status_and_body(voucherify_login(&playing)).await;
    let get = async |path: &str| status_and_body(playing.http.get(control(&playing, path))).await;
    let (status, all) = get("").await;
    assert_eq!((status, &all["voucherify"]["url"]), (200, &json!(playing.issuer.url())));
    let (_, one) = get("/voucherify").await;
    assert_eq!(one, all["voucherify"]);
    assert_eq!(one["credentials"], json!([{ "app_id": "example-app-id", "app_token": "example-app-token" }]));
    assert_eq!((&one["counts"]["logins"], &one["live_tokens"]), (&json!(1), &json!(1)));
    assert_eq!(get("/voucherify/counts").await.1, serde_json::to_value(playing.issuer.counts()).unwrap());
    let (_, events) = get("/voucherify/events").await;
    assert_eq!(
        (&events[0]["at"], &events[0]["outcome"]),
        (
            &json!("2026-11-22T00:00:00Z"),
            &json!({ "kind": "logged-in", "token": 1, "expires_at": "2026-11-22T00:15:00Z" })
        )
    );
    let unknown = json!({ "error": "unknown vendor `zenoti`; the vendors are: voucherify" });
    assert_eq!(get("/zenoti").await, (404, unknown));
    assert_eq!(get("/voucherify/nothing").await.0, 404);
}

#[tokio::test]
async fn faults_clock_and_tokens_can_be_controlled() {
    let playing = play(vendor("zenoti")).await;
    let post =
        async |path: &str, body: Value| status_and_body(playing.http.post(control(&playing, path)).json(&body)).await;
    let fault = json!({ "fault": "html", "status": 503, "on": "login", "times": 2 });
    assert_eq!(post("/zenoti/faults", fault.clone()).await, (200, json!([fault])));
    assert_eq!(zenoti_login(&playing).await.0, 503);
    let (_, none) = status_and_body(playing.http.delete(control(&playing, "/zenoti/faults"))).await;
    assert_eq!(none, json!([]));
    let (status, pair) = zenoti_login(&playing).await;
    assert_eq!(status, 200);
    let bearer = format!("bearer {}", text(&pair, "/credentials/access_token"));
    assert_eq!(playing.call(&bearer).await, 200);
    let moved = post("/zenoti/clock", json!({ "advance": "12h" })).await;
    assert_eq!(moved, (200, json!({ "now": "2026-11-22T12:00:00Z" })));
    assert_eq!(post("/zenoti/revoke", Value::Null).await, (200, json!({ "revoked": 1 })));
    assert_eq!(playing.call(&bearer).await, 401);
    assert_eq!(post("/zenoti/consent", Value::Null).await.0, 200);
    for (path, body) in [
        ("/zenoti/faults", json!({ "fault": "none" })),
        ("/zenoti/faults", json!({ "fault": "delay" })),
        ("/zenoti/faults", json!({ "fault": "server-error", "status": 502 })),
        ("/zenoti/faults", json!({ "fault": "html", "for": "long" })),
        ("/zenoti/clock", json!({ "advance": -1 })),
        ("/zenoti/clock", json!({})),
    ] {
        let (status, error) = post(path, body).await;
        assert!(status == 400 && error["error"].is_string(), "{path} {error}");
    }
    let put = playing.http.put(control(&playing, "/zenoti/faults"));
    assert_eq!(status_and_body(put).await.0, 405);
    let page = playing.http.post(control(&playing, "/zenoti/revoke")).header("origin", "https://page.example");
    assert_eq!(status_and_body(page).await.0, 403);
}

#[tokio::test]
async fn an_invalid_fault_is_rejected() {
    let playing = play(vendor("zenoti")).await;
    let post = async |body: &str| {
        status_and_body(playing.http.post(control(&playing, "/zenoti/faults")).body(body.to_owned())).await
    };
    for (fault, why) in [
        (r#"{"fault":1}"#, "`fault` is not a string"),
        (r#"{"fault":"server-error","on":2}"#, "invalid type"),
        (r#"{"fault":"oversized","bytes":1000000000000000000}"#, "`bytes` is more than 67108864 (64 MiB)"),
        (r#"{"fault":"server-error","probability":1.5}"#, "`probability` is not between 0 and 1"),
        (r#"{"fault":"server-error","probability":-0.1}"#, "`probability` is not between 0 and 1"),
        (r#"{"fault":"server-error","times":0}"#, "`times` is 0; it must be at least 1"),
        (r#"{"fault":"server-error","for":"0s"}"#, "`for` is zero; leave it out or set a longer time"),
        (r#"{"fault":"redirect","to":"/a\r\nb"}"#, "`to` is not a URL"),
        (r#"{"fault":"redirect","to":""}"#, "`to` is not a URL"),
        (r#"{"fault":"html","status":204}"#, "`status` is 204; it must be a status from 200 to 599 that has a body"),
        (r#"{"fault":"html","status":101}"#, "`status` is 101"),
        (r#"{"fault":"html","status":304}"#, "`status` is 304"),
        (r#"{"fault":"html","status":600}"#, "`status` is 600"),
        (r#"{"fault":"too-many-requests","wait":"3000000d"}"#, "`wait` leads outside the years 1970 to 9999"),
        (r#"{"fault":"clock-off","seconds":300000000000}"#, "`seconds` leads outside the years 1970 to 9999"),
        (r#"{"fault":"clock-off","seconds":-1800000000}"#, "`seconds` leads outside the years 1970 to 9999"),
        (r#"{"fault":"clock-off","seconds":9223372036854775807}"#, "`seconds` leads outside the years 1970 to 9999"),
    ] {
        let (status, error) = post(fault).await;
        assert!(status == 400 && text(&error, "/error").starts_with(why), "{fault}: {error}");
    }
    assert_eq!(playing.issuer.faults(), []);
}

#[tokio::test]
async fn json_faults_have_the_defaults_of_their_constructors() {
    let playing = play(vendor("zenoti")).await;
    for (given, wanted) in [
        (json!({ "fault": "expired-token" }), Fault::expired_token()),
        (json!({ "fault": "same-token", "on": null }), Fault::same_token()),
        (json!({ "fault": "same-token", "on": "issuer" }), Fault::same_token().on(FaultScope::Issuer)),
        (json!({ "fault": "server-error", "times": null, "probability": null, "for": null }), Fault::server_error()),
        (json!({ "fault": "html", "status": null }), Fault::html(200)),
    ] {
        let (status, said) = status_and_body(playing.http.post(control(&playing, "/zenoti/faults")).json(&given)).await;
        assert_eq!((status, playing.issuer.faults()), (200, vec![wanted]), "{given} {said}");
        playing.issuer.clear_faults();
    }
}

#[tokio::test]
async fn a_clock_does_not_advance_past_the_last_date() {
    let playing = play(vendor("zenoti")).await;
    let advance = async |by: &str| {
        status_and_body(playing.http.post(control(&playing, "/zenoti/clock")).json(&json!({ "advance": by }))).await
    };
    let refused = json!({ "error": "`advance` leads past the year 9999" });
    assert_eq!(advance("3000000d").await, (400, refused));
    playing.issuer.advance_clock(s(300_000_000_000));
    assert_eq!(zenoti_login(&playing).await.0, 200);
    assert_eq!(advance("1s").await, (200, json!({ "now": "2026-11-22T00:00:01Z" })));
}

#[tokio::test]
async fn the_first_and_last_dates_are_served() {
    let ends = [UNIX_EPOCH - s(86_400), UNIX_EPOCH, UNIX_EPOCH + s(253_402_207_200), UNIX_EPOCH + s(300_000_000_000)];
    for end in ends {
        let zenoti = play(vendor("zenoti").clock(Clock::stopped(end))).await;
        assert_eq!(zenoti_login(&zenoti).await.0, 200);
        let voucherify = play(vendor("voucherify").clock(Clock::stopped(end))).await;
        assert_eq!(status_and_body(voucherify_login(&voucherify)).await.0, 200);
    }
}

#[tokio::test]
async fn it_only_listens_on_loopback() {
    for address in ["0.0.0.0:0", "192.0.2.1:0", "[::]:0"] {
        let address: SocketAddr = address.parse().unwrap();
        let refused = Sandbox::builder([vendor("zenoti")]).address(address).start().await;
        assert!(matches!(refused, Err(Error::NotLoopback(refused)) if refused == address));
    }
    let sandbox = Sandbox::start([vendor("zenoti")]).await.unwrap();
    assert!(sandbox.address().ip().is_loopback());
    let taken = Sandbox::builder([vendor("zenoti")]).port(sandbox.address().port()).start().await;
    assert!(matches!(taken, Err(Error::Address(..))));
    let twice = Sandbox::start([vendor("zenoti"), vendor("zenoti")]).await;
    assert!(matches!(twice, Err(Error::DuplicateVendor(name)) if name == "zenoti"));
}

#[tokio::test]
async fn several_vendors_run_side_by_side() {
    let sandbox = Sandbox::start([vendor("zenoti"), foreign("zoomish")]).await.unwrap();
    let names: Vec<&str> = sandbox.issuers().iter().map(|issuer| issuer.name()).collect();
    assert_eq!(names, ["zenoti", "zoomish"]);
    assert!(sandbox.issuer("zoomish").unwrap().url().ends_with("/zoomish"));
    let unknown = sandbox.issuer("zenotti").unwrap_err().to_string();
    assert_eq!(unknown, "unknown vendor `zenotti`; the vendors are: zenoti, zoomish");
}

fn program(arguments: &[&str]) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_freshtoken-sandbox"));
    program.arg("--specs").arg(repository("specs")).args(arguments);
    program.stdout(Stdio::piped()).stderr(Stdio::piped());
    program
}

#[test]
fn the_program_reports_invalid_options() {
    for (arguments, error) in [
        (vec!["zenotti"], "unknown vendor `zenotti`; the vendors are: "),
        (vec!["zenoti", "--live-tokens", "voucherify=1"], "unknown vendor `voucherify`; the vendors are: zenoti"),
        (vec!["--address", "0.0.0.0"], "is not loopback"),
        (vec!["--lifetime", "soon"], "`soon` is not a duration"),
        (vec!["zenoti", "--lifetime", "3000000d"], "a lifetime of 3000000d is too long for zenoti: "),
        (vec!["zenoti", "--refresh-lifetime", "3000000d"], "a lifetime of 3000000d is too long for zenoti: "),
        (
            vec!["zenoti", "--any", "zenoti=devise_id"],
            "`devise_id` is not a credential of zenoti; the credentials are: account_name, ",
        ),
        (
            vec!["zenoti", "voucherify", "--any", "devise_id"],
            "`devise_id` is not a credential of zenoti, voucherify; the credentials are: account_name, app_id, ",
        ),
    ] {
        // If no option is invalid, the program exits with this command.
        let output = program(&arguments).args(["--", "cargo", "--version"]).output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && text.contains(error), "{arguments:?}: {text}");
    }
}

#[test]
fn a_folder_without_specs_is_an_error() {
    let folder = repository("crates/sandbox/src");
    let mut program = Command::new(env!("CARGO_BIN_EXE_freshtoken-sandbox"));
    let output = program.arg("--specs").arg(&folder).args(["--", "cargo", "--version"]).output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(text, format!("error: {} has no spec: it contains no .yaml or .yml file\n", folder.display()));
    assert!(!output.status.success());
}

#[tokio::test]
async fn a_credential_for_any_value_must_exist() {
    let unknown = Sandbox::start([vendor("zenoti").any("devise_id")]).await.unwrap_err().to_string();
    assert!(
        unknown.starts_with("`devise_id` is not a credential of zenoti; the credentials are: account_name, "),
        "{unknown}"
    );
    assert!(Sandbox::start([vendor("zenoti").any("device_id")]).await.is_ok());
    // Without a vendor, the option applies to those that have the credential.
    let output = program(&["--any", "device_id", "--", "cargo", "--version"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Starts the program. Returns it, its stdout after the introduction, and its URL.
#[cfg(unix)]
fn introduced(arguments: &[&str]) -> (std::process::Child, BufReader<std::process::ChildStdout>, String) {
    let mut running = program(arguments).spawn().unwrap();
    let mut out = BufReader::new(running.stdout.take().unwrap());
    let (mut first, mut line) = (String::new(), String::new());
    out.read_line(&mut first).unwrap();
    while !line.contains("Ctrl-C") {
        line.clear();
        assert_ne!(out.read_line(&mut line).unwrap(), 0);
    }
    (running, out, first.split_whitespace().last().unwrap().to_owned())
}

#[cfg(unix)]
fn kill(name: &str, running: &std::process::Child) {
    assert!(Command::new("kill").args(["-s", name, &running.id().to_string()]).status().unwrap().success());
}

#[cfg(unix)]
#[tokio::test]
async fn a_blocked_stdout_delays_neither_requests_nor_ctrl_c() {
    let (mut running, out, url) = introduced(&["zenoti", "--port", "0"]);
    let http = client();
    // More than a pipe can buffer.
    for _ in 0..600 {
        let call = http.get(format!("{url}{}", "/sessions".repeat(22)));
        assert_eq!(call.send().await.unwrap().status(), 401);
    }
    kill("INT", &running);
    assert!(running.wait().unwrap().success());
    drop(out);
}

#[cfg(unix)]
#[test]
fn a_closed_stdout_is_not_an_error() {
    let (mut running, out, _) = introduced(&["zenoti", "--port", "0"]);
    drop(out);
    kill("INT", &running);
    assert!(running.wait().unwrap().success());
}

#[cfg(unix)]
#[test]
fn sigterm_is_like_ctrl_c() {
    let (mut running, mut out, _) = introduced(&["zenoti", "--port", "0"]);
    kill("TERM", &running);
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    assert!(rest.contains("zenoti: 0 requests"), "{rest}");
    assert!(running.wait().unwrap().success());
}

#[cfg(unix)]
#[tokio::test]
async fn the_program_prints_commands_and_a_summary() {
    let mut running = program(&["zenoti", "voucherify", "--port", "0", "--lifetime", "zenoti=30s"]).spawn().unwrap();
    let mut lines = BufReader::new(running.stdout.take().unwrap()).lines().map(|line| line.unwrap());
    let mut read = |last: &str| {
        let mut text = String::new();
        for line in lines.by_ref() {
            text += &format!("{line}\n");
            if line.contains(last) {
                break;
            }
        }
        text
    };
    let introduction = read("Ctrl-C");
    assert!(introduction.contains("password         example-password"), "{introduction}");
    let curl = introduction.lines().find(|line| line.contains("/voucherify/v1/oauth/token")).unwrap().trim();
    let answered = Command::new("sh").arg("-c").arg(curl).output();
    // Without curl, only the printed line is checked.
    let had_curl = answered.is_ok_and(|output| output.status.success());
    if had_curl {
        assert!(read("voucherify POST").contains("logged in, token 1"));
    }
    let status = Command::new("kill").args(["-s", "INT", &running.id().to_string()]).status().unwrap();
    assert!(status.success());
    let summary = read("voucherify: ");
    assert!(summary.contains("zenoti: 0 requests"), "{summary}");
    assert!(summary.contains(if had_curl { "1 grants" } else { "0 grants" }), "{summary}");
    assert!(running.wait().unwrap().success());
    let mut errors = String::new();
    running.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
    assert_eq!(errors, "");
}
