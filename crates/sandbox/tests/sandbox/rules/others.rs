//! Rules of vendors that have no generated crate.

use reqwest::{Method, RequestBuilder};
use serde_json::json;

use crate::rules::{broken, check};
use crate::support::{Playing, foreign, play};

/// The halves of HTTP Basic are form-encoded, and lists have their own delimiter.
#[tokio::test]
async fn lists_and_basic_halves_are_checked() {
    fn zoomish(path: &str) -> impl Fn(&Playing) -> RequestBuilder + use<> {
        let path = path.to_owned();
        move |p| p.http.post(p.url(&path)).basic_auth("example-client-id%2B1", Some("example-client-secret%3A100%25"))
    }
    let account = "account_id=a%20b%26c%3Dd%2F%C3%BC%2B";
    let why = |code: Option<&str>, why: &str| match code {
        Some(code) => json!({ "error": code, "reason": why }),
        None => json!({ "reason": why }),
    };
    let rules = vec![
        broken(
            "a query that is missing",
            zoomish("/token?grant_type=account_credentials"),
            400,
            why(None, "`account_id` is missing"),
            "account_id",
        ),
        broken(
            "a number that isn't one",
            zoomish(&format!("/token?grant_type=account_credentials&{account}&tags=1&tags=x")),
            400,
            why(None, "`tags.1` is not a whole number"),
            "tags",
        ),
        broken(
            "a value that isn't listed",
            zoomish(&format!("/token?grant_type=account_credentials&{account}&scopes=r%7Cx")),
            400,
            why(None, "`scopes.1` is not one of the listed values"),
            "scopes",
        ),
        broken(
            "another delimiter",
            zoomish(&format!("/token?grant_type=account_credentials&{account}&scopes=r,w")),
            400,
            why(None, "`scopes` has commas; separate its items by `|`"),
            "scopes",
        ),
        broken(
            "Basic without form encoding",
            move |p| {
                let url = p.url(&format!("/token?grant_type=account_credentials&{account}"));
                p.http.post(url).basic_auth("example-client-id+1", Some("example-client-secret:100%"))
            },
            400,
            why(None, "`client_id` is wrong"),
            "`client_id` is wrong",
        ),
        broken(
            "no Basic",
            move |p| p.http.post(p.url(&format!("/token?grant_type=account_credentials&{account}"))).bearer_auth("x"),
            400,
            why(None, "`authorization` is not `basic ...`"),
            "basic",
        ),
        broken(
            "an unknown refresh token",
            |p| {
                let form = [("grant_type", "refresh_token"), ("refresh_token", "x")];
                zoomish("/refresh")(p).form(&form)
            },
            400,
            why(Some("invalid_grant"), "`refresh_token` is unknown"),
            "refresh_token",
        ),
    ];
    check(&play(foreign("zoomish")).await, rules).await;
}

#[tokio::test]
async fn headers_are_checked_against_their_types() {
    let stripish = |name: &'static str, value: &'static str| {
        move |p: &Playing| {
            let body = json!({
                "customer": "cus_1",
                "scopes": [],
                "nested": { "kind": "thing", "deeper": { "version": 2, "name": "n" } },
            });
            let mut headers = vec![("Stripish-Version", "2020-08-27"), ("X-Count", "2"), ("X-Mode", "a b")];
            headers.retain(|(known, _)| *known != name);
            headers.push((name, value));
            let request = p.http.request(Method::POST, p.url("/ephemeral_keys")).json(&body);
            let request = request.basic_auth("example-api-key+1", Some(""));
            headers.into_iter().fold(request, |request, (name, value)| request.header(name, value))
        }
    };
    let message = |why: &str| json!({ "error": { "message": why } });
    let rules = vec![
        broken("a constant", stripish("X-Count", "3"), 400, message("`X-Count` is not 2"), "X-Count"),
        broken(
            "a listed value",
            stripish("X-Mode", "b"),
            400,
            message("`X-Mode` is not one of the listed values"),
            "X-Mode",
        ),
        broken("a flag", stripish("X-Flag", "yes"), 400, message("`X-Flag` is not true or false"), "X-Flag"),
        broken("a number", stripish("X-Int", "1.5"), 400, message("`X-Int` is not a whole number"), "X-Int"),
        broken(
            "an optional secret",
            stripish("X-Secret-Key", "other"),
            401,
            message("`x_secret_key` is wrong"),
            "x_secret_key",
        ),
    ];
    check(&play(foreign("stripish")).await, rules).await;
}
