//! Follows the references and the `allOf` of operations and schemas.

use indexmap::IndexMap;
use serde_json::Value;

use crate::spec::document::Document;
use crate::spec::operation::{MediaType, Operation, Parameter, ResponseObject};
use crate::spec::schema::{Additional, Kind, Schema};

impl Operation {
    /// Returns the media type of the request body, the body, and whether it is required; a spec has one media type.
    pub(crate) fn body<'a>(&'a self, document: &'a Document) -> Option<(&'a str, &'a MediaType, bool)> {
        let body = document.request_body(self.request_body.as_ref()?);
        let (name, media) = body.content.first()?;
        Some((name, media, body.required))
    }

    /// Returns the status of the successful response, and the response.
    pub(crate) fn success<'a>(&'a self, document: &'a Document) -> (u16, Option<&'a ResponseObject>) {
        let found = self.responses.iter().find(|(status, _)| status.starts_with('2'));
        match found {
            Some((status, response)) => (status.parse().unwrap_or(200), Some(document.response(response))),
            None => (200, None),
        }
    }

    /// Returns the response that is documented for a status, exactly or by a range such as `4XX`. `default` applies to
    /// errors.
    pub(crate) fn response<'a>(&'a self, document: &'a Document, status: u16) -> Option<&'a ResponseObject> {
        let found = self.named(status).or_else(|| self.responses.get("default").filter(|_| status >= 400));
        Some(document.response(found?))
    }
}

impl Parameter {
    pub(crate) fn example<'a>(&'a self, document: &'a Document) -> Option<&'a Value> {
        let named = || self.examples.values().next().map(|example| &document.example(example).value);
        self.example.as_ref().or_else(named).or_else(|| self.schema.example(document))
    }
}

impl MediaType {
    /// Returns the examples: name, summary, value.
    pub(crate) fn examples<'a>(
        &'a self,
        document: &'a Document,
    ) -> impl Iterator<Item = (&'a str, &'a str, &'a Value)> {
        let one = self.example.iter().map(|value| ("", "", value));
        one.chain(self.examples.iter().map(|(name, example)| {
            let example = document.example(example);
            (name.as_str(), example.summary.as_str(), &example.value)
        }))
    }
}

impl Schema {
    /// Returns the only value that is allowed, if there is just one.
    pub(crate) fn constant<'a>(&'a self, document: &'a Document) -> Option<&'a Value> {
        match self.all(document).into_iter().find_map(|schema| schema.values.as_deref())? {
            [value] => Some(value),
            _ => None,
        }
    }

    /// Returns the allowed values, if they are listed.
    pub(crate) fn values<'a>(&'a self, document: &'a Document) -> Option<&'a [Value]> {
        self.all(document).into_iter().find_map(|schema| schema.values.as_deref())
    }

    /// Returns the type, from any part of `allOf`.
    pub(crate) fn kind(&self, document: &Document) -> Option<Kind> {
        let parts = self.all(document);
        let says = |schema: &&Schema| schema.kind;
        let implied = |schema: &&Schema| (!schema.properties.is_empty()).then_some(Kind::Object);
        parts.iter().find_map(says).or_else(|| parts.iter().find_map(implied))
    }

    /// Returns the format, from any part of `allOf`.
    pub(crate) fn format<'a>(&'a self, document: &'a Document) -> Option<&'a str> {
        self.all(document).into_iter().find_map(|schema| schema.format.as_deref())
    }

    /// Whether it is a secret.
    pub(crate) fn is_secret(&self, document: &Document) -> bool {
        self.format(document) == Some("password")
    }

    /// Returns its own example, or that of a part.
    pub(crate) fn example<'a>(&'a self, document: &'a Document) -> Option<&'a Value> {
        let parts = self.all(document);
        parts
            .iter()
            .find_map(|schema| schema.example.as_ref())
            .or_else(|| parts.iter().find_map(|s| s.default.as_ref()))
    }

    /// Whether null is allowed.
    pub(crate) fn is_nullable(&self, document: &Document) -> bool {
        self.all(document).iter().any(|part| part.nullable)
    }

    /// Returns the parts that have properties. Schemas that share all of them are the same type.
    pub(crate) fn shape<'a>(&'a self, document: &'a Document) -> Vec<&'a Schema> {
        self.all(document).into_iter().filter(|part| !part.properties.is_empty()).collect()
    }

    /// Returns the schema of a list's items.
    pub(crate) fn items<'a>(&'a self, document: &'a Document) -> Option<&'a Schema> {
        self.all(document).into_iter().find_map(|schema| schema.items.as_deref())
    }

    /// Returns the schema and everything that its references and `allOf` refer to.
    pub(crate) fn all<'a>(&'a self, document: &'a Document) -> Vec<&'a Schema> {
        let mut found: Vec<&Schema> = Vec::new();
        let mut open = vec![self];
        while let Some(schema) = open.pop() {
            let schema = document.schema(schema);
            // A schema only occurs twice if it is a part of itself.
            if !found.iter().any(|seen| std::ptr::eq::<Schema>(*seen, schema)) {
                found.push(schema);
                open.extend(schema.all_of.iter().rev());
            }
        }
        found
    }

    /// Returns the branches of its `oneOf`, or itself.
    pub(crate) fn branches<'a>(&'a self, document: &'a Document) -> Vec<Branch<'a>> {
        match self.all(document).into_iter().find(|schema| !schema.one_of.is_empty()) {
            Some(schema) => schema.one_of.iter().map(|schema| Branch { name: schema.name(), schema }).collect(),
            None => vec![Branch { name: self.name(), schema: self }],
        }
    }

    /// Returns the properties, including those from `allOf`.
    pub(crate) fn fields<'a>(&'a self, document: &'a Document) -> Fields<'a> {
        let parts = self.all(document);
        Fields {
            properties: parts.iter().flat_map(|part| &part.properties).map(|(n, s)| (n.as_str(), s)).collect(),
            required: parts.iter().flat_map(|part| &part.required).map(String::as_str).collect(),
            additional: parts.iter().find_map(|part| part.additional_properties.as_ref()),
        }
    }

    /// Returns the schema at a JSON Pointer, in the first branch that has it.
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
}

/// Whether an object of this type is inside another of the same type.
pub(crate) fn is_inside(around: &[Vec<&Schema>], shape: &[&Schema]) -> bool {
    let is_same = |other: &Vec<&Schema>| {
        other.len() == shape.len() && other.iter().zip(shape).all(|(a, b)| std::ptr::eq::<Schema>(*a, *b))
    };
    !shape.is_empty() && around.iter().any(is_same)
}

/// One branch of a `oneOf`.
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
