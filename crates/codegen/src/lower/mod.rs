//! Lower, the third of the four stages: from a linted spec to a [`Model`]. It resolves references, gives every inline type a name, merges
//! `allOf`, and keeps of each schema only what a client can honour; the rest goes into the docs. It trusts `lint`:
//! what lint would have refused, it reads as generously as it can, and it never panics.

pub mod model;

use std::collections::HashSet;

use indexmap::{IndexMap, IndexSet};
use serde_json::{Map, Value};

use crate::docs;
use crate::ident;
use crate::lower::model::{
    Answer, Body, Component, Example, Model, Operation, Param, Part, Place, Property, Scheme, SchemeKind, Server,
    Shape, Status, Ty, Variable,
};
use crate::read::media_type::is_json;
use crate::read::spec;
use crate::read::spec::{Spec, delimiter, is_alone};
use crate::read::x_token::XToken;

/// A reference chain longer than this is a circle.
const MAX_DEPTH: usize = 64;
const METHODS: [&str; 7] = ["get", "put", "post", "delete", "options", "head", "patch"];

/// The model of a spec that lint has passed.
pub fn lower(spec: &Spec, x_token: Option<XToken>) -> Model {
    let mut lowering = Lowering {
        root: &spec.document,
        components: IndexMap::new(),
        names: IndexMap::new(),
        reserved: HashSet::new(),
        claimed: IndexSet::new(),
        depth: 0,
        cut: None,
    };
    lowering.reserve_names();
    let actions = Actions::of(x_token.as_ref());
    let operations = lowering.operations(&actions);
    let (mut components, cut) = (lowering.components, lowering.cut);
    if let Some(x_token) = &x_token {
        lower_expiries(x_token, &operations, &mut components);
    }
    mark_use(&mut components, &operations);
    settle_constants(&mut components);
    box_circles(&mut components);
    let info = &spec.document["info"];
    Model {
        vendor: spec.vendor.clone(),
        file: spec.file.clone(),
        // It stands in lines of its own, and in a manifest.
        title: words(&text(&info["title"])),
        description: text(&info["description"]),
        servers: servers(&spec.document),
        components,
        operations,
        x_token,
        cut,
    }
}

/// What `x-token` says of the operations that log in, refresh and revoke.
#[derive(Default)]
struct Actions {
    /// Operation, its chosen security alternative, the parameter that takes a token.
    actions: Vec<(String, Option<String>, Option<String>)>,
    /// The login, and the refresh whose token stands elsewhere: their bearer schemes carry credentials.
    without_token: Vec<String>,
    /// The refresh and the revocation whose bearer scheme carries the token that they take.
    with_token: Vec<String>,
}

impl Actions {
    fn of(x_token: Option<&XToken>) -> Self {
        let Some(x_token) = x_token else { return Self::default() };
        let mut this = Self::default();
        if let Some(login) = &x_token.login {
            this.without_token.push(login.operation.clone());
            this.actions.push((login.operation.clone(), login.security.clone(), None));
        }
        if let Some(refresh) = &x_token.refresh {
            let place = if refresh.token.is_some() { &mut this.without_token } else { &mut this.with_token };
            place.push(refresh.operation.clone());
            this.actions.push((refresh.operation.clone(), refresh.security.clone(), refresh.token.clone()));
        }
        if let Some(revoke) = &x_token.revoke {
            this.with_token.extend(revoke.token.is_none().then(|| revoke.operation.clone()));
            this.actions.push((revoke.operation.clone(), revoke.security.clone(), revoke.token.clone()));
        }
        this
    }

    fn security(&self, operation: &str) -> Option<&str> {
        let mut of_operation = self.actions.iter().filter(|action| action.0 == operation);
        of_operation.find_map(|action| action.1.as_deref())
    }

    /// A path parameter of an action belongs to the endpoint, unless it takes the action's token.
    fn is_setting(&self, operation: &str, parameter: &str) -> bool {
        let mut of_operation = self.actions.iter().filter(|action| action.0 == operation).peekable();
        of_operation.peek().is_some() && !of_operation.any(|action| action.2.as_deref() == Some(parameter))
    }
}

struct Lowering<'a> {
    root: &'a Value,
    components: IndexMap<String, Component>,
    /// The Rust name of each schema under `components`.
    names: IndexMap<&'a str, String>,
    reserved: HashSet<String>,
    /// The reserved names whose schema has been reached: theirs to take.
    claimed: IndexSet<String>,
    depth: usize,
    /// The first type that was too deep.
    cut: Option<String>,
}

impl<'a> Lowering<'a> {
    fn reserve_names(&mut self) {
        let schemas = object(&self.root["components"]["schemas"]);
        for name in schemas.keys() {
            let rust = ident::unique(&ident::pascal(name), |taken| self.reserved.contains(taken));
            self.reserved.insert(rust.clone());
            self.names.insert(name, rust);
        }
    }

    // Operations.

    fn operations(&mut self, actions: &Actions) -> Vec<Operation> {
        let paths = object(&self.root["paths"]);
        let mut operations = Vec::new();
        for (path, item) in paths {
            for method in METHODS {
                if let Some(operation) = item.get(method) {
                    operations.push(self.operation(path, item, method, operation, actions));
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
            let answer = self.answer(status, response, &type_name, is_success);
            if is_success { successes.push(answer) } else { errors.push(answer) }
        }
        errors.sort_by_key(|answer| match answer.status {
            Status::Code(code) => (0, code),
            Status::Range(class) => (1, class),
            Status::Default => (2, 0),
        });
        let several = successes.len() > 1;
        let mut success = successes.into_iter().next().unwrap_or(Answer {
            status: Status::Code(200),
            description: String::new(),
            media_type: None,
            ty: None,
            examples: Vec::new(),
            headers: Vec::new(),
        });
        // They have one schema, or lint would have refused them.
        if several {
            success.status = Status::Range(2);
        }
        Operation {
            id: ident::snake(&operation_id),
            method: method.to_uppercase(),
            path: path.to_owned(),
            summary: text(&operation["summary"]),
            description: documented(operation),
            params,
            body,
            success,
            errors,
            security: self.security(operation, &operation_id, actions),
            order: order(operation),
        }
    }

    fn params(
        &mut self,
        item: &'a Value,
        operation: &'a Value,
        operation_id: &str,
        type_name: &str,
        actions: &Actions,
    ) -> Vec<Param> {
        // An operation's own parameter replaces its path's.
        let mut found: IndexMap<(String, String), (String, &'a Value)> = IndexMap::new();
        for list in [&item["parameters"], &operation["parameters"]] {
            for parameter in list.as_array().into_iter().flatten() {
                let parameter = self.resolve(parameter);
                let (place, name) = (text(&parameter["in"]), text(&parameter["name"]));
                // A header's name has no capitals of its own.
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

    /// The type of a body, or of a branch of one. That of an object without properties can say nothing but `{}`, and a vendor
    /// may want to see it.
    fn body_ty(&mut self, schema: &'a Value, hint: &str) -> Ty {
        match self.ty(schema, hint) {
            Ty::Any => self.structure(self.resolve(schema), hint, &[]),
            ty => ty,
        }
    }

    /// A list in a form is one text: `encoding` says what stands between its items.
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

    fn answer(&mut self, status: Status, response: &'a Value, type_name: &str, is_success: bool) -> Answer {
        let response = self.resolve(response);
        let content = object(&response["content"]);
        let json = content.iter().find(|(media_type, media)| is_json(media_type) && media.get("schema").is_some());
        let name = match is_success {
            true => format!("{type_name}Response"),
            false => format!("{type_name}{}Error", ident::pascal(&status.label()).trim_start_matches('X')),
        };
        let headers = object(&response["headers"]).iter().filter_map(|(name, header)| {
            let header = self.resolve(header);
            let example = header.get("example").or_else(|| self.resolve(&header["schema"]).get("example"))?;
            Some((name.to_ascii_lowercase(), plain(example)))
        });
        Answer {
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

    /// The alternative of `security` that an operation sends.
    fn chosen(&self, operation: &'a Value, operation_id: &str, actions: &Actions) -> Option<&'a Value> {
        spec::alternative(self.root, operation, actions.security(operation_id))
    }

    /// The schemes that carry credentials.
    fn credential_schemes(&self, actions: &Actions) -> HashSet<&'a str> {
        let items = object(&self.root["paths"]).values();
        let operations = items.flat_map(|item| METHODS.iter().filter_map(|method| item.get(*method)));
        operations
            .filter_map(|operation| {
                let id = operation["operationId"].as_str()?;
                let logs_in = actions.without_token.iter().any(|login| login == id);
                self.chosen(operation, id, actions).filter(|_| logs_in)
            })
            .flat_map(|chosen| object(chosen).keys().map(String::as_str))
            .collect()
    }

    fn security(&self, operation: &'a Value, operation_id: &str, actions: &Actions) -> Vec<Scheme> {
        let Some(chosen) = self.chosen(operation, operation_id, actions) else { return Vec::new() };
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
                    _ if http.eq_ignore_ascii_case("basic") => SchemeKind::Basic,
                    _ if http.eq_ignore_ascii_case("bearer")
                        && (takes_token || !credential_schemes.contains(name.as_str())) =>
                    {
                        SchemeKind::Token
                    }
                    _ if http.eq_ignore_ascii_case("bearer") => SchemeKind::Http("Bearer".to_owned()),
                    _ => SchemeKind::Http(http),
                };
                Some(Scheme { name: name.clone(), kind, docs: documented(scheme) })
            })
            .collect()
    }

    // Schemas.

    /// The type of a schema; an inline type that needs a name gets `hint`.
    fn ty(&mut self, schema: &'a Value, hint: &str) -> Ty {
        if self.depth > MAX_DEPTH {
            self.cut.get_or_insert_with(|| hint.to_owned());
            return Ty::Any;
        }
        self.depth += 1;
        let ty = self.ty_unguarded(schema, hint);
        self.depth -= 1;
        ty
    }

    fn ty_unguarded(&mut self, schema: &'a Value, hint: &str) -> Ty {
        if let Some(name) = schema["$ref"].as_str() {
            let name = name.rsplit('/').next().unwrap_or_default();
            let Some(rust) = self.names.get(name).cloned() else { return Ty::Any };
            if self.components.contains_key(&rust) {
                return Ty::Ref(rust);
            }
            self.claimed.insert(rust.clone());
            return self.ty(&self.root["components"]["schemas"][name], &rust);
        }
        if let Some(branches) = schema["allOf"].as_array() {
            return self.merged(schema, branches, hint);
        }
        if let Some(branches) = schema["oneOf"].as_array() {
            return self.union(schema, branches, hint);
        }
        let values: Vec<&Value> =
            schema["enum"].as_array().into_iter().flatten().filter(|value| !value.is_null()).collect();
        if let [value] = values[..] {
            return Ty::Constant(value.clone());
        }
        let has_properties = schema["properties"].as_object().is_some_and(|properties| !properties.is_empty());
        match schema["type"].as_str() {
            Some("string") if !values.is_empty() => {
                let names = &schema["x-names"];
                let values = values.iter().map(|value| plain(value));
                self.named(hint, documented(schema), Shape::Enum(variants(values, names)))
            }
            Some("string") if schema["format"] == "password" => Ty::Secret,
            Some("string") if schema["format"] == "date-time" => Ty::Timestamp { utc: false },
            Some("string") => Ty::Text,
            Some("integer") => Ty::Integer,
            Some("number") => Ty::Number,
            Some("boolean") => Ty::Boolean,
            Some("array") => Ty::List(Box::new(self.item(&schema["items"], &format!("{hint}Item")))),
            _ if has_properties => self.structure(schema, hint, &[schema]),
            Some("object") if schema["additionalProperties"].is_object() => {
                Ty::Map(Box::new(self.item(&schema["additionalProperties"], &format!("{hint}Value"))))
            }
            Some("object") if schema.get("additionalProperties").is_none_or(|more| *more == Value::Bool(true)) => {
                Ty::Any
            }
            Some("object") => self.structure(schema, hint, &[schema]),
            _ => Ty::Any,
        }
    }

    /// The type of an item of a list or a map.
    fn item(&mut self, schema: &'a Value, hint: &str) -> Ty {
        match (self.ty(schema, hint), self.is_nullable(schema)) {
            (Ty::Any, _) => Ty::Any,
            (ty, true) => Ty::Nullable(Box::new(ty)),
            (ty, false) => ty,
        }
    }

    /// Enters a type under a name of its own.
    fn named(&mut self, name: &str, docs: String, shape: Shape) -> Ty {
        // Two names joined may be no name yet.
        let name = ident::pascal(name);
        let name = match self.claimed.contains(&name) && !self.components.contains_key(&name) {
            true => name,
            false => ident::unique(&name, |taken| self.components.contains_key(taken) || self.reserved.contains(taken)),
        };
        self.components.insert(name.clone(), Component { docs, shape, in_request: false, in_response: false });
        Ty::Ref(name)
    }

    /// `allOf`: one struct of all properties; of scalars, or of a single branch, that branch.
    fn merged(&mut self, schema: &'a Value, branches: &'a [Value], hint: &str) -> Ty {
        if let [single] = branches
            && is_alone(schema)
        {
            return self.ty(single, hint);
        }
        let mut parts: Vec<&'a Value> = Vec::new();
        let mut queue: Vec<&'a Value> = vec![schema];
        while let Some(part) = queue.pop() {
            // A circle of `allOf` says nothing new the second time.
            if parts.iter().any(|seen| std::ptr::eq(*seen, part)) {
                continue;
            }
            parts.push(part);
            let nested = part["allOf"].as_array().map(Vec::as_slice).unwrap_or_default();
            queue.extend(nested.iter().rev().map(|branch| self.resolve(branch)));
        }
        if parts.iter().any(|part| part["properties"].is_object()) {
            return self.structure(schema, hint, &parts);
        }
        branches.last().map_or(Ty::Any, |last| self.ty(last, hint))
    }

    fn structure(&mut self, schema: &'a Value, hint: &str, parts: &[&'a Value]) -> Ty {
        // Entered before its properties, which may hold it again.
        let ty = self.named(hint, documented(schema), Shape::Struct(Vec::new()));
        let Ty::Ref(name) = &ty else { return ty };
        let required: IndexSet<&str> = parts
            .iter()
            .flat_map(|part| part["required"].as_array().into_iter().flatten())
            .filter_map(Value::as_str)
            .collect();
        let mut properties: IndexMap<&str, Property> = IndexMap::new();
        for (property, schema) in parts.iter().flat_map(|part| object(&part["properties"])) {
            let label = label(schema, property);
            let ty = self.ty(schema, &format!("{name}{}", ident::pascal(&label)));
            let is_required = required.contains(property.as_str());
            let resolved = self.resolve(schema);
            let docs = if documented(schema).is_empty() { documented(resolved) } else { documented(schema) };
            let lowered = Property {
                name: property.clone(),
                field: ident::snake(&label),
                label,
                is_boxed: false,
                // Any JSON may be null as it is.
                optional: !is_required || (ty != Ty::Any && self.is_nullable(schema)),
                required: is_required,
                ty,
                docs: joined(&docs, &constraints(resolved)),
            };
            properties.entry(property).or_insert(lowered);
        }
        if let Some(component) = self.components.get_mut(name) {
            component.shape = Shape::Struct(properties.into_values().collect());
        }
        ty
    }

    /// `oneOf`: a union of structs; of scalars, any JSON.
    fn union(&mut self, schema: &'a Value, branches: &'a [Value], hint: &str) -> Ty {
        if let [single] = branches {
            return self.ty(single, hint);
        }
        let is_object = |branch: &&'a Value| {
            let branch = self.resolve(branch);
            branch["properties"].is_object() || branch["allOf"].is_array() || branch["oneOf"].is_array()
        };
        if !branches.iter().all(|branch| is_object(&branch)) {
            return Ty::Any;
        }
        let union = self.named(hint, documented(schema), Shape::Union(Vec::new()));
        let Ty::Ref(name) = &union else { return union };
        let mut variants = IndexSet::new();
        for (index, branch) in branches.iter().enumerate() {
            if let Ty::Ref(branch) = self.body_ty(branch, &format!("{name}{}", index + 1)) {
                // A union within a union is flattened: what counts is which structs it may be.
                match self.components.get(&branch).map(|component| &component.shape) {
                    Some(Shape::Union(inner)) => variants.extend(inner.clone()),
                    _ => {
                        variants.insert(branch);
                    }
                }
            }
        }
        if let Some(component) = self.components.get_mut(name) {
            component.shape = Shape::Union(variants.into_iter().collect());
        }
        union
    }

    fn is_nullable(&self, schema: &'a Value) -> bool {
        let has_null = |schema: &Value| {
            schema["nullable"] == Value::Bool(true)
                || schema["enum"].as_array().is_some_and(|values| values.iter().any(Value::is_null))
        };
        let mut schema = schema;
        for _ in 0..MAX_DEPTH {
            schema = match schema["allOf"].as_array().map(Vec::as_slice) {
                _ if has_null(schema) => return true,
                _ if schema.get("$ref").is_some() => self.resolve(schema),
                Some([only]) if is_alone(schema) => only,
                _ => return false,
            };
        }
        false
    }

    /// The end of a chain of references.
    fn resolve(&self, value: &'a Value) -> &'a Value {
        let mut value = value;
        for _ in 0..MAX_DEPTH {
            let Some(reference) = value["$ref"].as_str() else { break };
            value =
                reference.strip_prefix('#').and_then(|pointer| spec::at(self.root, pointer)).unwrap_or(&Value::Null);
        }
        value
    }
}

/// The order of an operation's parts. What it takes from elsewhere, from its path or the root, comes first.
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

fn servers(root: &Value) -> Vec<Server> {
    let servers = root["servers"].as_array().map(Vec::as_slice).unwrap_or_default();
    servers
        .iter()
        .map(|server| Server {
            name: match server["x-name"].as_str() {
                Some(name) => ident::snake(name),
                None => "production".to_owned(),
            },
            url: text(&server["url"]),
            variables: object(&server["variables"])
                .iter()
                .map(|(name, variable)| Variable {
                    name: name.clone(),
                    label: label(variable, name),
                    default: variable["enum"].is_array().then(|| plain(&variable["default"])),
                    docs: joined(&text(&variable["description"]), &one_of(&variable["enum"])),
                })
                .collect(),
            docs: text(&server["description"]),
        })
        .collect()
}

/// An expiry without an offset is UTC where `zone` says so.
fn lower_expiries(x_token: &XToken, operations: &[Operation], components: &mut IndexMap<String, Component>) {
    let response = &x_token.response;
    let moments = [&response.expires_at, &response.refresh_expires_at];
    let actions = [
        x_token.login.as_ref().map(|login| &login.operation),
        x_token.refresh.as_ref().map(|refresh| &refresh.operation),
    ];
    for operation in
        operations.iter().filter(|operation| actions.iter().flatten().any(|id| ident::snake(id) == operation.id))
    {
        let Some(ty) = &operation.success.ty else { continue };
        let in_utc = moments.iter().filter_map(|expiry| expiry.as_ref()).filter(|expiry| expiry.zone.is_some());
        for expiry in in_utc {
            let change = |old: &Ty| matches!(old, Ty::Timestamp { .. }).then_some(Ty::Timestamp { utc: true });
            retype(components, ty, &expiry.at.segments(), &change);
        }
    }
}

/// Changes the type of the property that a pointer leads to, in every branch that has it.
fn retype(
    components: &mut IndexMap<String, Component>,
    ty: &Ty,
    segments: &[String],
    change: &dyn Fn(&Ty) -> Option<Ty>,
) {
    let Some((first, rest)) = segments.split_first() else { return };
    match ty {
        Ty::List(item) => retype(components, &item.clone(), rest, change),
        Ty::Ref(name) => {
            if let Some(Shape::Union(branches)) = components.get(name).map(|component| &component.shape) {
                for branch in branches.clone() {
                    retype(components, &Ty::Ref(branch), segments, change);
                }
                return;
            }
            let Some(Component { shape: Shape::Struct(properties), .. }) = components.get_mut(name) else { return };
            let Some(property) = properties.iter_mut().find(|property| property.name == *first) else { return };
            if rest.is_empty() {
                if let Some(new) = change(&property.ty) {
                    property.ty = new;
                }
                return;
            }
            let inner = property.ty.clone();
            retype(components, &inner, rest, change);
        }
        _ => {}
    }
}

/// Marks each type with where it is used; what nothing uses is dropped.
fn mark_use(components: &mut IndexMap<String, Component>, operations: &[Operation]) {
    for operation in operations {
        let request = operation.body.iter().map(|body| Ty::Ref(body.component.clone()));
        for ty in request.chain(operation.params.iter().map(|param| param.ty.clone())) {
            mark(components, &ty, &|component| std::mem::replace(&mut component.in_request, true));
        }
        let answers = std::iter::once(&operation.success).chain(&operation.errors);
        for ty in answers.filter_map(|answer| answer.ty.as_ref()) {
            mark(components, ty, &|component| std::mem::replace(&mut component.in_response, true));
        }
    }
    components.retain(|_, component| component.in_request || component.in_response);
}

/// `seen` marks a component and says whether it was marked before.
fn mark(components: &mut IndexMap<String, Component>, ty: &Ty, seen: &dyn Fn(&mut Component) -> bool) {
    let name = match ty {
        Ty::List(item) | Ty::Map(item) | Ty::Delimited(_, item) | Ty::Nullable(item) => {
            return mark(components, item, seen);
        }
        Ty::Ref(name) => name,
        _ => return,
    };
    let Some(component) = components.get_mut(name) else { return };
    if seen(component) {
        return;
    }
    let next: Vec<Ty> = match &component.shape {
        Shape::Struct(properties) => properties.iter().map(|property| property.ty.clone()).collect(),
        Shape::Union(branches) => branches.iter().cloned().map(Ty::Ref).collect(),
        Shape::Enum(_) | Shape::Tag(_) => Vec::new(),
    };
    for ty in &next {
        mark(components, ty, seen);
    }
}

/// A constant stays one where it is sent. In an answer, it tells the branches of a union apart; elsewhere it is what
/// the vendor has been seen to send, and no reason to fail when it sends something else.
fn settle_constants(components: &mut IndexMap<String, Component>) {
    let branches: IndexSet<String> = components
        .values()
        .filter(|component| component.in_response)
        .filter_map(|component| match &component.shape {
            Shape::Union(branches) => Some(branches.clone()),
            _ => None,
        })
        .flatten()
        .collect();
    let mut tags: Vec<(String, String, String)> = Vec::new();
    for (name, component) in components.iter_mut() {
        let in_request = component.in_request;
        let Shape::Struct(properties) = &mut component.shape else { continue };
        for property in properties {
            let Ty::Constant(value) = &property.ty else { continue };
            match value {
                _ if in_request => {}
                Value::String(value) if branches.contains(name) => {
                    tags.push((name.clone(), property.name.clone(), value.clone()));
                }
                value => {
                    let note = format!("Known value: `{}`.", plain(value));
                    property.docs = joined(&property.docs, &note);
                    property.ty = Ty::of(value);
                }
            }
        }
    }
    for (component, property, value) in tags {
        let tag = ident::unique(&ident::pascal(&format!("{component}{}", ident::pascal(&property))), |name| {
            components.contains_key(name)
        });
        if let Some(Shape::Struct(properties)) = components.get_mut(&component).map(|component| &mut component.shape) {
            properties
                .iter_mut()
                .filter(|found| found.name == property)
                .for_each(|found| found.ty = Ty::Ref(tag.clone()));
        }
        let docs = format!("Always `{value}`: it tells the answers apart.");
        components.insert(tag, Component { docs, shape: Shape::Tag(value), in_request: false, in_response: true });
    }
}

/// Marks the properties through which a struct would hold itself, with no list or map between.
fn box_circles(components: &mut IndexMap<String, Component>) {
    fn held(ty: &Ty) -> Option<&str> {
        match ty {
            Ty::Ref(name) => Some(name),
            Ty::Nullable(item) => held(item),
            _ => None,
        }
    }
    let reaches = |from: &str, wanted: &str| {
        let (mut queue, mut seen) = (vec![from], HashSet::from([from]));
        while let Some(name) = queue.pop() {
            if name == wanted {
                return true;
            }
            let next: Vec<&str> = match components.get(name).map(|component| &component.shape) {
                Some(Shape::Struct(properties)) => properties.iter().filter_map(|found| held(&found.ty)).collect(),
                Some(Shape::Union(branches)) => branches.iter().map(String::as_str).collect(),
                _ => Vec::new(),
            };
            queue.extend(next.into_iter().filter(|name| seen.insert(name)));
        }
        false
    };
    let mut boxed = Vec::new();
    for (index, (name, component)) in components.iter().enumerate() {
        let Shape::Struct(properties) = &component.shape else { continue };
        let properties = properties.iter().enumerate();
        let circles = properties.filter(|(_, property)| held(&property.ty).is_some_and(|held| reaches(held, name)));
        boxed.extend(circles.map(|(property, _)| (index, property)));
    }
    for (index, property) in boxed {
        if let Shape::Struct(properties) = &mut components[index].shape {
            properties[property].is_boxed = true;
        }
    }
}

// Small readings.

fn parse_status(status: &str) -> Option<Status> {
    match status {
        "default" => Some(Status::Default),
        _ => match status.strip_suffix("XX") {
            Some(class) => class.parse().ok().map(Status::Range),
            None => status.parse().ok().map(Status::Code),
        },
    }
}

/// The values of an open enum, each with its variant's name: that of `x-names`, else its own.
fn variants(values: impl Iterator<Item = String>, names: &Value) -> IndexMap<String, String> {
    let named = |value: String| {
        let name = names[&value].as_str().map_or_else(|| ident::variant(&value), str::to_owned);
        (value, name)
    };
    values.map(named).collect()
}

fn object(value: &Value) -> &Map<String, Value> {
    static EMPTY: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
    value.as_object().unwrap_or(&EMPTY)
}

/// What names a property's or a parameter's Rust item.
fn label(node: &Value, name: &str) -> String {
    node["x-name"].as_str().unwrap_or(name).to_owned()
}

fn text(value: &Value) -> String {
    docs::cleaned(value.as_str().unwrap_or_default()).trim().to_owned()
}

/// A text in one line.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A scalar as text.
pub fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}

fn documented(value: &Value) -> String {
    let docs = match text(&value["description"]) {
        docs if docs.is_empty() => text(&value["title"]),
        docs => docs,
    };
    match value["deprecated"] == Value::Bool(true) {
        true => joined(&docs, "Deprecated by the vendor."),
        false => docs,
    }
}

fn joined(first: &str, second: &str) -> String {
    match (first.is_empty(), second.is_empty()) {
        (_, true) => first.to_owned(),
        (true, _) => second.to_owned(),
        _ => format!("{first}\n\n{second}"),
    }
}

/// What a schema asks of a value beyond its type: told, not enforced, since the vendor enforces it anyway.
fn constraints(schema: &Value) -> String {
    let words = [
        ("default", "The vendor's default"),
        ("minimum", "At least"),
        ("maximum", "At most"),
        ("minLength", "Least length"),
        ("maxLength", "Greatest length"),
        ("minItems", "Least count"),
        ("maxItems", "Greatest count"),
        ("pattern", "Pattern"),
    ];
    let notes = words.iter().filter_map(|(key, words)| Some(format!("{words}: `{}`.", plain(schema.get(*key)?))));
    let mut notes: Vec<String> = notes.collect();
    if schema["type"] != "string" {
        notes.push(one_of(&schema["enum"]));
    }
    notes.retain(|note| !note.is_empty());
    notes.join(" ")
}

fn one_of(values: &Value) -> String {
    let values: Vec<String> =
        values.as_array().into_iter().flatten().map(|value| format!("`{}`", plain(value))).collect();
    if values.len() < 2 { String::new() } else { format!("One of {}.", values.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(text: &str) -> Model {
        let spec = Spec::parse("specs/acme.yaml", text).unwrap_or_else(|problems| panic!("{}", problems[0]));
        let x_token = XToken::from_document(&spec).unwrap_or_else(|problems| panic!("{}", problems[0]));
        lower(&spec, x_token)
    }

    /// A spec with one operation that sends `request` and answers `answer`.
    fn acme(request: &str, answer: &str) -> Model {
        model(&format!(
            r##"
openapi: 3.0.3
info: {{ title: Acme, version: "1" }}
servers: [{{ url: "https://acme.example" }}]
x-token:
  login: {{ operation: log_in }}
  response: {{ access-token: /token, expires-at: {{ at: /until, zone: utc }} }}
paths:
  /in:
    post:
      operationId: log_in
      requestBody: {{ content: {{ application/x-www-form-urlencoded: {{
        schema: {request}, encoding: {{ scope: {{ style: spaceDelimited, explode: false }} }} }} }} }}
      responses:
        "200": {{ description: A token., content: {{ application/json: {{ schema: {answer} }} }} }}
        "400": {{ description: No., content: {{ application/json: {{ schema: {{ type: string }} }} }} }}
        "429": {{ description: Slower. }}
components:
  schemas:
    Base: {{ type: object, required: [token], properties: {{ token: {{ type: string, format: password }} }} }}
    Reason: {{ type: string, enum: [one, two] }}
"##
        ))
    }

    fn ty<'a>(model: &'a Model, component: &str, property: &str) -> &'a Ty {
        let found = model.properties(component).iter().find(|found| found.name == property);
        &found.unwrap_or_else(|| panic!("{component}.{property} in {:#?}", model.components)).ty
    }

    const ANSWER: &str = r##"{ $ref: "#/components/schemas/Base" }"##;

    #[test]
    fn a_constant_is_kept_where_it_is_sent_and_open_where_it_is_answered() {
        let constant = "{ type: object, properties: { kind: { type: string, enum: [a] } } }";
        let model = acme(constant, constant);
        assert_eq!(*ty(&model, "LogInBody", "kind"), Ty::Constant("a".into()));
        assert_eq!(*ty(&model, "LogInResponse", "kind"), Ty::Text);
    }

    #[test]
    fn an_object_without_properties_is_a_body_and_a_branch_of_one() {
        let nothing = "{ type: object, properties: {} }";
        let model = acme(nothing, ANSWER);
        assert!(matches!(&model.components["LogInBody"].shape, Shape::Struct(properties) if properties.is_empty()));
        let model = acme(
            "{ oneOf: [{ type: object, properties: {} }, { type: object, properties: { a: { type: string } } }] }",
            ANSWER,
        );
        assert!(matches!(&model.components["LogInBody"].shape, Shape::Union(branches) if branches.len() == 2));
    }

    #[test]
    fn a_constant_that_tells_answers_apart_stays_closed() {
        let model = acme(
            "{ type: object, properties: { a: { type: string } } }",
            "{ oneOf: [ { type: object, required: [kind], properties: { kind: { type: string, enum: [a] } } }, \
             { type: object, required: [kind], properties: { kind: { type: string, enum: [b] } } } ] }",
        );
        let Ty::Ref(tag) = ty(&model, "LogInResponse1", "kind") else { panic!("no tag") };
        assert!(matches!(&model.components[tag].shape, Shape::Tag(value) if value == "a"));
    }

    #[test]
    fn an_expiry_may_be_a_date_time_without_an_offset_where_the_zone_is_given() {
        let body = "{ type: object, properties: { a: { type: string } } }";
        let answer = "{ type: object, properties: { until: { type: string, format: date-time }, \
                      since: { type: string, format: date-time } } }";
        let model = acme(body, answer);
        assert_eq!(*ty(&model, "LogInResponse", "until"), Ty::Timestamp { utc: true });
        assert_eq!(*ty(&model, "LogInResponse", "since"), Ty::Timestamp { utc: false });
    }

    #[test]
    fn what_holds_itself_is_boxed_unless_a_list_is_between() {
        let model = model(
            r##"
openapi: 3.0.3
info: { title: Acme, version: "1" }
paths:
  /in:
    get:
      operationId: log_in
      responses:
        "200": { description: A token., content: { application/json: { schema: { $ref: "#/components/schemas/Node" } } } }
components:
  schemas:
    Node: { type: object, properties: { other: { $ref: "#/components/schemas/Other" }, name: { type: string } } }
    Other: { type: object, properties: { either: { oneOf: [{ $ref: "#/components/schemas/Node" },
      { $ref: "#/components/schemas/Leaf" }] }, all: { type: array, items: { $ref: "#/components/schemas/Node" } } } }
    Leaf: { type: object, properties: { leaf: { type: string } } }
"##,
        );
        let properties = model.components.keys().flat_map(|component| model.properties(component));
        let boxed: Vec<&str> =
            properties.filter(|property| property.is_boxed).map(|property| property.name.as_str()).collect();
        assert_eq!(boxed, ["other", "either"]);
    }

    #[test]
    fn a_new_value_never_renames_the_variant_of_another() {
        let named = |values: &str, names: &str| {
            let property = format!("zone: {{ type: string, enum: [{values}], x-names: {{ {names} }} }}");
            let model = acme(&format!("{{ type: object, properties: {{ {property} }} }}"), ANSWER);
            match &model.components["LogInBodyZone"].shape {
                Shape::Enum(variants) => variants.clone(),
                shape => panic!("{shape:?}"),
            }
        };
        let before = named("Etc/GMT+1, Etc/GMT+12, Etc/GMT-1", "");
        let after = named("Etc/GMT+1, Etc/GMT_1, Etc/GMT+12, Etc/GMT-1", "");
        assert!(before.iter().all(|(value, name)| after[value] == *name), "{before:?} {after:?}");
        assert_eq!(after.values().collect::<HashSet<_>>().len(), 4, "{after:?}");
        assert_eq!(named("open, OPEN", "OPEN: OpenLoud")["OPEN"], "OpenLoud");
    }

    #[test]
    fn what_nothing_uses_is_dropped() {
        let model = acme("{ type: object, properties: { a: { type: string } } }", ANSWER);
        assert!(!model.components.contains_key("Reason"));
    }

    #[test]
    fn errors_are_kept_beside_what_progenitor_sees_exact_statuses_first() {
        let model = acme("{ type: object, properties: { a: { type: string } } }", ANSWER);
        let errors = &model.operations[0].errors;
        assert_eq!(errors.iter().map(|answer| answer.status.label()).collect::<Vec<_>>(), ["400", "429"]);
        assert_eq!(errors[0].ty, Some(Ty::Text));
        assert_eq!(errors[1].ty, None);
    }
}
