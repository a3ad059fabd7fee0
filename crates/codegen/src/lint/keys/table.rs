//! OpenAPI 3.0 as a table: each object, its keys, the form of their values, and what the generator makes of them.
//!
//! A key that OpenAPI allows and the generator doesn't support has a row too, with the reason and a way out.

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

/// The form of a value.
#[derive(Clone, Copy, Debug)]
pub enum Form {
    Any,
    Str,
    Bool,
    Number,
    /// A whole number that isn't negative.
    Count,
    /// A list of values, not empty.
    Values,
    Strings,
    StringMap,
    /// A list of maps from a scheme's name to its scopes.
    Requirements,
    One(Kind),
    List(Kind),
    Map(Kind),
    SchemaOrBool,
}

/// What the generator makes of a key.
#[derive(Clone, Copy, Debug)]
pub enum Support {
    Optional,
    Required,
    /// A warning: the message's end.
    Ignored(&'static str),
    /// An error: the message's end, and the help.
    Unsupported(&'static str, &'static str),
}

/// A key, the form of its value, and what the generator makes of it.
pub type Row = (&'static str, Form, Support);

use Form::{Any, Bool, Count, List, Map, Number, One, Requirements, SchemaOrBool, Str, StringMap, Strings, Values};
use Support::{Ignored, Optional, Required, Unsupported};

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 23] = [
        Kind::Root,
        Kind::Info,
        Kind::Contact,
        Kind::License,
        Kind::Server,
        Kind::Variable,
        Kind::Paths,
        Kind::PathItem,
        Kind::Operation,
        Kind::Parameter,
        Kind::RequestBody,
        Kind::MediaType,
        Kind::Encoding,
        Kind::Responses,
        Kind::Response,
        Kind::Header,
        Kind::Schema,
        Kind::Discriminator,
        Kind::Components,
        Kind::SecurityScheme,
        Kind::Tag,
        Kind::ExternalDocs,
        Kind::Example,
    ];

    /// Its name in the JSON Schema of a fragment.
    pub fn key(self) -> &'static str {
        match self {
            Kind::Root => "document",
            Kind::Info => "info",
            Kind::Contact => "contact",
            Kind::License => "license",
            Kind::Server => "server",
            Kind::Variable => "serverVariable",
            Kind::Paths => "paths",
            Kind::PathItem => "pathItem",
            Kind::Operation => "operation",
            Kind::Parameter => "parameter",
            Kind::RequestBody => "requestBody",
            Kind::MediaType => "mediaType",
            Kind::Encoding => "encoding",
            Kind::Responses => "responses",
            Kind::Response => "response",
            Kind::Header => "header",
            Kind::Schema => "schema",
            Kind::Discriminator => "discriminator",
            Kind::Components => "components",
            Kind::SecurityScheme => "securityScheme",
            Kind::Tag => "tag",
            Kind::ExternalDocs => "externalDocs",
            Kind::Example => "example",
        }
    }

    /// Its name in messages.
    pub fn name(self) -> &'static str {
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

    /// Its section of `components`, if it may be a `$ref`.
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

    /// Its keys. The keys of `paths` and `responses` are paths and statuses, which other rules check.
    pub fn rows(self) -> &'static [Row] {
        match self {
            Kind::Paths | Kind::Responses => &[],
            Kind::Root => ROOT,
            Kind::Info => INFO,
            Kind::Contact => CONTACT,
            Kind::License => LICENSE,
            Kind::Server => SERVER,
            Kind::Variable => VARIABLE,
            Kind::PathItem => PATH_ITEM,
            Kind::Operation => OPERATION,
            Kind::Parameter => PARAMETER,
            Kind::RequestBody => REQUEST_BODY,
            Kind::MediaType => MEDIA_TYPE,
            Kind::Encoding => ENCODING,
            Kind::Response => RESPONSE,
            Kind::Header => HEADER,
            Kind::Schema => SCHEMA,
            Kind::Discriminator => DISCRIMINATOR,
            Kind::Components => COMPONENTS,
            Kind::SecurityScheme => SECURITY_SCHEME,
            Kind::Tag => TAG,
            Kind::ExternalDocs => EXTERNAL_DOCS,
            Kind::Example => EXAMPLE,
        }
    }
}

const ONLY_SHOWN: Support = Ignored("is shown in the docs, the client doesn't enforce it");
const JSON_SCHEMA: &str = "belongs to JSON Schema, not to OpenAPI 3.0";

const ROOT: &[Row] = &[
    ("openapi", Str, Required),
    ("info", One(Kind::Info), Required),
    ("servers", List(Kind::Server), Required),
    ("paths", One(Kind::Paths), Required),
    ("components", One(Kind::Components), Optional),
    ("security", Requirements, Optional),
    ("tags", List(Kind::Tag), Optional),
    ("externalDocs", One(Kind::ExternalDocs), Optional),
    ("x-token", Any, Optional),
    ("webhooks", Any, Unsupported("belongs to OpenAPI 3.1, and a client serves none", "remove it")),
    ("jsonSchemaDialect", Any, Unsupported("belongs to OpenAPI 3.1", "remove it")),
    ("definitions", Any, Unsupported("belongs to Swagger 2.0", "move it to `components/schemas`")),
    ("securityDefinitions", Any, Unsupported("belongs to Swagger 2.0", "move it to `components/securitySchemes`")),
    ("host", Any, Unsupported("belongs to Swagger 2.0", "write `servers`")),
    ("basePath", Any, Unsupported("belongs to Swagger 2.0", "write `servers`")),
    ("schemes", Any, Unsupported("belongs to Swagger 2.0", "write `servers`")),
    ("consumes", Any, Unsupported("belongs to Swagger 2.0", "write `content` in each `requestBody`")),
    ("produces", Any, Unsupported("belongs to Swagger 2.0", "write `content` in each response")),
];

const INFO: &[Row] = &[
    ("title", Str, Required),
    ("version", Str, Required),
    ("description", Str, Optional),
    ("termsOfService", Str, Optional),
    ("contact", One(Kind::Contact), Optional),
    ("license", One(Kind::License), Optional),
    ("summary", Any, Unsupported("belongs to OpenAPI 3.1", "write it as the first line of `description`")),
];

const CONTACT: &[Row] = &[("name", Str, Optional), ("url", Str, Optional), ("email", Str, Optional)];

const LICENSE: &[Row] = &[
    ("name", Str, Required),
    ("url", Str, Optional),
    ("identifier", Any, Unsupported("belongs to OpenAPI 3.1", "write `url`")),
];

const SERVER: &[Row] = &[
    ("url", Str, Required),
    ("description", Str, Optional),
    ("variables", Map(Kind::Variable), Optional),
    ("x-name", Str, Optional),
];

const VARIABLE: &[Row] = &[
    ("default", Str, Required),
    ("enum", Strings, Optional),
    ("description", Str, Optional),
    ("x-name", Str, Optional),
];

const PATH_ITEM: &[Row] = &[
    ("summary", Str, Optional),
    ("description", Str, Optional),
    ("get", One(Kind::Operation), Optional),
    ("put", One(Kind::Operation), Optional),
    ("post", One(Kind::Operation), Optional),
    ("delete", One(Kind::Operation), Optional),
    ("options", One(Kind::Operation), Optional),
    ("head", One(Kind::Operation), Optional),
    ("patch", One(Kind::Operation), Optional),
    ("parameters", List(Kind::Parameter), Optional),
    ("trace", Any, Unsupported("is a method that no token endpoint needs", "remove it")),
    (
        "servers",
        Any,
        Unsupported("is unsupported in a path", "move it to the operation, or to the root if it is for all of them"),
    ),
    ("$ref", Any, Unsupported("can't replace a whole path", "write the path's operations in place")),
];

const OPERATION: &[Row] = &[
    ("operationId", Str, Required),
    ("responses", One(Kind::Responses), Required),
    ("tags", Strings, Optional),
    ("summary", Str, Optional),
    ("description", Str, Optional),
    ("externalDocs", One(Kind::ExternalDocs), Optional),
    ("parameters", List(Kind::Parameter), Optional),
    ("requestBody", One(Kind::RequestBody), Optional),
    ("deprecated", Bool, Ignored("has no effect: the method is generated like any other")),
    ("security", Requirements, Optional),
    (
        "callbacks",
        Any,
        Unsupported("needs a server, and a client has none", "remove it, and mention it in `description`"),
    ),
    ("servers", List(Kind::Server), Optional),
    ("consumes", Any, Unsupported("belongs to Swagger 2.0", "write `content` in `requestBody`")),
    ("produces", Any, Unsupported("belongs to Swagger 2.0", "write `content` in each response")),
    ("schemes", Any, Unsupported("belongs to Swagger 2.0", "write `servers` at the root")),
];

const PARAMETER: &[Row] = &[
    ("name", Str, Required),
    ("in", Str, Required),
    ("schema", One(Kind::Schema), Required),
    ("x-name", Str, Optional),
    ("description", Str, Optional),
    ("required", Bool, Optional),
    ("style", Str, Optional),
    ("explode", Bool, Optional),
    ("example", Any, Optional),
    ("examples", Map(Kind::Example), Optional),
    ("deprecated", Bool, Ignored("has no effect: the parameter is generated like any other")),
    ("allowEmptyValue", Bool, Ignored("has no effect: an empty string is sent as it is")),
    ("allowReserved", Bool, Unsupported("is unsupported: reserved characters are always encoded", "remove it")),
    (
        "content",
        Any,
        Unsupported("is unsupported in a parameter", "write `schema`, with `type: string` for a JSON string"),
    ),
    ("type", Any, Unsupported("belongs to Swagger 2.0", "move it into `schema`")),
    ("format", Any, Unsupported("belongs to Swagger 2.0", "move it into `schema`")),
    ("enum", Any, Unsupported("belongs to Swagger 2.0", "move it into `schema`")),
    ("items", Any, Unsupported("belongs to Swagger 2.0", "move it into `schema`")),
    ("default", Any, Unsupported("belongs to Swagger 2.0", "move it into `schema`")),
    ("collectionFormat", Any, Unsupported("belongs to Swagger 2.0", "write `style` and `explode`")),
];

const REQUEST_BODY: &[Row] =
    &[("content", Map(Kind::MediaType), Required), ("description", Str, Optional), ("required", Bool, Optional)];

const MEDIA_TYPE: &[Row] = &[
    ("schema", One(Kind::Schema), Optional),
    ("example", Any, Optional),
    ("examples", Map(Kind::Example), Optional),
    ("encoding", Map(Kind::Encoding), Optional),
];

const ENCODING: &[Row] = &[
    ("style", Str, Optional),
    ("explode", Bool, Optional),
    ("contentType", Any, Unsupported("is for multipart bodies only", "remove it")),
    ("headers", Any, Unsupported("is for multipart bodies only", "remove it")),
    ("allowReserved", Any, Unsupported("is unsupported: reserved characters are always encoded", "remove it")),
];

const RESPONSE: &[Row] = &[
    ("description", Str, Required),
    ("headers", Map(Kind::Header), Optional),
    ("content", Map(Kind::MediaType), Optional),
    ("links", Any, Unsupported("is unsupported", "remove it, and mention it in `description`")),
    ("schema", Any, Unsupported("belongs to Swagger 2.0", "write `content: { application/json: { schema: … } }`")),
    (
        "examples",
        Any,
        Unsupported("belongs to a media type", "move it to `content: { application/json: { examples: … } }`"),
    ),
];

const HEADER: &[Row] = &[
    ("schema", One(Kind::Schema), Required),
    ("description", Str, Optional),
    ("required", Bool, Optional),
    ("style", Str, Optional),
    ("explode", Bool, Optional),
    ("example", Any, Optional),
    ("examples", Map(Kind::Example), Optional),
    ("deprecated", Bool, Ignored("has no effect")),
    ("allowEmptyValue", Bool, Optional),
    ("allowReserved", Bool, Optional),
    ("content", Any, Unsupported("is unsupported in a header", "write `schema`")),
    ("name", Any, Unsupported("is the key of the header itself", "remove it")),
    ("in", Any, Unsupported("is always `header` here", "remove it")),
];

const SCHEMA: &[Row] = &[
    ("type", Str, Optional),
    ("format", Str, Optional),
    ("enum", Values, Optional),
    ("x-names", StringMap, Optional),
    ("x-name", Str, Optional),
    ("properties", Map(Kind::Schema), Optional),
    ("required", Strings, Optional),
    ("items", One(Kind::Schema), Optional),
    ("allOf", List(Kind::Schema), Optional),
    ("oneOf", List(Kind::Schema), Optional),
    ("nullable", Bool, Optional),
    ("title", Str, Optional),
    ("description", Str, Optional),
    ("example", Any, Optional),
    ("externalDocs", One(Kind::ExternalDocs), Optional),
    ("additionalProperties", SchemaOrBool, Optional),
    ("default", Any, Ignored("is shown in the docs and never sent: the vendor applies its own")),
    ("deprecated", Bool, Ignored("has no effect: the field is generated like any other")),
    ("readOnly", Bool, Ignored("has no effect: a schema is used wherever it is named")),
    ("writeOnly", Bool, Ignored("has no effect: a schema is used wherever it is named")),
    (
        "discriminator",
        One(Kind::Discriminator),
        Ignored("is not used: constants and required properties tell the branches apart"),
    ),
    ("minimum", Number, ONLY_SHOWN),
    ("maximum", Number, ONLY_SHOWN),
    ("exclusiveMinimum", Bool, ONLY_SHOWN),
    ("exclusiveMaximum", Bool, ONLY_SHOWN),
    ("multipleOf", Number, ONLY_SHOWN),
    ("minLength", Count, ONLY_SHOWN),
    ("maxLength", Count, ONLY_SHOWN),
    ("pattern", Str, ONLY_SHOWN),
    ("minItems", Count, ONLY_SHOWN),
    ("maxItems", Count, ONLY_SHOWN),
    ("uniqueItems", Bool, ONLY_SHOWN),
    ("minProperties", Count, ONLY_SHOWN),
    ("maxProperties", Count, ONLY_SHOWN),
    (
        "anyOf",
        Any,
        Unsupported(
            "has no type in Rust that works",
            "write a `oneOf` of named objects; for an enum that may grow, `enum` is enough: it is open",
        ),
    ),
    ("not", Any, Unsupported("has no type in Rust", "describe what is allowed, with `type`, `enum` or `oneOf`")),
    ("xml", Any, Unsupported("is unsupported: bodies are JSON or forms", "remove it")),
    ("const", Any, Unsupported("belongs to OpenAPI 3.1", "write `enum` with that one value")),
    ("examples", Any, Unsupported("belongs to OpenAPI 3.1", "write `example`, or `examples` on the media type")),
    ("$schema", Any, Unsupported(JSON_SCHEMA, "remove it")),
    ("$id", Any, Unsupported(JSON_SCHEMA, "remove it")),
    ("$defs", Any, Unsupported(JSON_SCHEMA, "move its schemas to `components/schemas`")),
    ("definitions", Any, Unsupported(JSON_SCHEMA, "move its schemas to `components/schemas`")),
    ("prefixItems", Any, Unsupported("belongs to OpenAPI 3.1", "write `items`")),
    ("patternProperties", Any, Unsupported(JSON_SCHEMA, "write `additionalProperties`")),
    ("propertyNames", Any, Unsupported(JSON_SCHEMA, "mention it in `description`")),
    ("contentEncoding", Any, Unsupported("belongs to OpenAPI 3.1", "write `format: byte`")),
    ("contentMediaType", Any, Unsupported("belongs to OpenAPI 3.1", "mention it in `description`")),
    ("if", Any, Unsupported(JSON_SCHEMA, "write `oneOf`")),
    ("then", Any, Unsupported(JSON_SCHEMA, "write `oneOf`")),
    ("else", Any, Unsupported(JSON_SCHEMA, "write `oneOf`")),
];

const DISCRIMINATOR: &[Row] = &[("propertyName", Str, Required), ("mapping", StringMap, Optional)];

const COMPONENTS: &[Row] = &[
    ("schemas", Map(Kind::Schema), Optional),
    ("responses", Map(Kind::Response), Optional),
    ("parameters", Map(Kind::Parameter), Optional),
    ("examples", Map(Kind::Example), Optional),
    ("requestBodies", Map(Kind::RequestBody), Optional),
    ("headers", Map(Kind::Header), Optional),
    ("securitySchemes", Map(Kind::SecurityScheme), Optional),
    ("links", Any, Unsupported("is unsupported", "remove it, and mention it in a `description`")),
    ("callbacks", Any, Unsupported("needs a server, and a client has none", "remove it")),
    ("pathItems", Any, Unsupported("belongs to OpenAPI 3.1", "write them under `paths`")),
];

const SECURITY_SCHEME: &[Row] = &[
    ("type", Str, Required),
    ("description", Str, Optional),
    ("name", Str, Optional),
    ("in", Str, Optional),
    ("scheme", Str, Optional),
    ("bearerFormat", Str, Optional),
    ("flows", Any, Optional),
    ("openIdConnectUrl", Str, Optional),
];

const TAG: &[Row] =
    &[("name", Str, Required), ("description", Str, Optional), ("externalDocs", One(Kind::ExternalDocs), Optional)];

const EXTERNAL_DOCS: &[Row] = &[("url", Str, Required), ("description", Str, Optional)];

const EXAMPLE: &[Row] = &[
    ("value", Any, Required),
    ("summary", Str, Optional),
    ("description", Str, Optional),
    ("externalValue", Any, Unsupported("isn't fetched", "write the example itself, as `value`")),
];
