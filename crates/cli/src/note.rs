//! Messages to the person, on stderr.

use std::io::Write;

/// Writes a line to stderr. Without stderr, the line is lost.
pub fn note(text: &str) {
    let _ = std::io::stderr().write_all(format!("{text}\n").as_bytes());
}
