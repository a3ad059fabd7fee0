//! An access token, and how its lifetime is measured.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use freshtoken_wire::Secret;
use http::{HeaderName, HeaderValue};

use crate::clock::{Now, system_time, unix_nanos};
use crate::grant_error::GrantError;
use crate::issued_tokens::IssuedTokens;
use crate::vendor::{Lifetime, TokenPolicy};

/// The longest plausible lifetime, ten years. For a longer one, the documented lifetime is used.
const LONGEST_LIFETIME: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// The earliest plausible absolute expiry, 2000-01-01T00:00:00Z in nanoseconds since 1970. An earlier one is a placeholder
/// such as `0001-01-01T00:00:00Z` or zero.
const EARLIEST_EXPIRY: u64 = 946_684_800_000_000_000;

/// An access token that is ready for a call. Cheap to clone, and never printed.
///
/// It is stored once, as the header value, and wiped when the last clone of the token or of the header is dropped. The body
/// of the response is wiped too. The buffers of the HTTP client and of TLS are not.
#[derive(Clone)]
pub struct Token(Arc<Inner>);

struct Inner {
    stored: Stored,
    /// Whether a call with it has succeeded.
    is_accepted: AtomicBool,
    facts: Option<Box<Facts>>,
}

/// The fields that every token has and a store keeps.
pub(crate) struct Stored {
    pub(crate) generation: u64,
    /// Prefix and token: the only copy of the token's bytes.
    pub(crate) header: HeaderValue,
    /// The offset of the token in the header.
    pub(crate) token_at: usize,
    /// In nanoseconds since 1970, by this machine's wall clock.
    pub(crate) issued_at: u64,
    pub(crate) expires_at: Option<u64>,
    /// By how much both may be too late, in nanoseconds: the precision of a conversion from another clock.
    pub(crate) late_by: u64,
}

/// [`Stored::token_at`] of a token that isn't a part of the header's value. It fits into 32 bits.
const NOT_IN_HEADER: usize = u32::MAX as usize;

/// The value of HTTP Basic, RFC 7617.
fn basic(user: &Secret, password: &Secret) -> Secret {
    let halves = Secret::new([user.expose(), ":", password.expose()].concat());
    Secret::new(format!("Basic {}", STANDARD.encode(halves.expose())))
}

/// The fields that most responses lack.
#[derive(Clone, Default)]
pub(crate) struct Facts {
    pub(crate) scopes: Vec<String>,
    pub(crate) extra_headers: Vec<(HeaderName, HeaderValue)>,
    /// How long after its arrival the vendor wants the token to be renewed.
    pub(crate) renew_in: Option<Duration>,
    pub(crate) kept: Vec<(String, Secret)>,
    /// The token, if it isn't a part of the header's value.
    pub(crate) bare: Option<Secret>,
    /// Whether it goes into the query: no header carries it.
    pub(crate) is_in_query: bool,
    pub(crate) response: Option<Arc<dyn Any + Send + Sync>>,
}

impl Facts {
    fn is_empty(&self) -> bool {
        let Self { scopes, extra_headers, renew_in, kept, bare, is_in_query: _, response } = self;
        let is_plain = scopes.is_empty() && extra_headers.is_empty() && kept.is_empty() && bare.is_none();
        is_plain && renew_in.is_none() && response.is_none()
    }
}

impl Token {
    /// Measures a response that has just arrived.
    ///
    /// # Errors
    ///
    /// If it has no token that can be sent, or one that has expired.
    pub(crate) fn of(
        issued: IssuedTokens,
        policy: &TokenPolicy,
        generation: u64,
        now: Now,
    ) -> Result<Self, GrantError> {
        let token = issued.access_token.expose();
        if token.is_empty() {
            return Err(GrantError::unusable("the response has no access token"));
        }
        let type_prefix = || match issued.token_type.as_deref() {
            Some(token_type) if !token_type.is_empty() => token_type,
            _ if policy.header.eq_ignore_ascii_case("authorization") => "Bearer",
            _ => "",
        };
        let prefix = policy.prefix.unwrap_or_else(type_prefix);
        let space = if prefix.is_empty() || prefix.ends_with([' ', '=']) { "" } else { " " };
        let (header, token_at) = match (&issued.basic, policy.query) {
            (Some((user, password)), _) => (basic(user, password), NOT_IN_HEADER),
            (None, Some(_)) => (Secret::new(token), NOT_IN_HEADER),
            (None, None) => (Secret::new([prefix, space, token].concat()), prefix.len() + space.len()),
        };
        let header = header
            .into_header()
            .ok_or_else(|| GrantError::unusable("the access token has a character that a header cannot hold"))?;
        let bare = (token_at == NOT_IN_HEADER).then(|| issued.access_token.clone());

        let expires_in = lifetime(issued.expires_in, issued.expires_at, issued.date, now).or(match policy.lifetime {
            Lifetime::For(lifetime) if !issued.never_expires => Some(lifetime),
            _ => None,
        });
        if expires_in.is_some_and(|lifetime| lifetime.is_zero()) {
            return Err(GrantError::unusable("the access token arrived expired"));
        }
        let also = issued.extra_headers.into_iter().chain(policy.kept_headers.iter().filter_map(|(header, name)| {
            let (_, value) = issued.kept.iter().find(|(kept, _)| kept == name)?;
            Some((HeaderName::from_static(header), value.clone()))
        }));
        let mut extra_headers = Vec::new();
        for (name, value) in also {
            let value = value.into_header().ok_or_else(|| {
                GrantError::permanent("a credential or a kept value has a character that a header cannot hold")
            })?;
            extra_headers.push((name, value));
        }
        let stored = Stored {
            generation,
            header,
            token_at,
            issued_at: now.wall,
            expires_at: expires_at(expires_in, now),
            late_by: 0,
        };
        let facts = Facts {
            scopes: issued.scopes,
            extra_headers,
            renew_in: issued.renew_in,
            kept: issued.kept,
            bare,
            is_in_query: policy.query.is_some(),
            response: issued.response,
        };
        Ok(Self::new(stored, facts))
    }

    /// The token once more, for its whole lifetime, with what a response says of it.
    pub(crate) fn renewed(&self, issued: IssuedTokens) -> IssuedTokens {
        let prefix = self.0.stored.header.as_bytes().get(..self.0.stored.token_at).unwrap_or_default();
        let text = |value: &HeaderValue| Secret::new(value.to_str().unwrap_or_default());
        let extra_headers = self.extra_headers().iter().map(|(name, value)| (name.clone(), text(value)));
        IssuedTokens {
            access_token: Secret::new(self.expose()),
            token_type: std::str::from_utf8(prefix).ok().map(|prefix| prefix.trim_end().to_owned()),
            expires_in: issued.expires_in.or_else(|| self.lifetime()),
            scopes: self.scopes().to_vec(),
            extra_headers: extra_headers.collect(),
            ..issued
        }
    }

    /// Restores a token from a store.
    pub(crate) fn of_stored(stored: Stored, facts: Facts) -> Self {
        Self::new(stored, facts)
    }

    /// Returns the token with its times by another clock. The conversion may make them too late by up to `late_by` nanoseconds.
    pub(crate) fn shifted(&self, shift: impl Fn(u64) -> u64, late_by: u64) -> Self {
        let Stored { generation, header, token_at, issued_at, expires_at, late_by: before } = self.stored();
        let stored = Stored {
            generation: *generation,
            header: header.clone(),
            token_at: *token_at,
            issued_at: shift(*issued_at),
            expires_at: expires_at.map(shift),
            late_by: before.saturating_add(late_by),
        };
        Self::of_stored(stored, Facts { response: None, ..self.facts() })
    }

    fn new(stored: Stored, facts: Facts) -> Self {
        let facts = (!facts.is_empty()).then(|| Box::new(facts));
        Self(Arc::new(Inner { stored, is_accepted: AtomicBool::new(false), facts }))
    }

    pub(crate) fn stored(&self) -> &Stored {
        &self.0.stored
    }

    fn facts(&self) -> Facts {
        self.0.facts.as_deref().cloned().unwrap_or_default()
    }

    /// How long after its arrival the vendor wants the token to be renewed.
    pub(crate) fn renew_in(&self) -> Option<Duration> {
        self.0.facts.as_ref()?.renew_in
    }

    /// All values of the response that belong to the token.
    pub(crate) fn all_kept(&self) -> &[(String, Secret)] {
        self.0.facts.as_ref().map(|facts| facts.kept.as_slice()).unwrap_or_default()
    }

    /// Returns a value of the vendor's response that belongs to the token, such as the base URL of the account's API. The
    /// vendor's spec names these values. They are stored with the token.
    ///
    /// Some can be secrets, so keep them out of logs.
    ///
    /// ```no_run
    /// # async fn example(tokens: freshtoken::TokenSource) -> Result<(), freshtoken::Error> {
    /// let token = tokens.token().await?;
    /// let url = token.kept("api_domain").map(|base| format!("{base}/crm/v8/Leads"));
    /// # let _ = url;
    /// # Ok(())
    /// # }
    /// ```
    pub fn kept(&self, name: &str) -> Option<&str> {
        self.all_kept().iter().find(|(kept, _)| kept == name).map(|(_, value)| value.expose())
    }

    /// Returns the value of the header that carries the token, such as `Bearer …`. It is marked as sensitive.
    ///
    /// If the vendor takes the token in the query ([`TokenSource::query_name`](crate::TokenSource::query_name)), it is the bare
    /// token, and no header carries it.
    pub fn header(&self) -> &HeaderValue {
        &self.0.stored.header
    }

    /// Whether a header carries it. Looks at nothing but what [`Token::header`] does, unless it is [`NOT_IN_HEADER`].
    #[inline]
    pub(crate) fn is_in_header(&self) -> bool {
        self.0.stored.token_at != NOT_IN_HEADER || !self.0.facts.as_ref().is_some_and(|facts| facts.is_in_query)
    }

    /// Whether it goes into the query.
    pub(crate) fn bare(&self) -> Option<(&Secret, bool)> {
        let facts = self.0.facts.as_ref()?;
        Some((facts.bare.as_ref()?, facts.is_in_query))
    }

    /// Returns the token itself. Keep it out of logs, errors and `format!`.
    ///
    /// ```no_run
    /// # async fn example(tokens: freshtoken::TokenSource) -> Result<(), freshtoken::Error> {
    /// let token = tokens.token().await?;
    /// let cookie = format!("session={}", token.expose()); // for an API that takes no header
    /// # let _ = cookie;
    /// # Ok(())
    /// # }
    /// ```
    pub fn expose(&self) -> &str {
        if let Some(bare) = self.0.facts.as_ref().and_then(|facts| facts.bare.as_ref()) {
            return bare.expose();
        }
        let bytes = self.0.stored.header.as_bytes().get(self.0.stored.token_at..).unwrap_or_default();
        // The header was built from a string, and is split at a character boundary.
        std::str::from_utf8(bytes).unwrap_or_default()
    }

    /// Returns a number that grows with each change of the account, so by more than one between two tokens.
    pub fn generation(&self) -> u64 {
        self.0.stored.generation
    }

    /// Returns when the token arrived, by this machine's clock.
    pub fn issued_at(&self) -> SystemTime {
        system_time(self.0.stored.issued_at)
    }

    /// Returns when the token expires, by this machine's clock. `None`: unknown, or never.
    pub fn expires_at(&self) -> Option<SystemTime> {
        self.0.stored.expires_at.map(system_time)
    }

    /// Returns the granted scopes, or none if the vendor does not say.
    pub fn scopes(&self) -> &[String] {
        self.0.facts.as_ref().map(|facts| facts.scopes.as_slice()).unwrap_or_default()
    }

    /// Returns the additional headers that each call needs, if the vendor requires some.
    pub fn extra_headers(&self) -> &[(HeaderName, HeaderValue)] {
        self.0.facts.as_ref().map(|facts| facts.extra_headers.as_slice()).unwrap_or_default()
    }

    /// Returns the vendor's typed response, for fields beyond the token.
    ///
    /// Its tokens are empty, and an optional field that does not match the spec is `None`. There is no typed response in
    /// these cases: a required field is missing or does not match, a key appears twice, the token came from a store of
    /// another process, or it came from [`TokenSources`](crate::TokenSources) that do not [keep
    /// responses](crate::TokenSourcesBuilder::keep_responses).
    ///
    /// ```no_run
    /// # #[cfg(feature = "zenoti")]
    /// # async fn example(tokens: freshtoken::TokenSource) -> Result<(), freshtoken::Error> {
    /// use freshtoken::zenoti;
    ///
    /// let token = tokens.token().await?;
    /// if let Some(response) = token.response::<zenoti::LoginResponse>() {
    ///     println!("{response:?}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn response<A: Any>(&self) -> Option<&A> {
        self.0.facts.as_ref()?.response.as_deref()?.downcast_ref()
    }

    /// The whole lifetime, from the token's arrival.
    pub(crate) fn lifetime(&self) -> Option<Duration> {
        self.0.stored.expires_at.map(|end| Duration::from_nanos(end.saturating_sub(self.0.stored.issued_at)))
    }

    /// By how much its expiry may be too late.
    pub(crate) fn late_by(&self) -> Duration {
        Duration::from_nanos(self.0.stored.late_by)
    }

    /// How long ago the token arrived; zero if the clock was set back since.
    pub(crate) fn age(&self, now: Now) -> Duration {
        Duration::from_nanos(now.wall.saturating_sub(self.0.stored.issued_at))
    }

    /// Records that a call with it has succeeded.
    pub(crate) fn accept(&self) {
        // Many threads read it, so it is written once.
        if !self.is_accepted() {
            self.0.is_accepted.store(true, Ordering::Relaxed);
        }
    }

    /// Whether a call with it has succeeded.
    pub(crate) fn is_accepted(&self) -> bool {
        self.0.is_accepted.load(Ordering::Relaxed)
    }

    /// Whether this is the token in a call's header.
    pub(crate) fn is_in(&self, header: &HeaderValue) -> bool {
        self.0.stored.header == header
    }
}

/// Prints no token.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("generation", &self.0.stored.generation)
            .field("expires_at", &self.expires_at())
            .finish_non_exhaustive()
    }
}

/// Returns the remaining lifetime that a response states, or `None` if it states no plausible one. If both forms are present,
/// the earlier expiry is used. An absolute expiry in the past gives zero.
pub(crate) fn lifetime(
    in_: Option<Duration>,
    at: Option<SystemTime>,
    date: Option<SystemTime>,
    now: Now,
) -> Option<Duration> {
    let at = at.map(unix_nanos).filter(|at| *at >= EARLIEST_EXPIRY).map(|at| {
        let issuer_now = date.map_or(now.wall, unix_nanos);
        Duration::from_nanos(at.saturating_sub(issuer_now))
    });
    let known = |lifetime: &Duration| *lifetime <= LONGEST_LIFETIME;
    match (in_.filter(|lifetime| known(lifetime) && !lifetime.is_zero()), at.filter(known)) {
        (Some(in_), Some(at)) => Some(in_.min(at)),
        (in_, at) => in_.or(at),
    }
}

/// Returns the expiry in nanoseconds since 1970, or `None` if it is unknown or too far away.
pub(crate) fn expires_at(lifetime: Option<Duration>, now: Now) -> Option<u64> {
    let lifetime = u64::try_from(lifetime?.as_nanos()).ok()?;
    now.wall.checked_add(lifetime)
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::grant_error::GrantErrorKind;

    const POLICY: TokenPolicy = TokenPolicy::new("acme");
    const NOW: Now = Now { monotonic: 0, wall: 1_000_000_000_000_000_000 };

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_000_000_000 + seconds)
    }

    fn seconds_left(issued: IssuedTokens) -> Option<u64> {
        Token::of(issued, &POLICY, 1, NOW).unwrap().lifetime().map(|lifetime| lifetime.as_secs())
    }

    #[test]
    fn the_earlier_expiry_is_used_and_date_corrects_it() {
        let issued = IssuedTokens::new("t").expires_in(Duration::from_secs(900));
        assert_eq!(seconds_left(issued.clone().expires_at(at(600))), Some(600));
        assert_eq!(seconds_left(issued.clone().expires_at(at(1200))), Some(900));
        // The issuer is five minutes fast.
        assert_eq!(seconds_left(issued.expires_at(at(1100)).date(at(300))), Some(800));
    }

    #[test]
    fn a_lifetime_over_ten_years_is_unknown() {
        let far = UNIX_EPOCH + Duration::from_secs(1 << 40);
        for issued in [
            IssuedTokens::new("t").expires_in(Duration::from_secs(1_000_000_000_000_000_000)),
            IssuedTokens::new("t").expires_in(Duration::MAX),
            IssuedTokens::new("t").expires_at(far),
        ] {
            assert_eq!(seconds_left(issued.clone()), None, "{issued:?}");
        }
        assert_eq!(seconds_left(IssuedTokens::new("t").expires_in(Duration::MAX).expires_at(at(60))), Some(60));
    }

    #[test]
    fn a_placeholder_expiry_is_unknown() {
        for issued in [
            IssuedTokens::new("t").expires_in(Duration::ZERO),
            IssuedTokens::new("t").expires_at(UNIX_EPOCH),
            IssuedTokens::new("t").expires_at(UNIX_EPOCH + Duration::from_secs(86_400)),
        ] {
            assert_eq!(seconds_left(issued.clone()), None, "{issued:?}");
            let documented = POLICY.lifetime(Lifetime::For(Duration::from_secs(60)));
            let lifetime = Token::of(issued, &documented, 1, NOW).unwrap().lifetime();
            assert_eq!(lifetime, Some(Duration::from_secs(60)), "the documented lifetime is used");
        }
    }

    #[test]
    fn an_expired_or_unsendable_token_is_a_failure() {
        for issued in [
            IssuedTokens::new("t").expires_at(at(0)),
            IssuedTokens::new("t").expires_at(at(60)).date(at(61)),
            IssuedTokens::new("a\r\nx-admin: 1"),
            IssuedTokens::new(""),
        ] {
            let failure = Token::of(issued, &POLICY, 1, NOW).unwrap_err();
            assert!(failure.kind == GrantErrorKind::Unusable && failure.is_ambiguous, "{failure}");
        }
    }

    #[test]
    fn the_prefix_is_from_the_policy_then_the_response() {
        let header = |issued: IssuedTokens, policy: TokenPolicy| {
            Token::of(issued, &policy, 1, NOW).unwrap().header().to_str().unwrap().to_owned()
        };
        let acme = || IssuedTokens::new("t").token_type("bearer");
        assert_eq!(header(acme(), POLICY), "bearer t");
        assert_eq!(header(acme(), POLICY.prefix("token ")), "token t");
        assert_eq!(header(acme(), POLICY.prefix("")), "t");
        assert_eq!(header(IssuedTokens::new("t"), POLICY), "Bearer t");
        assert_eq!(header(IssuedTokens::new("t"), POLICY.header("x-token")), "t");
    }

    #[test]
    fn a_token_can_be_a_cookie_a_half_of_basic_or_in_the_query() {
        let token = |issued: IssuedTokens, policy: TokenPolicy| Token::of(issued, &policy, 1, NOW).unwrap();
        let cookie = token(IssuedTokens::new("t"), POLICY.header("cookie").prefix("session="));
        assert_eq!((cookie.header().to_str().unwrap(), cookie.expose()), ("session=t", "t"));
        let basic = token(IssuedTokens::new("t").basic("company", "t"), POLICY);
        assert_eq!((basic.header().to_str().unwrap(), basic.expose()), ("Basic Y29tcGFueTp0", "t"));
        assert!(basic.header().is_sensitive() && basic.is_in_header());
        let query = token(IssuedTokens::new("t"), POLICY.query("auth"));
        assert_eq!((query.expose(), query.is_in_header()), ("t", false));
    }

    #[test]
    fn a_clone_of_the_header_shares_its_bytes() {
        let token = Token::of(IssuedTokens::new("t"), &POLICY, 1, NOW).unwrap();
        assert_eq!(token.header().clone().as_bytes().as_ptr(), token.header().as_bytes().as_ptr());
        assert_eq!(token.expose(), "t");
        assert!(token.header().is_sensitive());
    }

    #[test]
    fn a_clock_set_back_does_not_make_the_age_negative() {
        let token = Token::of(IssuedTokens::new("t").expires_in(Duration::from_secs(60)), &POLICY, 1, NOW).unwrap();
        let at = |wall: u64| Now { wall, ..NOW };
        assert_eq!(token.age(at(NOW.wall - 3_600_000_000_000)), Duration::ZERO);
        assert_eq!(token.age(at(NOW.wall + 3_600_000_000_000)), Duration::from_secs(3_600));
    }
}
