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
        let at = |part: f64| rounds[((rounds.len() - 1) as f64 * part).round() as usize];
        Self { median: at(0.5), lower: at(0.25), upper: at(0.75) }
    }
}
