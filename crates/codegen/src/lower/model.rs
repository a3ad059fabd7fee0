//! The result of `lower`, and the input of `emit`: the operations and types of a vendor. OpenAPI has many ways to
//! express one thing, and the model has one. It contains no JSON Schema and no Rust tokens.

use std::collections::HashMap;

use indexmap::IndexMap;
use serde_json::Value;

use crate::ident;
use crate::read::media_type;
use crate::read::x_token::refresh::With;
use crate::read::x_token::response::Flag;
use crate::read::x_token::values::Pointer;
use crate::read::x_token::{Login, Revoke, Takes, XToken};
use crate::vendor::Vendor;

/// A vendor.
#[derive(Debug)]
pub struct Model {
    pub vendor: Vendor,
    /// The path of the spec, such as `specs/zenoti.yaml`.
    pub file: String,
    pub title: String,
    pub description: String,
    pub servers: Vec<Server>,
    /// The named types by their Rust names, in the order of the spec.
    pub components: IndexMap<String, Component>,
    pub operations: Vec<Operation>,
    pub x_token: Option<XToken>,
    /// The first type that is nested too deep. It is any JSON instead.
    pub cut: Option<String>,
}

/// A named server of the vendor.
#[derive(Clone, Debug)]
pub struct Server {
    /// The name of its constructor, in snake case.
    pub name: String,
    pub url: String,
    pub variables: Vec<Variable>,
    pub docs: String,
}

/// A variable of a server's URL.
#[derive(Clone, Debug)]
pub struct Variable {
    /// Its name in the URL.
    pub name: String,
    /// The source of its Rust name: its `x-name`, or else its name.
    pub label: String,
    /// The default, if the variable has an `enum`. OpenAPI requires a default of every variable, so without an `enum`
    /// it has no meaning, and the variable is required.
    pub default: Option<String>,
    pub docs: String,
}

/// A named type.
#[derive(Debug)]
pub struct Component {
    pub docs: String,
    pub shape: Shape,
    /// Whether the body of a request contains it.
    pub in_request: bool,
    /// Whether the body of a response contains it.
    pub in_response: bool,
}

#[derive(Debug)]
pub enum Shape {
    Struct(Vec<Property>),
    /// The values that the spec lists, each with the name of its variant. A vendor can send other values.
    Enum(IndexMap<String, String>),
    /// A value that identifies a branch of a union in a response. No other enum is closed.
    Tag(String),
    /// The names of the structs of its branches.
    Union(Vec<String>),
}

#[derive(Debug)]
pub struct Property {
    /// Its name on the wire.
    pub name: String,
    /// The source of its Rust name: its `x-name`, or else its name.
    pub label: String,
    /// The name of its field.
    pub field: String,
    pub ty: Ty,
    /// Whether it is in a box, because its type is recursive. The box is inside the option, if there is one.
    pub is_boxed: bool,
    /// Whether it can be absent or null.
    pub optional: bool,
    /// Whether it must be present on the wire, even as null.
    pub required: bool,
    pub docs: String,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Ty {
    Ref(String),
    Secret,
    Text,
    /// RFC 3339. With `utc`, a missing offset means UTC.
    Timestamp {
        utc: bool,
    },
    Integer,
    Number,
    Boolean,
    /// Any JSON.
    Any,
    List(Box<Ty>),
    /// An item of a list or a map that can be null. A property is `optional` instead.
    Nullable(Box<Ty>),
    Map(Box<Ty>),
    /// A list that is one string, with its delimiter.
    Delimited(char, Box<Ty>),
    /// A value that is always sent. It is not a field or an argument. Outside of properties and parameters, it is the
    /// type of its value.
    Constant(Value),
}

#[derive(Clone, Debug)]
pub struct Operation {
    /// The name of its method, in snake case.
    pub id: String,
    /// Set for a further method of an operation of the spec.
    pub variant_of: Option<Variant>,
    /// The HTTP method in capitals, such as `POST`.
    pub method: String,
    pub path: String,
    pub summary: String,
    pub description: String,
    pub params: Vec<Param>,
    pub body: Option<Body>,
    pub success: Response,
    /// The failures in the order of their precedence: exact statuses, ranges, the default.
    pub errors: Vec<Response>,
    /// The schemes of the security alternative that is used. A request uses all of them.
    pub security: Vec<Scheme>,
    /// The order of the parts of a request in the spec.
    pub order: [Part; 3],
    /// Where it is, if that is on another host than the rest: a server for each of the vendor's that it differs from.
    pub servers: Vec<Server>,
}

/// An operation with the security schemes of another alternative of `one-of`.
#[derive(Clone, Debug, PartialEq)]
pub struct Variant {
    /// The operation as the spec has it.
    pub operation: String,
    /// The alternative as the spec writes it.
    pub alternative: String,
}

/// A part of a request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Part {
    Security,
    Params,
    Body,
}

#[derive(Clone, Debug)]
pub struct Param {
    /// Its name on the wire.
    pub name: String,
    /// The source of its Rust name: its `x-name`, or else its name.
    pub label: String,
    pub place: Place,
    pub ty: Ty,
    pub required: bool,
    pub docs: String,
    pub example: Option<Value>,
    /// Whether it is a setting of the endpoint instead of an argument of the method.
    pub is_setting: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Place {
    Path,
    Query,
    Header,
}

#[derive(Clone, Debug)]
pub struct Body {
    /// The media type, as the spec writes it.
    pub media_type: String,
    /// A struct or a union.
    pub component: String,
    pub examples: Vec<Example>,
}

impl Operation {
    /// Returns its name as a part of another name.
    pub fn stem(&self) -> &str {
        self.id.trim_end_matches('_')
    }

    /// Returns the name of the operation in the spec, in snake case.
    pub fn base(&self) -> &str {
        self.variant_of.as_ref().map_or(&self.id, |variant| &variant.operation)
    }

    /// Returns the name of the operation in the spec as a part of another name.
    pub fn base_stem(&self) -> &str {
        self.base().trim_end_matches('_')
    }
}

impl Ty {
    /// Returns the type of a JSON scalar.
    pub fn of(value: &Value) -> Self {
        match value {
            Value::Number(number) if number.is_f64() => Self::Number,
            Value::Number(_) => Self::Integer,
            Value::Bool(_) => Self::Boolean,
            _ => Self::Text,
        }
    }
}

impl Variable {
    /// Returns its name as a setting.
    pub fn field(&self) -> String {
        ident::snake(&self.label)
    }
}

impl Param {
    /// Returns its name as an argument, a credential or a setting.
    pub fn field(&self) -> String {
        ident::snake(&self.label)
    }
}

impl Property {
    /// Whether it is a constant, and therefore not a field.
    pub fn is_constant(&self) -> bool {
        matches!(self.ty, Ty::Constant(_))
    }
}

impl Body {
    pub fn is_form(&self) -> bool {
        media_type::is_form(&self.media_type)
    }
}

#[derive(Clone, Debug)]
pub struct Response {
    pub status: Status,
    pub description: String,
    /// The JSON media type of its body, as the spec writes it.
    pub media_type: Option<String>,
    /// The type of its body, or `None` without a JSON body.
    pub ty: Option<Ty>,
    pub examples: Vec<Example>,
    /// The headers with an example in the spec.
    pub headers: Vec<(String, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Status {
    Code(u16),
    /// 4 for `4XX`.
    Range(u16),
    Default,
}

impl Status {
    /// Returns one of its statuses.
    pub fn sample(self) -> u16 {
        match self {
            Self::Code(code) => code,
            Self::Range(class) => class * 100,
            Self::Default => 500,
        }
    }

    /// Returns the status as the spec writes it.
    pub fn label(self) -> String {
        match self {
            Self::Code(code) => code.to_string(),
            Self::Range(class) => format!("{class}XX"),
            Self::Default => "default".to_owned(),
        }
    }
}

#[derive(Clone, Debug)]
pub struct Example {
    /// Its name in snake case, which is a part of the name of its snapshot.
    pub name: String,
    pub value: Value,
}

/// A way to authenticate a request.
#[derive(Clone, Debug, PartialEq)]
pub struct Scheme {
    /// The scheme's name in the spec.
    pub name: String,
    pub kind: SchemeKind,
    pub docs: String,
}

#[derive(Clone, Debug, PartialEq)]
pub enum SchemeKind {
    /// An API key in the header of this name.
    Header(String),
    /// An API key in the query parameter of this name.
    Query(String),
    Basic,
    /// `Authorization: <scheme> <credential>`, with a credential of the client.
    Http(String),
    /// `Authorization: <scheme> <token>`, with a token that the vendor issued. The scheme is mostly `Bearer`.
    Token(String),
}

impl Model {
    /// Returns the types with a constant that requests and responses share. A property can't be a constant in only one
    /// of them.
    pub fn sent_and_received(&self) -> impl Iterator<Item = &str> {
        let has_constant = |shape: &Shape| match shape {
            Shape::Struct(properties) => properties.iter().any(|property| matches!(property.ty, Ty::Constant(_))),
            _ => false,
        };
        let shared = self.components.iter().filter(move |(_, component)| {
            component.in_request && component.in_response && has_constant(&component.shape)
        });
        shared.map(|(name, _)| name.as_str())
    }

    /// Whether the response of an operation contains the token, as those of the login and the refresh do.
    pub fn returns_token(&self, operation: &Operation) -> bool {
        let Some(x_token) = &self.x_token else { return false };
        let actions = [
            x_token.login.as_ref().map(Login::issuing),
            x_token.refresh.as_ref().filter(|refresh| !refresh.keeps).map(|refresh| &refresh.operation),
        ];
        actions.into_iter().flatten().any(|id| ident::snake(id) == operation.base())
    }

    /// Whether the bearer scheme of an operation sends the refresh token.
    pub fn sends_refresh_token_as_bearer(&self, operation: &Operation) -> bool {
        let Some(x_token) = &self.x_token else { return false };
        let refreshes =
            x_token.refresh.as_ref().filter(|refresh| refresh.token.is_none() && refresh.with == With::Refresh);
        let revokes = x_token.revoke.as_ref().filter(|revoke| revoke.token.is_none() && revoke.takes == Takes::Refresh);
        let actions = [refreshes.map(|refresh| &refresh.operation), revokes.map(|revoke| &revoke.operation)];
        actions.into_iter().flatten().any(|id| ident::snake(id) == operation.base())
    }

    /// Returns the places where a response at 2xx reports a failure: its `error` and its `ok`.
    pub fn failure_marks(&self, operation: &Operation) -> (Option<&Pointer>, Option<&Flag>) {
        let Some(x_token) = &self.x_token else { return (None, None) };
        let revokes = |revoke: &&Revoke| ident::snake(&revoke.operation) == operation.base();
        match x_token.revoke.as_ref().filter(revokes) {
            _ if self.returns_token(operation) => (x_token.response.error.as_ref(), x_token.response.ok.as_ref()),
            Some(revoke) => (revoke.error.as_ref(), revoke.ok.as_ref()),
            None => (None, None),
        }
    }

    /// Returns the number of values in the smallest example of a type, or with `optional` in the largest. A recursive
    /// type is counted once.
    pub fn values(&self, ty: &Ty, optional: bool) -> u64 {
        self.values_within(ty, optional, &mut HashMap::new())
    }

    fn values_within<'a>(&'a self, ty: &'a Ty, optional: bool, known: &mut HashMap<&'a str, u64>) -> u64 {
        match ty {
            Ty::List(item) | Ty::Delimited(_, item) | Ty::Nullable(item) | Ty::Map(item) => {
                self.values_within(item, optional, known).saturating_add(1)
            }
            Ty::Ref(name) => self.values_of(name, optional, known),
            _ => 1,
        }
    }

    fn values_of<'a>(&'a self, name: &'a str, optional: bool, known: &mut HashMap<&'a str, u64>) -> u64 {
        if let Some(values) = known.get(name) {
            return *values;
        }
        known.insert(name, 1);
        let mut values: u64 = 1;
        match self.components.get(name).map(|component| &component.shape) {
            Some(Shape::Struct(properties)) => {
                for property in properties.iter().filter(|property| optional || property.required) {
                    values = values.saturating_add(self.values_within(&property.ty, optional, known));
                }
            }
            Some(Shape::Union(branches)) => {
                for branch in branches {
                    values = values.saturating_add(self.values_of(branch, optional, known));
                }
            }
            _ => {}
        }
        known.insert(name, values);
        values
    }

    /// Returns the operations as the spec has them.
    pub fn spec_operations(&self) -> impl Iterator<Item = &Operation> {
        self.operations.iter().filter(|operation| operation.variant_of.is_none())
    }

    /// Returns the operations on another host.
    pub fn on_other_hosts(&self) -> impl Iterator<Item = &Operation> {
        self.spec_operations().filter(|operation| !operation.servers.is_empty())
    }

    /// Returns the operation with this id, as it is with an alternative of `one-of`.
    pub fn operation_with(&self, id: &str, alternative: Option<&str>) -> Option<&Operation> {
        let is_variant = |operation: &&Operation| {
            operation
                .variant_of
                .as_ref()
                .is_some_and(|variant| variant.operation == id && Some(variant.alternative.as_str()) == alternative)
        };
        self.operations.iter().find(is_variant).or_else(|| self.operation(id))
    }

    /// Returns the operation with this id.
    pub fn operation(&self, id: &str) -> Option<&Operation> {
        self.operations.iter().find(|operation| operation.id == id)
    }

    /// Returns the properties of a struct. Other shapes have none.
    pub fn properties(&self, component: &str) -> &[Property] {
        match self.components.get(component).map(|component| &component.shape) {
            Some(Shape::Struct(properties)) => properties,
            _ => &[],
        }
    }

    /// Collects the types at a pointer, one for each branch of a union that has such a place.
    pub fn targets(&self, ty: &Ty, segments: &[String], found: &mut Vec<Ty>) {
        let Some((first, rest)) = segments.split_first() else { return found.push(ty.clone()) };
        match ty {
            Ty::Ref(name) => match self.components.get(name).map(|component| &component.shape) {
                Some(Shape::Struct(properties)) => {
                    let properties = properties.iter().filter(|property| property.name == *first);
                    properties.for_each(|property| self.targets(&property.ty, rest, found));
                }
                Some(Shape::Union(branches)) => {
                    branches.iter().for_each(|branch| self.targets(&Ty::Ref(branch.clone()), segments, found));
                }
                _ => {}
            },
            Ty::Nullable(item) => self.targets(item, segments, found),
            Ty::List(item) | Ty::Map(item) => self.targets(item, rest, found),
            _ => {}
        }
    }

    /// Returns the branches of a union, or the struct itself.
    pub fn branches<'a>(&'a self, component: &'a str) -> Vec<&'a str> {
        match self.components.get(component).map(|component| &component.shape) {
            Some(Shape::Union(branches)) => branches.iter().map(String::as_str).collect(),
            _ => vec![component],
        }
    }
}
