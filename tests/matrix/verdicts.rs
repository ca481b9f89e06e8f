//! What the words of the tables mean on a socket.

use crate::{
    world::{PATIENCE, new_id},
    world_socket::{Socket, closed, say},
};
use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

/// What a refusal is called in the tables.
pub fn code_of(verdict: &str) -> &str {
    match verdict {
        "bad" => "invalid_request",
        "large" => "too_large",
        "gone" => "not_found",
        "who" => "unauthenticated",
        "former" => "not_a_member",
        other => other,
    }
}

/// The next frame that answers something; the code if the server closes.
pub async fn hear(socket: &mut Socket) -> Result<Value, u16> {
    const UNASKED: [&str; 6] = ["hello", "record", "receipt", "conversation", "presence", "typing"];
    let heard = async {
        loop {
            match socket.next().await {
                Some(Ok(Message::Text(text))) => {
                    let frame: Value = serde_json::from_str(text.as_str()).expect("the server sends JSON");
                    let kind = frame["type"].as_str().expect("a type");
                    let is_page = kind == "heads" && (frame["more"] == true || frame.get("as_of").is_none());
                    let is_unasked = UNASKED.contains(&kind) && frame.get("id").is_none();
                    if kind != "accepted" && !is_unasked && !is_page {
                        return Ok(frame);
                    }
                }
                Some(Ok(Message::Close(frame))) => return Err(frame.map_or(1005, |frame| frame.code.into())),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(1006),
            }
        }
    };
    tokio::time::timeout(PATIENCE, heard).await.unwrap_or(Err(0))
}

/// That the socket still works, and nothing else was said on it.
pub async fn stays(socket: &mut Socket) -> Result<(), String> {
    let id = new_id();
    say(socket, json!({"type": "ping", "id": id}).to_string()).await;
    match hear(socket).await {
        Ok(frame) if frame["type"] == "pong" && frame["id"] == id.as_str() => Ok(()),
        other => Err(format!("the socket does not just stay: {other:?}")),
    }
}

/// Plays a text and compares what comes with the verdict. `id` is the frame's own.
pub async fn play(socket: &mut Socket, text: String, id: Option<&str>, wanted: &str) -> Result<(), String> {
    say(socket, text).await;
    if wanted.len() == 4 && wanted.starts_with(|first: char| first.is_ascii_digit()) {
        let code = closed(socket).await.to_string();
        return if code == wanted { Ok(()) } else { Err(format!("closed with {code}, not {wanted}")) };
    }
    if wanted != "." {
        let frame = hear(socket).await.map_err(|code| format!("closed with {code}, not {wanted}"))?;
        let said = if frame["type"] == "error" { &frame["code"] } else { &frame["type"] };
        let is_its_own = frame.get("id").and_then(Value::as_str) == id;
        if said != wanted || !is_its_own {
            return Err(format!("{frame}, not {wanted}"));
        }
    }
    stays(socket).await
}
