//! The program's log. A thread of its own writes it, so that a blocked stdout delays neither requests nor Ctrl-C.

use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

/// How many messages may wait to be written.
const MOST: usize = 1_000;

/// How long the last messages may take.
const LAST_TEXTS: Duration = Duration::from_secs(1);

/// A log. Clones share one queue.
#[derive(Clone)]
pub(crate) struct Log(Arc<Queue>);

struct Queue {
    /// None marks the end.
    texts: mpsc::Sender<Option<String>>,
    waiting: AtomicUsize,
    left_out: AtomicUsize,
}

/// The thread that writes.
pub(crate) struct Writer {
    log: Log,
    end: mpsc::Receiver<()>,
}

impl Log {
    /// Starts a log that writes to `out`.
    pub(crate) fn start(mut out: impl Write + Send + 'static) -> (Self, Writer) {
        let (texts, next) = mpsc::channel();
        let (ended, end) = mpsc::channel();
        let log = Self(Arc::new(Queue { texts, waiting: AtomicUsize::new(0), left_out: AtomicUsize::new(0) }));
        let queue = log.0.clone();
        thread::spawn(move || {
            while let Ok(Some(text)) = next.recv() {
                // A closed pipe is not an error.
                let _ = writeln!(out, "{text}").and_then(|()| out.flush());
                queue.waiting.fetch_sub(1, Ordering::AcqRel);
            }
            let _ = ended.send(());
        });
        (log.clone(), Writer { log, end })
    }

    /// Writes a line. If too many messages are waiting, drops the line and counts it.
    pub(crate) fn line(&self, line: String) {
        if self.0.waiting.load(Ordering::Acquire) < MOST {
            self.say(line);
        } else {
            self.0.left_out.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// Writes a message, however many are waiting.
    pub(crate) fn say(&self, text: String) {
        let text = match self.0.left_out.swap(0, Ordering::AcqRel) {
            0 => text,
            count => format!("({count} lines dropped: output is blocked)\n{text}"),
        };
        self.0.waiting.fetch_add(1, Ordering::AcqRel);
        let _ = self.0.texts.send(Some(text));
    }
}

impl Writer {
    /// Waits until everything is written, but at most one second.
    pub(crate) fn finish(self) {
        let _ = self.log.0.texts.send(None);
        let _ = self.end.recv_timeout(LAST_TEXTS);
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Mutex;

    use super::*;

    /// A pipe that blocks until it is opened.
    struct Pipe {
        entered: mpsc::Sender<()>,
        opened: mpsc::Receiver<()>,
        written: Arc<Mutex<Vec<u8>>>,
    }

    impl Write for Pipe {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.entered.send(());
            let _ = self.opened.recv();
            self.written.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_blocked_log_drops_and_counts_lines() {
        let ((entered, has_entered), (open, opened)) = (mpsc::channel(), mpsc::channel());
        let written = Arc::new(Mutex::new(Vec::new()));
        let (log, writer) = Log::start(Pipe { entered, opened, written: written.clone() });
        log.line("first".to_owned());
        has_entered.recv().unwrap();
        // The first message counts as waiting until it is written.
        (1..MOST + 10).for_each(|number| log.line(format!("line {number}")));
        log.say("last".to_owned());
        drop(open);
        writer.finish();
        let written = String::from_utf8(written.lock().unwrap().clone()).unwrap();
        let lines: Vec<&str> = written.lines().collect();
        assert_eq!(lines.len(), MOST + 2);
        assert_eq!(lines[MOST - 1..], ["line 999", "(10 lines dropped: output is blocked)", "last"]);
    }
}
