//! What happens in a run, as the parent sees it.

use std::time::SystemTime;

use super::message::Report;

/// What happens in a run, in order: a request comes before the reports that follow from it.
pub enum Happening {
    /// The issuer has handled a request.
    Request {
        account: usize,
        /// The token that it issued.
        issued: Option<IssuedToken>,
        /// The connection was reset after the request took effect.
        is_lost: bool,
        /// The request, for a person.
        text: String,
    },
    Report {
        replica: usize,
        report: Report,
    },
    /// The process has ended, and there are no further reports of it.
    Gone {
        replica: usize,
    },
}

impl Happening {
    /// The number of the account that it is about.
    pub fn account(&self) -> Option<usize> {
        match self {
            Self::Request { account, .. } => Some(*account),
            Self::Report { report, .. } => report.account(),
            Self::Gone { .. } => None,
        }
    }
}

/// A token that the issuer issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IssuedToken {
    pub number: u64,
    pub at: SystemTime,
    pub expires_at: Option<SystemTime>,
}
