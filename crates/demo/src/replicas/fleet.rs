//! A fleet: the sandbox, the store and the replicas of one run.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use freshtoken::store::SealKey;
use freshtoken_sandbox::{Event, Fault, FaultScope, Issuer, Outcome, PlayedVendor, Sandbox};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;

use super::happening::Happening;
use super::happening::IssuedToken;
use super::message::{Account, AccountKind, Callers, Command, Report, Setup};
use super::process::{Replicas, Status};
use super::store::{SharedStore, StoreKind};
use super::tally::Tally;
use super::vendor::{self, FleetVendor, REFRESH_TOKEN};
use crate::vendor_run::PROTECTED;

/// How long nothing happens to a replica, at least: longer than a lease and the quiet time.
const SHELTER: Duration = Duration::from_secs(70);

/// How long the replicas may take to end.
const END: Duration = Duration::from_secs(25);

/// By how much the refresh is delayed whose sender is killed: longer than a report of the sender takes.
const AMBUSH: Duration = Duration::from_millis(300);

/// What a fleet looks like.
pub struct Plan<'a> {
    pub replicas: usize,
    pub accounts: Vec<AccountKind>,
    /// The lifetime of access tokens.
    pub lifetime: Duration,
    pub callers: Callers,
    pub store: StoreKind,
    /// The folder with the vendors' specs.
    pub specs: &'a Path,
}

pub struct Fleet {
    pub vendor: &'static str,
    pub replicas: Replicas,
    /// One for each account, so that each has its own counts and faults.
    pub issuers: Vec<Issuer>,
    pub store: SharedStore,
    pub tally: Tally,
    pub happenings: UnboundedReceiver<Happening>,
    ambushes: Arc<Vec<Ambush>>,
    /// The replicas that nothing happens to now, as bits.
    sheltered: Arc<AtomicUsize>,
    sender: UnboundedSender<Happening>,
    setup: Setup,
    /// It serves the issuers until it is dropped.
    _sandbox: Sandbox,
}

impl Fleet {
    /// Starts the issuers and the store, but no replica.
    ///
    /// # Errors
    ///
    /// If there is no such vendor, no spec, or no store.
    pub async fn create(plan: &Plan<'_>) -> Result<Self, Box<dyn Error>> {
        let store = SharedStore::create(plan.store)?;
        let vendor = vendor::hardest().ok_or("no vendor has single-use refresh tokens and a login")?;
        let spec = read_spec(&vendor, plan.specs)?;
        let mut vendors = Vec::new();
        for number in 0..plan.accounts.len() {
            vendors.push(PlayedVendor::parse(&issuer_name(number), &spec)?.lifetime(plan.lifetime));
        }
        let replicas = Replicas::new(plan.replicas);
        let (sender, happenings) = unbounded_channel();
        let ambushes: Arc<Vec<Ambush>> = Arc::new(plan.accounts.iter().map(|_| Ambush::default()).collect());
        let sheltered = Arc::new(AtomicUsize::new(0));
        let on_event = on_event(replicas.clone(), ambushes.clone(), sheltered.clone(), sender.clone());
        let sandbox = Sandbox::builder(vendors).on_event(on_event).start().await?;
        let issuers = sandbox.issuers().to_vec();
        let stagger = plan.lifetime.as_millis() as u64 / plan.accounts.len() as u64;
        let accounts = plan.accounts.iter().zip(&issuers).enumerate().map(|(number, (kind, issuer))| Account {
            name: issuer.name().to_owned(),
            variables: variables(*kind, &vendor, issuer),
            kind: *kind,
            starts_after: stagger * number as u64,
        });
        let setup = Setup {
            store: store.address(),
            seal_key: SealKey::generate()?.to_base64().expose().to_owned(),
            vendor: vendor.name.to_owned(),
            accounts: accounts.collect(),
            callers: plan.callers,
        };
        let tally = Tally::new(plan.replicas, plan.accounts.clone());
        let vendor = vendor.name;
        Ok(Self {
            vendor,
            replicas,
            issuers,
            store,
            tally,
            happenings,
            ambushes,
            sheltered,
            sender,
            setup,
            _sandbox: sandbox,
        })
    }

    /// Starts a replica for the first time.
    ///
    /// # Errors
    ///
    /// If there is no new process.
    pub fn start(&self, replica: usize) -> Result<(), Box<dyn Error>> {
        self.replicas.start(replica, &self.setup, &self.sender)
    }

    /// Starts a replica again.
    ///
    /// # Errors
    ///
    /// If there is no new process.
    pub fn start_again(&self, replica: usize) -> Result<(), Box<dyn Error>> {
        let mut setup = self.setup.clone();
        for account in &mut setup.accounts {
            account.starts_after = 0;
            // If the store has just lost its data, nothing would say that the start token was spent.
            if self.store.redis.is_some() {
                account.variables.retain(|name, _| !name.ends_with(REFRESH_TOKEN));
            }
        }
        self.replicas.start(replica, &setup, &self.sender)
    }

    /// Chooses the replicas that are not killed or stopped now. Each is sheltered for twice the time, in turn, so that one of
    /// them always lives long enough to see that a record has not changed for the quiet time.
    pub fn shelter(&self, now: Duration) {
        let replicas = self.tally.replicas();
        let turn = (now.as_secs() / SHELTER.as_secs()) as usize;
        let sheltered = (1 << (turn % replicas)) | (1 << ((turn + 1) % replicas));
        self.sheltered.store(sheltered, Ordering::Release);
    }

    /// Whether something may happen to a replica now.
    pub fn is_sheltered(&self, replica: usize) -> bool {
        self.sheltered.load(Ordering::Acquire) & (1 << replica) != 0
    }

    /// Delays the account's next refresh, and kills the replica that sent it when it takes effect.
    pub fn ambush(&self, account: usize) {
        self.ambushes[account].is_set.store(true, Ordering::Release);
        self.issuers[account].inject(Fault::delay(AMBUSH).on(FaultScope::Refresh));
    }

    /// Counts what has happened.
    pub fn record(&mut self, happening: &Happening) {
        if let Happening::Report { replica, report: Report::Sending { account, .. } } = happening {
            self.ambushes[*account].sender.store(*replica, Ordering::Release);
        }
        self.tally.record(happening);
    }

    /// Returns the replicas whose process is in this state.
    pub fn with_status(&self, status: Status) -> Vec<usize> {
        (0..self.tally.replicas()).filter(|replica| self.replicas.status(*replica) == status).collect()
    }

    /// Lets all callers stop, and waits for the processes. Returns what happened meanwhile, and whether all ended by
    /// themselves.
    pub async fn finish(&mut self) -> (Vec<Happening>, bool) {
        self.tally.is_finishing = true;
        let mut open = Vec::new();
        for replica in 0..self.tally.replicas() {
            self.replicas.resume(replica);
            if self.replicas.status(replica) == Status::Running {
                self.replicas.send(replica, &Command::Finish);
                open.push(replica);
            }
        }
        let mut seen = Vec::new();
        let all = async {
            while !open.is_empty()
                && let Some(happening) = self.happenings.recv().await
            {
                if let Happening::Gone { replica } = happening {
                    open.retain(|other| *other != replica);
                }
                seen.push(happening);
            }
        };
        let is_complete = timeout(END, all).await.is_ok();
        (seen, is_complete)
    }
}

/// Kills the sender of a refresh when the refresh takes effect: the refresh token is spent, and no process sees the response.
#[derive(Default)]
struct Ambush {
    is_set: AtomicBool,
    /// The replica that sent the last request. A delayed request takes effect after its report has arrived.
    sender: AtomicUsize,
}

/// Forwards events, and kills the replicas that an ambush is set for.
fn on_event(
    replicas: Replicas,
    ambushes: Arc<Vec<Ambush>>,
    sheltered: Arc<AtomicUsize>,
    sender: UnboundedSender<Happening>,
) -> impl Fn(&Event) + Send + Sync {
    move |event| {
        let Some(account) = account_of(event) else { return };
        let (is_refresh, issued) = match event.outcome {
            Outcome::LoggedIn { token, expires_at } => (false, Some((token, expires_at))),
            Outcome::Refreshed { token, expires_at, .. } => (true, Some((token, expires_at))),
            Outcome::Accepted { .. } | Outcome::Directed { .. } => return,
            _ if event.path == PROTECTED => return,
            _ => (false, None),
        };
        let is_delayed = event.fault.as_ref().is_some_and(|fault| fault.starts_with("a delay"));
        if is_refresh && is_delayed {
            let ambush = ambushes.get(account).filter(|ambush| ambush.is_set.swap(false, Ordering::AcqRel));
            let victim = ambush.map(|ambush| ambush.sender.load(Ordering::Acquire));
            let is_sheltered = |victim: &usize| sheltered.load(Ordering::Acquire) & (1 << victim) != 0;
            victim.filter(|victim| !is_sheltered(victim)).map(|victim| replicas.kill(victim));
        }
        let issued = issued.map(|(number, expires_at)| IssuedToken { number, at: event.at, expires_at });
        let fault = event.fault.as_ref().map(|fault| format!(" [{fault}]")).unwrap_or_default();
        let is_lost = event.fault.as_ref().is_some_and(|fault| fault.starts_with("a reset after"));
        let text = format!("{} {}{fault}", event.method, event.outcome);
        drop(sender.send(Happening::Request { account, issued, is_lost, text }));
    }
}

/// Returns the name of an account's issuer.
fn issuer_name(account: usize) -> String {
    format!("a{account}")
}

/// Returns the account of an event.
fn account_of(event: &Event) -> Option<usize> {
    event.vendor.strip_prefix('a')?.parse().ok()
}

fn read_spec(vendor: &FleetVendor, specs: &Path) -> Result<String, Box<dyn Error>> {
    let unreadable = |error| format!("cannot read {}: {error}", specs.display());
    for entry in fs::read_dir(specs).map_err(unreadable)? {
        let path = entry?.path();
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let is_spec = path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
        if is_spec && crate::vendor::is_name_of(vendor.name, &stem) {
            return Ok(fs::read_to_string(&path)?);
        }
    }
    Err(format!("there is no spec for {}: run `cargo xtask gen`", vendor.name).into())
}

/// Returns the variables of the account, as if the issuer had the vendor's name.
fn variables(kind: AccountKind, vendor: &FleetVendor, issuer: &Issuer) -> BTreeMap<String, String> {
    // The sandbox names them after the issuer.
    let own = format!("{}_", issuer.name().to_ascii_uppercase());
    let renamed = |(name, value): (String, String)| {
        let name = name.strip_prefix(&own).unwrap_or(&name).to_owned();
        (format!("{}_{name}", vendor.prefix), value)
    };
    let mut variables: BTreeMap<String, String> = issuer.environment().into_iter().map(renamed).collect();
    if kind == AccountKind::WithoutLogin
        && let Some(token) = issuer.consent()
    {
        variables.insert(format!("{}_{REFRESH_TOKEN}", vendor.prefix), token);
    }
    variables
}
