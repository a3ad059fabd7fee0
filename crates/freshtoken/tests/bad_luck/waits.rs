//! Callers that cannot wait, and servers that respond late or never.

use super::*;

#[tokio::test]
async fn an_impatient_caller_loses_nothing() {
    let clock = TestClock::new();
    let server = Server::new(voucherify_token("token", clock.wall()));
    let tokens = voucherify_at(&server, &clock);
    server.close();
    tokio::select! {
        biased;
        _ = tokens.header() => panic!("it has a response"),
        () = server.arrived(1) => {}
    }
    assert!(tokens.try_header().is_none() && tokens.status().is_renewing);
    server.open();
    landed(&tokens).await;
    assert_eq!(tokens.try_header().unwrap(), "Bearer token");
    assert_eq!(server.count(), 1);
}

#[tokio::test]
async fn a_server_that_never_responds_times_out_after_thirty_seconds() {
    let clock = TestClock::new();
    let (server, tokens) = unlucky(Act::Hangs, &clock);
    let caller = tokio::spawn({
        let tokens = tokens.clone();
        async move { support::ask(&tokens).await }
    });
    server.arrived(1).await;
    thirty_seconds_pass().await;
    let error = limit(caller).await.unwrap().unwrap_err();
    assert_eq!((error.kind(), error.retry_after()), (ErrorKind::Unavailable, Some(s(1))));
    assert_eq!((cause(&error).kind(), cause(&error).status()), (Cause::Timeout, None));
    clock.advance(s(1));
    assert_eq!(ask(&tokens).await.unwrap(), "good");
    assert_eq!(server.count(), 2);
}

#[tokio::test]
async fn a_refresh_without_a_response_is_followed_by_a_login() {
    let clock = TestClock::new();
    let server = Server::new(zenoti_pair(1, clock.wall()));
    let tokens = zenoti_at(&server, &clock);
    ask(&tokens).await.unwrap();
    clock.advance(s(DAY + 2));
    server.does(zenoti_pair(2, clock.wall()));
    server.does_once(Act::Hangs);
    let caller = tokio::spawn(async move { support::ask(&tokens).await });
    server.arrived(2).await;
    thirty_seconds_pass().await;
    assert_eq!(limit(caller).await.unwrap().unwrap(), "access-2");
    assert_eq!(server.zenoti_saw(), ["login", "refresh refresh-1", "login"]);
}

/// For HTTP timeouts, which the test's clock does not control.
async fn thirty_seconds_pass() {
    tokio::time::pause();
    tokio::time::advance(s(31)).await;
    tokio::time::resume();
}

#[tokio::test]
async fn a_server_that_comes_up_late_is_found() {
    let (clock, address) = (TestClock::new(), reserved());
    let endpoint = voucherify::Endpoint::at(format!("http://{address}")).unwrap();
    let tokens = builder(endpoint, voucherify_credentials(), &clock).build();
    for wait in [1, 2, 4, 8, 16, 32, 60, 60] {
        let error = ask(&tokens).await.unwrap_err();
        assert_eq!((error.kind(), error.retry_after()), (ErrorKind::Unavailable, Some(s(wait))));
        assert!(cause(&error).is_connect(), "{error:?}");
        clock.advance(s(wait));
    }
    let server = Server::at(address, voucherify_token("token", clock.wall()));
    assert_eq!(ask(&tokens).await.unwrap(), "token");
    assert_eq!(server.connections(), 1);
    assert_eq!((tokens.status().state, tokens.status().counters.failures), (State::Fresh, 8));
}

#[tokio::test]
async fn the_same_token_after_a_401_stops_the_retries() {
    let clock = TestClock::new();
    let server = Server::new(voucherify_token("token", clock.wall()));
    let tokens = voucherify_at(&server, &clock);
    let header = limit(tokens.header()).await.unwrap();
    assert_eq!(tokens.rejected(&header), RejectionOutcome::Renewing);
    assert!(tokens.try_header().is_none());
    assert_eq!(limit(tokens.header()).await.unwrap(), header);
    for _ in 0..50 {
        assert_eq!(tokens.rejected(&header), RejectionOutcome::PermissionProblem);
        assert_eq!(limit(tokens.header()).await.unwrap(), header);
    }
    assert_eq!(server.count(), 2);
}
