//! How to classify a vendor's failures, from `x-token` in its spec.

/// A vendor's rules for failures. Each generated crate has them as a constant.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// Codes or statuses for which a retry fails until the credentials change.
    pub permanent: &'static [&'static str],
    /// Codes or statuses that mean that the refresh token is spent.
    pub relogin: &'static [&'static str],
    /// Codes or statuses for which a retry may succeed, although they usually mean a permanent failure.
    pub transient: &'static [&'static str],
    /// Further codes that the spec lists. Only listed codes are printed, because any other code could be a secret.
    pub known_codes: &'static [&'static str],
    /// The vendor's own header for the time of the next retry, and its unit.
    pub retry_after: Option<(&'static str, RetryUnit)>,
    /// The header with the id of the request, for the vendor's support.
    pub request_id: Option<&'static str>,
}

/// The unit of the number in a vendor's own retry header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryUnit {
    /// Seconds after the response.
    Seconds,
    /// Seconds since 1970-01-01T00:00:00Z.
    Unix,
}

/// What to do about a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorClass {
    /// Retry: the same request may succeed later.
    Transient,
    /// Do not retry: the credentials, the settings or the code must change.
    Permanent,
    /// Log in again: the refresh token is spent.
    Relogin,
}

impl Rules {
    /// No rules: only the status classifies a failure.
    pub const NONE: Self =
        Self { permanent: &[], relogin: &[], transient: &[], known_codes: &[], retry_after: None, request_id: None };

    /// Classifies a failure by its code if a list contains the code, by its status if a list contains the status, and
    /// otherwise by the class of the status.
    ///
    /// A success status is transient: it means that the body has an error or is unusable. The caller decides what to do if
    /// that repeats.
    pub fn class(&self, status: u16, code: Option<&str>) -> ErrorClass {
        self.listed_as(status, code).unwrap_or(match status {
            200..=299 | 408 | 425 | 429 | 500..=599 => ErrorClass::Transient,
            _ => ErrorClass::Permanent,
        })
    }

    /// Returns whether a list contains this code or status.
    pub(crate) fn lists(&self, status: u16, code: Option<&str>) -> bool {
        self.listed_as(status, code).is_some()
    }

    fn listed_as(&self, status: u16, code: Option<&str>) -> Option<ErrorClass> {
        code.and_then(|code| self.listed(code)).or_else(|| self.listed(&status.to_string()))
    }

    fn listed(&self, entry: &str) -> Option<ErrorClass> {
        let lists = [
            (self.relogin, ErrorClass::Relogin),
            (self.permanent, ErrorClass::Permanent),
            (self.transient, ErrorClass::Transient),
        ];
        lists.into_iter().find(|(list, _)| list.contains(&entry)).map(|(_, class)| class)
    }

    /// Returns the code that decides: one that `transient` lists, else `permanent`, else `relogin`; else the first.
    pub(crate) fn deciding(&self, codes: impl Iterator<Item = String>) -> Option<String> {
        codes.min_by_key(|code| match self.listed(code) {
            Some(ErrorClass::Transient) => 0,
            Some(ErrorClass::Permanent) => 1,
            Some(ErrorClass::Relogin) => 2,
            None => 3,
        })
    }

    /// Returns the code as a static string if the spec lists it.
    pub(crate) fn known(&self, code: &str) -> Option<&'static str> {
        let lists = [self.permanent, self.relogin, self.transient, self.known_codes];
        lists.into_iter().flatten().copied().find(|known| *known == code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_codes_the_one_in_the_most_specific_list_decides() {
        let rules = Rules { permanent: &["7"], relogin: &["invalid_grant"], transient: &["50196"], ..Rules::NONE };
        let deciding = |codes: &[&str]| rules.deciding(codes.iter().map(|code| (*code).to_owned()));
        for (codes, wanted) in [
            (&["invalid_grant", "1", "50196"][..], "50196"),
            (&["invalid_grant", "7"], "7"),
            (&["1", "invalid_grant"], "invalid_grant"),
            (&["1", "2"], "1"),
        ] {
            assert_eq!(deciding(codes).as_deref(), Some(wanted), "{codes:?}");
        }
        assert_eq!(deciding(&[]), None);
    }
}
