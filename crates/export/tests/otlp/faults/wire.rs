//! A TCP connection that can be made to end in a reset.

use super::server::Act;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;

/// Resets its connection when dropped, if told to.
pub(super) struct Wire {
    inner: TcpStream,
    reset: Arc<AtomicBool>,
}

impl Wire {
    pub(super) fn new(inner: TcpStream) -> (Self, Arc<AtomicBool>) {
        let reset = Arc::new(AtomicBool::new(false));
        let wire = Self {
            inner,
            reset: Arc::clone(&reset),
        };
        (wire, reset)
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        if self.reset.load(Relaxed) {
            self.inner.set_zero_linger().unwrap();
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

/// Does what a script wants of a connection that has just been made.
pub(super) async fn early(mut stream: TcpStream, act: Act) {
    let mut some = [0; 4096];
    if stream.read(&mut some).await.is_err() {
        return;
    }
    if let Act::Raw(text) = act {
        stream.write_all(text.as_bytes()).await.unwrap();
    } else {
        stream.set_zero_linger().unwrap();
    }
}
