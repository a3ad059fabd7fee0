//! The imports of an adapter: only what it uses, since a user may deny warnings.

use crate::emit::layout::WIDTH;
use std::collections::HashSet;

/// An import, on as many lines as it takes.
pub fn import(path: &str, names: &[&str]) -> String {
    let line = match names {
        [] => return String::new(),
        [only] => format!("{path}::{only};\n"),
        names => format!("{path}::{{{}}};\n", names.join(", ")),
    };
    if line.len() <= WIDTH {
        return line;
    }
    let mut lines = String::new();
    let mut width = WIDTH;
    for name in names {
        if width + name.len() + 2 > WIDTH {
            lines.push_str("\n   ");
            width = 3;
        }
        lines.push_str(&format!(" {name},"));
        width += name.len() + 2;
    }
    format!("{path}::{{{lines}\n}};\n")
}

/// The words that a path may start with: none behind a `::`, in a comment or in a text.
pub fn words(source: &str) -> HashSet<&str> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut words = HashSet::new();
    for mut rest in source.lines().filter(|line| !line.trim_start().starts_with("//")) {
        while let Some(start) = rest.find(|c| c == '"' || is_word(c)) {
            let (before, found) = rest.split_at(start);
            rest = match found.strip_prefix('"') {
                Some(text) => behind_text(text),
                None => {
                    let (word, behind) = found.split_at(found.find(|c| !is_word(c)).unwrap_or(found.len()));
                    if !before.ends_with("::") {
                        words.insert(word);
                    }
                    behind
                }
            };
        }
    }
    words
}

/// What stands behind the end of a text.
fn behind_text(text: &str) -> &str {
    let mut is_escaped = false;
    let end = text.find(|c| {
        let is_end = c == '"' && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        is_end
    });
    end.map_or("", |end| &text[end + 1..])
}
