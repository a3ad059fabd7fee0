//! Where the agent listens: a Unix socket, or a loopback port with a secret.

use std::fs::{File, Permissions, TryLockError};
use std::io;
use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use freshtoken::Secret;
use freshtoken::store::{FileStore, SealKey};
use rustix::process::geteuid;
use tokio::net::{TcpListener, UnixListener};

use crate::args::Serve;
use crate::environment;
use crate::failure::Failure;
use crate::paths;
use crate::private::{create_dir, open_lock, replace};
use crate::serve::gate::{Gate, Page};

/// The longest path of a socket, in bytes: macOS has 104 with the zero at the end.
const LONGEST_PATH: usize = 103;

/// The scheme of the secret in `Authorization`.
const BEARER: &str = "Bearer ";

/// A socket or a port. It is released when this is dropped.
pub struct Listener {
    pub kind: Kind,
    /// Held for the agent's life, so that no other one takes its place.
    lock: File,
}

pub enum Kind {
    Unix {
        listener: UnixListener,
        path: PathBuf,
        /// The users whose processes are served.
        allowed: Vec<u32>,
    },
    Tcp(TcpListener),
}

impl Listener {
    /// The lock's file names the address, for the message of a second agent.
    fn new(kind: Kind, lock: File) -> Self {
        let listener = Self { kind, lock };
        // Without it, that message is less helpful, and nothing else.
        let _ = (&listener.lock).write_all(listener.address().as_bytes());
        listener
    }

    /// Returns where it listens, for a person.
    pub fn address(&self) -> String {
        match &self.kind {
            Kind::Unix { path, .. } => path.display().to_string(),
            Kind::Tcp(listener) => listener.local_addr().map(|address| format!("http://{address}")).unwrap_or_default(),
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Kind::Unix { path, .. } = &self.kind {
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Starts to listen.
pub fn bind(options: &Serve) -> Result<(Listener, Gate), Failure> {
    let page = if options.page { Page::On } else { Page::Off };
    match options.listen {
        Some(address) => tcp(address, &options.allow_host, page),
        None => unix(options, page),
    }
}

fn unix(options: &Serve, page: Page) -> Result<(Listener, Gate), Failure> {
    let state = paths::state()?;
    let chosen = options.socket.clone().or_else(|| environment("FRESHTOKEN_SOCKET").map(PathBuf::from));
    let path = chosen.map_or_else(|| state.join("agent.sock"), |path| paths::absolute(&path));
    if path.as_os_str().len() > LONGEST_PATH {
        return Err(Failure::usage(format!(
            "{path:?} is too long for a socket; set FRESHTOKEN_SOCKET to a shorter path"
        )));
    }
    let dir = path.parent().unwrap_or(Path::new("/"));
    let is_shared = !options.allow_uid.is_empty();
    if is_shared && dir == state {
        return Err(Failure::usage(
            "--allow-uid needs --socket in a separate directory: the state directory holds the key",
        ));
    }
    let (dir_mode, socket_mode) = if is_shared { (0o711, 0o666) } else { (0o700, 0o600) };
    let unusable =
        |error: io::Error| Failure::usage(format!("cannot use the directory {dir:?} for the socket: {error}"));
    if dir == state {
        FileStore::open(dir).map_err(Failure::usage)?;
    }
    create_dir(dir, dir_mode).map_err(unusable)?;
    let lock = lock(&path.with_extension("lock"))?;
    // The agent that held the lock is dead, and so is its socket.
    let _ = std::fs::remove_file(&path);
    let failed = |error: io::Error| Failure::other(format!("cannot listen at {path:?}: {error}"));
    let listener = UnixListener::bind(&path).map_err(failed)?;
    std::fs::set_permissions(&path, Permissions::from_mode(socket_mode)).map_err(failed)?;
    let allowed = [geteuid().as_raw(), 0].into_iter().chain(options.allow_uid.iter().copied()).collect();
    let gate = Gate { hosts: vec!["localhost".to_owned(), "freshtoken".to_owned()], secret: None, page };
    Ok((Listener::new(Kind::Unix { listener, path, allowed }, lock), gate))
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
fn lock(path: &Path) -> Result<File, Failure> {
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
