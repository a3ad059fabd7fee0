//! The manifest of a vendor crate. It inherits from the workspace whatever is the same for all crates.

use crate::docs;
use crate::emit::header::mark;
use crate::lower::model::Model;

/// The keys of `[workspace.package]` that the generator needs to know.
#[derive(Debug, Default)]
pub struct WorkspaceKeys {
    /// The version of all crates.
    pub version: Option<String>,
    /// Whether there is a `repository`. cargo reports an error if a crate inherits a key that is missing.
    pub has_repository: bool,
}

impl WorkspaceKeys {
    /// Reads the keys from the manifest of a workspace.
    pub fn parse(manifest: &str) -> Self {
        let lines = manifest.lines().map(str::trim).skip_while(|line| *line != "[workspace.package]").skip(1);
        let section = lines.take_while(|line| !line.starts_with('[')).filter_map(|line| line.split_once('='));
        let mut keys = Self::default();
        for (key, value) in section {
            match key.trim() {
                "version" => keys.version = value.split('"').nth(1).map(str::to_owned),
                "repository" => keys.has_repository = true,
                _ => {}
            }
        }
        keys
    }
}

/// Returns the manifest of a model's crate.
pub fn source(model: &Model, workspace: &WorkspaceKeys) -> String {
    let description = docs::first_sentence(&format!("A typed client of “{}”", model.title)).replace(['"', '\\'], "'");
    format!(
        r#"# {mark}

[package]
name = "{package}"
description = "{description}"
version.workspace = true
edition.workspace = true
rust-version.workspace = true
license.workspace = true
{repository}readme = "README.md"
keywords = ["oauth2", "token", "sdk"]
categories = ["api-bindings", "authentication"]
# The tests need a crate that is not published.
exclude = ["tests"]

[package.metadata.docs.rs]
all-features = true
rustdoc-args = ["--cfg", "docsrs"]

[features]
default = ["rustls"]
# TLS from rustls, with the platform's root certificates.
rustls = ["freshtoken-wire/rustls"]
# TLS from the platform.
native-tls = ["freshtoken-wire/native-tls"]

[dependencies]
freshtoken-wire = {{ workspace = true, features = ["client"] }}
progenitor-client.workspace = true
reqwest.workspace = true
serde.workspace = true
serde_json.workspace = true

[dev-dependencies]
# Not published: cargo leaves it out of the package.
freshtoken-testing.workspace = true
tokio = {{ workspace = true, features = ["macros", "rt"] }}

[lints]
workspace = true
"#,
        mark = mark(model),
        package = model.vendor.package(),
        repository = if workspace.has_repository { "repository.workspace = true\n" } else { "" },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lower::lower;
    use crate::new;
    use crate::read::spec::Spec;
    use crate::vendor::Vendor;

    fn manifest(workspace: &str) -> String {
        let fragment = new::fragment(&Vendor::from_file("specs/acme.yaml").unwrap());
        let model = lower(&Spec::parse("specs/acme.yaml", &fragment).unwrap(), None);
        source(&model, &WorkspaceKeys::parse(workspace))
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

    #[test]
    fn the_version_is_that_of_the_section() {
        let version = |manifest: &str| WorkspaceKeys::parse(manifest).version;
        assert_eq!(version("version = \"1\"\n[workspace.package]\nversion = \"2\"\n"), Some("2".to_owned()));
        assert_eq!(version("[workspace.package]\nedition = \"2024\"\n[package]\nversion = \"3\"\n"), None);
    }
}
