//! Base URLs and their variables.

#![allow(clippy::unwrap_used, reason = "a test helper may panic, as a test may")]

use freshtoken_wire::{Error, ErrorKind, Http, Target, expand};

fn rejection(base_url: &str) -> Error {
    Target::new(base_url, &Http::default()).unwrap_err()
}

#[test]
fn a_base_url_keeps_its_path_and_loses_its_trailing_slashes() {
    for (given, base_url, origin) in [
        ("http://localhost", "http://localhost", "http://localhost"),
        ("http://localhost:8080/v1//", "http://localhost:8080/v1", "http://localhost:8080"),
        ("http://127.8.9.1/a/b/", "http://127.8.9.1/a/b", "http://127.8.9.1"),
        ("http://[::1]:80/", "http://[::1]", "http://[::1]"),
        ("HTTP://Vendor.LOCALHOST/", "http://vendor.localhost", "http://vendor.localhost"),
    ] {
        let target = Target::new::<()>(given, &Http::default()).unwrap();
        assert_eq!((target.base_url(), target.origin()), (base_url, origin), "{given}");
    }
}

#[test]
fn a_target_only_prints_its_origin() {
    let target = Target::new::<()>("http://localhost/hunter2", &Http::default()).unwrap();
    assert_eq!(format!("{target:?}"), r#"Target { origin: "http://localhost", .. }"#);
}

#[test]
fn plain_http_is_for_loopback_only() {
    for url in [
        "http://api.example.com",
        "http://128.0.0.1",
        "http://localhost.example.com",
        "http://notlocalhost",
        "http://[::2]",
        "http://[::ffff:127.0.0.1]",
        "http://0.0.0.0",
    ] {
        assert_eq!(rejection(url).kind(), ErrorKind::PlainHttp, "{url}");
    }
    assert_eq!(
        rejection("http://example.com").to_string(),
        "endpoint: http:// is for loopback hosts only, use https://"
    );
}

#[test]
fn a_custom_client_rejects_names_below_localhost() {
    let custom = Http::from(reqwest::Client::builder().no_proxy().build().unwrap());
    let error = Target::new::<()>("http://vendor.localhost", &custom).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PlainHttp);
    assert!(error.to_string().contains("a custom HTTP client"), "{error}");
    for url in ["http://localhost", "http://127.0.0.1", "http://[::1]"] {
        assert!(Target::new::<()>(url, &custom).is_ok(), "{url}");
    }
}

#[test]
fn each_base_url_problem_has_its_own_message_without_the_url() {
    let urls = [
        "hunter2",
        "ftp://hunter2.example.com",
        "https://hunter2@example.com",
        "https://example.com/?key=hunter2",
        "https://example.com/#hunter2",
    ];
    let mut messages: Vec<String> = urls
        .iter()
        .map(|url| {
            let error = rejection(url);
            assert_eq!((error.kind(), error.operation()), (ErrorKind::BaseUrl, "endpoint"), "{url}");
            assert!(!error.is_transient());
            let text = format!("{error} {error:?}");
            assert!(!text.contains("hunter2"), "{text}");
            text
        })
        .collect();
    assert_eq!(rejection("https://:hunter2@example.com").kind(), ErrorKind::BaseUrl);
    messages.sort();
    messages.dedup();
    assert_eq!(messages.len(), urls.len(), "{messages:?}");
}

#[cfg(any(feature = "rustls", feature = "native-tls"))]
#[test]
fn https_works_with_tls() {
    assert_eq!(
        Target::new::<()>("https://api.example.com/", &Http::default()).unwrap().base_url(),
        "https://api.example.com"
    );
}

#[cfg(not(any(feature = "rustls", feature = "native-tls")))]
#[test]
fn https_without_tls_names_the_feature_to_enable() {
    let error = rejection("https://api.example.com");
    assert_eq!(error.kind(), ErrorKind::NoTls);
    assert!(error.to_string().contains("`rustls`"), "{error}");
    assert!(Target::new::<()>("https://api.example.com", &reqwest::Client::new().into()).is_ok());
}

#[test]
fn variables_are_expanded_in_host_and_path() {
    let variables = [("tenant", "acme-1.eu"), ("realm", "a/b ?ü%2f")];
    assert_eq!(
        expand::<()>("https://{tenant}.example.com:8443/realms/{realm}/{tenant}", &variables).unwrap(),
        "https://acme-1.eu.example.com:8443/realms/a%2Fb%20%3F%C3%BC%252f/acme-1.eu"
    );
    assert_eq!(expand::<()>("https://{tenant}", &variables).unwrap(), "https://acme-1.eu");
    assert_eq!(expand::<()>("https://example.com/v1", &[]).unwrap(), "https://example.com/v1");
    assert_eq!(expand::<()>("https://example.com/{realm}", &[("realm", "...")]).unwrap(), "https://example.com/...");
}

#[test]
fn a_variable_that_would_change_the_url_is_rejected() {
    let host = |value| expand::<()>("https://{tenant}.example.com/", &[("tenant", value)]).unwrap_err();
    for value in ["evil.com/", "a@b", "a:1", "a#", "a?", "ü", " ", "%2e", "hunter2\n"] {
        let error = host(value);
        assert_eq!(error.kind(), ErrorKind::BaseUrl, "{value:?}");
        let text = error.to_string();
        assert!(text.contains("`tenant`") && !text.contains("hunter2"), "{text}");
    }
    for value in [".", ".."] {
        let error = expand::<()>("https://example.com/{realm}/token", &[("realm", value)]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BaseUrl, "{value}");
    }
}

#[test]
fn an_empty_setting_is_missing() {
    let error = expand::<()>("https://{tenant}.example.com", &[("tenant", "")]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::MissingSetting("tenant"));
    assert_eq!(error.to_string(), "endpoint: the setting `tenant` is empty, give it a value");
}

#[test]
fn an_invalid_template_is_an_error() {
    for template in ["https://{tenant", "https://{other}.example.com"] {
        assert_eq!(expand::<()>(template, &[("tenant", "a")]).unwrap_err().kind(), ErrorKind::BaseUrl, "{template}");
    }
}
