//! A Unix socket, which serves the processes of this user and of those that are named.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use freshtoken::store::FileStore;
use rustix::process::geteuid;
use tokio::net::{UnixListener, UnixStream};

use crate::args::Serve;
use crate::environment;
use crate::failure::Failure;
use crate::paths;
use crate::private::create_dir;
use crate::serve::gate::{Gate, Page};
use crate::serve::listen::{Kind, Listener, lock};
use crate::serve::peer::Peer;

/// The longest path of a socket, in bytes: macOS has 104 with the zero at the end.
const LONGEST_PATH: usize = 103;

/// A socket. It is removed when this is dropped.
pub struct Socket {
    listener: UnixListener,
    path: PathBuf,
    /// The users whose processes are served.
    allowed: Vec<u32>,
}

impl Socket {
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Waits for a connection, and says whose it is.
    pub async fn accept(&self) -> io::Result<(UnixStream, Peer)> {
        let (stream, _) = self.listener.accept().await?;
        // On macOS, this fails if the peer has gone.
        let peer = stream.peer_cred().map(|peer| Peer { uid: Some(peer.uid()), pid: peer.pid() });
        Ok((stream, peer.unwrap_or_default()))
    }

    /// Whether a process is served.
    pub fn allows(&self, peer: Peer) -> bool {
        peer.uid.is_some_and(|uid| self.allowed.contains(&uid))
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Starts to listen.
pub fn bind(options: &Serve, page: Page) -> Result<(Listener, Gate), Failure> {
    let state = paths::state()?;
    let chosen = options.socket.clone().or_else(|| environment("FRESHTOKEN_SOCKET").map(PathBuf::from));
    let path = chosen.map_or_else(|| state.join("agent.sock"), |path| paths::absolute(&path));
    if path.as_os_str().len() > LONGEST_PATH {
        return Err(Failure::usage(format!(
            "{path:?} is too long for a socket; set FRESHTOKEN_SOCKET to a shorter path"
        )));
    }
    if path.extension().is_some_and(|extension| extension == "lock") {
        return Err(Failure::usage(format!(
            "{path:?} is the name of the agent's lock; choose another one for the socket"
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
    Ok((Listener::new(Kind::Unix(Socket { listener, path, allowed }), lock), gate))
}
