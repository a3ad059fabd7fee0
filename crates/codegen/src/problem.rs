//! What is wrong with a spec, where, and what to write instead.
//!
//! Every stage before the generated code speaks in [`Problem`]s, so that all of them read alike and all of them can be
//! shown in one run. Colour, counting and the exit code belong to the command line, not here.

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

/// One thing that is wrong with one spec.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Problem {
    /// Whether generation can go on.
    pub severity: Severity,
    /// The file as the user calls it, such as `specs/zenoti.yaml`.
    pub file: Box<str>,
    /// The lint rule that it breaks, as `specs/README.md` lists it; none if no stage but the lint could report it.
    pub rule: Option<&'static str>,
    /// The line in that file, counted from 1, where one is known.
    pub line: Option<u32>,
    /// The place in the document, as a JSON Pointer; `""` is its root.
    pub pointer: String,
    /// What is wrong, without a full stop.
    pub what: String,
    /// What to write instead, in the imperative, without a full stop; may be empty.
    pub instead: String,
}

impl Problem {
    /// The problem as one that breaks a lint rule.
    pub fn of(self, rule: &'static str) -> Self {
        Self { rule: Some(rule), ..self }
    }
}

impl fmt::Display for Problem {
    /// Like rustc: a headline, the place, the way out. What comes from the spec can't add a line, nor reach the terminal as
    /// a control character.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.severity, visible(&self.file))?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {}", visible(&self.what))?;
        if let Some(rule) = self.rule {
            write!(f, " [{rule}]")?;
        }
        if !self.pointer.is_empty() {
            write!(f, "\n  at {}", visible(&self.pointer))?;
        }
        if !self.instead.is_empty() {
            write!(f, "\n  {}", visible(&self.instead))?;
        }
        Ok(())
    }
}

/// A text with its invisible characters escaped: for a line of output that quotes a spec, a name or a file.
pub fn visible(text: &str) -> Cow<'_, str> {
    match text.contains(is_invisible) {
        false => Cow::Borrowed(text),
        true => Cow::Owned(text.chars().fold(String::with_capacity(text.len() + 8), |mut shown, c| {
            match is_invisible(c) {
                true => shown.extend(c.escape_default()),
                false => shown.push(c),
            }
            shown
        })),
    }
}

/// Control characters, the other ends of a line, and what turns the direction of text around.
pub fn is_invisible(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}') || turns(c)
}

/// Whether a character turns the direction of the text behind it around.
pub fn turns(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// One reference token of a JSON Pointer (RFC 6901), escaped.
pub fn escape(token: &str) -> String {
    token.replace('~', "~0").replace('/', "~1")
}

/// The pointer to `token` under `pointer`.
pub fn join(pointer: &str, token: &str) -> String {
    let mut joined = String::with_capacity(pointer.len() + 1 + token.len());
    joined.push_str(pointer);
    joined.push('/');
    match token.contains(['~', '/']) {
        true => joined.push_str(&escape(token)),
        false => joined.push_str(token),
    }
    joined
}

/// How many letters must be inserted, deleted, replaced or swapped with their neighbour to get from one to the other.
pub fn distance(one: &str, other: &str) -> usize {
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

/// The candidate that was most likely meant: equal but for case, `-` and `_`, or few letters away.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |text: &str| text.to_lowercase().replace(['-', '_'], "");
    let word = plain(word);
    // A long word may be further off: `operatonIdd` is meant, `in` for `id` is a guess.
    let near = (word.chars().count() / 3).clamp(1, 3);
    candidates
        .into_iter()
        .map(|candidate| (distance(&word, &plain(candidate)), candidate))
        .filter(|(distance, candidate)| *distance <= near && *distance < candidate.chars().count())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// `a`, `b` or `c`, each in backticks.
pub fn list<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
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
    fn a_problem_reads_like_one_of_rustc() {
        let problem = Problem {
            severity: Severity::Error,
            rule: None,
            file: "specs/zenoti.yaml".into(),
            line: Some(41),
            pointer: "/paths/~1v1~1tokens/post/responces".into(),
            what: "`responces` is not a key of an operation".into(),
            instead: "write `responses`".into(),
        };
        assert_eq!(
            problem.to_string(),
            "error: specs/zenoti.yaml:41: `responces` is not a key of an operation\n  \
             at /paths/~1v1~1tokens/post/responces\n  write `responses`"
        );
    }

    #[test]
    fn a_control_character_neither_adds_a_line_nor_reaches_the_terminal() {
        let problem = Problem {
            severity: Severity::Warning,
            rule: None,
            file: "specs/a\nerror: b.yaml".into(),
            line: None,
            pointer: "/paths/\u{1b}[2J".into(),
            what: "`a\r\nerror: all is well\0\u{85}\u{202e}` is wrong".into(),
            instead: "write `\t`, or größe".into(),
        };
        assert_eq!(
            problem.to_string(),
            "warning: specs/a\\nerror: b.yaml: `a\\r\\nerror: all is well\\u{0}\\u{85}\\u{202e}` is wrong\n  \
             at /paths/\\u{1b}[2J\n  write `\\t`, or größe"
        );
    }

    #[test]
    fn nearest_finds_slips_and_leaves_strangers_alone() {
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
