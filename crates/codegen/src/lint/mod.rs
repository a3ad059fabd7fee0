//! Lint, the second of the four stages: everything that is wrong with a spec, at once.
//!
//! Nothing passes that progenitor would panic on, fail late on or drop silently, and nothing that the later stages don't
//! support: they rely on what is checked here. The lint changes nothing, and judges what a spec says, never whether that is true
//! of the vendor.
//!
//! Each rule is a function, called by [`rule!`](rule), which gives its name to what it reports: `unknown_keys` reports
//! `[unknown-keys]`. Its comment says what must hold. Its fixture and its snapshot have its name too, and `specs/README.md` lists
//! it.
//!
//! | module | what it checks |
//! | --- | --- |
//! | [`keys`] | every key, and the form of its value, against the objects of OpenAPI 3.0 |
//! | [`references`] | references, and the names of components |
//! | [`servers`] | servers: names, URLs and variables |
//! | [`security`] | security schemes and requirements |
//! | [`operations`] | operations and paths |
//! | [`parameters`] | parameters |
//! | [`bodies`] | request bodies and forms |
//! | [`responses`] | responses |
//! | [`schemas`] | schemas: types and formats |
//! | [`enums`], [`objects`], [`compositions`] | schemas with `enum`, with `properties`, with `allOf` or `oneOf` |
//! | [`secrets`] | secrets among the schemas |
//! | [`examples`] | examples, against their schemas |
//! | [`x_token`] | the block `x-token`, against the operations that it names |
//! | [`computed`] | what the requests compute, if nothing else is wrong |
//! | [`alternatives`] | the alternatives of a login, if nothing else is wrong |
//! | [`further_requests`] | the further requests of a login, if nothing else is wrong |
//! | [`names`] | names that collide in Rust or in the environment, if nothing else is wrong |

mod alternatives;
mod bodies;
mod compositions;
mod computed;
mod document;
mod enums;
mod examples;
mod further_requests;
pub mod keys;
mod names;
mod objects;
mod operations;
mod parameters;
mod references;
mod responses;
mod rule;
mod schemas;
mod secrets;
mod security;
mod servers;
mod syntax;
mod x_token;

#[cfg(test)]
mod tests;

use std::collections::HashSet;

use crate::diagnostic::{Diagnostic, Severity};
use crate::lint::document::Lint;
use crate::lower::lower;
use crate::lower::model::Model;
use crate::read::spec::Spec;

/// What is wrong with a spec, and its model.
pub struct Linted {
    /// All diagnostics, in the order of the file.
    pub diagnostics: Vec<Diagnostic>,
    /// None if one of the diagnostics is an error.
    pub model: Option<Model>,
}

/// Checks a spec, half of it on another core.
pub fn lint(spec: &Spec) -> Linted {
    let mut keys = Lint::new(spec);
    let nodes = keys::check(&mut keys);
    let (others, (schemas, x_token)) = rayon::join(
        || {
            let mut lint = Lint::new(spec);
            let operations = lint.operations();
            references::check(&mut lint, &nodes);
            servers::check(&mut lint, &operations);
            security::check(&mut lint, &operations);
            operations::check(&mut lint, &operations);
            parameters::check(&mut lint, &operations);
            bodies::check(&mut lint, &operations);
            responses::check(&mut lint, &operations);
            examples::check(&mut lint, &operations);
            lint.diagnostics
        },
        || {
            let mut lint = Lint::new(spec);
            schemas::check(&mut lint, &nodes);
            let x_token = x_token::check(&mut lint);
            (lint.diagnostics, x_token)
        },
    );
    let mut diagnostics: Vec<Diagnostic> = keys.diagnostics.into_iter().chain(others).chain(schemas).collect();
    // Next to an error it would be noise: the error may be a typo of the very key.
    if !has_error(&diagnostics) {
        diagnostics.extend(x_token::check_presence(spec));
    }
    let model = (!has_error(&diagnostics)).then(|| lower(spec, x_token));
    if let Some(model) = &model {
        let mut names = Lint::new(spec);
        names::check(&mut names, model);
        alternatives::check(&mut names, model);
        computed::check(&mut names, model);
        further_requests::check(&mut names, model);
        diagnostics.extend(names.diagnostics);
    }
    let model = model.filter(|_| !has_error(&diagnostics));
    Linted { diagnostics: in_order(spec, diagnostics), model }
}

fn has_error(diagnostics: &[Diagnostic]) -> bool {
    diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
}

/// Sorts by the order of the file, errors before warnings of the same place, and drops duplicates.
fn in_order(spec: &Spec, mut diagnostics: Vec<Diagnostic>) -> Vec<Diagnostic> {
    // A component is checked once for each place that uses it. What has an error needs no warning.
    let wrong: HashSet<String> = diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.severity == Severity::Error)
        .map(|diagnostic| diagnostic.pointer.clone())
        .collect();
    let mut seen = HashSet::new();
    diagnostics.retain(|diagnostic| {
        (diagnostic.severity == Severity::Error || !wrong.contains(&diagnostic.pointer))
            && seen.insert(diagnostic.clone())
    });
    diagnostics.sort_by_cached_key(|diagnostic| (spec.rank(&diagnostic.pointer), diagnostic.severity));
    diagnostics
}
