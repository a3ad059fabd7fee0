//! The operations: their parameters, bodies, responses and security.

use std::collections::HashSet;

use indexmap::IndexMap;
use serde_json::Value;

use crate::ident;
use crate::lower::descriptions::{constraints, documented, joined, label, object, plain, text};
use crate::lower::model::{
    Body, Component, Example, Operation, Param, Part, Place, Response, Scheme, SchemeKind, Server, Shape, Status, Ty,
    Variant,
};
use crate::lower::schemas::Lowering;
use crate::lower::servers::servers;
use crate::read::media_type::is_json;
use crate::read::spec;
use crate::read::spec::delimiter;
use crate::read::x_token::usage::Use;
use crate::read::x_token::{Basic, XToken};

const METHODS: [&str; 7] = ["get", "put", "post", "delete", "options", "head", "patch"];

/// What `x-token` says about the operations that log in, refresh and revoke.
#[derive(Default)]
pub struct Actions {
    requests: Vec<Request>,
    /// Which schemes have the form of HTTP Basic.
    basic: Basic,
    /// The login, and a refresh with its token elsewhere. Their bearer schemes send credentials.
    without_token: Vec<String>,
    /// A refresh and a revocation whose bearer schemes send the token.
    with_token: Vec<String>,
    /// Which schemes send the token.
    usage: Use,
}

/// A request of an action, as far as its operation depends on it.
struct Request {
    operation: String,
    /// The alternative of `one-of`.
    alternative: Option<String>,
    /// The alternative of `security`.
    security: Option<String>,
    /// The parameters for a token, or for values of another response.
    filled: Vec<String>,
}

impl Actions {
    pub fn of(x_token: Option<&XToken>) -> Self {
        let Some(x_token) = x_token else { return Self::default() };
        let mut this = Self { usage: x_token.use_.clone(), basic: x_token.basic.clone(), ..Self::default() };
        let mut add = |operation: &String, parts, filled: Vec<String>| {
            this.requests.extend(x_token.forms(parts).into_iter().map(|form| Request {
                operation: operation.clone(),
                alternative: form.alternative.map(str::to_owned),
                security: form.security.map(str::to_owned),
                filled: filled.clone(),
            }));
        };
        if let Some(login) = &x_token.login {
            add(&login.operation, login.parts(), Vec::new());
            for then in &login.then {
                add(&then.operation, then.parts(), then.from.0.keys().cloned().collect());
            }
        }
        if let Some(refresh) = &x_token.refresh {
            add(&refresh.operation, refresh.parts(), refresh.token.iter().cloned().collect());
        }
        if let Some(revoke) = &x_token.revoke {
            add(&revoke.operation, revoke.parts(), revoke.token.iter().cloned().collect());
        }
        if let Some(login) = &x_token.login {
            this.without_token.push(login.operation.clone());
            this.without_token.extend(login.then.iter().map(|then| then.operation.clone()));
        }
        if let Some(refresh) = &x_token.refresh {
            let place = if refresh.token.is_some() { &mut this.without_token } else { &mut this.with_token };
            place.push(refresh.operation.clone());
        }
        if let Some(revoke) = &x_token.revoke {
            this.with_token.extend(revoke.token.is_none().then(|| revoke.operation.clone()));
        }
        this
    }

    /// Returns the alternatives of `one-of` that an operation has, each with its security alternative: a single one without a
    /// name if there are no others.
    fn securities(&self, operation: &str) -> IndexMap<Option<&str>, Option<&str>> {
        let mut found = IndexMap::new();
        for request in self.requests.iter().filter(|request| request.operation == operation) {
            let security = found.entry(request.alternative.as_deref()).or_insert(None);
            *security = security.or(request.security.as_deref());
        }
        found
    }

    /// Returns the name of the security alternative of an operation; with `one-of`, that of the first alternative.
    fn security(&self, operation: &str) -> Option<&str> {
        self.securities(operation).into_values().next().flatten()
    }

    /// Whether a path parameter is a setting of the endpoint. Those of actions are, except for a token.
    pub fn is_setting(&self, operation: &str, parameter: &str) -> bool {
        let mut of_operation = self.requests.iter().filter(|request| request.operation == operation).peekable();
        let is_filled = |request: &Request| request.filled.iter().any(|filled| filled == parameter);
        of_operation.peek().is_some() && !of_operation.any(is_filled)
    }
}

impl<'a> Lowering<'a> {
    /// Returns the operations of all paths.
    pub fn operations(&mut self, actions: &Actions) -> Vec<Operation> {
        let paths = object(&self.root["paths"]);
        let mut operations = Vec::new();
        for (path, item) in paths {
            for method in METHODS {
                if let Some(operation) = item.get(method) {
                    let lowered = self.operation(path, item, method, operation, actions);
                    let others = self.with_other_credentials(&lowered, operation, actions);
                    operations.push(lowered);
                    operations.extend(others);
                }
            }
        }
        operations
    }

    fn operation(
        &mut self,
        path: &str,
        item: &'a Value,
        method: &str,
        operation: &'a Value,
        actions: &Actions,
    ) -> Operation {
        let operation_id = text(&operation["operationId"]);
        let type_name = ident::pascal(&operation_id);
        let params = self.params(item, operation, &operation_id, &type_name, actions);
        let body = self.body(&operation["requestBody"], &type_name);
        let mut successes = Vec::new();
        let mut errors = Vec::new();
        for (status, response) in object(&operation["responses"]) {
            let Some(status) = parse_status(status) else { continue };
            let is_success = matches!(status, Status::Code(200..=299) | Status::Range(2));
            let response = self.response(status, response, &type_name, is_success);
            if is_success { successes.push(response) } else { errors.push(response) }
        }
        errors.sort_by_key(|response| match response.status {
            Status::Code(code) => (0, code),
            Status::Range(class) => (1, class),
            Status::Default => (2, 0),
        });
        let several = successes.len() > 1;
        let mut success = successes.into_iter().next().unwrap_or(Response {
            status: Status::Code(200),
            description: String::new(),
            media_type: None,
            ty: None,
            examples: Vec::new(),
            headers: Vec::new(),
        });
        // Lint has checked that they have the same schema.
        if several {
            success.status = Status::Range(2);
        }
        Operation {
            id: ident::snake(&operation_id),
            variant_of: None,
            method: method.to_uppercase(),
            path: path.to_owned(),
            summary: text(&operation["summary"]),
            description: documented(operation),
            params,
            body,
            success,
            errors,
            security: self.security(operation, &operation_id, actions.security(&operation_id), actions),
            order: order(operation),
            servers: self.servers_of(operation),
        }
    }

    /// Returns the variants of an operation: one for each alternative of `one-of` with other schemes than the first.
    fn with_other_credentials(&self, first: &Operation, operation: &'a Value, actions: &Actions) -> Vec<Operation> {
        let id = text(&operation["operationId"]);
        let securities = actions.securities(&id).into_iter().filter_map(|(name, security)| Some((name?, security)));
        let others = securities.filter_map(|(name, named)| {
            let security = self.security(operation, &id, named, actions);
            let variant = Operation {
                id: format!("{}_with_{}", first.id.trim_end_matches('_'), ident::snake(name)),
                variant_of: Some(Variant { operation: first.id.clone(), alternative: name.to_owned() }),
                security,
                ..first.clone()
            };
            (variant.security != first.security).then_some(variant)
        });
        others.collect()
    }

    /// Returns the servers of an operation on another host, one for each server of the document with such an operation.
    fn servers_of(&self, operation: &Value) -> Vec<Server> {
        let own = &operation["servers"];
        // Without a name, a server is for all servers of the document.
        let is_for_all = own.as_array().is_some_and(|own| matches!(&own[..], [only] if only["x-name"].is_null()));
        let own = servers(own);
        if !is_for_all {
            return own;
        }
        let names = servers(&self.root["servers"]).into_iter().map(|server| server.name);
        names.flat_map(|name| own.iter().map(move |own| Server { name: name.clone(), ..own.clone() })).collect()
    }

    fn params(
        &mut self,
        item: &'a Value,
        operation: &'a Value,
        operation_id: &str,
        type_name: &str,
        actions: &Actions,
    ) -> Vec<Param> {
        // A parameter of the operation replaces one of the path.
        let mut found: IndexMap<(String, String), (String, &'a Value)> = IndexMap::new();
        for list in [&item["parameters"], &operation["parameters"]] {
            for parameter in list.as_array().into_iter().flatten() {
                let parameter = self.resolve(parameter);
                let (place, name) = (text(&parameter["in"]), text(&parameter["name"]));
                // Header names are case-insensitive.
                let key = if place == "header" { name.to_ascii_lowercase() } else { name.clone() };
                found.insert((place, key), (name, parameter));
            }
        }
        let mut params = Vec::new();
        for ((place, _), (name, parameter)) in found {
            let place = match place.as_str() {
                "path" => Place::Path,
                "query" => Place::Query,
                "header" => Place::Header,
                _ => continue,
            };
            let (schema, label) = (&parameter["schema"], label(parameter, &name));
            let ty = self.ty(schema, &format!("{type_name}{}", ident::pascal(&label)));
            let ty = match (ty, delimiter(parameter)) {
                (Ty::List(item), Some(delimiter)) => Ty::Delimited(delimiter, item),
                (ty, _) => ty,
            };
            let named = object(&parameter["examples"]).values().next();
            let named = named.and_then(|example| self.resolve(example).get("value"));
            let example = parameter.get("example").or(named).or_else(|| self.resolve(schema).get("example")).cloned();
            params.push(Param {
                is_setting: place == Place::Path && actions.is_setting(operation_id, &name),
                docs: joined(&documented(parameter), &constraints(self.resolve(schema))),
                required: parameter["required"] == Value::Bool(true) || place == Place::Path,
                label,
                name,
                place,
                ty,
                example,
            });
        }
        params
    }

    fn body(&mut self, body: &'a Value, type_name: &str) -> Option<Body> {
        let content = object(&self.resolve(body)["content"]);
        let (media_type, media) = content.iter().next()?;
        let hint = format!("{type_name}Body");
        let Ty::Ref(component) = self.body_ty(&media["schema"], &hint) else { return None };
        if let Some(encodings) = media["encoding"].as_object() {
            let names: Vec<String> = match self.components.get(&component).map(|component| &component.shape) {
                Some(Shape::Union(branches)) => branches.clone(),
                _ => vec![component.clone()],
            };
            for (property, encoding) in encodings {
                if let Some(delimiter) = delimiter(encoding) {
                    names.iter().for_each(|name| self.delimit(name, property, delimiter));
                }
            }
        }
        Some(Body { media_type: media_type.clone(), component, examples: self.examples(media) })
    }

    /// Makes a list in a form a string with the delimiter of its `encoding`.
    fn delimit(&mut self, component: &str, property: &str, delimiter: char) {
        let Some(Component { shape: Shape::Struct(properties), .. }) = self.components.get_mut(component) else {
            return;
        };
        for found in properties.iter_mut().filter(|found| found.name == property) {
            if let Ty::List(item) = &found.ty {
                found.ty = Ty::Delimited(delimiter, item.clone());
            }
        }
    }

    fn response(&mut self, status: Status, response: &'a Value, type_name: &str, is_success: bool) -> Response {
        let response = self.resolve(response);
        let content = object(&response["content"]);
        let json = content.iter().find(|(media_type, media)| is_json(media_type) && media.get("schema").is_some());
        let name = if is_success {
            format!("{type_name}Response")
        } else {
            format!("{type_name}{}Error", ident::pascal(&status.label()).trim_start_matches('X'))
        };
        let headers = object(&response["headers"]).iter().filter_map(|(name, header)| {
            let header = self.resolve(header);
            let example = header.get("example").or_else(|| self.resolve(&header["schema"]).get("example"))?;
            Some((name.to_ascii_lowercase(), plain(example)))
        });
        Response {
            status,
            description: text(&response["description"]),
            media_type: json.map(|(media_type, _)| media_type.clone()),
            headers: headers.collect(),
            ty: json.map(|(_, media)| self.ty(&media["schema"], &name)),
            examples: json.map(|(_, media)| self.examples(media)).unwrap_or_default(),
        }
    }

    fn examples(&self, media: &'a Value) -> Vec<Example> {
        let named = object(&media["examples"]).iter().filter_map(|(name, example)| {
            Some(Example { name: ident::snake(name), value: self.resolve(example).get("value")?.clone() })
        });
        let single = media.get("example").or_else(|| self.resolve(&media["schema"]).get("example"));
        let examples: Vec<Example> = named.collect();
        match single {
            Some(value) if examples.is_empty() => vec![Example { name: "example".to_owned(), value: value.clone() }],
            _ => examples,
        }
    }

    /// Returns the schemes that send credentials in a login or a refresh.
    fn credential_schemes(&self, actions: &Actions) -> HashSet<&'a str> {
        let items = object(&self.root["paths"]).values();
        let operations = items.flat_map(|item| METHODS.iter().filter_map(|method| item.get(*method)));
        operations
            .filter_map(|operation| {
                let id = operation["operationId"].as_str()?;
                actions.without_token.iter().any(|login| login == id).then_some((id, operation))
            })
            .flat_map(|(id, operation)| {
                let named = actions.securities(id).into_values();
                named.filter_map(|named| spec::alternative(self.root, operation, named)).collect::<Vec<_>>()
            })
            .flat_map(|chosen| object(chosen).keys().map(String::as_str))
            .collect()
    }

    /// Returns the schemes of an operation's alternative of `security`.
    fn security(
        &self,
        operation: &'a Value,
        operation_id: &str,
        named: Option<&str>,
        actions: &Actions,
    ) -> Vec<Scheme> {
        let Some(chosen) = spec::alternative(self.root, operation, named) else { return Vec::new() };
        let credential_schemes = self.credential_schemes(actions);
        let takes_token = actions.with_token.iter().any(|with| with == operation_id);
        object(chosen)
            .keys()
            .filter_map(|name| {
                let scheme = self.resolve(self.root["components"]["securitySchemes"].get(name)?);
                let http = text(&scheme["scheme"]);
                let kind = match (text(&scheme["type"]).as_str(), text(&scheme["in"]).as_str()) {
                    ("apiKey", "query") => SchemeKind::Query(text(&scheme["name"])),
                    ("apiKey", _) => SchemeKind::Header(text(&scheme["name"])),
                    _ if actions.basic.is_basic(&http) => SchemeKind::Basic,
                    _ if actions.usage.carries(&http)
                        && (takes_token || !credential_schemes.contains(name.as_str())) =>
                    {
                        let is_bearer = http.eq_ignore_ascii_case("bearer");
                        SchemeKind::Token(if is_bearer { "Bearer".to_owned() } else { http })
                    }
                    _ if http.eq_ignore_ascii_case("bearer") => SchemeKind::Http("Bearer".to_owned()),
                    _ => SchemeKind::Http(http),
                };
                Some(Scheme { name: name.clone(), kind, docs: documented(scheme) })
            })
            .collect()
    }
}

/// Returns the order of an operation's parts. Parts from its path or from the root come first.
fn order(operation: &Value) -> [Part; 3] {
    let place = |part: &Part| {
        let key = match part {
            Part::Security => "security",
            Part::Params => "parameters",
            Part::Body => "requestBody",
        };
        object(operation).keys().position(|found| found == key)
    };
    let mut parts = [Part::Security, Part::Params, Part::Body];
    parts.sort_by_key(place);
    parts
}

fn parse_status(status: &str) -> Option<Status> {
    match status {
        "default" => Some(Status::Default),
        _ => match status.strip_suffix("XX") {
            Some(class) => class.parse().ok().map(Status::Range),
            None => status.parse().ok().map(Status::Code),
        },
    }
}
