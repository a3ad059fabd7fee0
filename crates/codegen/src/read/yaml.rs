//! YAML, read into a JSON document whose every node has a line.

use std::collections::HashMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{self, MapAccess, SeqAccess, Visitor};
use serde_json::map::Entry;
use serde_json::{Map, Value};
use serde_saphyr::Spanned;

use crate::diagnostic::{Diagnostic, Severity};

/// A file, read.
pub struct Yaml {
    pub document: Value,
    pub places: Places,
    pub duplicates: Vec<Duplicate>,
}

/// The lines and numbers of a document's nodes, by rank: their order in the file.
#[derive(Clone, Debug, Default)]
pub struct Places {
    /// The lines of all nodes; 0 if unknown.
    pub lines: Vec<u32>,
    /// Numbers that the file writes differently than JSON, such as `2.10`.
    pub numbers: HashMap<usize, String>,
}

/// A key that an object has twice.
pub struct Duplicate {
    /// The rank of the object.
    pub object: usize,
    pub key: String,
    /// The line of the second key.
    pub line: Option<u32>,
}

impl Yaml {
    /// Reads a file's text.
    pub fn parse(file: &str, text: &str) -> Result<Self, Diagnostic> {
        // Duplicate keys are passed through, so that all of them can be shown.
        let options = serde_saphyr::options! {
            duplicate_keys: serde_saphyr::DuplicateKeyPolicy::PassThrough,
            strict_booleans: true,
            leading_zero_numbers_as_strings: true,
            underscored_numbers_as_strings: true,
            with_snippet: false,
        };
        let node = serde_saphyr::from_str_with_options::<Spanned<Node>>(text, options)
            .map_err(|error| not_yaml(file, &error))?;
        let mut reader = Reader { text, places: Places::default(), duplicates: Vec::new() };
        let document = reader.value(node, None);
        Ok(Self { document, places: reader.places, duplicates: reader.duplicates })
    }
}

/// Translates the parser's errors into the terms of a spec's author.
fn not_yaml(file: &str, error: &serde_saphyr::Error) -> Diagnostic {
    let error = error.without_snippet();
    let (message, help) = match error {
        serde_saphyr::Error::MultipleDocuments { .. } => (
            "the file holds several YAML documents".to_owned(),
            "keep one, and move each other into its own file: a file describes one vendor",
        ),
        serde_saphyr::Error::NullIntoString { .. } => {
            ("a key is empty (null)".to_owned(), "write the key before the `:`, in quotes if it is `~` or `null`")
        }
        serde_saphyr::Error::RecursiveReferencesRequireWeakTypes { .. } => (
            "an anchor contains an alias of itself, so its value would have no end".to_owned(),
            "write a `$ref` to a schema in `components`, which may name itself",
        ),
        serde_saphyr::Error::AliasReplayLimitExceeded { .. } => too_large("Aliases"),
        other => {
            let text = one_line(other);
            match text.split_once("budget breached: ") {
                Some((_, breach)) => too_large(breach),
                None if text.contains("recursion limit") => too_large("Depth"),
                None => (format!("this isn't YAML: {text}"), "fix the line, or the one before it"),
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

/// Returns what is too much in a file, by the parser's name for it.
fn too_large(breach: &str) -> (String, &'static str) {
    let name = breach.split([' ', '{']).next().unwrap_or_default();
    match name {
        "Depth" => (
            "the file is nested too deeply: more than 64 objects and lists in one another".to_owned(),
            "move the inner schemas to `components`, and refer to them by `$ref`",
        ),
        "Nodes" | "Events" => (
            "the file is too large: more than 250,000 keys and values".to_owned(),
            "keep the operations that tokens need, and what they refer to",
        ),
        _ if name.contains("Alias") || name.contains("Anchor") || name == "MergeKeys" => (
            "the file has too many aliases, or they expand to too much".to_owned(),
            "write a `$ref` to a schema in `components` instead of an alias",
        ),
        _ => ("the file is too large".to_owned(), "keep the operations that tokens need, and what they refer to"),
    }
}

/// Returns the parser's message without its place, which a diagnostic has itself.
fn one_line(error: &serde_saphyr::Error) -> String {
    let text = error.to_string();
    let text = text.lines().next().unwrap_or_default().trim();
    let text = text.find(" at line ").map_or(text, |at| &text[..at]);
    text.trim_start_matches("error: ").to_owned()
}

fn line(location: serde_saphyr::Location) -> Option<u32> {
    u32::try_from(location.line()).ok().filter(|line| *line > 0)
}

/// A node of the file, with the places of its children.
enum Node {
    Scalar(Value),
    List(Vec<Spanned<Node>>),
    Map(Vec<(Spanned<Key>, Spanned<Node>)>),
}

/// A key is a string, whatever its type in YAML: `200` is the status `"200"`.
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

/// Separates the places from the values.
struct Reader<'t> {
    text: &'t str,
    places: Places,
    duplicates: Vec<Duplicate>,
}

impl Reader<'_> {
    /// Returns a node's value. `line` is that of its key, if it has one.
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
                        Entry::Occupied(entry) => {
                            self.duplicates.push(Duplicate { object: rank, key: entry.key().clone(), line });
                        }
                    }
                }
                Value::Object(map)
            }
        }
    }

    /// Returns the number at a place as the file writes it.
    fn written(&self, location: serde_saphyr::Location) -> Option<&str> {
        let span = location.span();
        let start = usize::try_from(span.byte_offset()?).ok()?;
        let end = start.checked_add(usize::try_from(span.byte_len()?).ok()?)?;
        self.text.get(start..end).map(str::trim).filter(|text| text.parse::<f64>().is_ok())
    }
}
