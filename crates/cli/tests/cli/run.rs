//! `run`: the command's status, environment, signals and files.

use std::process::Stdio;
use std::time::Duration;

use crate::support::{Fixed, Ran, has, sandbox, sandbox_with, signal};

#[test]
fn the_command_s_own_status_comes_back() {
    let user = Fixed::token("invented-token").user();
    for file in [&[][..], &["--file"]] {
        for (script, code) in [("exit 0", Some(0)), ("exit 1", Some(1)), ("exit 255", Some(255))] {
            let arguments = [&["run"], file, &["voucherify", "--", "/bin/sh", "-c", script]].concat();
            assert_eq!(user.run(&arguments).code, code, "{arguments:?}");
        }
    }
    use std::os::unix::process::ExitStatusExt;
    let status = user.command(&["run", "voucherify", "--", "/bin/sh", "-c", "kill -TERM $$"]).status().unwrap();
    assert_eq!(status.signal(), Some(15), "the program is the command");
    for (signal, code) in [("TERM", 143), ("KILL", 137)] {
        let script = format!("kill -{signal} $$");
        assert_eq!(user.run(&["run", "--file", "voucherify", "--", "/bin/sh", "-c", &script]).code, Some(code));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failure_before_the_command_is_125_and_names_the_status() {
    let (_sandbox, _issuer, mut user) = sandbox("zenoti").await;
    user.set("ZENOTI_PASSWORD", "hunter2");
    let ran = user.run(&["run", "zenoti", "--", "true"]);
    assert_eq!(ran.code, Some(125));
    assert!(ran.err.contains("(status 3)"), "{}", ran.err);
    user.variables.clear();
    let ran = user.run(&["run", "voucherify", "--", "true"]);
    assert_eq!(ran.code, Some(125));
    assert!(ran.err.contains("(status 2)"), "{}", ran.err);
    assert_eq!(user.run(&["run", "voucherify"]).code, Some(125), "there is no command");
    assert_eq!(user.run(&["run", "--wrong", "voucherify", "--", "true"]).code, Some(125));
}

#[test]
fn a_command_that_cannot_start_is_126_or_127() {
    let user = Fixed::token("invented-token").user();
    let plain = user.dir.write("plain", 0o600, "");
    for file in [&[][..], &["--file"]] {
        for (program, code, hint) in
            [("/nonexistent", 127, ""), (plain.to_str().unwrap(), 126, "; run `chmod +x` on it")]
        {
            let ran = user.run(&[&["run"], file, &["voucherify", "--", program]].concat());
            assert_eq!(ran.code, Some(code), "{}", ran.err);
            assert!(ran.err.starts_with("freshtoken: cannot run"), "{}", ran.err);
            assert!(ran.err.ends_with(&format!("{hint}\n")), "{}", ran.err);
        }
    }
    // Without --file, the C library may give it to a shell.
    let script = user.dir.write("script", 0o700, "curl -fsS http://127.0.0.1:1\n");
    let ran = user.run(&["run", "--file", "voucherify", "--", script.to_str().unwrap()]);
    assert!(ran.code == Some(126) && ran.err.contains("a script starts with a line such as `#!/bin/sh`"), "{ran:?}");
}

#[test]
fn an_unusable_runtime_directory_is_named_with_its_problem() {
    let mut user = Fixed::token("invented-token").user();
    let file = user.dir.write("file", 0o600, "");
    for (dir, problem) in [("/nonexistent", "does not exist"), (file.to_str().unwrap(), "is not a directory")] {
        user.set("XDG_RUNTIME_DIR", dir);
        let ran = user.run(&["run", "--file", "voucherify", "--", "true"]);
        let expected = format!("XDG_RUNTIME_DIR names {dir:?}, which {problem}: correct it, or unset it");
        assert!(ran.code == Some(125) && ran.err.contains(&expected), "{ran:?}");
    }
    let loose = user.dir.0.join("freshtoken");
    std::fs::create_dir(&loose).unwrap();
    std::fs::set_permissions(&loose, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    user.set("XDG_RUNTIME_DIR", user.dir.0.clone().to_str().unwrap());
    let ran = user.run(&["run", "--file", "voucherify", "--", "true"]);
    assert!(ran.err.contains(&format!("run `chmod 700 {}`", loose.display())), "{}", ran.err);
}

#[test]
fn the_command_has_the_token_and_no_credentials() {
    let user = Fixed::token("invented-token").user();
    let script = "tr '\\0' '\\n' < /proc/$$/environ";
    let environment = user.ok(&["run", "voucherify", "--", "/bin/sh", "-c", script]);
    assert!(environment.contains("VOUCHERIFY_ACCESS_TOKEN=invented-token\n"), "{environment}");
    assert!(
        environment.contains("VOUCHERIFY_TOKEN_EXPIRES_AT=20") && environment.contains("VOUCHERIFY_URL="),
        "{environment}"
    );
    assert!(!environment.contains("VOUCHERIFY_APP_") && !environment.contains("invented-app"), "{environment}");
    let environment =
        user.ok(&["run", "--env", "API_TOKEN", "--keep-credentials", "voucherify", "--", "/bin/sh", "-c", script]);
    assert!(
        environment.contains("API_TOKEN=invented-token\n") && environment.contains("VOUCHERIFY_APP_TOKEN="),
        "{environment}"
    );
    assert_eq!(user.run(&["run", "--env", "A-B", "voucherify", "--", "true"]).code, Some(125));
}

#[test]
fn arguments_and_standard_input_arrive_unchanged() {
    let user = Fixed::token("invented-token").user();
    for file in [&[][..], &["--file"]] {
        let command =
            ["voucherify", "--", "/bin/sh", "-c", "printf '<%s>' \"$@\"; cat", "sh", "--file", "a b", "$X", "--"];
        let arguments = [&["run"], file, &command[..]].concat();
        let mut child = user.command(&arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"input").unwrap();
        let ran = Ran::of(child.wait_with_output().unwrap());
        assert_eq!(ran.out, "<--file><a b><$X><-->input");
    }
}

#[test]
fn the_files_have_the_token_and_the_header_and_go_with_the_command() {
    let user = Fixed::token("invented-token").user();
    let script = "cat \"$VOUCHERIFY_ACCESS_TOKEN_FILE\"; echo; cat \"$VOUCHERIFY_HEADER_FILE\"; stat -c %a \"$VOUCHERIFY_HEADER_FILE\" \
                  \"$(dirname \"$VOUCHERIFY_HEADER_FILE\")\"; ls \"$(dirname \"$VOUCHERIFY_HEADER_FILE\")\"";
    let out = user.ok(&["run", "--file", "voucherify", "--", "/bin/sh", "-c", script]);
    assert_eq!(out, "invented-token\nAuthorization: Bearer invented-token\n600\n700\nheaders\nlock\ntoken\n");
    assert_eq!(std::fs::read_dir(user.state().join("run")).unwrap().count(), 0);
}

#[test]
fn files_of_a_killed_process_are_removed_by_the_next() {
    let user = Fixed::token("invented-token").user();
    let mut child = user.command(&["run", "--file", "voucherify", "--", "sleep", "60"]).spawn().unwrap();
    let run = user.state().join("run");
    let dirs = || std::fs::read_dir(&run).map_or(0, |dirs| dirs.count());
    while dirs() == 0 || !run.join(child.id().to_string()).join("headers").exists() {
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(dirs(), 1);
    user.ok(&["run", "--file", "voucherify", "--", "true"]);
    assert_eq!(dirs(), 0);
}

/// Reads both files all the time, and calls the vendor with each new content and every 20 ms.
const READER: &str = r#"
import os, sys, time, urllib.request
headers, tokens, called = set(), set(), 0
while len(headers) < 10:
    with open(os.environ["VOUCHERIFY_HEADER_FILE"]) as file:
        header = file.read()
    with open(os.environ["VOUCHERIFY_ACCESS_TOKEN_FILE"]) as file:
        tokens.add("Authorization: Bearer " + file.read() + "\n")
    if header not in headers or time.monotonic() > called + 0.02:
        headers.add(header)
        called = time.monotonic()
        name, value = header.rstrip("\n").split(": ")
        # A 401 is an exception.
        urllib.request.urlopen(urllib.request.Request(sys.argv[1], headers={name: value})).close()
# The last token may be in one of the files alone.
if len(tokens - headers) > 1:
    sys.exit("a token file has something else")
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes half a minute"]
async fn a_command_of_ten_token_lives_gets_no_401_and_reads_no_half_file() {
    if !has("python3") {
        return;
    }
    let (_sandbox, issuer, user) = sandbox_with("voucherify", |vendor| vendor.lifetime(Duration::from_secs(4))).await;
    let api = format!("{}/v1/vouchers", issuer.url());
    let ran = user.run(&["run", "--file", "voucherify", "--", "python3", "-c", READER, &api]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let counts = issuer.counts();
    assert!(counts.calls_refused == 0 && counts.calls_accepted > 100 && counts.logins >= 10, "{counts:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signals_reach_the_command_once() {
    let (_sandbox, _issuer, user) = sandbox("voucherify").await;
    for name in ["TERM", "INT", "HUP", "USR1", "USR2"] {
        let log = user.dir.0.join("log");
        let script = format!(
            "trap 'echo {name} >> {log}; exit 7' {name}; echo ready > {log}; while :; do sleep 0.05; done",
            log = log.display()
        );
        let mut child = user.command(&["run", "--file", "voucherify", "--", "/bin/sh", "-c", &script]).spawn().unwrap();
        while std::fs::read_to_string(&log).unwrap_or_default() != "ready\n" {
            std::thread::yield_now();
        }
        signal(child.id(), name);
        assert_eq!(child.wait().unwrap().code(), Some(7), "{name}");
        assert_eq!(std::fs::read_to_string(&log).unwrap(), format!("ready\n{name}\n"));
        std::fs::remove_file(&log).unwrap();
    }
}
