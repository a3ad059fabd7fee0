//! The states of tokens: expired, spent, replaced, redundant, revoked, too many.

use std::time::Duration;

use freshtoken_sandbox::{Fault, Outcome};
use serde_json::{Value, json};

use crate::support::{
    body, foreign, header, play, s, start, status_and_body, text, vendor, voucherify_login, wellnessliving_login,
    with_keys, zenoti, zenoti_login, zenoti_refresh,
};

#[tokio::test]
async fn a_call_needs_a_live_token_with_the_right_prefix() {
    let zenoti = zenoti(vendor("zenoti").lifetime(s(60))).await;
    let (access, playing) = (&zenoti.access, &zenoti.playing);
    for (authorization, status) in [
        (format!("bearer {access}"), 200),
        (format!("Bearer {access}"), 200),
        (format!("bearer  {access}"), 401),
        (access.clone(), 401),
        (format!("bearer {access}x"), 401),
        (format!("bearer {}", zenoti.refresh), 401),
        ("bearer ".to_owned(), 401),
        (String::new(), 401),
    ] {
        assert_eq!(playing.call(&authorization).await, status, "{authorization}");
    }
    playing.issuer.advance_clock(s(59));
    assert_eq!(playing.call(&format!("bearer {access}")).await, 200);
    playing.issuer.advance_clock(s(1));
    assert_eq!(playing.call(&format!("bearer {access}")).await, 401);
    let counts = playing.issuer.counts();
    assert_eq!((counts.requests, counts.calls_accepted, counts.calls_refused), (1, 3, 7));
}

#[tokio::test]
async fn an_expired_token_gets_the_vendors_401() {
    let playing = play(vendor("voucherify")).await;
    let token = text(&status_and_body(voucherify_login(&playing)).await.1, "/access_token");
    playing.issuer.advance_clock(s(900));
    let response = playing.http.get(playing.url("/v1/vouchers")).bearer_auth(token).send().await.unwrap();
    assert_eq!((response.status().as_u16(), header(&response, "x-sandbox-reason")), (401, "the token has expired"));
    assert_eq!(body(response).await["code"], 401);
}

#[tokio::test]
async fn a_single_use_refresh_token_works_once() {
    let zenoti = zenoti(vendor("zenoti")).await;
    let playing = &zenoti.playing;
    playing.issuer.advance_clock(s(24 * 60 * 60));
    let (status, pair) = zenoti_refresh(playing, &zenoti.refresh).await;
    assert_eq!(status, 200);
    let again = zenoti_refresh(playing, &zenoti.refresh).await;
    assert_eq!(again, (401, json!({ "error": { "code": 401, "message": "`refresh_token` has been used already" } })));
    let access = text(&pair, "/credentials/access_token");
    assert_eq!(playing.call(&format!("bearer {access}")).await, 200, "a second attempt invalidates nothing");
    playing.issuer.advance_clock(s(24 * 60 * 60));
    assert_eq!(zenoti_refresh(playing, &text(&pair, "/credentials/refresh_token")).await.0, 200);
    let counts = playing.issuer.counts();
    assert_eq!(
        (counts.refreshes, counts.refresh_tokens_spent, counts.double_spends, counts.early_refreshes),
        (2, 2, 1, 0)
    );
}

#[tokio::test]
async fn an_early_refresh_returns_a_redundant_pair() {
    let zenoti = zenoti(vendor("zenoti")).await;
    let playing = &zenoti.playing;
    playing.issuer.advance_clock(s(24 * 60 * 60 - 1));
    let (status, pair) = zenoti_refresh(playing, &zenoti.refresh).await;
    assert_eq!(status, 200, "the response looks normal");
    let access = text(&pair, "/credentials/access_token");
    assert_eq!(playing.call(&format!("bearer {}", zenoti.access)).await, 401);
    assert_eq!(playing.call(&format!("bearer {access}")).await, 401);
    playing.issuer.advance_clock(s(24 * 60 * 60));
    let (status, refused) = zenoti_refresh(playing, &text(&pair, "/credentials/refresh_token")).await;
    assert_eq!(status, 401);
    assert!(text(&refused, "/error/message").contains("redundant"));
    assert_eq!(zenoti_login(playing).await.0, 200, "a login works");
    let counts = playing.issuer.counts();
    assert_eq!((counts.early_refreshes, counts.double_spends), (1, 0));
    let early = |event: &&freshtoken_sandbox::Event| matches!(event.outcome, Outcome::Refreshed { early: true, .. });
    assert_eq!(playing.issuer.events().iter().filter(early).count(), 1);
}

#[tokio::test]
async fn a_refresh_at_expiry_invalidates_the_account_s_other_tokens() {
    let zenoti = zenoti(vendor("zenoti").accounts(2)).await;
    let playing = &zenoti.playing;
    let mut body: Value =
        playing.issuer.all_credentials()[1].iter().map(|(n, v)| (n.clone(), Value::from(v.as_str()))).collect();
    body["grant_type"] = "password".into();
    playing.issuer.advance_clock(s(12 * 60 * 60));
    let (_, mine) = zenoti_login(playing).await;
    let (status, others) = status_and_body(playing.post("/v1/tokens").json(&body)).await;
    assert_eq!(status, 200);
    playing.issuer.advance_clock(s(12 * 60 * 60));
    assert_eq!(zenoti_refresh(playing, &zenoti.refresh).await.0, 200);
    assert_eq!(playing.call(&format!("bearer {}", text(&mine, "/credentials/access_token"))).await, 401);
    assert_eq!(playing.call(&format!("bearer {}", text(&others, "/credentials/access_token"))).await, 200);
}

#[tokio::test]
async fn credentials_of_two_accounts_do_not_mix() {
    let playing = play(vendor("voucherify").accounts(2)).await;
    let [first, second] = playing.issuer.all_credentials() else { panic!("two accounts") };
    assert_eq!(second["app_id"], "example-app-id-2");
    let form = [("grant_type", "client_credentials"), ("scope", "api")];
    let login = |id: &str, token: &str| {
        playing.post("/v1/oauth/token").header("x-app-id", id).header("x-app-token", token).form(&form)
    };
    assert_eq!(status_and_body(login(&second["app_id"], &second["app_token"])).await.0, 200);
    assert_eq!(status_and_body(login(&first["app_id"], &second["app_token"])).await.0, 401);
}

#[tokio::test]
async fn a_credential_can_accept_any_value() {
    let playing = play(vendor("wellnessliving").any("client_secret")).await;
    assert!(!playing.issuer.credentials().contains_key("client_secret"));
    let login = |id: &str| {
        let form = [("client_id", id), ("client_secret", "anything"), ("grant_type", "client_credentials")];
        playing.post("/oauth2/token").form(&form)
    };
    assert_eq!(status_and_body(login("example-client-id")).await.0, 200);
    assert_eq!(status_and_body(login("other")).await.0, 400);
}

#[tokio::test]
async fn a_refresh_token_expires_too() {
    let zenoti = zenoti(vendor("zenoti").refresh_lifetime(s(2 * 24 * 60 * 60))).await;
    zenoti.playing.issuer.advance_clock(s(2 * 24 * 60 * 60));
    let (status, refused) = zenoti_refresh(&zenoti.playing, &zenoti.refresh).await;
    assert_eq!((status, text(&refused, "/error/message").as_str()), (401, "`refresh_token` has expired"));
}

#[tokio::test]
async fn zenoti_revokes_all_access_tokens_but_not_the_refresh_token() {
    let zenoti = zenoti(vendor("zenoti")).await;
    let playing = &zenoti.playing;
    let (_, second) = zenoti_login(playing).await;
    let revoke = || playing.http.delete(playing.url("/v1/tokens/sessions/revoke")).bearer_auth(&zenoti.access);
    assert_eq!(status_and_body(revoke()).await, (200, Value::Null));
    assert_eq!(playing.call(&format!("bearer {}", zenoti.access)).await, 401);
    assert_eq!(playing.call(&format!("bearer {}", text(&second, "/credentials/access_token"))).await, 401);
    assert_eq!(status_and_body(revoke()).await.0, 401);
    playing.issuer.advance_clock(s(24 * 60 * 60));
    assert_eq!(zenoti_refresh(playing, &zenoti.refresh).await.0, 200);
    assert_eq!(playing.issuer.counts().revocations, 1);
}

#[tokio::test]
async fn voucherify_introspects_and_revokes_the_named_token() {
    let playing = play(vendor("voucherify")).await;
    let form = [("grant_type", "client_credentials"), ("scope", "vouchers client_redeem")];
    let login = with_keys(playing.post("/v1/oauth/token"), &playing).form(&form);
    let (_, token) = status_and_body(login).await;
    assert_eq!(token["scope"], "vouchers client_redeem");
    assert_eq!((&token["expires_in"], &token["expires_at"]), (&json!(900), &json!(1_795_306_500)));
    let access = text(&token, "/access_token");
    let other = text(&status_and_body(voucherify_login(&playing)).await.1, "/access_token");
    let ask = async |path: &str, token: &str| {
        status_and_body(with_keys(playing.post(path), &playing).form(&[("access_token", token)])).await
    };

    playing.issuer.advance_clock(s(100));
    let (status, mut active) = ask("/v1/oauth/introspect", &access).await;
    assert_eq!((status, active["active"].take(), &active["expires_in"]), (200, json!(true), &json!(800)));
    assert_eq!((&active["access_token"], &active["scope"]), (&token["access_token"], &token["scope"]));
    assert_eq!((&active["expires_at"], &active["client_id"]), (&token["expires_at"], &token["client_id"]));

    assert_eq!(ask("/v1/oauth/token/revoke", &access).await, (204, Value::Null));
    assert_eq!(ask("/v1/oauth/introspect", &access).await, (200, json!({ "active": false })));
    assert_eq!(ask("/v1/oauth/introspect", "unknown").await, (200, json!({ "active": false })));
    assert_eq!(ask("/v1/oauth/token/revoke", &access).await, (404, Value::Null));
    assert_eq!(playing.call(&format!("Bearer {access}")).await, 401);
    assert_eq!(playing.call(&format!("Bearer {other}")).await, 200);
}

#[tokio::test]
async fn a_token_of_another_account_is_unknown() {
    let playing = play(vendor("voucherify").accounts(2)).await;
    let access = text(&status_and_body(voucherify_login(&playing)).await.1, "/access_token");
    let second = &playing.issuer.all_credentials()[1];
    let ask = async |path: &str| {
        let request = playing.post(path).form(&[("access_token", &access)]);
        status_and_body(request.header("x-app-id", &second["app_id"]).header("x-app-token", &second["app_token"])).await
    };
    assert_eq!(ask("/v1/oauth/introspect").await, (200, json!({ "active": false })));
    assert_eq!(ask("/v1/oauth/token/revoke").await, (404, Value::Null));
    assert_eq!((playing.call(&format!("Bearer {access}")).await, playing.issuer.counts().revocations), (200, 0));
    let own = with_keys(playing.post("/v1/oauth/token/revoke"), &playing).form(&[("access_token", &access)]);
    assert_eq!(status_and_body(own).await.0, 204);
}

/// RFC 7009: it succeeds if no 404 is documented, but nothing is revoked.
#[tokio::test]
async fn a_revocation_leaves_tokens_of_other_accounts() {
    let playing = play(foreign("keycloakish").accounts(2)).await;
    let [first, second] = playing.issuer.all_credentials() else { panic!("two accounts") };
    let grant = async |path: &str, account: &freshtoken_sandbox::Credentials, form: &[(&str, &str)]| {
        let request = playing.post(&format!("/realms/my%20realm%2F%C3%BC{path}")).form(form);
        let half = |name: &str| account[name].replace('%', "%25").replace('+', "%2B").replace(':', "%3A");
        status_and_body(request.basic_auth(half("client_id"), Some(half("client_secret")))).await
    };
    let path = "/protocol/openid-connect/token";
    let (status, token) = grant(path, first, &[("grant_type", "client_credentials")]).await;
    assert_eq!(status, 200);
    let form = [("refresh_token", token["refresh_token"].as_str().unwrap())];
    assert_eq!(grant("/logout", second, &form).await, (204, Value::Null));
    assert_eq!(playing.call(&format!("Bearer {}", text(&token, "/access_token"))).await, 200);
    assert_eq!(grant("/logout", first, &form).await, (204, Value::Null));
    assert_eq!(playing.call(&format!("Bearer {}", text(&token, "/access_token"))).await, 401);
}

#[tokio::test]
async fn an_introspection_uses_the_vendor_s_clock() {
    let playing = play(vendor("voucherify")).await;
    let access = text(&status_and_body(voucherify_login(&playing)).await.1, "/access_token");
    playing.issuer.inject(Fault::clock_off(-7_200));
    let ask = with_keys(playing.post("/v1/oauth/introspect"), &playing).form(&[("access_token", &access)]);
    let active = status_and_body(ask).await.1;
    assert_eq!((&active["active"], &active["expires_in"]), (&json!(true), &json!(900)));
    assert_eq!(active["expires_at"], json!(1_795_306_500 - 7_200));
}

#[tokio::test]
async fn a_refresh_can_exceed_the_live_token_limit() {
    let playing = play(foreign("zoomish").live_tokens(1)).await;
    let refresh = async |token: &str| {
        let request = playing.post("/refresh").form(&[("grant_type", "refresh_token"), ("refresh_token", token)]);
        status_and_body(request.basic_auth("example-client-id%2B1", Some("example-client-secret%3A100%25"))).await
    };
    // This vendor is single-use, hence at-expiry: the refresh invalidates the account's tokens.
    let (status, first) = refresh(&playing.issuer.consent().unwrap()).await;
    let second = playing.issuer.consent().unwrap();
    assert_eq!((status, refresh(&second).await.0, playing.issuer.live_tokens()), (200, 200, 1));
    assert_eq!(playing.call(&format!("bearer {}", text(&first, "/access_token"))).await, 401);

    let playing = play(foreign("consentish").live_tokens(1)).await;
    let refresh = async |token: &str| {
        let body =
            json!({ "refresh_token": token, "client_id": "example-client-id+1", "site_id": 1, "type": "example-type" });
        let request = playing.post(&format!("/{}/renew?level=1", playing.issuer.settings()["tenant"])).json(&body);
        status_and_body(request.basic_auth("example-client-id%2B1", Some("example-client-secret%3A100%25"))).await
    };
    let (status, _) = refresh(&playing.issuer.consent().unwrap()).await;
    let second = playing.issuer.consent().unwrap();
    assert_eq!((status, playing.issuer.live_tokens()), (200, 1));
    assert!(refresh(&second).await.0 >= 400);
    assert_eq!(playing.issuer.revoke_all(), 1);
    assert_eq!(refresh(&second).await.0, 200, "the refresh token was not spent");
}

#[tokio::test]
async fn a_login_can_exceed_the_live_token_limit() {
    let playing = play(vendor("voucherify").live_tokens(3)).await;
    for _ in 0..3 {
        assert_eq!(status_and_body(voucherify_login(&playing)).await.0, 200);
    }
    playing.issuer.advance_clock(s(890));
    let response = voucherify_login(&playing).send().await.unwrap();
    let headers = ["retry-after", "x-rate-limit-retry"].map(|name| header(&response, name).to_owned());
    assert_eq!((response.status().as_u16(), headers), (429, ["10".to_owned(), "1795306500".to_owned()]));
    assert_eq!(body(response).await["code"], 429);
    let token = playing.issuer.live_tokens();
    playing.issuer.advance_clock(s(10));
    assert_eq!((token, playing.issuer.live_tokens()), (3, 0));
    assert_eq!(status_and_body(voucherify_login(&playing)).await.0, 200);
}

#[tokio::test]
async fn a_lifetime_is_the_spec_s_unless_set() {
    for (lifetime, expires_in) in [(None, 3600), (Some(s(5)), 5)] {
        let spec = vendor("wellnessliving");
        let playing = play(lifetime.into_iter().fold(spec, |spec, lifetime| spec.lifetime(lifetime))).await;
        assert_eq!(status_and_body(wellnessliving_login(&playing)).await.1["expires_in"], expires_in);
    }
    let zenoti = zenoti(vendor("zenoti")).await;
    let (_, pair) = zenoti_login(&zenoti.playing).await;
    assert_eq!(pair.pointer("/credentials/access_token_expiry"), Some(&json!("2026-11-23T00:00:00.0000000Z")));
    assert_eq!(pair.pointer("/credentials/refresh_token_expiry"), Some(&json!("2027-02-20T00:00:00.0000000Z")));
}

#[tokio::test]
async fn revoking_a_refresh_token_revokes_its_access_tokens() {
    let playing = play(foreign("keycloakish")).await;
    let grant = |form: &[(&str, &str)], path: &str| {
        let request = playing.post(&format!("/realms/my%20realm%2F%C3%BC{path}")).form(form);
        request.basic_auth("example-client-id%2B1", Some("example-client-secret%3A100%25"))
    };
    let path = "/protocol/openid-connect/token";
    let (status, token) = status_and_body(grant(&[("grant_type", "client_credentials")], path)).await;
    assert_eq!((status, &token["refresh_expires_in"]), (200, &json!("7776000")));
    let refresh = text(&token, "/refresh_token");
    let refreshed =
        |token: &str| status_and_body(grant(&[("grant_type", "refresh_token"), ("refresh_token", token)], path));
    let (status, second) = refreshed(&refresh).await;
    assert_eq!((status, &second["refresh_token"]), (200, &token["refresh_token"]), "the refresh token is reusable");
    assert_eq!(playing.call(&format!("Bearer {}", text(&token, "/access_token"))).await, 200);
    assert_eq!(status_and_body(grant(&[("refresh_token", &refresh)], "/logout")).await, (204, Value::Null));
    for token in [&token, &second] {
        assert_eq!(playing.call(&format!("Bearer {}", text(token, "/access_token"))).await, 401);
    }
    assert_eq!(refreshed(&refresh).await.0, 401);
    let elsewhere =
        playing.post("/realms/other/protocol/openid-connect/token").form(&[("grant_type", "client_credentials")]);
    let elsewhere = elsewhere.basic_auth("example-client-id%2B1", Some("example-client-secret%3A100%25"));
    assert_eq!(status_and_body(elsewhere).await.0, 404);
}

#[tokio::test]
async fn a_live_token_can_be_repeated_until_its_last_second() {
    let playing = play(vendor("wellnessliving").lifetime(s(60)).repeat_live_token()).await;
    let login = async || status_and_body(wellnessliving_login(&playing)).await.1;
    let first = login().await;
    playing.issuer.advance_clock(s(59));
    let again = login().await;
    assert_eq!([&again["access_token"], &again["expires_in"]], [&first["access_token"], &json!(1)]);
    let end = Some(start() + s(60));
    assert_eq!(playing.issuer.events()[1].outcome, Outcome::Repeated { token: 1, expires_at: end });
    playing.issuer.advance_clock(Duration::from_millis(500));
    let next = login().await;
    assert_eq!(
        [&next["access_token"], &next["expires_in"]],
        [&json!("example-header.example-payload.example-signature-2"), &json!(60)]
    );
    assert_eq!(playing.issuer.counts().logins, 2);
}

#[tokio::test]
async fn a_tenant_decides_whether_refresh_tokens_work_once() {
    for (vendor, again) in [(foreign("rotatish"), 400), (foreign("rotatish").reusable_refresh_tokens(), 200)] {
        let playing = play(vendor).await;
        let token = async |form: &[(&str, &str)]| status_and_body(playing.post("/token").form(form)).await;
        let credentials = playing.issuer.credentials();
        let password = [
            ("grant_type", "password"),
            ("username", &credentials["username"]),
            ("password", &credentials["password"]),
        ];
        let refresh_token = text(&token(&password).await.1, "/refresh_token");
        let refresh = [("grant_type", "refresh_token"), ("refresh_token", refresh_token.as_str())];
        playing.issuer.advance_clock(s(300));
        let (status, first) = token(&refresh).await;
        assert_eq!((status, first.get("refresh_token").is_some()), (200, again == 400), "{first}");
        playing.issuer.advance_clock(s(30));
        assert_eq!(token(&refresh).await.0, again);
    }
}

#[tokio::test]
async fn a_used_refresh_token_works_once_more_within_the_grace() {
    let playing = play(foreign("rotatish")).await;
    let refresh_token = playing.issuer.consent().unwrap();
    let refresh = [("grant_type", "refresh_token"), ("refresh_token", refresh_token.as_str())];
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(status_and_body(playing.post("/token").form(&refresh)).await.0);
        playing.issuer.advance_clock(s(15));
    }
    assert_eq!(statuses, [200, 200, 400]);
    assert_eq!(playing.issuer.counts().double_spends, 1);
}

#[tokio::test]
async fn an_account_gets_no_more_tokens_than_the_spec_says() {
    let playing = play(foreign("limitish").accounts(2)).await;
    let refresh_token = playing.issuer.consent().unwrap();
    let token = async || {
        let id = playing.issuer.credentials()["client_id"].as_str();
        let form = [("grant_type", "refresh_token"), ("client_id", id), ("refresh_token", &refresh_token)];
        status_and_body(playing.post("/token").form(&form)).await.1
    };
    let mut tokens = Vec::new();
    for _ in 0..10 {
        tokens.push(text(&token().await, "/access_token"));
        playing.issuer.advance_clock(s(30));
    }
    let mut statuses = Vec::new();
    for access in &tokens[7..] {
        statuses.push(playing.call(&format!("Bearer {access}")).await);
    }
    assert_eq!(statuses, [401, 200, 200], "two are live");
    assert_eq!(token().await, json!({ "error": "Access Denied" }));
    playing.issuer.advance_clock(s(300));
    assert!(token().await.get("access_token").is_some());
    assert_eq!(token().await, json!({ "error": "Access Denied" }));
}

#[tokio::test]
async fn a_token_is_renewed_with_itself_while_it_is_valid_and_so_often() {
    let playing = play(foreign("selfish")).await;
    let renew = async |token: &str| status_and_body(playing.post("/token/renew").bearer_auth(token)).await;
    let login = || playing.post("/token").json(&json!({ "secret": playing.issuer.credentials()["secret"] }));
    let mut token = text(&status_and_body(login()).await.1, "/token");
    for _ in 0..7 {
        let (status, next) = renew(&token).await;
        assert_eq!(status, 200);
        token = text(&next, "/token");
    }
    assert_eq!(renew(&token).await.0, 401);
    token = text(&status_and_body(login()).await.1, "/token");
    playing.issuer.advance_clock(s(3600));
    assert_eq!(renew(&token).await.0, 401, "it has expired");
}
