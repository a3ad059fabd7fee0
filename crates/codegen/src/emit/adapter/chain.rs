//! The further requests of a login: each takes values of the response before it.

use crate::emit::adapter::conversions::is_enum;
use crate::emit::adapter::grants::{Grant, GrantKind};
use crate::emit::adapter::view::Adapter;
use crate::emit::layout::Code;
use crate::lower::model::{Model, Ty};
use crate::read::x_token::Then;
use crate::read::x_token::values::Pointer;

/// The variable with the response before.
pub const RESPONSE: &str = "response";

/// Returns the expression of an optional string at a place of a response. There is none if the place is not a string, a number or
/// a boolean, or is inside a `oneOf`.
pub fn read(model: &Model, response: &Ty, place: &Pointer) -> Option<Code> {
    let mut parts = vec![Code::text(format!("Some(&{RESPONSE})"))];
    let mut ty = response;
    for segment in place.segments() {
        let step = match ty {
            Ty::Ref(name) => {
                let property = model.properties(name).iter().find(|property| property.name == segment)?;
                ty = &property.ty;
                if property.optional {
                    format!(".and_then(|value| value.{}.as_ref())", property.field)
                } else {
                    format!(".map(|value| &value.{})", property.field)
                }
            }
            Ty::List(item) => {
                ty = item;
                format!(".and_then(|value| value.get({}))", segment.parse::<usize>().ok()?)
            }
            Ty::Map(item) => {
                ty = item;
                format!(".and_then(|value| value.get({segment:?}))")
            }
            _ => return None,
        };
        parts.push(Code::text(step));
    }
    parts.push(Code::text(match ty {
        Ty::Secret => ".map(|value| value.expose())",
        Ty::Text => ".map(|value| value.as_str())",
        ty if is_enum(model, ty) => ".map(|value| value.as_str())",
        Ty::Integer | Ty::Number | Ty::Boolean => ".map(|value| value.to_string())",
        _ => return None,
    }));
    Some(Code::chain(parts))
}

impl Adapter<'_> {
    /// Returns a further request of the login.
    fn then(&self, grant: &Grant<'_>) -> Option<&Then> {
        let GrantKind::Then(index) = grant.kind else { return None };
        self.x_token.login.as_ref()?.then.get(index)
    }

    /// Returns the request before a further one.
    fn before(&self, grant: &Grant<'_>) -> Option<&Grant<'_>> {
        let position = self.grants.iter().position(|other| other.kind == grant.kind)?;
        self.grants.get(position.checked_sub(1)?)
    }

    /// Returns the expression of a value of the response before, as a secret.
    pub fn received(&self, grant: &Grant<'_>, place: &Pointer) -> Code {
        let ty = self.before(grant).and_then(|before| before.operation.success.ty.as_ref());
        let value = ty.and_then(|ty| read(self.model, ty, place)).unwrap_or_else(|| Code::text("None::<String>"));
        Code::row([Code::list("adapter::received(", vec![Code::string(place.as_str()), value]), Code::text("?")])
    }

    /// Returns the statement that makes the endpoint of a request whose base URL is in the response before.
    pub fn received_endpoint(&self, grant: &Grant<'_>, endpoint: &str) -> Option<Code> {
        let then = self.then(grant)?;
        let url = self.received(grant, then.server.as_ref()?);
        let hosts = Code::list("&[", then.hosts.iter().map(|host| Code::string(&host.to_ascii_lowercase())).collect());
        let url = Code::row([url, Code::text(".expose()")]);
        let received = Code::list(format!("let endpoint = {endpoint}.received("), vec![url, hosts]);
        Some(Code::row([received, Code::text("?")]))
    }

    /// Returns the further requests of a login.
    pub fn further<'g>(&'g self, grant: &Grant<'_>) -> impl Iterator<Item = &'g Grant<'g>> {
        let is_login = grant.kind == GrantKind::Login;
        self.grants.iter().filter(move |grant| is_login && matches!(grant.kind, GrantKind::Then(_)))
    }
}
