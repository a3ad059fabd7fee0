//! The contenders: a file per crate, all of the same shape, each used as its own documentation shows.

pub mod aliri_tokens;
pub mod aws_smithy_runtime;
pub mod azure_identity;
pub mod freshtoken;
pub mod gcp_auth;
pub mod google_cloud_auth;
pub mod huskarl;
pub mod middle;
mod service_account;
pub mod yup_oauth2;

use std::error::Error;
use std::future::Future;
use std::hint::black_box;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::unconstrained;

/// Any error of a contender or of the benchmark.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// The issuer that a contender gets its tokens from.
#[derive(Clone, Copy)]
pub struct Target<'a> {
    /// The issuer's URL, without a path.
    pub url: &'a str,
    /// The lifetime of its tokens. Some crates have a margin that must be shorter.
    pub lifetime: Duration,
}

/// The facts about a crate.
pub struct About {
    /// Its name on crates.io.
    pub name: &'static str,
    /// Which of its flows is used.
    pub flow: &'static str,
    /// What its cached path checks before it serves a token, if anything.
    pub checks: Option<&'static str>,
    /// How long before its expiry a token is always renewed.
    pub margin: Duration,
    /// Whether the constructor waits for the first token, so that no caller finds the source cold.
    pub fetches_when_built: bool,
    /// How a caller reports a 401, if there is a way.
    pub rejection: Option<&'static str>,
}

impl About {
    /// What holds for most crates.
    const DEFAULT: Self =
        Self { name: "", flow: "", checks: None, margin: Duration::ZERO, fetches_when_built: false, rejection: None };

    /// Returns the crate's version in this workspace's lock file.
    pub fn version(&self) -> &'static str {
        let lock = include_str!("../../Cargo.lock");
        let name = format!("name = \"{}\"", self.name);
        lock.split("[[package]]")
            .find(|package| package.lines().any(|line| line == name))
            .and_then(|package| package.lines().find_map(|line| line.strip_prefix("version = ")))
            .map_or("?", |version| version.trim_matches('"'))
    }
}

/// A token source of one crate. Clones share the source.
pub trait Contender: Clone + Send + Sync + 'static {
    /// The facts about the crate.
    const ABOUT: About;

    /// Builds a source as the crate's documentation does.
    fn build(target: Target<'_>) -> impl Future<Output = Result<Self, BoxError>> + Send;

    /// Returns the token or the header that a caller gets, as a string.
    fn token(&self) -> impl Future<Output = Result<String, BoxError>> + Send;

    /// Reports that a call with this token got a 401.
    fn rejected(&self, token: &str) -> impl Future<Output = ()> + Send {
        let _ = token;
        async {}
    }

    /// Returns the calls to time. The source has a fresh token.
    fn calls(&self) -> Vec<Call>;
}

/// One way to ask for a fresh token.
pub struct Call {
    /// The method.
    pub name: &'static str,
    /// What it returns.
    pub returns: &'static str,
    round: Box<dyn Fn(u32) + Send + Sync>,
}

impl Call {
    /// Creates a call that is not async.
    pub fn sync<T>(name: &'static str, returns: &'static str, call: impl Fn() -> T + Send + Sync + 'static) -> Self {
        let round = move |calls| {
            for _ in 0..calls {
                black_box(call());
            }
        };
        Self { name, returns, round: Box::new(round) }
    }

    /// Creates an async call. All calls of a round run in one task, without tokio's cooperative budget.
    pub fn awaited<S, T, F>(name: &'static str, returns: &'static str, source: S, call: F) -> Self
    where
        S: Send + Sync + 'static,
        F: AsyncFn(&S) -> T + Send + Sync + 'static,
    {
        let runtime = Handle::current();
        let round = move |calls| {
            runtime.block_on(unconstrained(async {
                for _ in 0..calls {
                    black_box(call(&source).await);
                }
            }));
        };
        Self { name, returns, round: Box::new(round) }
    }

    /// Makes this many calls. Must not run within a runtime.
    pub fn round(&self, calls: u32) {
        (self.round)(calls);
    }
}

/// Calls a generic function for each contender, freshtoken first, and collects the results.
#[macro_export]
macro_rules! for_each_contender {
    ($function:ident($($argument:expr),*)) => {{
        use $crate::contenders as c;
        vec![
            $function::<c::freshtoken::Freshtoken>($($argument),*),
            $function::<c::aliri_tokens::AliriTokens>($($argument),*),
            $function::<c::aws_smithy_runtime::AwsSmithyRuntime>($($argument),*),
            $function::<c::azure_identity::AzureIdentity>($($argument),*),
            $function::<c::gcp_auth::GcpAuth>($($argument),*),
            $function::<c::google_cloud_auth::GoogleCloudAuth>($($argument),*),
            $function::<c::huskarl::Huskarl>($($argument),*),
            $function::<c::middle::Middle>($($argument),*),
            $function::<c::yup_oauth2::YupOauth2>($($argument),*),
        ]
    }};
}
