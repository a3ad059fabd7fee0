//! `login`: a refresh token from standard input.

use std::io::Write;
use std::process::Stdio;

use crate::support::{Ran, User, sandbox};

fn login(user: &User, input: &[u8]) -> Ran {
    let mut command = user.command(&["login", "zenoti", "--refresh-token", "-"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    Ran::of(child.wait_with_output().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refresh_token_from_a_pipe_is_used_once_and_kept_fresh() {
    let (_sandbox, issuer, user) = sandbox("zenoti").await;
    for ending in ["", "\n", "\r\n"] {
        let consent = issuer.consent().unwrap();
        let ran = login(&user, format!("{consent}{ending}").as_bytes());
        assert_eq!((ran.code, ran.out.as_str()), (Some(0), ""), "{}", ran.err);
        user.ok(&["token", "zenoti"]);
    }
    let counts = issuer.counts();
    assert_eq!((counts.logins, counts.refreshes, counts.double_spends), (0, 3, 0), "{counts:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_refresh_token_is_status_3_although_there_is_a_login() {
    let (_sandbox, issuer, user) = sandbox("zenoti").await;
    let ran = login(&user, b"nonsense");
    assert_eq!((ran.code, ran.out.as_str()), (Some(3), ""), "{}", ran.err);
    assert!(ran.err.contains("the refresh token was refused") && !ran.err.contains("nonsense"), "{}", ran.err);
    user.ok(&["token", "zenoti"]);
    assert_eq!(issuer.counts().logins, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_standard_input_and_a_vendor_without_refresh_tokens_are_status_2() {
    let (_sandbox, issuer, user) = sandbox("zenoti").await;
    for input in [&b""[..], b"\n", b"\xff\xfea\0"] {
        let ran = login(&user, input);
        assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{}", ran.err);
        assert!(ran.err.contains("the refresh token on standard input is"), "{}", ran.err);
    }
    let ran = user.run(&["login", "voucherify", "--refresh-token", "-"]);
    assert!(ran.code == Some(2) && ran.err.contains("has no refresh tokens"), "{}", ran.err);
    assert_eq!(issuer.counts().requests, 0);
}
