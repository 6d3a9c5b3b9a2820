//! gRPC at the level of HTTP/2 frames.

use super::server::{Act, Books, Reply};
use super::wire::{Wire, early};
use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream};
use http::{HeaderMap, HeaderValue, Request, Response};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Flag and length in front of a message.
const FRAME_HEADER_BYTES: usize = 5;

/// How a connection is to end.
enum End {
    Reset,
    GoAway(Reason),
}

pub(super) fn ok() -> Reply {
    message(b"")
}

/// A message and status 0.
pub(super) fn message(body: &[u8]) -> Reply {
    let mut framed = vec![0];
    framed.extend(u32::try_from(body.len()).unwrap().to_be_bytes());
    framed.extend(body);
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    Reply {
        trailers: Some(trailers),
        ..Reply::new(200, "application/grpc", &framed)
    }
}

pub(super) async fn serve(stream: TcpStream, books: Arc<Books>) {
    if let Some(act) = books.on_connect() {
        return early(stream, act).await;
    }
    let (wire, reset) = Wire::new(stream);
    let Ok(mut connection) = h2::server::handshake(wire).await else {
        return;
    };
    let (ending, mut ends) = mpsc::channel(1);
    let mut streams = JoinSet::new();
    loop {
        tokio::select! {
            next = connection.accept() => match next {
                Some(Ok((request, respond))) => {
                    streams.spawn(handle(request, respond, Arc::clone(&books), ending.clone()));
                }
                _ => return,
            },
            Some(end) = ends.recv() => match end {
                End::Reset => return reset.store(true, Relaxed),
                End::GoAway(reason) => connection.abrupt_shutdown(reason),
            },
        }
    }
}

async fn handle(
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
    books: Arc<Books>,
    ending: mpsc::Sender<End>,
) {
    let Some(body) = read(request.into_body()).await else {
        return;
    };
    let end = match books.on_request(body) {
        Act::Reset(_) => End::Reset,
        Act::GoAway(reason) => End::GoAway(reason),
        Act::ResetStream(reason) => return respond.send_reset(reason),
        Act::Reply(_, reply) => return answer(respond, *reply),
        Act::Silence(_) => return std::future::pending().await,
        other @ (Act::ResetEarly | Act::Raw(_)) => panic!("{other:?} comes too late"),
    };
    ending.send(end).await.unwrap();
    std::future::pending::<()>().await; // dropping the stream would answer it
}

async fn read(mut body: RecvStream) -> Option<Vec<u8>> {
    let mut all = Vec::new();
    while let Some(piece) = body.data().await {
        let piece = piece.ok()?;
        body.flow_control().release_capacity(piece.len()).ok()?;
        all.extend_from_slice(&piece);
    }
    Some(all.split_off(FRAME_HEADER_BYTES))
}

fn answer(mut respond: SendResponse<Bytes>, reply: Reply) {
    let mut head = Response::new(());
    *head.status_mut() = reply.status.try_into().unwrap();
    *head.headers_mut() = reply.headers;
    let bare = reply.body.is_empty() && reply.trailers.is_none();
    let mut stream = respond.send_response(head, bare).unwrap();
    if bare {
        return;
    }
    stream
        .send_data(reply.body.into(), reply.trailers.is_none())
        .unwrap();
    if let Some(trailers) = reply.trailers {
        stream.send_trailers(trailers).unwrap();
    }
}
