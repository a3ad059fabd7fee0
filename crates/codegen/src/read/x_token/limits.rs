//! The keywords of `limits`.

use std::borrow::Cow;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

use crate::read::x_token::values::{NotA, duration};

/// How many tokens the vendor issues to an account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Limits {
    /// How many logins and refreshes it grants in a time. Default: any number. Example: `10/10m`.
    pub grants: Option<Rate>,
    /// How many access tokens are valid at once: one more ends the oldest. Default: any number. Example: `2`.
    #[schemars(range(min = 1, max = 1000))]
    pub live: Option<u16>,
}

/// A number of times in a duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Rate {
    /// How often, at most.
    pub most: u16,
    /// In this time.
    pub window: Duration,
}

/// The largest number of grants. Their times are kept with the token.
const MOST: u16 = 1000;

impl TryFrom<String> for Rate {
    type Error = NotA;

    fn try_from(text: String) -> Result<Self, NotA> {
        let (most, window) = text.split_once('/').ok_or(NotA::Rate)?;
        let most = most.parse().ok().filter(|most| (1..=MOST).contains(most)).ok_or(NotA::Rate)?;
        let window = duration(window).map_err(|_| NotA::Rate)?;
        Ok(Rate { most, window })
    }
}

impl JsonSchema for Rate {
    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("Rate")
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "title": "a number up to 1000, a slash and a duration",
            "type": "string",
            "pattern": "^0*[1-9][0-9]*/0*[1-9][0-9]*[smhd]$",
            "examples": ["10/10m"]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_number_and_a_duration() {
        let rate = |text: &str| Rate::try_from(text.to_owned());
        assert_eq!(rate("10/10m"), Ok(Rate { most: 10, window: Duration::from_secs(600) }));
        for text in ["", "10", "10/", "/10m", "0/10m", "1001/1d", "10/0m", "-1/1s", "1.5/1s", "10 / 10m"] {
            assert_eq!(rate(text), Err(NotA::Rate), "{text}");
        }
    }
}
