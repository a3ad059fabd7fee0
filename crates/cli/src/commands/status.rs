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
        let status = match read(context, &account) {
            // With all accounts, an incomplete one is a line and not the end.
            Err(failure) if show.all => {
                rows.push((account, Err(failure.message.clone())));
                worst = worst.or(Some(failure));
                continue;
            }
            status => status?,
        };
        worst = worst.or_else(|| missing(&account, &status));
        rows.push((account, Ok(status)));
    }
    output::print(&match show.format {
        Format::Text => rows.iter().map(|(account, status)| line(account, status)).collect(),
        Format::Json => {
            format!("{}\n", json!({ "version": 1, "accounts": rows.iter().map(object).collect::<Vec<_>>() }))
        }
    })?;
    match worst.filter(|_| show.check) {
        Some(failure) => Err(failure),
        None => Ok(ExitCode::SUCCESS),
    }
}

fn read(context: &Context, account: &Arc<Account>) -> Result<TokenStatus, Failure> {
    let opened = context.open(account)?;
    let runtime = runtime()?;
    let result = run(&runtime, context.timeout()?, async {
        opened.load().await?;
        Ok(opened.tokens.status())
    });
    drop(opened);
    finish(runtime);
    result
}

/// Returns why there is no valid token, or `None` if there is one.
fn missing(account: &Account, status: &TokenStatus) -> Option<Failure> {
    if status.is_serving {
        return None;
    }
    let name = &account.name;
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

fn line(account: &Account, status: &Result<TokenStatus, String>) -> String {
    let name = match &account.file {
        Some(_) => format!("{} ({})", account.name, account.vendor.name),
        None => account.name.clone(),
    };
    match status {
        Ok(status) => format!("{name}: {status}\n"),
        Err(message) => format!("{name}: {message}\n"),
    }
}

fn object((account, status): &(Arc<Account>, Result<TokenStatus, String>)) -> Value {
    let (status, error) = match status {
        Ok(status) => (serde_json::to_value(status).ok(), None),
        Err(message) => (None, Some(message)),
    };
    json!({ "name": account.name, "vendor": account.vendor.name, "status": status, "error": error })
}
