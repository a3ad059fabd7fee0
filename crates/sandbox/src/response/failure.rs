//! Picks the failure that a vendor returns for a refusal, from those that its spec documents.
//!
//! In this order:
//!
//! 1. a 5xx example whose code is listed as permanent, if it is about the wrong credential: some vendors respond like
//!    this;
//! 2. the first documented status that fits the reason and has an example that fits: one with a fitting code, then one
//!    that mentions the field, then the only one;
//! 3. if `x-token` says that a success can be a failure, a fitting example of such a success;
//! 4. the documented status, if it has other examples or no JSON body, with a body of its schema: the required members,
//!    the best fitting code that the spec knows, and the reason as the message;
//! 5. the first example of a failure with a success status;
//! 6. the documented status without an example, or `default`, with a body of its schema;
//! 7. if no failure is documented but a success can be one, a success with the members that make it a failure;
//! 8. the best fitting status, with a body like that of the operation's other failures.
//!
//! An example is returned unchanged, with its status. An unknown path or method is an error of the server, not of the
//! vendor, so it never becomes a success.

use std::collections::BTreeSet;

use heck::ToSnakeCase;
use serde_json::Value;

use crate::refusal::{Reason, Refusal};
use crate::response::fill::fill;
use crate::response::message::Response;
use crate::response::pointer;
use crate::spec::document::Document;
use crate::spec::operation::{MediaType, Operation, ResponseObject};
use crate::spec::schema::{Kind, Schema};
use crate::spec::value::as_text;
use crate::spec::x_token::action::Action;
use crate::spec::x_token::errors::Errors;
use crate::spec::x_token::response::{ResponsePointers, SuccessMarker};

/// Returns the vendor's response to a refusal.
pub(crate) fn for_refusal(document: &Document, operation: &Operation, refusal: &Refusal) -> Response {
    let vendor = PlayedVendor::new(document, operation);
    let wanted = vendor.wanted(refusal);
    if let Some(response) = vendor.permanent_5xx(&wanted) {
        return response;
    }
    // A `default` documents every status, so it doesn't say which one is used.
    let named = || wanted.statuses.iter().copied().filter(|status| operation.documents(*status));
    let fits = |status: &u16| vendor.has_fitting_example(*status, &wanted);
    // A status without JSON can't have an example that fits better than those of the next.
    let is_plain = |status: &u16| operation.response(document, *status).is_none_or(|named| named.json().is_none());
    let named = named().find(|status| fits(status) || is_plain(status)).or_else(|| named().next());
    if let Some(status) = named.filter(fits) {
        return vendor.response(status, &wanted);
    }
    let is_servers = matches!(refusal.reason, Reason::Method | Reason::NotFound);
    let at_success = if is_servers { None } else { vendor.at_success() };
    if let Some(at) = &at_success
        && let Some(value) = vendor.fitting(at.media, &at.examples, &wanted)
    {
        return at.response(document, value);
    }
    if let Some(status) = named.filter(|status| vendor.is_shown(*status)) {
        return vendor.response(status, &wanted);
    }
    if let Some(at) = &at_success
        && let Some((_, _, value)) = at.examples.first()
    {
        return at.response(document, value);
    }
    let documented = || wanted.statuses.iter().copied().find(|status| operation.response(document, *status).is_some());
    if let Some(status) = named.or_else(documented) {
        return vendor.response(status, &wanted);
    }
    match at_success.filter(|_| !operation.documents_failures()) {
        Some(at) => at.response(document, &vendor.made_at_success(&at, &wanted)),
        None => vendor.undocumented(&wanted),
    }
}

/// Returns the vendor's 401, which the operation must document.
pub(crate) fn unauthorized(document: &Document, operation: &Operation, refusal: &Refusal) -> Response {
    let vendor = PlayedVendor::new(document, operation);
    vendor.response(401, &vendor.wanted(refusal))
}

/// Returns the vendor's response with a status that isn't caused by the request.
pub(crate) fn at_status(document: &Document, operation: &Operation, status: u16) -> Response {
    let vendor = PlayedVendor::new(document, operation);
    let codes = vec![status.to_string()];
    let wanted = Wanted { statuses: vec![status], codes, names: vec![], is_missing: false, why: "a fault" };
    vendor.response(status, &wanted)
}

struct PlayedVendor<'a> {
    document: &'a Document,
    operation: &'a Operation,
    errors: Option<&'a Errors>,
}

/// A success of an operation that can be a failure.
struct AtSuccess<'a> {
    status: u16,
    response: &'a ResponseObject,
    media_type: &'a str,
    media: &'a MediaType,
    /// The examples that are failures.
    examples: Vec<Example<'a>>,
}

impl AtSuccess<'_> {
    fn response(&self, document: &Document, body: &Value) -> Response {
        Response::empty(self.status).with_json(self.media_type, body).with_headers_of(document, self.response)
    }
}

/// An example: its name, summary and value.
type Example<'a> = (&'a str, &'a str, &'a Value);

/// What the response to a refusal should contain, best first.
struct Wanted<'a> {
    statuses: Vec<u16>,
    codes: Vec<String>,
    /// Names that an example may mention, in snake case.
    names: Vec<String>,
    /// Whether something required is missing.
    is_missing: bool,
    why: &'a str,
}

impl<'a> PlayedVendor<'a> {
    fn new(document: &'a Document, operation: &'a Operation) -> Self {
        Self { document, operation, errors: document.token.as_ref().map(|token| &token.errors) }
    }

    fn wanted<'b>(&self, refusal: &'b Refusal) -> Wanted<'b> {
        // For a nested field, its own name; for an item, the name of its list.
        let is_name = |part: &&str| *part != "*" && part.parse::<usize>().is_err();
        let field = refusal.field.rsplit('.').find(is_name).unwrap_or_default().to_snake_case();
        let own = [format!("invalid_{field}"), format!("unsupported_{field}")];
        let relogin = || self.errors.into_iter().flat_map(|errors| &errors.relogin).map(as_text);
        let transient = || self.errors.into_iter().flat_map(|errors| &errors.transient).map(as_text);
        let texts = |codes: &[&str]| codes.iter().map(|code| (*code).to_owned()).collect::<Vec<_>>();
        let (statuses, codes): (&[u16], Vec<String>) = match refusal.reason {
            Reason::Method => (&[405], vec![]),
            // The operation has this method, so a documented 405 must be about something else: the media type.
            Reason::ContentType => (&[415, 405, 400, 422], texts(&["unsupported_media_type", "invalid_request"])),
            Reason::Malformed => (&[400, 422], texts(&["invalid_request"])),
            Reason::Missing => (&[400, 422], texts(&MISSING).into_iter().chain(texts(&["invalid_request"])).collect()),
            Reason::Invalid => (&[400, 422], own.into_iter().chain(texts(&["invalid_request"])).collect()),
            Reason::Unauthorized => (&[401, 403, 400], texts(&["invalid_client", "unauthorized"])),
            Reason::Credential => {
                let [own, _] = own;
                (&[401, 403, 400], [vec![own], texts(&["invalid_client", "unauthorized"])].concat())
            }
            Reason::NotFound => (&[404, 400], texts(&["not_found"])),
            Reason::RefreshToken => {
                // A refresh token in a header is treated like an access token.
                let statuses: &[u16] =
                    if refusal.field == "authorization" { &[401, 403, 400] } else { &[400, 401, 403] };
                (statuses, relogin().chain(texts(&["invalid_grant", "invalid_refresh_token"])).collect())
            }
            Reason::AccessToken => (&[401, 403], texts(&["invalid_token", "unauthorized"])),
            Reason::UnknownToken => (&[404], texts(&["not_found", "invalid_token"])),
            Reason::TooManyTokens => (&[403, 409, 429, 400], texts(&["too_many_tokens"])),
            Reason::TooManyGrants => (&[429, 403, 400], transient().chain(texts(&["too_many_requests"])).collect()),
        };
        let is_missing = refusal.reason == Reason::Missing;
        let mut names = match refusal.reason {
            Reason::Missing | Reason::Invalid => vec![field],
            // A wrong `app_id` or `app_secret` means that the app is wrong.
            Reason::Credential | Reason::Unauthorized => {
                vec![field.split('_').next().unwrap_or_default().to_owned(), field]
            }
            _ => Vec::new(),
        };
        // A single letter, as in `X-App-Id`, isn't a useful name.
        names.retain(|name| name.len() > 1);
        names.extend(is_missing.then(|| "missing".to_owned()));
        Wanted { statuses: statuses.to_vec(), codes, names, is_missing, why: &refusal.why }
    }

    fn permanent_5xx(&self, wanted: &Wanted<'_>) -> Option<Response> {
        let is_about_credentials = wanted.statuses.first() == Some(&401);
        let permanent = &self.errors?.permanent;
        let statuses = self.operation.responses.iter().filter(|(status, _)| status.starts_with('5'));
        statuses.filter(|_| is_about_credentials).find_map(|(status, documented)| {
            let documented = self.document.response(documented);
            let (media_type, media) = documented.json()?;
            let is_permanent = |value: &Value| {
                self.code(value).is_some_and(|code| permanent.iter().any(|known| as_text(known) == code))
            };
            let (_, _, value) = media
                .examples(self.document)
                .find(|(name, summary, value)| is_permanent(value) && speaks_of(&wanted.names, name, summary))?;
            let response = Response::empty(status.parse().unwrap_or(500)).with_json(media_type, value);
            Some(response.with_headers_of(self.document, documented))
        })
    }

    /// Returns the response with a status that the operation documents.
    fn response(&self, status: u16, wanted: &Wanted<'_>) -> Response {
        let Some(documented) = self.operation.response(self.document, status) else { return Response::empty(status) };
        let response = match documented.json() {
            Some((media_type, media)) => {
                Response::empty(status).with_json(media_type, &self.body(status, media, wanted))
            }
            None => text(self.document, status, documented),
        };
        response.with_headers_of(self.document, documented)
    }

    fn body(&self, status: u16, media: &MediaType, wanted: &Wanted<'_>) -> Value {
        self.example(status, media, wanted).cloned().unwrap_or_else(|| self.made(status, media, wanted))
    }

    /// Returns the example of a status that fits.
    fn example<'b>(&'b self, status: u16, media: &'b MediaType, wanted: &Wanted<'_>) -> Option<&'b Value> {
        let examples: Vec<Example<'b>> = media.examples(self.document).collect();
        // A single example fits unless it has a code other than the status: that may mean something else.
        let only = || {
            let (_, _, value) = examples.first().filter(|_| examples.len() == 1)?;
            let is_plain = self.code(value).is_none_or(|code| code == status.to_string());
            (is_plain && self.fitting_code(media, &examples, wanted).is_none()).then_some(*value)
        };
        self.fitting(media, &examples, wanted).or_else(only)
    }

    /// Returns the example with a fitting code, or the one that mentions the field.
    fn fitting<'b>(&self, media: &MediaType, examples: &[Example<'b>], wanted: &Wanted<'_>) -> Option<&'b Value> {
        let speaks = |(name, summary, _): &&Example<'_>| speaks_of(&wanted.names, name, summary);
        let found = match self.fitting_code(media, examples, wanted) {
            // A code that the spec lists is more reliable than an example that happens to mention the field.
            Some(code) => examples.iter().find(|(_, _, value)| self.code(value).as_ref() == Some(code)),
            None => examples.iter().filter(speaks).find(|(_, _, value)| self.is_of_reason(value, wanted)),
        };
        found.map(|(_, _, value)| *value)
    }

    fn has_fitting_example(&self, status: u16, wanted: &Wanted<'_>) -> bool {
        let media = self.operation.response(self.document, status).and_then(ResponseObject::json);
        media.is_some_and(|(_, media)| self.example(status, media, wanted).is_some())
    }

    /// Whether a status has an example, or no JSON body that could have one.
    fn is_shown(&self, status: u16) -> bool {
        let media = self.operation.response(self.document, status).and_then(ResponseObject::json);
        media.is_none_or(|(_, media)| media.examples(self.document).next().is_some())
    }

    /// A wrong value isn't a missing one, even if an example of a missing value mentions the same field.
    fn is_of_reason(&self, value: &Value, wanted: &Wanted<'_>) -> bool {
        wanted.is_missing || self.code(value).is_none_or(|code| !MISSING.contains(&code.as_str()))
    }

    /// Returns the best fitting code that the spec lists.
    fn fitting_code<'b>(
        &self,
        media: &MediaType,
        examples: &[Example<'_>],
        wanted: &'b Wanted<'_>,
    ) -> Option<&'b String> {
        let place = self.errors?.code.iter().find_map(|at| media.schema.at(self.document, at))?;
        let listed = place.values(self.document);
        let known = self.known_codes();
        let has_example = |code: &String| examples.iter().any(|(_, _, value)| self.code(value).as_ref() == Some(code));
        let is_known = |code: &&String| match listed {
            Some(listed) => listed.iter().any(|value| as_text(value) == **code) || has_example(code),
            None => known.contains(*code),
        };
        wanted.codes.iter().find(is_known)
    }

    /// Builds a body of the schema, with the fitting code and the reason.
    fn made(&self, status: u16, media: &MediaType, wanted: &Wanted<'_>) -> Value {
        let schema = &media.schema;
        let mut body = fill(self.document, schema);
        let Some(errors) = self.errors else { return body };
        let mut put = |at: &str, value: Value| pointer::set(self.document, schema, &mut body, at, value);
        let code = errors.code.iter().find_map(|at| Some((at, schema.at(self.document, at)?)));
        let message = errors.message.iter().find_map(|at| Some((at, schema.at(self.document, at)?)));
        if let Some((at, place)) = code {
            let is_message = message.is_some_and(|(message, _)| message == at);
            let made = self.made_code(status, media, place, wanted);
            if let Some(code) = made.or_else(|| is_message.then(|| fill(self.document, place))) {
                put(at, code);
            }
        }
        // A member that is a code, contains one or is inside one isn't prose.
        let is_of_code = |at: &str| {
            let is_in = |inner: &str, outer: &str| inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with('/'));
            errors.code.iter().any(|code| code == at || is_in(code, at) || is_in(at, code))
        };
        let is_prose = |place: &Schema| {
            place.values(self.document).is_none() && matches!(place.kind(self.document), None | Some(Kind::String))
        };
        if let Some((at, _)) = message.filter(|(at, place)| !is_of_code(at) && is_prose(place)) {
            put(at, Value::from(wanted.why));
        }
        // Members that repeat the status. The code may be one, if no better code was found.
        let fields = schema.fields(self.document);
        let members = fields.properties.keys().map(|name| format!("/{}", name.replace('~', "~0").replace('/', "~1")));
        let members = members.filter(|at| !errors.code.contains(at));
        let has_code = self.fitting_code(media, &self.examples(media), wanted).is_some();
        let codes = errors.code.iter().filter(|_| !has_code).cloned();
        for at in members.chain(codes).filter(|at| status >= 400 && self.repeats_status(at)) {
            pointer::set(self.document, schema, &mut body, &at, Value::from(status));
        }
        if let (_, Some(ok)) = self.marks()
            && body.pointer(&ok.at) == Some(&ok.is)
        {
            let other = match &ok.is {
                Value::Bool(is) => Value::from(!is),
                Value::Number(_) => Value::from(-1),
                _ => Value::from("failed"),
            };
            pointer::set(self.document, schema, &mut body, &ok.at, other);
        }
        body
    }

    /// Returns the code of a built body: the one that fits, then the status if this vendor uses it as a code, then the
    /// first that the schema lists.
    fn made_code(&self, status: u16, media: &MediaType, place: &Schema, wanted: &Wanted<'_>) -> Option<Value> {
        let plain = status.to_string();
        let listed = place.values(self.document);
        let examples = self.examples(media);
        let is_listed = listed.is_some_and(|listed| listed.iter().any(|value| as_text(value) == plain));
        let is_used = examples.iter().any(|(_, _, value)| self.code(value).as_ref() == Some(&plain));
        let found = self.fitting_code(media, &examples, wanted).cloned();
        let found = found.or_else(|| (is_listed || is_used).then(|| plain.clone()));
        let code = found.or_else(|| listed?.first().map(as_text))?;
        let is_number = place.kind(self.document) != Some(Kind::String);
        let number = code.parse::<i64>().ok().filter(|_| is_number);
        Some(number.map_or(Value::from(code), Value::from))
    }

    fn examples<'b>(&'b self, media: &'b MediaType) -> Vec<Example<'b>> {
        media.examples(self.document).collect()
    }

    /// Whether a member equals the status in every example of the operation's failures.
    fn repeats_status(&self, at: &str) -> bool {
        let statuses = self.operation.responses.iter().filter_map(|(status, response)| {
            let media = self.document.response(response).json()?.1;
            Some((status.parse::<u16>().ok().filter(|status| *status >= 400)?, media))
        });
        let values = statuses.flat_map(|(status, media)| {
            media.examples(self.document).filter_map(move |(_, _, value)| Some((status, value.pointer(at)?)))
        });
        let mut values = values.peekable();
        values.peek().is_some() && values.all(|(status, value)| *value == status)
    }

    /// Returns the response pointers if the operation is a grant.
    fn grant(&self) -> Option<&'a ResponsePointers> {
        let token = self.document.token.as_ref()?;
        let is = |action: &&Action| action.operation == self.operation.operation_id;
        [&token.login, &token.refresh].into_iter().flatten().find(is).map(|_| &token.response)
    }

    /// Returns the members that mark a response of the operation as failed: `error` and `ok`.
    fn marks(&self) -> (Option<&'a str>, Option<&'a SuccessMarker>) {
        if let Some(response) = self.grant() {
            return (response.error.as_deref(), response.ok.as_ref());
        }
        let revoke = self.document.token.as_ref().and_then(|token| token.revoke.as_ref());
        let revoke = revoke.filter(|revoke| revoke.operation == self.operation.operation_id);
        revoke.map_or((None, None), |revoke| (revoke.error.as_deref(), revoke.ok.as_ref()))
    }

    /// Returns the success of this operation if `x-token` says that it can be a failure.
    fn at_success(&self) -> Option<AtSuccess<'a>> {
        let (error, ok) = self.marks();
        if error.is_none() && ok.is_none() {
            return None;
        }
        let token_at = self.grant().map(|response| response.access_token.pointers()).unwrap_or_default();
        let (status, response) = self.operation.success(self.document);
        let (response, (media_type, media)) = (response?, response?.json()?);
        let is_failure = |value: &Value| {
            let is_error = error.and_then(|at| value.pointer(at)).is_some_and(|error| !is_empty(error));
            let is_not_ok = ok.is_some_and(|ok| value.pointer(&ok.at) != Some(&ok.is));
            let has_token = token_at.iter().filter_map(|at| value.pointer(at)).any(|token| !token.is_null());
            (is_error || is_not_ok) && !has_token
        };
        let examples = media.examples(self.document).filter(|(_, _, value)| is_failure(value)).collect();
        Some(AtSuccess { status, response, media_type, media, examples })
    }

    /// Builds a success that is a failure, if there is no example.
    fn made_at_success(&self, at: &AtSuccess<'_>, wanted: &Wanted<'_>) -> Value {
        let schema = &at.media.schema;
        let mut body = self.made(at.status, at.media, wanted);
        if let (Some(at), _) = self.marks()
            && body.pointer(at).is_none_or(is_empty)
        {
            let error = schema.at(self.document, at).map(|schema| fill(self.document, schema));
            let error = error.filter(|error| !is_empty(error)).unwrap_or_else(|| Value::from("error"));
            pointer::set(self.document, schema, &mut body, at, error);
        }
        body
    }

    fn undocumented(&self, wanted: &Wanted<'_>) -> Response {
        let status = wanted.statuses.first().copied().unwrap_or(400);
        let failures = self.operation.responses.iter().filter(|(status, _)| !status.starts_with('2'));
        let shape = failures.map(|(_, response)| self.document.response(response)).find_map(|response| response.json());
        match shape {
            // A 405 comes from the server, not from the vendor.
            Some((media_type, media)) if status != 405 => {
                let mut body = self.made(status, media, wanted);
                self.correct_status(&mut body, media, status);
                Response::empty(status).with_json(media_type, &body)
            }
            _ => Response::empty(status),
        }
    }

    /// If the code is the status in examples with another status, it is this status here.
    fn correct_status(&self, body: &mut Value, media: &MediaType, status: u16) {
        let Some(errors) = self.errors else { return };
        for at in &errors.code {
            let is_status = |value: &Value| value.as_u64().is_some_and(|number| (400..600).contains(&number));
            if media.examples(self.document).any(|(_, _, value)| value.pointer(at).is_some_and(is_status))
                && body.pointer(at).is_none()
                && let Some((parent, name)) = at.rsplit_once('/')
                && let Some(members) = body.pointer_mut(parent).and_then(Value::as_object_mut)
            {
                members.insert(name.to_owned(), Value::from(status));
            }
        }
    }

    /// Returns the vendor's code in a body.
    fn code(&self, body: &Value) -> Option<String> {
        let found = self.errors?.code.iter().find_map(|at| body.pointer(at).filter(|v| v.is_string() || v.is_number()));
        found.map(as_text)
    }

    /// Returns every code that the spec lists or has in an example.
    fn known_codes(&self) -> BTreeSet<String> {
        let Some(errors) = self.errors else { return BTreeSet::new() };
        let listed = errors.permanent.iter().chain(&errors.relogin).chain(&errors.transient).map(as_text);
        let operations = self.document.operations().flat_map(|(_, _, _, operation)| operation.responses.values());
        let bodies = operations.flat_map(|response| self.document.response(response).content.values());
        let examples = bodies.flat_map(|media| media.examples(self.document).map(|(_, _, value)| value));
        listed.chain(examples.filter_map(|value| self.code(value))).collect()
    }
}

/// Returns a response without JSON: the example if there is one.
fn text(document: &Document, status: u16, documented: &ResponseObject) -> Response {
    let example = documented.content.iter().find_map(|(media_type, media)| {
        let (_, _, value) = media.examples(document).next()?;
        Some((media_type, as_text(value)))
    });
    match (example, documented.content.keys().next()) {
        (Some((media_type, body)), _) => Response::empty(status).with_body(media_type, body.into_bytes()),
        (None, Some(media_type)) => {
            Response::empty(status).with_body(media_type, format!("<html><body>{status}</body></html>").into_bytes())
        }
        (None, None) => Response::empty(status),
    }
}

/// Whether a value says that there is no error.
fn is_empty(error: &Value) -> bool {
    match error {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Bool(true) | Value::Number(_) => false,
    }
}

/// The codes for a missing value.
const MISSING: [&str; 3] = ["missing_parameters", "missing_parameter", "missing"];

/// Whether the name or the summary of an example contains one of the names as whole words.
fn speaks_of(names: &[String], name: &str, summary: &str) -> bool {
    let joined = |text: &str| {
        let text = text.to_lowercase();
        let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
        words.fold("_".to_owned(), |joined, word| joined + word + "_")
    };
    let spoken = [joined(name), joined(summary)];
    names.iter().any(|name| spoken.iter().any(|text| text.contains(&joined(name))))
}
