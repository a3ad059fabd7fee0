//! A token in the query or in a cookie.

use freshtoken::{ErrorKind, TokenPolicy, TokenSource};

use crate::support::{TestClock, acme};
use crate::{client, header, issuer, policy, serve, status};

policy!(InQuery = TokenPolicy::new("acme").query("auth"));
policy!(InCookie = TokenPolicy::new("acme").header("cookie").prefix("session="));

#[tokio::test]
async fn a_token_goes_into_the_query_and_a_401_renews_it() {
    let server = serve(|request| {
        let is_old = request.url.query().is_some_and(|query| query.contains("token-1"));
        status(if is_old { 401 } else { 200 })
    })
    .await;
    let tokens =
        TokenSource::builder(acme::<InQuery>(&issuer()), "password".to_owned()).clock(TestClock::new()).build();
    let error = tokens.header().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InQuery);
    assert!(["HttpClient", "query_name"].iter().all(|word| error.to_string().contains(word)), "{error}");
    assert!(tokens.try_header().is_none() && tokens.try_token().is_some());
    assert_eq!(tokens.query_name(), Some("auth"));

    let api = client(&server, tokens);
    let response = api.post(format!("{}/a?b=%20&auth=mine", server.uri())).send().await.unwrap();
    assert_eq!(response.status(), 200);
    let requests = server.received_requests().await.unwrap();
    let queries: Vec<&str> = requests.iter().filter_map(|request| request.url.query()).collect();
    assert_eq!(queries, ["b=%20&auth=token-1", "b=%20&auth=token-2"]);
    assert!(requests.iter().all(|request| !request.headers.contains_key("authorization")));
}

#[tokio::test]
async fn a_token_goes_into_a_cookie_beside_others() {
    let server = serve(|request| status(if header(request, "cookie").contains("token-1") { 401 } else { 200 })).await;
    let tokens =
        TokenSource::builder(acme::<InCookie>(&issuer()), "password".to_owned()).clock(TestClock::new()).build();
    let api = client(&server, tokens);
    let call = api.get(server.uri()).header("cookie", "lang=en; session=mine");
    assert_eq!(call.send().await.unwrap().status(), 200);
    let requests = server.received_requests().await.unwrap();
    let cookies: Vec<String> = requests.iter().map(|request| header(request, "cookie")).collect();
    assert_eq!(cookies, ["lang=en; session=token-1", "lang=en; session=token-2"]);
}
