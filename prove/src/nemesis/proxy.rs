//! A TCP proxy that misbehaves on demand: between devices and a gateway, or a role and its engine.

use socket2::SockRef;
use std::{io, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    time::sleep,
};
use tokio_util::task::AbortOnDropHandle;

/// Bytes on their way at once, each way.
const BUFFER: usize = 16 * 1024;

/// What a proxy does with its connections.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Fault {
    /// Passes everything on.
    #[default]
    None,
    /// Passes everything on, so much later each way.
    Latency(Duration),
    /// Passes on so many bytes a second each way.
    Slow(u32),
    /// Ends every connection in good order (FIN), old and new.
    Cut,
    /// Ends every connection with RST, old and new.
    Reset,
    /// Takes connections and bytes, and passes nothing on: neither side hears of it.
    HalfOpen,
    /// Passes requests on and keeps the answers: outcomes stay unknown.
    Mute,
    /// Ends each connection after so many bytes from the client, in the middle of whatever it is.
    Limit(usize),
}

#[derive(Clone, Copy, Default)]
struct State {
    fault: Fault,
    /// How often all connections of the moment were reset.
    resets: u64,
}

/// A listening proxy; dropped, it ends with its connections.
pub struct Proxy {
    /// Where it listens.
    pub address: SocketAddr,
    state: Arc<watch::Sender<State>>,
    _task: AbortOnDropHandle<()>,
}

impl Proxy {
    /// Listens on a port of its own before `target` (`host:port`).
    ///
    /// # Errors
    /// No port is free.
    pub async fn before(target: String) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let state = Arc::new(watch::Sender::new(State::default()));
        let states = state.clone();
        let task = tokio::spawn(async move {
            // Its connections end with it.
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                connections.spawn(connection(client, target.clone(), states.subscribe()));
                while connections.try_join_next().is_some() {}
            }
        });
        Ok(Self { address, state, _task: AbortOnDropHandle::new(task) })
    }

    /// From now on, for old connections and new.
    pub fn set(&self, fault: Fault) {
        self.state.send_modify(|state| state.fault = fault);
    }

    /// Ends the connections of this moment with RST; new ones are as before.
    pub fn reset_once(&self) {
        self.state.send_modify(|state| state.resets += 1);
    }
}

fn ends(fault: Fault) -> bool {
    matches!(fault, Fault::Cut | Fault::Reset)
}

async fn connection(client: TcpStream, target: String, mut states: watch::Receiver<State>) {
    let reset = |stream: &TcpStream| {
        // An error: the other side was faster.
        drop(SockRef::from(stream).set_linger(Some(Duration::ZERO)));
    };
    let first = *states.borrow();
    if ends(first.fault) {
        if first.fault == Fault::Reset {
            reset(&client);
        }
        return;
    }
    let Ok(server) = TcpStream::connect(target).await else { return };
    let (mut client, mut server) = (client, server);
    drop(client.set_nodelay(true));
    drop(server.set_nodelay(true));
    let last = {
        let ((from_client, to_client), (from_server, to_server)) = (client.split(), server.split());
        let (out, back) = (states.clone(), states.clone());
        let is_over = |state: &State| ends(state.fault) || state.resets != first.resets;
        tokio::select! {
            () = pass(from_client, to_server, out, Way::Out) => Fault::Cut,
            () = pass(from_server, to_client, back, Way::Back) => Fault::Cut,
            state = states.wait_for(is_over) => match state.map(|state| state.fault) {
                Ok(Fault::Cut) | Err(_) => Fault::Cut,
                Ok(_) => Fault::Reset,
            },
        }
    };
    if last == Fault::Reset {
        reset(&client);
        reset(&server);
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Way {
    /// From the client to the server.
    Out,
    /// And back.
    Back,
}

/// Passes bytes on as the fault has it, until one side ends.
async fn pass(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut states: watch::Receiver<State>,
    way: Way,
) {
    let mut buffer = vec![0; BUFFER];
    let mut passed = 0;
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        let holds = |fault: Fault| fault == Fault::HalfOpen || (fault == Fault::Mute && way == Way::Back);
        let passing = states.wait_for(|state| !holds(state.fault)).await.map(|state| state.fault);
        let Ok(fault) = passing else { return };
        let mut count = count;
        match fault {
            Fault::Latency(by) => sleep(by).await,
            Fault::Slow(rate) => {
                sleep(Duration::from_secs_f64(count as f64 / f64::from(rate.max(1)))).await;
            }
            Fault::Limit(bytes) if way == Way::Out => count = count.min(bytes.saturating_sub(passed)),
            _ => {}
        }
        if count == 0 || to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
        passed += count;
    }
}
