//! `FRESHTOKEN_STORE=redis://…`, with a server: `cargo test -p freshtoken-cli --features redis -- --ignored`.

use crate::support::{Fixed, User};

#[allow(clippy::expect_used, reason = "a helper of a test may fail as the test may")]
#[path = "../../../redis/tests/support/mod.rs"]
mod server;

#[test]
#[ignore = "starts a redis-server"]
fn machines_with_the_same_key_share_one_token() {
    let issuer = Fixed::token("invented-token");
    let mut server = server::Server::start(&[]);
    let machine = || {
        let mut user = issuer.user();
        user.set("FRESHTOKEN_STORE", &server.url());
        user
    };
    let machines: Vec<User> = (0..3).map(|_| machine()).collect();
    assert_eq!(machines[0].ok(&["token", "voucherify"]), "invented-token\n");
    for machine in &machines[1..] {
        std::fs::create_dir(machine.state()).unwrap();
        std::fs::set_permissions(machine.state(), std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
        std::fs::copy(machines[0].state().join("key"), machine.state().join("key")).unwrap();
        assert_eq!(machine.ok(&["token", "voucherify"]), "invented-token\n");
    }
    assert_eq!(issuer.count(), 1);
    assert!(!server.cli(&["--raw", "KEYS", "*"]).is_empty());
    machines[0].ok(&["revoke", "voucherify", "--forget"]);
    assert!(machines[1].ok(&["status", "voucherify"]).starts_with("voucherify: empty"));
    server.kill();
    let ran = machines[1].run(&["status", "voucherify"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(4), ""), "{}", ran.err);
    assert!(!ran.err.contains("invented-token"));
}
