//! Successful responses: tokens at the places that `x-token` names, and the rest as in the spec's examples.

use std::time::{Duration, SystemTime};

use serde_json::{Map, Value};

use crate::request::schema_check::agrees;
use crate::response::fill::fill;
use crate::response::message::Response;
use crate::response::{pointer, time};
use crate::spec::document::Document;
use crate::spec::operation::{MediaType, Operation, ResponseObject};
use crate::spec::schema::Schema;
use crate::spec::x_token::XToken;
use crate::spec::x_token::renewal::Lifetime;
use crate::spec::x_token::response::{AccessToken, ResponsePointers, TimeUnit, TimedPointer};

/// The lifetime of an access token if the spec doesn't say: one hour.
const ACCESS_LIFETIME: Duration = Duration::from_secs(60 * 60);

/// The lifetime of a refresh token if the spec doesn't say: 90 days, the longest of the known vendors.
const REFRESH_LIFETIME: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// An issued token, as far as a response can describe it.
#[derive(Clone, Debug)]
pub(crate) struct Issued {
    pub(crate) access_token: String,
    pub(crate) expires_at: Option<SystemTime>,
    pub(crate) refresh_token: Option<String>,
    pub(crate) refresh_expires_at: Option<SystemTime>,
    pub(crate) scope: Option<Vec<String>>,
}

/// Returns the success of an operation with other values at some places of its body. `value` returns what replaces a value.
pub(crate) fn with_values<'a>(
    document: &Document,
    operation: &Operation,
    places: impl Iterator<Item = &'a str>,
    value: &mut dyn FnMut(&str, Value) -> Option<Value>,
) -> Response {
    let response = plain(document, operation);
    let Some(schema) = schema(document, operation) else { return response };
    let Ok(mut body) = serde_json::from_slice::<Value>(&response.body) else { return response };
    for place in places {
        let old = body.pointer(place).cloned().unwrap_or_default();
        if let Some(new) = value(place, old) {
            pointer::set(document, schema, &mut body, place, new);
        }
    }
    Response { body: body.to_string().into_bytes(), ..response }
}

/// Returns the documented lifetime of an access token: that of an example, then `x-token.lifetime`. `None` means that
/// it never expires.
pub(crate) fn access_lifetime(document: &Document, token: &XToken, operation: &Operation) -> Option<Duration> {
    let example = |at: &TimedPointer| {
        let (_, media) = operation.success(document).1?.json()?;
        example_of(document, media, &at.pointer)
    };
    let never = &token.response.never;
    let is_never = |at: &TimedPointer| example(at).is_some_and(|value| means_never(at, never, value));
    if token.response.expires_in.iter().any(is_never) {
        return None;
    }
    let example = token.response.expires_in.iter().find_map(|at| length(at, example(at)?));
    match (example, token.lifetime) {
        (Some(lifetime), _) | (None, Lifetime::For(lifetime)) => Some(lifetime),
        (None, Lifetime::Unlimited) => None,
        (None, Lifetime::Unknown) => Some(ACCESS_LIFETIME),
    }
}

/// Returns the documented lifetime of a refresh token. `None` means that it never expires, because the example has no
/// expiry.
pub(crate) fn refresh_lifetime(document: &Document, token: &XToken, operation: &Operation) -> Option<Duration> {
    let media = operation.success(document).1.and_then(|response| response.json()).map(|(_, media)| media);
    let example = |at: &TimedPointer| example_of(document, media?, &at.pointer);
    let (expires_in, expires_at) = (&token.response.refresh_expires_in, &token.response.refresh_expires_at);
    let stated: Vec<_> = expires_in.iter().filter_map(|at| Some(length(at, example(at)?))).collect();
    if !stated.is_empty() {
        return stated.into_iter().flatten().min();
    }
    let names_one = |at: &TimedPointer| example(at).is_none_or(|example| is_expiry(at, example));
    expires_at.iter().all(names_one).then_some(REFRESH_LIFETIME)
}

/// Whether a number in a response means "never".
fn means_never(at: &TimedPointer, never: &[i64], value: &Value) -> bool {
    let number = value.as_i64().or_else(|| value.as_str()?.trim().parse().ok());
    number.is_some_and(|number| at.never.contains(&number) || never.contains(&number))
}

/// Returns a duration in a response. 0, -1 and the like mean none.
fn length(at: &TimedPointer, value: &Value) -> Option<Duration> {
    if let (true, Some(text)) = (at.is_in_words(), value.as_str()) {
        return time::read_words(text);
    }
    let number = value.as_u64().or_else(|| value.as_str()?.parse().ok());
    number.filter(|number| *number > 0).map(|number| at.unit.times(number))
}

/// Whether a time in a response is an expiry. 0, -1, the year 1 and dates in 1970 mean that there is none.
fn is_expiry(at: &TimedPointer, value: &Value) -> bool {
    time::read_date_time(at, value).is_some_and(|end| end.as_second() >= FIRST_EXPIRY)
}

/// 1971-01-01T00:00:00Z.
const FIRST_EXPIRY: i64 = 365 * 24 * 60 * 60;

/// Returns the expiry of a token as the response will state it, so that the vendor keeps to what it says.
pub(crate) fn expiry(
    document: &Document,
    token: &XToken,
    operation: &Operation,
    now: SystemTime,
    lifetime: Duration,
) -> SystemTime {
    let whole = |at: &TimedPointer, time: Duration| at.unit.times(u64::try_from(at.unit.of(time)).unwrap_or(u64::MAX));
    let mut end = now.checked_add(lifetime).unwrap_or(now);
    for at in &token.response.expires_in {
        end = end.min(now.checked_add(whole(at, lifetime)).unwrap_or(now));
    }
    let media = operation.success(document).1.and_then(|response| response.json());
    if let (Some(at), Some((_, media))) = (&token.response.expires_at, media) {
        let example = example_of(document, media, &at.pointer);
        let written = time::write_date_time(document, &media.schema, at, example, end);
        // A date without fractional seconds is rounded down, as a number is.
        if let Some(stated) = time::read_date_time(at, &written) {
            end = end.min(stated.into());
        }
    }
    end
}

/// Returns the response to a login or a refresh.
pub(crate) fn grant(
    document: &Document,
    token: &XToken,
    operation: &Operation,
    issued: &Issued,
    now: SystemTime,
) -> Response {
    let (status, response) = operation.success(document);
    let Some((media_type, media)) = response.and_then(|response| response.json()) else {
        return Response::empty(status);
    };
    let pointers = &token.response;
    let mut body = GrantBody::new(document, token, media);
    let first = pointers.access_token.pointers().iter().find(|at| body.schema.at(document, at).is_some());
    if let Some(at) = first {
        body.put(at, Value::from(issued.access_token.as_str()));
    }
    body.put_expiry(issued.expires_at, now);
    body.put_refresh_token(issued, now);
    body.put_scope(issued);
    if let Some(ok) = &pointers.ok {
        body.put(&ok.at, ok.is.clone());
    }
    let response = finish(document, Response::empty(status).unstored(), response, media_type, &body.value);
    match &pointers.access_token {
        AccessToken::Body(_) => response,
        AccessToken::Header(name) => response.with_header(name, &issued.access_token),
    }
}

/// The body of a response to a grant. It starts as an example, and then gets the values of the token.
struct GrantBody<'a> {
    document: &'a Document,
    pointers: &'a ResponsePointers,
    media: &'a MediaType,
    schema: &'a Schema,
    value: Value,
}

impl<'a> GrantBody<'a> {
    fn new(document: &'a Document, token: &'a XToken, media: &'a MediaType) -> Self {
        let value = base(document, token, media);
        // If there are several variants, keep that of the example.
        let kinds = media.schema.branches(document);
        let is_kind = |schema: &&Schema| agrees(document, schema, &value);
        let schema = kinds.iter().map(|kind| kind.schema).find(is_kind).unwrap_or(&media.schema);
        Self { document, pointers: &token.response, media, schema, value }
    }

    fn put(&mut self, pointer: &str, value: Value) {
        pointer::set(self.document, self.schema, &mut self.value, pointer, value);
    }

    fn example(&self, at: &TimedPointer) -> Option<&'a Value> {
        example_of(self.document, self.media, &at.pointer)
    }

    fn put_duration(&mut self, at: &TimedPointer, duration: Duration) {
        let written = time::write_duration(self.document, self.schema, at, self.example(at), duration);
        self.put(&at.pointer, written);
    }

    fn put_date_time(&mut self, at: &TimedPointer, time: SystemTime) {
        let written = time::write_date_time(self.document, self.schema, at, self.example(at), time);
        self.put(&at.pointer, written);
    }

    /// Writes when the access token expires, and when to renew it.
    fn put_expiry(&mut self, end: Option<SystemTime>, now: SystemTime) {
        let pointers = self.pointers;
        // Only some responses say when to renew a token: this one does if its example does.
        let renew_in = pointers.renew_in.as_ref().filter(|at| self.value.pointer(&at.pointer).is_some());
        for (index, at) in pointers.expires_in.iter().enumerate() {
            let example = self.example(at);
            // Of several, the first is always there, and the others as in the example.
            if index > 0 && example.is_none() {
                continue;
            }
            let Some(end) = end else {
                let never = at.never.first().or(pointers.never.first());
                let is_said = example.is_some_and(|value| means_never(at, &pointers.never, value));
                if let Some(never) = never.filter(|_| !is_said) {
                    self.put(&at.pointer, Value::from(*never));
                }
                continue;
            };
            // Next to an expiry time, which was rounded down to whole seconds, state the lifetime that the vendor started
            // from.
            let is_truncated = pointers.expires_at.is_some() && at.unit == TimeUnit::Seconds;
            let cut = if is_truncated { Duration::from_nanos(999_999_999) } else { Duration::ZERO };
            let left = end.duration_since(now).map(|left| left + cut).unwrap_or_default();
            self.put_duration(at, left);
        }
        if let (Some(at), Some(left)) = (renew_in, end.and_then(|end| end.duration_since(now).ok())) {
            self.put_duration(at, left / 2);
        }
        if let (Some(at), Some(end)) = (&pointers.expires_at, end) {
            self.put_date_time(at, end);
        }
    }

    /// Writes the refresh token and its expiry, or removes the refresh token of the example.
    fn put_refresh_token(&mut self, issued: &Issued, now: SystemTime) {
        let pointers = self.pointers;
        let Some(at) = &pointers.refresh_token else { return };
        let Some(refresh_token) = &issued.refresh_token else {
            drop_example(self.document, self.schema, &mut self.value, at);
            return;
        };
        self.put(at, Value::from(refresh_token.as_str()));
        // Without an expiry, keep the value of the example, or use 0.
        let end = issued.refresh_expires_at;
        for at in &pointers.refresh_expires_in {
            let none = self.example(at).filter(|example| end.is_none() && length(at, example).is_none());
            match none {
                Some(none) => self.put(&at.pointer, none.clone()),
                None => {
                    let left = end.and_then(|end| end.duration_since(now).ok()).unwrap_or_default();
                    self.put_duration(at, left);
                }
            }
        }
        for at in &pointers.refresh_expires_at {
            let none = self.example(at).filter(|example| end.is_none() && !is_expiry(at, example));
            match none {
                Some(none) => self.put(&at.pointer, none.clone()),
                None => self.put_date_time(at, end.unwrap_or(SystemTime::UNIX_EPOCH)),
            }
        }
    }

    fn put_scope(&mut self, issued: &Issued) {
        let (Some(at), Some(scope)) = (&self.pointers.scope, &issued.scope) else { return };
        let is_list = self.schema.at(self.document, &at.pointer).and_then(|scope| scope.items(self.document)).is_some();
        let delimiter = at.delimiter.as_deref().unwrap_or(" ");
        let scope = if is_list { Value::from(scope.clone()) } else { Value::from(scope.join(delimiter)) };
        self.put(&at.pointer, scope);
    }
}

/// Removes the refresh token of the example, unless the schema requires one.
fn drop_example(document: &Document, schema: &Schema, body: &mut Value, at: &str) {
    let Some((around, name)) = at.rsplit_once('/') else { return };
    let is_required = schema.at(document, around).is_some_and(|around| around.fields(document).requires(name));
    let around = body.pointer_mut(around).and_then(Value::as_object_mut);
    if let Some(members) = around.filter(|_| !is_required) {
        members.shift_remove(name);
    }
}

/// Returns the expiry of a token as the response to its grant states it.
pub(crate) fn stated_expiry(token: &XToken, response: &Response, now: SystemTime) -> Option<SystemTime> {
    let body: Value = serde_json::from_slice(&response.body).ok()?;
    let at = |at: &TimedPointer| body.pointer(&at.pointer);
    let lifetime = token.response.expires_in.iter().find_map(|place| length(place, at(place)?));
    let expires_in = lifetime.and_then(|lifetime| now.checked_add(lifetime));
    let expires_at = token.response.expires_at.as_ref().and_then(|place| time::read_date_time(place, at(place)?));
    [expires_in, expires_at.map(SystemTime::from)].into_iter().flatten().min()
}

/// Returns the response to an introspection: the fields of the login's response, by name, and whether the token is
/// live.
pub(crate) fn introspection(
    document: &Document,
    token: &XToken,
    login: &Operation,
    operation: &Operation,
    issued: Option<&Issued>,
    now: SystemTime,
) -> Response {
    let (status, response) = operation.success(document);
    let Some((media_type, media)) = response.and_then(|response| response.json()) else {
        return Response::empty(status);
    };
    let fields = media.schema.fields(document);
    let mut body = match issued {
        None => fill(document, &media.schema),
        Some(issued) => {
            let granted = grant(document, token, login, issued, now);
            let granted: Value = serde_json::from_slice(&granted.body).unwrap_or_default();
            let known = fields.properties.iter().filter_map(|(name, schema)| {
                let value =
                    find(&granted, name).cloned().or_else(|| fields.requires(name).then(|| fill(document, schema)));
                Some(((*name).to_owned(), value?))
            });
            Value::Object(known.collect::<Map<_, _>>())
        }
    };
    if let Some(members) = body.as_object_mut() {
        members.insert(ACTIVE.to_owned(), Value::from(issued.is_some()));
    }
    finish(document, Response::empty(status).unstored(), response, media_type, &body)
}

/// The member that makes an operation an introspection: the only one that RFC 7662, section 2.2 requires.
pub(crate) const ACTIVE: &str = "active";

/// Returns the successful response of any other operation.
pub(crate) fn plain(document: &Document, operation: &Operation) -> Response {
    let (status, response) = operation.success(document);
    let Some((media_type, media)) = response.and_then(|response| response.json()) else {
        return response
            .map_or_else(|| Response::empty(status), |r| Response::empty(status).with_headers_of(document, r));
    };
    let example = media.examples(document).map(|(_, _, value)| value.clone()).next();
    let mut body = example.unwrap_or_else(|| fill(document, &media.schema));
    let revoke = document.token.as_ref().and_then(|token| token.revoke.as_ref());
    if let Some(ok) = revoke.filter(|revoke| revoke.operation == operation.operation_id).and_then(|r| r.ok.as_ref()) {
        pointer::set(document, &media.schema, &mut body, &ok.at, ok.is.clone());
    }
    finish(document, Response::empty(status), response, media_type, &body)
}

fn finish(
    document: &Document,
    response: Response,
    documented: Option<&ResponseObject>,
    media_type: &str,
    body: &Value,
) -> Response {
    let response = response.with_json(media_type, body);
    match documented {
        Some(documented) => response.with_headers_of(document, documented),
        None => response,
    }
}

/// Returns the example that contains the most of the places that `x-token` names, or else what the schema requires.
fn base(document: &Document, token: &XToken, media: &MediaType) -> Value {
    let pointers = &token.response;
    let named = pointers.expires_in.iter().chain(&pointers.expires_at).chain(&pointers.refresh_expires_in);
    let named = named.chain(&pointers.refresh_expires_at).chain(&pointers.scope).map(|at| at.pointer.as_str());
    let named: Vec<&str> =
        named.chain(pointers.token_type.as_deref()).chain(pointers.refresh_token.as_deref()).collect();
    let has = |value: &Value, pointer: &str| value.pointer(pointer).is_some_and(|value| !value.is_null());
    let has_token = |value: &Value| match &pointers.access_token {
        AccessToken::Body(places) => places.iter().any(|at| has(value, at)),
        AccessToken::Header(_) => true,
    };
    let holding = media.examples(document).filter(|(_, _, value)| has_token(value));
    // On a tie, the first one.
    let richest = holding.fold(None, |best: Option<(usize, &Value)>, (_, _, value)| {
        let count = named.iter().filter(|pointer| has(value, pointer)).count();
        match best {
            Some((most, _)) if most >= count => best,
            _ => Some((count, value)),
        }
    });
    let mut body = richest.map_or_else(|| fill(document, &media.schema), |(_, value)| value.clone());
    let token_type = pointers.token_type.as_deref().filter(|pointer| body.pointer(pointer).is_none());
    if let Some((pointer, schema)) = token_type.and_then(|at| Some((at, media.schema.at(document, at)?))) {
        let word = schema.example(document).cloned().unwrap_or_else(|| Value::from("Bearer"));
        pointer::set(document, &media.schema, &mut body, pointer, word);
    }
    body
}

/// Returns the example at a place of a body: from the body's examples, or from the schema there.
fn example_of<'a>(document: &'a Document, media: &'a MediaType, pointer: &str) -> Option<&'a Value> {
    let of_schema = || media.schema.at(document, pointer)?.example(document).filter(|value| !value.is_null());
    example_at(document, media, pointer).or_else(of_schema)
}

fn example_at<'a>(document: &'a Document, media: &'a MediaType, pointer: &str) -> Option<&'a Value> {
    media.examples(document).find_map(|(_, _, value)| value.pointer(pointer)).filter(|value| !value.is_null())
}

/// Returns the first member with this name, at any depth.
fn find<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    match value {
        Value::Object(members) => members.get(name).or_else(|| members.values().find_map(|member| find(member, name))),
        Value::Array(items) => items.iter().find_map(|item| find(item, name)),
        _ => None,
    }
}

/// Returns the token type in responses, which is the prefix for calls if `use` names none.
pub(crate) fn token_type(document: &Document, token: &XToken, operation: &Operation) -> Option<String> {
    let pointer = token.response.token_type.as_deref()?;
    let (_, media) = operation.success(document).1?.json()?;
    base(document, token, media).pointer(pointer)?.as_str().filter(|word| !word.is_empty()).map(ToOwned::to_owned)
}

/// Returns the example of a token. Tokens are this plus a number, so they contain every kind of character that the
/// vendor's do.
pub(crate) fn token_example(document: &Document, operation: &Operation, pointer: &str) -> Option<String> {
    let (_, media) = operation.success(document).1?.json()?;
    example_at(document, media, pointer)?.as_str().map(ToOwned::to_owned)
}

/// Returns the schema of a successful response.
pub(crate) fn schema<'a>(document: &'a Document, operation: &'a Operation) -> Option<&'a Schema> {
    Some(&operation.success(document).1?.json()?.1.schema)
}
