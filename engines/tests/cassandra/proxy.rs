//! A server that goes away and comes back: a proxy before the real one. The driver finds the node
//! under the address that it connected to, so all of its connections go through here.

use crate::setting;
use std::{net::SocketAddr, sync::Arc};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// What the proxy does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Mood {
    /// Passes everything on.
    Up,
    /// Closes every connection, old and new.
    Down,
    /// Takes connections and bytes, and answers nothing.
    Frozen,
    /// Passes requests on, and keeps the answers: the outcome stays unknown.
    Mute,
}

pub struct Proxy {
    pub address: SocketAddr,
    mood: Arc<watch::Sender<Mood>>,
}

impl Proxy {
    pub async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mood = Arc::new(watch::Sender::new(Mood::Up));
        let moods = mood.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let moods = moods.subscribe();
                tokio::spawn(connection(client, moods));
            }
        });
        Self { address, mood }
    }

    pub fn set(&self, mood: Mood) {
        self.mood.send_replace(mood);
    }
}

async fn connection(client: TcpStream, moods: watch::Receiver<Mood>) {
    if *moods.borrow() == Mood::Down {
        return;
    }
    let Ok(server) = TcpStream::connect(setting::node()).await else { return };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let mut ending = moods.clone();
    tokio::select! {
        () = pass(from_client, to_server, moods.clone(), &[Mood::Up, Mood::Mute]) => {}
        () = pass(from_server, to_client, moods, &[Mood::Up]) => {}
        _ = ending.wait_for(|mood| *mood == Mood::Down) => {}
    }
}

/// Passes bytes on while the mood is one of these.
async fn pass(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    mut moods: watch::Receiver<Mood>,
    passing: &[Mood],
) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        if moods.wait_for(|mood| passing.contains(mood)).await.is_err() {
            return;
        }
        if to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}
