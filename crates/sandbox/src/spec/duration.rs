//! Durations as strings: `90s`, `15m`, `24h`, `30d`, and `250ms` for options.

use std::time::Duration;

/// Parses a whole number and `ms`, `s`, `m`, `h` or `d`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let refusal =
        || format!("`{text}` is not a duration: write a whole number and `ms`, `s`, `m`, `h` or `d`, such as `90s`");
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| refusal())?;
    let milliseconds: u64 = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(refusal()),
    };
    number.checked_mul(milliseconds).map(Duration::from_millis).ok_or_else(refusal)
}

/// Formats a duration in the largest unit that divides it.
pub(crate) fn show(duration: Duration) -> String {
    let milliseconds = duration.as_millis();
    let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s")];
    let unit = units.into_iter().find(|(size, _)| milliseconds >= *size && milliseconds.is_multiple_of(*size));
    match unit {
        Some((size, unit)) => format!("{}{unit}", milliseconds / size),
        None if milliseconds > 1_000 => format!("{:.1}s", duration.as_secs_f64()),
        None => format!("{milliseconds}ms"),
    }
}

/// Durations as strings, for serde's `with`.
pub(crate) mod text {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer, de};

    use crate::spec::duration::{duration, show};

    pub(crate) fn serialize<S: Serializer>(value: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&show(*value))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        duration(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

/// Optional durations as strings, for serde's `with`.
pub(crate) mod maybe_text {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

    use crate::spec::duration::{duration, show};

    pub(crate) fn serialize<S: Serializer>(value: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
        value.map(show).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|text| duration(&text).map_err(de::Error::custom)).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_a_number_and_a_unit() {
        let read = |text| duration(text).ok().map(|duration| duration.as_millis());
        let texts = ["250ms", "90s", "15m", "24h", "30d", "0s", "90", "s", "-1s", "1.5s", "1 s", "99999999999999999d"];
        let milliseconds =
            [Some(250), Some(90_000), Some(900_000), Some(86_400_000), Some(2_592_000_000), Some(0)].into_iter();
        assert!(texts.map(read).into_iter().eq(milliseconds.chain([None; 6])));
    }

    #[test]
    fn a_duration_is_shown_in_its_largest_whole_unit() {
        let shown = [0, 250, 1_000, 1_500, 90_000, 900_000, 86_400_000].map(|ms| show(Duration::from_millis(ms)));
        assert_eq!(shown, ["0ms", "250ms", "1s", "1.5s", "90s", "15m", "1d"]);
    }
}
