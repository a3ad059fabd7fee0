//! What all parts of an adapter are made from.

use indexmap::IndexMap;

use crate::emit::adapter::credentials::Credential;
use crate::emit::adapter::grants::Grant;
use crate::lower::model::Model;
use crate::read::x_token::XToken;
use crate::read::x_token::errors::Code as ErrorCode;
use crate::repository::target::{AdapterPlace, Target};

/// The adapter with one alternative of `one-of`, or the adapter without any.
pub struct Adapter<'a> {
    pub model: &'a Model,
    pub target: &'a Target,
    pub x_token: &'a XToken,
    pub credentials: IndexMap<String, Credential>,
    pub grants: Vec<Grant<'a>>,
    pub alternative: Option<&'a str>,
    /// With the other alternatives. Only the first adapter has them.
    pub others: Vec<Adapter<'a>>,
}

impl Adapter<'_> {
    /// Returns the path of the facade.
    pub fn facade(&self) -> &'static str {
        match self.target.adapter {
            AdapterPlace::Facade => "crate",
            AdapterPlace::Crate => "::freshtoken",
        }
    }

    /// Returns the path of the vendor's crate.
    pub fn vendor_crate(&self) -> String {
        match self.target.adapter {
            AdapterPlace::Facade => format!("::{}", self.model.vendor.lib()),
            AdapterPlace::Crate => "crate".to_owned(),
        }
    }

    /// Returns the fields of the credentials.
    pub fn fields(&self) -> Fields<'_> {
        let own = |view: &'_ Adapter<'_>, is_own: bool| -> Vec<(String, Credential)> {
            let of = view.credentials.iter().filter(|(_, credential)| credential.is_of_alternative == is_own);
            of.map(|(name, credential)| (name.clone(), credential.clone())).collect()
        };
        let alternatives = self.views().filter_map(|view| Some((view.alternative?, own(view, true))));
        Fields { shared: own(self, false), alternatives: alternatives.collect() }
    }

    /// Returns the adapter with each alternative of `one-of`.
    pub fn views(&self) -> impl Iterator<Item = &Adapter<'_>> {
        std::iter::once(self).chain(&self.others)
    }

    /// Returns the codes and statuses of a token that was no longer valid before its revocation.
    pub fn gone(&self) -> &[ErrorCode] {
        self.x_token.revoke.as_ref().map(|revoke| revoke.gone.as_slice()).unwrap_or_default()
    }
}

/// The fields of the credentials: those of the struct, and those of each variant of `Authentication`.
pub struct Fields<'a> {
    pub shared: Vec<(String, Credential)>,
    pub alternatives: Vec<(&'a str, Vec<(String, Credential)>)>,
}
