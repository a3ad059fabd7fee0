//! The file store: modes, what it refuses, and what other processes do to each other.
#![cfg(all(feature = "file", unix))]
#![allow(clippy::unwrap_used, reason = "a helper of a test may fail as the test may")]

use std::fs::{self, File, Permissions};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant, SystemTime};

use freshtoken::store::{Entry, FileStore, Key, Store};

/// A directory of one test.
struct Dir(PathBuf);

impl Dir {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("freshtoken-file-store-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let dir = std::env::temp_dir().join(name);
        fs::create_dir(&dir).unwrap();
        Self(dir)
    }

    fn store(&self) -> PathBuf {
        self.0.join("state").join("tokens")
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn key(account: &str) -> Key {
    Key::new("acme", "https://acme.example", account, "")
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & 0o7777
}

/// Polls a future without a runtime: the store then works on this thread.
fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it needs a runtime"),
    }
}

fn write(store: &FileStore, account: &str, expected: u64, generation: u64) -> Result<bool, String> {
    let entry = Entry::new(generation, format!("hunter{generation}"));
    now(store.compare_and_store(&key(account), expected, entry)).map_err(|error| error.to_string())
}

fn read(store: &FileStore, account: &str) -> Result<Option<u64>, String> {
    let loaded = now(store.load(&key(account))).map_err(|error| error.to_string())?;
    Ok(loaded.entry.map(|entry| {
        assert_eq!(entry.text().unwrap().expose(), format!("hunter{}", entry.generation()));
        entry.generation()
    }))
}

fn lease(store: &FileStore, ttl: Duration) -> Option<<FileStore as Store>::Lease> {
    now(store.try_lease(&key("a"), "owner", ttl)).unwrap()
}

fn renew(store: &FileStore, held: &<FileStore as Store>::Lease) -> bool {
    now(store.renew_lease(&key("a"), held, LONG)).unwrap()
}

const LONG: Duration = Duration::from_secs(3600);

/// What this test program does as a child, with `umask` and other shell commands before it.
fn child(dir: &Dir, task: &str, setup: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("{setup}\nexec \"$0\" --exact a_child_process --nocapture --ignored")]);
    command.arg(std::env::current_exe().unwrap());
    command.env("FILE_STORE_TASK", task).env("FILE_STORE_DIR", dir.store());
    command
}

/// The lines that the child prints for us, without the test harness's.
fn lines(child: &mut Child) -> impl Iterator<Item = String> + use<> {
    let output: BufReader<ChildStdout> = BufReader::new(child.stdout.take().unwrap());
    output.lines().map_while(Result::ok).filter_map(|line| line.split_once("> ").map(|(_, line)| line.to_owned()))
}

fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]).status().unwrap().success());
}

#[test]
#[ignore = "what the other tests run as a child process"]
fn a_child_process() {
    let Ok(task) = std::env::var("FILE_STORE_TASK") else { return };
    let store = FileStore::open(store_dir()).unwrap();
    match task.as_str() {
        "use" => {
            write(&store, "a", 0, 1).unwrap();
            let held = lease(&store, LONG).unwrap();
            println!("> held");
            std::io::stdin().read_line(&mut String::new()).unwrap();
            println!("> renewed {}", renew(&store, &held));
            now(store.release_lease(&key("a"), held)).unwrap();
        }
        "lease briefly" => {
            let held = lease(&store, Duration::from_millis(300)).unwrap();
            println!("> held");
            std::io::stdin().read_line(&mut String::new()).unwrap();
            println!("> renewed {}", renew(&store, &held));
            now(store.release_lease(&key("a"), held)).unwrap();
            println!("> released");
            std::io::stdin().read_line(&mut String::new()).unwrap();
        }
        "count" => {
            for _ in 0..COUNT_TO {
                loop {
                    let stored = read(&store, "a").unwrap().unwrap_or(0);
                    if write(&store, "a", stored, stored + 1).unwrap() {
                        break;
                    }
                }
            }
        }
        "count on" => {
            println!("> started");
            let mut generation = read(&store, "a").unwrap().unwrap_or(0);
            loop {
                assert!(write(&store, "a", generation, generation + 1).unwrap());
                generation += 1;
            }
        }
        "contend" => {
            let marker = store_dir().join("marker");
            for round in 0.. {
                let Some(held) = lease(&store, LONG) else { continue };
                let other = fs::read_to_string(&marker).unwrap_or_default();
                assert!(!is_alive(&other), "> two have the lease");
                fs::write(&marker, std::process::id().to_string()).unwrap();
                (0..100).for_each(|_| std::thread::yield_now());
                assert!(renew(&store, &held), "> the lease was lost");
                fs::write(&marker, "").unwrap();
                now(store.release_lease(&key("a"), held)).unwrap();
                println!("> {round}");
            }
        }
        "write much" => {
            let entry = Entry::new(2, "x".repeat(64 << 10));
            println!("> {}", now(store.compare_and_store(&key("a"), 1, entry)).unwrap_err());
        }
        _ => panic!("unknown task"),
    }
}

const COUNT_TO: u64 = 15;

fn store_dir() -> PathBuf {
    std::env::var_os("FILE_STORE_DIR").unwrap().into()
}

/// Whether a process runs, and is not one that was killed and waits for its parent.
fn is_alive(id: &str) -> bool {
    if id.is_empty() {
        return false;
    }
    let output = Command::new("ps").args(["-o", "stat=", "-p", id]).output().unwrap();
    let state = String::from_utf8(output.stdout).unwrap();
    !state.trim().is_empty() && !state.starts_with('Z')
}

#[test]
fn modes_are_right_whatever_the_umask() {
    for umask in ["000", "022", "277", "777"] {
        let dir = Dir::new();
        let mut child = child(&dir, "use", &format!("umask {umask}"));
        let mut child = child.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = lines(&mut child);
        assert_eq!(lines.next().as_deref(), Some("held"), "umask {umask}");
        assert_eq!((mode(&dir.store()), mode(dir.store().parent().unwrap())), (0o700, 0o700), "umask {umask}");
        let files: Vec<_> = fs::read_dir(dir.store()).unwrap().map(|entry| entry.unwrap().path()).collect();
        let mut kinds: Vec<_> = files.iter().map(|path| path.extension().unwrap().to_str().unwrap()).collect();
        kinds.sort_unstable();
        assert_eq!(kinds, ["held", "lock", "record"], "umask {umask}");
        for path in files {
            assert_eq!(mode(&path), 0o600, "umask {umask}: {path:?}");
        }
        drop(child.stdin.take());
        assert!(child.wait().unwrap().success());
    }
}

#[test]
fn a_directory_that_is_not_the_users_alone_is_refused() {
    let dir = Dir::new();
    FileStore::open(dir.store()).unwrap();
    for mode in [0o755, 0o710, 0o701, 0o720, 0o702, 0o777] {
        fs::set_permissions(dir.store(), Permissions::from_mode(mode)).unwrap();
        let error = FileStore::open(dir.store()).unwrap_err().to_string();
        assert!(error.contains("others can access") && error.contains("chmod 0700"), "{error}");
    }
    fs::set_permissions(dir.store(), Permissions::from_mode(0o700)).unwrap();
    FileStore::open(dir.store()).unwrap();

    let link = dir.0.join("link");
    symlink(dir.store(), &link).unwrap();
    for path in [link.clone(), link.join(""), link.join(".")] {
        let error = FileStore::open(path).unwrap_err().to_string();
        assert!(error.contains("is a symbolic link"), "{error}");
    }
    let dangling = dir.0.join("dangling");
    symlink(dir.0.join("missing"), &dangling).unwrap();
    assert!(FileStore::open(dangling).unwrap_err().to_string().contains("is a symbolic link"));
    assert!(!dir.0.join("missing").exists());

    fs::write(dir.0.join("file"), "").unwrap();
    assert!(FileStore::open(dir.0.join("file")).unwrap_err().to_string().contains("is not a directory"));
    // As another user, the root directory is not ours; as root, we can give ours away.
    let other = if chown(dir.store(), Some(65_534), None).is_ok() { dir.store() } else { "/".into() };
    let error = FileStore::open(other).unwrap_err().to_string();
    assert!(error.contains("belongs to another user"), "{error}");
}

fn record(dir: &Dir, account: &str) -> PathBuf {
    dir.store().join(format!("{}.record", key(account).digest()))
}

/// Neither reads nor replaces the file, and names it.
fn assert_refused(store: &FileStore, path: &Path, expected: &str) {
    let before = fs::read(path).ok();
    let results =
        [read(store, "a").map(|_| ()), write(store, "a", 0, 9).map(|_| ()), write(store, "a", 1, 9).map(|_| ())];
    for result in results {
        let error = result.unwrap_err();
        assert!(error.contains(expected) && error.contains(path.to_str().unwrap()), "{expected}: {error}");
        assert!(!error.contains("hunter"), "{error}");
    }
    assert_eq!(fs::read(path).ok(), before);
    assert_eq!(read(store, "b"), Ok(Some(1)), "other accounts work");
}

#[test]
fn a_file_that_is_no_record_is_named_and_kept() {
    let dir = Dir::new();
    let store = FileStore::open(dir.store()).unwrap();
    assert_eq!((write(&store, "a", 0, 1), write(&store, "b", 0, 1)), (Ok(true), Ok(true)));
    let path = record(&dir, "a");
    let right = fs::read_to_string(&path).unwrap();

    for (content, expected) in [
        ("", "is empty"),
        (&right[..10], "is damaged or incomplete"),
        (&right[..30], "is damaged or incomplete"),
        (&right[..right.len() - 1], "is damaged or incomplete"),
        (&format!("{right}x"), "is damaged or incomplete"),
        ("{\"token\":\"hunter2\"}", "was not written by freshtoken"),
        (&right.replace("record 1", "record 2"), "was written by a newer version"),
    ] {
        fs::write(&path, content).unwrap();
        assert_refused(&store, &path, expected);
    }
    fs::write(&path, b"\xff\xfe").unwrap();
    assert_refused(&store, &path, "was not written by freshtoken");
    File::options().write(true).open(&path).unwrap().set_len(1 << 30).unwrap();
    assert_refused(&store, &path, "is too long");

    // Each bit, in place: to replace the file 800 times takes seconds on a busy disk.
    fs::write(&path, &right).unwrap();
    let file = File::options().write(true).open(&path).unwrap();
    for at in 0..right.len() {
        for bit in 0..8 {
            let mut content = right.clone().into_bytes();
            content[at] ^= 1 << bit;
            file.write_all_at(&content, 0).unwrap();
            let error = read(&store, "a").unwrap_err();
            assert!(error.contains(path.to_str().unwrap()) && !error.contains("hunter"), "{error}");
        }
    }
    fs::write(&path, right).unwrap();
    assert_eq!(write(&store, "a", 1, 2), Ok(true));
}

#[test]
fn a_record_that_others_can_access_or_that_is_no_file_is_refused() {
    let dir = Dir::new();
    let store = FileStore::open(dir.store()).unwrap();
    assert_eq!((write(&store, "a", 0, 1), write(&store, "b", 0, 1)), (Ok(true), Ok(true)));
    let path = record(&dir, "a");
    for mode in [0o644, 0o640, 0o602, 0o666] {
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        assert_refused(&store, &path, "others can access");
    }
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    let elsewhere = dir.0.join("elsewhere");
    fs::rename(&path, &elsewhere).unwrap();
    symlink(&elsewhere, &path).unwrap();
    assert_refused(&store, &path, "is a symbolic link");
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert_refused(&store, &path, "is not a regular file");
    fs::remove_dir(&path).unwrap();
    assert!(Command::new("mkfifo").args(["-m", "600"]).arg(&path).status().unwrap().success());
    let error = read(&store, "a").unwrap_err();
    assert!(error.contains("is not a regular file"), "{error}");
}

#[test]
fn a_full_disk_leaves_the_old_record() {
    let dir = Dir::new();
    let store = FileStore::open(dir.store()).unwrap();
    assert_eq!(write(&store, "a", 0, 1), Ok(true));
    let limit = "trap '' XFSZ; ulimit -f 8";
    let mut child = child(&dir, "write much", limit).stdout(Stdio::piped()).spawn().unwrap();
    let error = lines(&mut child).next().unwrap();
    assert!(error.contains("cannot write"), "{error}");
    child.wait().unwrap();
    assert_eq!(read(&store, "a"), Ok(Some(1)));
    let names = fs::read_dir(dir.store()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert!(names.into_iter().all(|name| !name.ends_with(".tmp")));
}

#[test]
fn what_a_dead_process_left_behind_is_removed() {
    let dir = Dir::new();
    let store = FileStore::open(dir.store()).unwrap();
    let held = lease(&store, LONG).unwrap();
    assert_eq!(write(&store, "a", 0, 1), Ok(true));
    let old = SystemTime::now() - Duration::from_secs(3600);
    for (name, modified) in [("x.1.tmp", old), ("x.2.tmp", SystemTime::now()), ("x.3.held", old), ("x.4.json", old)] {
        File::create(dir.store().join(name)).unwrap().set_modified(modified).unwrap();
    }
    for entry in fs::read_dir(dir.store()).unwrap().map(Result::unwrap) {
        fs::set_permissions(entry.path(), Permissions::from_mode(0o600)).unwrap();
        if entry.path().to_str().unwrap().contains(&key("a").digest()) {
            File::options().write(true).open(entry.path()).unwrap().set_modified(old).unwrap();
        }
    }
    FileStore::open(dir.store()).unwrap();
    let left = |name: &str| dir.store().join(name).exists();
    assert_eq!((left("x.1.tmp"), left("x.2.tmp"), left("x.3.held"), left("x.4.json")), (false, true, false, true));
    assert_eq!(read(&store, "a"), Ok(Some(1)));
    assert!(renew(&store, &held) && lease(&store, LONG).is_none());
}

#[test]
fn a_killed_holder_frees_its_lease_at_once() {
    let dir = Dir::new();
    let mut child = child(&dir, "use", "").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    assert_eq!(lines(&mut child).next().as_deref(), Some("held"));
    let store = FileStore::open(dir.store()).unwrap();
    assert!(lease(&store, LONG).is_none());
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(lease(&store, LONG).is_some());
    let left = fs::read_dir(dir.store()).unwrap().count();
    assert_eq!(left, 2, "a record and a lock; what the holder left is gone");
}

/// Looks for a free lease until it is there, at most for 30 s.
fn lease_when_free(store: &FileStore) -> <FileStore as Store>::Lease {
    let start = Instant::now();
    loop {
        if let Some(held) = lease(store, LONG) {
            return held;
        }
        assert!(start.elapsed() < Duration::from_secs(30));
        std::thread::yield_now();
    }
}

#[test]
fn a_stopped_holder_loses_its_lease_when_it_expires() {
    let dir = Dir::new();
    let mut child = child(&dir, "lease briefly", "").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = lines(&mut child);
    assert_eq!(lines.next().as_deref(), Some("held"));
    signal(&child, "STOP");
    let store = FileStore::open(dir.store()).unwrap();
    let held = lease_when_free(&store);
    // It wakes up, and neither takes its lease back nor releases the new one.
    signal(&child, "CONT");
    let mut stdin = child.stdin.take().unwrap();
    std::io::Write::write_all(&mut stdin, b"\n").unwrap();
    assert_eq!(lines.next().as_deref(), Some("renewed false"));
    assert_eq!(lines.next().as_deref(), Some("released"));
    assert!(lease(&store, LONG).is_none() && renew(&store, &held));
    drop(stdin);
    assert!(child.wait().unwrap().success());
}

#[test]
fn no_update_of_several_processes_is_lost() {
    let dir = Dir::new();
    let children: Vec<_> = (0..4).map(|_| child(&dir, "count", "").stdout(Stdio::null()).spawn().unwrap()).collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let store = FileStore::open(dir.store()).unwrap();
    assert_eq!(read(&store, "a"), Ok(Some(4 * COUNT_TO)));
}

#[test]
fn a_process_that_is_killed_while_it_writes_leaves_a_whole_record() {
    let dir = Dir::new();
    let store = FileStore::open(dir.store()).unwrap();
    let mut last = 0;
    for _ in 0..5 {
        let mut child = child(&dir, "count on", "").stdout(Stdio::piped()).spawn().unwrap();
        assert_eq!(lines(&mut child).next().as_deref(), Some("started"));
        let start = last;
        while last < start + 5 {
            last = read(&store, "a").unwrap().unwrap_or(0);
        }
        child.kill().unwrap();
        child.wait().unwrap();
        last = read(&store, "a").unwrap().unwrap();
        assert_eq!(write(&store, "a", last, last + 1), Ok(true), "nothing stays locked");
        last += 1;
    }
}

#[test]
fn a_process_that_is_stopped_while_it_renames_fails_others_and_loses_nothing() {
    let dir = Dir::new();
    let store = FileStore::open(dir.store()).unwrap();
    assert_eq!(write(&store, "a", 0, 1), Ok(true));
    let guard = File::open(dir.store().join(format!("{}.lock", key("a").digest()))).unwrap();
    guard.lock().unwrap();
    let error = write(&store, "a", 1, 2).unwrap_err();
    assert!(error.contains("has kept") && error.contains("locked for too long"), "{error}");
    assert_eq!(read(&store, "a"), Ok(Some(1)));
    assert_eq!(write(&store, "b", 0, 1), Ok(true), "other accounts work");
    drop(guard);
    assert_eq!(write(&store, "a", 1, 2), Ok(true));
}

#[test]
fn a_lease_has_one_holder_whoever_is_killed() {
    let dir = Dir::new();
    FileStore::open(dir.store()).unwrap();
    let start = || {
        let mut child = child(&dir, "contend", "").stdout(Stdio::piped()).spawn().unwrap();
        let lines = lines(&mut child);
        (child, lines)
    };
    let mut children: Vec<_> = (0..3).map(|_| start()).collect();
    for round in 0..8 {
        let (mut child, mut rounds) = children.remove(0);
        // Of a process that had the lease some times: it is likely that it has it again, or waits for it.
        for _ in 0..=round % 3 {
            assert!(rounds.next().is_some(), "the child says why");
        }
        child.kill().unwrap();
        child.wait().unwrap();
        children.push(start());
    }
    for (mut child, _) in children {
        assert!(child.try_wait().unwrap().is_none(), "the child says why");
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
