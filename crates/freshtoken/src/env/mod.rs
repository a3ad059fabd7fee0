//! Endpoint and credentials from environment variables, which have the same names for every vendor.

mod alternative;
mod error;
mod variable;
mod vars;

use crate::env::error::Problem;
use crate::issued_tokens::IssuedTokens;
use crate::source::TokenSource;
use crate::vendor::Vendor;

pub use crate::env::alternative::Alternative;
pub use crate::env::error::EnvError;
pub use crate::env::variable::Variable;
pub use crate::env::vars::{ServerFromVars, Vars};

/// A vendor whose endpoint and credentials come from environment variables. All generated vendors implement it.
///
/// A variable is named after the vendor and the credential, such as `ZENOTI_PASSWORD`. `ZENOTI_URL` sets a custom base URL.
/// Otherwise `ZENOTI_SERVER` names one of the vendor's servers; the default is the first. If a server's URL has a part
/// without a default, such as the name of a shop, that part is a variable which this server requires. A custom base URL does
/// not require it, unless requests contain it elsewhere too.
///
/// One line break at the end of a value is dropped, as in a mounted file. A list is a JSON array, or its items separated by the
/// vendor's delimiter or by white space.
///
/// # Examples
///
/// ```no_run
/// # #[cfg(feature = "zenoti")]
/// # fn example() -> Result<(), freshtoken::env::EnvError> {
/// use freshtoken::zenoti;
/// use freshtoken::env::FromEnv;
///
/// for variable in zenoti::Endpoint::VARIABLES {
///     println!("{variable}");
/// }
/// let (endpoint, credentials) = zenoti::Endpoint::from_env()?;
/// # let _ = (endpoint, credentials);
/// # Ok(())
/// # }
/// ```
pub trait FromEnv: Vendor + Sized {
    /// The prefix of all its variables, without the `_` after it.
    const PREFIX: &'static str;

    /// Its variables.
    const VARIABLES: &'static [Variable];

    /// Reads endpoint and credentials from the variables of this process.
    ///
    /// # Errors
    ///
    /// Names all missing variables, or the variable whose value cannot be used. It never contains a value.
    fn from_env() -> Result<(Self, Self::Credentials), EnvError> {
        Self::from_vars(&process)
    }

    /// Reads endpoint and credentials with `var`, which looks up a variable: in a test's map, or for one of several accounts.
    ///
    /// # Errors
    ///
    /// As [`from_env`](FromEnv::from_env).
    fn from_vars(var: &dyn Fn(&str) -> Option<String>) -> Result<(Self, Self::Credentials), EnvError> {
        let vars = Vars { prefix: Self::PREFIX, var };
        let is_missing = |variable: &&Variable| {
            vars.needs(variable) && vars.get(variable.name).is_none() && Start::of(Self::PREFIX, variable).is_none()
        };
        let missing: Vec<&str> = Self::VARIABLES.iter().filter(is_missing).map(|variable| variable.name).collect();
        if missing.is_empty() { Self::read(&vars) } else { Err(EnvError(Problem::Missing(missing))) }
    }

    /// Reads endpoint and credentials from variables that are all set, as far as they are required. Users call
    /// [`from_env`](FromEnv::from_env).
    ///
    /// # Errors
    ///
    /// Names the variable whose value cannot be used.
    fn read(vars: &Vars<'_>) -> Result<(Self, Self::Credentials), EnvError>;
}

impl TokenSource {
    /// Creates a source from the variables of this process, including a refresh token such as `ZENOTI_REFRESH_TOKEN` if it is
    /// set. If the vendor has neither a login nor a refresh, the source starts from an access token, such as `ACME_ACCESS_TOKEN`.
    ///
    /// # Errors
    ///
    /// Names all missing variables, or the variable whose value cannot be used. It never contains a value.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # #[cfg(feature = "voucherify")]
    /// # fn example() -> Result<(), freshtoken::env::EnvError> {
    /// use freshtoken::{TokenSource, voucherify};
    ///
    /// let tokens = TokenSource::from_env::<voucherify::Endpoint>()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn from_env<V: FromEnv>() -> Result<Self, EnvError> {
        Self::from_vars::<V>(&process)
    }

    /// Creates a source like [`from_env`](TokenSource::from_env), and looks up the variables with `var`.
    ///
    /// # Errors
    ///
    /// As [`from_env`](TokenSource::from_env).
    pub fn from_vars<V: FromEnv>(var: &dyn Fn(&str) -> Option<String>) -> Result<Self, EnvError> {
        let (endpoint, credentials) = V::from_vars(var)?;
        let source = Self::builder(endpoint, credentials);
        let mut starts = V::VARIABLES.iter().filter_map(|variable| Some((variable, Start::of(V::PREFIX, variable)?)));
        let Some((variable, start)) = starts.next() else { return Ok(source.build()) };
        match (Vars { prefix: V::PREFIX, var }.get(variable.name), variable.is_required) {
            (Some(token), _) => Ok(match start {
                Start::RefreshToken => source.refresh_token(token).build(),
                Start::AccessToken => source.token(IssuedTokens::new(token)).build(),
            }),
            (None, true) => Err(EnvError(Problem::Missing(vec![variable.name]))),
            (None, false) => Ok(source.build()),
        }
    }
}

fn process(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// What a source starts from.
enum Start {
    RefreshToken,
    AccessToken,
}

impl Start {
    /// Returns what a variable holds, if a source starts from it.
    fn of(prefix: &str, variable: &Variable) -> Option<Self> {
        match variable.name.strip_prefix(prefix) {
            _ if variable.is_start => Some(Self::AccessToken),
            Some("_REFRESH_TOKEN") => Some(Self::RefreshToken),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use freshtoken_wire::Error;

    use super::*;
    use crate::vendor::{Lifetime, TokenPolicy};

    /// A vendor like a generated one, whose servers have variables in their URLs.
    #[derive(Debug, PartialEq)]
    struct Shop(String);

    impl Vendor for Shop {
        type Credentials = String;

        const POLICY: TokenPolicy = TokenPolicy::new("shop");

        fn server(&self) -> String {
            self.0.clone()
        }
    }

    impl FromEnv for Shop {
        const PREFIX: &'static str = "SHOP";

        const VARIABLES: &'static [Variable] = &[
            Variable::required("SHOP_KEY", "The key."),
            Variable::required("SHOP_NAME", "The shop.").of_servers(&["live"]),
            Variable::optional("SHOP_ZONE", "The zone.").of_servers(&["test"]),
            Variable::optional("SHOP_REALM", "The realm.").of_servers(&[]).with_custom_url(),
        ];

        fn read(vars: &Vars<'_>) -> Result<(Self, String), EnvError> {
            let shop = vars.endpoint(
                |url| Ok::<_, Error>(Shop(url)),
                &[
                    ("live", |vars| Ok(Shop(vars.needed("SHOP_NAME")?))),
                    ("test", |vars| Ok(Shop(vars.needed("SHOP_ZONE")?))),
                    ("plain", |_| Ok(Shop("plain".to_owned()))),
                ],
            )?;
            Ok((shop, vars.needed("SHOP_KEY")?))
        }
    }

    fn read(vars: &[(&str, &str)]) -> Result<Shop, EnvError> {
        let vars: HashMap<&str, &str> = vars.iter().copied().collect();
        Shop::from_vars(&|name| vars.get(name).map(|value| (*value).to_owned())).map(|(shop, _)| shop)
    }

    #[test]
    fn a_part_of_a_url_is_required_with_the_servers_that_have_it() {
        let missing = |vars: &[(&str, &str)]| read(vars).unwrap_err().variables();
        assert_eq!(missing(&[]), ["SHOP_KEY", "SHOP_NAME"], "all at once, and no default");
        assert_eq!(missing(&[("SHOP_KEY", "k"), ("SHOP_SERVER", "live")]), ["SHOP_NAME"]);
        assert_eq!(missing(&[("SHOP_KEY", "k"), ("SHOP_NAME", "")]), ["SHOP_NAME"]);
        assert_eq!(missing(&[("SHOP_SERVER", "test"), ("SHOP_NAME", "n")]), ["SHOP_KEY", "SHOP_ZONE"]);

        let made = |more: &[(&str, &str)]| read(&[&[("SHOP_KEY", "k")], more].concat()).unwrap().0;
        assert_eq!(made(&[("SHOP_NAME", "n")]), "n");
        assert_eq!(made(&[("SHOP_SERVER", "test"), ("SHOP_ZONE", "z")]), "z");
        assert_eq!(made(&[("SHOP_SERVER", "plain")]), "plain");
        let custom = ("SHOP_URL", "https://own.example");
        assert_eq!(missing(&[("SHOP_KEY", "k"), custom]), ["SHOP_REALM"], "not only a part of a URL");
        assert_eq!(made(&[custom, ("SHOP_REALM", "r")]), "https://own.example");
    }

    /// A vendor whose users make a token by hand.
    struct Made;

    impl Vendor for Made {
        type Credentials = ();

        const POLICY: TokenPolicy = TokenPolicy::new("made").login(false).lifetime(Lifetime::Never);

        fn server(&self) -> String {
            String::new()
        }
    }

    impl FromEnv for Made {
        const PREFIX: &'static str = "MADE";

        const VARIABLES: &'static [Variable] = &[Variable::access_token("MADE_ACCESS_TOKEN", "The access token.")];

        fn read(_: &Vars<'_>) -> Result<(Self, ()), EnvError> {
            Ok((Made, ()))
        }
    }

    #[test]
    fn a_source_starts_from_an_access_token() {
        let source = |token: &str| TokenSource::from_vars::<Made>(&|_| Some(token.to_owned()));
        assert_eq!(source("t-1\n").unwrap().try_header().unwrap(), "Bearer t-1");
        assert_eq!(source("").unwrap_err().variables(), ["MADE_ACCESS_TOKEN"]);
    }
}
