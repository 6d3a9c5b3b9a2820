//! HTTP/1.1 by hand: one request a connection, answered with whatever bytes the script wants.

use super::server::{Act, Books, Reply};
use super::wire::early;
use std::fmt::Write;
use std::io;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub(super) fn ok() -> Reply {
    Reply::new(200, "application/x-protobuf", b"")
}

pub(super) async fn serve(mut stream: TcpStream, books: Arc<Books>) {
    if let Some(act) = books.on_connect() {
        return early(stream, act).await;
    }
    let Ok(body) = read(&mut stream).await else {
        return; // the client thought better of it
    };
    match books.on_request(body) {
        Act::Reset(_) => stream.set_zero_linger().unwrap(),
        Act::Silence(_) => std::future::pending().await,
        Act::Reply(_, reply) => answer(stream, &reply).await,
        other @ (Act::ResetEarly | Act::Raw(_) | Act::GoAway(_) | Act::ResetStream(_)) => {
            panic!("{other:?} is not for an HTTP/1.1 request")
        }
    }
}

async fn read(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
    let length = head
        .lines()
        .find_map(|l| l.strip_prefix("content-length: "))
        .unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    stream.read_exact(&mut body).await?;
    Ok(body)
}

async fn answer(mut stream: TcpStream, reply: &Reply) {
    let length = reply.announced.unwrap_or(reply.body.len());
    let mut head = format!("HTTP/1.1 {} Scripted\r\n", reply.status);
    for (name, value) in &reply.headers {
        write!(head, "{name}: {}\r\n", value.to_str().unwrap()).unwrap();
    }
    write!(head, "content-length: {length}\r\nconnection: close\r\n\r\n").unwrap();
    let bytes = [head.as_bytes(), &reply.body].concat();
    stream.write_all(&bytes).await.unwrap();
    stream.shutdown().await.unwrap();
}
