//! How a generated client reads a response: the pointers of `x-token` as the types of wire's reader. The generator
//! checks examples with this reader, and emits the pointers into the clients as constants.

use std::collections::{BTreeSet, HashSet};

use freshtoken_wire::tokens::{self, Success, TokenFields};
use serde_json::Value;

use crate::emit::layout::Code;
use crate::lower::model::{Model, Operation, Shape, Ty};
use crate::read::x_token::response::{At, Flag, In, Response, Unit};
use crate::read::x_token::values::Pointer;

/// Returns the places of the tokens in a response, or `None` without a pointer to the access token.
pub fn fields(response: &Response) -> Option<TokenFields<'_>> {
    Some(TokenFields {
        access_token: response.access_token.as_ref()?.as_str(),
        token_type: response.token_type.as_ref().map(Pointer::as_str),
        expires_in: response.expires_in.as_ref().map(lifetime),
        expires_at: response.expires_at.as_ref().map(expiry),
        refresh_token: response.refresh_token.as_ref().map(Pointer::as_str),
        refresh_expires_in: response.refresh_expires_in.as_ref().map(lifetime),
        refresh_expires_at: response.refresh_expires_at.as_ref().map(expiry),
        scope: response
            .scope
            .as_ref()
            .map(|scope| tokens::Scope { at: scope.at.as_str(), delimiter: scope.delimiter.as_deref() }),
    })
}

fn lifetime(lifetime: &In) -> tokens::In<'_> {
    tokens::In { at: lifetime.at.as_str(), unit: unit(lifetime.unit) }
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
        member("tokens", option(fields.map(|fields| token_fields(&fields)))),
        member("error", text(error.map(Pointer::as_str))),
        member("ok", option(ok)),
        member("properties", Code::list("&[", properties.into_iter().map(Code::string).collect())),
    ];
    Code::braces("tokens::Success", members)
}

fn token_fields(fields: &TokenFields<'_>) -> Code {
    let lifetime = |lifetime: tokens::In<'_>| {
        let members = vec![member("at", Code::string(lifetime.at)), member("unit", unit_code(lifetime.unit))];
        Code::braces("tokens::In", members)
    };
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
    let members = vec![
        member("access_token", Code::string(fields.access_token)),
        member("token_type", text(fields.token_type)),
        member("expires_in", option(fields.expires_in.map(lifetime))),
        member("expires_at", option(fields.expires_at.map(expiry))),
        member("refresh_token", text(fields.refresh_token)),
        member("refresh_expires_in", option(fields.refresh_expires_in.map(lifetime))),
        member("refresh_expires_at", option(fields.refresh_expires_at.map(expiry))),
        member("scope", option(fields.scope.map(scope))),
    ];
    Code::braces("tokens::TokenFields", members)
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
            "access_token:\"/token\"",
            "tokens::In{at:\"/ttl\",unit:tokens::Unit::Milliseconds,}",
            "tokens::At{at:\"/until\",unit:tokens::Unit::Seconds,is_utc:true,format:Some(\"%d.%m.%Y\"),}",
            "tokens::Scope{at:\"/more\",delimiter:Some(\",\"),}",
            "error:Some(\"/more/0\"),ok:Some((\"/ttl\",\"1\"))",
            "properties:&[\"more\",\"token\",\"ttl\",\"until\",\"x\"]",
        ] {
            assert!(constant.contains(wanted), "no {wanted} in {constant}");
        }
    }
}
