//! A bare socket: for what a well-behaved device never does.

// Each test target uses its own part.
#![allow(dead_code)]

use crate::world::PATIENCE;
use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio_tungstenite::{connect_async, tungstenite::Message};

pub type Socket =
    tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>;

/// Connects without a token.
pub async fn open(url: &str) -> Socket {
    connect_async(url).await.expect("the upgrade is granted").0
}

/// The next text frame.
pub async fn next(socket: &mut Socket) -> Value {
    let text = async {
        loop {
            match socket.next().await.expect("the socket is open").expect("the socket works") {
                Message::Text(text) => return serde_json::from_str(text.as_str()).expect("JSON"),
                Message::Close(frame) => panic!("closed: {frame:?}"),
                _ => {}
            }
        }
    };
    tokio::time::timeout(PATIENCE, text).await.expect("a frame comes")
}

/// The first frames of a new socket.
pub async fn first_frames(url: &str, count: usize) -> Vec<Value> {
    let mut socket = open(url).await;
    let mut frames = Vec::new();
    while frames.len() < count {
        frames.push(next(&mut socket).await);
    }
    frames
}

/// Reads until the server closes; the code.
pub async fn closed(socket: &mut Socket) -> u16 {
    let code = async {
        loop {
            match socket.next().await {
                Some(Ok(Message::Close(frame))) => return frame.map_or(1005, |frame| frame.code.into()),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return 1006,
            }
        }
    };
    tokio::time::timeout(PATIENCE, code).await.expect("the server closes")
}

/// Connects and reads until the server closes; the code.
pub async fn close_code(url: &str) -> u16 {
    closed(&mut open(url).await).await
}

/// Sends a text frame.
pub async fn say(socket: &mut Socket, text: impl Into<String>) {
    socket.send(Message::text(text.into())).await.expect("the socket is open");
}
