//! Events and the log: a line per request, in order, and no secret in any.

use std::sync::{Arc, Mutex};

use freshtoken_sandbox::{Fault, Outcome, Sandbox};
use serde_json::json;

use crate::support::{Playing, answer, client, foreign, s, text, vendor, zenoti_login, zenoti_refresh};

async fn logged(vendor: freshtoken_sandbox::Vendor) -> (Playing, Arc<Mutex<Vec<String>>>) {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let log = lines.clone();
    let builder = Sandbox::builder([vendor]).on_event(move |event| log.lock().unwrap().push(event.to_string()));
    let sandbox = builder.start().await.unwrap();
    let issuer = sandbox.issuers()[0].clone();
    (Playing { issuer, sandbox, http: client() }, lines)
}

#[tokio::test]
async fn a_line_per_request_says_what_happened() {
    let (playing, lines) = logged(vendor("zenoti").lifetime(s(60))).await;
    let (_, pair) = zenoti_login(&playing).await;
    let (access, refresh) = (text(&pair, "/credentials/access_token"), text(&pair, "/credentials/refresh_token"));
    playing.call(&format!("bearer {access}")).await;
    playing.issuer.advance_clock(s(60));
    playing.call(&format!("bearer {access}")).await;
    zenoti_refresh(&playing, &refresh).await;
    playing.issuer.fault(Fault::reset_before());
    assert!(playing.post("/v1/tokens").send().await.is_err());
    let lines = lines.lock().unwrap().clone();
    assert_eq!(
        lines,
        [
            "00:00:00.000 zenoti POST /v1/tokens 200  logged in, token 1",
            "00:00:00.000 zenoti GET /v1/business 200  accepted, token 1",
            "00:01:00.000 zenoti GET /v1/business 401  refused: the token has expired",
            "00:01:00.000 zenoti POST /v1/tokens 200  refreshed, token 2",
            "00:01:00.000 zenoti POST /v1/tokens reset  nothing done  [fault: a reset before anything was done]",
        ]
    );
    let events = playing.issuer.events();
    assert_eq!(events.iter().map(ToString::to_string).collect::<Vec<_>>(), lines);
    assert_eq!(events[3].outcome, Outcome::Refreshed { token: 2, early: false });
}

#[tokio::test]
async fn no_secret_is_in_any_line_event_or_debug_text() {
    const SECRET: &str = "s3cr3t-of-the-caller";
    let (playing, lines) = logged(foreign("consentish")).await;
    let refresh = playing.issuer.consent().unwrap();
    let basic = |url: String| {
        playing.http.delete(url).basic_auth("example-client-id%2B1", Some("example-client-secret%3A100%25"))
    };
    // Tokens and secrets wherever a request can have them, right and wrong.
    let token_path = |token: &str| playing.url(&format!("/example-tenant/tokens/{token}"));
    let mut requests = vec![
        basic(token_path(&refresh)).header("X-Reason", "example-x-reason"),
        basic(token_path(SECRET)).header("X-Reason", SECRET),
        playing.http.delete(token_path(SECRET)).basic_auth(SECRET, Some(SECRET)),
        playing.http.put(token_path(SECRET)),
        playing.http.get(playing.url(&format!("/v1?token={SECRET}"))).header("X-Token", format!("Tok {SECRET}")),
        playing.http.get(playing.url("/v1/example-client-secret%3A100%25/x")),
        playing.http.get(playing.url(&format!("/v1/{SECRET}-of-another-system"))),
        playing.http.get(playing.url(&format!("/v1/{refresh}"))),
        playing.post(&format!("/example-tenant/renew?level={SECRET}")).bearer_auth(SECRET),
    ];
    for body in [json!({ "refresh_token": SECRET }), json!({ SECRET: SECRET }), json!(SECRET)] {
        let request = playing.post("/example-tenant/renew?level=1").json(&body);
        requests.push(request.basic_auth("example-client-id%2B1", Some("example-client-secret%3A100%25")));
    }
    let count = requests.len();
    for request in requests {
        answer(request).await;
    }
    let lines = lines.lock().unwrap().join("\n");
    assert_eq!(lines.lines().count(), count);
    let events = serde_json::to_string(&playing.issuer.events()).unwrap();
    let debug = format!("{:?} {:?}", playing.sandbox, playing.issuer.events());
    for secret in [SECRET, refresh.as_str(), "example-client-secret"] {
        for text in [&lines, &events, &debug] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }
    assert!(lines.contains("GET /v1/***/x 401"), "{lines}");
    assert!(lines.contains("DELETE /{tenant}/tokens/{token} 204"), "{lines}");
}
