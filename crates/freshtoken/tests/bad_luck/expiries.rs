//! Odd expiries, and clocks that differ.

use super::*;

#[tokio::test]
async fn any_expiry_of_voucherify_is_a_lifetime_or_ignored() {
    let at = |seconds: u64| (unix(start()) + seconds).to_string();
    let cases: [(&str, String, u64); 32] = [
        ("600", at(900), 600),
        ("3600", at(3_600), 3_600),
        ("\"3600\"", format!("\"{}\"", at(3_600)), 3_600),
        ("\" 600 \"", at(900), 600),
        ("600.0", format!("{}.0", at(900)), 600),
        ("6e2", at(900), 600),
        ("599.5", at(900), 599),
        ("\"599.5\"", at(900), 599),
        ("1", at(900), 1),
        ("600", "\"2026-11-22T00:05:00Z\"".to_owned(), 300),
        ("600", "\"Sun, 22 Nov 2026 00:05:00 GMT\"".to_owned(), 300),
        // An implausible expiry is unknown; if both are, the documented lifetime is used.
        ("1e18", at(600), 600),
        ("1000000000000000000", at(600), 600),
        ("9223372036854775807", "9223372036854775807".to_owned(), 900),
        ("600", format!("{}000", at(600)), 600),
        // It counts as not sent.
        ("0", at(600), 600),
        ("-1", at(600), 600),
        ("\"-900\"", at(600), 600),
        ("-9223372036854775808", at(600), 600),
        ("\"soon\"", at(600), 600),
        ("\"3600s\"", at(600), 600),
        ("\"\"", at(600), 600),
        ("null", at(600), 600),
        ("true", at(600), 600),
        ("[900]", at(600), 600),
        ("1e999", at(600), 600),
        ("600", "0".to_owned(), 600),
        ("600", "-5".to_owned(), 600),
        ("600", "1e300".to_owned(), 600),
        ("600", "null".to_owned(), 600),
        ("\"never\"", "{}".to_owned(), 900),
        ("0", "\"0001-01-01T00:00:00Z\"".to_owned(), 900),
    ];
    for (in_, at, lifetime) in cases {
        let clock = TestClock::new();
        let (server, tokens) = unlucky(voucherify_token_with("token", in_, &at).date(clock.wall()), &clock);
        let token = limit(tokens.token()).await.unwrap();
        let got = token.expires_at().unwrap().duration_since(clock.wall()).unwrap();
        assert_eq!((got.as_secs(), server.count()), (lifetime, 1), "{in_} and {at}");
    }
}

#[tokio::test]
async fn any_expiry_of_zenoti_is_a_lifetime_or_ignored() {
    let cases = [
        ("\"2026-11-22T11:19:18.7016839Z\"", 40_758),
        ("\"2026-11-22T02:00:00+01:00\"", 3_600),
        ("\"Sun, 22 Nov 2026 01:00:00 GMT\"", 3_600),
        ("1795309200", 3_600),
        // Missing, implausible or unreadable: the documented lifetime is used.
        ("null", DAY),
        ("\"9999-12-31T23:59:59Z\"", DAY),
        ("\"0001-01-01T00:00:00Z\"", DAY),
        ("\"2026-11-22T11:19:18.7016839\"", DAY),
        ("\"11/22/2026 11:19:18 AM\"", DAY),
        ("\"\"", DAY),
        ("\"2026-13-45T00:00:00Z\"", DAY),
    ];
    for (end, lifetime) in cases {
        let clock = TestClock::new();
        let server = Server::new(zenoti_pair(1, clock.wall()).replace("\"2026-11-23T00:00:00Z\"", end));
        let tokens = zenoti_at(&server, &clock);
        let token = limit(tokens.token()).await.unwrap();
        let got = token.expires_at().unwrap().duration_since(clock.wall()).unwrap();
        assert_eq!((got.as_secs(), server.count()), (lifetime, 1), "{end}");
    }
}

#[tokio::test]
async fn a_token_that_arrives_expired_is_a_failure() {
    let clock = TestClock::new();
    let voucherify = voucherify_token_with("token", "900", &unix(start()).to_string()).date(clock.wall());
    let zenoti = zenoti_pair(1, clock.wall()).replace("\"2026-11-23T00:00:00Z\"", "\"2026-11-22T00:00:00Z\"");
    for (response, at) in [(voucherify, voucherify_at as fn(&_, &_) -> _), (zenoti, zenoti_at)] {
        let server = Server::new(response);
        let error = ask(&at(&server, &clock)).await.unwrap_err();
        assert_eq!((error.kind(), error.retry_after()), (ErrorKind::Unavailable, Some(s(1))));
        let text = std::error::Error::source(&error).unwrap().to_string();
        assert_eq!(text, "the access token arrived expired");
    }
}

#[tokio::test]
async fn the_lifetime_is_right_though_the_issuer_clock_is_off() {
    type Case = (fn(SystemTime) -> Response, fn(&Server, &TestClock) -> TokenSource, u64);
    let voucherify: Case = (|now| voucherify_token("token", now), voucherify_at, 900);
    let zenoti: Case = (|now| zenoti_pair(1, now), zenoti_at, DAY);
    for (response, at, life) in [voucherify, zenoti] {
        for issuer in [start(), start() + s(600), start() - s(600)] {
            let clock = TestClock::new();
            let server = Server::new(response(issuer));
            let tokens = at(&server, &clock);
            assert_eq!(limit(tokens.token()).await.unwrap().expires_at(), Some(start() + s(life)));
            assert_eq!(server.count(), 1);
        }
    }
}
