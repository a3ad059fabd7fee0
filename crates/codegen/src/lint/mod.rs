//! Stage two: everything that is wrong with a spec, at once.
//!
//! Nothing gets past it that progenitor would panic on, fail late on or drop without a word, and nothing that the later
//! stages can't honour: they may take for granted what this one has checked. It changes nothing, and it judges what a
//! spec says, never whether that is true of the vendor.
//!
//! | module | what it checks |
//! | --- | --- |
//! | [`shape`] | every key and the form of its value, against the objects of OpenAPI 3.0 |
//! | [`root`] | servers, security schemes and references |
//! | [`operation`] | operations, paths, parameters and answers |
//! | [`body`] | request bodies and forms |
//! | [`schema`] | schemas, and the secrets among them |
//! | [`example`] | examples, against their schemas |
//! | [`x_token`] | the block `x-token`, against the operations that it names |
//! | [`names`] | names that collide in Rust or in the environment, where nothing else is wrong |
//! | [`tokens`] | the examples of responses with tokens, read as the client reads them |

mod body;
mod example;
mod names;
mod operation;
mod root;
mod schema;
mod shape;
mod tokens;
mod view;
mod x_token;

#[cfg(test)]
mod tests;

use crate::lower::lower;
use crate::model::Model;
use crate::problem::{Problem, Severity};
use crate::spec::{Spec, pointers};
use crate::x_token::KEY;
use std::cell::{OnceCell, RefCell};
use std::collections::{HashMap, HashSet};
use view::{At, Node, Place, Shape};

/// What is wrong with a spec, and what it was read as.
pub struct Linted {
    /// All problems, in the order of the file.
    pub problems: Vec<Problem>,
    /// None: one of the problems is an error.
    pub model: Option<Model>,
}

/// Checks a spec, half of it on another core.
pub fn lint(spec: &Spec) -> Linted {
    let mut forms = Lint::new(spec);
    let nodes = shape::check(&mut forms);
    let mut problems = forms.problems;
    let (others, (schemas, x_token)) = rayon::join(
        || {
            let mut lint = Lint::new(spec);
            root::check(&mut lint, &nodes);
            operation::check(&mut lint);
            body::check(&mut lint);
            example::check(&mut lint);
            lint.problems
        },
        || {
            let mut lint = Lint::new(spec);
            schema::check(&mut lint, &nodes);
            let x_token = x_token::check(&mut lint);
            (lint.problems, x_token)
        },
    );
    problems.extend(others.into_iter().chain(schemas));
    // Whoever has errors to mend, perhaps a slip in the very word, needn't hear of it.
    if spec.document.get(KEY).is_none() && problems.iter().all(|problem| problem.severity == Severity::Warning) {
        problems.push(x_token::missing(spec));
    }
    let is_error = |problem: &Problem| problem.severity == Severity::Error;
    let mut model = (!problems.iter().any(is_error)).then(|| lower(spec, x_token));
    problems.extend(model.iter().flat_map(|model| names::problems(spec, model)));
    if problems.iter().any(is_error) {
        model = None;
    }
    Linted { problems: in_order(spec, problems), model }
}

/// In the order of the file, errors before warnings of the same place, each once.
fn in_order(spec: &Spec, mut problems: Vec<Problem>) -> Vec<Problem> {
    // A component is checked once for each place that uses it, and what must go needs no warning besides.
    let wrong: HashSet<String> = problems
        .iter()
        .filter(|problem| problem.severity == Severity::Error)
        .map(|problem| problem.pointer.clone())
        .collect();
    let mut seen = HashSet::new();
    problems.retain(|problem| {
        (problem.severity == Severity::Error || !wrong.contains(&problem.pointer)) && seen.insert(problem.clone())
    });
    problems.sort_by_cached_key(|problem| (spec.rank(&problem.pointer), problem.severity));
    problems
}

/// What checks share: the spec, and what they have found.
struct Lint<'a> {
    spec: &'a Spec,
    problems: Vec<Problem>,
    /// Where all nodes stand, made when the first is asked for: mostly nothing is wrong.
    pointers: OnceCell<HashMap<At, String>>,
    /// What schemas come to, by where they stand.
    shapes: RefCell<HashMap<At, Shape<'a>>>,
}

impl<'a> Lint<'a> {
    fn new(spec: &'a Spec) -> Self {
        Self { spec, problems: Vec::new(), pointers: OnceCell::new(), shapes: RefCell::default() }
    }

    fn error(&mut self, at: &(impl Place + ?Sized), what: impl Into<String>, instead: impl Into<String>) {
        let problem = self.spec.problem(&at.pointer(self), what, instead);
        self.problems.push(problem);
    }

    fn warn(&mut self, at: &(impl Place + ?Sized), what: impl Into<String>, instead: impl Into<String>) {
        let problem = self.spec.warning(&at.pointer(self), what, instead);
        self.problems.push(problem);
    }

    /// A value as the file has it: 2.10 with its nought.
    fn plain(&self, node: &Node<'a>) -> String {
        match node.value {
            serde_json::Value::String(text) => text.clone(),
            serde_json::Value::Number(_) if self.spec.has_numbers() => {
                self.spec.number(&self.pointer(node)).map_or_else(|| node.value.to_string(), str::to_owned)
            }
            value => value.to_string(),
        }
    }

    /// Where a node stands.
    fn pointer(&self, node: &Node<'a>) -> String {
        node.at().pointer(self)
    }

    fn pointers(&self) -> &HashMap<At, String> {
        let pointers = || pointers(&self.spec.document).into_iter().map(|(value, at)| (Node { value }.at(), at));
        self.pointers.get_or_init(|| pointers().collect())
    }

    /// The name of the member that a node is, or the index of the element.
    fn key(&self, node: &Node<'a>) -> String {
        self.pointer(node).rsplit('/').next().unwrap_or_default().replace("~1", "/").replace("~0", "~")
    }

    fn root(&self) -> Node<'a> {
        Node { value: &self.spec.document }
    }
}
