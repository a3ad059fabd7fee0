//! Unusual specs: circular schemas, references, and properties that are named like keywords.

use freshtoken_sandbox::{Clock, PlayedVendor};
use serde_json::{Value, json};

use crate::support::{Playing, play, start, status_and_body};

/// A login with this body, this response and these schemas.
fn spec(media_type: &str, request: &str, token: &str, schemas: &str) -> String {
    format!(
        r##"
openapi: 3.0.3
x-token:
  login: {{ operation: login }}
  response: {{ access-token: /access_token }}
paths:
  /login:
    post:
      operationId: login
      requestBody: {{ required: true, content: {{ {media_type}: {{ schema: {request} }} }} }}
      responses: {{ "200": {{ content: {{ application/json: {{ schema: {token} }} }} }} }}
components:
  schemas:
    Token: {{ type: object, required: [access_token], properties: {{ access_token: {{ type: string }} }} }}
{schemas}
"##
    )
}

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

fn schema(name: &str) -> String {
    format!("{{ $ref: '#/components/schemas/{name}' }}")
}

async fn playing(spec: &str) -> Playing {
    play(PlayedVendor::parse("shapes", spec).unwrap().clock(Clock::stopped(start()))).await
}

fn refused(spec: &str) -> String {
    PlayedVendor::parse("shapes", spec).err().map(|error| error.to_string()).unwrap_or_default()
}

#[test]
fn a_schema_that_contains_itself_is_rejected() {
    for schemas in [
        "    R: { oneOf: [{ $ref: '#/components/schemas/R' }, { type: object }] }",
        "    R: { oneOf: [{ $ref: '#/components/schemas/S' }, { type: object }] }
    S: { oneOf: [{ $ref: '#/components/schemas/R' }] }",
        "    R: { allOf: [{ oneOf: [{ type: object }, { $ref: '#/components/schemas/R' }] }] }",
        "    R: { allOf: [{ $ref: '#/components/schemas/R' }] }",
    ] {
        let error = refused(&spec(JSON, &schema("R"), &schema("Token"), schemas));
        assert!(error.contains("the schema `R` contains itself"), "{error}");
    }
    let round = "    R: { $ref: '#/components/schemas/S' }\n    S: { $ref: '#/components/schemas/R' }";
    let error = refused(&spec(JSON, &schema("R"), &schema("Token"), round));
    assert!(error.contains("is circular"), "{error}");
}

/// Each level has two branches, so checking both of them would take 2^50 steps.
#[tokio::test]
async fn a_deep_value_is_checked_once() {
    let schemas = "
    R: { oneOf: [{ $ref: '#/components/schemas/A' }, { $ref: '#/components/schemas/B' }] }
    A: { allOf: [{ $ref: '#/components/schemas/Link' }, { properties: { kind: { type: string, enum: [a] } } }] }
    B: { allOf: [{ $ref: '#/components/schemas/Link' }, { properties: { kind: { type: string, enum: [b] } } }] }
    Link: { type: object, required: [kind], properties: { next: { $ref: '#/components/schemas/R' } } }";
    let playing = playing(&spec(JSON, &schema("R"), &schema("Token"), schemas)).await;
    let deep = |inmost: Value| (0..50).fold(inmost, |next, _| json!({ "kind": "b", "next": next }));
    let login = |body: Value| status_and_body(playing.post("/login").json(&body));
    assert_eq!(login(deep(json!({ "kind": "b" }))).await.0, 200);
    assert_eq!(login(deep(json!({ "kind": "c" }))).await.0, 400);
}

#[tokio::test]
async fn an_object_nested_in_its_own_type_ends_there() {
    let names: Vec<String> = ('a'..='l').map(|name| name.to_string()).collect();
    let inner = |of: &str| {
        let members = names.iter().map(|name| format!("{name}: {of}"));
        members.collect::<Vec<_>>().join(", ")
    };
    let nullable = "{ nullable: true, allOf: [{ $ref: '#/components/schemas/Filter' }] }";
    let schemas = format!(
        "    Filter: {{ type: object, required: [key], properties: {{ key: {{ type: string }}, {} }} }}
    Tree: {{ type: object, required: [access_token, {}], properties: {{ access_token: {{ type: string }}, {} }} }}",
        inner(nullable),
        names.join(", "),
        inner("{ $ref: '#/components/schemas/Tree' }"),
    );
    let playing = playing(&spec(JSON, &schema("Filter"), &schema("Tree"), &schemas)).await;
    assert_eq!(playing.issuer.credentials().keys().collect::<Vec<_>>(), ["key"]);
    let (status, token) =
        status_and_body(playing.post("/login").json(&json!({ "key": "example-key", "a": null }))).await;
    assert_eq!((status, &token["access_token"]), (200, &json!("example-access-token-1")));
    assert_eq!(token["l"], Value::Null, "a type that requires itself ends with null");
}

#[test]
fn a_reference_names_a_component_of_the_right_kind() {
    let schemas = "    Inner: { type: object, properties: { Token: { type: integer } } }";
    let with = |request: &str| refused(&spec(JSON, request, &schema("Token"), schemas));
    assert_eq!(with(&schema("Token")), "");
    for (reference, why) in [
        ("#/components/schemas/Inner/properties/Token", "give the target its own name: `#/components/schemas/NAME`"),
        ("#/components/responses/Token", "is not followed; write `#/components/schemas/NAME`"),
        ("#/paths/~1login", "is not followed"),
        ("other.yaml#/components/schemas/Token", "is not followed"),
        ("#/components/schemas/Tokens", "does not resolve"),
    ] {
        let error = with(&format!("{{ type: object, properties: {{ x: {{ $ref: '{reference}' }} }} }}"));
        assert!(error.contains(&format!("`{reference}` ")) && error.contains(why), "{error}");
    }
    let shared =
        spec(JSON, &schema("Token"), &schema("Token"), schemas).replace("  /login:\n", "  /login:\n    $ref: '#/x'\n");
    assert!(refused(&shared).contains("/login: a `$ref` instead of a path item"));
}

#[tokio::test]
async fn a_property_name_is_not_a_keyword() {
    let request = "{ type: object, \
                   properties: { not: { type: object }, anyOf: { type: array }, $ref: { type: string } }, \
                   example: { not: {}, anyOf: [], $ref: nowhere } }";
    let playing = playing(&spec(JSON, request, &schema("Token"), "")).await;
    assert_eq!(status_and_body(playing.post("/login").json(&json!({ "not": {}, "anyOf": [] }))).await.0, 200);
    assert_eq!(status_and_body(playing.post("/login").json(&json!({ "not": 1 }))).await.0, 400);
    for (request, why) in
        [("{ not: { type: object } }", "`not` is not supported"), ("{ anyOf: [] }", "`anyOf` is not supported")]
    {
        let request = format!("{{ type: object, properties: {{ inner: {request} }} }}");
        let error = refused(&spec(JSON, &request, &schema("Token"), ""));
        assert!(error.contains(why), "{error}");
    }
}

#[test]
fn two_parameters_in_one_path_segment_are_rejected() {
    for path in ["/{a}{b}", "/x/{a}-{b}"] {
        let error = refused(&spec(JSON, "{}", &schema("Token"), "").replace("  /login:", &format!("  {path}:")));
        assert!(error.contains(&format!("POST {path}: two parameters in one path segment")), "{error}");
    }
    assert_eq!(refused(&spec(JSON, "{}", &schema("Token"), "").replace("  /login:", "  /v{a}.json/{b}:")), "");
}

#[tokio::test]
async fn the_printed_login_of_a_spec_without_examples_works() {
    let request = "{ type: object, required: [scope, key], properties: { key: { type: string }, \
                   scope: { type: array, items: { type: string, enum: [read, write] } } } }";
    let lists = "{ scope: { style: spaceDelimited, explode: false } }";
    let parameter = |name: &str, more: &str| {
        let list = "schema: { type: array, items: { type: integer } }";
        format!("{{ name: {name}, in: query, required: true, {more} {list} }}")
    };
    let parameters =
        [parameter("sites", ""), parameter("tags", "style: pipeDelimited, explode: false, example: [1, 2],")];
    let spec = spec(FORM, request, &schema("Token"), "")
        .replace(&format!("schema: {request}"), &format!("schema: {request}, encoding: {lists}"))
        .replace("operationId: login", &format!("operationId: login\n      parameters: [{}]", parameters.join(", ")));
    let playing = playing(&spec).await;
    let curl = playing.issuer.curl_grant().unwrap();
    let url = curl.split([' ', '\'']).find(|word| word.starts_with("http")).unwrap();
    let form = curl.rsplit_once(" -d ").unwrap().1.trim_matches('\'').to_owned();
    assert!(url.ends_with("?sites=1&tags=1%7C2") && form.contains("scope=read"), "{curl}");
    assert_eq!(status_and_body(playing.http.post(url).header("content-type", FORM).body(form)).await.0, 200);
}

#[tokio::test]
async fn a_code_that_repeats_the_status_has_the_sent_status() {
    let failures = "{ type: object, required: [status], properties: { status: { type: integer, example: 400 } } }";
    let responses =
        format!("\"401\": {{ content: {{ {JSON}: {{ schema: {failures}, example: {{ status: 401 }} }} }} }}");
    let spec = spec(FORM, "{ type: object }", &schema("Token"), "")
        .replace("responses: { ", &format!("responses: {{ {responses}, "))
        .replace("  login: { operation", "  errors: { code: /status }\n  login: { operation");
    let playing = playing(&spec).await;
    assert_eq!(status_and_body(playing.post("/login").json(&json!({}))).await, (415, json!({ "status": 415 })));
}

/// Both types allow `1.0`, which equals the credential `1`.
#[tokio::test]
async fn a_numeric_credential_is_compared_by_value() {
    let request = "{ type: object, required: [site], properties: { site: { type: integer } } }";
    let playing = playing(&spec(JSON, request, &schema("Token"), "")).await;
    let site: f64 = playing.issuer.credentials()["site"].parse().unwrap();
    for (value, status) in [(json!(site as i64), 200), (json!(site), 200), (json!(site + 1.0), 401)] {
        let body = json!({ "site": value });
        assert_eq!(status_and_body(playing.post("/login").json(&body)).await.0, status, "{body}");
    }
}
