//! `vendors`: every vendor with its variables, and which are set.

use std::io::IsTerminal;

use freshtoken::RefreshTokens;
use freshtoken::env::Variable;
use serde_json::{Value, json};

use crate::args::{Format, Vendors};
use crate::environment;
use crate::failure::Failure;
use crate::output;
use crate::vendors::{Entry, VENDORS, find};

pub fn perform(asked: &Vendors) -> Result<(), Failure> {
    let vendors: Vec<&Entry> = match &asked.vendor {
        Some(name) => vec![find(name)?],
        None => VENDORS.iter().collect(),
    };
    output::print(&match asked.format {
        Format::Text => vendors.into_iter().map(text).collect::<Vec<_>>().join("\n"),
        Format::Json => {
            format!("{}\n", json!({ "version": 1, "vendors": vendors.into_iter().map(object).collect::<Vec<_>>() }))
        }
    })
}

/// Whether a variable is set; its value is never shown.
fn state(variable: &Variable) -> &'static str {
    match (environment(variable.name).is_some(), variable.is_required) {
        (true, _) => "set",
        (false, true) => "missing",
        (false, false) => "-",
    }
}

fn text(vendor: &Entry) -> String {
    let width = vendor.variables.iter().map(|variable| variable.name.len()).max().unwrap_or_default();
    let (bold, reset) = if is_colourful() { ("\u{1b}[1m", "\u{1b}[0m") } else { ("", "") };
    let mut text = format!("{bold}{}{reset}\n", vendor.name);
    for variable in vendor.variables {
        let (name, state) = (variable.name, state(variable));
        let optional = if variable.is_required { "" } else { "(optional) " };
        text += &format!("  {name:width$}  {state:7}  {optional}{}\n", variable.what);
    }
    text
}

fn object(vendor: &Entry) -> Value {
    let variable = |variable: &Variable| {
        json!({
            "name": variable.name,
            "required": variable.is_required,
            "secret": variable.is_secret,
            "set": environment(variable.name).is_some(),
            "what": variable.what,
        })
    };
    json!({
        "name": vendor.name,
        "login": vendor.policy.login,
        "refresh": vendor.policy.refresh != RefreshTokens::None,
        "revoke": vendor.policy.revoke.is_some(),
        "variables": vendor.variables.iter().map(variable).collect::<Vec<_>>(),
    })
}

fn is_colourful() -> bool {
    std::io::stdout().is_terminal() && environment("NO_COLOR").is_none()
}
