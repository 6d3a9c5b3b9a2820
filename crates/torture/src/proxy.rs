//! The line between the daemon and a receiver: a TCP relay that can be down, cut, or hold back what the receiver says.
//!
//! It knows no protocol. Who calls [`Line::cut`] or [`Line::hold`] while a batch is being taken is sure that its
//! acknowledgement has not been passed on, because the receiver answers only afterwards.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

/// Below the ports that systems give to connections and to port 0: nobody takes one while its relay is down.
const PORTS: std::ops::Range<u16> = 20_000..30_000;
/// So many ports are tried before it gives up.
const PORT_TRIES: u32 = 100;
/// How long to wait before a port is listened to again that cannot be had at the moment.
const REBIND_PAUSE: Duration = Duration::from_millis(20);
const BUFFER_BYTES: usize = 16 << 10;

/// What can be done to the line; clones do it to the same one.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    up: Arc<watch::Sender<bool>>,
    cuts: Arc<watch::Sender<u64>>,
    hold: Arc<Mutex<Option<Instant>>>,
}

impl Line {
    /// Down: nobody listens, and what is connected is cut.
    pub(crate) fn set_up(&self, up: bool) {
        self.up.send_replace(up);
        if !up {
            self.cut();
        }
    }

    /// Breaks every connection; nothing that the receiver says from now on passes.
    pub(crate) fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// Nothing that the receiver says passes for so long.
    pub(crate) fn hold(&self, for_: Duration) {
        *self.hold.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + for_);
    }

    fn held_until(&self) -> Option<Instant> {
        *self.hold.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running relay; dropping it ends it.
#[derive(Debug)]
pub(crate) struct Proxy {
    pub(crate) listen: SocketAddr,
    pub(crate) line: Line,
    _relay: JoinSet<()>,
}

impl Proxy {
    /// Listens on a port of its own for `target`.
    pub(crate) async fn start(target: SocketAddr) -> io::Result<Self> {
        let listener = bind_any().await?;
        let listen = listener.local_addr()?;
        let line = Line {
            up: Arc::new(watch::Sender::new(true)),
            cuts: Arc::new(watch::Sender::new(0)),
            hold: Arc::default(),
        };
        let mut relay = JoinSet::new();
        relay.spawn(listen_in_turns(listener, target, line.clone()));
        Ok(Self {
            listen,
            line,
            _relay: relay,
        })
    }
}

async fn bind_any() -> io::Result<TcpListener> {
    let mut last = io::Error::from(io::ErrorKind::AddrInUse);
    for _ in 0..PORT_TRIES {
        match TcpListener::bind((Ipv4Addr::LOCALHOST, fastrand::u16(PORTS))).await {
            Ok(listener) => return Ok(listener),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Listens while the line is up. Ends when nobody holds the line any more.
async fn listen_in_turns(first: TcpListener, target: SocketAddr, line: Line) {
    let Ok(listen) = first.local_addr() else { return };
    let mut up = line.up.subscribe();
    let mut listener = Some(first);
    let mut connections = JoinSet::new();
    loop {
        let Some(open) = &listener else {
            if up.wait_for(|up| *up).await.is_err() {
                return;
            }
            listener = Some(bind_again(listen).await);
            continue;
        };
        tokio::select! {
            accepted = open.accept() => if let Ok((client, _)) = accepted {
                connections.spawn(relay(client, target, line.clone()));
            },
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            down = up.wait_for(|up| !*up) => {
                if down.is_err() { return; }
                drop(down);
                listener = None;
            }
        }
    }
}

async fn bind_again(listen: SocketAddr) -> TcpListener {
    loop {
        match TcpListener::bind(listen).await {
            Ok(listener) => return listener,
            Err(_) => sleep(REBIND_PAUSE).await,
        }
    }
}

/// One connection, until either side ends it or the line is cut.
async fn relay(client: TcpStream, target: SocketAddr, line: Line) {
    let mut cuts = line.cuts.subscribe();
    let Ok(server) = TcpStream::connect(target).await else {
        return;
    };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::select! {
        biased;
        _ = cuts.changed() => {}
        () = up(from_client, to_server) => {}
        () = down(from_server, to_client, &line) => {}
    }
}

async fn up(mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
    // A connection that breaks is what this is for.
    tokio::io::copy(&mut from, &mut to).await.ok();
}

async fn down(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, line: &Line) {
    let cuts = line.cuts.subscribe();
    let mut buffer = vec![0; BUFFER_BYTES];
    while let Ok(read) = from.read(&mut buffer).await {
        while let Some(until) = line.held_until().filter(|until| *until > Instant::now()) {
            sleep_until(until).await;
        }
        let said = buffer.get(..read).unwrap_or_default();
        // A cut that came while this was read: what was read is lost.
        if said.is_empty() || cuts.has_changed().unwrap_or(true) || to.write_all(said).await.is_err() {
            return;
        }
    }
}
