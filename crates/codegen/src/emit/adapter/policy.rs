//! The policy of an adapter.

use std::time::Duration;

use crate::emit::adapter::computed::with_lines;
use crate::emit::adapter::credentials::Credential;
use crate::emit::adapter::view::Adapter;
use crate::emit::layout::Code;
use crate::lower::model::Ty;
use crate::read::x_token::usage::Prefix;
use crate::read::x_token::values::Lifetime;
use crate::read::x_token::{Renew, Takes};

impl Adapter<'_> {
    /// Returns the check that no credential is empty or has a control character. The vendor's error would not name it.
    pub fn given(&self) -> Option<Code> {
        let is_text = |credential: &Credential| matches!(credential.ty, Ty::Text | Ty::Secret);
        let with_lines = with_lines(self.model, &self.grants);
        let texts: Vec<Code> = self
            .credentials
            .iter()
            .filter(|(name, credential)| is_text(credential) && !with_lines.contains(name))
            .map(|(name, credential)| Code::text(format!("({name:?}, {})", credential.reference(name))))
            .collect();
        let given = |texts| Code::list("adapter::given(", vec![Code::list("&[", texts)]);
        (!texts.is_empty()).then(|| Code::row([given(texts), Code::text("?")]))
    }

    /// Returns the `TokenPolicy`. Whatever is the default is left out.
    pub fn policy(&self) -> Code {
        let x_token = self.x_token;
        let mut policy = vec![format!("TokenPolicy::new({:?})", self.model.vendor.ident())];
        if x_token.login.is_none() {
            policy.push(".login(false)".to_owned());
        }
        policy.extend(self.refresh_tokens());
        if let Some(revoke) = &x_token.revoke {
            let takes = match revoke.takes {
                Takes::Access => "Access",
                Takes::Refresh => "Refresh",
            };
            policy.push(format!(".revoke(TokenKind::{takes})"));
        }
        if !x_token.starts_from_token() {
            policy.push(renewal(x_token.renew()));
        }
        match x_token.lifetime {
            Lifetime::For(span) => policy.push(format!(".lifetime(Lifetime::For({}))", seconds(span))),
            Lifetime::Unknown if x_token.starts_from_token() => policy.push(".lifetime(Lifetime::Never)".to_owned()),
            Lifetime::Never => policy.push(".lifetime(Lifetime::Never)".to_owned()),
            Lifetime::Unknown => {}
        }
        if self.requested().is_some() {
            policy.push(".scoped(true)".to_owned());
        }
        if let Some(rate) = x_token.limits.grants {
            let window = seconds(rate.window);
            policy.push(format!(".grant_limit({}, {window})", rate.most));
        }
        if let Some(live) = x_token.limits.live {
            policy.push(format!(".live_limit({live})"));
        }
        policy.extend(self.carrier());
        let mut policy: Vec<Code> = policy.into_iter().map(Code::text).collect();
        let kept: Vec<Code> = x_token
            .use_
            .also_kept()
            .map(|(header, name)| Code::text(format!("({:?}, {name:?})", header.to_ascii_lowercase())))
            .collect();
        if !kept.is_empty() {
            policy.push(Code::list(".kept_headers(", vec![Code::list("&[", kept)]));
        }
        if let Some(name) = x_token.use_.kept_base_url() {
            policy.push(Code::text(format!(".base_url({name:?})")));
        }
        if x_token.use_.expired != [401] {
            let statuses = x_token.use_.expired.iter().map(|status| Code::text(status.to_string())).collect();
            policy.push(Code::list(".expired(", vec![Code::list("&[", statuses)]));
        }
        Code::chain(policy)
    }

    /// Returns the methods that say what a refresh takes, and how often.
    fn refresh_tokens(&self) -> Vec<String> {
        let x_token = self.x_token;
        let mut policy = Vec::new();
        if x_token.refresh.is_some() {
            let use_ = match (x_token.renews_with_access_token(), x_token.is_single_use()) {
                (true, _) => "AccessToken",
                (false, true) => "SingleUse",
                (false, false) => "Reusable",
            };
            policy.push(format!(".refresh(RefreshTokens::{use_})"));
        }
        if x_token.tenant_setting().is_some() {
            policy.push(".keeps_refresh_token()".to_owned());
        }
        if let Some(most) = x_token.refresh.as_ref().and_then(|refresh| refresh.at_most) {
            policy.push(format!(".most_refreshes({most})"));
        }
        if let Some(grace) = x_token.refresh.as_ref().and_then(|refresh| refresh.grace) {
            policy.push(format!(".grace({})", seconds(grace.0)));
        }
        if x_token.keeps_access_token() {
            policy.push(".keeps_access_token()".to_owned());
        }
        policy
    }

    /// Returns the methods that say where a call carries the token.
    fn carrier(&self) -> Vec<String> {
        let x_token = self.x_token;
        let mut policy = Vec::new();
        let header = x_token.use_.header.to_ascii_lowercase();
        if header != "authorization" {
            policy.push(format!(".header({header:?})"));
        }
        match x_token.use_.prefix() {
            Prefix::TokenType => {}
            Prefix::None => policy.push(".prefix(\"\")".to_owned()),
            Prefix::Text(text) => policy.push(format!(".prefix({text:?})")),
        }
        if let Some(cookie) = &x_token.use_.cookie {
            policy.push(format!(".header(\"cookie\").prefix({:?})", format!("{cookie}=")));
        }
        if let Some(query) = &x_token.use_.query {
            policy.push(format!(".query({query:?})"));
        }
        policy
    }

    /// Returns the method with the policy of a tenant that makes the other choice than the default.
    pub fn tenant_policy(&self) -> Option<String> {
        let other = !self.x_token.tenant_setting()?.default;
        let refresh = format!(".refresh(RefreshTokens::{})", if other { "SingleUse" } else { "Reusable" });
        let renew = renewal(self.x_token.renew_of(other));
        let policy = [Code::text("<Endpoint as Vendor>::POLICY"), Code::text(refresh), Code::text(renew)];
        let policy = Code::row([Code::text("const OTHER: TokenPolicy = "), Code::chain(policy)]);
        let own = "<Endpoint as Vendor>::POLICY";
        let (single_use, reusable) = if other { ("OTHER", own) } else { (own, "OTHER") };
        Some(format!(
            "
    fn policy(&self) -> &'static TokenPolicy {{
{policy}
        if self.is_single_use() {{
            const {{ &{single_use} }}
        }} else {{
            const {{ &{reusable} }}
        }}
    }}
",
            policy = policy.lines(8, ";"),
        ))
    }
}

fn seconds(duration: Duration) -> String {
    format!("Duration::from_secs({})", duration.as_secs())
}

fn renewal(renew: Renew) -> String {
    match renew {
        Renew::AtExpiry => ".renew(Renewal::AtExpiry)".to_owned(),
        Renew::Early(part) => format!(".renew(Renewal::Early({part:?}))"),
        Renew::Before(span) => format!(".renew(Renewal::Before({}))", seconds(span)),
    }
}
