//! The metadata for docs.rs in the published crates.

use std::fs;
use std::path::Path;

#[test]
fn docs_rs_shows_all_features_of_each_published_crate() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates");
    let mut published = 0;
    for folder in fs::read_dir(crates).expect("the crates") {
        let folder = folder.expect("a crate").path();
        let Ok(manifest) = fs::read_to_string(folder.join("Cargo.toml")) else { continue };
        let library = fs::read_to_string(folder.join("src/lib.rs"));
        // A program has no documentation there.
        let Ok(library) = library else { continue };
        if manifest.contains("publish = false") || !manifest.contains("[features]") {
            continue;
        }
        published += 1;
        let docs = "[package.metadata.docs.rs]\nall-features = true\nrustdoc-args = [\"--cfg\", \"docsrs\"]\n";
        assert!(manifest.contains(docs), "{}", folder.display());
        assert!(library.contains("#![cfg_attr(docsrs, feature(doc_cfg))]"), "{}", folder.display());
    }
    assert!(published >= 5, "the facade, wire and the vendors' crates");
}
