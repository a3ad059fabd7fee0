//! What a vendor's failures mean, as its spec's `x-token` says it.

/// A vendor's failure rules, constants of its generated crate.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// Codes, or statuses as text, that no retry helps before the credentials change.
    pub permanent: &'static [&'static str],
    /// Codes, or statuses as text, that say that the refresh token is spent.
    pub relogin: &'static [&'static str],
    /// Codes, or statuses as text, that are worth a retry in spite of what they look like.
    pub transient: &'static [&'static str],
    /// Further codes that the spec knows. Only a code that it knows is printed: an unknown one could be anything.
    pub known_codes: &'static [&'static str],
    /// The vendor's own header that says when to retry, and how.
    pub retry_after: Option<(&'static str, RetryUnit)>,
    /// The header that names the request, for the vendor's support.
    pub request_id: Option<&'static str>,
}

/// What the number in a vendor's own retry header counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryUnit {
    /// Seconds from the answer on.
    Seconds,
    /// Seconds since 1970-01-01T00:00:00Z.
    Unix,
}

/// What a failure asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// The same request may work later.
    Transient,
    /// The same request won't work: credentials, settings or code must change.
    Permanent,
    /// The refresh token is spent: log in.
    Relogin,
}

impl Rules {
    /// No rules: the status decides.
    pub const NONE: Self =
        Self { permanent: &[], relogin: &[], transient: &[], known_codes: &[], retry_after: None, request_id: None };

    /// What an answer with this status and code asks for: a listed code decides, then a listed status, then the status.
    ///
    /// A success counts as transient. Here it is one whose body is an error or can't be used; the caller decides on a
    /// second one in a row.
    pub fn verdict(&self, status: u16, code: Option<&str>) -> Verdict {
        self.listed_as(status, code).unwrap_or(match status {
            200..=299 | 408 | 425 | 429 | 500..=599 => Verdict::Transient,
            _ => Verdict::Permanent,
        })
    }

    /// Whether a list names this code or status.
    pub(crate) fn lists(&self, status: u16, code: Option<&str>) -> bool {
        self.listed_as(status, code).is_some()
    }

    fn listed_as(&self, status: u16, code: Option<&str>) -> Option<Verdict> {
        code.and_then(|code| self.listed(code)).or_else(|| self.listed(&status.to_string()))
    }

    fn listed(&self, text: &str) -> Option<Verdict> {
        let lists = [
            (self.relogin, Verdict::Relogin),
            (self.permanent, Verdict::Permanent),
            (self.transient, Verdict::Transient),
        ];
        lists.into_iter().find(|(list, _)| list.contains(&text)).map(|(_, verdict)| verdict)
    }

    /// The spec's own writing of a code that it knows.
    pub(crate) fn known(&self, code: &str) -> Option<&'static str> {
        let lists = [self.permanent, self.relogin, self.transient, self.known_codes];
        lists.into_iter().flatten().copied().find(|known| *known == code)
    }
}
