//! Exit statuses: each by what an issuer or the configuration does wrong.

use std::time::Duration;

use freshtoken_sandbox::{Fault, RetryAfter};

use crate::support::{Fixed, Ran, User, sandbox};

/// The last line of stderr, for status 4 and nothing else.
fn retry_after(ran: &Ran) -> Option<u64> {
    let has_line = ran.err.lines().any(|line| line.starts_with("retry-after"));
    assert_eq!(has_line, ran.code == Some(4), "{}", ran.err);
    let last = ran.err.lines().last()?.strip_prefix("retry-after: ")?;
    Some(last.parse().unwrap())
}

fn fails(user: &User, code: i32) -> Ran {
    let ran = user.run(&["token", "voucherify"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(code), ""), "{}", ran.err);
    assert_eq!(ran.err.lines().count(), if code == 4 { 2 } else { 1 }, "{}", ran.err);
    assert!(ran.err.starts_with("freshtoken: "), "{}", ran.err);
    retry_after(&ran);
    ran
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refused_credentials_are_status_3() {
    let (_sandbox, _issuer, mut user) = sandbox("zenoti").await;
    user.set("ZENOTI_PASSWORD", "hunter2");
    let ran = user.run(&["token", "zenoti"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(3), ""), "{}", ran.err);
    assert!(ran.err.contains("change the credentials") && !ran.err.contains("hunter2"), "{}", ran.err);
    assert_eq!((ran.err.lines().count(), retry_after(&ran)), (1, None), "{}", ran.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_the_vendor_does_not_know_is_status_3() {
    let issuer = Fixed::response("400 Bad Request\r\ncontent-type: application/json", r#"{"error":"invalid_client"}"#);
    for vendor in ["auth0", "entra"] {
        let (_sandbox, _, mut user) = sandbox(vendor).await;
        user.set(&format!("{}_URL", vendor.to_uppercase()), &issuer.url);
        let ran = user.run(&["token", vendor]);
        assert_eq!((ran.code, ran.out.as_str(), retry_after(&ran)), (Some(3), "", None), "{vendor}: {}", ran.err);
        assert!(ran.err.contains("change the credentials"), "{vendor}: {}", ran.err);
    }
    assert_eq!(issuer.count(), 2);
}

#[test]
fn what_may_work_later_is_status_4_with_the_seconds() {
    let html = "content-type: text/html";
    for (head, body) in [
        ("503 Service Unavailable\r\ncontent-type: application/json".to_owned(), "{}"),
        (format!("200 OK\r\n{html}"), "<html>Log in to the hotel's network</html>"),
        ("307 Temporary Redirect\r\nlocation: http://127.0.0.1:1/".to_owned(), ""),
    ] {
        let ran = fails(&Fixed::response(&head, body).user(), 4);
        assert!(retry_after(&ran).unwrap() > 0, "{}", ran.err);
    }
    let mut user = Fixed::token("unused").user();
    user.set("VOUCHERIFY_URL", "http://127.0.0.1:1");
    fails(&user, 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_vendor_s_own_wait_is_the_one_that_is_printed() {
    let (_sandbox, issuer, user) = sandbox("voucherify").await;
    issuer.inject(Fault::too_many_requests(RetryAfter::Seconds, Duration::from_secs(42)));
    let ran = fails(&user, 4);
    assert!((42..=53).contains(&retry_after(&ran).unwrap()), "with at most a quarter on top: {}", ran.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_time_limit_holds_for_a_slow_issuer() {
    let (_sandbox, issuer, user) = sandbox("voucherify").await;
    issuer.inject(Fault::delay(Duration::from_secs(60)));
    let start = std::time::Instant::now();
    let ran = user.run(&["token", "voucherify", "--timeout", "500ms"]);
    assert_eq!(ran.code, Some(4), "{}", ran.err);
    assert!(ran.err.contains("timed out after 0.5 s") && retry_after(&ran) == Some(1), "{}", ran.err);
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[test]
fn usage_and_missing_variables_are_status_2_and_named_at_once() {
    let issuer = Fixed::token("unused");
    let mut user = issuer.user();
    user.variables.clear();
    let ran = fails(&user, 2);
    for name in ["VOUCHERIFY_APP_ID", "VOUCHERIFY_APP_TOKEN", "VOUCHERIFY_SCOPE"] {
        assert!(ran.err.contains(name), "{}", ran.err);
    }
    for (name, value) in [("APP_ID", "invented-app-id"), ("APP_TOKEN", ""), ("SCOPES", "hunter2")] {
        user.set(&format!("VOUCHERIFY_{name}"), value);
    }
    assert_eq!(
        fails(&user, 2).err,
        "freshtoken: set VOUCHERIFY_APP_TOKEN and VOUCHERIFY_SCOPE in the environment; VOUCHERIFY_APP_TOKEN is empty; \
         VOUCHERIFY_SCOPES is set: did you mean VOUCHERIFY_SCOPE?\n"
    );
    for (arguments, expected) in [
        (&["token"][..], "name a vendor"),
        (&["token", "vouchrify"], "did you mean `voucherify`?"),
        (&["token", "voucherify", "--account", "shop"], "not both"),
        (&["token", "voucherify", "--min-life", "30"], "a time has a unit"),
        (&["token", "voucherify", "--wrong"], "--wrong"),
        (&["token", "--account", "shop"], "no account \"shop\""),
    ] {
        let ran = user.run(arguments);
        assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{arguments:?}: {}", ran.err);
        assert!(ran.err.contains(expected), "{}", ran.err);
        retry_after(&ran);
    }
    assert_eq!(issuer.count(), 0);
}

#[test]
fn an_unusable_url_is_status_2() {
    let mut user = Fixed::token("unused").user();
    user.set("VOUCHERIFY_URL", "http://example.com");
    let ran = user.run(&["token", "voucherify"]);
    assert_eq!(ran.code, Some(2), "{}", ran.err);
}

/// An issuer with this response, and a user whose account has a refresh token and no login.
async fn consented(head: &str, body: &str) -> (Fixed, User) {
    let issuer = Fixed::response(&format!("{head}\r\ncontent-type: application/json"), body);
    let (_sandbox, _, mut user) = sandbox("quickbooks").await;
    user.set("QUICKBOOKS_URL", &issuer.url);
    (issuer, user)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consent_that_is_needed_is_status_5_with_the_command_to_type() {
    let (_issuer, mut user) = consented("400 Bad Request", r#"{"error":"invalid_grant"}"#).await;
    let ran = user.run(&["token", "quickbooks"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(5), ""), "{}", ran.err);
    assert!(ran.err.contains("; run `freshtoken login quickbooks --refresh-token -` with"), "{}", ran.err);
    user.variables.retain(|(name, _)| name != "QUICKBOOKS_REFRESH_TOKEN");
    let text = "version = 1\n[accounts.books]\nvendor = \"quickbooks\"\ncredentials.client_id = \"a\"\n\
                credentials.client_secret = \"b\"\n";
    let config = user.dir.write("config.toml", 0o600, text);
    user.set("FRESHTOKEN_CONFIG", config.to_str().unwrap());
    let ran = user.run(&["status", "--account", "books", "--check"]);
    assert_eq!(ran.code, Some(5), "{}", ran.err);
    let expected = "freshtoken: books: no token yet; run `freshtoken login --account books --refresh-token -`\n";
    assert_eq!(ran.err, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn status_says_that_a_refresh_token_has_expired() {
    let body = r#"{"access_token":"a","token_type":"bearer","refresh_token":"r","expires_in":1,
        "x_refresh_token_expires_in":2}"#;
    let (_issuer, user) = consented("200 OK", body).await;
    let status = || user.run(&["status", "quickbooks", "--check"]);
    let ran = status();
    assert_eq!((ran.code, ran.out.as_str()), (Some(4), "quickbooks: empty\n"), "its refresh token is unused");
    user.ok(&["token", "quickbooks"]);
    while status().code != Some(5) {}
    let ran = status();
    assert!(
        ran.out.starts_with("quickbooks: expired at 20") && ran.out.contains(", refresh token expired at 20"),
        "{ran:?}"
    );
    let command = "`freshtoken login quickbooks --refresh-token -`";
    assert_eq!(ran.err, format!("freshtoken: quickbooks: the refresh token has expired; run {command}\n"));
}

#[test]
fn status_reads_the_store_and_says_so_by_its_exit_status() {
    let issuer = Fixed::token("invented-token");
    let user = issuer.user();
    let ran = user.run(&["status", "voucherify", "--check"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(4), "voucherify: empty\n"), "{}", ran.err);
    assert_eq!(issuer.count(), 0, "it asks no vendor");
    user.ok(&["token", "voucherify"]);
    let out = user.ok(&["status", "voucherify", "--check"]);
    assert!(out.starts_with("voucherify: fresh until 20") && !out.contains("invented-token"), "{out}");
    let json: serde_json::Value = serde_json::from_str(&user.ok(&["status", "--all", "--format", "json"])).unwrap();
    assert_eq!(
        (&json["accounts"][0]["name"], &json["accounts"][0]["status"]["state"]),
        (&"voucherify".into(), &"fresh".into())
    );
    assert_eq!(issuer.count(), 1);
}
