//! How a generated client reads a response: the pointers of `x-token` as the types of wire's reader. The generator
//! checks examples with this reader, and emits the pointers into the clients as constants.

use std::collections::{BTreeSet, HashSet};

use freshtoken_wire::tokens::{self, Reading, Success, TokenFields};
use serde_json::Value;

use crate::emit::layout::Code;
use crate::lower::model::{Model, Operation, Shape, Ty};
use crate::read::x_token::response::{AccessToken, At, Flag, In, InFormat, Response, Unit};
use crate::read::x_token::values::Pointer;

/// The places of the tokens in a response.
pub struct Fields<'a> {
    response: &'a Response,
    access_token: Vec<&'a str>,
    expires_in: Vec<tokens::In<'a>>,
    refresh_expires_in: Vec<tokens::In<'a>>,
    refresh_expires_at: Vec<tokens::At<'a>>,
    keep: Vec<(&'a str, &'a str)>,
}

/// Returns the places of the tokens in a response, or `None` without a place of the access token.
pub fn fields(response: &Response) -> Option<Fields<'_>> {
    let access_token = response.access_token.as_ref()?;
    let never = |of: tokens::In<'_>| of.never.is_empty();
    let expires_in = response.expires_in.0.iter().map(lifetime);
    let expires_in = expires_in.map(|of| if never(of) { tokens::In { never: &response.never, ..of } } else { of });
    Some(Fields {
        response,
        access_token: access_token.pointers().iter().map(Pointer::as_str).collect(),
        expires_in: expires_in.collect(),
        refresh_expires_in: response.refresh_expires_in.0.iter().map(lifetime).collect(),
        refresh_expires_at: response.refresh_expires_at.0.iter().map(expiry).collect(),
        keep: response.keep.iter().map(|(name, at)| (name.as_str(), at.as_str())).collect(),
    })
}

impl Fields<'_> {
    /// Returns them for wire's reader.
    pub fn get(&self) -> TokenFields<'_> {
        let response = self.response;
        TokenFields {
            access_token: &self.access_token,
            access_token_header: response.access_token.as_ref().and_then(AccessToken::header),
            token_type: response.token_type.as_ref().map(Pointer::as_str),
            expires_in: &self.expires_in,
            expires_at: response.expires_at.as_ref().map(expiry),
            renew_in: response.renew_in.as_ref().map(lifetime),
            refresh_token: response.refresh_token.as_ref().map(Pointer::as_str),
            refresh_expires_in: &self.refresh_expires_in,
            refresh_expires_at: &self.refresh_expires_at,
            scope: response
                .scope
                .as_ref()
                .map(|scope| tokens::Scope { at: scope.at.as_str(), delimiter: scope.delimiter.as_deref() }),
            keep: &self.keep,
        }
    }

    /// Reads an example. It has no headers, so a token that is in one is invented.
    pub fn read(&self, body: &str) -> Option<Reading<'_>> {
        let fields = self.get();
        fields.read_with(body, fields.access_token_header.map(|_| "token".into()))
    }
}

fn lifetime(lifetime: &In) -> tokens::In<'_> {
    let unit = match lifetime.format {
        Some(InFormat::Words) => tokens::Unit::Words,
        None => unit(lifetime.unit),
    };
    tokens::In { at: lifetime.at.as_str(), unit, never: &lifetime.never }
}

fn expiry(expiry: &At) -> tokens::At<'_> {
    tokens::At {
        at: expiry.at.as_str(),
        unit: unit(expiry.unit),
        is_utc: expiry.zone.is_some(),
        format: expiry.format.as_deref(),
    }
}

fn unit(unit: Unit) -> tokens::Unit {
    match unit {
        Unit::Seconds => tokens::Unit::Seconds,
        Unit::Milliseconds => tokens::Unit::Milliseconds,
    }
}

/// Whether a body at 2xx reports a failure with its `error` or its `ok`.
pub fn is_failure(error: Option<&Pointer>, ok: Option<&Flag>, body: &Value) -> bool {
    let is = ok.map(|ok| ok.is.text());
    let ok = ok.map(|ok| ok.at.as_str()).zip(is.as_deref());
    Success { error: error.map(Pointer::as_str), ok, ..Success::PLAIN }.is_failure(&body.to_string())
}

/// Returns the constant that describes how the success of an operation is read.
pub fn success(model: &Model, operation: &Operation) -> Code {
    let (error, ok) = model.failure_marks(operation);
    let response = model.x_token.as_ref().map(|x_token| &x_token.response);
    let fields = response.filter(|_| model.returns_token(operation)).and_then(fields);
    let mut properties = BTreeSet::new();
    if let (Some(ty), Some(_)) = (&operation.success.ty, &fields) {
        names(model, ty, &mut HashSet::new(), &mut properties);
    }
    if fields.is_none() && error.is_none() && ok.is_none() {
        return Code::text("tokens::Success::PLAIN");
    }
    let ok = ok.map(|ok| Code::list("(", vec![Code::string(ok.at.as_str()), Code::string(&ok.is.text())]));
    let members = vec![
        member("tokens", option(fields.map(|fields| token_fields(&fields.get())))),
        member("error", text(error.map(Pointer::as_str))),
        member("ok", option(ok)),
        member("properties", Code::list("&[", properties.into_iter().map(Code::string).collect())),
    ];
    Code::braces("tokens::Success", members)
}

/// Returns the fields that the response has: further ones cost a vendor nothing.
fn token_fields(fields: &TokenFields<'_>) -> Code {
    let expiry = |expiry: tokens::At<'_>| {
        let members = vec![
            member("at", Code::string(expiry.at)),
            member("unit", unit_code(expiry.unit)),
            member("is_utc", Code::text(expiry.is_utc.to_string())),
            member("format", text(expiry.format)),
        ];
        Code::braces("tokens::At", members)
    };
    let scope = |scope: tokens::Scope<'_>| {
        let members = vec![member("at", Code::string(scope.at)), member("delimiter", text(scope.delimiter))];
        Code::braces("tokens::Scope", members)
    };
    let list = |items: Vec<Code>| (!items.is_empty()).then(|| Code::list("&[", items));
    let lifetimes = |of: &[tokens::In<'_>]| list(of.iter().copied().map(lifetime_code).collect());
    let kept = |(name, at): &(&str, &str)| Code::list("(", vec![Code::string(name), Code::string(at)]);
    let some = |value: Option<Code>| value.map(|value| option(Some(value)));
    let members = [
        ("access_token", list(fields.access_token.iter().map(|at| Code::string(at)).collect())),
        ("access_token_header", some(fields.access_token_header.map(|name| Code::string(&name.to_ascii_lowercase())))),
        ("token_type", some(fields.token_type.map(Code::string))),
        ("expires_in", lifetimes(fields.expires_in)),
        ("expires_at", some(fields.expires_at.map(expiry))),
        ("renew_in", some(fields.renew_in.map(lifetime_code))),
        ("refresh_token", some(fields.refresh_token.map(Code::string))),
        ("refresh_expires_in", lifetimes(fields.refresh_expires_in)),
        ("refresh_expires_at", list(fields.refresh_expires_at.iter().copied().map(expiry).collect())),
        ("scope", some(fields.scope.map(scope))),
        ("keep", list(fields.keep.iter().map(kept).collect())),
    ];
    let mut members: Vec<Code> = members.into_iter().filter_map(|(name, value)| Some(member(name, value?))).collect();
    members.push(Code::text("..tokens::TokenFields::NONE"));
    Code::braces("tokens::TokenFields", members)
}

fn lifetime_code(lifetime: tokens::In<'_>) -> Code {
    let mut members = vec![member("at", Code::string(lifetime.at))];
    if lifetime.unit != tokens::Unit::Seconds {
        members.push(member("unit", unit_code(lifetime.unit)));
    }
    if !lifetime.never.is_empty() {
        let never = lifetime.never.iter().map(|number| Code::text(number.to_string())).collect();
        members.push(member("never", Code::list("&[", never)));
    }
    members.push(Code::text("..tokens::In::SECONDS"));
    Code::braces("tokens::In", members)
}

fn member(name: &str, value: Code) -> Code {
    Code::row([Code::text(format!("{name}: ")), value])
}

fn option(value: Option<Code>) -> Code {
    value.map_or_else(|| Code::text("None"), |value| Code::row([Code::text("Some("), value, Code::text(")")]))
}

fn text(text: Option<&str>) -> Code {
    option(text.map(Code::string))
}

fn unit_code(unit: tokens::Unit) -> Code {
    Code::text(match unit {
        tokens::Unit::Seconds => "tokens::Unit::Seconds",
        tokens::Unit::Milliseconds => "tokens::Unit::Milliseconds",
        tokens::Unit::Words => "tokens::Unit::Words",
    })
}

/// Collects the names of all properties in a type, as they are on the wire.
fn names<'a>(model: &'a Model, ty: &'a Ty, seen: &mut HashSet<&'a str>, found: &mut BTreeSet<&'a str>) {
    match ty {
        Ty::Ref(name) => component_names(model, name, seen, found),
        Ty::Nullable(item) | Ty::List(item) | Ty::Map(item) => names(model, item, seen, found),
        _ => {}
    }
}

fn component_names<'a>(model: &'a Model, name: &'a str, seen: &mut HashSet<&'a str>, found: &mut BTreeSet<&'a str>) {
    if !seen.insert(name) {
        return;
    }
    match model.components.get(name).map(|component| &component.shape) {
        Some(Shape::Struct(properties)) => {
            for property in properties {
                found.insert(&property.name);
                names(model, &property.ty, seen, found);
            }
        }
        Some(Shape::Union(branches)) => {
            branches.iter().for_each(|branch| component_names(model, branch, seen, found));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lower::lower;
    use crate::read::spec::Spec;
    use crate::read::x_token::XToken;

    /// Returns the constant of a spec with this `x-token`, without white space.
    fn constant(response: &str) -> String {
        let text = format!(
            r#"
openapi: 3.0.3
info: {{ title: Acme, version: "1" }}
servers: [{{ url: "https://acme.example" }}]
x-token: {{ login: {{ operation: log_in }}, response: {response} }}
paths:
  /in:
    post:
      operationId: log_in
      responses:
        "200": {{ description: A token., content: {{ application/json: {{ schema: {{ type: object, properties: {{ token: {{ type: string, format: password }},
          ttl: {{ type: integer }}, until: {{ type: string }}, more: {{ type: array, items: {{ type: object, properties: {{ x: {{ type: string }} }} }} }} }} }} }} }} }}
"#
        );
        let spec = Spec::parse("specs/acme.yaml", &text).unwrap_or_else(|problems| panic!("{}", problems[0]));
        let x_token = XToken::from_document(&spec).unwrap_or_else(|problems| panic!("{}", problems[0]));
        let model = lower(&spec, x_token);
        success(&model, &model.operations[0]).lines(0, "").split_whitespace().collect()
    }

    #[test]
    fn pointers_units_zones_formats_and_names_are_emitted() {
        let constant = constant(
            "{ access-token: /token, expires-in: { at: /ttl, unit: ms }, expires-at: { at: /until, zone: utc, format: \"%d.%m.%Y\" }, \
             scope: { at: /more, delimiter: ',' }, error: /more/0, ok: { at: /ttl, is: 1 } }",
        );
        for wanted in [
            "access_token:&[\"/token\"]",
            "expires_in:&[tokens::In{at:\"/ttl\",unit:tokens::Unit::Milliseconds,..tokens::In::SECONDS},]",
            "tokens::At{at:\"/until\",unit:tokens::Unit::Seconds,is_utc:true,format:Some(\"%d.%m.%Y\"),}",
            "tokens::Scope{at:\"/more\",delimiter:Some(\",\"),}",
            "error:Some(\"/more/0\"),ok:Some((\"/ttl\",\"1\"))",
            "properties:&[\"more\",\"token\",\"ttl\",\"until\",\"x\"]",
        ] {
            assert!(constant.contains(wanted), "no {wanted} in {constant}");
        }
    }
}
