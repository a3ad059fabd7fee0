//! Why a request is refused, independently of how the vendor's response says so.

/// Why a request is refused.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) reason: Reason,
    /// The invalid field, such as `grant_type`; empty if the request as a whole is invalid.
    pub(crate) field: String,
    /// An explanation for a person. It contains names of fields, never their values.
    pub(crate) why: String,
}

/// The category of a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The path exists, but not with this method.
    Method,
    /// The body has another media type.
    ContentType,
    /// The body, form or query can't be parsed.
    Malformed,
    /// Something required is missing.
    Missing,
    /// A type, a constant, an enum or a list encoding is wrong.
    Invalid,
    /// What the operation's security requires is missing or wrong.
    Unauthorized,
    /// A credential in the body or in a parameter is wrong.
    Credential,
    /// A setting in the path is wrong.
    NotFound,
    /// A refresh token is unknown or no longer valid.
    RefreshToken,
    /// An access token in a header is unknown or no longer valid.
    AccessToken,
    /// A token to revoke is unknown or no longer valid.
    UnknownToken,
    /// The maximum number of live tokens is reached.
    TooManyTokens,
    /// The account has had too many tokens in a time.
    TooManyGrants,
}

impl Refusal {
    pub(crate) fn new(reason: Reason, why: &str) -> Self {
        Self { reason, field: String::new(), why: why.to_owned() }
    }

    /// Creates a refusal for a field: `what` follows its name.
    pub(crate) fn about(reason: Reason, field: &str, what: &str) -> Self {
        let why = match field {
            "" => format!("the body {what}"),
            _ => format!("`{field}` {what}"),
        };
        Self { reason, field: field.to_owned(), why }
    }
}
