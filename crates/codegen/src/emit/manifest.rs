//! The manifest of a vendor crate.
//!
//! In the repository of freshtoken, it inherits whatever is the same for all crates. In another one, the workspace was not made
//! for it: it inherits the version, the licence and the repository if the workspace has them, and states the rest itself.

use crate::docs;
use crate::emit::adapter::computed::features;
use crate::emit::header::mark;
use crate::lower::model::Model;
use crate::repository::target::Target;

/// What a generated crate links besides the crates of freshtoken: the keys of each in a manifest that inherits none.
const DEPENDENCIES: [(&str, &str); 4] = [
    // What progenitor generates works with its own version only.
    ("progenitor-client", "version = \"=0.15.1\""),
    ("reqwest", "version = \"0.13.4\", default-features = false"),
    ("serde", "version = \"1.0.228\", features = [\"derive\"]"),
    ("serde_json", "version = \"1.0.150\""),
];

/// Returns the manifest of a model's crate.
pub fn source(model: &Model, target: &Target) -> String {
    let description = docs::first_sentence(&format!("A typed client of “{}”", model.title)).replace(['"', '\\'], "'");
    let has_source = target.has_source(model);
    format!(
        r#"# {mark}
{origin}
[package]
name = "{package}"
description = "{description}"
{keys}readme = "README.md"
keywords = ["oauth2", "token", "sdk"]
categories = ["api-bindings", "authentication"]

[package.metadata.docs.rs]
all-features = true
rustdoc-args = ["--cfg", "docsrs"]

[features]
default = ["rustls"{default}]
# TLS from rustls, with the platform's root certificates.
rustls = ["freshtoken-wire/rustls"]
# TLS from the platform.
native-tls = ["freshtoken-wire/native-tls"]
{feature}
[dependencies]
{facade}{wire}{dependencies}
[dev-dependencies]
{testing}{tokio}{lints}"#,
        mark = mark(model, target),
        origin = if target.is_home() { String::new() } else { target.origin.line() },
        package = model.vendor.package(),
        keys = package_keys(target),
        default = if has_source { ", \"source\"" } else { "" },
        feature = if has_source { SOURCE } else { "" },
        facade = if has_source {
            // A dependency that is inherited has the default features that the workspace gives it.
            let more = ["default-features = false", "optional = true"];
            let inherited = target.keys.dependencies.contains("freshtoken");
            freshtoken(target, "freshtoken", "freshtoken", if inherited { &more[1..] } else { &more })
        } else {
            String::new()
        },
        wire = {
            let features: String = features(model).iter().map(|feature| format!(", {feature:?}")).collect();
            let features = format!("features = [\"client\"{features}]");
            let more = ["default-features = false", &features];
            let inherited = target.is_home() || target.keys.dependencies.contains("freshtoken-wire");
            freshtoken(target, "freshtoken-wire", "wire", if inherited { &more[1..] } else { &more })
        },
        dependencies = DEPENDENCIES.map(|(name, keys)| dependency(target, name, keys)).concat(),
        testing = freshtoken(target, "freshtoken-testing", "testing", &[]),
        tokio = if target.is_home() {
            "tokio = { workspace = true, features = [\"macros\", \"rt\"] }\n"
        } else {
            "tokio = { version = \"1\", features = [\"macros\", \"rt\"] }\n"
        },
        lints = if target.is_home() { "\n[lints]\nworkspace = true\n" } else { "" },
    )
}

/// The feature of the adapter.
const SOURCE: &str =
    "# The module `source`, with which `freshtoken` keeps the vendor's tokens fresh.\nsource = [\"dep:freshtoken\"]\n";

/// Returns the keys of the package that all crates share.
fn package_keys(target: &Target) -> String {
    let inherited = |key: &str| target.keys.package.contains(key);
    let lines = ["version", "edition", "rust-version", "license", "repository"].map(|key| match key {
        // The facade and progenitor's client need as much, whatever the other crates of the workspace need.
        "edition" if !target.is_home() => "edition = \"2024\"\n".to_owned(),
        "rust-version" if !target.is_home() => "rust-version = \"1.89\"\n".to_owned(),
        "version" if !target.is_home() && !inherited(key) => "version = \"0.1.0\"\n".to_owned(),
        "license" | "repository" if !inherited(key) && (!target.is_home() || key == "repository") => String::new(),
        _ => format!("{key}.workspace = true\n"),
    });
    lines.concat()
}

/// Returns a dependency on a crate of others.
fn dependency(target: &Target, name: &str, keys: &str) -> String {
    if target.is_home() {
        format!("{name}.workspace = true\n")
    } else if keys.contains(',') {
        format!("{name} = {{ {keys} }}\n")
    } else {
        format!("{name} = {}\n", keys.trim_start_matches("version = "))
    }
}

/// Returns a dependency on the crate of freshtoken in `folder`, with further keys.
fn freshtoken(target: &Target, name: &str, folder: &str, more: &[&str]) -> String {
    if target.is_home() || target.keys.dependencies.contains(name) {
        if more.is_empty() {
            return format!("{name}.workspace = true\n");
        }
        return format!("{name} = {{ workspace = true, {} }}\n", more.join(", "));
    }
    let origin = target.origin.dependency(folder, &target.folders.up());
    format!("{name} = {{ {} }}\n", [&[origin.as_str()], more].concat().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lower::lower;
    use crate::new;
    use crate::read::folder::tests::repository;
    use crate::read::spec::Spec;
    use crate::read::x_token::XToken;
    use crate::repository::folders::Folders;
    use crate::repository::target::AdapterPlace;
    use crate::repository::workspace_keys::WorkspaceKeys;
    use crate::vendor::Vendor;

    fn manifest(workspace: &str) -> String {
        let fragment = new::fragment(&Vendor::from_file("specs/acme.yaml").unwrap(), new::Like::default());
        let model = lower(&Spec::parse("specs/acme.yaml", &fragment).unwrap(), None);
        source(&model, &Target { keys: WorkspaceKeys::parse(workspace), ..Target::default() })
    }

    #[test]
    fn the_repository_of_the_workspace_is_inherited() {
        let keys = "[workspace.package]\nversion = \"1.2.3\"\nrepository = \"https://acme.example/code\"\n";
        let manifest = manifest(keys);
        assert!(manifest.contains("\nlicense.workspace = true\nrepository.workspace = true\nreadme = "), "{manifest}");
    }

    #[test]
    fn without_a_repository_in_the_workspace_there_is_none_in_the_crate() {
        let other =
            "[workspace.package]\nversion = \"1.2.3\"\n\n[package]\nrepository = \"https://acme.example/code\"\n";
        for workspace in ["", other, "[workspace.package]\n# repository = \"https://acme.example\"\n"] {
            assert!(!manifest(workspace).contains("repository"), "{workspace}");
        }
    }

    /// Returns the manifest in another repository, whose workspace has this manifest.
    fn elsewhere(workspace: &str, out: &str) -> String {
        let fragment = new::fragment(&Vendor::from_file("specs/acme.yaml").unwrap(), new::Like::default());
        let spec = Spec::parse("specs/acme.yaml", &fragment).unwrap();
        let model = lower(&spec, XToken::from_document(&spec).unwrap());
        let target = Target {
            folders: Folders { out: out.to_owned(), ..Folders::default() },
            keys: WorkspaceKeys::parse(workspace),
            adapter: AdapterPlace::Crate,
            origin: "path=../freshtoken".parse().unwrap(),
        };
        source(&model, &target)
    }

    #[test]
    fn elsewhere_a_crate_inherits_only_what_the_workspace_has() {
        let alone = elsewhere("", "crates");
        assert!(!alone.contains("workspace"), "{alone}");
        assert!(
            alone.contains(
                "\nfreshtoken = { path = \"../../../freshtoken/crates/freshtoken\", default-features = false, optional = true }\n"
            ),
            "{alone}"
        );
        assert!(alone.contains("\nsource = [\"dep:freshtoken\"]\n"), "{alone}");
        assert!(elsewhere("", "").contains("\"../../freshtoken/crates/wire\""));

        let workspace = "[workspace.package]\nversion = \"2.0.0\"\nedition = \"2021\"\nlicense = \"MIT\"\n\n\
                         [workspace.dependencies]\nfreshtoken.path = \"a\"\nreqwest = \"0.11\"\n\n\
                         [workspace.dependencies.freshtoken-wire]\npath = \"b\"\n";
        let inherits = elsewhere(workspace, "crates");
        for line in [
            "version.workspace = true",
            "license.workspace = true",
            "edition = \"2024\"",
            "freshtoken = { workspace = true, optional = true }",
            "freshtoken-wire = { workspace = true, features = [\"client\"] }",
            "freshtoken-testing = { path = \"../../../freshtoken/crates/testing\" }",
            "reqwest = { version = \"0.13.4\", default-features = false }",
        ] {
            assert!(inherits.lines().any(|found| found == line), "no `{line}` in\n{inherits}");
        }
    }

    #[test]
    fn a_crate_elsewhere_links_what_a_crate_here_links() {
        let workspace = std::fs::read_to_string(repository().join("Cargo.toml")).unwrap();
        let has = |line: String| assert!(workspace.lines().any(|found| found == line), "{line}");
        for (name, keys) in DEPENDENCIES {
            match keys.split_once(", ") {
                Some(_) => has(format!("{name} = {{ {keys} }}")),
                None => has(format!("{name} = {}", keys.trim_start_matches("version = "))),
            }
        }
        let manifest = elsewhere("", "crates");
        for key in ["edition", "rust-version"] {
            has(manifest.lines().find(|line| line.starts_with(key)).unwrap().to_owned());
        }
    }
}
