//! The I/O loop of one socket, written as one small future: what an idle socket costs is mostly
//! this and its read buffer. Everything queued leaves in one flush per wake (DESIGN §9).

use super::session::Session;
use crate::settings::millis;
use futures_util::{Sink as _, Stream as _};
use parlor_schemas::frames::Close;
use std::{
    collections::VecDeque,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};
use tokio::{
    io::{AsyncRead as _, ReadBuf},
    net::TcpStream,
    time::Sleep,
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Error, Message, Utf8Bytes,
        protocol::{CloseFrame, frame::coding::CloseCode},
    },
};

/// Client frames handled before the pump writes and lets others run.
const FRAMES_PER_TURN: usize = 32;

/// The pump; done when the socket is.
pub(crate) struct Pump {
    stream: WebSocketStream<TcpStream>,
    session: Session,
    /// Taken from the outbox, not yet given to the stream.
    batch: VecDeque<Utf8Bytes>,
    /// Given to the stream since the last flush, bytes.
    unflushed: usize,
    /// The stream was not read to its end yet. Once it was, a look at the socket is enough: to ask the
    /// stream costs clearing its whole buffer, and most wakes are for writing.
    has_input: bool,
    /// A flush is under way.
    is_flushing: bool,
    /// What the client sent can't be read any more.
    is_deaf: bool,
    /// The close frame is queued; the other side's is waited for until then.
    closing: Option<Pin<Box<Sleep>>>,
}

impl Pump {
    /// A pump for a socket after its handshake.
    pub fn new(stream: WebSocketStream<TcpStream>, session: Session) -> Self {
        Self {
            stream,
            session,
            batch: VecDeque::new(),
            unflushed: 0,
            has_input: true,
            is_flushing: false,
            is_deaf: false,
            closing: None,
        }
    }

    /// Handles what the client sent; `Ready`: the socket is gone.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        for _ in 0..FRAMES_PER_TURN {
            if self.is_deaf {
                return self.poll_drain(cx);
            }
            if self.session.is_waiting() && self.closing.is_none() {
                return Poll::Pending;
            }
            if !self.has_input && self.stream.get_ref().poll_read_ready(cx).is_pending() {
                return Poll::Pending;
            }
            let next = Pin::new(&mut self.stream).poll_next(cx);
            self.has_input = next.is_ready();
            match ready!(next) {
                Some(Ok(message)) => self.take(&message),
                Some(Err(Error::Capacity(_) | Error::Utf8(_))) => {
                    self.is_deaf = true;
                    self.session.connection.outbox.close(Close::BadFrame);
                }
                Some(Err(_)) | None => return Poll::Ready(()),
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Reads the rest of what can't be read, so that the close frame is not lost to a reset.
    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut space = [0; 512];
        loop {
            let mut buffer = ReadBuf::new(&mut space);
            let done = ready!(Pin::new(self.stream.get_mut()).poll_read(cx, &mut buffer));
            if done.is_err() || buffer.filled().is_empty() {
                return Poll::Ready(());
            }
        }
    }

    fn take(&mut self, message: &Message) {
        if self.closing.is_some() {
            return;
        }
        match message {
            Message::Text(text) => self.session.text(text),
            Message::Ping(_) => {
                // The stream has its answer ready.
                self.is_flushing = true;
                self.session.heard();
            }
            Message::Binary(_) => self.session.connection.outbox.close(Close::BadFrame),
            Message::Pong(_) | Message::Close(_) | Message::Frame(_) => {}
        }
    }

    /// Writes what waits, until nothing does or the stream takes no more. `Ready(Err)`: the socket
    /// is gone.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        loop {
            while !self.batch.is_empty() {
                ready!(Pin::new(&mut self.stream).poll_ready(cx))?;
                self.feed()?;
            }
            if self.is_flushing {
                ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
                self.is_flushing = false;
            }
            if self.unflushed > 0 {
                self.session.connection.outbox.flushed(std::mem::take(&mut self.unflushed));
            }
            if self.closing.is_some() || !self.refill(cx) {
                return Poll::Ready(Ok(()));
            }
        }
    }

    /// Gives the next frame of the batch to the stream.
    fn feed(&mut self) -> Result<(), Error> {
        let Some(frame) = self.batch.pop_front() else { return Ok(()) };
        self.unflushed += frame.len();
        self.is_flushing = true;
        Pin::new(&mut self.stream).start_send(Message::Text(frame))
    }

    /// Takes what waits in the outbox; whether there was a frame.
    fn refill(&mut self, cx: &mut Context<'_>) -> bool {
        let taken = self.session.connection.outbox.take(cx.waker());
        for note in &taken.notes {
            self.session.note(*note);
        }
        if !taken.notes.is_empty() {
            // The client's next frames may be read now.
            cx.waker().wake_by_ref();
        }
        self.batch = taken.frames;
        !self.batch.is_empty()
    }

    /// Queues the close frame behind what waits, even where the stream takes no more for now. A
    /// slow reader gets nothing more but that.
    fn close(&mut self, reason: Close, cx: &mut Context<'_>) -> Result<(), Error> {
        let settings = &self.session.edge.settings;
        self.closing = Some(Box::pin(tokio::time::sleep(millis(settings.close_ms))));
        let retry_after_ms = settings.slow_retry_ms + rand::random_range(0..=settings.slow_retry_ms);
        metrics::counter!("gateway_closes_total", "code" => reason.code().to_string()).increment(1);
        if reason == Close::TooSlow {
            self.batch.clear();
        } else {
            let waiting = std::mem::take(&mut self.batch);
            self.refill(cx);
            let behind = std::mem::replace(&mut self.batch, waiting);
            self.batch.extend(behind);
        }
        while !self.batch.is_empty() {
            self.feed()?;
        }
        self.is_flushing = true;
        Pin::new(&mut self.stream).start_send(Message::Close(Some(CloseFrame {
            code: CloseCode::from(reason.code()),
            reason: reason.reason(retry_after_ms).into(),
        })))
    }
}

impl Future for Pump {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let pump = &mut *self;
        if pump.poll_read(cx).is_ready() {
            return Poll::Ready(());
        }
        if let (None, Some(reason)) = (&pump.closing, pump.session.connection.outbox.closing())
            && pump.close(reason, cx).is_err()
        {
            return Poll::Ready(());
        }
        if let Poll::Ready(Err(_)) = pump.poll_write(cx) {
            return Poll::Ready(());
        }
        match &mut pump.closing {
            Some(patience) => patience.as_mut().poll(cx),
            None => Poll::Pending,
        }
    }
}
