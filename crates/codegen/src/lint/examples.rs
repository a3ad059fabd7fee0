//! Examples, against their schemas: each becomes a request or a response in a snapshot test.

use std::cell::Cell;
use std::collections::HashMap;

use serde_json::Value;

use crate::diagnostic::nearest;
use crate::ident;
use crate::lint::document::{At, Lint, Node, Operation, Resolved};
use crate::lint::rule::rule;
use crate::lint::syntax::unsendable;
use crate::read::media_type::{is_form, is_json};
use crate::read::spec::{delimiter, kind};
use crate::read::x_token::KEY;

/// How deep an example is followed.
const MAX_DEPTH: usize = 48;

/// How many values of an example are checked: unions inside unions multiply.
const MAX_STEPS: usize = 20_000;

/// Which way an example is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    /// The generated type writes it: it has no other properties, and numbers are numbers.
    Request,
    /// The generated type reads it: it may have other properties, and numbers may be strings of digits.
    Response,
}

/// Checks the examples of bodies and parameters.
pub fn check<'a>(lint: &mut Lint<'a>, operations: &[Operation<'a>]) {
    for operation in operations {
        if let Some((name, media)) = lint.request(operation) {
            for (schema, example) in rule!(examples(lint, &media, Direction::Request)) {
                if is_form(name) {
                    form(lint, &media, &schema, &example);
                }
            }
        }
        for (_, response) in lint.responses(operation) {
            for (_, media) in response.named("content").into_iter().filter(|(media_type, _)| is_json(media_type)) {
                rule!(examples(lint, &media, Direction::Response));
            }
        }
        for parameter in lint.parameters(operation) {
            let delimiter = delimiter(parameter.value).filter(|_| parameter.text("in") == Some("query"));
            for (schema, example) in rule!(examples(lint, &parameter, Direction::Request)) {
                rule!(parameter_examples(lint, &parameter, &example));
                if let (Some(delimiter), Resolved::List(_)) = (delimiter, lint.resolved(&schema)) {
                    rule!(list_examples(lint, delimiter, &example));
                }
            }
        }
    }
}

/// The client can send a parameter's example.
fn parameter_examples<'a>(lint: &mut Lint<'a>, parameter: &Node<'a>, example: &Node<'a>) {
    let place = parameter.text("in").unwrap_or_default();
    if let Some((message, help)) = example.value.as_str().and_then(|text| unsendable(place, text)) {
        lint.error(example, format!("the example of a {place} parameter {message}"), help);
    }
}

/// Checks the lists in an example of a form.
fn form<'a>(lint: &mut Lint<'a>, media: &Node<'a>, schema: &Node<'a>, example: &Node<'a>) {
    for (name, encoding) in media.named("encoding") {
        let is_list = lint.variants(schema).iter().any(|(_, variant)| match lint.resolved(variant) {
            Resolved::Object(fields) => {
                fields.property(name).is_some_and(|node| matches!(lint.resolved(node), Resolved::List(_)))
            }
            _ => false,
        });
        if let (true, Some(delimiter), Some(list)) = (is_list, delimiter(encoding.value), example.get(name)) {
            rule!(list_examples(lint, delimiter, &list));
        }
    }
}

/// No item of a list that is sent as one string holds the delimiter: the client refuses what would be read as another list.
fn list_examples<'a>(lint: &mut Lint<'a>, delimiter: char, list: &Node<'a>) {
    let Some(values) = list.value.as_array() else { return };
    if values.is_empty() {
        lint.error(list, "an empty list can't be sent as one string", "remove it, or write an item");
    }
    for value in values {
        let item = Node { value };
        match value.as_str() {
            Some("") => lint.error(&item, "an empty item can't be sent in a list that is one string", "remove it"),
            Some(text) if text.contains(delimiter) => {
                let shown = if delimiter == ' ' { "a space".to_owned() } else { format!("`{delimiter}`") };
                let message = format!("`{text}` holds {shown}, which stands between the items of this list");
                lint.error(&item, message, "split it into several items");
            }
            Some(text) if text.contains(char::is_control) => {
                lint.error(&item, format!("{value} holds a control character"), "remove the character");
            }
            _ => {}
        }
    }
}

/// Checks the examples of a media type or a parameter against the schema next to them. Returns those that fit, with that
/// schema.
fn examples<'a>(lint: &mut Lint<'a>, media: &Node<'a>, direction: Direction) -> Vec<(Node<'a>, Node<'a>)> {
    if media.has("example") && media.has("examples") {
        let message = "`example` and `examples` exclude each other";
        lint.error(&(media.at(), "example"), message, "move it into `examples`, under a name of its own");
    }
    let mut names: HashMap<String, &str> = HashMap::new();
    let mut values: Vec<Node<'a>> = media.get("example").into_iter().collect();
    for (name, example) in media.named("examples") {
        let file = ident::snake(name);
        if !name.contains(|c: char| c.is_ascii_alphanumeric()) {
            lint.error(
                &example,
                format!("`{name}` can't name an example: it becomes the name of a file"),
                "write it in snake_case",
            );
        } else if let Some(other) = names.insert(file.clone(), name) {
            let message = format!("the examples `{other}` and `{name}` would both be the file `{file}`");
            lint.error(&example, message, "rename one of them");
        }
        values.extend(lint.dereference(&example).get("value"));
    }
    let Some(schema) = media.get("schema") else { return Vec::new() };
    let mut fit = Vec::new();
    if values.is_empty() {
        // The generator falls back on the example of the schema.
        values.extend(lint.schema(&schema).get("example"));
    }
    for value in values {
        let mut found = Vec::new();
        Checker { lint, direction, steps: &Cell::new(0), found: &mut found }.check(&schema, &value, 0);
        if found.is_empty() {
            fit.push((schema, value));
        }
        for (at, message, help) in found {
            lint.error(&at, message, help);
        }
    }
    fit
}

type Found = (At, String, String);

struct Checker<'c, 'a> {
    lint: &'c Lint<'a>,
    direction: Direction,
    /// How many values have been checked.
    steps: &'c Cell<usize>,
    found: &'c mut Vec<Found>,
}

impl<'a> Checker<'_, 'a> {
    fn report(&mut self, example: &Node<'a>, message: String, help: impl Into<String>) {
        self.found.push((example.at(), format!("the example doesn't match its schema: {message}"), help.into()));
    }

    fn check(&mut self, schema: &Node<'a>, example: &Node<'a>, depth: usize) {
        self.steps.set(self.steps.get() + 1);
        if depth > MAX_DEPTH || self.steps.get() > MAX_STEPS {
            return;
        }
        let resolved = self.lint.resolved(schema);
        if example.value.is_null() {
            if !matches!(resolved, Resolved::Any) && !self.lint.is_nullable(schema) {
                let name = self.name_of(example);
                self.report(example, format!("{name} is null"), "write a value, or add `nullable: true` to the schema");
            }
            return;
        }
        match resolved {
            Resolved::Any => {}
            Resolved::Scalar(scalar, schema) => self.scalar(scalar, &schema, example),
            Resolved::List(items) => match example.value.as_array() {
                Some(list) => {
                    for value in list {
                        if let Some(items) = &items {
                            self.item(items, &Node { value }, depth + 1);
                        }
                    }
                }
                None => {
                    let help = match example.value {
                        Value::String(_) => "write a list, such as `[one, two]`: the client joins it",
                        _ => "write a list",
                    };
                    self.misfit(example, "a list", help);
                }
            },
            Resolved::Map(values) => match example.value.as_object() {
                Some(_) => {
                    for (_, node) in example.all() {
                        if let Some(values) = &values {
                            self.item(values, &node, depth + 1);
                        }
                    }
                }
                None => self.misfit(example, "an object", "write an object"),
            },
            Resolved::Object(fields) => {
                if !example.value.is_object() {
                    return self.misfit(example, "an object", "write an object");
                }
                for (name, node) in &fields.properties {
                    let Some(value) = example.get(name) else {
                        if fields.required.contains(name) {
                            let help = match self.lint.constant(node).map(plain) {
                                Some(constant) => format!("add `{name}: {constant}`"),
                                None => format!("add `{name}`, or remove it from `required`"),
                            };
                            self.report(example, format!("`{name}` is missing"), help);
                        }
                        continue;
                    };
                    // An optional field treats null as absent.
                    let is_absent = value.value.is_null()
                        && !fields.required.contains(name)
                        && self.direction == Direction::Response;
                    if !is_absent {
                        self.check(node, &value, depth + 1);
                    }
                }
                if self.direction == Direction::Request && fields.more.is_none() {
                    for (name, node) in example.all() {
                        if fields.property(name).is_none() {
                            let help = match nearest(name, fields.names()) {
                                Some(meant) => format!("write `{meant}`"),
                                None => "remove it, or add it to `properties`".to_owned(),
                            };
                            self.report(&node, format!("`{name}` isn't a property"), help);
                        }
                    }
                }
            }
            Resolved::Union(_) => self.union(schema, example, depth),
        }
    }

    /// An item of a list or a map. A string of digits is read as a number only in a property.
    fn item(&mut self, schema: &Node<'a>, example: &Node<'a>, depth: usize) {
        if let (Resolved::Scalar(scalar @ ("integer" | "number"), _), Value::String(_)) =
            (self.lint.resolved(schema), example.value)
        {
            let wanted = if scalar == "integer" { "an integer" } else { "a number" };
            return self.misfit(example, wanted, "write it without quotes, or `type: string` in the schema");
        }
        self.check(schema, example, depth);
    }

    /// One branch must fit. If none does, the problems of the nearest are reported.
    fn union(&mut self, schema: &Node<'a>, example: &Node<'a>, depth: usize) {
        let mut best: Option<(usize, Vec<Found>)> = None;
        for (_, variant) in self.lint.variants(schema) {
            if matches!(self.lint.resolved(&variant), Resolved::Union(_)) {
                continue;
            }
            let mut found = Vec::new();
            Checker { found: &mut found, ..*self }.check(&variant, example, depth + 1);
            if found.is_empty() {
                return;
            }
            // A branch whose constants match is the one that was meant.
            let distance = found.len() + 8 * self.strange_constants(&variant, example);
            if best.as_ref().is_none_or(|(least, _)| distance < *least) {
                best = Some((distance, found));
            }
        }
        if let Some((_, found)) = best {
            self.found.extend(found);
        }
    }

    fn strange_constants(&self, variant: &Node<'a>, example: &Node<'a>) -> usize {
        let Resolved::Object(fields) = self.lint.resolved(variant) else { return 0 };
        let strange = |(name, node): &&(&str, Node<'a>)| {
            self.lint.constant(node).is_some_and(|constant| example.value.get(name) != Some(constant))
        };
        fields.properties.iter().filter(strange).count()
    }

    fn scalar(&mut self, scalar: &str, schema: &Node<'a>, example: &Node<'a>) {
        let value = example.value;
        let is_response = self.direction == Direction::Response;
        let fits = match (scalar, value) {
            ("string", Value::String(text))
                if schema.text("format") == Some("date-time") && !is_date_time(text, self.needs_offset()) =>
            {
                let message = format!("{} isn't a date-time", self.name_of(example));
                return self.report(
                    example,
                    message,
                    "write it in the form of RFC 3339, such as `2030-01-02T03:04:05Z`",
                );
            }
            ("integer", Value::Number(number)) if number.is_u64() && !number.is_i64() => {
                let message = format!("{} doesn't fit 64 bits with a sign", self.name_of(example));
                return self.report(
                    example,
                    message,
                    "write a smaller number; or `type: string` in the schema, and quotes",
                );
            }
            ("string", Value::String(_)) | ("boolean", Value::Bool(_)) | ("number", Value::Number(_)) => true,
            ("integer", Value::Number(number)) => number.is_i64(),
            ("integer", Value::String(text)) => is_response && text.trim().parse::<i64>().is_ok(),
            ("number", Value::String(text)) => is_response && text.trim().parse::<f64>().is_ok_and(f64::is_finite),
            _ => false,
        };
        if !fits {
            let (wanted, help) = match (scalar, value) {
                ("string", Value::Number(_) | Value::Bool(_)) => {
                    ("a string", format!("write `\"{}\"`, in quotes", self.lint.plain(example)))
                }
                ("string", _) => ("a string", "write a string".to_owned()),
                ("integer", _) => ("an integer", "write a whole number".to_owned()),
                ("boolean", _) => ("a boolean", "write `true` or `false`".to_owned()),
                _ => ("a number", "write a number".to_owned()),
            };
            return self.misfit(example, wanted, help);
        }
        // An enum of several values is open; one value is a constant.
        if let Some(constant) = self.lint.constant(schema)
            && constant != value
        {
            let message = format!(
                "{} is `{}`, and the schema's only value is `{}`",
                self.name_of(example),
                plain(value),
                plain(constant)
            );
            self.report(example, message, format!("write `{}`", plain(constant)));
        }
    }

    /// Whether a date-time needs an offset: in a response it doesn't, if `zone` in `x-token` says which is meant.
    fn needs_offset(&self) -> bool {
        let response = self.lint.root().get(KEY).and_then(|block| block.get("response"));
        let has_zone = response.is_some_and(|response| response.members().iter().any(|(_, expiry)| expiry.has("zone")));
        self.direction == Direction::Request || !has_zone
    }

    /// The name of a part of an example in messages.
    fn name_of(&self, part: &Node<'a>) -> String {
        match self.lint.key(part).as_str() {
            "value" | "example" => "it".to_owned(),
            index if index.parse::<usize>().is_ok() => "an element".to_owned(),
            name => format!("`{name}`"),
        }
    }

    fn misfit(&mut self, example: &Node<'a>, wanted: &str, help: impl Into<String>) {
        let message = format!("{} is {}, and the schema says {wanted}", self.name_of(example), kind(example.value));
        self.report(example, message, help);
    }
}

/// Whether a string has a date, a time of day and an offset. The generated tests find out whether such a day exists.
fn is_date_time(text: &str, needs_offset: bool) -> bool {
    let form = b"0000-00-00T00:00:00";
    let fits = |(byte, form): (u8, &u8)| match form {
        b'0' => byte.is_ascii_digit(),
        b'T' => matches!(byte, b'T' | b't' | b' '),
        _ => byte == *form,
    };
    if !text.is_ascii() || text.len() < form.len() || !text.bytes().zip(form).all(fits) {
        return false;
    }
    let rest = &text[form.len()..];
    let offset = rest.strip_prefix('.').unwrap_or(rest).trim_start_matches(|c: char| c.is_ascii_digit());
    match offset.as_bytes() {
        [] => !needs_offset,
        [b'Z' | b'z'] => true,
        [b'+' | b'-', a, b, b':', c, d] => [a, b, c, d].iter().all(|byte| byte.is_ascii_digit()),
        _ => false,
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
