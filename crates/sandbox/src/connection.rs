//! Accepts and serves connections, and resets them for faults.

use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Serves connections until the sandbox stops, then waits for the requests in progress.
///
/// A connection on which the head of a request does not arrive within `head_timeout` is closed, even if it is idle.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    head_timeout: Duration,
    stopping: watch::Receiver<bool>,
) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(head_timeout);
    let mut connections = JoinSet::new();
    loop {
        let mut stopped = stopping.clone();
        let stream = tokio::select! {
            stream = accept(&listener) => stream,
            Some(_) = connections.join_next() => continue,
            _ = stopped.wait_for(|is_stopping| *is_stopping) => break,
        };
        connections.spawn(serve_connection(http.clone(), Connection::new(stream), router.clone(), stopping.clone()));
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // This only affects speed.
                let _ = stream.set_nodelay(true);
                return stream;
            }
            // Usually the process is out of file descriptors; some may be free in a moment.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

/// Serves the requests of one connection.
async fn serve_connection(
    http: http1::Builder,
    connection: Connection,
    router: Router,
    mut stopping: watch::Receiver<bool>,
) {
    let reset_handle = connection.reset_handle.clone();
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(reset_handle.clone()));
        router.call(request)
    });
    let mut connection = pin!(http.serve_connection(TokioIo::new(connection), service));
    tokio::select! {
        // A client that disconnects or is too slow is not an error.
        _ = connection.as_mut() => return,
        _ = stopping.wait_for(|is_stopping| *is_stopping) => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

/// Resets the connection of a request, so that its caller gets no response.
#[derive(Clone, Default)]
pub(crate) struct ResetHandle(Arc<AtomicBool>);

impl ResetHandle {
    /// Makes the next write reset the connection instead.
    pub(crate) fn reset(&self) {
        self.0.store(true, Ordering::Release);
    }

    fn is_due(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// A connection that can be reset.
struct Connection {
    stream: TcpStream,
    reset_handle: ResetHandle,
    /// Whether the end of the stream was read.
    is_at_end: bool,
}

impl Connection {
    fn new(stream: TcpStream) -> Self {
        Self { stream, reset_handle: ResetHandle::default(), is_at_end: false }
    }

    /// Returns an error if the connection is to be reset. Closing a socket with zero linger sends a reset.
    fn check(&self) -> io::Result<()> {
        if self.reset_handle.is_due() {
            self.stream.set_zero_linger()?;
            Err(io::ErrorKind::ConnectionReset.into())
        } else {
            Ok(())
        }
    }
}

impl AsyncRead for Connection {
    /// Reports the end of the stream one poll late. Hyper drops a request that it hasn't started when the client
    /// disconnects; this way it has started, as at a real vendor.
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        let is_end = matches!(&read, Poll::Ready(read) if read.is_err() || buf.filled().len() == before);
        if is_end && !self.is_at_end {
            self.is_at_end = true;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        read
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
