//! Tokens outside a JSON object: in a header of the response, or as its whole body.
#![allow(clippy::unwrap_used)]

mod support;

use std::sync::LazyLock;

use freshtoken_wire::response::{Granted, ResponseValue};
use freshtoken_wire::tokens::{Success, TokenFields};
use freshtoken_wire::{Call, Operation, Secret};
use reqwest::header::HeaderValue;
use serde::de::DeserializeOwned;
use serde_json::Value;

use support::{Outcome, operation, post, response, server_returning};

fn reading(tokens: TokenFields<'static>) -> Operation {
    let success = Success { tokens: Some(tokens), ..Success::PLAIN };
    Operation { success, ..operation("POST", HeaderValue::from_static("application/json"), None) }
}

static IN_HEADER: LazyLock<Operation> =
    LazyLock::new(|| reading(TokenFields { access_token_header: Some("x-subject-token"), ..TokenFields::NONE }));
static WHOLE_BODY: LazyLock<Operation> =
    LazyLock::new(|| reading(TokenFields { access_token: &[""], ..TokenFields::NONE }));

/// Returns what the facade receives of this response.
async fn grant<T: DeserializeOwned>(operation: &'static Operation, headers: &str, body: &str) -> Outcome<Granted<T>> {
    let (target, _server) = server_returning(response(200, headers, body)).await;
    let call = Call::new(operation, &target);
    let result = call.exec(post(&target).build().unwrap()).await;
    let result = match result {
        Ok(response) => ResponseValue::from_response(response).await,
        Err(error) => Err(error.into()),
    };
    call.outcome(result).granted()
}

#[tokio::test]
async fn a_token_in_a_header_arrives_with_any_body() {
    for body in ["{}", "", "<html>"] {
        let granted = grant::<Value>(&IN_HEADER, "x-subject-token: AT\r\n", body).await.unwrap();
        assert_eq!(granted.tokens.access_token.expose(), "AT", "{body}");
    }
}

#[tokio::test]
async fn a_response_without_the_header_has_no_token() {
    for headers in ["", "x-subject-token: \r\n"] {
        assert!(grant::<Value>(&IN_HEADER, headers, r#"{"token":"AT"}"#).await.is_err(), "{headers}");
    }
}

#[tokio::test]
async fn the_whole_body_is_a_json_string_or_plain_text() {
    for (body, token) in
        [("\"AT\"", "AT"), ("AT", "AT"), (" eyJ.a-b_c=\n", "eyJ.a-b_c="), ("a\"b\\c", "a\"b\\c"), ("123", "123")]
    {
        let granted = grant::<Secret>(&WHOLE_BODY, "", body).await.unwrap();
        assert_eq!(granted.tokens.access_token.expose(), token, "{body}");
    }
}

#[tokio::test]
async fn a_page_or_a_sentence_is_no_token() {
    for body in ["<html></html>", "not now", "", " ", "{}", "null"] {
        let error = grant::<Secret>(&WHOLE_BODY, "", body).await.err().unwrap();
        assert!(!support::messages(&error).contains("not now"), "{body}");
    }
}
