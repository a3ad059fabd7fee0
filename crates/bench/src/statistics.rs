//! A median and its spread.

use serde::{Deserialize, Serialize};

/// What many rounds of one thing took.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Spread {
    /// The middle one.
    pub median: f64,
    /// A quarter of the rounds took less.
    pub lower: f64,
    /// A quarter of the rounds took more.
    pub upper: f64,
}

impl Spread {
    /// Of at least one round.
    pub fn of(mut rounds: Vec<f64>) -> Self {
        rounds.sort_by(f64::total_cmp);
        let last = (rounds.len() - 1) as f64;
        // Of few rounds the spread is rather too wide than too narrow: of three it is all of them.
        let [lower, median, upper] = [(last * 0.25).floor(), (last * 0.5).round(), (last * 0.75).ceil()];
        let at = |index: f64| rounds[index as usize];
        Self { median: at(median), lower: at(lower), upper: at(upper) }
    }

    /// Of one thing to another, round by round: what slows a round down slows both.
    pub fn of_ratios(these: &[f64], those: &[f64]) -> Self {
        Self::of(these.iter().zip(those).map(|(this, that)| this / that).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_one_and_the_quartiles_a_quarter_from_each_end() {
        let Spread { median, lower, upper } = Spread::of(vec![9.0, 1.0, 5.0, 3.0, 7.0]);
        assert_eq!((lower, median, upper), (3.0, 5.0, 7.0));
    }

    #[test]
    fn the_spread_of_three_rounds_is_all_of_them() {
        let Spread { median, lower, upper } = Spread::of(vec![9.0, 1.0, 5.0]);
        assert_eq!((lower, median, upper), (1.0, 5.0, 9.0));
    }

    #[test]
    fn ratios_are_those_of_the_same_round() {
        assert_eq!(Spread::of_ratios(&[2.0, 20.0, 200.0], &[1.0, 10.0, 100.0]).upper, 2.0);
    }
}
