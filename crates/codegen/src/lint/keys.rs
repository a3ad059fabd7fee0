//! Every key of every object, and the form of its value: OpenAPI 3.0 as a table.
//!
//! `openapiv3` drops a key that it doesn't know, so a slip would be silent. The table has a row for each key that
//! OpenAPI allows, those that can't be honoured among them; what the values mean is for the other checks.

use crate::diagnostic::{distance, nearest};
use crate::lint::document::Lint;
use crate::lint::document::{METHODS, Node};
use crate::read::spec::kind;
use serde_json::Value;

/// The objects of OpenAPI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Root,
    Info,
    Contact,
    License,
    Server,
    Variable,
    Paths,
    PathItem,
    Operation,
    Parameter,
    RequestBody,
    MediaType,
    Encoding,
    Responses,
    Response,
    Header,
    Schema,
    Discriminator,
    Components,
    SecurityScheme,
    Tag,
    ExternalDocs,
    Example,
}

/// Every node of the document that is an object of OpenAPI.
pub type Nodes<'a> = Vec<(Kind, Node<'a>)>;

/// What a value must look like.
#[derive(Clone, Copy, Debug)]
enum Form {
    Any,
    Text,
    Bool,
    Number,
    /// A whole number that isn't negative.
    Count,
    /// A list of values, one at least.
    Values,
    Texts,
    TextMap,
    /// A list of maps from a scheme's name to its scopes.
    Requirements,
    One(Kind),
    List(Kind),
    Map(Kind),
    SchemaOrBool,
    /// OAuth flows: never looked at, since their scheme is refused.
    Flows,
}

/// What is said to a key that is there.
#[derive(Clone, Copy, Debug)]
enum Verdict {
    Fine,
    Needed,
    /// Not honoured, and harmless: what happens with it.
    Warned(&'static str),
    /// Can't be honoured: why, and what to write instead.
    Refused(&'static str, &'static str),
}

type Row = (&'static str, Form, Verdict);

use Form::{Any, Bool, Count, List, Map, Number, One, Text, TextMap, Texts, Values};
use Verdict::{Fine, Needed, Refused, Warned};

const SHOWN: &str = "is shown in the docs, the client doesn't enforce it";
const SERVERS: Verdict = Refused("can't stand here: a vendor has one endpoint", "move it to `servers` at the root");
const JSON_SCHEMA: &str = "belongs to JSON Schema, not to OpenAPI 3.0";

impl Kind {
    /// What a message calls it.
    fn name(self) -> &'static str {
        match self {
            Kind::Root => "the document",
            Kind::Info => "`info`",
            Kind::Contact => "`contact`",
            Kind::License => "`license`",
            Kind::Server => "a server",
            Kind::Variable => "a server variable",
            Kind::Paths => "`paths`",
            Kind::PathItem => "a path",
            Kind::Operation => "an operation",
            Kind::Parameter => "a parameter",
            Kind::RequestBody => "a request body",
            Kind::MediaType => "a media type",
            Kind::Encoding => "an encoding",
            Kind::Responses => "`responses`",
            Kind::Response => "a response",
            Kind::Header => "a header",
            Kind::Schema => "a schema",
            Kind::Discriminator => "a discriminator",
            Kind::Components => "`components`",
            Kind::SecurityScheme => "a security scheme",
            Kind::Tag => "a tag",
            Kind::ExternalDocs => "`externalDocs`",
            Kind::Example => "an example",
        }
    }

    /// Where in `components` the likes of it stand, if it may be a `$ref`.
    pub fn section(self) -> Option<&'static str> {
        match self {
            Kind::Schema => Some("schemas"),
            Kind::Response => Some("responses"),
            Kind::Parameter => Some("parameters"),
            Kind::Example => Some("examples"),
            Kind::RequestBody => Some("requestBodies"),
            Kind::Header => Some("headers"),
            Kind::SecurityScheme => Some("securitySchemes"),
            _ => None,
        }
    }

    fn rows(self) -> &'static [Row] {
        match self {
            Kind::Root => &[
                ("openapi", Text, Needed),
                ("info", One(Kind::Info), Needed),
                ("servers", List(Kind::Server), Needed),
                ("paths", One(Kind::Paths), Needed),
                ("components", One(Kind::Components), Fine),
                ("security", Form::Requirements, Fine),
                ("tags", List(Kind::Tag), Fine),
                ("externalDocs", One(Kind::ExternalDocs), Fine),
                ("x-token", Any, Fine),
                ("webhooks", Any, Refused("belongs to OpenAPI 3.1, and a client serves none", "remove it")),
                ("jsonSchemaDialect", Any, Refused("belongs to OpenAPI 3.1", "remove it")),
                ("definitions", Any, Refused("belongs to Swagger 2.0", "move it to `components/schemas`")),
                (
                    "securityDefinitions",
                    Any,
                    Refused("belongs to Swagger 2.0", "move it to `components/securitySchemes`"),
                ),
                ("host", Any, Refused("belongs to Swagger 2.0", "write `servers`")),
                ("basePath", Any, Refused("belongs to Swagger 2.0", "write `servers`")),
                ("schemes", Any, Refused("belongs to Swagger 2.0", "write `servers`")),
                ("consumes", Any, Refused("belongs to Swagger 2.0", "write `content` in each `requestBody`")),
                ("produces", Any, Refused("belongs to Swagger 2.0", "write `content` in each response")),
            ],
            Kind::Info => &[
                ("title", Text, Needed),
                ("version", Text, Needed),
                ("description", Text, Fine),
                ("termsOfService", Text, Fine),
                ("contact", One(Kind::Contact), Fine),
                ("license", One(Kind::License), Fine),
                ("summary", Any, Refused("belongs to OpenAPI 3.1", "write it as the first line of `description`")),
            ],
            Kind::Contact => &[("name", Text, Fine), ("url", Text, Fine), ("email", Text, Fine)],
            Kind::License => &[
                ("name", Text, Needed),
                ("url", Text, Fine),
                ("identifier", Any, Refused("belongs to OpenAPI 3.1", "write `url`")),
            ],
            Kind::Server => &[
                ("url", Text, Needed),
                ("description", Text, Fine),
                ("variables", Map(Kind::Variable), Fine),
                ("x-name", Text, Fine),
            ],
            Kind::Variable => {
                &[("default", Text, Needed), ("enum", Texts, Fine), ("description", Text, Fine), ("x-name", Text, Fine)]
            }
            Kind::Paths => &[],
            Kind::PathItem => &[
                ("summary", Text, Fine),
                ("description", Text, Fine),
                ("get", One(Kind::Operation), Fine),
                ("put", One(Kind::Operation), Fine),
                ("post", One(Kind::Operation), Fine),
                ("delete", One(Kind::Operation), Fine),
                ("options", One(Kind::Operation), Fine),
                ("head", One(Kind::Operation), Fine),
                ("patch", One(Kind::Operation), Fine),
                ("parameters", List(Kind::Parameter), Fine),
                ("trace", Any, Refused("is no method that a token endpoint needs", "remove it")),
                ("servers", Any, SERVERS),
                ("$ref", Any, Refused("can't stand for a whole path here", "write the path's operations in place")),
            ],
            Kind::Operation => &[
                ("operationId", Text, Needed),
                ("responses", One(Kind::Responses), Needed),
                ("tags", Texts, Fine),
                ("summary", Text, Fine),
                ("description", Text, Fine),
                ("externalDocs", One(Kind::ExternalDocs), Fine),
                ("parameters", List(Kind::Parameter), Fine),
                ("requestBody", One(Kind::RequestBody), Fine),
                ("deprecated", Bool, Warned("is not passed on: the method is generated as any other")),
                ("security", Form::Requirements, Fine),
                (
                    "callbacks",
                    Any,
                    Refused("needs a server, and a client has none", "remove it, and tell of it in `description`"),
                ),
                ("servers", Any, SERVERS),
                ("consumes", Any, Refused("belongs to Swagger 2.0", "write `content` in `requestBody`")),
                ("produces", Any, Refused("belongs to Swagger 2.0", "write `content` in each response")),
                ("schemes", Any, Refused("belongs to Swagger 2.0", "write `servers` at the root")),
            ],
            Kind::Parameter => &[
                ("name", Text, Needed),
                ("in", Text, Needed),
                ("schema", One(Kind::Schema), Needed),
                ("x-name", Text, Fine),
                ("description", Text, Fine),
                ("required", Bool, Fine),
                ("style", Text, Fine),
                ("explode", Bool, Fine),
                ("example", Any, Fine),
                ("examples", Map(Kind::Example), Fine),
                ("deprecated", Bool, Warned("is not passed on: the parameter is generated as any other")),
                ("allowEmptyValue", Bool, Warned("is not passed on: an empty text is sent as it is")),
                (
                    "allowReserved",
                    Bool,
                    Refused("can't be honoured: reserved characters are always encoded", "remove it"),
                ),
                (
                    "content",
                    Any,
                    Refused("can't be honoured in a parameter", "write `schema`, for a JSON text `type: string`"),
                ),
                ("type", Any, Refused("belongs to Swagger 2.0", "move it into `schema`")),
                ("format", Any, Refused("belongs to Swagger 2.0", "move it into `schema`")),
                ("enum", Any, Refused("belongs to Swagger 2.0", "move it into `schema`")),
                ("items", Any, Refused("belongs to Swagger 2.0", "move it into `schema`")),
                ("default", Any, Refused("belongs to Swagger 2.0", "move it into `schema`")),
                ("collectionFormat", Any, Refused("belongs to Swagger 2.0", "write `style` and `explode`")),
            ],
            Kind::RequestBody => {
                &[("content", Map(Kind::MediaType), Needed), ("description", Text, Fine), ("required", Bool, Fine)]
            }
            Kind::MediaType => &[
                ("schema", One(Kind::Schema), Fine),
                ("example", Any, Fine),
                ("examples", Map(Kind::Example), Fine),
                ("encoding", Map(Kind::Encoding), Fine),
            ],
            Kind::Encoding => &[
                ("style", Text, Fine),
                ("explode", Bool, Fine),
                ("contentType", Any, Refused("is for multipart bodies alone", "remove it")),
                ("headers", Any, Refused("is for multipart bodies alone", "remove it")),
                (
                    "allowReserved",
                    Any,
                    Refused("can't be honoured: reserved characters are always encoded", "remove it"),
                ),
            ],
            Kind::Responses => &[],
            Kind::Response => &[
                ("description", Text, Needed),
                ("headers", Map(Kind::Header), Fine),
                ("content", Map(Kind::MediaType), Fine),
                ("links", Any, Refused("can't be honoured", "remove it, and tell of it in `description`")),
                (
                    "schema",
                    Any,
                    Refused("belongs to Swagger 2.0", "write `content: { application/json: { schema: … } }`"),
                ),
                (
                    "examples",
                    Any,
                    Refused("belongs to a media type", "move it to `content: { application/json: { examples: … } }`"),
                ),
            ],
            Kind::Header => &[
                ("schema", One(Kind::Schema), Needed),
                ("description", Text, Fine),
                ("required", Bool, Fine),
                ("style", Text, Fine),
                ("explode", Bool, Fine),
                ("example", Any, Fine),
                ("examples", Map(Kind::Example), Fine),
                ("deprecated", Bool, Warned("is not passed on")),
                ("allowEmptyValue", Bool, Fine),
                ("allowReserved", Bool, Fine),
                ("content", Any, Refused("can't be honoured in a header", "write `schema`")),
                ("name", Any, Refused("is the key of the header itself", "remove it")),
                ("in", Any, Refused("is always `header` here", "remove it")),
            ],
            Kind::Schema => &[
                ("type", Text, Fine),
                ("format", Text, Fine),
                ("enum", Values, Fine),
                ("x-names", TextMap, Fine),
                ("x-name", Text, Fine),
                ("properties", Map(Kind::Schema), Fine),
                ("required", Texts, Fine),
                ("items", One(Kind::Schema), Fine),
                ("allOf", List(Kind::Schema), Fine),
                ("oneOf", List(Kind::Schema), Fine),
                ("nullable", Bool, Fine),
                ("title", Text, Fine),
                ("description", Text, Fine),
                ("example", Any, Fine),
                ("externalDocs", One(Kind::ExternalDocs), Fine),
                ("additionalProperties", Form::SchemaOrBool, Fine),
                ("default", Any, Warned("is shown in the docs and never sent: a vendor applies its own")),
                ("deprecated", Bool, Warned("is not passed on: the field is generated as any other")),
                ("readOnly", Bool, Warned("changes nothing: a schema is used where it is named")),
                ("writeOnly", Bool, Warned("changes nothing: a schema is used where it is named")),
                (
                    "discriminator",
                    One(Kind::Discriminator),
                    Warned("is not used: constants and required properties tell the branches apart"),
                ),
                ("minimum", Number, Warned(SHOWN)),
                ("maximum", Number, Warned(SHOWN)),
                ("exclusiveMinimum", Bool, Warned(SHOWN)),
                ("exclusiveMaximum", Bool, Warned(SHOWN)),
                ("multipleOf", Number, Warned(SHOWN)),
                ("minLength", Count, Warned(SHOWN)),
                ("maxLength", Count, Warned(SHOWN)),
                ("pattern", Text, Warned(SHOWN)),
                ("minItems", Count, Warned(SHOWN)),
                ("maxItems", Count, Warned(SHOWN)),
                ("uniqueItems", Bool, Warned(SHOWN)),
                ("minProperties", Count, Warned(SHOWN)),
                ("maxProperties", Count, Warned(SHOWN)),
                (
                    "anyOf",
                    Any,
                    Refused(
                        "makes a type that can't work",
                        "write `oneOf` of named objects; for an enum that may grow, `enum` alone: it is open",
                    ),
                ),
                ("not", Any, Refused("has no type in Rust", "say what it is, with `type`, `enum` or `oneOf`")),
                ("xml", Any, Refused("can't be honoured: bodies are JSON or forms", "remove it")),
                ("const", Any, Refused("belongs to OpenAPI 3.1", "write `enum` with that one value")),
                (
                    "examples",
                    Any,
                    Refused("belongs to OpenAPI 3.1", "write `example`, or `examples` on the media type"),
                ),
                ("$schema", Any, Refused(JSON_SCHEMA, "remove it")),
                ("$id", Any, Refused(JSON_SCHEMA, "remove it")),
                ("$defs", Any, Refused(JSON_SCHEMA, "move its schemas to `components/schemas`")),
                ("definitions", Any, Refused(JSON_SCHEMA, "move its schemas to `components/schemas`")),
                ("prefixItems", Any, Refused("belongs to OpenAPI 3.1", "write `items`")),
                ("patternProperties", Any, Refused(JSON_SCHEMA, "write `additionalProperties`")),
                ("propertyNames", Any, Refused(JSON_SCHEMA, "tell of it in `description`")),
                ("contentEncoding", Any, Refused("belongs to OpenAPI 3.1", "write `format: byte`")),
                ("contentMediaType", Any, Refused("belongs to OpenAPI 3.1", "tell of it in `description`")),
                ("if", Any, Refused(JSON_SCHEMA, "write `oneOf`")),
                ("then", Any, Refused(JSON_SCHEMA, "write `oneOf`")),
                ("else", Any, Refused(JSON_SCHEMA, "write `oneOf`")),
            ],
            Kind::Discriminator => &[("propertyName", Text, Needed), ("mapping", TextMap, Fine)],
            Kind::Components => &[
                ("schemas", Map(Kind::Schema), Fine),
                ("responses", Map(Kind::Response), Fine),
                ("parameters", Map(Kind::Parameter), Fine),
                ("examples", Map(Kind::Example), Fine),
                ("requestBodies", Map(Kind::RequestBody), Fine),
                ("headers", Map(Kind::Header), Fine),
                ("securitySchemes", Map(Kind::SecurityScheme), Fine),
                ("links", Any, Refused("can't be honoured", "remove it, and tell of it in a `description`")),
                ("callbacks", Any, Refused("needs a server, and a client has none", "remove it")),
                ("pathItems", Any, Refused("belongs to OpenAPI 3.1", "write them under `paths`")),
            ],
            Kind::SecurityScheme => &[
                ("type", Text, Needed),
                ("description", Text, Fine),
                ("name", Text, Fine),
                ("in", Text, Fine),
                ("scheme", Text, Fine),
                ("bearerFormat", Text, Fine),
                ("flows", Form::Flows, Fine),
                ("openIdConnectUrl", Text, Fine),
            ],
            Kind::Tag => {
                &[("name", Text, Needed), ("description", Text, Fine), ("externalDocs", One(Kind::ExternalDocs), Fine)]
            }
            Kind::ExternalDocs => &[("url", Text, Needed), ("description", Text, Fine)],
            Kind::Example => &[
                ("value", Any, Needed),
                ("summary", Text, Fine),
                ("description", Text, Fine),
                ("externalValue", Any, Refused("isn't fetched", "write the example itself, as `value`")),
            ],
        }
    }
}

/// Checks the whole document, and tells which of its nodes are what.
pub fn check<'a>(lint: &mut Lint<'a>) -> Nodes<'a> {
    let root = lint.root();
    let mut walk = Walk { lint, nodes: Vec::new() };
    walk.object(Kind::Root, &root);
    walk.nodes
}

struct Walk<'l, 'a> {
    lint: &'l mut Lint<'a>,
    nodes: Nodes<'a>,
}

impl<'a> Walk<'_, 'a> {
    fn object(&mut self, of: Kind, node: &Node<'a>) {
        let Some(map) = node.value.as_object() else { return self.misshapen(node, "an object") };
        if of.section().is_some() && map.contains_key("$ref") {
            return self.reference(of, node);
        }
        self.nodes.push((of, *node));
        match of {
            Kind::Paths => return self.paths(node),
            Kind::Responses => return self.members(Kind::Response, node),
            _ => {}
        }
        let rows = of.rows();
        let mut misspelt = Vec::new();
        for (key, value) in map {
            let node = Node { value };
            match rows.iter().find(|(name, ..)| name == key) {
                Some((_, form, verdict)) => self.known(key, &node, *form, *verdict),
                None if key.starts_with("x-") => misspelt.extend(self.extension(of, key, &node)),
                None => misspelt.extend(self.unknown(of, key, &node)),
            }
        }
        for (name, form, verdict) in rows {
            if matches!(verdict, Needed) && !map.contains_key(*name) && !misspelt.contains(name) {
                self.missing(of, name, *form, node);
            }
        }
    }

    fn known(&mut self, key: &str, node: &Node<'a>, form: Form, verdict: Verdict) {
        match verdict {
            Refused(why, help) => self.lint.error("unsupported-keys", node, format!("`{key}` {why}"), help),
            Fine | Needed => self.form(key, node, form),
            Warned(message) => {
                self.form(key, node, form);
                // `deprecated: false` says nothing.
                if *node.value != Value::Bool(false) && !node.value.is_null() {
                    let help = "leave it for the reader, or remove it";
                    self.lint.warn("unsupported-keys", node, format!("`{key}` {message}"), help);
                }
            }
        }
    }

    fn form(&mut self, key: &str, node: &Node<'a>, form: Form) {
        match form {
            Any | Form::Flows => {}
            Text => match node.value {
                Value::String(_) => {}
                Value::Number(_) => {
                    let number = self.lint.plain(node);
                    let message = format!("`{key}` is the number {number}, and must be text");
                    self.lint.error("value-types", node, message, format!("write `{key}: \"{number}\"`"));
                }
                Value::Bool(flag) => {
                    let message = format!("`{key}` is a boolean, and must be text");
                    self.lint.error("value-types", node, message, format!("write `{key}: \"{flag}\"`"));
                }
                Value::Array(_) if key == "type" => {
                    let help = "write one type, and `nullable: true` beside it for null";
                    self.lint.error("value-types", node, "a list of types belongs to OpenAPI 3.1", help);
                }
                _ => self.misshapen(node, "text"),
            },
            Bool => match node.value {
                Value::Bool(_) => {}
                Value::String(text)
                    if matches!(text.to_lowercase().as_str(), "yes" | "no" | "on" | "off" | "true" | "false") =>
                {
                    let meant = matches!(text.to_lowercase().as_str(), "yes" | "on" | "true");
                    let message = format!("`{text}` is text, and `{key}` is `true` or `false`");
                    self.lint.error("value-types", node, message, format!("write `{key}: {meant}`"));
                }
                Value::Number(_) if key.starts_with("exclusive") => {
                    let message = format!("`{key}` with a number belongs to OpenAPI 3.1");
                    self.lint.error(
                        "value-types",
                        node,
                        message,
                        "write the number as `minimum` or `maximum`, and `true` here",
                    );
                }
                _ => self.misshapen(node, "`true` or `false`"),
            },
            Number if !node.value.is_number() => self.misshapen(node, "a number"),
            Count if !node.value.is_u64() => self.misshapen(node, "a whole number, not negative"),
            Number | Count => {}
            Values => match node.value.as_array() {
                Some(list) if list.is_empty() => {
                    self.lint.error("value-types", node, format!("`{key}` is empty"), "write its values, or remove it");
                }
                Some(_) => {}
                None => self.misshapen(node, "a list of values"),
            },
            Texts => self.texts(node),
            TextMap => match node.value.as_object() {
                Some(map) if map.values().all(Value::is_string) => {}
                _ => self.misshapen(node, "a map from text to text"),
            },
            Form::Requirements => self.requirements(node),
            One(of) => self.object(of, node),
            List(of) => match node.value.as_array() {
                Some(list) => {
                    if list.is_empty() && key == "servers" {
                        self.lint.error("value-types", node, "`servers` is empty", "list at least one server");
                    } else if list.is_empty() && matches!(key, "allOf" | "oneOf") {
                        self.lint.error(
                            "value-types",
                            node,
                            format!("`{key}` is empty"),
                            "write its elements, or remove it",
                        );
                    }
                    for value in list {
                        self.object(of, &Node { value });
                    }
                }
                None => self.misshapen(node, "a list"),
            },
            Map(of) => match node.value.as_object() {
                Some(map) => {
                    for value in map.values() {
                        self.object(of, &Node { value });
                    }
                }
                None => self.misshapen(node, "an object"),
            },
            Form::SchemaOrBool => match node.value {
                Value::Bool(true) => {}
                Value::Bool(false) => {
                    let message =
                        "`additionalProperties: false` isn't enforced: a vendor's new field never breaks decoding";
                    self.lint.warn("value-types", node, message, "remove it");
                }
                _ => self.object(Kind::Schema, node),
            },
        }
    }

    fn texts(&mut self, node: &Node<'a>) {
        let Some(list) = node.value.as_array() else {
            // `required: true` on a property is a habit from older drafts of JSON Schema.
            if node.value.is_boolean() && self.lint.key(node) == "required" {
                let message = "`required` of a schema is a list of its properties";
                return self.lint.error(
                    "value-types",
                    node,
                    message,
                    "name the property in `required` of the object that has it",
                );
            }
            return self.misshapen(node, "a list of texts");
        };
        for value in list {
            if !value.is_string() {
                self.misshapen(&Node { value }, "text");
            }
        }
    }

    fn requirements(&mut self, node: &Node<'a>) {
        let Some(list) = node.value.as_array() else {
            return self.misshapen(node, "a list of requirements, such as `[{ appKey: [] }]`");
        };
        for value in list {
            let node = Node { value };
            match value.as_object() {
                Some(map) => {
                    for value in map.values() {
                        self.texts(&Node { value });
                    }
                }
                None => self.misshapen(&node, "a map from a scheme to its scopes, such as `{ appKey: [] }`"),
            }
        }
    }

    fn paths(&mut self, node: &Node<'a>) {
        for (path, value) in node.value.as_object().into_iter().flatten() {
            let node = Node { value };
            if path.starts_with("x-") {
                self.extension(Kind::Paths, path, &node);
            } else if path.starts_with('/') {
                self.object(Kind::PathItem, &node);
            } else {
                let message = format!("the path `{path}` doesn't start with a slash");
                self.lint.error("paths", &node, message, format!("write `/{path}`"));
            }
        }
    }

    /// The members of an object whose keys other checks look at.
    fn members(&mut self, of: Kind, node: &Node<'a>) {
        for (key, value) in node.value.as_object().into_iter().flatten() {
            let node = Node { value };
            if key.starts_with("x-") {
                self.extension(Kind::Responses, key, &node);
            } else {
                self.object(of, &node);
            }
        }
    }

    fn reference(&mut self, of: Kind, node: &Node<'a>) {
        self.nodes.push((of, *node));
        let Some(map) = node.value.as_object() else { return };
        let siblings: Vec<String> = map.keys().filter(|key| *key != "$ref").map(|key| format!("`{key}`")).collect();
        if !siblings.is_empty() {
            let message = format!("OpenAPI 3.0 ignores {} beside a `$ref`", siblings.join(", "));
            let help = match (of, node.text("$ref")) {
                (Kind::Schema, Some(reference)) => {
                    format!("wrap it: `allOf: [{{ $ref: \"{reference}\" }}]` with the rest beside `allOf`")
                }
                _ => "write it in the component".to_owned(),
            };
            self.lint.error("references", node, message, help);
        }
    }

    fn missing(&mut self, of: Kind, name: &str, form: Form, node: &Node<'a>) {
        let help = match (of, name) {
            (Kind::Root, "servers") => {
                "add `servers: [{ url: https://api.example.com, x-name: production }]`".to_owned()
            }
            (Kind::Operation, "operationId") => {
                "add one in snake_case, such as `operationId: create_token`: it names the method".to_owned()
            }
            (Kind::Parameter | Kind::Header, "schema") if node.has("content") => return,
            (Kind::Example, "value") if node.has("externalValue") => return,
            (Kind::Example, "value") => "write the example under `value`".to_owned(),
            (Kind::Response, "description") => {
                "add `description`, what the answer means: OpenAPI asks for it".to_owned()
            }
            (Kind::Info, "version") => "add the version of the vendor's API, such as `version: \"1\"`".to_owned(),
            (_, _) if matches!(form, One(Kind::Schema)) => {
                "add `schema`, such as `schema: { type: string }`".to_owned()
            }
            _ => format!("add `{name}`"),
        };
        self.lint.error("required-keys", node, format!("{} has no `{name}`", of.name()), help);
    }

    fn misshapen(&mut self, node: &Node<'a>, wanted: &str) {
        let key = self.lint.key(node);
        let message = match key.parse::<usize>() {
            Ok(_) => format!("this element is {}", kind(node.value)),
            Err(_) => format!("`{key}` is {}", kind(node.value)),
        };
        let help = match node.value {
            Value::Null => format!("write {wanted}, or remove it"),
            _ => format!("write {wanted}"),
        };
        self.lint.error("value-types", node, message, help);
    }

    /// A key that no row has; the one that was meant, if that can be told.
    fn unknown(&mut self, of: Kind, key: &str, node: &Node<'a>) -> Option<&'static str> {
        let rows = of.rows();
        // What is already there can't be meant a second time.
        let meant = nearest(key, rows.iter().map(|(name, ..)| *name));
        let message = format!("`{key}` is not a key of {}", of.name());
        let help = match (of, key, meant) {
            (_, _, Some(meant)) => format!("write `{meant}`"),
            (_, "$ref", _) => "write the object in place".to_owned(),
            (Kind::PathItem, _, _) if METHODS.contains(&key.to_lowercase().as_str()) => {
                format!("write `{}`", key.to_lowercase())
            }
            (Kind::Schema, _, _) => "remove it; a property goes under `properties`".to_owned(),
            _ => "remove it, or write it as an extension, `x-…`".to_owned(),
        };
        self.lint.error("unknown-keys", node, message, help);
        meant.and_then(|meant| rows.iter().map(|(name, ..)| *name).find(|name| *name == meant))
    }

    /// An extension: any but those that mean something here, and what looks like a slip for them.
    fn extension(&mut self, of: Kind, key: &str, node: &Node<'a>) -> Option<&'static str> {
        if key == "x-rust-type" || key.starts_with("x-dropshot-") {
            let message = format!("`{key}` would change the generated code behind the spec");
            self.lint.error("unknown-keys", node, message, "remove it: types come from the schema alone");
            return None;
        }
        const WORDS: [&str; 3] = ["x-token", "x-name", "x-names"];
        if let Some(word) = WORDS.into_iter().find(|word| key == *word) {
            let message = format!("`{word}` has no meaning in {}", of.name());
            self.lint.error("unknown-keys", node, message, format!("move it to {}", home_of(word)));
            return None;
        }
        let plain = |text: &str| text.to_lowercase().replace('_', "-").trim_end_matches('s').to_owned();
        let is_near = |word: &&str| distance(key, word) <= 2 || plain(key) == plain(word);
        let words = WORDS.into_iter().filter(|word| of.rows().iter().any(|(name, ..)| name == word));
        let word = words.filter(is_near).min_by_key(|word| distance(key, word))?;
        let message = format!("`{key}` looks like a slip for `{word}`");
        self.lint.error("unknown-keys", node, message, format!("write `{word}`, or give the extension another name"));
        Some(word)
    }
}

fn home_of(word: &str) -> &'static str {
    match word {
        "x-token" => "the root of the document",
        "x-names" => "the schema with the `enum`",
        _ => "a server, one of its variables, a parameter or a property",
    }
}
