//! The lint as a whole: what it reports for every fixture, what passes, and that nothing makes it panic.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::lint;
use crate::diagnostic::{Diagnostic, Severity, join};
use crate::read::folder::tests::repository;
use crate::read::spec::Spec;

/// A fixture for each rule, named after it.
const RULES: &str = "crates/codegen/tests/fixtures/lint";
/// Files that are refused before the lint.
const UNREADABLE: &str = "crates/codegen/tests/fixtures/lint/unreadable";
/// Specs of other vendors, with nothing wrong.
const HONEST: &str = "crates/codegen/tests/fixtures/lint/honest";
const SNAPSHOTS: &str = "crates/codegen/src/lint/snapshots";

fn diagnostics(text: &str) -> Vec<Diagnostic> {
    Spec::parse("specs/acme.yaml", text).map_or_else(|diagnostics| diagnostics, |spec| lint(&spec).diagnostics)
}

fn errors(text: &str) -> Vec<Diagnostic> {
    let all = diagnostics(text);
    all.into_iter().filter(|diagnostic| diagnostic.severity == Severity::Error).collect()
}

/// The diagnostics of a rule's fixture, which may hold several specs, separated by `---`.
fn of_fixture(file: &Path) -> Vec<Diagnostic> {
    let mut line = 0;
    let mut found = Vec::new();
    for spec in read(file).split("---\n") {
        // Blank lines in place of the specs before, so that the lines are those of the file.
        found.extend(diagnostics(&format!("{}{spec}", "\n".repeat(line))));
        line += spec.lines().count() + 1;
    }
    found
}

fn read(file: &Path) -> String {
    std::fs::read_to_string(file).unwrap()
}

fn stem(file: &Path) -> String {
    file.file_stem().unwrap().to_string_lossy().into_owned()
}

/// The files of a folder with this extension, sorted.
fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(repository().join(folder)).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|found| found == extension));
    files.sort();
    files
}

fn stems(folder: &str, extension: &str) -> BTreeSet<String> {
    files(folder, extension).iter().map(|file| stem(file)).collect()
}

fn show(diagnostics: &[Diagnostic]) -> String {
    diagnostics.iter().map(|diagnostic| format!("{diagnostic}\n\n")).collect()
}

/// Compares each fixture of a folder with the snapshot of its name. All are compared before the test fails, so that one
/// review shows all differences.
fn assert_snapshots(fixtures: &str, snapshots: &str, report: impl Fn(&Path) -> Vec<Diagnostic>) {
    let mut different = Vec::new();
    for file in files(fixtures, "yaml") {
        let found = report(&file);
        assert!(!found.is_empty(), "{} has no problem", file.display());
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path(repository().join(snapshots));
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        let compare = || settings.bind(|| insta::assert_snapshot!(stem(&file), show(&found)));
        if catch_unwind(AssertUnwindSafe(compare)).is_err() {
            different.push(stem(&file));
        }
    }
    assert!(different.is_empty(), "these snapshots differ: {different:?}");
    assert_eq!(stems(snapshots, "snap"), stems(fixtures, "yaml"), "a snapshot for each fixture");
}

#[test]
fn every_fixture_has_the_diagnostics_of_its_snapshot() {
    assert_snapshots(RULES, SNAPSHOTS, of_fixture);
}

#[test]
fn every_unreadable_file_is_refused_as_in_its_snapshot() {
    assert_snapshots(UNREADABLE, &format!("{SNAPSHOTS}/unreadable"), |file| diagnostics(&read(file)));
}

/// The rules that the sources below a folder call.
fn called(folder: &Path) -> BTreeSet<String> {
    let mut rules = BTreeSet::new();
    for entry in std::fs::read_dir(repository().join(folder)).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rules.extend(called(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("tests.rs") {
            let text = read(&path);
            let calls = text.split("rule!(").skip(1).filter_map(|call| call.split_once('('));
            rules.extend(calls.map(|(rule, _)| rule.trim().replace('_', "-")));
        }
    }
    rules
}

#[test]
fn each_rule_is_listed_and_has_a_fixture_of_its_name() {
    let reference = read(&repository().join("specs/README.md"));
    let (_, rules) = reference.split_once("\n## Lint rules\n").unwrap();
    let listed = rules.lines().filter_map(|line| Some(line.strip_prefix("| `")?.split_once('`')?.0));
    let listed: BTreeSet<String> = listed.map(str::to_owned).collect();
    let mut reported = BTreeSet::new();
    for file in files(RULES, "yaml") {
        let rules = of_fixture(&file).into_iter().filter_map(|diagnostic| diagnostic.rule.map(String::from));
        let rules: BTreeSet<String> = rules.collect();
        assert!(rules.contains(&stem(&file)), "{} is about {rules:?}", file.display());
        reported.extend(rules);
    }
    assert_eq!(called(Path::new("crates/codegen/src/lint")), listed, "the calls of `rule!`, and the list");
    assert_eq!(reported, listed, "what is reported, and the list");
    assert_eq!(stems(RULES, "yaml"), listed, "the fixtures, and the list");
}

#[test]
fn honest_specs_pass() {
    for file in files(HONEST, "yaml") {
        let found = errors(&read(&file));
        assert!(found.is_empty(), "{}: {}", file.display(), show(&found));
    }
}

#[test]
fn every_spec_of_this_repository_passes() {
    for file in files("specs", "yaml") {
        let found = diagnostics(&read(&file));
        assert!(found.is_empty(), "{}", show(&found));
    }
}

#[test]
fn diagnostics_are_in_the_order_of_the_file() {
    for file in files(RULES, "yaml") {
        let found = of_fixture(&file);
        let lines: Vec<u32> = found.iter().filter_map(|diagnostic| diagnostic.line).collect();
        assert!(lines.is_sorted(), "{}: {lines:?}", file.display());
    }
}

/// Replaces and removes each node of the specs in turn. `CODEGEN_FUZZ=1` tries every mutant, a usual run every 47th.
#[test]
fn no_mutant_panics_and_what_passes_is_openapi() {
    let stride = if std::env::var_os("CODEGEN_FUZZ").is_some() { 1 } else { 47 };
    let replacements = [
        json!(null),
        json!(7),
        json!([]),
        json!(["x"]),
        json!("text"),
        json!({}),
        json!(true),
        json!({ "$ref": "#/components/schemas/Token" }),
    ];
    for file in ["specs", HONEST].into_iter().flat_map(|folder| files(folder, "yaml")) {
        let spec = Spec::parse("specs/acme.yaml", &read(&file)).unwrap();
        let mut pointers = Vec::new();
        collect(&spec.document, String::new(), &mut pointers);
        let mutants = pointers.iter().flat_map(|pointer| {
            replacements.iter().map(Some).chain([None]).map(move |replacement| (pointer, replacement))
        });
        for (pointer, replacement) in mutants.step_by(stride) {
            let mut mutant = spec.clone();
            match replacement {
                Some(replacement) => *mutant.document.pointer_mut(pointer).unwrap() = replacement.clone(),
                None => remove(&mut mutant.document, pointer),
            }
            if lint(&mutant).diagnostics.iter().all(|diagnostic| diagnostic.severity == Severity::Warning)
                && let Err(error) = serde_json::from_value::<openapiv3::OpenAPI>(mutant.document)
            {
                panic!("{pointer} as {replacement:?} passes, but openapiv3 refuses it: {error}");
            }
        }
    }
}

#[test]
fn a_lost_or_cut_line_does_not_panic() {
    for file in files("specs", "yaml") {
        let text = read(&file);
        let lines: Vec<&str> = text.lines().collect();
        for (index, line) in lines.iter().enumerate().step_by(29) {
            let half = line.char_indices().nth(line.chars().count() / 2).map_or("", |(at, _)| &line[..at]);
            for replacement in ["", half, "- :", "\t{", "&a *a", "<<: {}"] {
                let mut lines = lines.clone();
                lines[index] = replacement;
                diagnostics(&lines.join("\n"));
            }
        }
    }
}

/// Misspells every third key of the objects of OpenAPI.
#[test]
fn no_misspelt_key_is_dropped_silently() {
    for file in ["specs", HONEST].into_iter().flat_map(|folder| files(folder, "yaml")) {
        let spec = Spec::parse("specs/acme.yaml", &read(&file)).unwrap();
        let mut pointers = Vec::new();
        collect(&spec.document, String::new(), &mut pointers);
        for pointer in pointers.iter().step_by(3) {
            let Some((parent, key)) = pointer.rsplit_once('/') else { continue };
            let is_free = ["properties", "schemas", "responses", "headers", "parameters", "examples", "requestBodies"]
                .into_iter()
                .chain([
                    "securitySchemes",
                    "content",
                    "paths",
                    "variables",
                    "encoding",
                    "scopes",
                    "also",
                    "claims",
                    "header",
                    "one-of",
                ])
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
            let found = lint(&mutant).diagnostics;
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
        Value::Object(map) => map.iter().for_each(|(key, value)| collect(value, join(&at, key), into)),
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
