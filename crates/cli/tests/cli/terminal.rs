//! What a person at a terminal sees. Python makes the terminal.

use std::process::Stdio;

use crate::support::{Fixed, Ran, User, has, sandbox};

/// Runs the program at a terminal of its own, types the input once the prompt is there, and returns what the terminal shows.
fn at_terminal(user: &User, prompt: &str, input: &str, arguments: &[&str]) -> Ran {
    in_terminal(user, &[(prompt, input)], &[&[crate::support::PROGRAM], arguments].concat())
}

/// Runs a command at a terminal of its own, and types each input once its prompt is there, after the one before.
pub fn in_terminal(user: &User, steps: &[(&str, &str)], command: &[&str]) -> Ran {
    let script = r#"
import os, pty, sys, termios
count, rest = int(sys.argv[1]), sys.argv[2:]
steps = [(rest[2 * i].encode(), rest[2 * i + 1].encode()) for i in range(count)]
command = rest[2 * count:]
pid, terminal = pty.fork()
if pid == 0:
    os.execv(command[0], command)
shown, seen = b"", 0
while True:
    try:
        data = os.read(terminal, 4096)
    except OSError:
        break
    if not data:
        break
    shown += data
    while steps and steps[0][1] and steps[0][0] in shown[seen:]:
        prompt, typed = steps.pop(0)
        seen = shown.index(prompt, seen) + len(prompt)
        # At a prompt, the terminal shows nothing of what is typed.
        while prompt.endswith(b": ") and termios.tcgetattr(terminal)[3] & termios.ECHO:
            pass
        os.write(terminal, typed)
status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
sys.stdout.buffer.write(shown)
sys.exit(status if status >= 0 else 128 - status)
"#;
    let mut python = user.other_command("python3", &["-c", script, &steps.len().to_string()]);
    python.args(steps.iter().flat_map(|(prompt, input)| [prompt, input])).args(command);
    Ran::of(python.stderr(Stdio::inherit()).output().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refresh_token_that_is_typed_is_not_shown() {
    if !has("python3") {
        return;
    }
    let (_sandbox, issuer, user) = sandbox("zenoti").await;
    let consent = issuer.consent().unwrap();
    let ran =
        at_terminal(&user, "Refresh token: ", &format!("{consent}\n"), &["login", "zenoti", "--refresh-token", "-"]);
    assert_eq!(ran.code, Some(0), "{}", ran.out);
    assert!(ran.out.contains("Refresh token: ") && !ran.out.contains(&consent), "{}", ran.out);
    assert_eq!(issuer.counts().refreshes, 1);
}

#[test]
fn an_interrupt_at_the_prompt_restores_the_terminal() {
    if !has("python3") {
        return;
    }
    let mut user = Fixed::token("unused").user();
    for name in ["ACCOUNT_NAME", "USER_NAME", "PASSWORD", "APP_ID", "APP_SECRET", "DEVICE_ID"] {
        user.set(&format!("ZENOTI_{name}"), "invented");
    }
    // The shell stays, and says how it finds the terminal.
    let script = "trap : INT; \"$0\" login zenoti --refresh-token -; echo status $?; stty -a";
    let ran = in_terminal(&user, &[("Refresh token: ", "\u{3}")], &["/bin/sh", "-c", script, crate::support::PROGRAM]);
    assert!(ran.out.contains("status 2") && ran.out.contains(" echo ") && ran.out.contains(" icanon "), "{}", ran.out);
}

#[test]
fn colour_is_for_people_and_never_in_a_token() {
    if !has("python3") {
        return;
    }
    let mut user = Fixed::token("invented-token").user();
    user.set("FORCE_COLOR", "1");
    let shown = at_terminal(&user, "", "", &["token", "voucherify"]).out;
    assert_eq!(shown, "invented-token\r\n");
    assert!(at_terminal(&user, "", "", &["vendors", "voucherify"]).out.contains('\u{1b}'));
    user.set("NO_COLOR", "1");
    assert!(!at_terminal(&user, "", "", &["vendors", "voucherify"]).out.contains('\u{1b}'));
}

#[test]
fn a_command_keeps_its_terminal() {
    if !has("python3") {
        return;
    }
    let user = Fixed::token("invented-token").user();
    for file in [&[][..], &["--file"]] {
        let command = ["voucherify", "--", "/bin/sh", "-c", "test -t 0 && test -t 1 && test -t 2 && stty size"];
        let ran = at_terminal(&user, "", "", &[&["run"], file, &command[..]].concat());
        assert_eq!((ran.code, ran.out.as_str()), (Some(0), "0 0\r\n"), "{}", ran.out);
    }
}

#[test]
fn an_interrupt_reaches_the_command_once() {
    if !has("python3") {
        return;
    }
    let user = Fixed::token("invented-token").user();
    let script = "trap 'echo caught; exit 7' INT; echo ready; while :; do sleep 0.05; done";
    let command = ["run", "--file", "voucherify", "--", "/bin/sh", "-c", script];
    let ran = at_terminal(&user, "ready", "\u{3}", &command);
    assert_eq!((ran.code, ran.out.matches("caught").count()), (Some(7), 1), "{}", ran.out);
}

/// The shell stops and continues a job as a whole: the program and its command are in one process group.
#[test]
fn a_stopped_job_continues_in_the_foreground() {
    if !has("python3") || !has("bash") {
        return;
    }
    let user = Fixed::token("invented-token").user();
    // A shell would do as a command, but some wait for a child that was stopped before it became a program.
    let script = "import signal\nsignals = {signal.SIGCONT, signal.SIGINT}\nsignal.pthread_sigmask(signal.SIG_BLOCK, signals)\n\
                  print('started', flush=True)\nsignal.sigwait({signal.SIGCONT})\nprint('continued', flush=True)\n\
                  signal.sigwait({signal.SIGINT})\nprint('interrupted', flush=True)\nraise SystemExit(7)\n";
    let script = user.dir.write("command.py", 0o600, script);
    let settings = user.dir.write("bashrc", 0o600, "PS1='prompt> '\n");
    for file in ["", "--file"] {
        let run = format!("'{}' run {file} voucherify -- python3 {}\n", crate::support::PROGRAM, script.display());
        let steps = [
            ("prompt> ", run.as_str()),
            ("started\r\n", "\u{1a}"),
            ("prompt> ", "fg\n"),
            ("continued\r\n", "\u{3}"),
            ("prompt> ", "echo status $?\n"),
            ("status 7\r\n", "exit\n"),
        ];
        let ran = in_terminal(&user, &steps, &["/bin/bash", "--rcfile", settings.to_str().unwrap(), "-i"]);
        assert!(ran.out.contains("Stopped") && ran.out.contains("interrupted"), "{file}: {}", ran.out);
        assert_eq!(ran.out.matches("status 7\r\n").count(), 1, "{file}: {}", ran.out);
    }
}
