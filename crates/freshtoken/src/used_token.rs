//! The token of a call, as a caller reports it.

use http::HeaderValue;

use crate::token::Token;

/// The token that a call carried: a [`Token`], or the value of its header.
///
/// Both convert by reference: `tokens.rejected(&header)`.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum UsedToken<'a> {
    /// A token.
    Token(&'a Token),
    /// The value of a header.
    Header(&'a HeaderValue),
}

impl<'a> From<&'a Token> for UsedToken<'a> {
    fn from(token: &'a Token) -> Self {
        Self::Token(token)
    }
}

impl<'a> From<&'a HeaderValue> for UsedToken<'a> {
    fn from(header: &'a HeaderValue) -> Self {
        Self::Header(header)
    }
}
