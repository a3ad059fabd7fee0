//! The completions, in the shells that read them.

use std::path::PathBuf;

use crate::support::{Fixed, Ran, User, has};
use crate::terminal::in_terminal;

/// Writes a shell's completions to a file.
fn script(user: &User, shell: &str, name: &str) -> PathBuf {
    user.dir.write(name, 0o644, &user.ok(&["completions", shell]))
}

#[test]
fn bash_completes_commands_vendors_and_values() {
    if !has("bash") {
        return;
    }
    let user = Fixed::token("unused").user();
    let file = script(&user, "bash", "freshtoken");
    let complete = |words: &str| {
        let call = format!(
            "set -e; source {}; COMP_WORDS=(freshtoken {words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); \
             _freshtoken freshtoken \"${{COMP_WORDS[-1]}}\" \"${{COMP_WORDS[-2]}}\"; echo \"${{COMPREPLY[@]}}\"",
            file.display()
        );
        let ran = Ran::of(user.other_command("bash", &["--norc", "-c", &call]).output().unwrap());
        assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{words}: {}", ran.out);
        ran.out
    };
    assert_eq!(complete("he"), "header\n");
    assert_eq!(complete("header vou"), "voucherify\n");
    assert_eq!(complete("token --format j"), "json\n");
}

#[test]
fn fish_completes_commands_vendors_and_values() {
    if !has("fish") {
        return;
    }
    let user = Fixed::token("unused").user();
    let file = script(&user, "fish", "freshtoken.fish");
    let complete = |line: &str| {
        let call = format!("source {}; complete -C 'freshtoken {line}'", file.display());
        let ran = Ran::of(user.other_command("fish", &["--no-config", "-c", &call]).output().unwrap());
        assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{line}: {}", ran.out);
        ran.out.lines().map(|line| line.split('\t').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(complete("he"), ["header"]);
    assert_eq!(complete("header vou"), ["voucherify"]);
    assert_eq!(complete("token --format j"), ["json"]);
}

#[test]
fn zsh_completes_commands_vendors_and_values() {
    if !has("zsh") || !has("python3") {
        return;
    }
    let mut user = Fixed::token("unused").user();
    script(&user, "zsh", "_freshtoken");
    // The program is replaced by a function that shows what the completed line is.
    let start = "fpath=($ZDOTDIR $fpath)\nautoload -Uz compinit\ncompinit -u -D\nfreshtoken() { print -r -- \"<$*>\" }\nPS1='ready: '\n";
    user.dir.write(".zshrc", 0o644, start);
    let home = user.dir.0.to_str().unwrap().to_owned();
    user.set("ZDOTDIR", &home);
    user.set("TERM", "dumb");
    for (typed, completed) in
        [("he\t", "<header>"), ("header vou\t", "<header voucherify>"), ("token --format j\t", "<token --format json>")]
    {
        // Without the files of the system, which may ask questions.
        let shell = ["/usr/bin/env", "zsh", "--no-globalrcs", "-i"];
        let steps = [("ready: ", &*format!("freshtoken {typed}\nexit\n"))];
        let shown = in_terminal(&user, &steps, &shell).out;
        assert!(shown.contains(completed), "{typed:?}: {shown}");
    }
}
