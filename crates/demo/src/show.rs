//! A run with all vendors in the sandbox at once.

use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use console::style;
use freshtoken_sandbox::{Event, Outcome, Sandbox};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{interval, sleep, timeout};

use crate::callers;
use crate::naive_run::NaiveRun;
use crate::report;
use crate::script::{END, Step, script};
use crate::terminal::{self, Terminal, Tone};
use crate::vendor::DemoVendor;
use crate::vendor_run::VendorRun;

/// The number of callers of each vendor's API.
const CALLERS: u32 = 20;

/// How often rows are drawn and scripts advance.
const TICK: Duration = Duration::from_millis(100);

/// How long the last calls may take.
const LAST_CALLS: Duration = Duration::from_secs(3);

/// Runs the demo. Returns whether everything went as expected.
pub async fn run(vendors: &[DemoVendor], specs: &Path) -> Result<bool, Box<dyn Error>> {
    let began = Instant::now();
    let (sender, mut events) = mpsc::unbounded_channel();
    let sandbox = start(vendors, specs, Some(sender)).await?;
    let mut runs = Vec::new();
    for (number, vendor) in vendors.iter().enumerate() {
        runs.push(VendorRun::new(number, vendor, &sandbox)?);
    }
    let naive_sandbox = start(vendors, specs, None).await?;
    let naive = vendors.iter().enumerate();
    let naive =
        naive.map(|(number, vendor)| NaiveRun::new(number, vendor, &naive_sandbox)).collect::<Result<_, _>>()?;
    let names: Vec<&str> = vendors.iter().map(|vendor| vendor.name).collect();
    terminal::print_line(&format!(
        "{}: {CALLERS} callers each, with injected faults\n",
        style(names.join(", ")).bold()
    ));

    let (terminal, clock) = (Terminal::new(vendors.len()), ClockWatch::new());
    let mut show =
        Show { runs, naive, terminal, began: Instant::now(), clock, ticked: Instant::now(), lag: Duration::ZERO };
    show.step();
    let (mut callers, mut naive_callers) = (Vec::new(), Vec::new());
    for run in &show.runs {
        let (api, url) = (run.api.clone(), run.url());
        callers.push(callers::start(CALLERS, &run.calls, move || callers::call(api.clone(), url.clone())));
    }
    for run in &show.naive {
        naive_callers.push(callers::start(CALLERS, &run.calls, run.call()));
    }
    let mut ticks = interval(TICK);
    while show.began.elapsed() < END {
        tokio::select! {
            Some(event) = events.recv() => show.record_event(&event),
            _ = ticks.tick() => {
                show.step();
                show.draw();
            }
        }
    }
    show.runs.iter().map(|run| &run.calls).chain(show.naive.iter().map(|run| &run.calls)).for_each(|calls| calls.end());
    let all_ended = timeout(LAST_CALLS, join(callers)).await.is_ok();
    // How long the naive cache needs is its own affair.
    drop(naive_callers);
    show.settle().await;
    while let Ok(event) = events.try_recv() {
        show.record_event(&event);
    }
    let revoked = show.revoke().await;
    while let Ok(event) = events.try_recv() {
        show.record_event(&event);
    }
    show.draw();
    show.terminal.remove_rows();
    let checks = report::checks(&show.runs, all_ended, &revoked);
    sandbox.shutdown().await;
    naive_sandbox.shutdown().await;
    Ok(report::show(&show.terminal, &show.runs, &show.naive, &checks, began.elapsed(), show.lag))
}

/// Waits for the last calls.
async fn join(callers: Vec<JoinSet<()>>) {
    for callers in callers {
        callers.join_all().await;
    }
}

/// Starts a sandbox with these vendors' specs.
async fn start(
    vendors: &[DemoVendor],
    specs: &Path,
    sender: Option<mpsc::UnboundedSender<Event>>,
) -> Result<Sandbox, Box<dyn Error>> {
    let mut vendors_to_simulate = Vec::new();
    for spec in freshtoken_sandbox::PlayedVendor::read_folder(specs, &[])? {
        let number = vendors.iter().position(|vendor| vendor.is_called(spec.name()));
        if let Some(number) = number {
            let lifetime = script(number, &vendors[number].policy).lifetime;
            vendors_to_simulate.push(spec.lifetime(lifetime));
        }
    }
    let on_event = move |event: &Event| {
        if let Some(sender) = &sender
            && !matches!(event.outcome, Outcome::Accepted { .. })
        {
            drop(sender.send(event.clone()));
        }
    };
    Ok(Sandbox::builder(vendors_to_simulate).on_event(on_event).start().await?)
}

struct Show<'a> {
    runs: Vec<VendorRun<'a>>,
    naive: Vec<NaiveRun>,
    terminal: Terminal,
    began: Instant,
    clock: ClockWatch,
    /// When the script last advanced.
    ticked: Instant,
    /// The worst delay of the script.
    lag: Duration,
}

impl Show<'_> {
    /// Sources notice immediately when the clock is set, so check before explaining anything.
    fn watch_clock(&mut self) {
        if let Some(by) = self.clock.set_by() {
            let text = format!("this machine's clock was set by {by} s");
            self.terminal.print_event(self.began.elapsed(), "", Tone::Bad, &text);
            for run in &mut self.runs {
                run.causes.clock_set();
            }
        }
    }

    fn step(&mut self) {
        self.lag = self.lag.max(self.ticked.elapsed().saturating_sub(TICK));
        self.ticked = Instant::now();
        self.watch_clock();
        let now = self.began.elapsed();
        for run in &mut self.naive {
            run.step(now);
        }
        for run in &mut self.runs {
            while let Some(step) = run.step(now) {
                if matches!(step, Step::EndTokens) && run.has_ended_tokens {
                    self.terminal.print_event(now, run.vendor.name, Tone::Bad, "the vendor invalidates every token");
                }
            }
        }
    }

    fn record_event(&mut self, event: &Event) {
        self.watch_clock();
        let Some(run) = self.runs.iter_mut().find(|run| run.issuer.name() == event.vendor) else { return };
        if let Some((tone, text)) = run.record_event(event) {
            self.terminal.print_event(self.began.elapsed(), run.vendor.name, tone, &text);
        }
    }

    fn draw(&self) {
        for (index, run) in self.runs.iter().enumerate() {
            self.terminal.row(index, &run.row());
        }
    }

    /// Lets due renewals finish, so that it is known which token is revoked.
    async fn settle(&self) {
        let settled = async {
            for run in &self.runs {
                run.tokens.try_header();
                while run.tokens.status().is_renewing {
                    sleep(TICK).await;
                }
            }
        };
        // If a renewal takes longer, the report says why.
        let _ = timeout(LAST_CALLS, settled).await;
    }

    /// Revokes the tokens of each vendor that supports it.
    async fn revoke(&mut self) -> Vec<Result<(), String>> {
        let mut revoked = Vec::new();
        for run in &mut self.runs {
            let named = |error| format!("{}: {error}", run.vendor.name);
            revoked.extend(run.revoke().await.map(|done| done.map_err(named)));
        }
        revoked
    }
}

/// Detects that the clock of this machine was set.
struct ClockWatch {
    wall: SystemTime,
    monotonic: Instant,
}

impl ClockWatch {
    fn new() -> Self {
        Self { wall: SystemTime::now(), monotonic: Instant::now() }
    }

    /// Returns by how many seconds the clock was set since the last check.
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
