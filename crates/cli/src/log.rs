//! The log on stderr: only of this program's crates, whatever `RUST_LOG` says.

use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::args::Common;
use crate::environment;

/// Starts the log if it is asked for.
pub fn start(options: &Common) {
    let level = match environment("FRESHTOKEN_LOG").as_deref() {
        Some("debug") => Level::DEBUG,
        Some("info") => Level::INFO,
        _ if options.verbose => Level::INFO,
        _ => return,
    };
    let targets = ["freshtoken", "freshtoken_redis", "freshtoken_wire"];
    let targets: Targets = targets.into_iter().map(|target| (target, level)).collect();
    let lines = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(std::io::stderr).without_time();
    tracing_subscriber::registry().with(lines).with(targets).init();
}
