//! The pipeline from the texts of the specs to the files of their crates, in memory.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::sync::LazyLock;

use rayon::{ThreadPoolBuildError, ThreadPoolBuilder, prelude::*};

use crate::diagnostic::{Diagnostic, Severity};
use crate::emit;
use crate::emit::adapter::credentials;
use crate::emit::adapter::from_env;
use crate::emit::operations;
use crate::emit::operations::document;
use crate::emit::operations::document::Types;
use crate::emit::{Files, Package};
use crate::ident;
use crate::lint;
use crate::lower::model::{Model, Ty};
use crate::read::folder::Source;
use crate::read::spec::Spec;
use crate::read::x_token::Login;
use crate::read::x_token::schema;
use crate::repository::target::Target;
use crate::vendor::Vendor;
use crate::workspace::Workspace;
use crate::workspace::facade::VENDORS;

/// Everything that the specs ask for.
#[derive(Default)]
pub struct Generated {
    /// All files, by their path below the repository.
    pub files: Files,
    /// The snapshots that the tests of the crates take.
    pub snapshots: BTreeSet<String>,
    /// Diagnostics that don't stop generation.
    pub warnings: Vec<Diagnostic>,
}

/// Makes this thread generate too, instead of waiting for the others. Call it before anything else in this module.
///
/// With one thread more than there are cores, the system may run two of them on one core and leave another idle.
///
/// # Errors
///
/// If the threads can't be started, or have been started already.
pub fn on_this_thread_too() -> Result<(), ThreadPoolBuildError> {
    ThreadPoolBuilder::new().use_current_thread().build_global()
}

/// Generates the crates of all specs and the facade's part of them. Calls `progress` with each spec as its crate is begun.
///
/// # Errors
///
/// All diagnostics of all specs, if one of them is an error.
pub fn generate(
    sources: &[Source],
    workspace: &Workspace,
    progress: impl Fn(&str) + Sync,
) -> Result<Generated, Vec<Diagnostic>> {
    let mut generated = Generated::default();
    let mut diagnostics = Vec::new();
    let mut specs = Vec::new();
    for read in sources.par_iter().map(read).collect::<Vec<_>>() {
        match read {
            Ok((spec, model, warnings)) => {
                generated.warnings.extend(warnings);
                specs.push((spec, model));
            }
            Err(found) => diagnostics.extend(found),
        }
    }
    diagnostics.extend(collisions(sources));
    diagnostics.extend(shared_variables(&specs));
    if !diagnostics.is_empty() {
        return Err(diagnostics);
    }
    // A model is dropped as soon as its crate is there: both of all specs at once would take twice the memory.
    let package = |(spec, model): (Spec, Model)| {
        progress(&spec.file);
        (spec.vendor.ident().to_owned(), package_of(&spec, &model, &workspace.target))
    };
    let packages: Vec<_> = specs.into_par_iter().map(package).collect();
    let (mut asked, mut adapters) = (BTreeSet::new(), BTreeSet::new());
    for (vendor, package) in packages {
        asked.insert(vendor.clone());
        match package {
            Ok(package) => {
                generated.files.extend(package.files);
                generated.snapshots.extend(package.snapshots);
                if let (Some(adapter), Some(_)) = (package.adapter, &workspace.facade) {
                    generated.files.insert(format!("{VENDORS}/{vendor}.rs"), adapter);
                    adapters.insert(vendor);
                }
            }
            Err(found) => diagnostics.extend(found),
        }
    }
    match workspace.facade.as_ref().map(|facade| facade.files(&asked, &adapters)) {
        Some(Ok(files)) => generated.files.extend(files),
        Some(Err(diagnostic)) => diagnostics.push(diagnostic),
        None => {}
    }
    for (name, text) in SCHEMAS.iter() {
        generated.files.insert(workspace.target.folders.beside_specs(name), text.clone());
    }
    if diagnostics.is_empty() { Ok(generated) } else { Err(diagnostics) }
}

/// Reports each file whose crate another one generates already, even if something else is wrong with it.
fn collisions(sources: &[Source]) -> Vec<Diagnostic> {
    let mut first: HashMap<String, &str> = HashMap::new();
    let mut diagnostics = Vec::new();
    for source in sources {
        let Ok(vendor) = Vendor::from_file(&source.file) else { continue };
        match first.entry(vendor.package()) {
            Entry::Vacant(entry) => {
                entry.insert(&source.file);
            }
            Entry::Occupied(entry) => diagnostics.push(Diagnostic {
                severity: Severity::Error,
                rule: None,
                file: source.file.as_str().into(),
                line: None,
                pointer: String::new(),
                message: format!("it generates the crate `{}`, as {} does", entry.key(), entry.get()),
                help: "rename or remove one of the two files".to_owned(),
            }),
        }
    }
    diagnostics
}

/// Reports vendors that would read the same environment variable, such as `acme` with a credential `eu_key`, and `acme_eu` with
/// a `key`. Each pair is reported once.
fn shared_variables(specs: &[(Spec, Model)]) -> Vec<Diagnostic> {
    let mut first: HashMap<String, &Spec> = HashMap::new();
    let mut reported: BTreeSet<(&str, &str)> = BTreeSet::new();
    let mut diagnostics = Vec::new();
    for (spec, model) in specs {
        for from_env::Holder { variable, .. } in from_env::holders(model) {
            let other = *first.entry(variable.clone()).or_insert(spec);
            // `collisions` reports two files of one crate.
            if other.vendor.ident() != spec.vendor.ident() && reported.insert((&other.file, &spec.file)) {
                let message = format!("{} has the environment variable `{variable}` too", other.file);
                let help = "add `x-name` to what it is named after, or rename one of the two files";
                diagnostics.push(spec.error("", message, help));
            }
        }
    }
    diagnostics
}

fn package_of(spec: &Spec, model: &Model, target: &Target) -> Result<Package, Vec<Diagnostic>> {
    let mut diagnostics: Vec<Diagnostic> = model
        .sent_and_received()
        .map(|name| {
            let message = format!(
                "`{name}` is part of a request and of a response, and has a constant: it is always sent, but never read"
            );
            spec.error("/components/schemas", message, "write a schema for the request and another for the response")
        })
        .collect();
    diagnostics.extend(credentials::conflicts(model).into_iter().map(
        |credentials::Conflict { name, first, second }| {
            let message = format!(
                "the credential `{name}` is `{}` in `{}` and `{}` in `{}`, which can't be one type",
                first.1, first.0, second.1, second.0
            );
            spec.error(
                "/x-token",
                message,
                "write the same type in both, such as one schema in `components`; or different names",
            )
        },
    ));
    diagnostics.extend(size(model).map(|(message, help)| spec.error("/components/schemas", message, help)));
    if !diagnostics.is_empty() {
        return Err(diagnostics);
    }
    let late =
        |message| vec![spec.error("", message, "report this as a bug, with the spec: lint should have found it")];
    emit::package(model, target).map_err(late)
}

/// The largest number of values that a body may need, since each is written into tests, and that the body of an action may have,
/// since each is a credential.
const VALUES: u64 = 1_000;

/// Returns what would make the generated code too large, or nested too deeply to compile.
fn size(model: &Model) -> Option<(String, &'static str)> {
    if let Some(cut) = &model.cut {
        let message = format!("`{cut}` is nested too deeply: objects hold one another in more than 30 levels");
        return Some((message, "write a schema with a description alone at some level: it takes any JSON"));
    }
    let x_token = model.x_token.as_ref();
    let actions = [
        x_token.and_then(|x_token| x_token.login.as_ref()).map(Login::issuing),
        x_token.and_then(|x_token| x_token.refresh.as_ref()).map(|refresh| &refresh.operation),
        x_token.and_then(|x_token| x_token.revoke.as_ref()).map(|revoke| &revoke.operation),
    ];
    for operation in &model.operations {
        let body = operation.body.as_ref().map(|body| Ty::Ref(body.component.clone()));
        let is_action = actions.iter().flatten().any(|id| ident::snake(id) == operation.id);
        if let Some(body) = body.as_ref().filter(|body| is_action && model.values(body, true) > VALUES) {
            let message =
                format!("the body of `{}` has {} values, each a credential", operation.id, model.values(body, true));
            return Some((message, "remove the properties that no caller sends"));
        }
        let responses = operation.errors.iter().chain([&operation.success]).filter_map(|response| response.ty.as_ref());
        if let Some(values) = body.iter().chain(responses).map(|ty| model.values(ty, false)).find(|all| *all > VALUES) {
            let message =
                format!("a body of `{}` needs at least {values} values: objects inside objects multiply", operation.id);
            return Some((message, "remove some of them from `required`"));
        }
    }
    None
}

/// The JSON Schemas for editors, which are beside the fragments: of the block `x-token`, and of a whole fragment. They are made
/// once, since they are the same for all specs.
static SCHEMAS: LazyLock<[(&str, String); 2]> = LazyLock::new(|| {
    let block = ("x-token.schema.json", format!("{:#}\n", *schema::SCHEMA));
    let fragment = ("fragment.schema.json", format!("{:#}\n", lint::keys::schema::fragment()));
    [block, fragment]
});

/// Returns the lowered document of a spec, with all schemas that progenitor makes types of.
pub fn lowered(source: &Source) -> Result<serde_json::Value, Vec<Diagnostic>> {
    let (_, model, _) = read(source)?;
    Ok(document::document(&model, Types::Progenitors))
}

/// Returns what progenitor alone generates from a lowered document: the least that generating can cost.
pub fn progenitor_alone(document: &serde_json::Value) -> Result<String, String> {
    let tokens = operations::generate(document.clone(), Types::Progenitors)?;
    Ok(prettyplease::unparse(&operations::parsed(tokens)?))
}

type Read = (Spec, Model, Vec<Diagnostic>);

fn read(source: &Source) -> Result<Read, Vec<Diagnostic>> {
    let spec = Spec::parse(&source.file, &source.text)?;
    let lint::Linted { diagnostics, model } = lint::lint(&spec);
    match model {
        // With a model, all diagnostics are warnings.
        Some(model) => Ok((spec, model, diagnostics)),
        None => {
            let is_error = |diagnostic: &Diagnostic| diagnostic.severity == Severity::Error;
            let (errors, warnings): (Vec<Diagnostic>, Vec<Diagnostic>) = diagnostics.into_iter().partition(is_error);
            Err(errors.into_iter().chain(warnings).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::read::folder;
    use crate::read::folder::tests::repository;
    use crate::workspace::facade::MANIFEST;
    use crate::workspace::sync;

    /// The specs of this repository.
    fn sources() -> Vec<Source> {
        let (sources, diagnostics) = folder::read(&repository(), "specs", &[]).unwrap();
        assert!(diagnostics.is_empty(), "{}", diagnostics[0]);
        sources
    }

    /// The workspace of this repository.
    fn workspace() -> Workspace {
        let read = |path: &str| fs::read_to_string(repository().join(path)).unwrap();
        Workspace::new(&read("Cargo.toml"), Some(read(MANIFEST)))
    }

    #[test]
    fn the_committed_crates_are_fresh() {
        let generated =
            generate(&sources(), &workspace(), |_| {}).unwrap_or_else(|diagnostics| panic!("{}", diagnostics[0]));
        let found = sync::read(&repository(), "crates", &generated.files, None).unwrap();
        let plan = sync::plan(generated.files, &generated.snapshots, &found).unwrap();
        assert!(plan.is_empty(), "run `cargo xtask gen`:\n{}", plan.diff());
    }

    /// The messages for a spec in which each of `levels` objects holds the next under these names.
    fn messages_for_levels(levels: usize, names: &[&str]) -> String {
        let schema = |level: usize| {
            let property = |name: &&str| format!("{name}: {{ $ref: \"#/components/schemas/A{}\" }}", level + 1);
            let properties = names.iter().map(property).collect::<Vec<_>>().join(", ");
            let (required, properties) = if level == levels {
                (String::new(), "end: { type: string }".to_owned())
            } else {
                (format!("required: [{}], ", names.join(", ")), properties)
            };
            format!("    A{level}: {{ type: object, {required}properties: {{ {properties} }} }}\n")
        };
        let text = format!(
            r##"
openapi: 3.0.3
info: {{ title: Acme, version: "1" }}
servers: [{{ url: "https://acme.example" }}]
paths:
  /a: {{ post: {{ operationId: a, summary: A., requestBody: {{ required: true, content: {{ application/json: {{
    schema: {{ $ref: "#/components/schemas/A0" }} }} }} }}, responses: {{ "204": {{ description: Done. }} }} }} }}
components:
  schemas:
{}"##,
            (0..=levels).map(schema).collect::<String>()
        );
        match generate(&[Source { file: "specs/acme.yaml".to_owned(), text }], &Workspace::default(), |_| {}) {
            Ok(_) => "nothing".to_owned(),
            Err(diagnostics) => diagnostics.iter().map(|diagnostic| diagnostic.message.as_str()).collect(),
        }
    }

    #[test]
    fn a_spec_that_multiplies_or_is_nested_too_deeply_is_refused() {
        assert_eq!(messages_for_levels(25, &["p"]), "nothing");
        let deep = messages_for_levels(40, &["p"]);
        assert!(deep.contains("is nested too deeply"), "{deep}");
        assert_eq!(messages_for_levels(8, &["p", "q"]), "nothing");
        let many = messages_for_levels(25, &["p", "q"]);
        assert!(many.contains("needs at least 67108863 values"), "{many}");
    }

    #[test]
    fn all_crates_have_the_same_files() {
        let generated =
            generate(&sources(), &workspace(), |_| {}).unwrap_or_else(|diagnostics| panic!("{}", diagnostics[0]));
        let of = |vendor: &str| -> Vec<&str> {
            let root = format!("crates/{vendor}/");
            generated.files.keys().filter_map(|path| path.strip_prefix(&root)).collect()
        };
        let mut crates: Vec<&str> = generated.files.keys().filter_map(|path| path.split('/').nth(1)).collect();
        crates.retain(|name| !name.ends_with(".json") && *name != "freshtoken");
        crates.dedup();
        assert!(of(crates[0]).len() >= 10);
        assert!(crates.iter().all(|vendor| of(vendor) == of(crates[0])), "{crates:?}");
    }

    #[test]
    fn the_complete_fragment_of_the_reference_generates() {
        let reference = fs::read_to_string(repository().join("specs/README.md")).unwrap();
        let fragment = reference.split("```yaml\n").map(|rest| rest.split("```").next().unwrap());
        let text = fragment.filter(|text| text.starts_with("openapi:")).collect::<Vec<_>>();
        assert_eq!(text.len(), 1, "one complete fragment");
        let source = Source { file: "specs/acme.yaml".to_owned(), text: text[0].to_owned() };
        let generated = generate(&[source], &Workspace::default(), |_| {})
            .unwrap_or_else(|diagnostics| panic!("{}", diagnostics[0]));
        assert!(generated.warnings.is_empty(), "{}", generated.warnings[0]);
    }

    #[test]
    fn two_vendors_cannot_share_an_environment_variable() {
        let fragment = |file: &str, secret: &str| {
            let text = crate::new::fragment(&Vendor::from_file(file).unwrap(), crate::new::Like::default())
                .replace("client_secret", secret);
            Source { file: file.to_owned(), text }
        };
        let [acme, acme_eu] = ["specs/acme.yaml", "specs/acme_eu.yaml"];
        let diagnostics =
            generate(&[fragment(acme, "eu_secret"), fragment(acme_eu, "secret")], &Workspace::default(), |_| {})
                .err()
                .unwrap();
        let messages: Vec<String> =
            diagnostics.iter().map(|diagnostic| format!("{}: {}", diagnostic.file, diagnostic.message)).collect();
        assert_eq!(messages, ["specs/acme_eu.yaml: specs/acme.yaml has the environment variable `ACME_EU_SECRET` too"]);
        assert!(
            generate(&[fragment(acme, "secret"), fragment(acme_eu, "secret")], &Workspace::default(), |_| {}).is_ok()
        );
    }

    #[test]
    fn two_specs_of_one_crate_are_an_error_among_others() {
        let named = |file: &str| Source { file: file.to_owned(), text: String::new() };
        let diagnostics = generate(&[named("specs/acme.yaml"), named("specs/acme.yml")], &Workspace::default(), |_| {})
            .err()
            .unwrap();
        let messages: Vec<String> =
            diagnostics.iter().map(|diagnostic| format!("{}: {}", diagnostic.file, diagnostic.message)).collect();
        assert_eq!(
            messages,
            [
                "specs/acme.yaml: the file is empty",
                "specs/acme.yml: the file is empty",
                "specs/acme.yml: it generates the crate `freshtoken-acme`, as specs/acme.yaml does"
            ]
        );
    }

    #[test]
    fn two_specs_cannot_share_a_crate() {
        let text = crate::new::fragment(&Vendor::from_file("specs/a-b.yaml").unwrap(), crate::new::Like::default());
        let sources =
            ["specs/a-b.yaml", "specs/a_b.yaml"].map(|file| Source { file: file.to_owned(), text: text.clone() });
        let diagnostics = generate(&sources, &Workspace::default(), |_| {}).err().unwrap();
        assert_eq!(diagnostics.len(), 1);
        assert!(diagnostics[0].message.contains("freshtoken-a_b"), "{}", diagnostics[0]);
    }
}
