//! Accepts and serves connections, within limits that one client cannot use up for long.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use freshtoken::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::failure::Failure;
use crate::note::note;
use crate::output;
use crate::serve::denied::Denied;
use crate::serve::listen::{Listener, Stream};
use crate::serve::peer::Peer;
use crate::serve::respond::respond;
use crate::serve::slots::{GRACE, Slot, Slots};
use crate::serve::{Agent, Log, lock};
use crate::signals;

/// The longest head of a request, in bytes.
const HEAD: usize = 8 * 1024;

/// How long a client may take for the head.
const HEAD_TIME: Duration = Duration::from_secs(5);

/// Serves until SIGTERM or Ctrl-C, then finishes what is under way.
pub async fn serve(listener: Listener, agent: &Arc<Agent>) -> Result<(), Failure> {
    let mut end = pin!(signals::end().map_err(Failure::other)?);
    // A signal after this line ends it in order.
    if agent.log == Log::Requests {
        note(&format!("freshtoken: serving {} at {}", agent.names().join(", "), listener.address()));
    }
    let (stop, stopping) = watch::channel(false);
    let mut slots = Slots::default();
    let mut connections = JoinSet::new();
    loop {
        let has_room = slots.has_room();
        tokio::select! {
            accepted = accept(&listener, agent), if has_room => {
                let Some((stream, peer)) = accepted else { continue };
                connections.spawn(connection(stream, peer, slots.take(), agent.clone(), stopping.clone()));
            }
            () = tokio::time::sleep(GRACE), if !has_room => {}
            Some(_) = connections.join_next() => {}
            () = end.as_mut() => break,
        }
    }
    drop(listener);
    let _ = stop.send(true);
    let finished = async { while connections.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(agent.limit, finished).await;
    Ok(())
}

/// Returns a connection whose peer may use the agent.
async fn accept(listener: &Listener, agent: &Agent) -> Option<(Box<dyn Stream>, Peer)> {
    match listener.accept().await {
        Ok((_, peer)) if !listener.allows(peer) => {
            agent.count_denied(Denied::Peer);
            agent.log("-", None, Denied::Peer.status().as_u16(), peer);
            None
        }
        Ok(accepted) => Some(accepted),
        Err(_) => {
            // Usually the process is out of file descriptors; some may be free in a moment.
            tokio::time::sleep(Duration::from_millis(50)).await;
            None
        }
    }
}

async fn connection(
    stream: Box<dyn Stream>,
    peer: Peer,
    slot: Arc<Slot>,
    agent: Arc<Agent>,
    mut stopping: watch::Receiver<bool>,
) {
    let service = service_fn(|request: Request<Incoming>| {
        let (slot, agent) = (&slot, &agent);
        async move { Ok::<_, Infallible>(slot.process(respond(agent, peer, request)).await) }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIME).max_buf_size(HEAD);
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service));
    let mut grace = pin!(tokio::time::sleep(GRACE));
    let mut is_new = true;
    loop {
        tokio::select! {
            // A request that has arrived is seen before the time is.
            biased;
            // A client that disconnects or is too slow is not an error.
            _ = connection.as_mut() => return,
            () = grace.as_mut(), if is_new => {
                is_new = false;
                slot.set_due();
            }
            () = slot.evicted() => return,
            _ = stopping.wait_for(|is_stopping| *is_stopping) => break,
        }
    }
    if !slot.is_busy() {
        return;
    }
    connection.as_mut().graceful_shutdown();
    let _ = connection.await;
}

impl Agent {
    /// Counts and logs a request. The line has nothing that the client sent.
    pub fn record(&self, route: &'static str, account: Option<&str>, status: u16, peer: Peer) {
        *lock(&self.requests).entry((route, status)).or_default() += 1;
        self.log(route, account, status, peer);
    }

    fn log(&self, route: &'static str, account: Option<&str>, status: u16, peer: Peer) {
        if self.log == Log::Nothing {
            return;
        }
        let time = output::timestamp(SystemTime::now()).unwrap_or_default();
        let number = |number: Option<String>| number.unwrap_or_else(|| "-".to_owned());
        let (uid, pid) = (number(peer.uid.map(|uid| uid.to_string())), number(peer.pid.map(|pid| pid.to_string())));
        note(&format!("{time} {route} {} {status} uid={uid} pid={pid}", account.unwrap_or("-")));
    }
}
