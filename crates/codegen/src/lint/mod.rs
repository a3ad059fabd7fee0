//! Lint, the second of the four stages: everything that is wrong with a spec, at once.
//!
//! Nothing gets past it that progenitor would panic on, fail late on or drop without a word, and nothing that the later
//! stages can't honour: they may take for granted what this one has checked. It changes nothing, and it judges what a
//! spec says, never whether that is true of the vendor.
//!
//! | module | what it checks |
//! | --- | --- |
//! | [`keys`] | every key and the form of its value, against the objects of OpenAPI 3.0 |
//! | [`references`] | references, and the names of components |
//! | [`servers`] | servers: names, URLs and variables |
//! | [`security`] | security schemes and requirements |
//! | [`operations`] | operations, paths, parameters and answers |
//! | [`bodies`] | request bodies and forms |
//! | [`schemas`] | schemas, and the secrets among them |
//! | [`examples`] | examples, against their schemas |
//! | [`x_token`] | the block `x-token`, against the operations that it names |
//! | [`names`] | names that collide in Rust or in the environment, where nothing else is wrong |
//! | [`tokens`] | the examples of responses with tokens, read as the client reads them |

mod bodies;
mod document;
mod examples;
mod keys;
mod names;
mod operations;
mod references;
mod schemas;
mod security;
mod servers;
mod syntax;
mod tokens;
mod x_token;

#[cfg(test)]
mod tests;

use crate::diagnostic::{Diagnostic, Severity};
use crate::lint::document::Lint;
use crate::lower::lower;
use crate::lower::model::Model;
use crate::read::spec::Spec;
use crate::read::x_token::KEY;
use std::collections::HashSet;

/// What is wrong with a spec, and what it was read as.
pub struct Linted {
    /// All problems, in the order of the file.
    pub diagnostics: Vec<Diagnostic>,
    /// None: one of the problems is an error.
    pub model: Option<Model>,
}

/// Checks a spec, half of it on another core.
pub fn lint(spec: &Spec) -> Linted {
    let mut forms = Lint::new(spec);
    let nodes = keys::check(&mut forms);
    let mut diagnostics = forms.diagnostics;
    let (others, (schemas, x_token)) = rayon::join(
        || {
            let mut lint = Lint::new(spec);
            references::check(&mut lint, &nodes);
            servers::check(&mut lint);
            security::check(&mut lint);
            operations::check(&mut lint);
            bodies::check(&mut lint);
            examples::check(&mut lint);
            lint.diagnostics
        },
        || {
            let mut lint = Lint::new(spec);
            schemas::check(&mut lint, &nodes);
            let x_token = x_token::check(&mut lint);
            (lint.diagnostics, x_token)
        },
    );
    diagnostics.extend(others.into_iter().chain(schemas));
    // Whoever has errors to mend, perhaps a slip in the very word, needn't hear of it.
    if spec.document.get(KEY).is_none() && diagnostics.iter().all(|diagnostic| diagnostic.severity == Severity::Warning)
    {
        diagnostics.push(x_token::missing(spec));
    }
    let is_error = |diagnostic: &Diagnostic| diagnostic.severity == Severity::Error;
    let mut model = (!diagnostics.iter().any(is_error)).then(|| lower(spec, x_token));
    diagnostics.extend(model.iter().flat_map(|model| names::diagnostics(spec, model)));
    if diagnostics.iter().any(is_error) {
        model = None;
    }
    Linted { diagnostics: in_order(spec, diagnostics), model }
}

/// In the order of the file, errors before warnings of the same place, each once.
fn in_order(spec: &Spec, mut diagnostics: Vec<Diagnostic>) -> Vec<Diagnostic> {
    // A component is checked once for each place that uses it, and what must go needs no warning besides.
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
