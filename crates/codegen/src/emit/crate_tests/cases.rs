//! What the tests of an operation send and what its vendor returns: the examples of the spec, and invented ones where
//! it has none.

use serde_json::Value;

use crate::emit::errors;
use crate::emit::examples;
use crate::emit::token_response;
use crate::emit::token_response::Fields;
use crate::ident;
use crate::lower::model::{Model, Operation, Response, Ty, Variant};
use crate::read::x_token::response::AccessToken;
use crate::read::x_token::values::Pointer;

/// An operation with its test cases.
pub struct Tested<'a> {
    pub operation: &'a Operation,
    pub requests: Vec<Request>,
    pub responses: Vec<Returned<'a>>,
}

/// A request that a test sends.
pub struct Request {
    /// The name of its snapshot.
    pub name: String,
    pub body: Option<Value>,
}

/// A response that the vendor returns in a test.
pub struct Returned<'a> {
    /// The name of its snapshot.
    pub name: String,
    pub response: &'a Response,
    pub body: Option<Value>,
}

impl<'a> Tested<'a> {
    pub fn new(model: &Model, operation: &'a Operation) -> Self {
        // The responses to a variant are those of its operation.
        if operation.variant_of.is_some() {
            return Self { operation, requests: requests(model, operation), responses: Vec::new() };
        }
        let responses = std::iter::once(&operation.success).chain(&operation.errors);
        let responses = responses.flat_map(|response| returned(model, operation, response)).collect();
        Self { operation, requests: requests(model, operation), responses }
    }

    /// Returns the body of a success: the first example that is one, or an invented one. An example at 2xx can be a
    /// failure.
    pub fn success(&self, model: &Model) -> Option<Value> {
        let ty = self.operation.success.ty.as_ref()?;
        let of_success = self.responses.iter().filter(|of| of.response.status == self.operation.success.status);
        let mut bodies = of_success.filter_map(|of| of.body.as_ref());
        let found = bodies.find(|body| is_success(model, self.operation, body)).cloned();
        Some(found.unwrap_or_else(|| sample_success(model, self.operation, ty)))
    }
}

/// Returns every example of the request, and one for every variant that has none.
fn requests(model: &Model, operation: &Operation) -> Vec<Request> {
    let Some(body) = &operation.body else { return vec![Request { name: operation.id.clone(), body: None }] };
    let named = |name: &str, value: Value| Request { name: format!("{}.{name}", operation.id), body: Some(value) };
    let examples = body.examples.iter();
    let mut requests: Vec<Request> = examples.map(|example| named(&example.name, example.value.clone())).collect();
    let sent = bodies_of_variant(model, operation);
    let is_sent = |branch: &str| sent.as_ref().is_none_or(|sent| sent.iter().any(|sent| sent == branch));
    requests.retain(|request| {
        request.body.as_ref().is_none_or(|value| is_sent(examples::branch(model, &body.component, value)))
    });
    for branch in model.branches(&body.component).into_iter().filter(|branch| is_sent(branch)) {
        let is_of_branch = |value| examples::branch(model, &body.component, value) == branch;
        if !body.examples.iter().any(|example| is_of_branch(&example.value)) {
            let is_taken = |name: &str| body.examples.iter().any(|example| example.name == name);
            let name = ident::unique(&ident::snake(branch), is_taken);
            requests.push(named(&name, examples::sample(model, &Ty::Ref(branch.to_owned()), branch)));
        }
    }
    requests
}

/// Returns the bodies that are sent with the alternative of `one-of` of a variant; none if that is any.
fn bodies_of_variant(model: &Model, operation: &Operation) -> Option<Vec<String>> {
    let Variant { operation, alternative } = operation.variant_of.as_ref()?;
    let x_token = model.x_token.as_ref()?;
    let actions = [
        x_token.login.as_ref().map(|login| (&login.operation, login.parts())),
        x_token.refresh.as_ref().map(|refresh| (&refresh.operation, refresh.parts())),
        x_token.revoke.as_ref().map(|revoke| (&revoke.operation, revoke.parts())),
    ];
    let of_operation = actions.into_iter().flatten().filter(|(id, _)| ident::snake(id) == *operation);
    let forms = of_operation.flat_map(|(_, parts)| x_token.forms(parts));
    let forms = forms.filter(|form| form.alternative == Some(alternative));
    forms.map(|form| form.body.map(ident::pascal)).collect()
}

/// Returns the body of the request that represents an operation: the first one, or for the login the first one of the
/// variant that logs in.
pub fn request_example(model: &Model, operation: &Operation) -> Option<Value> {
    let login = model.x_token.as_ref().and_then(|x_token| Some((x_token, x_token.login.as_ref()?)));
    let login = login.filter(|(_, login)| ident::snake(&login.operation) == operation.base());
    let form = login.and_then(|(x_token, login)| x_token.forms(login.parts()).into_iter().next());
    let variant = form.and_then(|form| form.body).map(ident::pascal);
    let fits = |request: &Request| match (&variant, &operation.body, &request.body) {
        (Some(variant), Some(of), Some(body)) => examples::branch(model, &of.component, body) == variant,
        _ => true,
    };
    let mut requests = requests(model, operation);
    let index = requests.iter().position(fits).unwrap_or_default();
    if requests.is_empty() { None } else { requests.swap_remove(index).body }
}

/// Returns every example of a response, or one invented response where the spec has none.
fn returned<'a>(model: &Model, operation: &Operation, response: &'a Response) -> Vec<Returned<'a>> {
    let name = format!("{}.{}", operation.id, response.status.label());
    if response.examples.is_empty() {
        let is_success = response.status == operation.success.status;
        let sample = |ty: &Ty| {
            if is_success { sample_success(model, operation, ty) } else { examples::sample(model, ty, NAME) }
        };
        return vec![Returned { name, response, body: response.ty.as_ref().map(sample) }];
    }
    let named = response.examples.iter().map(|example| (format!("{name}.{}", example.name), example.value.clone()));
    named.map(|(name, body)| Returned { name, response, body: Some(body) }).collect()
}

/// What an invented body is named after.
pub const NAME: &str = "response";

/// Whether a body has everything that makes it a success.
fn is_success(model: &Model, operation: &Operation, body: &Value) -> bool {
    let response = model.x_token.as_ref().map(|x_token| &x_token.response);
    let fields = response.filter(|_| model.returns_token(operation)).and_then(token_response::fields);
    let has_token = |fields: Fields<'_>| fields.read(&body.to_string()).is_some_and(|read| read.tokens.is_some());
    let (error, ok) = model.failure_marks(operation);
    !body.is_null() && fields.is_none_or(has_token) && !token_response::is_failure(error, ok, body)
}

/// Returns an invented body with everything that makes it a success: its token, its `ok`, and no `error`.
fn sample_success(model: &Model, operation: &Operation, ty: &Ty) -> Value {
    let mut value = examples::sample(model, ty, NAME);
    let token = model.x_token.as_ref().filter(|_| model.returns_token(operation));
    let pointers = token.and_then(|x_token| x_token.response.access_token.as_ref()).map(AccessToken::pointers);
    if let Some(pointer) = pointers.and_then(<[Pointer]>::first) {
        value = examples::with_member(model, ty, NAME, value, &pointer.segments(), None);
    }
    let (error, ok) = model.failure_marks(operation);
    if let Some(ok) = ok {
        let wanted = errors::scalar_json(&ok.is);
        value = examples::with_member(model, ty, NAME, value, &ok.at.segments(), Some(&wanted));
    }
    // A required `error` is present in a success too, with an empty value.
    if let Some(found) = error.and_then(|pointer| value.pointer_mut(pointer.as_str())) {
        *found = match found {
            Value::String(_) => "".into(),
            Value::Bool(_) => false.into(),
            Value::Array(_) => Value::Array(Vec::new()),
            _ => Value::Null,
        };
    }
    value
}
