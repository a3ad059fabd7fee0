//! The lint as a whole: what it says to every fixture, what it lets pass, and that it bears anything.

use super::lint;
use crate::diagnostic::{Diagnostic, Severity};
use crate::read::folder::tests::repository;
use crate::read::spec::Spec;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Fragments with something wrong, each about one subject.
const FIXTURES: &str = "crates/codegen/tests/fixtures/lint";

fn checked(spec: &Spec) -> Vec<Diagnostic> {
    lint(spec).diagnostics
}

fn diagnostics(file: &str, text: &str) -> Vec<Diagnostic> {
    Spec::parse(file, text).map_or_else(|diagnostics| diagnostics, |spec| checked(&spec))
}

fn errors(text: &str) -> Vec<Diagnostic> {
    let all = diagnostics("specs/acme.yaml", text);
    all.into_iter().filter(|diagnostic| diagnostic.severity == Severity::Error).collect()
}

fn yaml_files(folder: &str) -> Vec<PathBuf> {
    let folder = repository().join(folder);
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    files
}

fn show(diagnostics: &[Diagnostic]) -> String {
    diagnostics.iter().map(|diagnostic| format!("{diagnostic}\n\n")).collect()
}

/// Each fixture has a snapshot of its name, and the other way round. All are compared before the first difference fails the test,
/// so that one review shows them all.
#[test]
fn every_fixture_gets_its_problems() {
    let mut names = Vec::new();
    let mut different = Vec::new();
    for file in yaml_files(FIXTURES) {
        let found = diagnostics(&name(&file), &std::fs::read_to_string(&file).unwrap());
        assert!(!found.is_empty(), "{} has no problem", file.display());
        let stem = file.file_stem().unwrap().to_string_lossy().into_owned();
        let compare = || {
            insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
                insta::assert_snapshot!(stem.as_str(), show(&found));
            });
        };
        if std::panic::catch_unwind(compare).is_err() {
            different.push(stem.clone());
        }
        names.push(format!("{stem}.snap"));
    }
    assert!(different.is_empty(), "other problems than in the snapshots: {different:?}");
    let snapshots = repository().join("crates/codegen/src/lint/snapshots");
    let mut found: Vec<String> =
        std::fs::read_dir(snapshots).unwrap().map(|entry| name(&entry.unwrap().path())).collect();
    found.retain(|name| name.ends_with(".snap"));
    found.sort();
    names.sort();
    assert_eq!(found, names, "a snapshot for each fixture");
}

fn name(file: &Path) -> String {
    file.file_name().unwrap().to_string_lossy().into_owned()
}

#[test]
fn the_reference_lists_each_rule_and_each_has_a_fixture() {
    let reference = std::fs::read_to_string(repository().join("specs/README.md")).unwrap();
    let (_, rules) = reference.split_once("\n## Lint rules\n").unwrap();
    let listed = rules.lines().filter_map(|line| Some(line.strip_prefix("| `")?.split_once('`')?.0));
    let listed: Vec<&str> = listed.collect();
    let mut broken = BTreeSet::new();
    for file in yaml_files(FIXTURES) {
        let found = diagnostics(&name(&file), &std::fs::read_to_string(&file).unwrap());
        broken.extend(found.iter().filter_map(|diagnostic| diagnostic.rule.as_deref().map(str::to_owned)));
    }
    assert_eq!(listed, broken.into_iter().collect::<Vec<_>>());
}

/// Fragments of other vendors, as honest people write them.
#[test]
fn honest_fragments_pass() {
    for file in yaml_files("crates/codegen/tests/fixtures/lint/honest") {
        let found = errors(&std::fs::read_to_string(&file).unwrap());
        assert!(found.is_empty(), "{}: {}", file.display(), show(&found));
    }
}

#[test]
fn the_three_specs_pass() {
    for file in yaml_files("specs") {
        let found = diagnostics(&name(&file), &std::fs::read_to_string(&file).unwrap());
        assert!(found.is_empty(), "{}", show(&found));
    }
}

#[test]
fn problems_stand_in_the_order_of_the_file() {
    for file in yaml_files(FIXTURES) {
        let found = diagnostics("x.yaml", &std::fs::read_to_string(&file).unwrap());
        let lines: Vec<u32> = found.iter().filter_map(|diagnostic| diagnostic.line).collect();
        assert!(lines.is_sorted(), "{}: {lines:?}", file.display());
    }
}

/// Every node of the three specs in turn is replaced and removed. Nothing may panic, and what passes must be what the
/// next stages can read. `CODEGEN_FUZZ=1` tries every mutant, a usual run every 47th.
#[test]
fn whatever_the_document_is_nothing_panics_and_what_passes_is_openapi() {
    let stride = if std::env::var_os("CODEGEN_FUZZ").is_some() { 1 } else { 47 };
    let strangers = [
        json!(null),
        json!(7),
        json!([]),
        json!(["x"]),
        json!("text"),
        json!({}),
        json!(true),
        json!({ "$ref": "#/components/schemas/Token" }),
    ];
    for file in ["specs", "crates/codegen/tests/fixtures/lint/honest"].into_iter().flat_map(yaml_files) {
        let spec = Spec::parse("specs/acme.yaml", &std::fs::read_to_string(&file).unwrap()).unwrap();
        let mut pointers = Vec::new();
        collect(&spec.document, String::new(), &mut pointers);
        let mutants = pointers
            .iter()
            .flat_map(|pointer| strangers.iter().map(Some).chain([None]).map(move |stranger| (pointer, stranger)));
        for (pointer, stranger) in mutants.step_by(stride) {
            let mut mutant = spec.clone();
            match stranger {
                Some(stranger) => *mutant.document.pointer_mut(pointer).unwrap() = stranger.clone(),
                None => remove(&mut mutant.document, pointer),
            }
            if checked(&mutant).iter().all(|diagnostic| diagnostic.severity == Severity::Warning)
                && let Err(error) = serde_json::from_value::<openapiv3::OpenAPI>(mutant.document)
            {
                panic!("{pointer} as {stranger:?} passes, and openapiv3 says: {error}");
            }
        }
    }
}

#[test]
fn a_line_that_is_lost_or_cut_makes_nothing_panic() {
    for file in yaml_files("specs") {
        let text = std::fs::read_to_string(&file).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        for (index, line) in lines.iter().enumerate().step_by(29) {
            let half = line.char_indices().nth(line.chars().count() / 2).map_or("", |(at, _)| &line[..at]);
            for replacement in ["", half, "- :", "\t{", "&a *a", "<<: {}"] {
                let mut lines = lines.clone();
                lines[index] = replacement;
                diagnostics("specs/acme.yaml", &lines.join("\n"));
            }
        }
    }
}

/// Every key of the objects of OpenAPI, misspelt.
#[test]
fn no_misspelt_key_is_dropped_without_a_word() {
    for file in ["specs", "crates/codegen/tests/fixtures/lint/honest"].into_iter().flat_map(yaml_files) {
        let spec = Spec::parse("specs/acme.yaml", &std::fs::read_to_string(&file).unwrap()).unwrap();
        let mut pointers = Vec::new();
        collect(&spec.document, String::new(), &mut pointers);
        for pointer in pointers.iter().step_by(3) {
            let Some((parent, key)) = pointer.rsplit_once('/') else { continue };
            let is_free = ["properties", "schemas", "responses", "headers", "parameters", "examples", "requestBodies"]
                .into_iter()
                .chain(["securitySchemes", "content", "paths", "variables", "encoding", "scopes", "also"])
                .any(|map| parent.ends_with(&format!("/{map}")));
            let inside = ["/value", "/example", "/security", "/x-logo"];
            let is_inside_a_value = inside.iter().any(|part| pointer.contains(part));
            let mut mutant = spec.clone();
            let Some(Value::Object(map)) = mutant.document.pointer_mut(parent) else { continue };
            if is_free || is_inside_a_value || key.starts_with("x-") {
                continue;
            }
            let Some(value) = map.shift_remove(key) else { continue };
            map.insert(format!("{key}q"), value);
            let found = checked(&mutant);
            let at = format!("{pointer}q");
            assert!(
                found.iter().any(|diagnostic| diagnostic.severity == Severity::Error && diagnostic.pointer == at),
                "{at} in {} gives {}",
                file.display(),
                show(&found)
            );
        }
    }
}

fn collect(value: &Value, at: String, into: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            map.iter().for_each(|(key, value)| collect(value, crate::diagnostic::join(&at, key), into))
        }
        Value::Array(list) => {
            list.iter().enumerate().for_each(|(index, value)| collect(value, format!("{at}/{index}"), into))
        }
        _ => {}
    }
    into.push(at);
}

fn remove(document: &mut Value, pointer: &str) {
    let Some((parent, key)) = pointer.rsplit_once('/') else { return };
    match document.pointer_mut(parent) {
        Some(Value::Object(map)) => {
            map.shift_remove(&key.replace("~1", "/").replace("~0", "~"));
        }
        Some(Value::Array(list)) => {
            list.remove(key.parse().unwrap());
        }
        _ => {}
    }
}
