//! Rejects references that don't resolve, and schemas that aren't supported.
//!
//! What this module doesn't visit isn't read anywhere else: examples and unknown keywords may contain anything.

use indexmap::IndexMap;

use crate::spec::document::{Components, Document, PathItem};
use crate::spec::operation::{Example, Header, MediaType, Operation, Parameter, RequestBody, ResponseObject};
use crate::spec::schema::{Additional, Schema};

type Checked = Result<(), String>;

/// Checks every reference and every schema of a document.
pub(super) fn check(document: &Document) -> Checked {
    let walk = Walk(document);
    document.paths.iter().try_for_each(|(path, item)| walk.path(path, item))?;
    walk.components(&document.components)?;
    let mut done = Vec::new();
    let schemas = document.components.schemas.keys();
    schemas.into_iter().try_for_each(|name| walk.check_cycles(name, &mut Vec::new(), &mut done))
}

struct Walk<'a>(&'a Document);

impl<'a> Walk<'a> {
    /// Checks that a reference names a component of the expected kind, and isn't circular.
    fn reference<T>(
        &self,
        reference: Option<&str>,
        kind: &str,
        components: &IndexMap<String, T>,
        is_circular: impl Fn() -> bool,
    ) -> Checked {
        let Some(reference) = reference else { return Ok(()) };
        match reference.strip_prefix(&format!("#/components/{kind}/")) {
            None => Err(format!("`{reference}` is not followed; write `#/components/{kind}/NAME`")),
            Some(name) if name.contains('/') => {
                Err(format!("`{reference}` is not followed; give the target its own name: `#/components/{kind}/NAME`"))
            }
            Some(name) if !components.contains_key(name) => Err(format!("`{reference}` does not resolve")),
            Some(_) if is_circular() => Err(format!("`{reference}` is circular, or follows too many other references")),
            Some(_) => Ok(()),
        }
    }

    fn path(&self, path: &str, item: &PathItem) -> Checked {
        if item.reference.is_some() {
            return Err(format!("{path}: a `$ref` instead of a path item is not followed"));
        }
        item.parameters.iter().try_for_each(|parameter| self.parameter(parameter))?;
        item.operations().try_for_each(|(_, operation)| self.operation(operation))
    }

    fn operation(&self, operation: &Operation) -> Checked {
        operation.parameters.iter().try_for_each(|parameter| self.parameter(parameter))?;
        operation.request_body.iter().try_for_each(|body| self.body(body))?;
        operation.responses.values().try_for_each(|response| self.response(response))
    }

    fn components(&self, components: &Components) -> Checked {
        components.schemas.values().try_for_each(|schema| self.schema(schema))?;
        components.responses.values().try_for_each(|response| self.response(response))?;
        components.parameters.values().try_for_each(|parameter| self.parameter(parameter))?;
        components.request_bodies.values().try_for_each(|body| self.body(body))?;
        components.headers.values().try_for_each(|header| self.header(header))?;
        components.examples.values().try_for_each(|example| self.example(example))?;
        components.security_schemes.iter().try_for_each(|(name, scheme)| {
            let is_circular = || self.0.security_scheme(name).is_some_and(|scheme| scheme.reference.is_some());
            self.reference(scheme.reference.as_deref(), "securitySchemes", &components.security_schemes, is_circular)
        })
    }

    fn parameter(&self, parameter: &Parameter) -> Checked {
        let is_circular = || self.0.parameter(parameter).reference.is_some();
        self.reference(parameter.reference.as_deref(), "parameters", &self.0.components.parameters, is_circular)?;
        self.schema(&parameter.schema)?;
        parameter.examples.values().try_for_each(|example| self.example(example))
    }

    fn body(&self, body: &RequestBody) -> Checked {
        let is_circular = || self.0.request_body(body).reference.is_some();
        self.reference(body.reference.as_deref(), "requestBodies", &self.0.components.request_bodies, is_circular)?;
        body.content.values().try_for_each(|media| self.media(media))
    }

    fn response(&self, response: &ResponseObject) -> Checked {
        let is_circular = || self.0.response(response).reference.is_some();
        self.reference(response.reference.as_deref(), "responses", &self.0.components.responses, is_circular)?;
        response.headers.values().try_for_each(|header| self.header(header))?;
        response.content.values().try_for_each(|media| self.media(media))
    }

    fn header(&self, header: &Header) -> Checked {
        let is_circular = || self.0.header(header).reference.is_some();
        self.reference(header.reference.as_deref(), "headers", &self.0.components.headers, is_circular)?;
        self.schema(&header.schema)
    }

    fn media(&self, media: &MediaType) -> Checked {
        self.schema(&media.schema)?;
        media.examples.values().try_for_each(|example| self.example(example))
    }

    fn example(&self, example: &Example) -> Checked {
        let is_circular = || self.0.example(example).reference.is_some();
        self.reference(example.reference.as_deref(), "examples", &self.0.components.examples, is_circular)
    }

    fn schema(&self, schema: &Schema) -> Checked {
        let is_circular = || self.0.schema(schema).reference.is_some();
        self.reference(schema.reference.as_deref(), "schemas", &self.0.components.schemas, is_circular)?;
        if schema.any_of.is_some() {
            return Err("`anyOf` is not supported; write `oneOf`".to_owned());
        }
        if schema.not.is_some() {
            return Err("`not` is not supported".to_owned());
        }
        let additional = match &schema.additional_properties {
            Some(Additional::Are(schema)) => Some(&**schema),
            Some(Additional::Allowed(_)) | None => None,
        };
        let inner = schema.properties.values().chain(additional).chain(schema.items.as_deref());
        inner.chain(&schema.all_of).chain(&schema.one_of).try_for_each(|schema| self.schema(schema))
    }

    /// Rejects a schema that contains itself through `oneOf` or `allOf`: no value could be checked against it.
    fn check_cycles(&self, name: &'a str, path: &mut Vec<&'a str>, done: &mut Vec<&'a str>) -> Checked {
        if path.contains(&name) {
            return Err(format!("the schema `{name}` contains itself through its `oneOf` or `allOf`"));
        }
        let Some(schema) = self.0.components.schemas.get(name).filter(|_| !done.contains(&name)) else {
            return Ok(());
        };
        path.push(name);
        let mut open = vec![schema];
        while let Some(schema) = open.pop() {
            if let Some(name) = schema.name() {
                self.check_cycles(name, path, done)?;
            }
            open.extend(schema.all_of.iter().chain(&schema.one_of));
        }
        path.pop();
        done.push(name);
        Ok(())
    }
}
