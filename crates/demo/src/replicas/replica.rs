//! One replica: a process of its own, as in production. The parent may kill or stop it at any moment.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{self, BufRead as _};
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use freshtoken::store::{Seal, SealKey};
use freshtoken::{HttpClient, TokenSource};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::message::{Callers, Command, Report, Setup};
use super::running::{Reporter, Running};
use super::store::OpenStore;
use super::{vendor, watch};
use crate::callers;
use crate::vendor_run::PROTECTED;

/// How often a replica looks whether it has adopted a token.
const LOOK: Duration = Duration::from_millis(20);

/// Runs this process as a replica, until the parent ends it.
///
/// # Errors
///
/// If the setup is unusable, or the store does not open.
pub async fn run() -> Result<(), Box<dyn Error>> {
    let mut setup = String::new();
    io::stdin().read_line(&mut setup)?;
    let setup: Setup = serde_json::from_str(&setup)?;
    let store = OpenStore::open(&setup.store)?;
    let seal = Seal::new(setup.seal_key.parse::<SealKey>()?);
    let vendor = vendor::named(&setup.vendor).ok_or("unknown vendor")?;
    let reporter = Arc::new(Reporter::new());
    let mut sources = Vec::new();
    for (index, account) in setup.accounts.iter().enumerate() {
        sources.push((vendor.tokens)(index, account, &store, &seal, &reporter)?);
    }
    let running = Arc::new(Running {
        is_finishing: AtomicBool::new(false),
        without_token: AtomicUsize::new(sources.len()),
        calls: Arc::default(),
        frozen: Arc::default(),
        reporter: reporter.clone(),
    });
    obey(sources.clone(), running.clone());
    running.frozen.clone().measure();

    let mut tasks = JoinSet::new();
    for (index, (account, tokens)) in setup.accounts.iter().zip(sources).enumerate() {
        let url = format!("{}{PROTECTED}", api_url(&account.variables, vendor.prefix)?);
        let after = Duration::from_millis(account.starts_after);
        let (api, running) = (Arc::new(HttpClient::new(tokens.clone())?.allow_origin(&url)?), running.clone());
        tasks.spawn(async move {
            sleep(after).await;
            match setup.callers {
                Callers::Calling(count) => calling(index, count, &api, &url, &running).await,
                Callers::Watching => watch::run(index, &api, &url, &running).await,
            }
        });
    }
    let all_ended = async { while tasks.join_next().await.is_some() {} };
    tokio::select! {
        () = all_ended => {}
        () = running.report_calls() => {}
    }
    running.send_calls();
    // Whatever else runs here need not be waited for.
    process::exit(0)
}

fn api_url(variables: &BTreeMap<String, String>, prefix: &str) -> Result<String, String> {
    variables.get(&format!("{prefix}_API_URL")).cloned().ok_or_else(|| format!("{prefix}_API_URL is not set"))
}

/// Reads commands in a thread. If the parent is gone, this process ends too.
fn obey(sources: Vec<TokenSource>, running: Arc<Running>) {
    thread::spawn(move || {
        for line in io::stdin().lock().lines() {
            match line.ok().and_then(|line| serde_json::from_str(&line).ok()) {
                Some(Command::Consent { account, refresh_token }) => {
                    if let Some(tokens) = sources.get(account) {
                        tokens.new_consent(refresh_token);
                    }
                }
                Some(Command::Finish) => {
                    running.is_finishing.store(true, Ordering::Release);
                    running.calls.end();
                }
                None => break,
            }
        }
        process::exit(1);
    });
}

/// Callers of one account, who share its token.
async fn calling(account: usize, count: u32, api: &Arc<HttpClient>, url: &str, running: &Arc<Running>) {
    let (client, url) = (api.clone(), url.to_owned());
    let mut callers = callers::start(count, &running.calls, move || callers::call(client.clone(), url.clone()));
    let mut adopted = 0;
    let report_adoptions = async {
        loop {
            let now = api.tokens().status().counters.adopted;
            if now > adopted {
                adopted = now;
                running.reporter.send(&Report::Adopted { account });
            }
            sleep(LOOK).await;
        }
    };
    tokio::select! {
        () = async { while callers.join_next().await.is_some() {} } => {}
        () = report_adoptions => {}
    }
}
