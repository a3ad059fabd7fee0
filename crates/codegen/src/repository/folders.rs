//! The folders that the generator reads and writes.

use std::io;

/// The folder of the fragments and the folder of the generated crates, both below the folder that the generator works in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folders {
    /// The folder of the fragments.
    pub specs: String,
    /// The folder of the generated crates.
    pub out: String,
}

impl Default for Folders {
    fn default() -> Self {
        Self { specs: "specs".to_owned(), out: "crates".to_owned() }
    }
}

impl Folders {
    /// Returns a folder without what does not belong to its name, such as `./` and a last `/`.
    ///
    /// # Errors
    ///
    /// If it is absolute or leaves the folder that the generator works in: generated files refer to each other by it.
    pub fn tidy(folder: &str) -> io::Result<String> {
        let is_below = |part: &&str| *part != ".." && !part.contains(['\\', '"']) && !part.contains(char::is_control);
        let parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
        if folder.starts_with('/') || !parts.iter().all(is_below) {
            let folder = crate::diagnostic::visible(folder);
            let help = "run the generator in a folder that contains it, and name it from there";
            return Err(io::Error::other(format!("`{folder}` is not a folder below this one: {help}")));
        }
        Ok(parts.join("/"))
    }

    /// Returns the folder of a crate.
    pub fn of_crate(&self, name: &str) -> String {
        within(&self.out, name)
    }

    /// Returns the path of a file beside the fragments.
    pub fn beside_specs(&self, name: &str) -> String {
        within(&self.specs, name)
    }

    /// Returns what leads from the folder of a crate to the folder that the generator works in.
    pub fn up(&self) -> String {
        "../".repeat(1 + self.out.split('/').filter(|part| !part.is_empty()).count())
    }
}

/// Returns the path of a name in a folder, which is empty for the one that the generator works in.
fn within(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_tidied_and_stays_below() {
        let tidy = |folder: &str| Folders::tidy(folder).map_err(|error| error.to_string());
        for (folder, tidied) in [("crates", "crates"), ("./a//b/", "a/b"), (".", ""), ("", "")] {
            assert_eq!(tidy(folder), Ok(tidied.to_owned()));
        }
        for folder in ["..", "a/../..", "/tmp", "a\nb"] {
            assert!(tidy(folder).unwrap_err().contains("not a folder below"), "{folder}");
        }
    }

    #[test]
    fn a_crate_knows_the_way_up() {
        let folders = |out: &str| Folders { out: out.to_owned(), ..Folders::default() };
        assert_eq!(
            (folders("crates").of_crate("a"), folders("crates").up()),
            ("crates/a".to_owned(), "../../".to_owned())
        );
        assert_eq!((folders("").of_crate("a"), folders("").up()), ("a".to_owned(), "../".to_owned()));
        assert_eq!(folders("a/b").up(), "../../../");
    }
}
