//! Doc comments from the descriptions of a spec.

use std::borrow::Cow;

use crate::diagnostic::turns;

/// The maximum width of a line in a generated doc comment, without its indentation and slashes.
const WIDTH: usize = 96;

/// Returns the text as `///` lines with this indentation.
pub fn comment(text: &str, indent: &str) -> String {
    lines(text).iter().map(|line| format!("{indent}/// {line}").trim_end().to_owned() + "\n").collect()
}

/// Returns the text without control characters, which would make the file binary for git, and without characters that
/// change the direction of text, which rustc rejects in comments. Line breaks and tabs are kept.
pub fn cleaned(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    text.replace(|c: char| c.is_control() && !matches!(c, '\n' | '\t') || turns(c), "")
}

/// Returns the text in lines of limited width. Paragraphs are wrapped again. Code, headings and tables keep their line
/// breaks, because they have a meaning in Markdown.
pub fn lines(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut paragraph = String::new();
    let mut in_code = false;
    // An HTML comment that is not closed would hide the rest.
    let text = cleaned(text).replace("<!--", "&lt;!--");
    for line in text.trim().lines() {
        let (line, start) = (line.trim_end(), line.trim_start());
        let is_fence = start.starts_with("```") || start.starts_with("~~~");
        if is_fence {
            fill(&std::mem::take(&mut paragraph), &mut lines);
            // rustdoc compiles code without a language as Rust.
            let language = start.trim_matches(['`', '~', ' ']);
            let is_rust = language.is_empty() || language.starts_with("rust") || language.contains(',');
            let opening = if is_rust { "text" } else { language };
            lines.push(if in_code { "```".to_owned() } else { format!("```{opening}") });
            in_code = !in_code;
            continue;
        }
        if in_code || start.starts_with('|') || start.starts_with('#') || start.is_empty() {
            fill(&std::mem::take(&mut paragraph), &mut lines);
            lines.push(line.to_owned());
            continue;
        }
        let is_item = start.starts_with("- ") || start.starts_with("* ") || starts_with_number(start);
        if is_item {
            fill(&std::mem::take(&mut paragraph), &mut lines);
        }
        if !paragraph.is_empty() {
            paragraph.push(' ');
        }
        paragraph.push_str(start);
    }
    fill(&paragraph, &mut lines);
    if in_code {
        lines.push("```".to_owned());
    }
    lines
}

fn starts_with_number(line: &str) -> bool {
    line.split_once(". ").is_some_and(|(number, _)| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
}

fn fill(paragraph: &str, lines: &mut Vec<String>) {
    // The lines of an item are indented; otherwise Markdown ends the list.
    let indent = if paragraph.starts_with("- ") || paragraph.starts_with("* ") { "  " } else { "" };
    let mut current = String::new();
    let mut width = 0;
    for word in paragraph.split(' ').filter(|word| !word.is_empty()).map(linked) {
        let word_width = word.chars().count();
        if !current.trim().is_empty() && width + 1 + word_width > WIDTH {
            lines.push(std::mem::replace(&mut current, indent.to_owned()));
            width = indent.len();
        } else if !current.is_empty() {
            current.push(' ');
            width += 1;
        }
        current.push_str(&word);
        width += word_width;
    }
    if !current.trim().is_empty() {
        lines.push(current);
    }
}

/// Returns the first sentence on one line.
pub fn first_sentence(text: &str) -> String {
    let text = cleaned(text);
    let paragraph =
        text.trim().split("\n\n").next().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ");
    match paragraph.find(". ") {
        Some(end) => paragraph[..=end].to_owned(),
        None => paragraph,
    }
}

/// Returns a bare URL as a link, because rustdoc warns about it, and any other word unchanged.
fn linked(word: &str) -> Cow<'_, str> {
    if !word.starts_with("https://") && !word.starts_with("http://") {
        return word.into();
    }
    let url = word.trim_end_matches(['.', ',', ';', ')']);
    format!("<{url}>{}", &word[url.len()..]).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_is_wrapped_unless_it_is_a_table() {
        let long = "word ".repeat(40);
        assert!(lines(&long).iter().all(|line| line.len() <= WIDTH));
        let row = format!("| {long} |");
        assert_eq!(lines(&row), [row]);
    }

    #[test]
    fn a_paragraph_is_joined_but_a_list_is_not() {
        assert_eq!(lines("one\ntwo\n\n- three\n- four"), ["one two", "", "- three", "- four"]);
    }

    #[test]
    fn code_is_never_rust_and_always_closed() {
        assert_eq!(lines("a\n```\ncurl\n```\nb"), ["a", "```text", "curl", "```", "b"]);
        assert_eq!(lines("~~~rust\nx"), ["```text", "x", "```"]);
        assert_eq!(lines("```json\n{}\n```"), ["```json", "{}", "```"]);
    }

    #[test]
    fn characters_that_change_the_direction_are_removed() {
        assert_eq!(lines("a\u{202e}b \u{2066}c\u{2069}"), ["ab c"]);
    }

    #[test]
    fn a_bare_url_becomes_a_link() {
        assert_eq!(lines("See https://example.com/a."), ["See <https://example.com/a>."]);
    }

    #[test]
    fn the_first_sentence_ends_at_its_full_stop() {
        assert_eq!(first_sentence("One thing. Another."), "One thing.");
        assert_eq!(first_sentence("v1.2 of\na thing"), "v1.2 of a thing");
    }
}
