//! Connections that can be torn: the server's handle on the socket under a request.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

/// A listener whose connections can be torn.
pub(crate) struct Loopback(pub(crate) TcpListener);

impl Listener for Loopback {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        loop {
            match self.0.accept().await {
                Ok((stream, peer)) => {
                    // Only speed is at stake.
                    let _ = stream.set_nodelay(true);
                    return (Connection { stream, tear: Tear::default(), is_over: false }, peer);
                }
                // Out of file descriptors, mostly: there may be some in a moment.
                Err(_) => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

/// Tears the connection that a request came by: instead of an answer its caller gets a reset.
#[derive(Clone, Default)]
pub(crate) struct Tear(Arc<AtomicBool>);

impl Tear {
    /// Whatever is written next isn't, and the connection is reset.
    pub(crate) fn reset(&self) {
        self.0.store(true, Ordering::Release);
    }

    fn is_due(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

impl Connected<IncomingStream<'_, Loopback>> for Tear {
    fn connect_info(stream: IncomingStream<'_, Loopback>) -> Self {
        stream.io().tear.clone()
    }
}

/// A connection that can be torn.
pub(crate) struct Connection {
    stream: TcpStream,
    tear: Tear,
    /// Its end was read.
    is_over: bool,
}

impl Connection {
    /// An error if the connection is to be torn. With no time to linger, closing the socket sends a reset.
    fn check(&self) -> io::Result<()> {
        match self.tear.is_due() {
            true => {
                self.stream.set_zero_linger()?;
                Err(io::ErrorKind::ConnectionReset.into())
            }
            false => Ok(()),
        }
    }
}

impl AsyncRead for Connection {
    /// The end of it is told one turn late. Hyper drops a request whose client has gone before it has begun with it;
    /// this way it has begun, and a vendor would be at it too.
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        let is_end = matches!(&read, Poll::Ready(read) if read.is_err() || buf.filled().len() == before);
        if is_end && !self.is_over {
            self.is_over = true;
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
