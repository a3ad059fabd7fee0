//! The text of a file as a document whose every node knows its line.
//!
//! It refuses what isn't YAML, what isn't one document and what isn't OpenAPI 3.0. Whether the document says sensible
//! things is the business of `lint`; nothing here reads a disk.

use crate::diagnostic::{Diagnostic, Severity, join};
use crate::vendor::Vendor;
use serde::Deserialize;
use serde::de::{self, MapAccess, SeqAccess, Visitor};
use serde_json::map::Entry;
use serde_json::{Map, Value};
use serde_saphyr::Spanned;
use std::collections::HashMap;
use std::fmt;
use std::sync::OnceLock;

/// A fragment as it was written.
#[derive(Clone, Debug)]
pub struct Spec {
    /// Who it describes.
    pub vendor: Vendor,
    /// The file as the user calls it, such as `specs/zenoti.yaml`.
    pub file: String,
    /// The whole document: an object, with its keys in the file's order.
    pub document: Value,
    places: Places,
}

impl Spec {
    /// Reads a file's text. `file` names it in problems, and its stem is the vendor's.
    pub fn parse(file: &str, text: &str) -> Result<Spec, Vec<Diagnostic>> {
        let refuse = |line: Option<u32>, pointer: &str, message: String, help: &str| Diagnostic {
            severity: Severity::Error,
            rule: None,
            file: file.into(),
            line,
            pointer: pointer.to_owned(),
            message,
            help: help.to_owned(),
        };
        let vendor = Vendor::from_file(file).map_err(|diagnostic| vec![diagnostic])?;
        if is_blank(text) {
            let message = "the file is empty".to_owned();
            return Err(vec![refuse(None, "", message, "start it with `openapi: 3.0.3`, or remove the file")]);
        }

        // Duplicate keys are handed on, so that all of them can be shown.
        let options = serde_saphyr::options! {
            duplicate_keys: serde_saphyr::DuplicateKeyPolicy::PassThrough,
            strict_booleans: true,
            leading_zero_numbers_as_strings: true,
            underscored_numbers_as_strings: true,
            with_snippet: false,
        };
        let node = serde_saphyr::from_str_with_options::<Spanned<Node>>(text, options)
            .map_err(|error| vec![not_yaml(file, &error)])?;

        let mut reader = Reader { text, places: Places::default(), duplicates: Vec::new() };
        let document = reader.value(node, None);
        let Reader { places, duplicates, .. } = reader;
        let spec = Spec { vendor, file: file.to_owned(), document, places };
        let pointers = if duplicates.is_empty() { Vec::new() } else { pointers(&spec.document) };
        let mut diagnostics: Vec<Diagnostic> = duplicates
            .iter()
            .map(|(object, key, line)| {
                let pointer = join(&pointers[*object].1, key);
                let message = match spec.line(&pointer) {
                    Some(first) => format!("`{key}` stands here a second time, the first is on line {first}"),
                    None => format!("`{key}` stands here a second time"),
                };
                refuse(*line, &pointer, message, "keep one of the two, or rename one")
            })
            .collect();
        diagnostics.extend(spec.version_diagnostic());
        if diagnostics.is_empty() { Ok(spec) } else { Err(diagnostics) }
    }

    /// The node at a pointer.
    pub fn find(&self, pointer: &str) -> Option<&Value> {
        at(&self.document, pointer)
    }

    /// The line of a node, or of the nearest node around it that the file has.
    pub fn line(&self, pointer: &str) -> Option<u32> {
        self.place(pointer).map(|(line, _)| line).filter(|line| *line > 0)
    }

    /// The text of a number as the file has it, where it isn't that of its value: `2.10` is 2.1.
    pub fn number(&self, pointer: &str) -> Option<&str> {
        self.places.numbers.get(self.ranks().get(pointer)?).map(String::as_str)
    }

    /// Whether there is such a number.
    pub fn has_numbers(&self) -> bool {
        !self.places.numbers.is_empty()
    }

    /// A number that sorts pointers in the order of the file.
    pub fn rank(&self, pointer: &str) -> u32 {
        self.place(pointer).map_or(0, |(_, rank)| rank)
    }

    /// An error at a node.
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

    /// A warning at a node.
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
        self.places.ranks.get_or_init(ranks)
    }

    /// What is wrong if the document isn't OpenAPI 3.0.
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
            Some(Value::String(version)) => Some(self.error(
                "/openapi",
                format!("`{version}` is no version of OpenAPI that is supported"),
                "write `openapi: 3.0.3`",
            )),
            Some(Value::Number(number)) => Some(self.error(
                "/openapi",
                format!("`openapi` is the number {number}, and a version is text of three parts"),
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

/// Where each node stands, by its rank in the order of the file: that of the document.
#[derive(Clone, Debug, Default)]
struct Places {
    /// The lines of all nodes.
    lines: Vec<u32>,
    /// Numbers whose text in the file is another than ours, such as `2.10`.
    numbers: HashMap<usize, String>,
    /// The ranks of the pointers, made when the first is asked for: mostly nothing is wrong, and none is.
    ranks: OnceLock<HashMap<String, usize>>,
}

/// All nodes with their pointers, by their ranks.
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

/// Whether an `allOf` of one says all that its schema says of the type.
pub fn is_alone(schema: &Value) -> bool {
    schema.get("properties").is_none() && schema.get("required").is_none()
}

/// The alternative of `security` that an operation sends: the one with the scheme that an action names; the first, where none
/// is named.
pub fn alternative<'v>(root: &'v Value, operation: &'v Value, named: Option<&str>) -> Option<&'v Value> {
    let alternatives = operation.get("security").or_else(|| root.get("security"))?.as_array()?;
    match named {
        Some(name) => alternatives.iter().find(|alternative| alternative.get(name).is_some()),
        None => alternatives.first(),
    }
}

/// What stands between the items of a list that is sent as one text, by an `encoding` or a parameter.
pub fn delimiter(encoding: &Value) -> Option<char> {
    match encoding["style"].as_str() {
        Some("spaceDelimited") => Some(' '),
        Some("pipeDelimited") => Some('|'),
        Some("form") | None if encoding["explode"] == Value::Bool(false) => Some(','),
        _ => None,
    }
}

/// The node at a pointer. `Value::pointer` copies each part of it, to unescape it.
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

/// What a value is, with its article, for a sentence.
pub fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "empty (null)",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// `3.0.` and a digit or two.
fn is_3_0(version: &str) -> bool {
    version
        .strip_prefix("3.0.")
        .is_some_and(|patch| matches!(patch.len(), 1 | 2) && patch.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Whether nothing is there but blank lines, comments and marks between documents.
fn is_blank(text: &str) -> bool {
    text.trim_start_matches('\u{feff}')
        .lines()
        .map(str::trim)
        .all(|line| line.is_empty() || line.starts_with('#') || line == "---" || line == "...")
}

/// The reader's words for what the YAML parser says.
fn not_yaml(file: &str, error: &serde_saphyr::Error) -> Diagnostic {
    let error = error.without_snippet();
    let (message, help) = match error {
        serde_saphyr::Error::MultipleDocuments { .. } => (
            "the file holds several YAML documents".to_owned(),
            "keep one, and move the others into files of their own: a file describes one vendor",
        ),
        serde_saphyr::Error::NullIntoString { .. } => {
            ("a key is empty (null)".to_owned(), "write the key before the `:`, in quotes if it is `~` or `null`")
        }
        serde_saphyr::Error::RecursiveReferencesRequireWeakTypes { .. } => (
            "an anchor holds an alias of itself, so it has no end".to_owned(),
            "write a `$ref` to a schema in `components`, which may name itself",
        ),
        serde_saphyr::Error::AliasReplayLimitExceeded { .. } => too_large("Aliases"),
        other => {
            let text = one_line(other);
            match text.split_once("budget breached: ") {
                Some((_, breach)) => too_large(breach),
                None if text.contains("recursion limit") => too_large("Depth"),
                None => (format!("this isn't YAML: {text}"), "mend the line that is named, or the one before it"),
            }
        }
    };
    Diagnostic {
        severity: Severity::Error,
        rule: None,
        file: file.into(),
        line: error.location().and_then(line),
        pointer: String::new(),
        message,
        help: help.to_owned(),
    }
}

/// What is too much in a file, by the parser's name for it.
fn too_large(breach: &str) -> (String, &'static str) {
    let name = breach.split([' ', '{']).next().unwrap_or_default();
    match name {
        "Depth" => (
            "the file is nested too deep: more than 64 objects and lists in one another".to_owned(),
            "move the inner schemas to `components`, and refer to them by `$ref`",
        ),
        "Nodes" | "Events" => (
            "the file is too large: more than 250,000 keys and values".to_owned(),
            "keep the operations that tokens need, and what they refer to",
        ),
        _ if name.contains("Alias") || name.contains("Anchor") || name == "MergeKeys" => (
            "the file has too many aliases, or aliases of too much".to_owned(),
            "write a `$ref` to a schema in `components` in place of an alias",
        ),
        _ => ("the file is too large".to_owned(), "keep the operations that tokens need, and what they refer to"),
    }
}

/// The parser's message without its place, which a problem says itself.
fn one_line(error: &serde_saphyr::Error) -> String {
    let text = error.to_string();
    let text = text.lines().next().unwrap_or_default().trim();
    let text = text.find(" at line ").map_or(text, |at| &text[..at]);
    text.trim_start_matches("error: ").to_owned()
}

fn line(location: serde_saphyr::Location) -> Option<u32> {
    u32::try_from(location.line()).ok().filter(|line| *line > 0)
}

/// A node of the file, before its place has been put aside.
enum Node {
    Scalar(Value),
    List(Vec<Spanned<Node>>),
    Map(Vec<(Spanned<Key>, Spanned<Node>)>),
}

/// A key is text, whatever YAML takes it for: `200` is the status `"200"`.
struct Key(String);

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Key)
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyNode;

        impl<'de> Visitor<'de> for AnyNode {
            type Value = Node;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any YAML")
            }
            fn visit_unit<E: de::Error>(self) -> Result<Node, E> {
                Ok(Node::Scalar(Value::Null))
            }
            fn visit_bool<E: de::Error>(self, value: bool) -> Result<Node, E> {
                Ok(Node::Scalar(value.into()))
            }
            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Node, E> {
                Ok(Node::Scalar(value.into()))
            }
            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Node, E> {
                Ok(Node::Scalar(value.into()))
            }
            fn visit_f64<E: de::Error>(self, value: f64) -> Result<Node, E> {
                Ok(Node::Scalar(value.into()))
            }
            fn visit_str<E: de::Error>(self, value: &str) -> Result<Node, E> {
                Ok(Node::Scalar(value.into()))
            }
            fn visit_string<E: de::Error>(self, value: String) -> Result<Node, E> {
                Ok(Node::Scalar(value.into()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Node, A::Error> {
                let mut nodes = Vec::new();
                while let Some(node) = list.next_element()? {
                    nodes.push(node);
                }
                Ok(Node::List(nodes))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Node::Map(entries))
            }
        }

        deserializer.deserialize_any(AnyNode)
    }
}

/// Takes the places out of the nodes.
struct Reader<'t> {
    text: &'t str,
    places: Places,
    /// The rank of the object, the key, the second line.
    duplicates: Vec<(usize, String, Option<u32>)>,
}

impl Reader<'_> {
    /// A node's value. `line` is its key's, where it has one.
    fn value(&mut self, node: Spanned<Node>, line: Option<u32>) -> Value {
        let rank = self.places.lines.len();
        self.places.lines.push(line.or_else(|| self::line(node.referenced)).unwrap_or(0));
        match node.value {
            Node::Scalar(value) => {
                if value.is_f64() {
                    let read = value.to_string();
                    let written = self.written(node.defined).filter(|text| *text != read).map(str::to_owned);
                    self.places.numbers.extend(written.map(|text| (rank, text)));
                }
                value
            }
            Node::List(nodes) => nodes.into_iter().map(|node| self.value(node, None)).collect(),
            Node::Map(entries) => {
                let mut map = Map::with_capacity(entries.len());
                for (key, node) in entries {
                    let (line, Key(key)) = (self::line(key.referenced), key.value);
                    match map.entry(key) {
                        Entry::Vacant(entry) => {
                            entry.insert(self.value(node, line));
                        }
                        Entry::Occupied(entry) => self.duplicates.push((rank, entry.key().clone(), line)),
                    }
                }
                Value::Object(map)
            }
        }
    }

    /// The text of the number at a place.
    fn written(&self, location: serde_saphyr::Location) -> Option<&str> {
        let span = location.span();
        let start = usize::try_from(span.byte_offset()?).ok()?;
        let end = start.checked_add(usize::try_from(span.byte_len()?).ok()?)?;
        self.text.get(start..end).map(str::trim).filter(|text| text.parse::<f64>().is_ok())
    }
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
    fn every_node_knows_its_line() {
        let spec = parse("openapi: 3.0.3\ninfo:\n  title: A\n  list:\n    - x\n    - y: 1\n").unwrap();
        assert_eq!(spec.line(""), Some(1));
        assert_eq!(spec.line("/info"), Some(2));
        assert_eq!(spec.line("/info/title"), Some(3));
        assert_eq!(spec.line("/info/list/1/y"), Some(6));
        assert_eq!(spec.line("/info/title/nowhere"), Some(3), "the nearest node around it");
        assert!(spec.rank("/info/title") < spec.rank("/info/list/1"));
    }

    #[test]
    fn keys_are_text_and_values_are_yaml_1_2() {
        let spec = parse(
            "openapi: 3.0.3\nresponses:\n  200: {}\n  true: {}\n  \"~\": {}\n\
             enum: [yes, no, on, 007, 1_000, 2024-01-02, true, 1.5, -3]\n",
        )
        .unwrap();
        assert_eq!(spec.document["responses"], json!({ "200": {}, "true": {}, "~": {} }));
        assert_eq!(spec.document["enum"], json!(["yes", "no", "on", "007", "1_000", "2024-01-02", true, 1.5, -3]));
    }

    #[test]
    fn a_number_keeps_its_text() {
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
        assert_eq!(spec.line("/c/x"), Some(6), "where it is used");
    }

    #[test]
    fn all_duplicate_keys_are_shown() {
        let text = refusal("openapi: 3.0.3\ninfo: {}\na:\n  200: 1\n  \"200\": 2\ninfo: {}\n");
        assert_eq!(text.matches("second time").count(), 2, "{text}");
        assert!(text.contains("acme.yaml:5: `200` stands here a second time, the first is on line 4"), "{text}");
    }

    #[test]
    fn what_is_no_openapi_3_0_gets_a_clear_error() {
        for (text, expected) in [
            ("", "the file is empty"),
            ("# only a comment\n\n---\n", "the file is empty"),
            ("a: [1\nb: }", "this isn't YAML"),
            ("openapi: 3.0.3\n---\nopenapi: 3.0.3\n", "several YAML documents"),
            ("just text", "the file holds text"),
            ("- openapi", "the file holds a list"),
            ("info: {}", "`openapi` is missing"),
            ("swagger: '2.0'", "Swagger 2.0 isn't supported"),
            ("swagger: 2.0", "Swagger 2.0 isn't supported"),
            ("openapi: 3.0", "the number 3.0"),
            ("openapi: 3", "the number 3"),
            ("openapi: 3.1.0", "OpenAPI 3.1.0 isn't supported"),
            ("openapi: '4'", "`4` is no version"),
            ("openapi: ~", "`openapi` is empty"),
            ("openapi: 3.0.3\n? [a]\n: b\n", "this isn't YAML"),
            ("openapi: 3.0.3\nx: *nowhere\n", "this isn't YAML"),
            ("openapi: 3.0.3\n\tx: 1\n", "this isn't YAML"),
            ("openapi: 3.0.3\n~: 1\n", "a key is empty"),
            ("openapi: 3.0.3\nx: .nan\n", "this isn't YAML"),
            ("openapi: 3.0.3\nx: &a { b: *a }\n", "an anchor holds an alias of itself"),
        ] {
            let refusal = refusal(text);
            assert!(refusal.contains(expected), "{text:?} gave {refusal}");
        }
    }

    #[test]
    fn a_file_too_deep_or_too_large_is_refused_and_does_not_overflow_the_stack() {
        let deep = format!("openapi: 3.0.3\nx: {}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(refusal(&deep).contains("nested too deep"), "{}", refusal(&deep));
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
