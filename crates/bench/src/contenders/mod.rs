//! The contenders: a file per crate, parallel in shape, each used as its own docs say.
//!
//! Each file has, in this order: what is to be known of the crate, how a source is built against an issuer, how a caller
//! asks it, how a caller tells of a 401, and the calls that are timed.

mod aliri_tokens;
mod aws_smithy_runtime;
mod azure_identity;
mod freshtoken;
mod gcp_auth;
mod google_cloud_auth;
mod huskarl;
mod middle;
pub mod service_account;
mod yup_oauth2;

use std::error::Error;
use std::future::Future;
use std::hint::black_box;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::unconstrained;

pub use self::aliri_tokens::AliriTokens;
pub use self::aws_smithy_runtime::AwsSmithyRuntime;
pub use self::azure_identity::AzureIdentity;
pub use self::freshtoken::Freshtoken;
pub use self::gcp_auth::GcpAuth;
pub use self::google_cloud_auth::GoogleCloudAuth;
pub use self::huskarl::Huskarl;
pub use self::middle::Middle;
pub use self::yup_oauth2::YupOauth2;

/// Why a caller got no token, or a source couldn't be built.
pub type Failure = Box<dyn Error + Send + Sync>;

/// What a contender's token is got from.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    /// The issuer, without a path.
    pub url: &'a str,
    /// How long its tokens live. Some have a margin that has to be shorter.
    pub life: Duration,
}

/// What is to be known of a crate.
pub struct About {
    /// Its name on crates.io.
    pub name: &'static str,
    /// Which of its flows is used.
    pub flow: &'static str,
    /// What its cached path looks at before it gives a token out.
    pub checks: &'static str,
    /// It renews so long before a token's end, whatever the token's life.
    pub margin: Duration,
    /// Why its callers can't find it cold, if they can't.
    pub never_cold: Option<&'static str>,
    /// How a caller tells it of a 401, or why one can't.
    pub rejection: Result<&'static str, &'static str>,
}

impl About {
    /// Its version, from this workspace's lock file.
    pub fn version(&self) -> &'static str {
        let lock = include_str!("../../Cargo.lock");
        lock.split("[[package]]")
            .find(|package| package.lines().any(|line| line == format!("name = \"{}\"", self.name)))
            .and_then(|package| package.lines().find_map(|line| line.strip_prefix("version = ")))
            .map_or("?", |version| version.trim_matches('"'))
    }
}

/// A crate that gives out tokens. Clones share one source.
pub trait Contender: Clone + Send + Sync + 'static {
    /// What is to be known of it.
    const ABOUT: About;

    /// A source, as its docs build one.
    fn build(place: Place<'_>) -> impl Future<Output = Result<Self, Failure>> + Send;

    /// The token as a caller gets it, as text.
    fn ask(&self) -> impl Future<Output = Result<String, Failure>> + Send;

    /// A call with this token got 401.
    fn rejected(&self, token: &str) -> impl Future<Output = ()> + Send {
        let _ = token;
        async {}
    }

    /// The calls that are timed, once there is a token.
    fn calls(&self) -> Vec<Call>;
}

/// One way to ask for a fresh token.
pub struct Call {
    /// What is called.
    pub name: &'static str,
    /// What it gives.
    pub gives: &'static str,
    round: Box<dyn Fn(u32) + Send + Sync>,
}

impl Call {
    /// A call that never waits.
    pub fn plain<T>(name: &'static str, gives: &'static str, call: impl Fn() -> T + Send + Sync + 'static) -> Self {
        let round = move |calls| {
            for _ in 0..calls {
                black_box(call());
            }
        };
        Self { name, gives, round: Box::new(round) }
    }

    /// A call that might wait. All of a round are awaited within one task; tokio's budget, by which a task that never waits
    /// has to stop now and then, isn't anybody's cost.
    pub fn awaited<S, T, F>(name: &'static str, gives: &'static str, source: S, call: F) -> Self
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
        Self { name, gives, round: Box::new(round) }
    }

    /// Makes so many calls, not within a runtime.
    pub fn round(&self, calls: u32) {
        (self.round)(calls);
    }
}

/// Runs a generic function for each contender: ours first, then by name.
#[macro_export]
macro_rules! for_each_contender {
    ($function:ident($($argument:expr),*)) => {{
        use $crate::contenders as c;
        vec![
            $function::<c::Freshtoken>($($argument),*),
            $function::<c::AliriTokens>($($argument),*),
            $function::<c::AwsSmithyRuntime>($($argument),*),
            $function::<c::AzureIdentity>($($argument),*),
            $function::<c::GcpAuth>($($argument),*),
            $function::<c::GoogleCloudAuth>($($argument),*),
            $function::<c::Huskarl>($($argument),*),
            $function::<c::Middle>($($argument),*),
            $function::<c::YupOauth2>($($argument),*),
        ]
    }};
}
