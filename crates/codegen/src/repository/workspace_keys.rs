//! What a generated crate can inherit from the workspace around it.

use std::collections::BTreeSet;

/// The keys of a workspace's manifest that the generator needs to know.
#[derive(Debug, Default)]
pub struct WorkspaceKeys {
    /// The version of all crates.
    pub version: Option<String>,
    /// The keys of `[workspace.package]`. cargo reports an error if a crate inherits a key that is missing.
    pub package: BTreeSet<String>,
    /// The keys of `[workspace.dependencies]`.
    pub dependencies: BTreeSet<String>,
}

impl WorkspaceKeys {
    /// Reads the keys from the manifest of a workspace.
    pub fn parse(manifest: &str) -> Self {
        let mut keys = Self::default();
        let mut section = "";
        for line in manifest.lines().map(str::trim) {
            if let Some(header) = line.strip_prefix('[') {
                section = header.split(']').next().unwrap_or_default();
                // A dependency can be a section of its own.
                keys.dependencies.extend(section.strip_prefix("workspace.dependencies.").map(str::to_owned));
            } else if let Some((key, value)) = line.split_once('=') {
                // As in `freshtoken.path = "…"`.
                let key = key.split('.').next().unwrap_or_default().trim().to_owned();
                match section {
                    "workspace.package" => {
                        if key == "version" {
                            keys.version = value.split('"').nth(1).map(str::to_owned);
                        }
                        keys.package.insert(key);
                    }
                    "workspace.dependencies" => {
                        keys.dependencies.insert(key);
                    }
                    _ => {}
                }
            }
        }
        keys
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_that_of_the_section() {
        let version = |manifest: &str| WorkspaceKeys::parse(manifest).version;
        assert_eq!(version("version = \"1\"\n[workspace.package]\nversion = \"2\"\n"), Some("2".to_owned()));
        assert_eq!(version("[workspace.package]\nedition = \"2024\"\n[package]\nversion = \"3\"\n"), None);
    }
}
