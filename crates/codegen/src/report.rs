//! What the generator prints about specs and files, and the exit code.

use std::process::ExitCode;

use anstream::eprintln;

use crate::diagnostic::{Diagnostic, Severity, visible};

/// Prints diagnostics that include an error, and returns the exit code.
pub fn report(diagnostics: &[Diagnostic]) -> ExitCode {
    for diagnostic in diagnostics {
        eprintln!("{}", shown(diagnostic));
    }
    let errors = diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error).count();
    eprintln!("{errors} {}; nothing was written", if errors == 1 { "error" } else { "errors" });
    ExitCode::FAILURE
}

/// Returns a diagnostic for a terminal, with an empty line after it.
pub fn shown(diagnostic: &Diagnostic) -> String {
    let text = diagnostic.to_string() + "\n";
    match diagnostic.severity {
        Severity::Error => text.replacen("error", "\x1b[1;31merror\x1b[0m", 1),
        Severity::Warning => text.replacen("warning", "\x1b[1;33mwarning\x1b[0m", 1),
    }
}

/// Returns a diff for a terminal.
pub fn coloured(diff: &str) -> String {
    // A file on disk may have any control character. Tabs are harmless.
    let quoted = |line: &str| line.split('\t').map(visible).collect::<Vec<_>>().join("\t");
    diff.lines()
        .map(quoted)
        .map(|line| match line.as_bytes().first() {
            Some(b'+') => format!("\x1b[32m{line}\x1b[0m\n"),
            Some(b'-') => format!("\x1b[31m{line}\x1b[0m\n"),
            Some(b'@') => format!("\x1b[36m{line}\x1b[0m\n"),
            _ => format!("{line}\n"),
        })
        .collect()
}
