//! The show: all vendors in the sandbox at once, and whether all went as it should.

use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use console::style;
use freshtoken_sandbox::{Event, Outcome, Sandbox};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{interval, sleep, timeout};

use crate::callers;
use crate::player::Player;
use crate::script::{END, Step, script};
use crate::vendor::Vendor;
use crate::verdict;
use crate::view::{self, Mood, View};

/// How many callers each vendor's API has.
const CALLERS: u32 = 50;

/// How often rows are drawn and scripts looked at.
const TICK: Duration = Duration::from_millis(100);

/// How long the last calls may take.
const LAST_CALLS: Duration = Duration::from_secs(3);

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
    view::line(&format!("{}: {CALLERS} callers each, and faults on purpose\n", style(names.join(", ")).bold()));

    let (view, clock) = (View::new(vendors.len()), ClockWatch::new());
    let mut show = Show { players, view, began: Instant::now(), clock, ticked: Instant::now(), lag: Duration::ZERO };
    show.step();
    let mut callers = JoinSet::new();
    for player in &show.players {
        let mut started = callers::start(CALLERS, &player.api, &player.url(), &player.calls);
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
    let checks = verdict::checks(&show.players, all_ended, &revoked);
    sandbox.shutdown().await;
    Ok(verdict::show(&show.view, &show.players, &checks, began.elapsed(), show.lag))
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

struct Show<'a> {
    players: Vec<Player<'a>>,
    view: View,
    began: Instant,
    clock: ClockWatch,
    /// When the script was looked at last.
    ticked: Instant,
    /// How much too late that was at worst.
    lag: Duration,
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
        self.lag = self.lag.max(self.ticked.elapsed().saturating_sub(TICK));
        self.ticked = Instant::now();
        self.watch_clock();
        let now = self.began.elapsed();
        for player in &mut self.players {
            while let Some(step) = player.step(now) {
                if matches!(step, Step::EndTokens) && player.has_ended_tokens {
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
