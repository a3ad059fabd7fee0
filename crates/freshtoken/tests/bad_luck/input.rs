//! Odd credentials, base URLs and settings of a user.

use super::*;

/// User input with bytes that have a meaning in a form, JSON, a header or a path.
const AWKWARD: &str = r#"a &=+%/?#"'\é€"#;

#[tokio::test]
async fn credentials_arrive_as_they_are_in_a_form() {
    let clock = TestClock::new();
    let server = Server::new(wellnessliving_token("token", clock.wall()));
    let credentials = wellnessliving::Credentials {
        client_id: AWKWARD.into(),
        client_secret: "a\u{a0}\u{2028}".into(),
        scope: Some(["read", "a&b+c"].map(str::to_owned).into()),
    };
    ask(&builder(wellnessliving::Endpoint::at(server.url()).unwrap(), credentials, &clock).build()).await.unwrap();
    assert_eq!(
        server.requests()[0].body,
        "client_id=a+%26%3D%2B%25%2F%3F%23%22%27%5C%C3%A9%E2%82%AC&client_secret=a%C2%A0%E2%80%A8\
         &grant_type=client_credentials&scope=read+a%26b%2Bc"
    );
}

#[tokio::test]
async fn credentials_arrive_as_they_are_in_json() {
    let clock = TestClock::new();
    let server = Server::new(zenoti_pair(1, clock.wall()));
    let credentials =
        zenoti::Credentials { password: AWKWARD.into(), user_name: "Ann \u{2028}".into(), ..zenoti_credentials() };
    ask(&builder(zenoti::Endpoint::at(server.url()).unwrap(), credentials, &clock).build()).await.unwrap();
    assert_eq!(
        server.requests()[0].body,
        concat!(
            "{\"account_name\":\"acme\",\"user_name\":\"Ann \u{2028}\",",
            r#""password":"a &=+%/?#\"'\\é€","#,
            r#""grant_type":"password","app_id":"an-app","app_secret":"an-app-secret","device_id":"a-device"}"#
        )
    );
}

#[tokio::test]
async fn a_refresh_token_and_a_token_to_revoke_arrive_as_they_are() {
    let clock = TestClock::new();
    let awkward = r#"a&=+%|$:#/"\\"#;
    let server = Server::new(zenoti_pair(1, clock.wall()).replace("access-1", r#"a&=+%|$:#/\"\\\\"#));
    let tokens = builder(zenoti::Endpoint::at(server.url()).unwrap(), zenoti_credentials(), &clock)
        .refresh_token(awkward)
        .build();
    assert_eq!(ask(&tokens).await.unwrap(), awkward);
    limit(tokens.revoke()).await.unwrap();
    let requests = server.requests();
    assert_eq!(requests[0].body, r#"{"grant_type":"refresh_token","refresh_token":"a&=+%|$:#/\"\\\\"}"#);
    assert_eq!(requests[1].header("authorization"), Some(&*format!("Bearer {awkward}")));

    let server = Server::new(voucherify_token("a&=+%", clock.wall()));
    let tokens = voucherify_at(&server, &clock);
    ask(&tokens).await.unwrap();
    server.does(Response::new(204));
    limit(tokens.revoke()).await.unwrap();
    assert_eq!(server.requests()[1].body, "access_token=a%26%3D%2B%25");
}

fn voucherify_with(app_id: &str, app_token: &str, scopes: &[&str]) -> voucherify::Credentials {
    voucherify::Credentials {
        app_id: app_id.into(),
        app_token: app_token.into(),
        scope: scopes.iter().map(|scope| voucherify::types::Scope::from(*scope)).collect(),
    }
}

#[tokio::test]
async fn credentials_arrive_as_they_are_in_headers() {
    for (app_id, app_token) in [(r#"a &=+%/?#"'\"#, "~!*"), ("an-app", "an-app-token")] {
        let clock = TestClock::new();
        let server = Server::new(voucherify_token("token", clock.wall()));
        let credentials = voucherify_with(app_id, app_token, &["api", "brand-new"]);
        ask(&builder(voucherify::Endpoint::at(server.url()).unwrap(), credentials, &clock).build()).await.unwrap();
        let request = &server.requests()[0];
        assert_eq!(request.header("x-app-id"), Some(app_id));
        assert_eq!(request.header("x-app-token"), Some(app_token));
        assert_eq!(request.body, "grant_type=client_credentials&scope=api+brand-new");
    }
}

#[tokio::test]
async fn a_credential_that_cannot_be_sent_is_named() {
    let in_header = "a value with a line break, or with a character that isn't visible ASCII";
    let in_form = "a list that is empty, or a list item that is empty or holds the delimiter";
    let cases = [
        (voucherify_with("an-app", "é", &["api"]), "`x-app-token`", in_header),
        (voucherify_with("an-app", "t", &[]), "create_token", in_form),
        (voucherify_with("an-app", "t", &[""]), "create_token", in_form),
        (voucherify_with("an-app", "t", &["api vouchers"]), "create_token", in_form),
    ];
    for (credentials, name, why) in cases {
        let clock = TestClock::new();
        let server = Server::new(voucherify_token("token", clock.wall()));
        let tokens = builder(voucherify::Endpoint::at(server.url()).unwrap(), credentials, &clock).build();
        for _ in 0..3 {
            let error = ask(&tokens).await.unwrap_err();
            assert_eq!((error.kind(), error.retry_after()), (ErrorKind::Refused, Some(s(3_600))));
            assert_eq!(cause(&error).kind(), Cause::InvalidRequest);
            let text = cause(&error).to_string();
            assert!(text.contains(name) && text.contains(why), "{text}");
            clock.advance(s(DAY));
        }
        assert_eq!(server.connections(), 0);
    }
}

#[tokio::test]
async fn an_empty_credential_is_named_and_nothing_is_sent() {
    let (server, clock) = (Server::new(zenoti_pair(1, start())), TestClock::new());
    let credentials = zenoti::Credentials { app_secret: "".into(), ..zenoti_credentials() };
    let tokens = builder(zenoti::Endpoint::at(server.url()).unwrap(), credentials, &clock).build();
    let error = ask(&tokens).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    let text = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(text, "the credential `app_secret` is empty");
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_credential_with_a_control_character_is_named() {
    for (app_id, app_token, name) in [
        ("an-app", "line\r\nx-admin: 1", "app_token"),
        ("line\nbreak", "t", "app_id"),
        ("an-app", "s\n", "app_token"),
        ("an-app", "nul\0", "app_token"),
        ("an-app", "tab\t", "app_token"),
    ] {
        let (server, clock) = (Server::new(voucherify_token("token", start())), TestClock::new());
        let credentials = voucherify_with(app_id, app_token, &["api"]);
        let tokens = builder(voucherify::Endpoint::at(server.url()).unwrap(), credentials, &clock).build();
        let error = ask(&tokens).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused);
        let text = std::error::Error::source(&error).unwrap().to_string();
        assert_eq!(text, format!("the credential `{name}` has a line break or another control character"));
        assert_eq!(server.connections(), 0);
    }
}

#[tokio::test]
async fn a_key_shows_no_path() {
    let endpoint = voucherify::Endpoint::at("https://proxy.example/hunter2/").unwrap();
    let builder = TokenSource::builder(endpoint, voucherify_credentials());
    let tokens = builder.store(Arc::new(MemoryStore::new()), "one").build();
    let text = format!("{tokens:?}");
    assert!(text.contains("https://proxy.example") && !text.contains("hunter2"), "{text}");
}

#[tokio::test]
async fn a_base_url_may_have_a_path_and_a_trailing_slash() {
    for (tail, line) in [
        ("", "POST /v1/oauth/token"),
        ("/", "POST /v1/oauth/token"),
        ("//", "POST /v1/oauth/token"),
        ("/proxy", "POST /proxy/v1/oauth/token"),
        ("/proxy/", "POST /proxy/v1/oauth/token"),
        ("/a%20b/c", "POST /a%20b/c/v1/oauth/token"),
    ] {
        let clock = TestClock::new();
        let server = Server::new(voucherify_token("token", clock.wall()));
        let endpoint = voucherify::Endpoint::at(server.url() + tail).unwrap();
        ask(&builder(endpoint, voucherify_credentials(), &clock).build()).await.unwrap();
        assert_eq!(server.requests()[0].line, line);
    }
}

#[tokio::test]
async fn a_base_url_to_which_no_secret_may_be_sent_is_a_clear_error() {
    let server = Server::new(voucherify_token("token", start()));
    let port = server.address().port();
    let cases = [
        (format!("http://api.example.com:{port}"), Cause::PlainHttp),
        (format!("http://127.0.0.1.example.com:{port}"), Cause::PlainHttp),
        (format!("http://localhost.example.com:{port}"), Cause::PlainHttp),
        (format!("http://0.0.0.0:{port}"), Cause::PlainHttp),
        (format!("http://user:pass@127.0.0.1:{port}"), Cause::BaseUrl),
        (format!("http://127.0.0.1:{port}?key=1"), Cause::BaseUrl),
        (format!("http://127.0.0.1:{port}#part"), Cause::BaseUrl),
        (format!("127.0.0.1:{port}"), Cause::BaseUrl),
        (format!("ftp://127.0.0.1:{port}"), Cause::BaseUrl),
        ("api.example.com".to_owned(), Cause::BaseUrl),
        ("/v1".to_owned(), Cause::BaseUrl),
        ("https://".to_owned(), Cause::BaseUrl),
        ("http://127.0.0.1:99999".to_owned(), Cause::BaseUrl),
        ("mailto:ann@example.com".to_owned(), Cause::BaseUrl),
        (" ".to_owned(), Cause::BaseUrl),
        (String::new(), Cause::BaseUrl),
    ];
    for (url, kind) in cases {
        let error = voucherify::Endpoint::at(&url).unwrap_err();
        assert_eq!(error.kind(), kind, "{url}");
        assert!(!error.to_string().contains("credentials or settings"), "{error}");
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_setting_that_cannot_work_is_named_and_nothing_is_sent() {
    let clock = TestClock::new();
    let server = Server::new(voucherify_token("token", start()));
    // Only the default client resolves names below `localhost` itself.
    let url = server.url().replace("127.0.0.1", "acme.localhost");
    let endpoint = voucherify::Endpoint::at(&url).unwrap().http_client(http_client_builder().build().unwrap());
    let tokens = builder(endpoint, voucherify_credentials(), &clock).build();
    let error = ask(&tokens).await.unwrap_err();
    assert_eq!((error.kind(), error.retry_after()), (ErrorKind::Settings, None));
    assert_eq!(error.to_string(), "voucherify: cannot log in: fix the endpoint's base URL");
    assert!(format!("{error:#}").contains("http:// is for loopback hosts only"), "{error:#}");
    assert_eq!((tokens.status().state, server.connections()), (State::Dead, 0));
}
