//! A median with its quartiles, and how numbers are printed.

use std::fmt::{self, Display, Formatter};

use serde::{Deserialize, Serialize};

/// The median and the quartiles of many rounds.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Spread {
    /// The median.
    pub median: f64,
    /// A quarter of the rounds is below it.
    pub lower: f64,
    /// A quarter of the rounds is above it.
    pub upper: f64,
}

impl Spread {
    /// Computes the spread of at least one round.
    pub fn of(mut rounds: Vec<f64>) -> Self {
        rounds.sort_by(f64::total_cmp);
        let last = (rounds.len() - 1) as f64;
        // Rounded outwards: with three rounds, the quartiles are the extremes.
        let [lower, median, upper] =
            [(last * 0.25).floor(), (last * 0.5).round(), (last * 0.75).ceil()].map(|index| rounds[index as usize]);
        Self { median, lower, upper }
    }

    /// Computes the spread of the ratios of rounds that ran next to each other.
    pub fn of_ratios(these: &[f64], those: &[f64]) -> Self {
        Self::of(these.iter().zip(those).map(|(this, that)| this / that).collect())
    }
}

/// The median and the quartiles, each with the precision of the format string.
impl Display for Spread {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { median, lower, upper } = self;
        let precision = f.precision().unwrap_or_default();
        write!(f, "{median:.precision$} ({lower:.precision$} – {upper:.precision$})")
    }
}

/// Returns the order of a round: each index comes first, last, and after each of its neighbours equally often.
pub fn interleaved(round: usize, count: usize) -> impl Iterator<Item = usize> {
    (0..count).map(move |turn| {
        let turn = if round.is_multiple_of(2) { turn } else { count - 1 - turn };
        (round / 2 + turn) % count
    })
}

/// Formats a number of milliseconds.
pub fn milliseconds(time: f64) -> String {
    match time {
        ..1.0 => format!("{time:.2} ms"),
        1.0..10.0 => format!("{time:.1} ms"),
        10.0..1_000.0 => format!("{time:.0} ms"),
        _ => format!("{:.1} s", time / 1_000.0),
    }
}

/// Formats a count with a comma between thousands.
pub fn grouped(count: usize) -> String {
    let digits = count.to_string();
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect();
    groups.join(",")
}

#[cfg(test)]
mod tests {
    use super::{Spread, grouped};

    #[test]
    fn quartiles_are_a_quarter_from_each_end() {
        let Spread { median, lower, upper } = Spread::of(vec![9.0, 1.0, 5.0, 3.0, 7.0]);
        assert_eq!((lower, median, upper), (3.0, 5.0, 7.0));
    }

    #[test]
    fn quartiles_of_three_rounds_are_the_extremes() {
        let Spread { median, lower, upper } = Spread::of(vec![9.0, 1.0, 5.0]);
        assert_eq!((lower, median, upper), (1.0, 5.0, 9.0));
    }

    #[test]
    fn ratios_compare_rounds_of_the_same_index() {
        assert_eq!(Spread::of_ratios(&[2.0, 20.0, 200.0], &[1.0, 10.0, 100.0]).upper, 2.0);
    }

    #[test]
    fn thousands_are_grouped() {
        assert_eq!([7, 1_000, 1_234_567].map(grouped), ["7", "1,000", "1,234,567"]);
    }
}
