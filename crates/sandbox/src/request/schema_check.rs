//! Checks a value against its schema.

use serde_json::Value;

use crate::refusal::{Reason, Refusal};
use crate::spec::document::Document;
use crate::spec::resolve::Branch;
use crate::spec::schema::{Additional, Kind, Schema};

/// How deep a value may be nested.
const MAX_DEPTH: usize = 128;

/// A violation of a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    /// The path of the field, such as `auth.identity`.
    field: String,
    is_missing: bool,
    what: String,
}

/// Returns the most useful violation as a refusal. A wrong value comes before a missing one, since a wrong constant
/// explains the rest.
pub(crate) fn first(violations: Vec<Violation>) -> Option<Refusal> {
    let wrong = violations.iter().find(|violation| !violation.is_missing);
    let violation = wrong.or(violations.first())?;
    let reason = if violation.is_missing { Reason::Missing } else { Reason::Invalid };
    Some(Refusal::about(reason, &violation.field, &violation.what))
}

/// Returns all violations of a schema by a value. The body itself has no name.
pub(crate) fn check_schema(document: &Document, schema: &Schema, value: &Value, name: &str) -> Vec<Violation> {
    check_at(document, schema, value, name, 0)
}

fn check_at(document: &Document, schema: &Schema, value: &Value, name: &str, depth: usize) -> Vec<Violation> {
    let mut checker = Checker { document, violations: Vec::new() };
    checker.value(schema, value, name, depth);
    checker.violations
}

struct Checker<'a> {
    document: &'a Document,
    violations: Vec<Violation>,
}

impl Checker<'_> {
    fn refuse(&mut self, field: &str, what: impl Into<String>) {
        self.violations.push(Violation { field: field.to_owned(), is_missing: false, what: what.into() });
    }

    fn value(&mut self, schema: &Schema, value: &Value, field: &str, depth: usize) {
        if depth > MAX_DEPTH {
            return self.refuse(field, "is nested too deeply");
        }
        if value.is_null() && schema.is_nullable(self.document) {
            return;
        }
        let parts = schema.all(self.document);
        if let Some(kind) = schema.kind(self.document)
            && !is_of(kind, value)
        {
            return self.refuse(field, format!("is not {}", name_of(kind)));
        }
        if let Some(values) = schema.values(self.document)
            && !values.iter().any(|allowed| is_equal(allowed, value))
        {
            return match values {
                [only] => self.refuse(field, format!("is not {only}")),
                _ => self.refuse(field, "is not one of the listed values"),
            };
        }
        if let (Some(format), Value::String(text)) = (schema.format(self.document), value)
            && let Some(what) = misses(format, text)
        {
            return self.refuse(field, what);
        }
        if let Some(one_of) = parts.iter().find(|part| !part.one_of.is_empty()) {
            match branch_at(self.document, one_of, value, field, depth + 1) {
                Ok(_) => {}
                Err(violations) => self.violations.extend(violations),
            }
        }
        match value {
            Value::Array(items) => {
                if let Some(schema) = schema.items(self.document) {
                    for (index, item) in items.iter().enumerate() {
                        self.value(schema, item, &format!("{field}.{index}"), depth + 1);
                    }
                }
            }
            Value::Object(members) => {
                let fields = schema.fields(self.document);
                for name in &fields.required {
                    if !members.contains_key(*name) {
                        let field = join(field, name);
                        self.violations.push(Violation { field, is_missing: true, what: "is missing".to_owned() });
                    }
                }
                for (name, member) in members {
                    match (fields.properties.get(name.as_str()), fields.additional) {
                        (Some(schema), _) => self.value(schema, member, &join(field, name), depth + 1),
                        (None, Some(Additional::Are(schema))) => {
                            // The caller chose this name, so the message does not repeat it.
                            self.value(schema, member, &join(field, "*"), depth + 1)
                        }
                        (None, Some(Additional::Allowed(false))) => {
                            self.refuse(field, "has a property that the spec does not allow")
                        }
                        (None, _) => {}
                    }
                }
            }
            _ => {}
        }
    }
}

/// Returns the branch of a `oneOf` that a value matches, or the violations of the likeliest one. Of several matching branches, it
/// is the one with most of the value's properties.
///
/// The likeliest branch is the one whose constants the value has. If it has those of none, the constants are reported.
pub(crate) fn branch<'a>(
    document: &'a Document,
    schema: &'a Schema,
    value: &Value,
    field: &str,
) -> Result<Branch<'a>, Vec<Violation>> {
    branch_at(document, schema, value, field, 0)
}

fn branch_at<'a>(
    document: &'a Document,
    schema: &'a Schema,
    value: &Value,
    field: &str,
    depth: usize,
) -> Result<Branch<'a>, Vec<Violation>> {
    let branches = schema.branches(document);
    let mut likeliest = Vec::new();
    let mut matching = Vec::new();
    for branch in &branches {
        let agreement = agreement(document, branch.schema, value);
        // With other constants, the value can't match this branch. Checking it anyway would double the work at each
        // level.
        if agreement == Some(false) && value.is_object() && branches.len() > 1 {
            continue;
        }
        let violations = check_at(document, branch.schema, value, field, depth);
        if violations.is_empty() {
            matching.push(*branch);
            continue;
        }
        if branches.len() == 1 || agreement == Some(true) {
            likeliest.push(violations);
        }
    }
    // The alternatives of `one-of` can differ in properties alone, which the others ignore.
    let ignored = |branch: &Branch<'_>| {
        let fields = branch.schema.fields(document);
        let names = value.as_object().into_iter().flat_map(|members| members.keys());
        names.filter(|name| !fields.properties.contains_key(name.as_str())).count()
    };
    if let Some(best) = matching.into_iter().min_by_key(ignored) {
        return Ok(best);
    }
    if let Some(least) = likeliest.into_iter().min_by_key(Vec::len) {
        return Err(least);
    }
    let constants = branches.iter().flat_map(|branch| branch.schema.fields(document).properties);
    let wrong = constants.filter(|(_, schema)| schema.constant(document).is_some()).map(|(name, _)| name).next();
    Err(vec![match wrong {
        Some(name) if value.get(name).is_none() => {
            Violation { field: join(field, name), is_missing: true, what: "is missing".to_owned() }
        }
        Some(name) => Violation {
            field: join(field, name),
            is_missing: false,
            what: "is not one of the listed values".to_owned(),
        },
        None => Violation {
            field: field.to_owned(),
            is_missing: false,
            what: "matches no variant of its `oneOf`".to_owned(),
        },
    }])
}

/// Whether a value has the constants that a branch requires. Returns false if it requires none.
pub(crate) fn agrees(document: &Document, schema: &Schema, value: &Value) -> bool {
    agreement(document, schema, value) == Some(true)
}

/// Returns `None` if the branch requires no constants.
fn agreement(document: &Document, schema: &Schema, value: &Value) -> Option<bool> {
    let fields = schema.fields(document);
    let mut constants = fields
        .properties
        .iter()
        .filter(|(name, _)| fields.requires(name))
        .filter_map(|(name, schema)| Some((name, schema.constant(document)?)))
        .peekable();
    constants.peek()?;
    let fits = |name: &str, constant| match value.get(name) {
        Some(Value::Null) => fields.properties[name].is_nullable(document),
        Some(value) => is_equal(constant, value),
        None => false,
    };
    Some(constants.all(|(name, constant)| fits(name, constant)))
}

fn join(field: &str, name: &str) -> String {
    match field {
        "" => name.to_owned(),
        _ => format!("{field}.{name}"),
    }
}

/// Numbers are compared by value: `1` equals `1.0`.
fn is_equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        _ => a == b,
    }
}

fn is_of(kind: Kind, value: &Value) -> bool {
    match kind {
        Kind::String => value.is_string(),
        Kind::Integer => value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|number| number.fract() == 0.0),
        Kind::Number => value.is_number(),
        Kind::Boolean => value.is_boolean(),
        Kind::Object => value.is_object(),
        Kind::Array => value.is_array(),
    }
}

fn name_of(kind: Kind) -> &'static str {
    match kind {
        Kind::String => "a string",
        Kind::Integer => "a whole number",
        Kind::Number => "a number",
        Kind::Boolean => "true or false",
        Kind::Object => "an object",
        Kind::Array => "a list",
    }
}

/// Returns how a string violates its format. Formats that aren't listed here are documentation.
fn misses(format: &str, text: &str) -> Option<&'static str> {
    match format {
        "date-time" => text.parse::<jiff::Timestamp>().is_err().then_some("is not a date-time with an offset"),
        "date" => text.parse::<jiff::civil::Date>().is_err().then_some("is not a date"),
        "uuid" => (!is_uuid(text)).then_some("is not a UUID"),
        _ => None,
    }
}

fn is_uuid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    let hexadecimal = |group: &&str| group.bytes().all(|byte| byte.is_ascii_hexdigit());
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12]) && groups.iter().all(hexadecimal)
}
