//! What the facade has of each vendor beside its adapter: a module, a feature and a dependency. Only two regions of its
//! manifest are generated, below `[features]` and `[dependencies]`.

use std::collections::BTreeSet;

use crate::diagnostic::{Diagnostic, Severity};
use crate::emit::Files;
use crate::emit::header::MARK;
use crate::repository::workspace_keys::WorkspaceKeys;

/// The facade's manifest, the only file of which a part is generated.
pub const MANIFEST: &str = "crates/freshtoken/Cargo.toml";
/// The folder of the adapters.
pub const VENDORS: &str = "crates/freshtoken/src/vendors";

const BEGIN: &str = "# vendors begin";
const END: &str = "# vendors end";

/// The facade as it is on disk.
pub struct Facade {
    /// Its manifest.
    pub manifest: String,
    /// The version of all crates of the workspace.
    pub version: String,
    /// Whether only some vendors are generated, so that the others stay as they are.
    pub is_partial: bool,
}

impl Facade {
    /// Creates a facade with this manifest, in a workspace with these keys.
    pub fn new(manifest: String, workspace: &WorkspaceKeys) -> Self {
        let version = workspace.version.clone().unwrap_or_else(|| "0.0.0".to_owned());
        Self { manifest, version, is_partial: false }
    }

    /// Returns the vendors that it has a feature for.
    fn vendors(&self) -> BTreeSet<String> {
        let mut vendors = BTreeSet::new();
        let mut is_inside = false;
        for line in self.manifest.lines() {
            is_inside = (is_inside || line.starts_with(BEGIN)) && !line.starts_with(END);
            if let Some((name, _)) = line.split_once(" = [\"dep:").filter(|_| is_inside) {
                vendors.insert(name.to_owned());
            }
        }
        vendors
    }

    /// Returns the manifest and the list of modules. `asked` are the vendors that are generated, and `adapters` those of
    /// them that have an adapter.
    pub fn files(&self, asked: &BTreeSet<String>, adapters: &BTreeSet<String>) -> Result<Files, Diagnostic> {
        let mut vendors = adapters.clone();
        if self.is_partial {
            vendors.extend(self.vendors().difference(asked).cloned());
        }
        Ok(Files::from([
            (MANIFEST.to_owned(), self.manifest(&vendors)?),
            (format!("{VENDORS}/mod.rs"), modules(&vendors)),
        ]))
    }

    fn manifest(&self, vendors: &BTreeSet<String>) -> Result<String, Diagnostic> {
        let mut text = String::new();
        let mut section = "";
        let mut is_inside = false;
        let mut written = Vec::new();
        for line in self.manifest.lines() {
            if line.starts_with('[') {
                section = line.trim_end();
            }
            is_inside &= !line.starts_with(END);
            if is_inside {
                continue;
            }
            text.push_str(line);
            text.push('\n');
            if line.starts_with(BEGIN) {
                is_inside = true;
                text.push_str(&self.region(section, vendors));
                written.push(section);
            }
        }
        if is_inside || written != ["[features]", "[dependencies]"] {
            return Err(Diagnostic {
                severity: Severity::Error,
                rule: None,
                file: MANIFEST.into(),
                line: None,
                pointer: String::new(),
                message: "it has no regions for the vendors".to_owned(),
                help: format!(
                    "write the lines `{BEGIN}` and `{END}` below `[features]`, and again below `[dependencies]`, which comes after it"
                ),
            });
        }
        Ok(text)
    }

    fn region(&self, section: &str, vendors: &BTreeSet<String>) -> String {
        if section == "[features]" {
            let features = vendors.iter().map(|vendor| format!("{vendor} = [\"dep:freshtoken-{vendor}\"]\n"));
            let all: Vec<String> = vendors.iter().map(|vendor| format!("\"{vendor}\"")).collect();
            return format!("{}# All vendors.\nvendors = [{}]\n", features.collect::<String>(), all.join(", "));
        }
        let dependency = |vendor: &String| {
            format!(
                "freshtoken-{vendor} = {{ path = \"../{vendor}\", version = \"{}\", default-features = false, optional = \
                 true }}\n",
                self.version
            )
        };
        vendors.iter().map(dependency).collect()
    }
}

fn modules(vendors: &BTreeSet<String>) -> String {
    let mut text = format!(
        "// {MARK} by `cargo xtask gen` from specs/. Edit the specs, not this file.\n\n\
         //! The vendors. Each is a module with a feature of the same name.\n"
    );
    for vendor in vendors {
        text += &format!("\n#[cfg(feature = \"{vendor}\")]\n#[rustfmt::skip]\npub mod {vendor};\n");
    }
    // A program for all vendors, such as the demo, can't name them.
    let names: String = vendors.iter().map(|vendor| format!(" {vendor}")).collect();
    text += &format!(
        "\n/// Calls the macro `$each` with the modules of all vendors. The feature `vendors` enables them.\n#[doc(hidden)]\n#[macro_export]\n\
         macro_rules! for_vendors {{\n    ($each:ident) => {{\n        $each! {{{names} }}\n    }};\n}}\n"
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "[features]\ndefault = []\n# vendors begin: generated\nzenoti = [\"dep:freshtoken-zenoti\"]\n\
                        # vendors end\n\n[dependencies]\nhttp = \"1\"\n# vendors begin\nold = 1\n# vendors end\n\n[lints]\n";

    fn facade(is_partial: bool) -> Facade {
        let keys = WorkspaceKeys { version: Some("1.2.3".to_owned()), ..WorkspaceKeys::default() };
        Facade { is_partial, ..Facade::new(TEXT.to_owned(), &keys) }
    }

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn only_the_regions_of_the_manifest_are_written() {
        let files = facade(false).files(&set(&["acme"]), &set(&["acme"])).unwrap();
        let expected = "[features]\ndefault = []\n# vendors begin: generated\nacme = [\"dep:freshtoken-acme\"]\n\
                        # All vendors.\nvendors = [\"acme\"]\n# vendors end\n\n[dependencies]\nhttp = \"1\"\n\
                        # vendors begin\n\
                        freshtoken-acme = { path = \"../acme\", version = \"1.2.3\", default-features = false, optional = true }\n\
                        # vendors end\n\n[lints]\n";
        assert_eq!(files[MANIFEST], expected);
    }

    #[test]
    fn each_vendor_has_a_module_behind_its_feature() {
        let files = facade(false).files(&set(&["_3cx", "b"]), &set(&["_3cx", "b"])).unwrap();
        let modules = &files["crates/freshtoken/src/vendors/mod.rs"];
        assert!(modules.contains("#[cfg(feature = \"_3cx\")]\n#[rustfmt::skip]\npub mod _3cx;\n"), "{modules}");
        assert!(modules.starts_with("// @generated "), "{modules}");
    }

    #[test]
    fn a_partial_run_keeps_other_vendors_and_drops_its_own_without_adapter() {
        let manifest = |asked: &[&str], adapters: &[&str]| {
            let files = facade(true).files(&set(asked), &set(adapters)).unwrap();
            Facade { manifest: files[MANIFEST].clone(), ..facade(true) }.vendors()
        };
        assert_eq!(manifest(&["acme"], &["acme"]), set(&["acme", "zenoti"]));
        assert_eq!(manifest(&["zenoti"], &[]), set(&[]));
    }

    #[test]
    fn a_manifest_without_the_regions_is_an_error() {
        for text in ["[features]\n", &TEXT.replace("# vendors end", ""), &TEXT.replace("[features]", "[other]")] {
            let facade = Facade { manifest: text.to_owned(), ..facade(false) };
            assert!(facade.files(&set(&[]), &set(&[])).is_err(), "{text}");
        }
    }
}
