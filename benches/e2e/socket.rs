//! A WebSocket client that costs next to nothing: it finds what it needs by looking at bytes.

use bytes::{Buf, BytesMut};
use std::io;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpSocket, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
};

/// The reading half.
pub struct Reader {
    half: OwnedReadHalf,
    buffer: BytesMut,
}

/// The writing half.
pub struct Writer {
    half: OwnedWriteHalf,
    out: Vec<u8>,
}

/// Connects and upgrades.
pub async fn connect(address: &str, token: Option<&str>) -> io::Result<(Reader, Writer)> {
    upgrade(TcpStream::connect(address).await?, address, token).await
}

/// Connects with next to no room for what comes, and reads no more than the upgrade's answer.
pub async fn stall(address: &str, token: Option<&str>) -> io::Result<Reader> {
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(4096)?;
    let stream = socket.connect(address.parse().expect("an address")).await?;
    let (reader, writer) = upgrade(stream, address, token).await?;
    // The other half would close the socket.
    writer.half.forget();
    Ok(reader)
}

async fn upgrade(mut stream: TcpStream, address: &str, token: Option<&str>) -> io::Result<(Reader, Writer)> {
    stream.set_nodelay(true)?;
    let bearer = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    let request = format!(
        "GET /v1/ws HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Protocol: parlor.v1\r\n{bearer}\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut buffer = BytesMut::with_capacity(16 * 1024);
    let end = loop {
        if stream.read_buf(&mut buffer).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if let Some(end) = find(&buffer, b"\r\n\r\n") {
            break end + 4;
        }
    };
    assert!(buffer.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&buffer));
    buffer.advance(end);
    let (read, write) = stream.into_split();
    Ok((Reader { half: read, buffer }, Writer { half: write, out: Vec::new() }))
}

/// Connects with a token and waits for `ready`.
pub async fn log_in(address: &str, token: &str) -> io::Result<(Reader, Writer)> {
    let (mut reader, writer) = connect(address, Some(token)).await?;
    if reader.until(b"\"type\":\"ready\"").await {
        Ok((reader, writer))
    } else {
        Err(io::ErrorKind::UnexpectedEof.into())
    }
}

impl Reader {
    /// Reads until a frame holds `what`; `false`: closed before.
    pub async fn until(&mut self, what: &[u8]) -> bool {
        let mut found = false;
        while !found {
            if !self.frames(|frame| found |= find(frame, what).is_some()).await {
                return false;
            }
        }
        true
    }

    /// Calls `take` with each frame that is there; waits for at least one. `false`: closed.
    pub async fn frames(&mut self, mut take: impl FnMut(&[u8])) -> bool {
        loop {
            let mut any = false;
            while let Some((start, end)) = frame(&self.buffer) {
                if self.buffer[0] & 0x0F == 8 {
                    return false;
                }
                take(&self.buffer[start..end]);
                self.buffer.advance(end);
                any = true;
            }
            if any {
                return true;
            }
            self.buffer.reserve(16 * 1024);
            match self.half.read_buf(&mut self.buffer).await {
                Ok(0) | Err(_) => return false,
                Ok(_) => {}
            }
        }
    }
}

/// Where the payload of the first whole frame starts and ends.
pub fn frame(buffer: &[u8]) -> Option<(usize, usize)> {
    let short = usize::from(*buffer.get(1)? & 0x7F);
    let masked = if buffer[1] & 0x80 != 0 { 4 } else { 0 };
    let (start, length) = match short {
        126 => (4, usize::from(u16::from_be_bytes(buffer.get(2..4)?.try_into().ok()?))),
        127 => (10, u64::from_be_bytes(buffer.get(2..10)?.try_into().ok()?) as usize),
        length => (2, length),
    };
    let (start, end) = (start + masked, start + masked + length);
    (buffer.len() >= end).then_some((start, end))
}

/// Where `needle` stands.
pub fn find(hay: &[u8], needle: &[u8]) -> Option<usize> {
    hay.windows(needle.len()).position(|window| window == needle)
}

/// Frames a text; `mask`: as a client must (the mask is zero, so the text stays as it is).
pub fn framed(out: &mut Vec<u8>, text: &[u8], mask: bool) {
    let bit = if mask { 0x80 } else { 0 };
    out.push(0x81);
    if text.len() < 126 {
        out.push(bit | text.len() as u8);
    } else {
        out.push(bit | 0x7E);
        out.extend((text.len() as u16).to_be_bytes());
    }
    if mask {
        out.extend([0; 4]);
    }
    out.extend(text);
}

impl Writer {
    /// Queues a frame.
    pub fn queue(&mut self, text: &str) {
        framed(&mut self.out, text.as_bytes(), true);
    }

    /// Writes what is queued.
    pub async fn flush(&mut self) -> io::Result<()> {
        if self.out.is_empty() {
            return Ok(());
        }
        self.half.write_all(&self.out).await?;
        self.out.clear();
        Ok(())
    }
}
