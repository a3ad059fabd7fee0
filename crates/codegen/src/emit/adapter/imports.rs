//! The imports of an adapter. It imports only what it uses, because a user may deny warnings.

use std::collections::HashSet;

use crate::emit::layout::WIDTH;

/// Returns an import, on several lines if it is long.
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

/// Returns the words that can be the start of a path. They don't follow a `::`, and are not in a comment or a string.
pub fn words(source: &str) -> HashSet<&str> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut words = HashSet::new();
    for mut rest in source.lines().filter(|line| !line.trim_start().starts_with("//")) {
        while let Some(start) = rest.find(|c| c == '"' || is_word(c)) {
            let (before, found) = rest.split_at(start);
            rest = match found.strip_prefix('"') {
                Some(text) => after_string(text),
                None => {
                    let (word, after) = found.split_at(found.find(|c| !is_word(c)).unwrap_or(found.len()));
                    if !before.ends_with("::") {
                        words.insert(word);
                    }
                    after
                }
            };
        }
    }
    words
}

/// Returns what follows the end of a string.
fn after_string(text: &str) -> &str {
    let mut is_escaped = false;
    let end = text.find(|c| {
        let is_end = c == '"' && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        is_end
    });
    end.map_or("", |end| &text[end + 1..])
}
