//! What is wrong with a spec, where, and what to write instead.
//!
//! Every stage before `emit` reports [`Diagnostic`]s, so that all of them read alike and one run can show them all. Colour,
//! counting and the exit code belong to `report`.

use std::borrow::Cow;
use std::fmt;

/// Whether generation can go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Nothing is written.
    Error,
    /// Shown, and generation goes on.
    Warning,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        })
    }
}

/// One problem of one spec.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Diagnostic {
    /// Whether generation can go on.
    pub severity: Severity,
    /// The file as the user calls it, such as `specs/zenoti.yaml`.
    pub file: Box<str>,
    /// The lint rule that is broken, as `specs/README.md` lists it; none if a stage other than the lint reports it.
    pub rule: Option<Box<str>>,
    /// The line in that file, counted from 1, if it is known.
    pub line: Option<u32>,
    /// The place in the document, as a JSON Pointer; `""` is its root.
    pub pointer: String,
    /// What is wrong, without a full stop.
    pub message: String,
    /// What to write instead, in the imperative, without a full stop; may be empty.
    pub help: String,
}

impl fmt::Display for Diagnostic {
    /// Writes a headline, the place and the help, as rustc does. Control characters from the spec are escaped: none can add a
    /// line or reach the terminal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.severity, visible(&self.file))?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {}", visible(&self.message))?;
        if let Some(rule) = &self.rule {
            write!(f, " [{rule}]")?;
        }
        if !self.pointer.is_empty() {
            write!(f, "\n  at {}", visible(&self.pointer))?;
        }
        if !self.help.is_empty() {
            write!(f, "\n  {}", visible(&self.help))?;
        }
        Ok(())
    }
}

/// Escapes the invisible characters of a string: for output that quotes a spec, a name or a file.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(is_invisible) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if is_invisible(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

/// Whether a character is a control character, ends a line, or changes the direction of text.
pub(crate) fn is_invisible(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}') || turns(c)
}

/// Whether a character changes the direction of the text after it.
pub(crate) fn turns(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Escapes one reference token of a JSON Pointer (RFC 6901).
pub(crate) fn escape(token: &str) -> String {
    token.replace('~', "~0").replace('/', "~1")
}

/// Returns the pointer to `token` under `pointer`.
pub(crate) fn join(pointer: &str, token: &str) -> String {
    let mut joined = String::with_capacity(pointer.len() + 1 + token.len());
    joined.push_str(pointer);
    joined.push('/');
    if token.contains(['~', '/']) {
        joined.push_str(&escape(token));
    } else {
        joined.push_str(token);
    }
    joined
}

/// The edit distance: how many letters to insert, delete, replace or swap with their neighbour.
pub(crate) fn distance(one: &str, other: &str) -> usize {
    let one: Vec<char> = one.chars().collect();
    let other: Vec<char> = other.chars().collect();
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in other.iter().enumerate() {
            let mut cost = (last[j] + usize::from(a != b)).min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *a == other[j - 1] && one[i - 1] == *b {
                cost = cost.min(before_last[j - 1] + 1);
            }
            row.push(cost);
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[other.len()]
}

/// Returns the candidate that was most likely meant: it differs in case, `-` and `_` only, or by a few letters.
pub(crate) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |text: &str| text.to_lowercase().replace(['-', '_'], "");
    let word = plain(word);
    // A long word may differ more: `operatonIdd` is a typo, but `in` for `id` would be a guess.
    let near = (word.chars().count() / 3).clamp(1, 3);
    candidates
        .into_iter()
        .map(|candidate| (distance(&word, &plain(candidate)), candidate))
        .filter(|(distance, candidate)| *distance <= near && *distance < candidate.chars().count())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Lists words as `a`, `b` or `c`, each in backticks.
pub(crate) fn list<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let words: Vec<String> = words.into_iter().map(|word| format!("`{word}`")).collect();
    match words.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diagnostic_reads_like_one_of_rustc() {
        let diagnostic = Diagnostic {
            severity: Severity::Error,
            rule: None,
            file: "specs/zenoti.yaml".into(),
            line: Some(41),
            pointer: "/paths/~1v1~1tokens/post/responces".into(),
            message: "`responces` is not a key of an operation".into(),
            help: "write `responses`".into(),
        };
        assert_eq!(
            diagnostic.to_string(),
            "error: specs/zenoti.yaml:41: `responces` is not a key of an operation\n  \
             at /paths/~1v1~1tokens/post/responces\n  write `responses`"
        );
    }

    #[test]
    fn a_control_character_neither_adds_a_line_nor_reaches_the_terminal() {
        let diagnostic = Diagnostic {
            severity: Severity::Warning,
            rule: None,
            file: "specs/a\nerror: b.yaml".into(),
            line: None,
            pointer: "/paths/\u{1b}[2J".into(),
            message: "`a\r\nerror: all is well\0\u{85}\u{202e}` is wrong".into(),
            help: "write `\t`, or größe".into(),
        };
        assert_eq!(
            diagnostic.to_string(),
            "warning: specs/a\\nerror: b.yaml: `a\\r\\nerror: all is well\\u{0}\\u{85}\\u{202e}` is wrong\n  \
             at /paths/\\u{1b}[2J\n  write `\\t`, or größe"
        );
    }

    #[test]
    fn nearest_finds_typos_and_nothing_else() {
        let keys = ["operationId", "responses", "requestBody", "tags", "in"];
        assert_eq!(nearest("responces", keys), Some("responses"));
        assert_eq!(nearest("operation-id", keys), Some("operationId"));
        assert_eq!(nearest("OperationID", keys), Some("operationId"));
        assert_eq!(nearest("repsonses", keys), Some("responses"));
        assert_eq!(nearest("tag", keys), Some("tags"));
        assert_eq!(nearest("callbacks", keys), None);
        assert_eq!(nearest("", keys), None);
    }
}
