//! Each fault: what the caller receives, and whether the grant took effect.

use std::time::Duration;

use freshtoken_sandbox::{Fault, FaultScope, RetryAfter};
use reqwest::Response;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::{
    Playing, body, header, play, s, status_and_body, text, vendor, voucherify_login, wellnessliving_login, zenoti,
    zenoti_refresh,
};

/// Injects a fault into Voucherify, and returns the result of a login.
async fn met(fault: Fault) -> (Playing, Result<Response, reqwest::Error>) {
    let playing = play(vendor("voucherify")).await;
    playing.issuer.inject(fault);
    let met = voucherify_login(&playing).send().await;
    (playing, met)
}

/// Returns the number of grants, and checks that no fault is left.
async fn grants_and_recovery(playing: &Playing) -> u64 {
    let grants = playing.issuer.counts().grants;
    assert_eq!(playing.issuer.counts().faults, 1);
    assert_eq!(playing.issuer.faults(), []);
    assert_eq!(status_and_body(voucherify_login(playing)).await.0, 200);
    grants
}

#[tokio::test]
async fn too_many_requests_says_how_long_to_wait_in_each_form() {
    let date = "Sun, 22 Nov 2026 00:00:45 GMT";
    for (form, retry_after, own) in [
        (RetryAfter::Seconds, "45", "1795305645"),
        (RetryAfter::Date, date, "1795305645"),
        (RetryAfter::PlayedVendor, "", "1795305645"),
        (RetryAfter::Nothing, "", ""),
    ] {
        let (playing, met) = met(Fault::too_many_requests(form, s(45))).await;
        let response = met.unwrap();
        assert_eq!(response.status(), 429);
        assert_eq!((header(&response, "retry-after"), header(&response, "x-rate-limit-retry")), (retry_after, own));
        assert_eq!(body(response).await["message"], "An invented text about too many calls");
        assert_eq!(grants_and_recovery(&playing).await, 0);
    }
}

#[tokio::test]
async fn a_server_error_has_the_documented_body() {
    let (playing, met) = met(Fault::server_error()).await;
    let response = met.unwrap();
    assert_eq!(response.status(), 500);
    assert_eq!(body(response).await["message"], "An invented text about a failure");
    assert_eq!(grants_and_recovery(&playing).await, 0);

    let playing = play(vendor("wellnessliving")).await;
    playing.issuer.inject(Fault::server_error());
    assert_eq!(status_and_body(wellnessliving_login(&playing)).await, (500, json!(null)), "no body is documented");
}

#[tokio::test]
async fn html_and_redirects_apply_before_the_vendor() {
    let (playing, met_html) = met(Fault::html(503)).await;
    let response = met_html.unwrap();
    assert_eq!((response.status().as_u16(), header(&response, "content-type")), (503, "text/html; charset=utf-8"));
    assert!(response.text().await.unwrap().starts_with("<!DOCTYPE html>"));
    assert_eq!(grants_and_recovery(&playing).await, 0);

    let (playing, met) = met(Fault::redirect("https://elsewhere.example/")).await;
    let response = met.unwrap();
    assert_eq!((response.status().as_u16(), header(&response, "location")), (307, "https://elsewhere.example/"));
    assert_eq!(grants_and_recovery(&playing).await, 0);
}

#[tokio::test]
async fn a_reset_applies_before_or_after_the_grant() {
    for (fault, grants) in [(Fault::reset_before(), 0), (Fault::reset_after(), 1)] {
        let (playing, met) = met(fault).await;
        let error = format!("{:?}", met.unwrap_err());
        assert!(error.contains("ConnectionReset"), "{error}");
        assert_eq!(playing.issuer.events()[0].status, None);
        assert_eq!(grants_and_recovery(&playing).await, grants);
    }
}

#[tokio::test]
async fn a_truncated_body_lacks_its_second_half() {
    let (playing, met) = met(Fault::truncated()).await;
    let response = met.unwrap();
    assert_eq!(response.status(), 200);
    assert!(response.content_length().is_some_and(|length| length > 100));
    assert!(response.text().await.is_err());
    assert_eq!(grants_and_recovery(&playing).await, 1);
}

#[tokio::test]
async fn an_oversized_body_is_still_json() {
    let (playing, met) = met(Fault::oversized(200_000)).await;
    let text = met.unwrap().text().await.unwrap();
    assert_eq!(text.len(), 200_000);
    assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap()["token_type"], "Bearer");
    assert_eq!(grants_and_recovery(&playing).await, 1);
}

#[tokio::test]
async fn a_token_can_be_issued_expired() {
    let (playing, met) = met(Fault::expired_token()).await;
    let token = body(met.unwrap()).await;
    assert_eq!((&token["expires_in"], &token["expires_at"]), (&json!(0), &json!(1_795_305_540)));
    assert_eq!(playing.call(&format!("Bearer {}", text(&token, "/access_token"))).await, 401);
    assert_eq!(grants_and_recovery(&playing).await, 1);
}

#[tokio::test]
async fn the_same_token_is_returned_with_its_remaining_lifetime() {
    let playing = play(vendor("voucherify")).await;
    let (_, first) = status_and_body(voucherify_login(&playing)).await;
    playing.issuer.advance_clock(s(300));
    playing.issuer.inject(Fault::same_token());
    let (_, second) = status_and_body(voucherify_login(&playing)).await;
    assert_eq!((&second["access_token"], &second["expires_at"]), (&first["access_token"], &first["expires_at"]));
    assert_eq!(second["expires_in"], 600);
    assert_eq!(playing.issuer.counts().grants, 1);
    let (_, third) = status_and_body(voucherify_login(&playing)).await;
    assert_ne!(third["access_token"], first["access_token"]);
}

#[tokio::test]
async fn a_wrong_clock_shows_in_the_date_and_all_times() {
    let (playing, met) = met(Fault::clock_off(-3600)).await;
    let response = met.unwrap();
    assert_eq!(header(&response, "date"), "Sat, 21 Nov 2026 23:00:00 GMT");
    let token = body(response).await;
    assert_eq!((&token["expires_in"], &token["expires_at"]), (&json!(900), &json!(1_795_302_900)));
    assert_eq!(
        playing.call(&format!("Bearer {}", text(&token, "/access_token"))).await,
        200,
        "the real lifetime is unchanged"
    );
    let response = voucherify_login(&playing).send().await.unwrap();
    assert_eq!(header(&response, "date"), "Sun, 22 Nov 2026 00:00:00 GMT");
}

#[tokio::test]
async fn a_delay_follows_the_issuer_s_clock() {
    let playing = play(vendor("voucherify")).await;
    playing.issuer.inject(Fault::delay(s(3600)));
    let waiting = tokio::spawn(voucherify_login(&playing).send());
    while playing.issuer.counts().faults == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(playing.issuer.counts().grants, 0);
    playing.issuer.advance_clock(s(3600));
    let response = waiting.await.unwrap().unwrap();
    assert_eq!((response.status().as_u16(), header(&response, "date")), (200, "Sun, 22 Nov 2026 01:00:00 GMT"));
}

#[tokio::test]
async fn a_lost_refresh_response_spends_the_refresh_token() {
    let zenoti = zenoti(vendor("zenoti")).await;
    let playing = &zenoti.playing;
    playing.issuer.advance_clock(s(24 * 60 * 60));
    playing.issuer.inject(Fault::reset_after().on(FaultScope::Refresh));
    let body = json!({ "grant_type": "refresh_token", "refresh_token": zenoti.refresh });
    assert!(playing.post("/v1/tokens").json(&body).send().await.is_err());
    assert_eq!(zenoti_refresh(playing, &zenoti.refresh).await.0, 401);
    assert_eq!((playing.issuer.counts().refreshes, playing.issuer.counts().double_spends), (1, 1));
}

#[tokio::test]
async fn a_fault_respects_its_scope_count_and_duration() {
    let playing = play(vendor("voucherify")).await;
    let token = text(&status_and_body(voucherify_login(&playing)).await.1, "/access_token");
    let bearer = format!("Bearer {token}");
    playing.issuer.inject(Fault::server_error().on(FaultScope::Calls).times(2));
    playing.issuer.inject(Fault::html(502).on(FaultScope::Grants).lasting(s(10)));
    let call = async || playing.call(&bearer).await;
    let login = async || status_and_body(voucherify_login(&playing)).await.0;
    assert_eq!([login().await, login().await], [502, 502]);
    assert_eq!([call().await, call().await, call().await], [500, 500, 200]);
    playing.issuer.advance_clock(s(10));
    assert_eq!(login().await, 200);
    playing.issuer.inject(Fault::server_error().on(FaultScope::All).times(9));
    playing.issuer.clear_faults();
    assert_eq!((login().await, call().await), (200, 200));
}

#[tokio::test]
async fn a_fault_by_probability_repeats_with_its_seed() {
    let run = async |seed| {
        let playing = play(vendor("voucherify").seed(seed)).await;
        playing.issuer.inject(Fault::server_error().probability(0.5));
        let mut statuses = Vec::new();
        for _ in 0..20 {
            statuses.push(status_and_body(voucherify_login(&playing)).await.0);
        }
        statuses
    };
    let first = run(7).await;
    assert!(first.contains(&200) && first.contains(&500));
    assert_eq!(first, run(7).await);
    assert_ne!(first, run(8).await);
}

#[tokio::test]
async fn stopping_does_not_wait_for_a_delay() {
    let playing = play(vendor("voucherify")).await;
    playing.issuer.inject(Fault::delay(s(3600)));
    let waiting = tokio::spawn(voucherify_login(&playing).send());
    while playing.issuer.counts().faults == 0 {
        tokio::task::yield_now().await;
    }
    let address = playing.sandbox.address();
    tokio::time::timeout(Duration::from_secs(10), playing.sandbox.shutdown()).await.unwrap();
    assert!(waiting.await.unwrap().is_err());
    assert!(tokio::net::TcpStream::connect(address).await.is_err(), "the port is closed");
}

/// Yields until the condition holds, for at most a minute.
async fn until(is_so: impl Fn() -> bool) {
    let yields = async {
        while !is_so() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), yields).await.unwrap();
}

/// Returns a login at Voucherify as bytes.
fn written_login(playing: &Playing) -> String {
    let credentials = playing.issuer.credentials();
    let form = "grant_type=client_credentials&scope=api";
    format!(
        "POST /voucherify/v1/oauth/token HTTP/1.1\r\nhost: localhost\r\nx-app-id: {}\r\nx-app-token: {}\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{form}",
        credentials["app_id"],
        credentials["app_token"],
        form.len()
    )
}

#[tokio::test]
async fn a_disconnecting_client_does_not_stop_its_grant() {
    let playing = play(vendor("voucherify")).await;
    playing.issuer.inject(Fault::delay(s(60)));
    let mut client = TcpStream::connect(playing.sandbox.address()).await.unwrap();
    client.write_all(written_login(&playing).as_bytes()).await.unwrap();
    until(|| playing.issuer.counts().faults == 1).await;
    client.shutdown().await.unwrap();
    let mut response = Vec::new();
    client.read_to_end(&mut response).await.unwrap();
    assert_eq!(response, b"", "the server has noticed the disconnect");
    playing.issuer.advance_clock(s(60));
    until(|| playing.issuer.counts().grants == 1).await;
    assert_eq!(playing.issuer.events()[0].status, Some(200));
}

#[tokio::test]
async fn requests_of_disconnected_clients_take_effect() {
    let playing = play(vendor("voucherify")).await;
    let call = "GET /voucherify/v1/vouchers HTTP/1.1\r\nhost: localhost\r\n\r\n".to_owned();
    for request in [written_login(&playing), call] {
        for _ in 0..50 {
            let mut client = TcpStream::connect(playing.sandbox.address()).await.unwrap();
            client.write_all(request.as_bytes()).await.unwrap();
        }
    }
    until(|| playing.issuer.events().len() == 100).await;
    assert_eq!((playing.issuer.counts().logins, playing.issuer.counts().calls_refused), (50, 50));
}

#[tokio::test]
async fn an_empty_response_is_reset_and_not_padded() {
    let playing = play(vendor("voucherify")).await;
    let revoke = async || {
        let (_, token) = status_and_body(voucherify_login(&playing)).await;
        let form = [("access_token", text(&token, "/access_token"))];
        crate::support::with_keys(playing.post("/v1/oauth/token/revoke"), &playing).form(&form).send().await
    };
    playing.issuer.inject(Fault::truncated().on(FaultScope::Revoke));
    assert!(revoke().await.is_err());
    assert_eq!(playing.issuer.counts().revocations, 1);
    playing.issuer.inject(Fault::oversized(1_000).on(FaultScope::Revoke));
    let padded = revoke().await.unwrap();
    assert_eq!((padded.status().as_u16(), header(&padded, "content-length")), (204, ""));
    assert_eq!(playing.issuer.counts().revocations, 2);

    let head = async || playing.http.head(playing.url("/v1/vouchers")).send().await;
    playing.issuer.inject(Fault::truncated().on(FaultScope::Calls));
    assert!(head().await.is_err());
    let length = async || header(&head().await.unwrap(), "content-length").to_owned();
    let plain = length().await;
    playing.issuer.inject(Fault::oversized(1_000).on(FaultScope::Calls));
    assert_eq!(length().await, plain);
}

#[tokio::test]
async fn extreme_fault_values_are_limited() {
    let playing = play(vendor("voucherify")).await;
    for (fault, bounded) in [
        (Fault::oversized(usize::MAX), Fault::oversized(64 * 1024 * 1024)),
        (Fault::html(204), Fault::html(200)),
        (Fault::html(7), Fault::html(200)),
    ] {
        playing.issuer.inject(fault);
        assert_eq!(playing.issuer.faults(), [bounded]);
        playing.issuer.clear_faults();
    }
    for fault in [
        Fault::too_many_requests(RetryAfter::Date, Duration::MAX),
        Fault::too_many_requests(RetryAfter::Date, s(300_000_000_000)),
        Fault::clock_off(300_000_000_000),
        Fault::clock_off(-300_000_000_000),
        Fault::clock_off(i64::MIN),
    ] {
        playing.issuer.inject(fault.clone());
        let response = voucherify_login(&playing).send().await.unwrap();
        assert!([200, 429].contains(&response.status().as_u16()), "{fault:?}");
    }
}
