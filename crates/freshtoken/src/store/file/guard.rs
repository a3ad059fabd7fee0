//! The lock for the microseconds in which a record is renamed or a lease changes hands.
//!
//! The file that is locked also has the lease in it: one line that is overwritten in place. Nobody removes the file.

use std::fs::{File, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use crate::store::file::access;
use crate::store::file::account::Account;
use crate::store::file::error::{FileStoreError, Problem};

/// How long to wait for the guard. A caller waits 5 s for each operation.
const PATIENCE: Duration = Duration::from_secs(3);

/// The longest pause between two tries.
const MAX_PAUSE: Duration = Duration::from_millis(2);

/// A line of a lease has 32 digits, two numbers, two spaces and a line break.
const MAX_LINE: u64 = 80;

/// Who has the lease, as the file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lease {
    pub(crate) id: String,
    /// When it was taken or renewed, in nanoseconds on the machine's clock.
    pub(crate) renewed: u64,
    pub(crate) ttl: Duration,
}

/// The lock. It is released when this is dropped, or the process dies.
pub(crate) struct Guard {
    file: File,
    path: PathBuf,
}

impl Guard {
    pub(crate) fn take(account: &Account) -> Result<Self, FileStoreError> {
        let path = account.lock();
        let start = Instant::now();
        let mut pause = Duration::from_micros(250);
        loop {
            let file = access::open_or_create(&path)?;
            match file.try_lock() {
                Ok(()) => {
                    // If a person removed the file meanwhile, others lock another one.
                    if access::is_at(&file, &path).map_err(FileStoreError::io("lock", &path))? {
                        return Ok(Self { file, path });
                    }
                }
                Err(TryLockError::WouldBlock) => thread::sleep(pause),
                Err(TryLockError::Error(error)) => return Err(FileStoreError::io("lock", &path)(error)),
            }
            if start.elapsed() > PATIENCE {
                return Err(FileStoreError::new(&path, Problem::Busy));
            }
            pause = (pause * 2).min(MAX_PAUSE);
        }
    }

    /// Returns the lease. A line that cannot be read is none: the machine stopped while it was written.
    pub(crate) fn lease(&mut self) -> Result<Option<Lease>, FileStoreError> {
        let mut line = Vec::new();
        self.file.seek(SeekFrom::Start(0)).map_err(FileStoreError::io("read", &self.path))?;
        (&self.file).take(MAX_LINE).read_to_end(&mut line).map_err(FileStoreError::io("read", &self.path))?;
        Ok(parse(&line))
    }

    pub(crate) fn set_lease(&mut self, lease: &Lease) -> Result<(), FileStoreError> {
        // Always the same length, so nothing of an earlier line is left.
        let line = format!("{} {:020} {:020}\n", lease.id, lease.renewed, millis(lease.ttl));
        self.file
            .seek(SeekFrom::Start(0))
            .and_then(|_| self.file.write_all(line.as_bytes()))
            .map_err(FileStoreError::io("write", &self.path))
    }
}

/// To close the file is not enough: a child process that is being started has it open too, until it runs its program.
impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.file.unlock();
    }
}

fn millis(ttl: Duration) -> u64 {
    u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX)
}

fn parse(line: &[u8]) -> Option<Lease> {
    let line = std::str::from_utf8(line).ok()?.strip_suffix('\n')?;
    let mut fields = line.split(' ');
    let id = fields.next().filter(|id| id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    let mut number = || fields.next()?.parse::<u64>().ok();
    Some(Lease { id: id.to_owned(), renewed: number()?, ttl: Duration::from_millis(number()?) })
}
