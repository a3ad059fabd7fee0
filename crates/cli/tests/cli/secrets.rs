//! No secret is an argument, in a message, or in a log.

use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::Stdio;

use crate::support::{Fixed, PROGRAM, Ran, User, has, sandbox, signal};

/// What must appear nowhere but on stdout, if it is asked for.
const SECRETS: [&str; 3] = ["invented-token", "invented-app-token", "invented-app-id"];

fn has_none(text: &str) {
    for secret in SECRETS {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}

#[test]
fn a_secret_as_an_argument_is_refused_and_not_repeated() {
    let issuer = Fixed::token("unused");
    let user = issuer.user();
    for arguments in [
        &["login", "zenoti", "--refresh-token", "hunter2"][..],
        &["token", "voucherify", "--store", "redis://:hunter2@127.0.0.1/"],
        &["token", "voucherify", "--store", "redis://127.0.0.1/?password=hunter2"],
    ] {
        let ran = user.run(arguments);
        assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""));
        assert!(!ran.err.contains("hunter2") && ran.err.contains("`ps`"), "{}", ran.err);
    }
    assert_eq!(issuer.count(), 0);
}

#[test]
fn no_log_has_a_secret() {
    let issuer = Fixed::token("invented-token");
    let mut user = issuer.user();
    user.set("FRESHTOKEN_LOG", "debug");
    user.set("RUST_LOG", "trace");
    let ran = user.run(&["token", "voucherify", "-v"]);
    assert_eq!(ran.code, Some(0));
    assert!(ran.err.contains("token issued") && ran.err.contains("logging in"), "{}", ran.err);
    has_none(&ran.err);
    assert!(!ran.err.contains("hyper") && !ran.err.contains("reqwest"), "only this program's own: {}", ran.err);
}

#[test]
fn no_file_has_a_secret_in_plain_text() {
    let user = Fixed::token("invented-token").user();
    user.ok(&["token", "voucherify"]);
    for entry in std::fs::read_dir(user.state()).unwrap() {
        has_none(&String::from_utf8_lossy(&std::fs::read(entry.unwrap().path()).unwrap()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_documented_example_starts_a_program_with_a_secret_in_its_arguments() {
    if !has("strace") || !has("curl") {
        return;
    }
    let (_sandbox, issuer, mut user) = sandbox("voucherify").await;
    let (_zenoti, zenoti, other) = sandbox("zenoti").await;
    user.variables.extend(other.variables.iter().cloned());
    let consent = zenoti.consent().unwrap();
    user.set("REFRESH_TOKEN", &consent);
    let call = format!("curl -fsS --noproxy '*' -o /dev/null {}/v1/vouchers", issuer.url());
    let token = user.ok(&["token", "voucherify"]);
    let mut secrets = vec![token.trim_end().to_owned(), consent];
    for credentials in [issuer.credentials(), zenoti.credentials()] {
        let is_secret = |name: &str| ["app_token", "password", "app_secret"].contains(&name);
        secrets.extend(credentials.iter().filter(|(name, _)| is_secret(name)).map(|(_, value)| value.clone()));
    }
    assert!(secrets.len() >= 5, "{secrets:?}");
    for script in [
        format!("h=$(freshtoken header voucherify) && printf '%s\\n' \"$h\" | {call} -H @-"),
        format!(
            "freshtoken run -v --file voucherify -- sh -c '{} -H \"@$VOUCHERIFY_HEADER_FILE\"'",
            call.replace("'*'", "\"*\"")
        ),
        "freshtoken run -v voucherify -- sh -c :".to_owned(),
        "printf '%s' \"$REFRESH_TOKEN\" | freshtoken login zenoti -v --refresh-token -".to_owned(),
        "freshtoken revoke voucherify -v".to_owned(),
    ] {
        let trace = user.dir.0.join("trace");
        // `strace` shows each program with its arguments.
        let ran = user.sh(&format!(
            "strace -f -e execve -s 10000 -o {} sh -c '{}'",
            trace.display(),
            script.replace('\'', r"'\''")
        ));
        if !trace.exists() || ran.err.contains("ptrace") {
            return println!("skipped: strace cannot trace here: {}", ran.err);
        }
        assert_eq!(ran.code, Some(0), "{script}: {}", ran.err);
        let trace = std::fs::read_to_string(trace).unwrap();
        assert!(trace.matches("execve(").count() >= 2, "{trace}");
        for secret in &secrets {
            assert!(!trace.contains(secret) && !ran.err.contains(secret), "{secret} of {script}");
        }
    }
}

#[test]
fn a_secret_goes_to_the_vendor_and_to_the_output_and_nowhere_else() {
    if !has("strace") || !has("curl") {
        return;
    }
    let issuer = Fixed::token("invented-token");
    let get = "curl -fsS --noproxy '*' --unix-socket \"$FRESHTOKEN_STATE_DIR/agent.sock\" -H 'Freshtoken-Request: 1' \
               http://localhost/v1/accounts/voucherify/header";
    let serve = format!(
        "TRACE sh -c 'echo $$ > \"$HOME/pid\"; exec freshtoken serve -v' & \
         while ! [ -S \"$FRESHTOKEN_STATE_DIR/agent.sock\" ]; do :; done; {get}; \
         kill $(cat \"$HOME/pid\"); wait $!"
    );
    for script in ["TRACE freshtoken header -v voucherify", "TRACE freshtoken run -v --file voucherify -- true", &serve]
    {
        let user = issuer.user();
        let traces = user.dir.0.join("traces");
        std::fs::create_dir(&traces).unwrap();
        // Each system call, with the files and sockets that its numbers stand for. A file per thread, as in one file a call is
        // cut in two where another thread makes one meanwhile.
        let strace = format!("strace -ff -y -s 10000 -o {}/thread", traces.display());
        let ran = user.sh(&script.replace("TRACE", &strace));
        let files: Vec<PathBuf> = std::fs::read_dir(&traces).unwrap().map(|entry| entry.unwrap().path()).collect();
        if files.is_empty() || ran.err.contains("ptrace") {
            return println!("skipped: strace cannot trace here: {}", ran.err);
        }
        has_none(&ran.err);
        let trace: String = files.iter().map(|file| std::fs::read_to_string(file).unwrap()).collect();
        let lines: Vec<&str> =
            trace.lines().filter(|line| SECRETS.iter().any(|secret| line.contains(secret))).collect();
        // The only files that may have a token are those of `run`.
        let own = format!("{}/run/", user.state().display());
        let is_expected = |line: &&str| {
            let call = line.split_once('>').unwrap_or_default().0;
            call.contains("<socket:[") || call.contains("write(1<") || call.contains(&own)
        };
        assert!(lines.len() >= 3, "a login, its response and the output: {lines:?} {}", ran.err);
        let unexpected: Vec<_> = lines.iter().filter(|line| !is_expected(line)).collect();
        assert!(unexpected.is_empty(), "{script}: {unexpected:?}");
    }
}

#[test]
fn other_processes_of_the_user_cannot_read_memory_or_environment() {
    let issuer = Fixed::token("invented-token");
    let user = issuer.user();
    let script = format!(
        "{PROGRAM} serve -q & while ! [ -S \"$FRESHTOKEN_STATE_DIR/agent.sock\" ]; do kill -0 $! || exit; done
         for file in environ maps mem; do cat /proc/$!/$file > /dev/null && echo \"reads $file\"; done
         cat /proc/$$/environ > /dev/null && echo \"reads its own\"; kill $!; wait"
    );
    let is_root = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self").unwrap()) == 0;
    let command = if is_root {
        if !has("setpriv") {
            return;
        }
        // Root may read every process.
        std::os::unix::fs::chown(&user.dir.0, Some(65534), None).unwrap();
        user.other_command("setpriv", &["--reuid", "65534", "--clear-groups", "/bin/sh", "-c", &script]).output()
    } else {
        user.other_command("/bin/sh", &["-c", &script]).output()
    };
    let ran = Ran::of(command.unwrap());
    if is_root && !ran.out.contains("its own") {
        return println!("skipped: another user cannot run the program here: {}", ran.err);
    }
    assert_eq!(ran.out, "reads its own\n", "{}", ran.err);
    assert_eq!(ran.err.matches("Permission denied").count(), 3, "{}", ran.err);
}

#[test]
fn a_process_leaves_no_core_file() {
    let mut user = Fixed::token("unused").user();
    for name in ["ACCOUNT_NAME", "USER_NAME", "PASSWORD", "APP_ID", "APP_SECRET", "DEVICE_ID"] {
        user.set(&format!("ZENOTI_{name}"), "invented");
    }
    // The first waits for its standard input, the second for clients.
    for command in ["login zenoti --refresh-token -", "serve -q"] {
        assert!(!dumps_core(&user, &format!("exec {PROGRAM} {command}")), "{command}");
    }
    if !dumps_core(&user, "exec sleep 60") {
        println!("no program dumps core here, so this proves nothing");
    }
}

/// Whether a program leaves a core file when a signal ends it.
fn dumps_core(user: &User, script: &str) -> bool {
    let script = format!("ulimit -c unlimited; {script}");
    let mut command = user.other_command("/bin/sh", &["-c", &script]);
    let mut child = command.current_dir(&user.dir.0).stdin(Stdio::piped()).spawn().unwrap();
    let name = PathBuf::from(format!("/proc/{}/comm", child.id()));
    while std::fs::read_to_string(&name).unwrap() == "sh\n" {
        std::thread::yield_now();
    }
    // It has set itself up once it waits.
    let stat = PathBuf::from(format!("/proc/{}/stat", child.id()));
    while !std::fs::read_to_string(&stat).unwrap().contains(") S ") {
        std::thread::yield_now();
    }
    // Unlike SIGQUIT, it is not ignored in the background of a shell.
    signal(child.id(), "ABRT");
    child.wait().unwrap().core_dumped()
}
