//! The demo as a story: one line per event, at most 80 columns.

use std::collections::BTreeSet;
use std::time::Duration;

use console::{Alignment, Style, pad_str, style};

use super::happening::IssuedToken;
use super::message::Grant;
use crate::terminal::Tone;

/// The width of the column with the replica.
const NAME: usize = 12;

/// How often adoptions of the same token are gathered in one line.
pub const GATHER: Duration = Duration::from_millis(400);

/// Formats one line.
pub fn line(at: Duration, who: &str, tone: Tone, text: &str) -> String {
    let tone = match tone {
        Tone::Good => Style::new().green(),
        Tone::Bad => Style::new().yellow(),
        Tone::Plain => Style::new(),
    };
    let at = style(format!("{:5.1} s", at.as_secs_f64())).dim();
    format!("{at}  {} {}", pad_str(who, NAME, Alignment::Left, None), tone.apply_to(text))
}

/// Names a replica. Users count from 1.
pub fn replica(number: usize) -> String {
    format!("replica {}", number + 1)
}

/// Why a token was replaced.
#[derive(Clone, Copy, Debug)]
pub struct Renewal {
    pub grant: Grant,
    pub token: IssuedToken,
    /// The token before, in any replica.
    pub before: Option<IssuedToken>,
    /// Whether the refresh token was spent by a replica that was killed.
    pub is_after_loss: bool,
}

impl Renewal {
    /// Returns the text of its line.
    pub fn text(&self) -> String {
        let number = self.token.number;
        let late = self.before.and_then(|before| self.token.at.duration_since(before.expires_at?).ok());
        let after = late.map(|late| format!(", {:.1} s after the expiry", late.as_secs_f64())).unwrap_or_default();
        match (self.grant, self.before) {
            (Grant::Login, None) => format!("logged in: token {number}"),
            (Grant::Login, _) if self.is_after_loss => {
                format!("logged in instead of sending it again: token {number}")
            }
            (Grant::Login, _) => format!("logged in: token {number}{after}"),
            (Grant::Refresh, _) => format!("refreshed: token {number}{after}"),
        }
    }
}

/// The replicas that have adopted a token, until their line is printed.
#[derive(Default)]
pub struct Adoptions {
    replicas: BTreeSet<usize>,
    since: Option<Duration>,
}

impl Adoptions {
    pub fn add(&mut self, replica: usize, now: Duration) {
        self.replicas.insert(replica);
        self.since.get_or_insert(now);
    }

    /// Whether the line is due.
    pub fn is_due(&self, now: Duration) -> bool {
        self.since.is_some_and(|since| now.saturating_sub(since) >= GATHER)
    }

    /// Returns the name and the text of the line, and starts anew; `None`: no replica has adopted a token.
    pub fn take(&mut self, token: Option<u64>) -> Option<(String, String)> {
        self.since = None;
        let replicas = std::mem::take(&mut self.replicas);
        let numbers: Vec<String> = replicas.iter().map(|number| (number + 1).to_string()).collect();
        let token = token.map(|token| format!(" {token}")).unwrap_or_default();
        match &numbers[..] {
            [] => None,
            [one] => Some((format!("replica {one}"), format!("adopted token{token} from the store"))),
            all => Some((format!("{} replicas", all.len()), format!("adopted token{token}: {}", numbers.join(" ")))),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    fn token(number: u64, second: u64) -> IssuedToken {
        let at = UNIX_EPOCH + Duration::from_secs(second);
        IssuedToken { number, at, expires_at: Some(at + Duration::from_secs(5)) }
    }

    #[test]
    fn a_renewal_says_which_token_and_how_long_after_the_expiry() {
        let mut renewal = Renewal { grant: Grant::Login, token: token(1, 0), before: None, is_after_loss: false };
        assert_eq!(renewal.text(), "logged in: token 1");
        renewal =
            Renewal { grant: Grant::Refresh, token: token(2, 7), before: Some(token(1, 0)), is_after_loss: false };
        assert_eq!(renewal.text(), "refreshed: token 2, 2.0 s after the expiry");
        renewal = Renewal { grant: Grant::Login, token: token(4, 14), before: Some(token(2, 7)), is_after_loss: true };
        assert_eq!(renewal.text(), "logged in instead of sending it again: token 4");
    }

    #[test]
    fn adoptions_share_one_line() {
        let mut adoptions = Adoptions::default();
        assert_eq!(adoptions.take(Some(1)), None);
        let now = Duration::from_secs(3);
        for number in [6, 0, 2] {
            adoptions.add(number, now);
        }
        assert!(!adoptions.is_due(now) && adoptions.is_due(now + GATHER));
        let (who, text) = adoptions.take(Some(2)).unwrap();
        assert_eq!((who.as_str(), text.as_str()), ("3 replicas", "adopted token 2: 1 3 7"));
        assert!(!adoptions.is_due(now + GATHER), "it starts anew");
    }

    #[test]
    fn lines_fit_in_eighty_columns() {
        let mut adoptions = Adoptions::default();
        (0..12).for_each(|number| adoptions.add(number, Duration::ZERO));
        let (who, text) = adoptions.take(Some(999)).unwrap();
        let adopted = line(Duration::from_secs(999), &who, Tone::Plain, &text);
        let renewal =
            Renewal { grant: Grant::Login, token: token(99, 7), before: Some(token(1, 0)), is_after_loss: true };
        let logged_in = line(Duration::from_secs(99), &replica(98), Tone::Good, &renewal.text());
        for line in [adopted, logged_in] {
            assert!(console::measure_text_width(&line) <= 80, "{line}");
        }
    }
}
