//! The show: all vendors in the sandbox at once, and whether all went as it should.

use std::collections::{HashMap, VecDeque};
use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use console::{Alignment, pad_str, style};
use freshtoken::{HttpClient, State, Takes, TokenSource};
use freshtoken_sandbox::{Event, Issuer, Outcome, Sandbox};
use reqwest::StatusCode;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{interval, sleep, timeout};

use crate::callers::{self, Calls};
use crate::causes::{Cause, Causes};
use crate::script::{END, Step, script};
use crate::vendor::Vendor;
use crate::view::{Mood, Row, View};

/// How many callers each vendor's API has.
const CALLERS: u32 = 50;

/// The path that they call; at the sandbox, any that isn't an operation of the spec is protected.
const PROTECTED: &str = "/protected";

/// How often rows are drawn and scripts looked at.
const TICK: Duration = Duration::from_millis(100);

/// How long the last calls may take.
const LAST_CALLS: Duration = Duration::from_secs(3);

/// A vendor on stage.
struct Player<'a> {
    vendor: &'a Vendor,
    issuer: Issuer,
    tokens: TokenSource,
    api: Arc<HttpClient>,
    calls: Arc<Calls>,
    causes: Causes,
    life: Duration,
    faults: u64,
    steps: VecDeque<(Duration, Step)>,
    /// The newest token that arrived, and when.
    token: Option<(u64, Instant)>,
    has_ended_tokens: bool,
}

/// Plays the vendors. True if all was as it should be.
pub async fn run(vendors: &[Vendor], specs: &Path) -> Result<bool, Box<dyn Error>> {
    let began = Instant::now();
    let (tell, mut told) = mpsc::unbounded_channel();
    let sandbox = start(vendors, specs, tell).await?;
    let mut players = Vec::new();
    for (number, vendor) in vendors.iter().enumerate() {
        players.push(Player::new(number, vendor, &sandbox)?);
    }
    let names: Vec<&str> = vendors.iter().map(|vendor| vendor.name).collect();
    println!(
        "{}: {CALLERS} callers each, short-lived tokens, faults on purpose, {} s\n",
        style(names.join(", ")).bold(),
        END.as_secs()
    );

    let mut show = Show { players, view: View::new(vendors.len()), began: Instant::now(), clock: ClockWatch::new() };

    show.step();
    let mut callers = JoinSet::new();
    for player in &show.players {
        let url = format!("{}{PROTECTED}", player.issuer.url());
        let mut started = callers::start(CALLERS, &player.api, &url, &player.calls);
        callers.spawn(async move { while started.join_next().await.is_some() {} });
    }
    let mut ticks = interval(TICK);
    while show.began.elapsed() < END {
        tokio::select! {
            Some(event) = told.recv() => show.saw(&event),
            _ = ticks.tick() => {
                show.step();
                show.draw();
            }
        }
    }
    for player in &show.players {
        player.calls.end();
    }
    let all_ended = timeout(LAST_CALLS, async { while callers.join_next().await.is_some() {} }).await.is_ok();
    show.settle().await;
    while let Ok(event) = told.try_recv() {
        show.saw(&event);
    }
    let revoked = show.revoke().await;
    while let Ok(event) = told.try_recv() {
        show.saw(&event);
    }
    show.draw();
    show.view.end();
    let checks = show.checks(all_ended, &revoked);
    sandbox.shutdown().await;
    Ok(show.summary(&checks, began.elapsed()))
}

/// The sandbox with these vendors' specs.
async fn start(
    vendors: &[Vendor],
    specs: &Path,
    tell: mpsc::UnboundedSender<Event>,
) -> Result<Sandbox, Box<dyn Error>> {
    let mut played = Vec::new();
    for spec in freshtoken_sandbox::Vendor::read_folder(specs, &[])? {
        let number = vendors.iter().position(|vendor| vendor.is_called(spec.name()));
        if let Some(number) = number {
            let life = script(number, &vendors[number].policy).life;
            played.push(spec.lifetime(life));
        }
    }
    let on_event = move |event: &Event| {
        if !matches!(event.outcome, Outcome::Accepted { .. }) {
            drop(tell.send(event.clone()));
        }
    };
    Ok(Sandbox::builder(played).on_event(on_event).start().await?)
}

impl<'a> Player<'a> {
    fn new(number: usize, vendor: &'a Vendor, sandbox: &Sandbox) -> Result<Self, Box<dyn Error>> {
        let issuer = sandbox.issuers().iter().find(|issuer| vendor.is_called(issuer.name()));
        let issuer = issuer.ok_or_else(|| format!("no spec is called {}: run `cargo xtask gen`", vendor.name))?;
        let variables: HashMap<String, String> = issuer.environment().into_iter().collect();
        let tokens = (vendor.tokens)(&|name| variables.get(name).cloned())?;
        let script = script(number, &vendor.policy);
        Ok(Self {
            vendor,
            issuer: issuer.clone(),
            api: Arc::new(HttpClient::new(tokens.clone())?),
            tokens,
            calls: Arc::default(),
            causes: Causes::new(vendor.policy, script.life),
            life: script.life,
            faults: script.faults(),
            steps: script.steps.into(),
            token: None,
            has_ended_tokens: false,
        })
    }

    /// What of the script is due.
    fn step(&mut self, now: Duration) -> Option<Step> {
        let (at, step) = self.steps.front()?;
        // Nothing can be ended where nothing is live.
        let is_early = *at > now || (matches!(step, Step::EndTokens) && self.issuer.live_tokens() == 0);
        if is_early {
            return None;
        }
        let (_, step) = self.steps.pop_front()?;
        match &step {
            Step::Fault(fault) => self.issuer.fault(fault.clone()),
            Step::EndTokens => {
                self.causes.ended(self.issuer.clock().now());
                self.has_ended_tokens |= self.issuer.revoke_all() > 0;
            }
        }
        Some(step)
    }

    /// What is to be told of an event; None: nothing new.
    fn saw(&mut self, event: &Event) -> Option<(Mood, String)> {
        if event.path == PROTECTED {
            return self
                .causes
                .rejected()
                .then(|| (Mood::Bad, "a call got 401, it will be made again with a new token".to_owned()));
        }
        let failure = failure(event);
        let cause = self.causes.request(event.at, failure.clone());
        if let Some(failure) = failure {
            return Some((Mood::Bad, format!("{failure}: {}", because(&cause))));
        }
        let (action, token) = match event.outcome {
            Outcome::LoggedIn { token } => ("logged in", token),
            Outcome::Refreshed { token, .. } => ("refreshed", token),
            _ => return Some((Mood::Plain, "revoked".to_owned())),
        };
        self.token = Some((token, Instant::now()));
        Some((Mood::Good, format!("{action}, token {token}: {}", because(&cause))))
    }

    fn row(&self) -> Row<'_> {
        let status = self.tokens.status();
        let state = match (status.state, status.is_serving) {
            (_, true) if status.is_renewing => "renewing",
            (State::Empty | State::Expired | State::Ambiguous, false) => "waiting",
            (State::Fresh, _) => "fresh",
            (State::Due, _) => "due",
            (State::BackingOff, _) => "backing off",
            (State::Ambiguous, _) => "ambiguous",
            (State::Dead, _) => "dead",
            _ => "",
        };
        let counted = self.causes.counted();
        Row {
            vendor: self.vendor.name,
            state,
            is_serving: status.is_serving,
            token: self.token.map(|(number, _)| number),
            age: self.token.map(|(_, since)| since.elapsed()).unwrap_or_default(),
            life: self.life,
            served: self.calls.served(),
            requests: counted.all(),
            renewals: counted.renewals,
            faults: self.issuer.counts().faults,
        }
    }

    /// Ends the token at the vendor. Why that went wrong, if it did.
    async fn revoke(&mut self) -> Option<Result<(), String>> {
        let takes = self.vendor.policy.revoke?;
        self.causes.ending();
        let header = self.tokens.try_header();
        if let Err(error) = self.tokens.revoke().await {
            return Some(Err(error.to_string()));
        }
        let header = header.filter(|_| takes == Takes::Access)?;
        let url = format!("{}{PROTECTED}", self.issuer.url());
        let call = reqwest::Client::new().get(url).header(self.tokens.header_name(), header);
        Some(match call.send().await {
            Ok(answer) if answer.status() == StatusCode::UNAUTHORIZED => Ok(()),
            Ok(answer) => Err(format!("a call with the revoked token got {}", answer.status())),
            Err(error) => Err(error.to_string()),
        })
    }
}

/// Why the client got no good answer; None: it got one.
fn failure(event: &Event) -> Option<String> {
    let is_done = !matches!(event.outcome, Outcome::Nothing);
    match (&event.outcome, &event.fault) {
        (Outcome::Refused { why }, _) => Some(format!("a refusal: {why}")),
        // A delay keeps nobody from an answer.
        (_, Some(fault)) if !is_done || !fault.starts_with("a delay") => Some(fault.clone()),
        _ => None,
    }
}

fn because(cause: &Cause) -> String {
    style(cause).dim().to_string()
}

struct Show<'a> {
    players: Vec<Player<'a>>,
    view: View,
    began: Instant,
    clock: ClockWatch,
}

impl Show<'_> {
    /// Sources notice at once when the clock is set, so this looks before anything is explained.
    fn watch_clock(&mut self) {
        if let Some(by) = self.clock.set_by() {
            let text = format!("this machine's clock was set by {by} s");
            self.view.tell(self.began.elapsed(), "", Mood::Bad, &text);
            for player in &mut self.players {
                player.causes.clock_set();
            }
        }
    }

    fn step(&mut self) {
        self.watch_clock();
        let now = self.began.elapsed();
        for player in &mut self.players {
            while let Some(step) = player.step(now) {
                if let Step::EndTokens = step {
                    self.view.tell(now, player.vendor.name, Mood::Bad, "the vendor ends every token");
                }
            }
        }
    }

    fn saw(&mut self, event: &Event) {
        self.watch_clock();
        let Some(player) = self.players.iter_mut().find(|player| player.issuer.name() == event.vendor) else { return };
        if let Some((mood, text)) = player.saw(event) {
            self.view.tell(self.began.elapsed(), player.vendor.name, mood, &text);
        }
    }

    fn draw(&self) {
        for (index, player) in self.players.iter().enumerate() {
            self.view.row(index, &player.row());
        }
    }

    /// Lets renewals that are due come to their end, so that it is known which token is revoked.
    async fn settle(&self) {
        let settled = async {
            for player in &self.players {
                player.tokens.try_header();
                while player.tokens.status().is_renewing {
                    sleep(TICK).await;
                }
            }
        };
        // Who doesn't make it in this time has a reason to be told of.
        let _ = timeout(LAST_CALLS, settled).await;
    }

    /// Why it went wrong, for each vendor that has a revocation.
    async fn revoke(&mut self) -> Vec<Result<(), String>> {
        let mut revoked = Vec::new();
        for player in &mut self.players {
            let named = |error| format!("{}: {error}", player.vendor.name);
            revoked.extend(player.revoke().await.map(|done| done.map_err(named)));
        }
        revoked
    }

    /// What had to hold, and whether it did.
    fn checks(&self, all_ended: bool, revoked: &[Result<(), String>]) -> Vec<(bool, String)> {
        let sum = |count: &dyn Fn(&Player<'_>) -> u64| self.players.iter().map(count).sum::<u64>();
        let all = |holds: &dyn Fn(&Player<'_>) -> bool| self.players.iter().all(holds);
        let calls = sum(&|player| player.calls.served());
        let failure = self.players.iter().find_map(|player| player.calls.failure()).unwrap_or_default();
        let failed = sum(&|player| player.calls.failed());
        let served = match (failed, all_ended) {
            (0, true) => format!("every caller was served: {calls} calls"),
            (0, false) => "a caller was still waiting at the end".to_owned(),
            _ => format!("{failed} of {calls} calls failed, the first one so: {failure}"),
        };
        let requests = sum(&|player| player.issuer.counts().requests);
        let unexplained = sum(&|player| player.causes.counted().unexplained);
        let counts_agree = all(&|player| {
            let (seen, sent) = (player.issuer.counts().requests, player.tokens.status().counters);
            seen == player.causes.counted().all() && seen == u64::from(sent.logins + sent.refreshes + sent.revokes)
        });
        let explained = match (unexplained, counts_agree) {
            (0, true) => format!("each of {requests} requests to the issuers had its reason"),
            (0, false) => "the issuers count other requests than the sources".to_owned(),
            _ => format!("{unexplained} of {requests} requests to the issuers had no reason"),
        };
        let (spent, twice, early) = (
            sum(&|player| player.issuer.counts().refresh_tokens_spent),
            sum(&|player| player.issuer.counts().double_spends),
            sum(&|player| player.issuer.counts().early_refreshes),
        );
        let (met, planned) = (sum(&|player| player.issuer.counts().faults), sum(&|player| player.faults));
        let ended = sum(&|player| u64::from(player.has_ended_tokens));
        let replaced = sum(&|player| player.causes.counted().rejected);
        let mut checks = vec![
            (failed == 0 && all_ended && all(&|player| player.calls.served() > 0), served),
            (unexplained == 0 && counts_agree, explained),
            (twice == 0, format!("of {spent} single-use refresh tokens that were spent, {twice} were sent twice")),
            (early == 0, format!("{early} tokens were refreshed before their end that mustn't be")),
            (met == planned, format!("{met} of {planned} faults were met, and survived")),
            (
                ended == replaced,
                format!(
                    "{ended} times a vendor ended its tokens, {replaced} times a 401 was followed by one new token"
                ),
            ),
        ];
        if !revoked.is_empty() {
            let error = revoked.iter().find_map(|done| done.as_ref().err());
            let text = match error {
                None => format!("{} tokens were revoked at the end, and refused from then on", revoked.len()),
                Some(error) => error.clone(),
            };
            checks.push((error.is_none(), text));
        }
        checks
    }

    /// Shows the end. True if all held.
    fn summary(&self, checks: &[(bool, String)], took: Duration) -> bool {
        let head =
            ["", "calls", "longest", "requests:", "first", "renewals", "after a fault", "after a 401", "revokes"];
        self.view.say("");
        self.view.say(&style(columns(&head.map(ToOwned::to_owned))).dim().to_string());
        for player in &self.players {
            let counted = player.causes.counted();
            let longest = format!("{:.1} s", player.calls.longest().as_secs_f64());
            let counts =
                [counted.all(), counted.first, counted.renewals, counted.again, counted.rejected, counted.revokes];
            let [all, first, renewals, again, rejected, revokes] = counts.map(|count| count.to_string());
            let (name, calls) = (player.vendor.name.to_owned(), player.calls.served().to_string());
            self.view.say(&columns(&[name, calls, longest, all, first, renewals, again, rejected, revokes]));
        }
        self.view.say("");
        for (holds, text) in checks {
            let mark = if *holds { style("ok  ").green() } else { style("FAIL").red().bold() };
            self.view.say(&format!("{mark} {text}"));
        }
        let all_held = checks.iter().all(|(holds, _)| *holds);
        let verdict = if all_held { style("all as it should be").green() } else { style("not as it should be").red() };
        self.view.say(&format!("\n{}, in {:.1} s", verdict.bold(), took.as_secs_f64()));
        all_held
    }
}

/// A row of the last table, below its head.
fn columns(texts: &[String; 9]) -> String {
    let [name, calls, longest, all, first, renewals, again, rejected, revokes] = texts;
    format!(
        "{}  {calls:>5}  {longest:>7}  {all:>9} {first:>6} {renewals:>9} {again:>14} {rejected:>12} {revokes:>8}",
        pad_str(name, 15, Alignment::Left, None)
    )
}

/// Finds out that someone has set the clock of this machine.
struct ClockWatch {
    wall: SystemTime,
    monotonic: Instant,
}

impl ClockWatch {
    fn new() -> Self {
        Self { wall: SystemTime::now(), monotonic: Instant::now() }
    }

    /// By how many seconds it was set since the last look.
    fn set_by(&mut self) -> Option<i64> {
        let ran = self.monotonic.elapsed();
        let by = match SystemTime::now().duration_since(self.wall) {
            Ok(wall) => wall.as_secs_f64() - ran.as_secs_f64(),
            Err(back) => -back.duration().as_secs_f64() - ran.as_secs_f64(),
        };
        *self = Self::new();
        (by.abs() > 0.5).then_some(by.round() as i64)
    }
}
