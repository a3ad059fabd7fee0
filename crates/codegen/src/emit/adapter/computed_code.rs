//! The code that computes values for a request.

use crate::emit::adapter::computed::{capital, computed};
use crate::emit::adapter::conversions::{converted, is_enum};
use crate::emit::adapter::grants::Grant;
use crate::emit::adapter::view::Adapter;
use crate::emit::layout::Code;
use crate::ident;
use crate::lower::model::Ty;
use crate::read::x_token::compute::{
    Algorithm, BASE, Claim, Compute, Jwt, Named, THUMBPRINTS, TextPart, Time, TimeForm, parts,
};

impl Adapter<'_> {
    /// Returns the statements that compute the values of a grant.
    pub fn compute(&self, grant: &Grant<'_>) -> Vec<Code> {
        computed(self.model, grant)
            .into_iter()
            .map(|computed| {
                let value = match computed.compute {
                    Compute::Uuid => Code::text("adapter::computed(compute::uuid())?"),
                    Compute::Time(time) => Code::text(moment(time, &computed.ty)),
                    Compute::Text(text) => Code::list("Secret::new(", vec![self.text(text)]),
                    Compute::Received(place) => self.received(grant, place),
                    Compute::Jwt(jwt) => {
                        Code::row([Code::list("adapter::computed(", vec![self.jwt(jwt)]), Code::text("?")])
                    }
                };
                Code::row([Code::text(format!("let {} = ", computed.variable())), value])
            })
            .collect()
    }

    fn jwt(&self, jwt: &Jwt) -> Code {
        let algorithms = jwt.algorithm.0.iter().map(|of| Code::text(format!("compute::Algorithm::{}", variant(*of))));
        let mut chain = vec![Code::list("compute::Jwt::new(", vec![Code::list("&[", algorithms.collect())])];
        for (name, value) in &jwt.header {
            match value {
                Claim::Named(named) if THUMBPRINTS.contains(&name.as_str()) => {
                    let inputs = vec![Code::string(name), Code::string(&named.name), self.secret(&named.name)];
                    chain.push(Code::list(".thumbprint(", inputs));
                }
                value => chain.push(Code::list(".header(", vec![Code::string(name), self.claim(value)])),
            }
        }
        for (name, value) in &jwt.claims {
            chain.push(Code::list(".claim(", vec![Code::string(name), self.claim(value)]));
        }
        chain.push(Code::list(".sign(", vec![Code::string(&jwt.key.name), self.secret(&jwt.key.name)]));
        Code::chain(chain)
    }

    /// Returns a credential as a reference to a secret.
    pub fn secret(&self, name: &str) -> Code {
        Code::text(match self.credentials.get(name) {
            Some(credential) if credential.optional => credential.needed(name),
            Some(credential) => credential.reference(name),
            None => format!("&credentials.{name}"),
        })
    }

    fn claim(&self, claim: &Claim) -> Code {
        match claim {
            Claim::Uuid => Code::text("adapter::computed(compute::uuid())?"),
            Claim::Time(time) => Code::text(match (&time.format, time.as_) {
                (None, None | Some(TimeForm::Unix | TimeForm::Ms)) => moment(time, &Ty::Integer),
                (None, Some(TimeForm::DateTime)) => format!("{}.to_string()", moment(time, &Ty::Text)),
                _ => moment(time, &Ty::Text),
            }),
            Claim::Text(text) => self.text(text),
            Claim::Flag(flag) => Code::text(flag.to_string()),
            Claim::Number(number) => Code::text(format!("{number}_i64")),
            Claim::Named(named) => Code::text(self.named(named)),
        }
    }

    fn named(&self, named: &Named) -> String {
        let name = &named.name;
        let Some(credential) = self.credentials.get(name) else { return setting(name) };
        let is_text = matches!(credential.ty, Ty::Text | Ty::Secret);
        match (credential.optional, named.optional, is_text) {
            (true, true, true) | (false, _, true) => credential.reference(name),
            (true, true, false) => {
                let value = converted(self.model, &credential.ty, &Ty::Text, "value", true);
                format!("&{}.as_ref().map(|value| {value})", credential.place(name))
            }
            (true, false, true) => credential.needed(name),
            (_, _, false) => format!("&{}", self.owned_text(name)),
        }
    }

    /// Returns a credential that is not optional here as an owned string.
    fn owned_text(&self, name: &str) -> String {
        let Some(credential) = self.credentials.get(name) else { return String::new() };
        if credential.optional {
            converted(self.model, &credential.ty, &Ty::Text, &credential.needed(name), true)
        } else {
            let place = credential.place(name);
            converted(self.model, &credential.ty, &Ty::Text, &place, credential.is_of_alternative)
        }
    }

    /// Returns a string with its parts filled in.
    fn text(&self, text: &str) -> Code {
        let parts = parts(text).unwrap_or_default();
        if let [TextPart::Plain(_)] | [] = &parts[..] {
            return Code::string(text);
        }
        let parts = parts.into_iter().map(|part| match part {
            TextPart::Plain(text) => Code::string(text),
            TextPart::Name(BASE) => Code::text("self.text_base()?.as_str()"),
            TextPart::Name(name) => Code::text(self.part(&ident::snake(name))),
        });
        Code::row([Code::list("[", parts.collect()), Code::text(".concat()")])
    }

    /// Returns a credential or a setting as a `&str`.
    fn part(&self, name: &str) -> String {
        let Some(credential) = self.credentials.get(name) else { return setting(name) };
        let place = if credential.optional { credential.needed(name) } else { credential.place(name) };
        match &credential.ty {
            Ty::Secret => format!("{place}.expose()"),
            ty if *ty == Ty::Text || is_enum(self.model, ty) => format!("{place}.as_str()"),
            _ => format!("{}.as_str()", self.owned_text(name)),
        }
    }
}

/// Returns the read of a setting.
fn setting(name: &str) -> String {
    format!("self.text_setting({name:?})?")
}

/// Returns a time in the form that its type needs.
fn moment(time: &Time, ty: &Ty) -> String {
    let moment = format!("compute::Moment::after({})", time.now.0);
    match (&time.format, ty) {
        (Some(format), _) => format!("{moment}.format({format:?})"),
        (None, Ty::Integer) if time.as_ == Some(TimeForm::Ms) => format!("{moment}.millis()"),
        (None, Ty::Integer) => format!("{moment}.unix()"),
        _ => format!("{moment}.date_time()"),
    }
}

/// Returns the name of an algorithm in the runtime: `Rs256`.
fn variant(algorithm: Algorithm) -> String {
    match algorithm {
        Algorithm::EdDSA => "EdDsa".to_owned(),
        other => capital(&format!("{other:?}").to_ascii_lowercase()),
    }
}
