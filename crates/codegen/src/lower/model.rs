//! What every stage after `lower` works on: a vendor's operations and types, free of OpenAPI's many ways to say one
//! thing. It holds no JSON Schema and no Rust tokens.

use std::collections::HashMap;

use indexmap::IndexMap;
use serde_json::Value;

use crate::ident;
use crate::read::media_type;
use crate::read::x_token::response::Flag;
use crate::read::x_token::values::Pointer;
use crate::read::x_token::{Revoke, Takes, XToken};
use crate::vendor::Vendor;

/// One vendor, ready to be generated.
#[derive(Debug)]
pub struct Model {
    pub vendor: Vendor,
    /// The spec's path, as people write it: `specs/zenoti.yaml`.
    pub file: String,
    pub title: String,
    pub description: String,
    pub servers: Vec<Server>,
    /// Every named type by its Rust name, in the spec's order.
    pub components: IndexMap<String, Component>,
    pub operations: Vec<Operation>,
    pub x_token: Option<XToken>,
    /// A type that is nested too deep to be read: it is any JSON instead.
    pub cut: Option<String>,
}

/// A named server of the vendor.
#[derive(Debug)]
pub struct Server {
    /// In snake case: the constructor's name.
    pub name: String,
    pub url: String,
    pub variables: Vec<Variable>,
    pub docs: String,
}

/// A variable of a server's URL.
#[derive(Debug)]
pub struct Variable {
    /// In the URL.
    pub name: String,
    /// What it is named after in Rust: its `x-name`, else its name.
    pub label: String,
    /// Of a variable with an `enum`. OpenAPI asks for one of every variable, so another's means nothing: such a variable is
    /// required.
    pub default: Option<String>,
    pub docs: String,
}

/// A named type.
#[derive(Debug)]
pub struct Component {
    pub docs: String,
    pub shape: Shape,
    /// A request's body holds it.
    pub in_request: bool,
    /// A response, success or error, holds it.
    pub in_response: bool,
}

#[derive(Debug)]
pub enum Shape {
    Struct(Vec<Property>),
    /// The values that the spec knows, each with its variant's name; a vendor may send others.
    Enum(IndexMap<String, String>),
    /// One value that tells a union's branches apart when a response is read: the only closed enum.
    Tag(String),
    /// The names of the structs that it may be.
    Union(Vec<String>),
}

#[derive(Debug)]
pub struct Property {
    /// On the wire.
    pub name: String,
    /// What it is named after in Rust: its `x-name`, else its name.
    pub label: String,
    /// In Rust.
    pub field: String,
    pub ty: Ty,
    /// It holds its own kind again: there is a box around it, within the option if it is one.
    pub is_boxed: bool,
    /// It may be absent or null.
    pub optional: bool,
    /// It must be on the wire, be it as null.
    pub required: bool,
    pub docs: String,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Ty {
    Ref(String),
    Secret,
    Text,
    /// RFC 3339; with `utc` an offset may be missing and is taken as UTC.
    Timestamp {
        utc: bool,
    },
    Integer,
    Number,
    Boolean,
    /// Any JSON.
    Any,
    List(Box<Ty>),
    /// An item of a list or a map that may be null. A property is `optional` instead.
    Nullable(Box<Ty>),
    Map(Box<Ty>),
    /// A list in one text, with its delimiter.
    Delimited(char, Box<Ty>),
    /// Sent as it is, never asked for. Elsewhere than in a property or a parameter it is of its value's type.
    Constant(Value),
}

#[derive(Debug)]
pub struct Operation {
    /// The method's name, in snake case.
    pub id: String,
    /// `POST`
    pub method: String,
    pub path: String,
    pub summary: String,
    pub description: String,
    pub params: Vec<Param>,
    pub body: Option<Body>,
    pub success: Response,
    /// Exact statuses first, then ranges, then the default: the order to look them up in.
    pub errors: Vec<Response>,
    /// The schemes of the alternative that is used, all of them together.
    pub security: Vec<Scheme>,
    /// The order in which the spec writes what a request has.
    pub order: [Part; 3],
}

/// A part of a request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Part {
    Security,
    Params,
    Body,
}

#[derive(Debug)]
pub struct Param {
    /// On the wire.
    pub name: String,
    /// What it is named after in Rust: its `x-name`, else its name.
    pub label: String,
    pub place: Place,
    pub ty: Ty,
    pub required: bool,
    pub docs: String,
    pub example: Option<Value>,
    /// A setting of the endpoint instead of an argument of the method.
    pub is_setting: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Place {
    Path,
    Query,
    Header,
}

#[derive(Debug)]
pub struct Body {
    /// As the spec writes it.
    pub media_type: String,
    /// A struct or a union.
    pub component: String,
    pub examples: Vec<Example>,
}

impl Ty {
    /// The type of a value and of its likes.
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
    /// Its name as a setting.
    pub fn field(&self) -> String {
        ident::snake(&self.label)
    }
}

impl Param {
    /// Its name as an argument, a credential or a setting.
    pub fn field(&self) -> String {
        ident::snake(&self.label)
    }
}

impl Property {
    /// Whether it is no field: it is sent as it is.
    pub fn is_constant(&self) -> bool {
        matches!(self.ty, Ty::Constant(_))
    }
}

impl Body {
    pub fn is_form(&self) -> bool {
        media_type::is_form(&self.media_type)
    }
}

#[derive(Debug)]
pub struct Response {
    pub status: Status,
    pub description: String,
    /// The JSON media type of its body, as the spec writes it.
    pub media_type: Option<String>,
    /// None: no body, or none that is JSON.
    pub ty: Option<Ty>,
    pub examples: Vec<Example>,
    /// The headers of which the spec has an example.
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
    /// One status that it stands for.
    pub fn sample(self) -> u16 {
        match self {
            Self::Code(code) => code,
            Self::Range(class) => class * 100,
            Self::Default => 500,
        }
    }

    /// As the spec writes it.
    pub fn label(self) -> String {
        match self {
            Self::Code(code) => code.to_string(),
            Self::Range(class) => format!("{class}XX"),
            Self::Default => "default".to_owned(),
        }
    }
}

#[derive(Debug)]
pub struct Example {
    /// In snake case: part of a snapshot's name.
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
    /// `Authorization: <scheme> <credential>`, the credential being one of the client's own.
    Http(String),
    /// `Authorization: Bearer <token>`, the token being the one that the client was given by the vendor.
    Token,
}

impl Model {
    /// The types with a constant that requests and responses share. What is a constant to the one isn't to the other.
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

    /// The login and the refresh: their responses hold the token.
    pub fn returns_token(&self, operation: &Operation) -> bool {
        let Some(x_token) = &self.x_token else { return false };
        let actions = [
            x_token.login.as_ref().map(|login| &login.operation),
            x_token.refresh.as_ref().map(|refresh| &refresh.operation),
        ];
        actions.into_iter().flatten().any(|id| ident::snake(id) == operation.id)
    }

    /// Whether the bearer scheme of an operation carries a refresh token, which goes nowhere else.
    pub fn bears_refresh_token(&self, operation: &Operation) -> bool {
        let Some(x_token) = &self.x_token else { return false };
        let refreshes = x_token.refresh.as_ref().filter(|refresh| refresh.token.is_none());
        let revokes = x_token.revoke.as_ref().filter(|revoke| revoke.token.is_none() && revoke.takes == Takes::Refresh);
        let actions = [refreshes.map(|refresh| &refresh.operation), revokes.map(|revoke| &revoke.operation)];
        actions.into_iter().flatten().any(|id| ident::snake(id) == operation.id)
    }

    /// Where a response of 2xx says that it is a failure all the same: its `error` and its `ok`.
    pub fn failure_marks(&self, operation: &Operation) -> (Option<&Pointer>, Option<&Flag>) {
        let Some(x_token) = &self.x_token else { return (None, None) };
        let revokes = |revoke: &&Revoke| ident::snake(&revoke.operation) == operation.id;
        match x_token.revoke.as_ref().filter(revokes) {
            _ if self.returns_token(operation) => (x_token.response.error.as_ref(), x_token.response.ok.as_ref()),
            Some(revoke) => (revoke.error.as_ref(), revoke.ok.as_ref()),
            None => (None, None),
        }
    }

    /// How many values the least of a type has; with `optional`, the one that has all that it may have. What holds its own
    /// kind is counted once.
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

    pub fn operation(&self, id: &str) -> Option<&Operation> {
        self.operations.iter().find(|operation| operation.id == id)
    }

    /// The properties of a struct; none for another shape.
    pub fn properties(&self, component: &str) -> &[Property] {
        match self.components.get(component).map(|component| &component.shape) {
            Some(Shape::Struct(properties)) => properties,
            _ => &[],
        }
    }

    /// Finds the types that a pointer leads to, one for each branch of a union that has it.
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

    /// The structs that a body may be: a union's branches, or the one itself.
    pub fn branches<'a>(&'a self, component: &'a str) -> Vec<&'a str> {
        match self.components.get(component).map(|component| &component.shape) {
            Some(Shape::Union(branches)) => branches.iter().map(String::as_str).collect(),
            _ => vec![component],
        }
    }
}
