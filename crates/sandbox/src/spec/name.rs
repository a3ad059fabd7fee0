//! The names of credentials.

use heck::ToSnakeCase;

/// Returns the name of a credential.
pub(crate) fn snake(name: &str) -> String {
    name.to_snake_case()
}
