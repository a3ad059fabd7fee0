//! Why a request is refused: what is wrong with it, before anyone thinks of how the vendor says so.

/// A refusal.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) reason: Reason,
    /// The field that is wrong, such as `grant_type`; empty if it is the whole.
    pub(crate) field: String,
    /// For a person; it names fields and never holds what they held.
    pub(crate) why: String,
}

/// What kind of thing is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The path is right, the method isn't.
    Method,
    /// A body of another media type.
    ContentType,
    /// A body or a form that can't be read.
    Malformed,
    /// Something required isn't there.
    Missing,
    /// A type, a constant, a listed value, the encoding of a list.
    Invalid,
    /// What the operation's security wants isn't there, or is wrong.
    Unauthorized,
    /// A credential in the body or a parameter is wrong.
    Credential,
    /// A setting in the path is wrong.
    NotFound,
    /// A refresh token that isn't known, or is good no more.
    RefreshToken,
    /// An access token that isn't known, or is good no more, in a header.
    AccessToken,
    /// A token to revoke that isn't known, or has ended.
    UnknownToken,
    /// There are as many live tokens as there may be.
    TooManyTokens,
}

impl Refusal {
    pub(crate) fn new(reason: Reason, why: &str) -> Self {
        Self { reason, field: String::new(), why: why.to_owned() }
    }

    /// A refusal of a field: `what` follows its name.
    pub(crate) fn about(reason: Reason, field: &str, what: &str) -> Self {
        let why = match field {
            "" => format!("the body {what}"),
            _ => format!("`{field}` {what}"),
        };
        Self { reason, field: field.to_owned(), why }
    }
}
