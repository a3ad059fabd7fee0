//! One vendor in the demo, with a naive cache instead of a token source.
//!
//! It plays the same script as freshtoken, with as many callers, against an issuer of its own. The report compares them.

use std::collections::{HashMap, VecDeque};
use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use freshtoken_sandbox::{Issuer, Sandbox};
use reqwest::Client;

use crate::callers::Calls;
use crate::naive::Cache;
use crate::script::{Step, script};
use crate::vendor::DemoVendor;
use crate::vendor_run::{PROTECTED, find_issuer};

/// A vendor in the demo, with a naive cache.
pub struct NaiveRun {
    pub issuer: Issuer,
    pub calls: Arc<Calls>,
    cache: Arc<dyn Cache>,
    steps: VecDeque<(Duration, Step)>,
}

impl NaiveRun {
    pub fn new(number: usize, vendor: &DemoVendor, sandbox: &Sandbox) -> Result<Self, Box<dyn Error>> {
        let issuer = find_issuer(vendor, sandbox)?;
        let variables: HashMap<String, String> = issuer.environment().into_iter().collect();
        Ok(Self {
            issuer: issuer.clone(),
            calls: Arc::default(),
            cache: (vendor.naive)(&|name| variables.get(name).cloned())?,
            steps: script(number, &vendor.policy).steps.into(),
        })
    }

    /// Performs the due steps of the script.
    pub fn step(&mut self, now: Duration) {
        while self.steps.front().is_some_and(|(at, _)| *at <= now) {
            match self.steps.pop_front() {
                Some((_, Step::Fault(fault))) => self.issuer.inject(fault),
                Some((_, Step::EndTokens)) => drop(self.issuer.revoke_all()),
                None => {}
            }
        }
    }

    /// Returns one call, which a caller makes again and again.
    pub fn call(&self) -> impl Fn() -> Pin<Box<dyn Future<Output = Result<(), String>> + Send>> + Clone + Send + use<> {
        let (cache, url, http) = (self.cache.clone(), format!("{}{PROTECTED}", self.issuer.url()), Client::new());
        move || {
            let (cache, url, http) = (cache.clone(), url.clone(), http.clone());
            Box::pin(async move {
                let (name, token) = cache.get().await?;
                let mut call = http.get(url).header(name, token.header());
                for (name, value) in token.extra_headers() {
                    call = call.header(name, value);
                }
                let response = call.send().await.map_err(|error| error.to_string())?;
                response.error_for_status().map(drop).map_err(|error| error.to_string())
            })
        }
    }
}
