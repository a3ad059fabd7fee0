//! What the requests compute, against the places and the names of the model: each value fits its place, and each name is meant.
//!
//! Like those of `names`, these rules need a model: the credentials that a value replaces have the names of the later stages.

use freshtoken_wire::compute::check_format;

use crate::diagnostic::{join, list, nearest};
use crate::emit::adapter::computed::computed_type;
use crate::emit::adapter::conversions::converts;
use crate::emit::adapter::grants::{Grant, GrantKind, grants};
use crate::emit::adapter::sent::{CredentialUse, all_uses};
use crate::emit::settings::settings;
use crate::ident;
use crate::lint::document::Lint;
use crate::lint::rule::rule;
use crate::lower::model::{Model, Ty};
use crate::read::x_token::compute::{
    BASE, Claim, Compute, Computes, Jwt, THUMBPRINTS, TextPart, Time, TimeForm, parts,
};

/// Checks what each action computes.
pub fn check(lint: &mut Lint, model: &Model) {
    let Some(x_token) = model.x_token.as_ref().filter(|x_token| x_token.computes().next().is_some()) else { return };
    let Ok(grants) = grants(model, x_token) else { return };
    let known = known(model, &grants);
    let login = x_token.login.as_ref().map(|login| (&login.compute, &login.one_of));
    let refresh = x_token.refresh.as_ref().map(|refresh| (&refresh.compute, &refresh.one_of));
    let revoke = x_token.revoke.as_ref().map(|revoke| (&revoke.compute, &revoke.one_of));
    let actions = [
        ("login", GrantKind::Login, login),
        ("refresh", GrantKind::Refresh, refresh),
        ("revoke", GrantKind::Revoke, revoke),
    ];
    for (word, kind, found) in actions {
        let Some((own, one_of)) = found else { continue };
        let of_kind: Vec<&Grant<'_>> = grants.iter().filter(|grant| grant.kind == kind).collect();
        computes(lint, model, &of_kind, own, &known, &format!("/x-token/{word}/compute"));
        for (name, alternative) in &one_of.0 {
            let with = of_kind.iter().copied().filter(|grant| grant.alternative == Some(name.as_str()));
            let place = join(&join(&format!("/x-token/{word}/one-of"), name), "compute");
            computes(lint, model, &with.collect::<Vec<_>>(), &alternative.compute, &known, &place);
        }
    }
}

/// Checks what some grants compute, at one place of the block.
fn computes(lint: &mut Lint, model: &Model, grants: &[&Grant<'_>], own: &Computes, known: &[String], place: &str) {
    rule!(computed_values(lint, model, grants, own, place));
    for (name, compute) in own {
        let place = join(place, name);
        rule!(computed_names(lint, compute, known, &place));
        if let Compute::Jwt(jwt) = compute {
            rule!(jwt_keys(lint, jwt, &join(&place, "jwt")));
        }
    }
}

/// Returns the names of the settings, and of what the requests send and don't compute.
fn known(model: &Model, grants: &[Grant<'_>]) -> Vec<String> {
    let sent = grants.iter().flat_map(|grant| {
        let asked = all_uses(model, grant).into_iter().filter(|used| !grant.computes.contains_key(&used.name));
        asked.map(|used| used.name).collect::<Vec<_>>()
    });
    settings(model).into_iter().map(|setting| setting.name).chain(sent).collect()
}

/// A computed value has a place in the request of its action, and fits it.
fn computed_values(lint: &mut Lint, model: &Model, grants: &[&Grant<'_>], own: &Computes, place: &str) {
    let Some(grant) = grants.first() else { return };
    let uses: Vec<CredentialUse> = grants.iter().flat_map(|grant| all_uses(model, grant)).collect();
    for (key, compute) in own {
        let place = join(place, key);
        let name = ident::snake(key);
        match uses.iter().find(|used| used.name == name) {
            None => {
                let names = || uses.iter().map(|used| used.name.as_str());
                let help = match nearest(&name, names()) {
                    _ if grant.token == Some(key.as_str()) => {
                        "remove it: `token` says that it takes the token".to_owned()
                    }
                    Some(meant) => format!("write `{meant}`"),
                    None if uses.is_empty() => "remove it: the request sends only constants and tokens".to_owned(),
                    None => format!("write one of {}", list(names())),
                };
                let operation = grant.operation.base();
                let message = format!("`{key}` is no credential that a request of `{operation}` sends");
                lint.error(&place, message, help);
            }
            Some(used) => fits(lint, model, compute, used, &place),
        }
        times(compute).into_iter().for_each(|time| time_form(lint, time, &place));
    }
}

fn fits(lint: &mut Lint, model: &Model, compute: &Compute, used: &CredentialUse, place: &str) {
    let ty = computed_type(compute, &used.ty);
    let is_number = ty == Ty::Integer && used.ty == Ty::Integer;
    let is_date = matches!((&ty, &used.ty), (Ty::Timestamp { .. }, Ty::Timestamp { .. }));
    if is_number || is_date || matches!(used.ty, Ty::Text | Ty::Secret) && converts(model, &ty, &used.ty) {
        return;
    }
    let what = match compute {
        Compute::Jwt(_) => "a JWT",
        Compute::Uuid => "a UUID",
        Compute::Text(_) => "a text",
        Compute::Time(_) => "a time in this form",
        Compute::Received(_) => "a value of a response",
    };
    let message = format!("`{}` can't hold {what}", used.name);
    let help = match compute {
        Compute::Time(_) => "give it `type: integer` for Unix time, or `type: string`, or write another `as`",
        _ => "give it `type: string`",
    };
    lint.error(place, message, help);
}

fn times(compute: &Compute) -> Vec<&Time> {
    match compute {
        Compute::Time(time) => vec![time],
        Compute::Jwt(jwt) => {
            let values = jwt.header.values().chain(jwt.claims.values());
            values.filter_map(|claim| if let Claim::Time(time) = claim { Some(time) } else { None }).collect()
        }
        Compute::Uuid | Compute::Text(_) | Compute::Received(_) => Vec::new(),
    }
}

fn time_form(lint: &mut Lint, time: &Time, place: &str) {
    let Some(format) = &time.format else { return };
    if matches!(time.as_, Some(TimeForm::Unix | TimeForm::Ms | TimeForm::DateTime)) {
        lint.error(place, "a time has both `as` and `format`", "remove one of the two");
    }
    if let Err(problem) = check_format(format) {
        let help = "write directives of jiff's `strftime`, such as `%Y-%m-%d`";
        lint.error(place, format!("no date can be written as `{format}`: {problem}"), help);
    }
}

/// Each name in a computed value is a credential or a setting.
fn computed_names(lint: &mut Lint, compute: &Compute, known: &[String], place: &str) {
    let mut names: Vec<(String, bool)> = Vec::new();
    for text in compute.texts() {
        let Some(parts) = parts(text) else {
            let help = "write each name between braces, such as `https://{host}/.default`";
            lint.error(place, format!("the braces of `{text}` don't pair"), help);
            continue;
        };
        let of_text = parts.into_iter().filter_map(|part| match part {
            TextPart::Name(BASE) | TextPart::Plain(_) => None,
            TextPart::Name(name) => Some((name.to_owned(), false)),
        });
        names.extend(of_text);
    }
    names.extend(compute.named().into_iter().map(|named| (named.name.clone(), named.is_declared)));
    for (name, is_declared) in names {
        if !name.contains(|c: char| c.is_ascii_alphanumeric()) {
            let message = format!("`{name}` has no letter or digit to name a credential after");
            lint.error(place, message, "write letters and digits, such as `client_id`");
            continue;
        }
        let snake = ident::snake(&name);
        // A name that is new is a credential of its own.
        if is_declared || known.contains(&snake) {
            continue;
        }
        if let Some(meant) = nearest(&snake, known.iter().map(String::as_str)) {
            let message = format!("`{name}` is neither a credential nor a setting, and looks like `{meant}`");
            let help =
                format!("write `{meant}`; or, for a credential of its own, `{{ credential: {snake} }}` in a JWT");
            lint.error(place, message, help);
        }
    }
}

/// The algorithms of a JWT need one sort of key, and its header is left to them.
fn jwt_keys(lint: &mut Lint, jwt: &Jwt, place: &str) {
    let algorithms = &jwt.algorithm.0;
    let shared = algorithms.iter().filter(|algorithm| algorithm.is_shared()).count();
    if algorithms.is_empty() {
        lint.error(&join(place, "algorithm"), "a JWT needs an algorithm", "write one, such as `RS256`");
    } else if shared > 0 && shared < algorithms.len() {
        let message = "`HS…` signs with a secret that the vendor knows, and the others with a private key";
        lint.error(&join(place, "algorithm"), message, "write only one of the two sorts");
    }
    for (name, value) in &jwt.header {
        let place = join(&join(place, "header"), name);
        let is_named = matches!(value, Claim::Named(named) if !named.optional);
        if name == "alg" {
            lint.error(
                &place,
                "`alg` is always sent, with the algorithm that is used",
                "remove it, and write `algorithm`",
            );
        } else if THUMBPRINTS.contains(&name.as_str()) && !is_named {
            let message = format!("`{name}` is the thumbprint of a certificate");
            lint.error(&place, message, "write the name of the credential with the certificate, such as `certificate`");
        }
    }
}
