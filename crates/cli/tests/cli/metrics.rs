//! The agent's metrics, as Prometheus reads them.

use std::io::Write;
use std::process::Stdio;

use crate::agent::{Agent, body, status};
use crate::support::{Fixed, Ran, User, has};

/// Lets Prometheus' own program parse metrics and judge their names.
fn check(user: &User, metrics: &str) -> Ran {
    let mut command = user.other_command("promtool", &["check", "metrics"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(metrics.as_bytes()).unwrap();
    Ran::of(child.wait_with_output().unwrap())
}

#[test]
fn prometheus_has_no_objection_to_the_metrics() {
    if !has("promtool") {
        return;
    }
    let issuer = Fixed::token("invented-token");
    let mut user = issuer.user();
    for name in ["ACCOUNT_NAME", "USER_NAME", "PASSWORD", "APP_ID", "APP_SECRET", "DEVICE_ID"] {
        user.set(&format!("ZENOTI_{name}"), "invented");
    }
    user.set("ZENOTI_URL", &issuer.url);
    let agent = Agent::start(&user, &[]);
    for metrics in [agent.get("/metrics"), {
        // One grant that succeeds, one that fails, and a request that is denied.
        assert_eq!(status(&agent.get("/v1/accounts/voucherify/header")), 200);
        assert_eq!(status(&agent.get("/v1/accounts/zenoti/header")), 503);
        assert_eq!(status(&agent.request("GET /healthz", &["origin: null"], "")), 403);
        agent.get("/metrics")
    }] {
        let ran = check(&user, body(&metrics));
        assert_eq!((ran.code, ran.out + &ran.err), (Some(0), String::new()), "{metrics}");
    }
    assert_ne!(check(&user, "freshtoken_broken{ 1\n").code, Some(0), "promtool objects to what is broken");
}
