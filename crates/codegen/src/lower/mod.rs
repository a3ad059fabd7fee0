//! Lower, the third of the four stages: from a linted spec to a [`Model`].
//!
//! It resolves references, names every inline type, and merges `allOf`. Constraints that no type can express become
//! docs. The spec has passed `lint`, but lint itself lowers specs that it rejects, so nothing here panics on an invalid
//! spec.

pub mod descriptions;
pub mod model;
mod operations;
mod passes;
mod schemas;
pub mod servers;

use std::collections::HashSet;

use indexmap::{IndexMap, IndexSet};

use crate::lower::descriptions::{text, words};
use crate::lower::model::Model;
use crate::lower::operations::Actions;
use crate::lower::passes::{box_circles, lower_expiries, mark_use, settle_constants};
use crate::lower::schemas::Lowering;
use crate::lower::servers::servers;
use crate::read::spec::Spec;
use crate::read::x_token::XToken;

/// Returns the model of a spec.
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
        // It is used in headings and in a manifest, which have one line.
        title: words(&text(&info["title"])),
        description: text(&info["description"]),
        servers: servers(&spec.document["servers"]),
        components,
        operations,
        x_token,
        cut,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lower::model::{Shape, Ty};

    fn model(text: &str) -> Model {
        let spec = Spec::parse("specs/acme.yaml", text).unwrap_or_else(|problems| panic!("{}", problems[0]));
        let x_token = XToken::from_document(&spec).unwrap_or_else(|problems| panic!("{}", problems[0]));
        lower(&spec, x_token)
    }

    /// Returns the model of a spec with one operation, which has this request and this response.
    fn acme(request: &str, response: &str) -> Model {
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
        "200": {{ description: A token., content: {{ application/json: {{ schema: {response} }} }} }}
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

    const RESPONSE: &str = r##"{ $ref: "#/components/schemas/Base" }"##;

    #[test]
    fn a_constant_is_kept_in_a_request_and_open_in_a_response() {
        let constant = "{ type: object, properties: { kind: { type: string, enum: [a] } } }";
        let model = acme(constant, constant);
        assert_eq!(*ty(&model, "LogInBody", "kind"), Ty::Constant("a".into()));
        assert_eq!(*ty(&model, "LogInResponse", "kind"), Ty::Text);
    }

    #[test]
    fn an_object_without_properties_can_be_a_body_or_a_branch() {
        let nothing = "{ type: object, properties: {} }";
        let model = acme(nothing, RESPONSE);
        assert!(matches!(&model.components["LogInBody"].shape, Shape::Struct(properties) if properties.is_empty()));
        let model = acme(
            "{ oneOf: [{ type: object, properties: {} }, { type: object, properties: { a: { type: string } } }] }",
            RESPONSE,
        );
        assert!(matches!(&model.components["LogInBody"].shape, Shape::Union(branches) if branches.len() == 2));
    }

    #[test]
    fn a_constant_that_identifies_a_branch_is_closed() {
        let model = acme(
            "{ type: object, properties: { a: { type: string } } }",
            "{ oneOf: [ { type: object, required: [kind], properties: { kind: { type: string, enum: [a] } } }, \
             { type: object, required: [kind], properties: { kind: { type: string, enum: [b] } } } ] }",
        );
        let Ty::Ref(tag) = ty(&model, "LogInResponse1", "kind") else { panic!("no tag") };
        assert!(matches!(&model.components[tag].shape, Shape::Tag(value) if value == "a"));
    }

    #[test]
    fn an_expiry_with_a_zone_needs_no_offset() {
        let body = "{ type: object, properties: { a: { type: string } } }";
        let response = "{ type: object, properties: { until: { type: string, format: date-time }, \
                      since: { type: string, format: date-time } } }";
        let model = acme(body, response);
        assert_eq!(*ty(&model, "LogInResponse", "until"), Ty::Timestamp { utc: true });
        assert_eq!(*ty(&model, "LogInResponse", "since"), Ty::Timestamp { utc: false });
    }

    #[test]
    fn a_recursive_property_is_boxed_unless_it_is_in_a_list() {
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
    fn a_new_value_does_not_rename_other_variants() {
        let named = |values: &str, names: &str| {
            let property = format!("zone: {{ type: string, enum: [{values}], x-names: {{ {names} }} }}");
            let model = acme(&format!("{{ type: object, properties: {{ {property} }} }}"), RESPONSE);
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
    fn an_unused_schema_is_dropped() {
        let model = acme("{ type: object, properties: { a: { type: string } } }", RESPONSE);
        assert!(!model.components.contains_key("Reason"));
    }

    #[test]
    fn errors_with_exact_statuses_come_first() {
        let model = acme("{ type: object, properties: { a: { type: string } } }", RESPONSE);
        let errors = &model.operations[0].errors;
        assert_eq!(errors.iter().map(|response| response.status.label()).collect::<Vec<_>>(), ["400", "429"]);
        assert_eq!(errors[0].ty, Some(Ty::Text));
        assert_eq!(errors[1].ty, None);
    }
}
