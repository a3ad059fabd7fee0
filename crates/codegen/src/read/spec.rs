//! A spec: a document of OpenAPI 3.0 whose every node has a line.
//!
//! It refuses what isn't YAML, what isn't one document and what isn't OpenAPI 3.0. Everything else is for `lint`.

use std::collections::HashMap;
use std::sync::OnceLock;

use serde_json::{Map, Value};

use crate::diagnostic::{Diagnostic, Severity, join};
use crate::read::yaml::{Duplicate, Places, Yaml};
use crate::vendor::Vendor;

/// A spec as its file has it.
#[derive(Clone, Debug)]
pub struct Spec {
    /// The vendor that it describes.
    pub vendor: Vendor,
    /// The file as the user calls it, such as `specs/zenoti.yaml`.
    pub file: String,
    /// The whole document: an object, with its keys in the file's order.
    pub document: Value,
    places: Places,
    /// The ranks of the pointers. Built on the first use: most specs have no problem to report.
    ranks: OnceLock<HashMap<String, usize>>,
}

impl Spec {
    /// Reads a file's text. `file` names it in diagnostics, and its stem is the vendor's.
    pub fn parse(file: &str, text: &str) -> Result<Spec, Vec<Diagnostic>> {
        let vendor = Vendor::from_file(file).map_err(|diagnostic| vec![diagnostic])?;
        if is_blank(text) {
            return Err(vec![Diagnostic {
                severity: Severity::Error,
                rule: None,
                file: file.into(),
                line: None,
                pointer: String::new(),
                message: "the file is empty".to_owned(),
                help: "start it with `openapi: 3.0.3`, or remove the file".to_owned(),
            }]);
        }
        let Yaml { document, places, duplicates } = Yaml::parse(file, text).map_err(|diagnostic| vec![diagnostic])?;
        let spec = Spec { vendor, file: file.to_owned(), document, places, ranks: OnceLock::new() };
        let mut diagnostics = spec.duplicate_keys(&duplicates);
        diagnostics.extend(spec.version_diagnostic());
        if diagnostics.is_empty() { Ok(spec) } else { Err(diagnostics) }
    }

    fn duplicate_keys(&self, duplicates: &[Duplicate]) -> Vec<Diagnostic> {
        let pointers = if duplicates.is_empty() { Vec::new() } else { pointers(&self.document) };
        let diagnostic = |Duplicate { object, key, line }: &Duplicate| {
            let pointer = join(&pointers[*object].1, key);
            let message = match self.line(&pointer) {
                Some(first) => format!("duplicate key `{key}`, first used on line {first}"),
                None => format!("duplicate key `{key}`"),
            };
            Diagnostic { line: *line, ..self.error(&pointer, message, "keep one of the two, or rename one") }
        };
        duplicates.iter().map(diagnostic).collect()
    }

    /// Returns the node at a pointer.
    pub fn find(&self, pointer: &str) -> Option<&Value> {
        at(&self.document, pointer)
    }

    /// Returns the line of a node, or of the nearest node around it that the file has.
    pub fn line(&self, pointer: &str) -> Option<u32> {
        self.place(pointer).map(|(line, _)| line).filter(|line| *line > 0)
    }

    /// Returns a number as the file writes it, if JSON writes it differently: `2.10` is 2.1.
    pub fn number(&self, pointer: &str) -> Option<&str> {
        self.places.numbers.get(self.ranks().get(pointer)?).map(String::as_str)
    }

    /// Whether JSON writes any number differently.
    pub fn has_numbers(&self) -> bool {
        !self.places.numbers.is_empty()
    }

    /// Returns a number that sorts pointers in the order of the file.
    pub fn rank(&self, pointer: &str) -> u32 {
        self.place(pointer).map_or(0, |(_, rank)| rank)
    }

    /// Returns an error at a node.
    pub fn error(&self, pointer: &str, message: impl Into<String>, help: impl Into<String>) -> Diagnostic {
        Diagnostic {
            severity: Severity::Error,
            rule: None,
            file: self.file.as_str().into(),
            line: self.line(pointer),
            pointer: pointer.to_owned(),
            message: message.into(),
            help: help.into(),
        }
    }

    /// Returns a warning at a node.
    pub fn warning(&self, pointer: &str, message: impl Into<String>, help: impl Into<String>) -> Diagnostic {
        Diagnostic { severity: Severity::Warning, ..self.error(pointer, message, help) }
    }

    fn place(&self, pointer: &str) -> Option<(u32, u32)> {
        let mut pointer = pointer;
        loop {
            if let Some(rank) = self.ranks().get(pointer) {
                return Some((*self.places.lines.get(*rank)?, u32::try_from(*rank).unwrap_or(u32::MAX)));
            }
            pointer = &pointer[..pointer.rfind('/')?];
        }
    }

    fn ranks(&self) -> &HashMap<String, usize> {
        let ranks =
            || pointers(&self.document).into_iter().enumerate().map(|(rank, (_, pointer))| (pointer, rank)).collect();
        self.ranks.get_or_init(ranks)
    }

    /// Returns what is wrong if the document isn't OpenAPI 3.0.
    fn version_diagnostic(&self) -> Option<Diagnostic> {
        let Value::Object(root) = &self.document else {
            let message = format!("the file holds {}, not an OpenAPI document", kind(&self.document));
            return Some(self.error("", message, "start it with `openapi: 3.0.3`, `info:`, `servers:` and `paths:`"));
        };
        match root.get("openapi") {
            Some(Value::String(version)) if is_3_0(version) => None,
            Some(Value::String(version)) if version.starts_with("3.1") || version.starts_with("3.2") => {
                Some(self.error(
                    "/openapi",
                    format!("OpenAPI {version} isn't supported"),
                    "write `openapi: 3.0.3`, and `nullable: true` for a type of `null`, `enum` of one value for \
                     `const`, \
                     `example` for `examples` in a schema",
                ))
            }
            Some(Value::String(version)) => {
                Some(self.error("/openapi", format!("OpenAPI `{version}` isn't supported"), "write `openapi: 3.0.3`"))
            }
            Some(Value::Number(number)) => Some(self.error(
                "/openapi",
                format!("`openapi` is the number {number}, and a version is a string of three parts"),
                "write `openapi: 3.0.3`",
            )),
            Some(other) => Some(self.error(
                "/openapi",
                format!("`openapi` is {}, not a version", kind(other)),
                "write `openapi: 3.0.3`",
            )),
            None => match root.get("swagger") {
                Some(version) => {
                    let version = version.as_str().map_or_else(|| version.to_string(), str::to_owned);
                    Some(self.error(
                        "/swagger",
                        format!("Swagger {version} isn't supported"),
                        "convert it to OpenAPI 3.0.3: `openapi: 3.0.3`, `servers` for `host` and `basePath`, \
                         `components/schemas` for `definitions`, `requestBody` for parameters in `body` or `formData`",
                    ))
                }
                None => Some(self.error("", "`openapi` is missing", "write `openapi: 3.0.3` on the first line")),
            },
        }
    }
}

/// Returns all nodes with their pointers, by rank.
pub fn pointers(document: &Value) -> Vec<(&Value, String)> {
    fn add<'v>(node: &'v Value, pointer: String, pointers: &mut Vec<(&'v Value, String)>) {
        let rank = pointers.len();
        pointers.push((node, pointer));
        match node {
            Value::Array(list) => list.iter().enumerate().for_each(|(index, item)| {
                add(item, format!("{}/{index}", pointers[rank].1), pointers);
            }),
            Value::Object(map) => map.iter().for_each(|(key, member)| {
                add(member, join(&pointers[rank].1, key), pointers);
            }),
            _ => {}
        }
    }
    let mut pointers = Vec::new();
    add(document, String::new(), &mut pointers);
    pointers
}

/// Whether nothing beside an `allOf` of one adds to its type.
pub fn is_alone(schema: &Value) -> bool {
    schema.get("properties").is_none() && schema.get("required").is_none()
}

/// The word for an alternative of `security` without a scheme.
pub const NO_SECURITY: &str = "none";

/// Returns the alternative of `security` that an operation sends: the one with the named scheme, or the first if there is none.
/// The name `none` is for one without a scheme.
pub fn alternative<'v>(root: &'v Value, operation: &'v Value, named: Option<&str>) -> Option<&'v Value> {
    let alternatives = operation.get("security").or_else(|| root.get("security"))?.as_array()?;
    let is_named = |alternative: &&Value| match named {
        Some(NO_SECURITY) if alternative.as_object().is_some_and(Map::is_empty) => true,
        Some(name) => alternative.get(name).is_some(),
        None => false,
    };
    alternatives.iter().find(is_named).or(alternatives.first())
}

/// Returns the delimiter of a list that is sent as one string, by its `encoding` or its parameter.
pub fn delimiter(encoding: &Value) -> Option<char> {
    match encoding["style"].as_str() {
        Some("spaceDelimited") => Some(' '),
        Some("pipeDelimited") => Some('|'),
        Some("form") | None if encoding["explode"] == Value::Bool(false) => Some(','),
        _ => None,
    }
}

/// Returns the node at a pointer. Faster than `Value::pointer`, which copies each part of the pointer.
pub fn at<'v>(root: &'v Value, pointer: &str) -> Option<&'v Value> {
    if pointer.contains('~') {
        return root.pointer(pointer);
    }
    let mut parts = pointer.split('/');
    if parts.next() != Some("") {
        return None;
    }
    parts.try_fold(root, |node, part| match node {
        Value::Array(list) => list.get(part.parse::<usize>().ok()?),
        node => node.get(part),
    })
}

/// Returns the type of a value, with its article, for a message.
pub fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "empty (null)",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// Whether a version is `3.0.` and a digit or two.
fn is_3_0(version: &str) -> bool {
    version
        .strip_prefix("3.0.")
        .is_some_and(|patch| matches!(patch.len(), 1 | 2) && patch.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Whether a file has only blank lines, comments and separators of documents.
fn is_blank(text: &str) -> bool {
    text.trim_start_matches('\u{feff}')
        .lines()
        .map(str::trim)
        .all(|line| line.is_empty() || line.starts_with('#') || line == "---" || line == "...")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn parse(text: &str) -> Result<Spec, Vec<Diagnostic>> {
        Spec::parse("specs/acme.yaml", text)
    }

    fn refusal(text: &str) -> String {
        parse(text).unwrap_err().iter().map(|diagnostic| format!("{diagnostic}\n")).collect()
    }

    #[test]
    fn every_node_has_a_line() {
        let spec = parse("openapi: 3.0.3\ninfo:\n  title: A\n  list:\n    - x\n    - y: 1\n").unwrap();
        assert_eq!(spec.line(""), Some(1));
        assert_eq!(spec.line("/info"), Some(2));
        assert_eq!(spec.line("/info/title"), Some(3));
        assert_eq!(spec.line("/info/list/1/y"), Some(6));
        assert_eq!(spec.line("/info/title/nowhere"), Some(3), "the nearest node around it");
        assert!(spec.rank("/info/title") < spec.rank("/info/list/1"));
    }

    #[test]
    fn keys_are_strings_and_values_are_yaml_1_2() {
        let spec = parse(
            "openapi: 3.0.3\nresponses:\n  200: {}\n  true: {}\n  \"~\": {}\n\
             enum: [yes, no, on, 007, 1_000, 2024-01-02, true, 1.5, -3]\n",
        )
        .unwrap();
        assert_eq!(spec.document["responses"], json!({ "200": {}, "true": {}, "~": {} }));
        assert_eq!(spec.document["enum"], json!(["yes", "no", "on", "007", "1_000", "2024-01-02", true, 1.5, -3]));
    }

    #[test]
    fn a_number_stays_as_it_is_written() {
        let spec = parse("openapi: 3.0.3\nenum: [2.10, 1.5, \"2.10\", 1e3]\na: &a 0.50\nb: *a\n").unwrap();
        assert_eq!(spec.number("/enum/0"), Some("2.10"));
        assert_eq!([spec.number("/enum/1"), spec.number("/enum/2")], [None, None]);
        assert_eq!(spec.number("/enum/3"), Some("1e3"));
        assert_eq!(spec.number("/b"), Some("0.50"));
    }

    #[test]
    fn anchors_and_merge_keys_are_expanded() {
        let spec = parse("openapi: 3.0.3\na: &a { x: 1, y: 2 }\nb:\n  <<: *a\n  x: 3\nc: *a\n").unwrap();
        assert_eq!(spec.document["b"], json!({ "x": 3, "y": 2 }));
        assert_eq!(spec.document["c"], json!({ "x": 1, "y": 2 }));
        assert_eq!(spec.line("/c/x"), Some(6), "the line that uses it");
    }

    #[test]
    fn all_duplicate_keys_are_shown() {
        let text = refusal("openapi: 3.0.3\ninfo: {}\na:\n  200: 1\n  \"200\": 2\ninfo: {}\n");
        assert_eq!(text.matches("duplicate key").count(), 2, "{text}");
        assert!(text.contains("acme.yaml:5: duplicate key `200`, first used on line 4"), "{text}");
    }

    #[test]
    fn anything_but_openapi_3_0_is_refused_with_a_clear_error() {
        for (text, expected) in [
            ("", "the file is empty"),
            ("# only a comment\n\n---\n", "the file is empty"),
            ("a: [1\nb: }", "this isn't YAML"),
            ("openapi: 3.0.3\n---\nopenapi: 3.0.3\n", "several YAML documents"),
            ("just text", "the file holds a string"),
            ("- openapi", "the file holds a list"),
            ("info: {}", "`openapi` is missing"),
            ("swagger: '2.0'", "Swagger 2.0 isn't supported"),
            ("swagger: 2.0", "Swagger 2.0 isn't supported"),
            ("openapi: 3.0", "the number 3.0"),
            ("openapi: 3", "the number 3"),
            ("openapi: 3.1.0", "OpenAPI 3.1.0 isn't supported"),
            ("openapi: '4'", "OpenAPI `4` isn't supported"),
            ("openapi: ~", "`openapi` is empty"),
            ("openapi: 3.0.3\n? [a]\n: b\n", "this isn't YAML"),
            ("openapi: 3.0.3\nx: *nowhere\n", "this isn't YAML"),
            ("openapi: 3.0.3\n\tx: 1\n", "this isn't YAML"),
            ("openapi: 3.0.3\n~: 1\n", "a key is empty"),
            ("openapi: 3.0.3\nx: .nan\n", "this isn't YAML"),
            ("openapi: 3.0.3\nx: &a { b: *a }\n", "an anchor contains an alias of itself"),
        ] {
            let refusal = refusal(text);
            assert!(refusal.contains(expected), "{text:?} returned {refusal}");
        }
    }

    #[test]
    fn a_file_too_deep_or_too_large_is_refused_and_does_not_overflow_the_stack() {
        let deep = format!("openapi: 3.0.3\nx: {}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(refusal(&deep).contains("nested too deeply"), "{}", refusal(&deep));
        let long = format!("openapi: 3.0.3\nx: [{}]", "1, ".repeat(250_001));
        assert!(refusal(&long).contains("too large"), "{}", refusal(&long));
        let mut bomb = String::from("openapi: 3.0.3\na0: &a0 [x, x, x, x, x, x, x, x, x]\n");
        for i in 1..12 {
            let alias = format!("*a{}", i - 1);
            bomb += &format!("a{i}: &a{i} [{}]\n", [alias.as_str(); 9].join(", "));
        }
        assert!(refusal(&bomb).contains("too "), "{}", refusal(&bomb));
    }
}
