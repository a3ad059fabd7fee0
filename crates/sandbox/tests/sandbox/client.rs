//! A client of any vendor, built from the spec's own request examples. It has its own spec reader and shares no code
//! with the sandbox, so that neither hides a mistake of the other.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::signer::Signer;
use crate::support::Playing;

pub struct SpecClient<'a> {
    pub spec: Value,
    /// The access token that authorizes the revocation of a refresh token.
    pub access: Option<String>,
    /// Replaces claims of each JWT.
    pub claims: serde_json::Map<String, Value>,
    playing: &'a Playing,
    /// The values of the response before, for a further request of a login.
    pub received: std::collections::BTreeMap<String, Value>,
}

/// An operation with its path and method.
struct Found<'a>(&'a str, &'a str, &'a Value, &'a Value);

impl<'a> SpecClient<'a> {
    pub fn new(spec: &str, playing: &'a Playing) -> Self {
        // YAML 1.2: `n` is a string.
        let options = serde_saphyr::options! { strict_booleans: true };
        Self {
            spec: serde_saphyr::from_str_with_options(spec, options).unwrap(),
            access: None,
            received: Default::default(),
            claims: Default::default(),
            playing,
        }
    }

    pub fn x(&self, pointer: &str) -> Option<&str> {
        self.spec["x-token"].pointer(pointer).and_then(|value| value.as_str().or_else(|| value["at"].as_str()))
    }

    /// Follows a reference.
    fn at<'b>(&'b self, value: &'b Value) -> &'b Value {
        match value["$ref"].as_str() {
            Some(reference) => self.at(self.spec.pointer(&reference[1..]).unwrap()),
            None => value,
        }
    }

    fn find(&self, id: &str) -> Found<'_> {
        for (path, item) in self.spec["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                if operation["operationId"] == id {
                    return Found(path, method, item, operation);
                }
            }
        }
        panic!("no operation {id}")
    }

    /// Returns an action as each alternative of `one-of` performs it.
    fn forms(&self, action: &str) -> Vec<Value> {
        let login = &self.spec["x-token"]["login"];
        let action = &self.spec["x-token"][action];
        let Some(alternatives) = login["one-of"].as_object() else { return vec![action.clone()] };
        let form = |(name, of_login): (&String, &Value)| {
            let mut form = action.clone();
            let own = &action["one-of"][name];
            if form["security"].is_null() && !of_login["security"].is_null() {
                form["security"] = of_login["security"].clone();
            }
            for key in ["body", "security"].into_iter().filter(|key| !own[*key].is_null()) {
                form[key] = own[key].clone();
            }
            let blocks = [&of_login["compute"], &action["compute"], &own["compute"]];
            let computes: serde_json::Map<String, Value> = blocks
                .into_iter()
                .filter_map(Value::as_object)
                .flatten()
                .map(|(k, v)| (k.clone(), v.clone()))
                .collect();
            form["compute"] = computes.into();
            form
        };
        alternatives.iter().map(form).collect()
    }

    /// Returns the requests of an action: with each alternative, one for each example of its body, or one with the required
    /// fields.
    pub fn requests(&self, action: &str, token: &str) -> Vec<RequestBuilder> {
        self.forms(action).iter().flat_map(|action| self.requests_of(action, token)).collect()
    }

    /// Sends the further requests of a login, and returns the response to the last one.
    pub async fn further(&self, spec: &str, first: reqwest::Response) -> reqwest::Response {
        let mut response = first;
        for then in self.spec["x-token"]["login"]["then"].as_array().into_iter().flatten() {
            assert!(response.status().is_success(), "{}", response.status());
            let body: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
            let mut next = SpecClient::new(spec, self.playing);
            let places = then["from"].as_object().unwrap().iter();
            next.received =
                places.map(|(name, at)| (name.clone(), body.pointer(at.as_str().unwrap()).unwrap().clone())).collect();
            if let Some(at) = then["server"].as_str() {
                assert_eq!(body.pointer(at).unwrap(), self.playing.issuer.url());
            }
            response = next.requests_of(then, "").remove(0).send().await.unwrap();
        }
        response
    }

    fn requests_of(&self, action: &Value, token: &str) -> Vec<RequestBuilder> {
        let operation = self.find(action["operation"].as_str().unwrap()).3;
        let body = &self.at(&operation["requestBody"]);
        let Some((media_type, media)) = body["content"].as_object().and_then(|content| content.iter().next()) else {
            return vec![self.request(action, token)];
        };
        let branch = self.branch(&media["schema"], action["body"].as_str());
        let mut bodies: Vec<Value> = Vec::new();
        for example in media["examples"].as_object().into_iter().flat_map(|examples| examples.values()) {
            if self.misfit(branch, &example["value"], "").is_none() {
                bodies.push(example["value"].clone());
            }
        }
        if bodies.is_empty() {
            bodies.push(self.required(branch, ""));
        }
        let credentials = self.playing.issuer.credentials();
        let properties = self.merged(branch)["properties"].clone();
        let fill = |mut body: Value| {
            let computed = self.computed(action);
            for (name, value) in body.as_object_mut().unwrap() {
                if let Some(computed) = computed.get(name) {
                    *value = computed.clone();
                    continue;
                }
                match credentials.get(label(name, &properties[name])) {
                    _ if action["token"] == *name => *value = token.into(),
                    Some(known) if value.is_string() => *value = known.as_str().into(),
                    Some(known) if value.is_number() => *value = known.parse::<i64>().unwrap().into(),
                    _ => {}
                }
            }
            let request = self.request(action, token).header("content-type", media_type);
            if media_type.contains("json") { request.body(body.to_string()) } else { request.body(form(media, &body)) }
        };
        bodies.into_iter().map(fill).collect()
    }

    fn computed(&self, action: &Value) -> std::collections::BTreeMap<String, Value> {
        let mut computed =
            Signer { playing: self.playing, claims: self.claims.clone() }.computed(&self.spec["x-token"], action);
        computed.extend(self.received.clone());
        computed
    }

    fn request(&self, action: &Value, token: &str) -> RequestBuilder {
        let Found(path, method, item, operation) = self.find(action["operation"].as_str().unwrap());
        let issuer = &self.playing.issuer;
        let (mut path, mut query, mut headers) = (path.to_owned(), Vec::new(), Vec::new());
        let parameters = [&operation["parameters"], &item["parameters"]];
        for parameter in
            parameters.into_iter().filter_map(Value::as_array).flatten().map(|parameter| self.at(parameter))
        {
            let name = parameter["name"].as_str().unwrap();
            let snake = label(name, parameter).to_lowercase().replace('-', "_");
            let known = issuer.credentials().get(&snake).or(issuer.settings().get(&snake)).cloned();
            let listed = parameter["schema"]["enum"].as_array().and_then(|values| values.last()).map(text);
            let computed = self.computed(action);
            let value = if action["token"] == name {
                token.to_owned()
            } else if let Some(value) = computed.get(&snake) {
                text(value)
            } else {
                known.or(listed).unwrap_or_else(|| text(&parameter["example"]))
            };
            let needs = parameter["required"] == true;
            match parameter["in"].as_str().unwrap() {
                "path" => path = path.replace(&format!("{{{name}}}"), &encoded(&value)),
                "query" if needs => query.push(format!("{name}={}", encoded(&value))),
                "header" if needs => headers.push((name.to_owned(), value)),
                _ => {}
            }
        }
        let security = operation["security"].as_array().or(self.spec["security"].as_array());
        let wanted = action["security"].as_str().unwrap_or("");
        let is_wanted = |one: &&Value| !one[wanted].is_null() || wanted == "none" && *one == &json!({});
        let chosen = security.and_then(|all| all.iter().find(is_wanted));
        for (name, _) in
            chosen.or(security.and_then(|all| all.first())).and_then(Value::as_object).into_iter().flatten()
        {
            let scheme = &self.spec["components"]["securitySchemes"][name];
            let credential = |name: &str| issuer.credentials().get(name).cloned().unwrap_or_default();
            let snake: String = name
                .chars()
                .flat_map(|c| if c.is_uppercase() { vec!['_', c.to_ascii_lowercase()] } else { vec![c] })
                .collect();
            let word = self.spec["x-token"]["basic"]["scheme"].as_str();
            let computed = self.computed(action).get(name).map(text);
            let own = computed.unwrap_or_else(|| credential(snake.trim_start_matches('_')));
            // The bearer scheme of a shared operation carries the refresh token.
            let own = if action["bearer"] == "refresh" { String::new() } else { own };
            headers.push(match (scheme["type"].as_str().unwrap(), scheme["scheme"].as_str()) {
                ("apiKey", _) => (text(&scheme["name"]), own),
                (_, Some(basic)) if basic.eq_ignore_ascii_case("basic") || word == Some(basic) => {
                    let names = self.spec["x-token"]["basic"]["names"].as_array().cloned();
                    let names = names.unwrap_or_else(|| vec![json!("client_id"), json!("client_secret")]);
                    let is_raw = self.spec["x-token"]["basic"]["encode"] == "raw";
                    let halves = names.iter().map(|name| credential(name.as_str().unwrap()));
                    let halves: Vec<_> = halves.map(|half| if is_raw { half } else { encoded(&half) }).collect();
                    let word = word.unwrap_or("Basic");
                    ("authorization".to_owned(), format!("{word} {}", STANDARD.encode(halves.join(":"))))
                }
                (_, scheme) => {
                    let access = self.access.as_deref().filter(|_| !action["token"].is_null()).unwrap_or(token);
                    let value = if own.is_empty() { access } else { &own };
                    ("authorization".to_owned(), format!("{} {value}", scheme.unwrap()))
                }
            });
        }
        let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
        let method: Method = method.to_uppercase().parse().unwrap();
        let request = self.playing.http.request(method, self.playing.url(&format!("{path}{query}")));
        headers.into_iter().fold(request, |request, (name, value)| request.header(name, value))
    }

    /// Returns a call to the protected resource.
    pub fn call(&self, response: &Value, token: &str) -> RequestBuilder {
        let usage = &self.spec["x-token"]["use"];
        let header = usage["header"].as_str().unwrap_or("Authorization");
        let token_type = self.x("/response/token-type").and_then(|at| response.pointer(at)).and_then(Value::as_str);
        let default = if header == "Authorization" { "Bearer" } else { "none" };
        let value = match usage["prefix"].as_str().or(token_type).unwrap_or(default) {
            "none" => token.to_owned(),
            prefix => format!("{prefix} {token}"),
        };
        let credential = |name: &Value| match name.as_str().unwrap() {
            "token" => token.to_owned(),
            name => self.playing.issuer.credentials().get(name).cloned().unwrap_or_default(),
        };
        let call = self.playing.http.get(self.playing.url("/protected/thing"));
        let mut call = if let Some(name) = usage["query"].as_str() {
            call.query(&[(name, token)])
        } else if let Some(name) = usage["cookie"].as_str() {
            call.header("cookie", format!("first=1; {name}={token}"))
        } else if usage["basic"].is_object() {
            let [user, password] = ["username", "password"].map(|word| credential(&usage["basic"][word]));
            call.basic_auth(user, Some(password))
        } else {
            call.header(header, value)
        };
        for (header, credential) in usage["also"].as_object().into_iter().flatten() {
            let value = match credential["kept"].as_str() {
                Some(name) => {
                    let at = self.spec["x-token"]["response"]["keep"][name].as_str().unwrap();
                    let kept = response.pointer(at).unwrap();
                    kept.as_str().map_or_else(|| kept.to_string(), ToOwned::to_owned)
                }
                None => self.playing.issuer.credentials()[credential.as_str().unwrap()].clone(),
            };
            call = call.header(header, value);
        }
        call
    }

    /// Returns the schema of an action's successful response.
    pub fn success(&self, action: &str) -> &Value {
        let last = self.spec["x-token"][action]["then"].as_array().and_then(|then| then.last());
        let last = last.and_then(|then| then["operation"].as_str());
        let operation = self.find(last.or(self.x(&format!("/{action}/operation"))).unwrap()).3;
        let responses = operation["responses"].as_object().unwrap();
        let (_, response) = responses.iter().find(|(status, _)| status.starts_with('2')).unwrap();
        &self.at(response)["content"].as_object().unwrap().values().next().unwrap()["schema"]
    }

    fn branch<'b>(&'b self, schema: &'b Value, name: Option<&str>) -> &'b Value {
        let branches = self.at(schema)["oneOf"].as_array();
        let named =
            |branch: &&Value| name.is_some_and(|name| branch["$ref"].as_str().unwrap().ends_with(&format!("/{name}")));
        branches.and_then(|branches| branches.iter().find(named)).unwrap_or(schema)
    }

    /// Merges a schema with the parts of its `allOf`.
    fn merged(&self, schema: &Value) -> Value {
        let mut whole = self.at(schema).clone();
        for part in whole["allOf"].take().as_array().into_iter().flatten() {
            for (word, value) in self.merged(part).as_object().unwrap() {
                match (&mut whole[word], value) {
                    (Value::Object(known), Value::Object(more)) => known.extend(more.clone()),
                    (Value::Array(known), Value::Array(more)) => known.extend(more.clone()),
                    (known @ Value::Null, more) => *known = more.clone(),
                    _ => {}
                }
            }
        }
        whole
    }

    /// Builds the required fields from constants and credentials.
    fn required(&self, schema: &Value, path: &str) -> Value {
        let schema = self.merged(schema);
        let credentials = self.playing.issuer.credentials();
        let member = |name: &Value| {
            let name = name.as_str().unwrap();
            let property = self.at(&schema["properties"][name]);
            let constant = property["enum"][0].clone();
            let path = format!("{path}{}", label(name, property));
            let known = credentials.get(&path).map(String::as_str).unwrap_or_default();
            let value = match property["type"].as_str().unwrap() {
                _ if !constant.is_null() => constant,
                "integer" => known.parse::<i64>().unwrap().into(),
                // Matches constants.
                "array" if !property["items"]["enum"].is_null() => property["items"]["enum"].clone(),
                "object" => self.required(property, &format!("{path}_")),
                _ => known.into(),
            };
            (name.to_owned(), value)
        };
        schema["required"].as_array().into_iter().flatten().map(member).collect()
    }

    /// Returns where and why a value violates a schema.
    pub fn misfit(&self, schema: &Value, value: &Value, at: &str) -> Option<String> {
        let schema = &self.merged(schema);
        if value.is_null() && schema["nullable"] == true {
            return None;
        }
        if let Some(one) = schema["oneOf"].as_array() {
            let all: Option<Vec<String>> = one.iter().map(|branch| self.misfit(branch, value, at)).collect();
            return all.map(|all| all.join("; "));
        }
        let fits = match schema["type"].as_str() {
            None => true,
            Some("string") => value.is_string(),
            Some("integer") => value.is_i64() || value.is_u64(),
            Some("number") => value.is_number(),
            Some("boolean") => value.is_boolean(),
            Some("array") => value.is_array(),
            Some(_) => value.is_object(),
        };
        let listed = schema["enum"].as_array().is_none_or(|values| values.contains(value));
        if !fits || !listed {
            return Some(format!("{at}: {value} isn't {schema}"));
        }
        let required = schema["required"].as_array().into_iter().flatten();
        let missing = required.filter(|_| value.is_object()).find(|name| value.get(name.as_str().unwrap()).is_none());
        if let Some(name) = missing {
            return Some(format!("{at}: {name} is missing"));
        }
        let mut members = value.as_object().into_iter().flatten();
        let members = members.find_map(|(name, member)| match schema["properties"].get(name) {
            Some(property) => self.misfit(property, member, &format!("{at}/{name}")),
            None if schema.get("properties").is_some() => Some(format!("{at}: {name} isn't of the schema")),
            None => None,
        });
        let mut items = value.as_array().into_iter().flatten();
        members.or_else(|| items.find_map(|item| self.misfit(&schema["items"], item, at)))
    }
}

/// Returns the name of a property or a parameter as a credential.
fn label<'a>(name: &'a str, node: &'a Value) -> &'a str {
    node["x-name"].as_str().unwrap_or(name)
}

fn form(media: &Value, body: &Value) -> String {
    let pairs = body.as_object().unwrap().iter().map(|(name, value)| {
        let delimiter = match media["encoding"][name]["style"].as_str() {
            Some("spaceDelimited") => " ",
            Some("pipeDelimited") => "|",
            _ => ",",
        };
        let value = match value.as_array() {
            Some(items) => items.iter().map(text).collect::<Vec<_>>().join(delimiter),
            None => text(value),
        };
        format!("{name}={}", encoded(&value))
    });
    pairs.collect::<Vec<_>>().join("&")
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}

fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}
