//! `status`: what the store knows about the tokens.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use freshtoken::status::Status as TokenStatus;
use serde_json::{Value, json};

use crate::account::Account;
use crate::args::{Format, Show};
use crate::context::{Context, finish, run, runtime};
use crate::failure::{Failure, Status};
use crate::output;

pub fn perform(context: &Context, show: &Show) -> Result<ExitCode, Failure> {
    let accounts = if show.all { context.accounts()? } else { vec![context.account(&show.which)?] };
    let mut rows = Vec::new();
    let mut worst = None;
    for account in accounts {
        let known = match read(context, &account) {
            // With all accounts, an incomplete one is a line and not the end.
            Err(failure) if show.all => {
                rows.push((account, Err(failure.message.clone())));
                worst = worst.or(Some(failure));
                continue;
            }
            known => known?,
        };
        worst = worst.or_else(|| missing(&account, &known));
        rows.push((account, Ok(known)));
    }
    output::print(&match show.format {
        Format::Text => rows.iter().map(|(account, known)| line(account, known)).collect(),
        Format::Json => {
            format!("{}\n", json!({ "version": 1, "accounts": rows.iter().map(object).collect::<Vec<_>>() }))
        }
    })?;
    match worst.filter(|_| show.check) {
        Some(failure) => Err(failure),
        None => Ok(ExitCode::SUCCESS),
    }
}

/// What is known of an account.
struct Known {
    status: TokenStatus,
    /// Why its credentials are not sent.
    refused: Option<String>,
}

fn read(context: &Context, account: &Arc<Account>) -> Result<Known, Failure> {
    let opened = context.open(account)?;
    let runtime = runtime()?;
    let result = run(&runtime, context.timeout()?, async {
        opened.load().await?;
        let status = opened.tokens.status();
        let refused = opened.refusals.check().filter(|_| !status.is_serving);
        Ok(Known { status, refused })
    });
    drop(opened);
    finish(runtime);
    result
}

/// Returns why there is no valid token, or `None` if there is one.
fn missing(account: &Account, Known { status, refused }: &Known) -> Option<Failure> {
    if status.is_serving {
        return None;
    }
    let name = &account.name;
    if let Some(why) = refused {
        return Some(Failure::new(Status::Refused, format!("{name}: {why}")));
    }
    let why = if status.generation == 0 {
        (!account.has_refresh_token()).then_some("no token yet")
    } else {
        has_passed(status.refresh_expires_at).then_some("the refresh token has expired")
    };
    if let Some(why) = why.filter(|_| !account.vendor.policy.login) {
        let command = format!("freshtoken login {} --refresh-token -", account.argument());
        return Some(Failure::new(Status::Consent, format!("{name}: {why}; run `{command}`")));
    }
    Some(Failure::later(format!("{name}: no valid token; the next command requests one"), Duration::ZERO))
}

fn has_passed(time: Option<SystemTime>) -> bool {
    time.is_some_and(|time| time <= SystemTime::now())
}

fn line(account: &Account, known: &Result<Known, String>) -> String {
    let name = match &account.file {
        Some(_) => format!("{} ({})", account.name, account.vendor.name),
        None => account.name.clone(),
    };
    match known {
        Ok(Known { status, refused: Some(why) }) => format!("{name}: {status}; {why}\n"),
        Ok(Known { status, refused: None }) => format!("{name}: {status}\n"),
        Err(message) => format!("{name}: {message}\n"),
    }
}

fn object((account, known): &(Arc<Account>, Result<Known, String>)) -> Value {
    let (status, error) = match known {
        Ok(known) => (serde_json::to_value(&known.status).ok(), known.refused.as_ref()),
        Err(message) => (None, Some(message)),
    };
    json!({ "name": account.name, "vendor": account.vendor.name, "status": status, "error": error })
}
