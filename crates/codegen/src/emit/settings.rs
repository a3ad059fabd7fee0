//! The settings of an endpoint: the path parameters of the actions, and the variables in the URLs of the servers. Those
//! with the same Rust name are one setting.

use crate::lower::descriptions::plain;
use crate::lower::model::{Model, Param, Server, Ty, Variable};

/// Names that no setter and no server can have: those of `Endpoint`'s other methods, and of common traits. A setting
/// can't have the name of a server either.
pub const RESERVED: [&str; 17] = [
    "at",
    "certified",
    "clone",
    "custom",
    "from_env",
    "from_vars",
    "http_client",
    "into",
    "is_single_use",
    "new",
    "received",
    "server_key",
    "text_base",
    "text_setting",
    "to_owned",
    "try_into",
    "unchecked",
];

/// A setting of the endpoint.
pub struct Setting<'a> {
    /// The name of its field, of its setter, and of its argument in a constructor.
    pub name: String,
    /// Its path parameter.
    pub param: Option<&'a Param>,
    /// Its variables, each with its server.
    pub variables: Vec<(&'a Server, &'a Variable)>,
    /// Whether a computed value contains it. It is then needed even if no URL has it, as with a custom base URL.
    pub is_computed_with: bool,
}

impl Setting<'_> {
    pub fn is_secret(&self) -> bool {
        self.param.is_some_and(|param| param.ty == Ty::Secret)
    }

    pub fn ty(&self) -> &'static str {
        if self.is_secret() { "Secret" } else { "String" }
    }

    /// Whether it is an argument of a server's constructor.
    pub fn is_argument_of(&self, server: &Server) -> bool {
        self.variables.iter().any(|(of, variable)| of.name == server.name && variable.default.is_none())
    }

    /// Whether it has a setter. An argument of every constructor needs none, unless a custom base URL needs it.
    pub fn has_setter(&self) -> bool {
        self.param.is_some()
            || self.is_computed_with
            || self.variables.iter().any(|(_, variable)| variable.default.is_some())
    }

    /// Returns the description of the path parameter, or else those of the variables, each with its server if they
    /// differ.
    pub fn docs(&self) -> Vec<(Option<&str>, &str)> {
        if let Some(param) = self.param {
            return vec![(None, &param.docs)];
        }
        let first = self.variables.first().map_or("", |(_, variable)| variable.docs.as_str());
        if self.variables.iter().all(|(_, variable)| variable.docs == first) {
            return vec![(None, first)];
        }
        let of_servers = self.variables.iter().filter(|(_, variable)| !variable.docs.is_empty());
        of_servers.map(|(server, variable)| (Some(server.name.as_str()), variable.docs.as_str())).collect()
    }

    /// Returns a value for examples.
    pub fn example(&self) -> String {
        let is_port =
            |(server, variable): &(&Server, &Variable)| server.url.contains(&format!(":{{{}}}", variable.name));
        match self.param.and_then(|param| param.example.as_ref()) {
            Some(value) => plain(value),
            None if self.variables.iter().any(is_port) => "443".to_owned(),
            None => format!("example-{}", self.name.trim_matches('_').replace('_', "-")),
        }
    }
}

/// Returns the path parameters of the login, the refresh and the revocation, then the variables of the servers.
pub fn settings(model: &Model) -> Vec<Setting<'_>> {
    let mut settings: Vec<Setting<'_>> = Vec::new();
    let computed_with = model.x_token.as_ref().map(|x_token| x_token.computed_names().0).unwrap_or_default();
    let params = model.operations.iter().flat_map(|operation| &operation.params);
    for param in params.filter(|param| param.is_setting && !matches!(param.ty, Ty::Constant(_))) {
        let name = param.field();
        match settings.iter_mut().find(|setting| setting.name == name) {
            // A secret in one operation is a secret in all.
            Some(known) if param.ty == Ty::Secret => known.param = Some(param),
            Some(_) => {}
            None => {
                let is_computed_with = computed_with.contains(&name);
                settings.push(Setting { name, param: Some(param), variables: Vec::new(), is_computed_with });
            }
        }
    }
    for server in &model.servers {
        for variable in &server.variables {
            let name = variable.field();
            match settings.iter_mut().find(|setting| setting.name == name) {
                Some(known) => known.variables.push((server, variable)),
                None => {
                    let is_computed_with = computed_with.contains(&name);
                    settings.push(Setting { name, param: None, variables: vec![(server, variable)], is_computed_with });
                }
            }
        }
    }
    settings
}

/// Returns the arguments of a server's constructor, in the order of its URL.
pub fn arguments<'s, 'a>(settings: &'s [Setting<'a>], server: &Server) -> Vec<&'s Setting<'a>> {
    let position = |setting: &&Setting<'_>| {
        let variable = setting.variables.iter().find(|(of, _)| of.name == server.name);
        variable.and_then(|(_, variable)| server.url.find(&format!("{{{}}}", variable.name)))
    };
    let mut arguments: Vec<&Setting<'a>> = settings.iter().filter(|setting| setting.is_argument_of(server)).collect();
    arguments.sort_by_key(position);
    arguments
}

/// Returns the URL of a server, in which each variable has the name of its setting.
pub fn template(server: &Server) -> String {
    let named = |url: String, variable: &Variable| {
        url.replace(&format!("{{{}}}", variable.name), &format!("{{\0{}}}", variable.field()))
    };
    // The mark keeps a name from being replaced twice.
    server.variables.iter().fold(server.url.clone(), named).replace('\0', "")
}

/// Returns the call of a server's constructor for an example.
pub fn constructor(model: &Model, server: &Server) -> String {
    let settings = settings(model);
    let inputs = arguments(&settings, server).into_iter();
    let inputs: Vec<String> = inputs.map(|setting| format!("{:?}", setting.example())).collect();
    format!("{}({})", server.name, inputs.join(", "))
}

#[cfg(test)]
mod tests {
    use crate::emit;
    use crate::emit::adapter;
    use crate::lint::lint;
    use crate::read::spec::Spec;
    use crate::repository::target::Target;

    /// Returns the client and the adapter of a spec with these servers, without white space.
    fn generated(servers: &str, path: &str) -> (String, String) {
        let text = format!(
            r#"
openapi: 3.0.3
info: {{ title: Acme, version: "1" }}
servers: {servers}
x-token: {{ login: {{ operation: log_in }}, response: {{ access-token: /token }} }}
paths:
  /{path}in:
    post:
      operationId: log_in
      summary: Log in.
      {parameters}
      responses:
        "200": {{ description: T., content: {{ application/json: {{ schema: {{ type: object, properties: {{ token: {{ type: string, format: password }} }} }} }} }} }}
"#,
            parameters = if path.is_empty() {
                ""
            } else {
                "parameters: [{ name: shop, in: path, required: true, schema: { type: string } }]"
            },
        );
        let spec = Spec::parse("specs/acme.yaml", &text).unwrap_or_else(|problems| panic!("{}", problems[0]));
        let linted = lint(&spec);
        let model = linted.model.unwrap_or_else(|| panic!("{}", linted.diagnostics[0]));
        let package = emit::package(&model, &Target::default()).unwrap();
        let client = package.files["crates/acme/src/client.rs"].clone();
        let adapter = adapter::source(&model, &Target::default()).unwrap().unwrap();
        let dense = |text: String| text.split_whitespace().collect::<String>();
        (dense(client), dense(adapter))
    }

    #[track_caller]
    fn has(source: &str, wanted: &[&str]) {
        for wanted in wanted {
            let dense: String = wanted.split_whitespace().collect();
            assert!(source.contains(&dense), "no `{wanted}` in\n{source}");
        }
    }

    #[test]
    fn a_server_variable_without_an_enum_is_a_required_setting() {
        let shop = "shop: { default: example, description: The shop's name. }";
        let servers = format!("[{{ url: \"https://{{shop}}.acme.example\", variables: {{ {shop} }} }}]");
        let (client, adapter) = generated(&servers, "");
        has(
            &client,
            &["pub fn production(shop: impl Into<String>) -> Self {", "endpoint.settings.shop = shop.into();"],
        );
        has(
            &adapter,
            &[
                "acme::Endpoint::production(\"example-shop\")",
                "Variable::required(\"ACME_SHOP\", \"The shop's name.\").of_servers(&[\"production\"])",
                "|vars| Ok(Endpoint::production(vars.needed::<String>(\"ACME_SHOP\")?))",
            ],
        );
        let default = format!("{:?}.into()", "example");
        assert!(!client.contains(&default) && !adapter.contains(&default), "the default is never used");
        assert!(!client.contains("pubfnshop("), "{client}");
    }

    #[test]
    fn several_required_variables_are_arguments_in_the_order_of_the_url() {
        let servers = "[{ url: \"https://{host}:{port}/{version}/{path}\", variables: { path: { default: a }, version: { \
                       default: v1, enum: [v1, v2] }, port: { default: \"1\" }, host: { default: a } } }]";
        let (client, adapter) = generated(servers, "");
        has(
            &client,
            &[
                "pub fn production(host: impl Into<String>, port: impl Into<String>, path: impl Into<String>,) -> Self {",
                "endpoint.settings.version = \"v1\".into();",
                "pub fn version(mut self,",
            ],
        );
        has(&adapter, &["acme::Endpoint::production(\"example-host\", \"443\", \"example-path\")"]);
    }

    #[test]
    fn a_variable_and_a_path_parameter_of_one_name_are_one_setting() {
        let servers = "[{ url: \"https://{Shop}.acme.example\", variables: { Shop: { default: a } } }]";
        let (client, adapter) = generated(servers, "{shop}/");
        has(
            &client,
            &[
                "pub fn production(shop: impl Into<String>) -> Self {",
                "Self::unchecked(\"https://{shop}.acme.example\")",
                "pub fn shop(mut self,",
                "Error::missing_setting(\"shop\")",
            ],
        );
        has(&adapter, &["acme::Endpoint::production(\"example-shop\"),", "Variable::required(\"ACME_SHOP\","]);
        assert!(!client.contains("shop2") && !adapter.contains("shop2") && !adapter.contains("of_servers"));
    }

    #[test]
    fn a_variable_of_two_servers_is_one_setting_with_both_descriptions() {
        let servers = "[{ url: \"https://{region}.a.example\", x-name: us, variables: { region: { default: east, enum: [east, \
                       west], description: Of America. } } }, { url: \"https://{Region}.b.example\", x-name: eu, variables: { \
                       Region: { default: a, description: Of Europe. } } }]";
        let (client, adapter) = generated(servers, "");
        has(
            &client,
            &[
                "pub fn us() -> Self {",
                "endpoint.settings.region = \"east\".into();",
                "pub fn eu(region: impl Into<String>) -> Self {",
                "/// - `us`: Of America. One of `east`, `west`.",
                "/// - `eu`: Of Europe.",
            ],
        );
        let variable = "Variable::optional(\"ACME_REGION\", \"With us: Of America; with eu: Of Europe.\")";
        has(&adapter, &[&format!("{variable}.of_servers(&[\"eu\"])"), "acme::Endpoint::us()"]);
        assert!(!client.contains("region2") && client.matches("pubfnregion(").count() == 1);
    }

    #[test]
    fn a_setting_is_not_renamed_because_of_a_private_name() {
        for name in ["url", "base_url", "http", "settings", "target", "credentials", "server"] {
            let servers = format!(
                "[{{ url: \"https://{{{name}}}.a.example\", variables: {{ {name}: {{ default: a, enum: [a] }} }} }}]"
            );
            let (client, _) = generated(&servers, "");
            has(&client, &[&format!("pub fn {name}(mut self, value: impl Into<String>) -> Self {{")]);
        }
    }
}
