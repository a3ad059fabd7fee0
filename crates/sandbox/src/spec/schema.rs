//! Schemas, and what their `allOf` comes to.

use indexmap::IndexMap;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::Document;

/// The words of a schema that decide something here. `pattern`, `minimum` and the like are documentation in these
/// specs.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Schema {
    #[serde(rename = "$ref")]
    pub(crate) reference: Option<String>,
    #[serde(rename = "type")]
    pub(crate) kind: Option<Kind>,
    pub(crate) format: Option<String>,
    /// Of a property: what it is named after as a credential.
    #[serde(rename = "x-name")]
    pub(crate) label: Option<String>,
    pub(crate) nullable: bool,
    #[serde(rename = "enum")]
    pub(crate) values: Option<Vec<Value>>,
    pub(crate) required: Vec<String>,
    pub(crate) properties: IndexMap<String, Schema>,
    pub(crate) additional_properties: Option<Additional>,
    pub(crate) items: Option<Box<Schema>>,
    pub(crate) all_of: Vec<Schema>,
    pub(crate) one_of: Vec<Schema>,
    pub(crate) example: Option<Value>,
    pub(crate) default: Option<Value>,
    /// Not played.
    pub(crate) any_of: Option<IgnoredAny>,
    /// Not played.
    pub(crate) not: Option<IgnoredAny>,
}

/// The type of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    String,
    Integer,
    Number,
    Boolean,
    Object,
    Array,
}

/// What further properties of an object may be.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Additional {
    Allowed(bool),
    Are(Box<Schema>),
}

impl Schema {
    /// The only value that it allows, if there is but one.
    pub(crate) fn constant<'a>(&'a self, document: &'a Document) -> Option<&'a Value> {
        match self.all(document).into_iter().find_map(|schema| schema.values.as_deref())? {
            [value] => Some(value),
            _ => None,
        }
    }

    /// The values that it allows, if it lists them.
    pub(crate) fn values<'a>(&'a self, document: &'a Document) -> Option<&'a [Value]> {
        self.all(document).into_iter().find_map(|schema| schema.values.as_deref())
    }

    /// Its type, by any part of its `allOf`.
    pub(crate) fn kind(&self, document: &Document) -> Option<Kind> {
        let parts = self.all(document);
        let says = |schema: &&Schema| schema.kind;
        let implied = |schema: &&Schema| (!schema.properties.is_empty()).then_some(Kind::Object);
        parts.iter().find_map(says).or_else(|| parts.iter().find_map(implied))
    }

    /// Its format, by any part of its `allOf`.
    pub(crate) fn format<'a>(&'a self, document: &'a Document) -> Option<&'a str> {
        self.all(document).into_iter().find_map(|schema| schema.format.as_deref())
    }

    /// Whether it is a secret.
    pub(crate) fn is_secret(&self, document: &Document) -> bool {
        self.format(document) == Some("password")
    }

    /// Its own example, or that of a part.
    pub(crate) fn example<'a>(&'a self, document: &'a Document) -> Option<&'a Value> {
        let parts = self.all(document);
        parts
            .iter()
            .find_map(|schema| schema.example.as_ref())
            .or_else(|| parts.iter().find_map(|s| s.default.as_ref()))
    }

    /// Whether it takes null.
    pub(crate) fn is_nullable(&self, document: &Document) -> bool {
        self.all(document).iter().any(|part| part.nullable)
    }

    /// The parts that give it properties. Two schemas that share them all are one kind of object.
    pub(crate) fn shape<'a>(&'a self, document: &'a Document) -> Vec<&'a Schema> {
        self.all(document).into_iter().filter(|part| !part.properties.is_empty()).collect()
    }

    /// The schema of a list's items.
    pub(crate) fn items<'a>(&'a self, document: &'a Document) -> Option<&'a Schema> {
        self.all(document).into_iter().find_map(|schema| schema.items.as_deref())
    }

    /// It and all that its references and `allOf` lead to.
    pub(crate) fn all<'a>(&'a self, document: &'a Document) -> Vec<&'a Schema> {
        let mut found: Vec<&Schema> = Vec::new();
        let mut open = vec![self];
        while let Some(schema) = open.pop() {
            let schema = document.schema(schema);
            // Only a schema that is a part of itself comes twice.
            if !found.iter().any(|seen| std::ptr::eq::<Schema>(*seen, schema)) {
                found.push(schema);
                open.extend(schema.all_of.iter().rev());
            }
        }
        found
    }

    /// Its kinds: the branches of its `oneOf`, or itself.
    pub(crate) fn branches<'a>(&'a self, document: &'a Document) -> Vec<Branch<'a>> {
        match self.all(document).into_iter().find(|schema| !schema.one_of.is_empty()) {
            Some(schema) => schema.one_of.iter().map(|schema| Branch { name: schema.name(), schema }).collect(),
            None => vec![Branch { name: self.name(), schema: self }],
        }
    }

    /// Its properties, through `allOf`.
    pub(crate) fn fields<'a>(&'a self, document: &'a Document) -> Fields<'a> {
        let parts = self.all(document);
        Fields {
            properties: parts.iter().flat_map(|part| &part.properties).map(|(n, s)| (n.as_str(), s)).collect(),
            required: parts.iter().flat_map(|part| &part.required).map(String::as_str).collect(),
            additional: parts.iter().find_map(|part| part.additional_properties.as_ref()),
        }
    }

    /// The schema that a JSON Pointer leads to, in the first branch that has it.
    pub(crate) fn at<'a>(&'a self, document: &'a Document, pointer: &str) -> Option<&'a Schema> {
        let Some(rest) = pointer.strip_prefix('/') else { return Some(self) };
        let (token, rest) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let name = token.replace("~1", "/").replace("~0", "~");
        self.branches(document).into_iter().find_map(|branch| {
            let parts = branch.schema.all(document);
            let property = parts.iter().find_map(|part| part.properties.get(&name));
            let item = || name.parse::<usize>().ok().and_then(|_| branch.schema.items(document));
            property.or_else(item)?.at(document, rest)
        })
    }

    /// The name that a reference gives.
    pub(super) fn name(&self) -> Option<&str> {
        self.reference.as_deref()?.rsplit('/').next()
    }
}

/// Whether an object of this shape is inside another of it.
pub(crate) fn is_inside(around: &[Vec<&Schema>], shape: &[&Schema]) -> bool {
    let is_same = |other: &Vec<&Schema>| {
        other.len() == shape.len() && other.iter().zip(shape).all(|(a, b)| std::ptr::eq::<Schema>(*a, *b))
    };
    !shape.is_empty() && around.iter().any(is_same)
}

/// One kind of a `oneOf`.
#[derive(Clone, Copy)]
pub(crate) struct Branch<'a> {
    pub(crate) name: Option<&'a str>,
    pub(crate) schema: &'a Schema,
}

/// The properties of an object.
pub(crate) struct Fields<'a> {
    pub(crate) properties: IndexMap<&'a str, &'a Schema>,
    pub(crate) required: Vec<&'a str>,
    pub(crate) additional: Option<&'a Additional>,
}

impl Fields<'_> {
    pub(crate) fn requires(&self, name: &str) -> bool {
        self.required.contains(&name)
    }
}
