//! Parses a spec and checks that it can be simulated.

use crate::spec::document::Document;
use crate::spec::{references, supported};

impl Document {
    /// Parses a spec.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        // YAML 1.2: `no` and `off` are strings.
        let options = serde_saphyr::options! { strict_booleans: true, with_snippet: false };
        let mut document: Self =
            serde_saphyr::from_str_with_options(text, options).map_err(|error| error.without_snippet().to_string())?;
        if !document.openapi.starts_with("3.0.") {
            return Err(format!("the spec is OpenAPI {}; the sandbox supports 3.0", document.openapi));
        }
        let schemes: Vec<String> = document.components.security_schemes.keys().cloned().collect();
        if let Some(token) = &mut document.token {
            token.resolve(|name| schemes.iter().any(|scheme| scheme == name));
        }
        references::check(&document)?;
        supported::document(&document)?;
        Ok(document)
    }
}
