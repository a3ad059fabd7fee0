//! Where the agent listens: a Unix socket, or a loopback port with a secret.

use std::fs::{File, TryLockError};
use std::io;
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;

use freshtoken::Secret;
use freshtoken::store::{FileStore, SealKey};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;

use crate::args::Serve;
use crate::failure::Failure;
use crate::paths;
use crate::private::{open_lock, replace};
use crate::serve::gate::{Gate, Page};
use crate::serve::peer::Peer;
#[cfg(unix)]
use crate::serve::socket::{Socket, bind as socket};

/// The scheme of the secret in `Authorization`.
const BEARER: &str = "Bearer ";

/// A socket or a port. It is released when this is dropped.
pub struct Listener {
    kind: Kind,
    /// Held for the agent's life, so that no other one takes its place.
    lock: File,
}

pub enum Kind {
    #[cfg(unix)]
    Unix(Socket),
    Tcp(TcpListener),
}

/// A connection.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

impl Listener {
    /// The lock's file names the address, for the message of a second agent.
    pub fn new(kind: Kind, lock: File) -> Self {
        let listener = Self { kind, lock };
        // Without it, that message is less helpful, and nothing else.
        let _ = (&listener.lock).write_all(listener.address().as_bytes());
        listener
    }

    /// Waits for a connection, and says whose it is.
    pub async fn accept(&self) -> io::Result<(Box<dyn Stream>, Peer)> {
        match &self.kind {
            #[cfg(unix)]
            Kind::Unix(socket) => socket.accept().await.map(|(stream, peer)| (Box::new(stream) as _, peer)),
            Kind::Tcp(listener) => listener.accept().await.map(|(stream, _)| (Box::new(stream) as _, Peer::default())),
        }
    }

    /// Whether a process may connect. At a port, any may: each request needs the secret.
    pub fn allows(&self, #[cfg_attr(windows, expect(unused_variables))] peer: Peer) -> bool {
        match &self.kind {
            #[cfg(unix)]
            Kind::Unix(socket) => socket.allows(peer),
            Kind::Tcp(_) => true,
        }
    }

    /// Returns where it listens, for a person.
    pub fn address(&self) -> String {
        match &self.kind {
            #[cfg(unix)]
            Kind::Unix(socket) => socket.path().display().to_string(),
            Kind::Tcp(listener) => listener.local_addr().map(|address| format!("http://{address}")).unwrap_or_default(),
        }
    }
}

/// Starts to listen.
pub fn bind(options: &Serve) -> Result<(Listener, Gate), Failure> {
    let page = if options.page { Page::On } else { Page::Off };
    match options.listen {
        Some(address) => tcp(address, &options.allow_host, page),
        None => socket(options, page),
    }
}

#[cfg(windows)]
fn socket(_: &Serve, _: Page) -> Result<(Listener, Gate), Failure> {
    Err(Failure::usage("Windows has no Unix sockets: pass --listen, such as --listen 127.0.0.1:9470"))
}

fn tcp(address: SocketAddr, names: &[String], page: Page) -> Result<(Listener, Gate), Failure> {
    if !address.ip().is_loopback() {
        return Err(Failure::usage(format!(
            "--listen {address}: only a loopback address is served, such as 127.0.0.1:9470"
        )));
    }
    let state = paths::state()?;
    FileStore::open(&state).map_err(Failure::usage)?;
    let lock = lock(&state.join("agent.lock"))?;
    let failed = |error: io::Error| Failure::other(format!("cannot listen at {address}: {error}"));
    let listener = std::net::TcpListener::bind(address).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    let listener = TcpListener::from_std(listener).map_err(failed)?;
    let port = listener.local_addr().map_err(failed)?.port();
    let secret = new_secret()?;
    write(&state.join("agent.secret"), &format!("Authorization: {}\n", secret.expose()))?;
    // For programs that write the header themselves, such as Prometheus.
    write(&state.join("agent.bearer"), secret.expose().trim_start_matches(BEARER))?;
    let own = ["localhost".to_owned(), "127.0.0.1".to_owned(), "[::1]".to_owned()];
    let names = own.iter().chain(names);
    let hosts = names.map(|name| format!("{}:{port}", name.to_ascii_lowercase())).collect();
    Ok((Listener::new(Kind::Tcp(listener), lock), Gate { hosts, secret: Some(secret), page }))
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    replace(path, text).map_err(|error| Failure::other(format!("cannot write {path:?}: {error}")))
}

/// Makes a secret of 32 random bytes, as the value of `Authorization`.
fn new_secret() -> Result<Secret, Failure> {
    let bytes = SealKey::generate().map_err(Failure::other)?.to_base64();
    Ok(Secret::new(format!("{BEARER}{}", bytes.expose())))
}

/// Takes the lock of a state directory or of a socket. The file has the address of the agent that holds it, once that listens.
pub fn lock(path: &Path) -> Result<File, Failure> {
    let failed = |error: io::Error| Failure::usage(format!("cannot lock {path:?}: {error}"));
    let file = open_lock(path).map_err(failed)?;
    match file.try_lock() {
        // The address is that of an agent that has ended.
        Ok(()) => file.set_len(0).map(|()| file).map_err(failed),
        Err(TryLockError::WouldBlock) => {
            let address = std::fs::read_to_string(path).unwrap_or_default();
            let address = if address.is_empty() { format!("with the lock {path:?}") } else { format!("at {address}") };
            Err(Failure::other(format!(
                "another agent serves {address}; to run a second one, pass `--socket` with a path in another directory"
            )))
        }
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}
