//! The requests that the vendor receives.

#![allow(clippy::unwrap_used, reason = "a test helper may panic, as a test may")]

mod support;

use freshtoken_wire::{BasicEncoding, Call, ErrorKind, Operation, Secret, Target, http_client_builder};
use reqwest::header::{ACCEPT_ENCODING, HeaderValue};
use support::{CREATE, TOKEN, Token, operation, post, response, run, server_returning, target};

/// Sends a request, and returns its sorted lines without `host`, and its body.
async fn received(operation: &'static Operation, add: impl FnOnce(&mut Call)) -> (Vec<String>, String) {
    let (target, server) = server_returning(response(200, "", TOKEN)).await;
    let mut call = Call::new(operation, &target);
    add(&mut call);
    run::<Token>(&call, post(&target)).await.unwrap();
    parts(&server.await.unwrap())
}

fn parts(request: &str) -> (Vec<String>, String) {
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let mut lines: Vec<_> = head.lines().filter(|line| !line.starts_with("host: ")).map(str::to_owned).collect();
    lines.sort();
    (lines, body.to_owned())
}

#[tokio::test]
async fn a_request_contains_only_what_the_spec_describes() {
    let (lines, body) = received(&CREATE, |call| call.header::<()>("x-app-id", "id").unwrap()).await;
    assert_eq!(
        lines,
        [
            "POST /token HTTP/1.1",
            "accept-encoding: identity",
            "accept: application/json",
            "content-length: 29",
            "content-type: application/x-www-form-urlencoded",
            "user-agent: freshtoken-test/1.2.3",
            "x-app-id: id",
        ]
    );
    assert_eq!(body, "grant_type=client_credentials");
}

#[tokio::test]
async fn a_custom_client_never_requests_compression() {
    let (plain, server) = server_returning(response(200, "", TOKEN)).await;
    let compressed = (ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
    let http = http_client_builder().default_headers([compressed].into_iter().collect()).build().unwrap();
    let target = Target::new::<()>(plain.base_url(), &http.into()).unwrap();
    run::<Token>(&Call::new(&CREATE, &target), post(&target).header(ACCEPT_ENCODING, "br")).await.unwrap();
    let (lines, _) = parts(&server.await.unwrap());
    let encodings: Vec<_> = lines.iter().filter(|line| line.starts_with("accept-encoding")).collect();
    assert_eq!(encodings, ["accept-encoding: identity"]);
}

#[tokio::test]
async fn the_media_types_of_the_spec_replace_those_of_progenitor() {
    static VENDOR: Operation = operation(
        "POST",
        HeaderValue::from_static("application/vnd.v1+json"),
        Some(HeaderValue::from_static("application/vnd.v2+json")),
    );
    let (lines, _) = received(&VENDOR, |_| ()).await;
    assert!(lines.contains(&"accept: application/vnd.v1+json".to_owned()), "{lines:?}");
    assert!(lines.contains(&"content-type: application/vnd.v2+json".to_owned()), "{lines:?}");
}

#[tokio::test]
async fn only_post_and_put_send_a_length_of_zero() {
    for (method, length) in [("POST", Some("content-length: 0")), ("PUT", Some("content-length: 0")), ("DELETE", None)]
    {
        let (target, server) = server_returning(response(200, "", TOKEN)).await;
        let request = target.http().request(method.parse().unwrap(), target.base_url());
        run::<Token>(&Call::new(&CREATE, &target), request).await.unwrap();
        let (lines, body) = parts(&server.await.unwrap());
        let header = lines.iter().find(|line| line.contains("content-length") || line.contains("transfer-encoding"));
        assert_eq!((header.map(String::as_str), body.as_str()), (length, ""), "{method}");
    }
}

#[tokio::test]
async fn a_body_has_a_content_length_with_any_method() {
    let (target, server) = server_returning(response(200, "", TOKEN)).await;
    let request = target.http().delete(target.base_url()).body("abc");
    run::<Token>(&Call::new(&CREATE, &target), request).await.unwrap();
    let (lines, body) = parts(&server.await.unwrap());
    assert!(lines.contains(&"content-length: 3".to_owned()), "{lines:?}");
    assert_eq!(body, "abc");
}

#[tokio::test]
async fn a_query_parameter_is_added_and_encoded() {
    let (lines, _) = received(&CREATE, |call| {
        call.query("api_key", &Secret::from("a&b=c +ü"));
        call.query("b", &Secret::from("1"));
    })
    .await;
    assert_eq!(lines[0], "POST /token?api_key=a%26b%3Dc+%2B%C3%BC&b=1 HTTP/1.1");
}

#[tokio::test]
async fn basic_credentials_are_form_encoded_or_raw() {
    use base64::Engine as _;
    for (encoding, user, password, pair) in [
        (BasicEncoding::Form, "a&=+%:b", "ü *-._~", "a%26%3D%2B%25%3Ab:%C3%BC+*-._%7E"),
        (BasicEncoding::Raw, "a&=+%b", ":&=+%:ü ", "a&=+%b::&=+%:ü "),
        (BasicEncoding::Raw, "", "", ":"),
        (BasicEncoding::Form, "key", "", "key:"),
    ] {
        let (lines, _) = received(&CREATE, |call| call.basic::<()>(encoding, user, password).unwrap()).await;
        let encoded = lines.iter().find_map(|line| line.strip_prefix("authorization: Basic ")).unwrap();
        let decoded = base64::engine::general_purpose::STANDARD.decode(encoded).unwrap();
        assert_eq!(String::from_utf8(decoded).unwrap(), pair);
    }
}

#[tokio::test]
async fn the_authorization_header_has_the_scheme_and_the_credential() {
    let (lines, _) =
        received(&CREATE, |call| call.authorization::<()>("Bearer", &Secret::from("t:|$#")).unwrap()).await;
    assert!(lines.contains(&"authorization: Bearer t:|$#".to_owned()), "{lines:?}");
}

#[test]
fn an_invalid_header_is_named_without_its_value() {
    let mut call = Call::new(&CREATE, &target("http://localhost"));
    for value in ["hunter2\r\nx-evil: 1", "hunter2\n", "hunter2\0", "hunter2ü", "hunter2\t", "hunter2\u{7f}"] {
        for error in [
            call.header::<()>("x-app-token", value).unwrap_err(),
            call.authorization::<()>("Bearer", &Secret::from(value)).unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{value:?}");
            assert!(!support::messages(&error).contains("hunter2"), "{error}");
        }
    }
    assert_eq!(
        call.header::<()>("x-app-token", "\n").unwrap_err().to_string(),
        "create_token: POST http://localhost was not sent: the header `x-app-token` has a value with a line break, or \
         with a character that isn't visible ASCII"
    );
}

#[test]
fn raw_basic_rejects_ambiguous_credentials() {
    let mut call = Call::new(&CREATE, &target("http://localhost"));
    for (user, password) in [("hunter2:a", "b"), ("hunter2\n", "b"), ("a", "hunter2\n")] {
        let error = call.basic::<()>(BasicEncoding::Raw, user, password).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
        assert!(!support::messages(&error).contains("hunter2"), "{error}");
    }
}

#[test]
fn a_path_is_appended_as_reqwest_would_parse_the_url() {
    for base in ["http://localhost", "http://localhost:81/", "http://localhost/a%20b/", "http://[::1]/a/b"] {
        let target = target(base);
        let call = Call::new(&CREATE, &target);
        for path in ["/token", "/", "/a%2Fb/c%3Fd%23e%25", "/ü/{x}|[y]'~:@!$&()*+,;=", "/a/./b/../c", "/%2e%2E/x"] {
            let whole = format!("{}{path}", target.base_url());
            assert_eq!(call.url(path).as_str(), reqwest::Url::parse(&whole).unwrap().as_str(), "{base} {path}");
        }
    }
}

#[test]
fn a_backslash_in_a_path_parameter_is_encoded() {
    let call = Call::new(&CREATE, &target("http://localhost/base"));
    for value in [r"..\..\admin", r"x\..\..\y", r"\", r"a\b"] {
        let path = format!("/d/{}", progenitor_client::encode_path(value));
        let expected = format!("http://localhost/base/d/{}", value.replace('\\', "%5C"));
        assert_eq!(call.url(&path).as_str(), expected);
    }
}

#[test]
fn a_path_parameter_that_would_change_the_path_is_rejected() {
    let call = Call::new(&CREATE, &target("http://localhost"));
    for value in ["", ".", ".."] {
        assert_eq!(call.path_parameter::<()>("token", value).unwrap_err().kind(), ErrorKind::InvalidRequest);
    }
    assert!(call.path_parameter::<()>("token", "a/../b").is_ok());
}

#[test]
fn a_missing_credential_is_named() {
    let error = Call::new(&CREATE, &target("http://localhost")).missing_credential::<()>("client_id");
    assert_eq!(error.kind(), ErrorKind::MissingCredential("client_id"));
    assert_eq!(
        error.to_string(),
        "create_token: POST http://localhost was not sent: the credential `client_id` is missing"
    );
}
