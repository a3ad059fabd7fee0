//! Parts of the adapters of small specs.

use super::*;
use crate::emit::adapter::credentials::{Conflict, conflicts};
use crate::lower::lower;
use crate::read::spec::Spec;
use crate::read::x_token::XToken;

/// Returns the model of a spec with this `x-token` and these properties in the request and the response of its only
/// operation.
fn model(x_token: &str, request: &str, response: &str) -> Model {
    let text = format!(
        r#"
openapi: 3.0.3
info: {{ title: Acme, version: "1" }}
servers: [{{ url: "https://acme.example" }}]
x-token: {x_token}
paths:
  /in:
    post:
      operationId: log_in
      security: [{{ app: [] }}]
      requestBody: {{ required: true, content: {{ application/json: {{ schema: {{ type: object, {request} }} }} }} }}
      responses:
        "200": {{ description: A token., content: {{ application/json: {{ schema: {{ type: object, {response} }} }} }} }}
components: {{ securitySchemes: {{ app: {{ type: http, scheme: basic }} }} }}
"#
    );
    let spec = Spec::parse("specs/acme.yaml", &text).unwrap_or_else(|problems| panic!("{}", problems[0]));
    let x_token = XToken::from_document(&spec).unwrap_or_else(|problems| panic!("{}", problems[0]));
    lower(&spec, x_token)
}

/// Returns the adapter without its layout.
fn adapter(x_token: &str, request: &str, response: &str) -> String {
    let model = model(x_token, request, response);
    let source = super::source(&model, &Target::default()).unwrap().unwrap();
    squeezed(&source)
}

/// Returns the source without white space and trailing commas.
fn squeezed(source: &str) -> String {
    source.split_whitespace().collect::<String>().replace(",)", ")").replace(",}", "}")
}

const LOGIN: &str = "{ login: { operation: log_in }, response: { access-token: /token } }";
const TOKEN: &str = "properties: { token: { type: string, format: password } }";

#[track_caller]
fn has(source: &str, wanted: &[&str]) {
    for wanted in wanted {
        assert!(source.contains(&squeezed(wanted)), "no `{wanted}` in\n{source}");
    }
}

#[test]
fn credentials_are_what_the_login_sends_without_its_constants() {
    let source = adapter(
        LOGIN,
        "required: [grant_type, userName], properties: { grant_type: { type: string, enum: [password] }, \
             userName: { type: string }, type: { type: string }, days: { type: integer } }",
        TOKEN,
    );
    has(
        &source,
        &[
            "pub client_id: Secret,",
            "pub client_secret: Secret,",
            "pub user_name: String,",
            "pub type_: Option<String>,",
            "pub days: Option<i64>",
            "user_name: credentials.user_name.clone(),",
            "days: credentials.days",
            "::freshtoken_acme::Credentials { client_id: credentials.client_id.clone(),",
        ],
    );
    assert!(!source.contains("grant_type"), "{source}");
}

#[test]
fn only_used_names_are_imported_despite_equal_words_in_docs_and_schemas() {
    let request = "properties: { Lifetime: { description: A Secret Duration. Takes a Refresh., type: string } }";
    let source = adapter(LOGIN, request, TOKEN);
    has(
        &source,
        &[
            "use crate::env::{EnvError, FromEnv, Variable};",
            "use crate::{CredentialSource, GrantError, IssuedTokens, Renewal, Secret, TokenPolicy, Vendor};",
        ],
    );
    assert!(!source.contains("::std::time"), "{source}");
}

#[test]
fn equal_names_are_one_credential_and_a_secret_if_one_of_them_is() {
    let source = adapter(LOGIN, "required: [client_id], properties: { client_id: { type: string } }", TOKEN);
    assert_eq!(source.matches("pubclient_id:").count(), 1, "{source}");
    has(&source, &["client_id: credentials.client_id.expose().to_owned()"]);
}

#[test]
fn incompatible_types_of_one_credential_are_a_conflict() {
    let found = |ty: &str| conflicts(&model(LOGIN, &format!("properties: {{ client_id: {{ type: {ty} }} }}"), TOKEN));
    assert!(found("string").is_empty());
    let in_ = |ty: &str| ("log_in".to_owned(), ty.to_owned());
    let conflict = Conflict { name: "client_id".to_owned(), first: in_("Secret"), second: in_("i64") };
    assert_eq!(found("integer"), [conflict]);
}

#[test]
fn a_property_inside_an_object_is_named_after_its_path() {
    let source = adapter(
        LOGIN,
        "required: [auth], properties: { auth: { type: object, required: [user, kind], properties: { kind: { type: \
             string, enum: [a] }, user: { type: object, required: [name], properties: { name: { type: string } } } } } }",
        TOKEN,
    );
    has(&source, &["pub auth_user_name: String", "name: credentials.auth_user_name.clone()"]);
}

#[test]
fn an_optional_object_is_sent_if_one_of_its_credentials_is_present() {
    let device = |required: &str| {
        format!(
            "properties: {{ device: {{ type: object, required: {required}, properties: {{ kind: {{ type: string, enum: \
                 [server] }}, id: {{ type: string }} }} }} }}"
        )
    };
    let needs_an_id = adapter(LOGIN, &device("[kind, id]"), TOKEN);
    has(
        &needs_an_id,
        &[
            "pub device_id: Option<String>",
            "device: if credentials.device_id.is_some() {",
            "id: adapter::needed(\"device_id\", &credentials.device_id)?.clone()",
        ],
    );
    let needs_nothing = adapter(LOGIN, &device("[kind]"), TOKEN);
    has(&needs_nothing, &["{ id: credentials.device_id.clone() })"]);
    assert!(!needs_nothing.contains("matchcredentials"), "constants are sent: {needs_nothing}");
}

#[test]
fn an_x_name_renames_field_and_credential_but_not_the_wire() {
    let source = adapter(
        LOGIN,
        "required: [host-fqdn, host_fqdn, place], properties: { host-fqdn: { type: string, x-name: dashed }, host_fqdn: \
             { type: string }, place: { type: object, x-name: site, properties: { id: { type: string, x-name: key } } } }",
        TOKEN,
    );
    has(
        &source,
        &[
            "pub dashed: String,",
            "pub host_fqdn: String,",
            "pub site_key: Option<String>",
            "dashed: credentials.dashed.clone(),",
            "site: types::LogInBodySite { key: credentials.site_key.clone() }",
        ],
    );
}

#[test]
fn of_a_shared_request_only_the_refresh_sends_the_refresh_token() {
    let source = adapter(
        "{ login: { operation: log_in }, refresh: { operation: log_in, token: rt }, response: { access-token: /token, \
             refresh-token: /next } }",
        "properties: { rt: { type: string, format: password } }",
        "properties: { token: { type: string, format: password }, next: { type: string, format: password, nullable: true } }",
    );
    has(
        &source,
        &[
            "{ rt: None }",
            "{ rt: Some(refresh_token.clone()) }",
            ".refresh(RefreshTokens::Reusable).renew(Renewal::Early(0.75))",
        ],
    );
    assert!(!source.contains("pubrt"), "{source}");
}

#[test]
fn the_policy_has_the_defaults_of_the_reference() {
    let policy = |words: &str| {
        let refresh = "refresh: { operation: log_in, token: rt, single-use: true }";
        let response = "response: { access-token: /token, refresh-token: /token }";
        let source = adapter(
            &format!("{{ {refresh}, {response} {words} }}"),
            "properties: { rt: { type: string, format: password } }",
            TOKEN,
        );
        let start = source.find("TokenPolicy::new").unwrap();
        source[start..].split(';').next().unwrap().to_owned()
    };
    assert_eq!(
        policy(""),
        "TokenPolicy::new(\"acme\").login(false).refresh(RefreshTokens::SingleUse).renew(Renewal::AtExpiry)"
    );
    let words = ", renew: { before: 2m }, lifetime: none, use: { header: X-Key, prefix: none }";
    has(
        &policy(words),
        &[
            ".renew(Renewal::Before(Duration::from_secs(120)))",
            ".lifetime(Lifetime::Never).header(\"x-key\").prefix(\"\")",
        ],
    );
}

#[test]
fn credentials_of_each_call_become_extra_headers() {
    let source = adapter(
        "{ login: { operation: log_in }, use: { also: { X-Site: site } }, response: { access-token: /token } }",
        "required: [site], properties: { site: { type: integer } }",
        TOKEN,
    );
    has(
        &source,
        &[
            "let outcome = client.log_in_outcome(",
            "let issued = adapter::issued::<_, ErrorBody>(outcome)?; Ok(with_extra_headers(issued, &credentials))",
            "HeaderName::from_static(\"x-site\"), Secret::new(credentials.site.to_string())",
        ],
    );
}

#[test]
fn without_a_grant_there_is_no_adapter() {
    let mut model = model(LOGIN, "properties: {}", TOKEN);
    model.x_token = None;
    assert!(super::source(&model, &Target::default()).unwrap().is_none());
}
