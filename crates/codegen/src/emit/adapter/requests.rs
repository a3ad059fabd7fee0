//! The requests of an adapter: the client that sends them, and the credentials in each.

use crate::emit::adapter::computed::computed;
use crate::emit::adapter::conversions::{converted, is_copy};
use crate::emit::adapter::credentials::Credential;
use crate::emit::adapter::grants::{Grant, GrantKind};
use crate::emit::adapter::sent::{
    CredentialUse, body_uses, has_constant, is_credential, is_filled_in, nested, param_type,
};
use crate::emit::adapter::view::Adapter;
use crate::emit::client;
use crate::emit::client::Argument;
use crate::emit::layout::{Code, signature};
use crate::ident;
use crate::lower::model::{Param, Property, Ty};

impl Adapter<'_> {
    /// Returns where a grant has a value: among the credentials, or computed.
    fn place(&self, grant: &Grant<'_>, name: &str) -> Option<Place> {
        let computed = computed(self.model, grant).into_iter().find(|computed| computed.name == name);
        let computed = computed.map(|computed| Place {
            path: computed.variable(),
            ty: computed.ty,
            optional: false,
            is_reference: false,
        });
        computed.or_else(|| Some(Place::of(name, self.credentials.get(name)?)))
    }

    /// Returns the expression of a value of a grant as an owned value.
    pub fn owned(&self, grant: &Grant<'_>, name: &str, to: &Ty, optional: bool) -> String {
        match self.place(grant, name) {
            Some(place) => self.owned_at(&place, name, to, optional),
            None => format!("credentials.{name}.clone()"),
        }
    }

    fn owned_at(&self, found: &Place, name: &str, to: &Ty, optional: bool) -> String {
        let (place, from) = (found.path.clone(), &found.ty);
        match (found.optional, optional) {
            (false, false) => converted(self.model, from, to, &place, found.is_reference),
            (false, true) => format!("Some({})", converted(self.model, from, to, &place, found.is_reference)),
            (true, true) if from == to => match (is_copy(from), found.is_reference) {
                (true, true) => format!("*{place}"),
                (true, false) => place,
                (false, _) => format!("{place}.clone()"),
            },
            (true, true) => {
                format!("{place}.as_ref().map(|value| {})", converted(self.model, from, to, "value", true))
            }
            (true, false) => converted(self.model, from, to, &found.needed(name), true),
        }
    }

    /// Returns the expression of a value of a grant as an argument of the client's method.
    pub fn argument(&self, grant: &Grant<'_>, name: &str, param: &Param) -> String {
        let to = param_type(param);
        let Some(found) = self.place(grant, name) else { return format!("&credentials.{name}") };
        let place = &found.path;
        let owned = self.owned_at(&found, name, &to, !param.required);
        let borrowed = match &to {
            Ty::Text | Ty::List(_) => "as_deref",
            _ => "as_ref",
        };
        match (is_copy(&to) && !matches!(to, Ty::Timestamp { .. }), found.ty == to) {
            (true, _) => owned,
            // A converted value is a temporary, which lives until the end of the call.
            (false, false) => {
                if param.required {
                    format!("&{owned}")
                } else {
                    format!("{owned}.{borrowed}()")
                }
            }
            (false, true) => match (found.optional, param.required) {
                (false, true) => found.reference(),
                (true, true) => found.needed(name),
                (true, false) => format!("{place}.{borrowed}()"),
                (false, false) if to == Ty::Text => format!("Some({place}.as_str())"),
                (false, false) if matches!(to, Ty::List(_)) => format!("Some({place}.as_slice())"),
                (false, false) => format!("Some({})", found.reference()),
            },
        }
    }

    /// Returns the function that makes the vendor's client, if the client has credentials.
    pub fn client(&self) -> String {
        // With alternatives, each method makes the client itself.
        let fields = client::credentials(self.model);
        if fields.is_empty() || self.alternative.is_some() {
            return String::new();
        }
        let schemes = self.computed_schemes();
        let is_computed = |name: &String| schemes.iter().any(|scheme| scheme.name == *name);
        let fields = fields.iter().map(|client::Credential { name, optional, .. }| {
            Code::text(if is_computed(name) {
                name.clone()
            } else if let Some(credential) = self.credentials.get(name) {
                format!("{name}: {}", self.owned_at(&Place::of(name, credential), name, &Ty::Secret, *optional))
            } else {
                // Only operations that are not grants need it.
                format!("{name}: None")
            })
        });
        let credentials = Code::braces(&format!("{}::Credentials", self.vendor_crate()), fields.collect());
        let mut inputs = vec!["endpoint: &Endpoint".to_owned()];
        inputs.extend(self.client_asks().then(|| "credentials: &Credentials".to_owned()));
        inputs.extend(schemes.iter().map(|scheme| {
            let ty = if scheme.optional { "Option<Secret>" } else { "Secret" };
            format!("{}: {ty}", scheme.name)
        }));
        format!(
            "
/// Makes a client with the credentials that all requests send.
{head}
{credentials}
    Ok(Client::new(endpoint.clone(), credentials)?)
}}
",
            head = signature(0, "fn client", inputs, "Result<Client, GrantError>"),
            credentials = Code::row([Code::text("let credentials = "), credentials]).lines(4, ";"),
        )
    }

    /// Returns what some grant computes of the client's credentials.
    fn computed_schemes(&self) -> Vec<client::Credential> {
        let is_computed = |credential: &client::Credential| {
            let mut grants = self.grants.iter().flat_map(|grant| computed(self.model, grant));
            grants.any(|computed| computed.name == credential.name)
        };
        client::credentials(self.model).into_iter().filter(is_computed).collect()
    }

    /// Returns the statement that makes the client of a grant.
    pub fn client_call(&self, grant: &Grant<'_>, endpoint: &str) -> Code {
        if self.alternative.is_some() {
            return self.client_of_alternative(grant, endpoint);
        }
        let mut inputs = vec![Code::text(if endpoint == "endpoint" { "&endpoint" } else { "self" })];
        inputs.extend(self.client_asks().then(|| Code::text("&credentials")));
        let computed = computed(self.model, grant);
        inputs.extend(self.computed_schemes().iter().map(|client::Credential { name, optional, .. }| {
            Code::text(match (computed.iter().any(|computed| computed.name == *name), optional) {
                (true, _) => self.owned(grant, name, &Ty::Secret, *optional),
                (false, true) => "None".to_owned(),
                // This operation doesn't send it.
                (false, false) => "Secret::new(\"\")".to_owned(),
            })
        }));
        // The variable of the request before hides the function.
        let function = if matches!(grant.kind, GrantKind::Then(_)) { "self::client" } else { "client" };
        Code::row([Code::list(format!("let client = {function}("), inputs), Code::text("?")])
    }

    /// Returns the statement that makes the client of a grant with an alternative of `one-of`.
    fn client_of_alternative(&self, grant: &Grant<'_>, endpoint: &str) -> Code {
        let fields =
            client::credentials(self.model).into_iter().map(|client::Credential { name, optional, .. }| {
                Code::text(match self.place(grant, &name) {
                    Some(place) => format!("{name}: {}", self.owned_at(&place, &name, &Ty::Secret, optional)),
                    // Another alternative sends it, or an operation that is not a grant.
                    None if optional => format!("{name}: None"),
                    None => format!("{name}: Secret::new(\"\")"),
                })
            });
        let credentials = Code::braces(&format!("{}::Credentials", self.vendor_crate()), fields.collect());
        Code::row([Code::list("let client = Client::new(", vec![Code::text(endpoint), credentials]), Code::text("?")])
    }

    /// Whether the client needs any of the adapter's credentials. Its own credentials can all belong to operations that
    /// are not grants.
    pub fn client_asks(&self) -> bool {
        client::credentials(self.model).iter().any(|credential| self.credentials.contains_key(&credential.name))
    }

    /// Returns the struct of a grant's body.
    pub fn body(&self, grant: &Grant<'_>, component: &str, prefix: &str, within: &mut Vec<String>) -> Code {
        let properties = self.model.properties(component).iter().filter(|property| !property.is_constant());
        let fields = properties.map(|property| {
            let value = self.field(grant, property, prefix, within);
            Code::row([Code::text(format!("{}: ", property.field)), value])
        });
        Code::braces(&format!("types::{component}"), fields.collect())
    }

    /// Returns the value of a field in the body.
    fn field(&self, grant: &Grant<'_>, property: &Property, prefix: &str, within: &mut Vec<String>) -> Code {
        let name = format!("{prefix}{}", property.label);
        if prefix.is_empty() && grant.is_token(&property.name) {
            let token = converted(self.model, &Ty::Secret, &property.ty, grant.token_variable(), true);
            return Code::text(if property.optional { format!("Some({token})") } else { token });
        }
        if is_filled_in(grant, prefix, property) {
            return Code::text("None");
        }
        let Some(inner) = nested(self.model, property, within) else {
            let value = self.owned(grant, &ident::snake(&name), &property.ty, property.optional);
            return Code::text(match (property.is_boxed, property.optional) {
                (true, true) => format!("{value}.map(Box::new)"),
                (true, false) => format!("Box::new({value})"),
                (false, _) => value,
            });
        };
        within.push(inner.to_owned());
        let prefix = format!("{name}_");
        let value = self.body(grant, inner, &prefix, within);
        let value = if property.is_boxed { Code::list("Box::new(", vec![value]) } else { value };
        let value = if property.optional { self.optional(grant, inner, &prefix, within, value) } else { value };
        within.pop();
        value
    }

    /// Returns the value of an optional object. It is sent if one of its credentials is present, or if it has constants
    /// and requires no credential.
    fn optional(
        &self,
        grant: &Grant<'_>,
        component: &str,
        prefix: &str,
        within: &mut Vec<String>,
        value: Code,
    ) -> Code {
        let value = Code::list("Some(", vec![value]);
        let mut uses = Vec::new();
        let around = prefix.strip_suffix('_').unwrap_or(prefix);
        body_uses(self.model, grant, component, &[around], true, within, &mut uses);
        let is_present = |used: &CredentialUse| self.place(grant, &used.name).is_some_and(|place| !place.optional);
        let requires_none = uses.iter().all(|used| !used.required) && has_constant(self.model, component, within);
        if requires_none || uses.iter().any(is_present) {
            return value;
        }
        let present = uses.iter().filter_map(|used| Some((&used.name, self.credentials.get(&used.name)?)));
        let present: Vec<String> =
            present.map(|(name, credential)| format!("{}.is_some()", credential.place(name))).collect();
        if present.is_empty() {
            return Code::text("None");
        }
        Code::choice(present.join(" || "), value, Code::text("None"))
    }

    /// Returns the call of a grant's operation on the variable `client`.
    pub fn call(&self, grant: &Grant<'_>) -> Code {
        let token = grant.token_variable();
        let mut inputs: Vec<Code> = client::arguments(grant.operation)
            .iter()
            .map(|Argument { param, .. }| {
                Code::text(match param {
                    None if grant.is_authorized_by_access_token(self.x_token) => "access_token".to_owned(),
                    None => match grant.bearer_credential() {
                        Some(name) => format!("&{}", self.owned(grant, &name, &Ty::Secret, false)),
                        None => token.to_owned(),
                    },
                    Some(param) if grant.is_token(&param.name) => {
                        let token = if param.ty == Ty::Secret { token.to_owned() } else { format!("{token}.expose()") };
                        if param.required { token } else { format!("Some({token})") }
                    }
                    Some(param) if !is_credential(grant, param) => "None".to_owned(),
                    Some(param) => self.argument(grant, &param.field(), param),
                })
            })
            .collect();
        if let Some(body) = grant.body {
            inputs.push(self.body(grant, body, "", &mut vec![body.to_owned()]));
        }
        let (method, end) = match (grant.kind, &grant.operation.success.ty) {
            _ if grant.keeps(self.x_token) => (grant.operation.id.clone(), ".await?"),
            (GrantKind::Login | GrantKind::Then(_) | GrantKind::Refresh, _) if grant.issues => {
                (client::outcome_name(self.model, grant.operation), ".await?")
            }
            (GrantKind::Login | GrantKind::Then(_) | GrantKind::Refresh, _) => (grant.operation.id.clone(), ".await?"),
            (GrantKind::Revoke, Some(_)) => (grant.operation.id.clone(), ".await"),
            (GrantKind::Revoke, None) if !self.gone().is_empty() => (grant.operation.id.clone(), ".await"),
            (GrantKind::Revoke, None) => (grant.operation.id.clone(), ".await?"),
        };
        Code::chain([Code::text("client"), Code::list(format!(".{method}("), inputs), Code::text(end)])
    }
}

/// Where a value of a request is.
struct Place {
    path: String,
    ty: Ty,
    optional: bool,
    is_reference: bool,
}

impl Place {
    fn of(name: &str, credential: &Credential) -> Self {
        Self {
            path: credential.place(name),
            ty: credential.ty.clone(),
            optional: credential.optional,
            is_reference: credential.is_of_alternative,
        }
    }

    fn reference(&self) -> String {
        if self.is_reference { self.path.clone() } else { format!("&{}", self.path) }
    }

    /// Returns the expression of an optional credential that this grant requires.
    fn needed(&self, name: &str) -> String {
        format!("adapter::needed({name:?}, {})?", self.reference())
    }
}
