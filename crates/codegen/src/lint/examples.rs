//! Examples, against their schemas: each becomes a request or an answer of a snapshot test, so it must be one.

use crate::diagnostic::nearest;
use crate::ident;
use crate::lint::document::Lint;
use crate::lint::document::{At, Node, Shape};
use crate::lint::operations::unsendable;
use crate::read::media_type::{is_form, is_json};
use crate::read::spec::{delimiter, kind};
use crate::read::x_token::KEY;
use serde_json::Value;
use std::cell::Cell;
use std::collections::HashMap;

/// How deep an example is followed.
const MAX_DEPTH: usize = 48;

/// How many values of an example are looked at.
const MAX_STEPS: usize = 20_000;

/// Which way an example travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// It must be what the generated type can say: no more properties, numbers as numbers.
    Sent,
    /// It must be what the generated type can read: more properties, and digits as text, are fine.
    Answered,
}

/// Checks those of bodies and parameters.
pub fn check(lint: &mut Lint) {
    for operation in lint.operations() {
        if let Some((name, media)) = lint.request(&operation) {
            for (schema, example) in media_type(lint, &media, Way::Sent) {
                if is_form(name) {
                    form(lint, &media, &schema, &example);
                }
            }
        }
        for (_, response) in lint.responses(&operation) {
            for (_, media) in response.named("content").into_iter().filter(|(media_type, _)| is_json(media_type)) {
                media_type(lint, &media, Way::Answered);
            }
        }
        for parameter in lint.parameters(&operation) {
            let found = media_type(lint, &parameter, Way::Sent);
            let place = parameter.text("in").unwrap_or_default();
            for (_, example) in &found {
                if let Some((message, help)) = example.value.as_str().and_then(|text| unsendable(place, text)) {
                    lint.error(
                        "parameter-examples",
                        example,
                        format!("the example of a {place} parameter {message}"),
                        help,
                    );
                }
            }
            let delimiter = delimiter(parameter.value).filter(|_| parameter.text("in") == Some("query"));
            for (schema, example) in found {
                if let (Some(delimiter), Shape::List(_)) = (delimiter, lint.shape(&schema)) {
                    items(lint, delimiter, &example);
                }
            }
        }
    }
}

/// The lists in an example of a form.
fn form<'a>(lint: &mut Lint<'a>, media: &Node<'a>, schema: &Node<'a>, example: &Node<'a>) {
    for (name, encoding) in media.named("encoding") {
        let is_list = lint.variants(schema).iter().any(|(_, variant)| match lint.shape(variant) {
            Shape::Object(fields) => {
                fields.property(name).is_some_and(|node| matches!(lint.shape(node), Shape::List(_)))
            }
            _ => false,
        });
        if let (true, Some(delimiter), Some(list)) = (is_list, delimiter(encoding.value), example.get(name)) {
            items(lint, delimiter, &list);
        }
    }
}

/// The items of a list that is sent as one text: the client refuses what would be read as another list.
fn items<'a>(lint: &mut Lint<'a>, delimiter: char, list: &Node<'a>) {
    let Some(values) = list.value.as_array() else { return };
    if values.is_empty() {
        lint.error("list-examples", list, "an empty list can't be sent as one text", "remove it, or write an item");
    }
    for value in values {
        let item = Node { value };
        match value.as_str() {
            Some("") => lint.error(
                "list-examples",
                &item,
                "an empty item can't be sent in a list that is one text",
                "remove it",
            ),
            Some(text) if text.contains(delimiter) => {
                let shown = if delimiter == ' ' { "a space".to_owned() } else { format!("`{delimiter}`") };
                let message = format!("`{text}` holds {shown}, which stands between the items of this list");
                lint.error("list-examples", &item, message, "make several items of it");
            }
            Some(text) if text.contains(char::is_control) => {
                lint.error("list-examples", &item, format!("{value} holds a control character"), "remove that");
            }
            _ => {}
        }
    }
}

/// The examples of a media type or a parameter: both keep them beside a schema. Returns those that fit, with that schema.
fn media_type<'a>(lint: &mut Lint<'a>, media: &Node<'a>, way: Way) -> Vec<(Node<'a>, Node<'a>)> {
    if media.has("example") && media.has("examples") {
        let message = "`example` and `examples` exclude each other";
        lint.error("examples", &(media.at(), "example"), message, "move it into `examples`, under a name of its own");
    }
    let mut names: HashMap<String, &str> = HashMap::new();
    let mut values: Vec<Node<'a>> = media.get("example").into_iter().collect();
    for (name, example) in media.named("examples") {
        let file = ident::snake(name);
        if !name.contains(|c: char| c.is_ascii_alphanumeric()) {
            lint.error(
                "examples",
                &example,
                format!("`{name}` can't name an example: it becomes a file's name"),
                "write it in snake_case",
            );
        } else if let Some(other) = names.insert(file.clone(), name) {
            let message = format!("the examples `{other}` and `{name}` would both be the file `{file}`");
            lint.error("examples", &example, message, "rename one of them");
        }
        values.extend(lint.resolve(&example).get("value"));
    }
    let Some(schema) = media.get("schema") else { return Vec::new() };
    let mut fit = Vec::new();
    if values.is_empty() {
        // The generator falls back on the schema's own.
        values.extend(lint.schema(&schema).get("example"));
    }
    for value in values {
        let mut found = Vec::new();
        Checker { lint, way, steps: &Cell::new(0), found: &mut found }.check(&schema, &value, 0);
        if found.is_empty() {
            fit.push((schema, value));
        }
        for (at, message, help) in found {
            lint.error("examples", &at, message, help);
        }
    }
    fit
}

type Found = (At, String, String);

struct Checker<'c, 'a> {
    lint: &'c Lint<'a>,
    way: Way,
    /// How many values were looked at: unions inside unions multiply.
    steps: &'c Cell<usize>,
    found: &'c mut Vec<Found>,
}

impl<'a> Checker<'_, 'a> {
    fn say(&mut self, example: &Node<'a>, message: String, help: impl Into<String>) {
        self.found.push((example.at(), format!("the example doesn't match its schema: {message}"), help.into()));
    }

    fn check(&mut self, schema: &Node<'a>, example: &Node<'a>, depth: usize) {
        self.steps.set(self.steps.get() + 1);
        if depth > MAX_DEPTH || self.steps.get() > MAX_STEPS {
            return;
        }
        let shape = self.lint.shape(schema);
        if example.value.is_null() {
            if !matches!(shape, Shape::Any) && !self.lint.is_nullable(schema) {
                let name = self.name_of(example);
                self.say(example, format!("{name} is null"), "write a value, or add `nullable: true` to the schema");
            }
            return;
        }
        match shape {
            Shape::Any => {}
            Shape::Scalar(scalar, schema) => self.scalar(scalar, &schema, example),
            Shape::List(items) => match example.value.as_array() {
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
            Shape::Map(values) => match example.value.as_object() {
                Some(_) => {
                    for (_, node) in example.all() {
                        if let Some(values) = &values {
                            self.item(values, &node, depth + 1);
                        }
                    }
                }
                None => self.misfit(example, "an object", "write an object"),
            },
            Shape::Object(fields) => {
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
                            self.say(example, format!("`{name}` is missing"), help);
                        }
                        continue;
                    };
                    // An optional field reads null as absent.
                    let is_absent =
                        value.value.is_null() && !fields.required.contains(name) && self.way == Way::Answered;
                    if !is_absent {
                        self.check(node, &value, depth + 1);
                    }
                }
                if self.way == Way::Sent && fields.more.is_none() {
                    for (name, node) in example.all() {
                        if fields.property(name).is_none() {
                            let help = match nearest(name, fields.names()) {
                                Some(meant) => format!("write `{meant}`"),
                                None => "remove it, or add it to `properties`".to_owned(),
                            };
                            self.say(&node, format!("`{name}` is no property"), help);
                        }
                    }
                }
            }
            Shape::Union(_) => self.union(schema, example, depth),
        }
    }

    /// An item of a list or a map: digits as text are read in a property alone.
    fn item(&mut self, schema: &Node<'a>, example: &Node<'a>, depth: usize) {
        if let (Shape::Scalar(scalar @ ("integer" | "number"), _), Value::String(_)) =
            (self.lint.shape(schema), example.value)
        {
            let wanted = if scalar == "integer" { "an integer" } else { "a number" };
            return self.misfit(example, wanted, "write it without quotes, or `type: string` in the schema");
        }
        self.check(schema, example, depth);
    }

    /// One branch must fit; where none does, the nearest says why.
    fn union(&mut self, schema: &Node<'a>, example: &Node<'a>, depth: usize) {
        let mut best: Option<(usize, Vec<Found>)> = None;
        for (_, variant) in self.lint.variants(schema) {
            if matches!(self.lint.shape(&variant), Shape::Union(_)) {
                continue;
            }
            let mut found = Vec::new();
            Checker { found: &mut found, ..*self }.check(&variant, example, depth + 1);
            if found.is_empty() {
                return;
            }
            // A branch whose constants are there is the one that was meant.
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
        let Shape::Object(fields) = self.lint.shape(variant) else { return 0 };
        let strange = |(name, node): &&(&str, Node<'a>)| {
            self.lint.constant(node).is_some_and(|constant| example.value.get(name) != Some(constant))
        };
        fields.properties.iter().filter(strange).count()
    }

    fn scalar(&mut self, scalar: &str, schema: &Node<'a>, example: &Node<'a>) {
        let value = example.value;
        let is_answered = self.way == Way::Answered;
        let fits = match (scalar, value) {
            ("string", Value::String(text))
                if schema.text("format") == Some("date-time") && !is_date_time(text, self.needs_offset()) =>
            {
                let message = format!("{} is no date-time", self.name_of(example));
                return self.say(example, message, "write it as RFC 3339 does, such as `2030-01-02T03:04:05Z`");
            }
            ("integer", Value::Number(number)) if number.is_u64() && !number.is_i64() => {
                let message = format!("{} is more than 64 bits with a sign can hold", self.name_of(example));
                return self.say(example, message, "write a smaller one; or `type: string` in the schema, and quotes");
            }
            ("string", Value::String(_)) | ("boolean", Value::Bool(_)) | ("number", Value::Number(_)) => true,
            ("integer", Value::Number(number)) => number.is_i64(),
            ("integer", Value::String(text)) => is_answered && text.trim().parse::<i64>().is_ok(),
            ("number", Value::String(text)) => is_answered && text.trim().parse::<f64>().is_ok_and(f64::is_finite),
            _ => false,
        };
        if !fits {
            let (wanted, help) = match (scalar, value) {
                ("string", Value::Number(_) | Value::Bool(_)) => {
                    ("text", format!("write `\"{}\"`, in quotes", self.lint.plain(example)))
                }
                ("string", _) => ("text", "write text".to_owned()),
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
            self.say(example, message, format!("write `{}`", plain(constant)));
        }
    }

    /// An answer's expiry may do without, where its `zone` says which is meant.
    fn needs_offset(&self) -> bool {
        let response = self.lint.root().get(KEY).and_then(|block| block.get("response"));
        let has_zone = response.is_some_and(|response| response.members().iter().any(|(_, expiry)| expiry.has("zone")));
        self.way == Way::Sent || !has_zone
    }

    /// What a message calls a part of an example.
    fn name_of(&self, part: &Node<'a>) -> String {
        match self.lint.key(part).as_str() {
            "value" | "example" => "it".to_owned(),
            index if index.parse::<usize>().is_ok() => "an element".to_owned(),
            name => format!("`{name}`"),
        }
    }

    fn misfit(&mut self, example: &Node<'a>, wanted: &str, help: impl Into<String>) {
        let message = format!("{} is {}, and the schema says {wanted}", self.name_of(example), kind(example.value));
        self.say(example, message, help);
    }
}

/// Whether a text looks like a date, a time of day and an offset. Whether there is such a
/// day, the generated tests say.
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
