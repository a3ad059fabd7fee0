//! The control endpoint, the address, and the program.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::process::{Command, Stdio};

use freshtoken_sandbox::{Error, Sandbox};
use serde_json::{Value, json};

use crate::support::{Playing, answer, foreign, play, repository, text, vendor, voucherify_login, zenoti_login};

fn control(playing: &Playing, path: &str) -> String {
    format!("{}{path}", playing.sandbox.control_url())
}

#[tokio::test]
async fn what_there_is_can_be_seen() {
    let playing = play(vendor("voucherify")).await;
    answer(voucherify_login(&playing)).await;
    let get = async |path: &str| answer(playing.http.get(control(&playing, path))).await;
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
        (&json!("2026-11-22T00:00:00Z"), &json!({ "kind": "logged-in", "token": 1 }))
    );
    let unknown = json!({ "error": "there is no vendor `zenoti`; there are: voucherify" });
    assert_eq!(get("/zenoti").await, (404, unknown));
    assert_eq!(get("/voucherify/nothing").await.0, 404);
}

#[tokio::test]
async fn faults_clock_and_tokens_can_be_directed() {
    let playing = play(vendor("zenoti")).await;
    let post = async |path: &str, body: Value| answer(playing.http.post(control(&playing, path)).json(&body)).await;
    let fault = json!({ "fault": "html", "status": 503, "on": "login", "times": 2 });
    assert_eq!(post("/zenoti/faults", fault.clone()).await, (200, json!([fault])));
    assert_eq!(zenoti_login(&playing).await.0, 503);
    let (_, none) = answer(playing.http.delete(control(&playing, "/zenoti/faults"))).await;
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
    assert_eq!(answer(put).await.0, 405);
    let page = playing.http.post(control(&playing, "/zenoti/revoke")).header("origin", "https://page.example");
    assert_eq!(answer(page).await.0, 403);
}

#[tokio::test]
async fn it_listens_on_loopback_alone() {
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
    assert!(matches!(twice, Err(Error::Twice(name)) if name == "zenoti"));
}

#[tokio::test]
async fn several_vendors_are_played_side_by_side() {
    let sandbox = Sandbox::start([vendor("zenoti"), foreign("zoomish")]).await.unwrap();
    let names: Vec<&str> = sandbox.issuers().iter().map(|issuer| issuer.name()).collect();
    assert_eq!(names, ["zenoti", "zoomish"]);
    assert!(sandbox.issuer("zoomish").unwrap().url().ends_with("/zoomish"));
    let unknown = sandbox.issuer("zenotti").unwrap_err().to_string();
    assert_eq!(unknown, "there is no vendor `zenotti`; there are: zenoti, zoomish");
}

fn program(arguments: &[&str]) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_freshtoken-sandbox"));
    program.arg("--specs").arg(repository("specs")).args(arguments);
    program.stdout(Stdio::piped()).stderr(Stdio::piped());
    program
}

#[test]
fn the_program_says_what_is_wrong() {
    for (arguments, error) in [
        (vec!["zenotti"], "there is no vendor `zenotti`; there are: "),
        (vec!["zenoti", "--live-tokens", "voucherify=1"], "there is no vendor `voucherify`; there are: zenoti"),
        (vec!["--address", "0.0.0.0"], "isn't loopback"),
        (vec!["--lifetime", "soon"], "`soon` is no duration"),
    ] {
        let output = program(&arguments).output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && text.contains(error), "{arguments:?}: {text}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn the_program_prints_what_to_try_and_sums_up_on_ctrl_c() {
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
    // Where there is no curl, there is nothing to copy the line into.
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
