//! Who the cases are about and what they act on; and what a refusal must leave as it was.

use super::table::with_words;
use crate::{
    world::{Person, World, api, new_id},
    world_socket::{Socket, next},
};
use parlor::{
    admin,
    cli::{AdminCommand, AdminTarget},
};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;
use tokio_tungstenite::{connect_async, tungstenite::client::IntoClientRequest};
use uuid::Uuid;

/// What all scenes of a test share.
pub struct Stage {
    world: World,
    /// A member of every scene's group.
    peer: Person,
    /// In no conversation with anybody.
    other: Person,
    /// A group of these two alone.
    elsewhere: String,
    /// The token of a session that has ended.
    ended: String,
    /// An administrator.
    root: Person,
}

/// An object that was uploaded, and what makes its URLs good.
#[allow(clippy::struct_field_names, reason = "ids are named after what they name")]
struct Media {
    media_id: String,
    put: (String, String),
    get: (String, String),
}

impl Stage {
    pub async fn new() -> Self {
        let world = World::with(|config| {
            // Sockets that don't sign in stay open; a message expires while a test waits.
            config.edge.auth_timeout_ms = 600_000;
            config.edge.connections_per_user = 10_000;
            config.limits.ttl_min_ms = 10;
        })
        .await;
        let peer = world.person(&name()).await;
        let other = world.person(&name()).await;
        let third = world.person(&name()).await;
        let elsewhere = peer.group("elsewhere", &[&third]).await;
        peer.post(&messages(&elsewhere), json!({"body": {"text": "canary"}})).await;
        let ended = peer.log_in().await;
        let (status, _) = ended.call(Method::POST, "/auth/logout", None).await;
        assert_eq!(status, 204);
        let root = world.person(&name()).await;
        let grant = AdminCommand::Grant(AdminTarget { username: root.username.clone() });
        admin::done(world.engines(), &grant).await.expect("the host makes administrators");
        Self { world, peer, other, elsewhere, ended: ended.token, root }
    }

    pub fn address(&self) -> String {
        self.world.gateway(0)
    }

    /// The head of the strangers' conversation.
    pub async fn elsewhere_head(&self) -> Value {
        self.peer.get(&format!("/conversations/{}", self.elsewhere)).await["head_seq"].clone()
    }
}

/// One asker, with a group of her own in which she has said something.
pub struct Scene<'s> {
    stage: &'s Stage,
    pub ann: Person,
    /// Another session of hers, on another device.
    second: Person,
    group: String,
    direct: String,
    /// The client_msg_id of her message.
    used: String,
    /// Records of the group.
    written: u64,
    media: Option<Media>,
    /// What was written about her in the beginning.
    facts: Value,
    /// Her socket, once somebody asked for it.
    socket: Option<Socket>,
}

fn messages(group: &str) -> String {
    format!("/conversations/{group}/messages")
}

/// Uploads the one letter `x`.
async fn upload(ann: &Person) -> Media {
    let sha256 = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881";
    let body = json!({"name": "n", "content_type": "image/png", "size": 1, "sha256": sha256});
    let place = ann.post("/media", body).await;
    let media_id = place["media_id"].as_str().expect("an id").to_owned();
    let url = place["upload"]["url"].as_str().expect("a URL");
    let put = reqwest::Client::new().put(format!("http://{}{url}", ann.address)).body("x");
    assert_eq!(put.send().await.expect("the gateway answers").status(), 204);
    let found = ann.get(&format!("/media/{media_id}")).await;
    let get = signature(found["url"].as_str().expect("a URL"));
    Media { media_id, put: signature(url), get }
}

/// `until` and `sign` of a URL.
fn signature(url: &str) -> (String, String) {
    let (_, query) = url.split_once("?until=").expect("a signed URL");
    let (until, sign) = query.split_once("&sign=").expect("a signed URL");
    (until.to_owned(), sign.to_owned())
}

/// A name that nobody has: 32 letters and digits.
pub fn name() -> String {
    Uuid::now_v7().simple().to_string()
}

/// A UUIDv7 made so many hours from now.
fn made_in(hours: i64) -> String {
    let id = Uuid::now_v7();
    let mut bytes = *id.as_bytes();
    let (seconds, nanos) = id.get_timestamp().expect("a v7 has a time").to_unix();
    let millis = seconds as i64 * 1000 + i64::from(nanos) / 1_000_000 + hours * 3_600_000;
    bytes[..6].copy_from_slice(&millis.to_be_bytes()[2..]);
    Uuid::from_bytes(bytes).to_string()
}

impl<'s> Scene<'s> {
    pub async fn new(stage: &'s Stage) -> Self {
        let ann = stage.world.person(&name()).await;
        let second = ann.log_in().await;
        let group = ann.group("ours", &[&stage.peer]).await;
        let direct = ann.direct(&stage.peer).await;
        let used = new_id();
        let body = Some(json!({"body": {"text": "first"}}));
        let (status, ack) = ann.call_with_key(Method::POST, &messages(&group), Some(&used), body).await;
        assert_eq!(status, 201, "{ack}");
        let facts = facts(&ann).await;
        Self { stage, ann, second, group, direct, used, written: 2, media: None, facts, socket: None }
    }

    /// One with something uploaded, if that is needed.
    pub async fn with_media(stage: &'s Stage, is_needed: bool) -> Self {
        let mut scene = Self::new(stage).await;
        if is_needed {
            scene.media = Some(upload(&scene.ann).await);
        }
        scene
    }

    /// The token of who asks.
    pub fn token(&self, as_admin: bool) -> &str {
        if as_admin { &self.stage.root.token } else { &self.ann.token }
    }

    /// A text with its `$words` replaced.
    pub fn fill(&self, text: &str) -> String {
        with_words(text, |word| self.word(word))
    }

    fn word(&self, word: &str) -> Option<String> {
        let (stage, ann) = (self.stage, &self.ann);
        Some(match word {
            "group" => self.group.clone(),
            "direct" => self.direct.clone(),
            "elsewhere" => stage.elsewhere.clone(),
            "target" => "2".to_owned(),
            "new" | "nobody" => new_id(),
            "capitals" => new_id().to_uppercase(),
            "used" => self.used.clone(),
            "ahead" => made_in(1),
            "ancient" => made_in(-31 * 24),
            "me" => ann.user_id.clone(),
            "own_name" => ann.username.clone(),
            "name" => name(),
            "peer" => stage.peer.user_id.clone(),
            "peer_name" => stage.peer.username.clone(),
            "other" => stage.other.user_id.clone(),
            "token" | "own_token" => ann.token.clone(),
            "media" => self.media.as_ref()?.media_id.clone(),
            "put_until" => self.media.as_ref()?.put.0.clone(),
            "put_sign" => self.media.as_ref()?.put.1.clone(),
            "get_until" => self.media.as_ref()?.get.0.clone(),
            "get_sign" => self.media.as_ref()?.get.1.clone(),
            "peer_token" => stage.peer.token.clone(),
            "ended" => stage.ended.clone(),
            "refresh" => self.second.refresh_token.clone(),
            "device" => self.second.device_id.clone(),
            "their_device" => stage.peer.device_id.clone(),
            _ => return None,
        })
    }

    /// A socket; `signed_in` by its upgrade request.
    pub async fn open(&self, signed_in: bool) -> Socket {
        let url = format!("ws://{}/v1/ws", self.ann.address);
        let mut request = url.into_client_request().expect("a request");
        if signed_in {
            let bearer = format!("Bearer {}", self.ann.token).parse().expect("a header");
            request.headers_mut().insert("Authorization", bearer);
        }
        let mut socket = connect_async(request).await.expect("the upgrade is granted").0;
        while signed_in && next(&mut socket).await["type"] != "ready" {}
        socket
    }

    /// Her socket, opened and signed in where it is not.
    pub async fn socket(&mut self, signed_in: bool) -> &mut Socket {
        if self.socket.is_none() {
            self.socket = Some(self.open(signed_in).await);
        }
        self.socket.as_mut().expect("opened above")
    }

    /// The socket is of no use any more.
    pub fn drop_socket(&mut self) {
        self.socket = None;
    }

    /// That her password is still the one she registered with.
    pub async fn has_password(&self) -> Result<(), String> {
        let device = json!({"device_id": self.second.device_id, "kind": "mobile", "name": "other"});
        let body = json!({"username": self.ann.username, "password": self.ann.password, "device": device});
        let url = format!("http://{}/v1/auth/login", self.ann.address);
        let (status, answer) = api(Method::POST, &url, None, None, Some(body)).await;
        if status == 200 { Ok(()) } else { Err(format!("the old password is refused: {answer}")) }
    }

    /// That nothing was written: the facts are the same, and the next record of the group
    /// gets the next number, behind everything that was asked before.
    pub async fn is_untouched(&mut self) -> Result<(), String> {
        let now = facts(&self.ann).await;
        if now != self.facts {
            return Err(format!("it wrote something: {} became {now}", self.facts));
        }
        let ack = self.ann.post(&messages(&self.group), json!({"body": {"text": "next"}})).await;
        self.written += 1;
        if ack["seq"] == self.written {
            return Ok(());
        }
        Err(format!("it made records: the next one is {} instead of {}", ack["seq"], self.written))
    }

    /// A message that ends at once; its seq, once it has ended.
    pub async fn expired(&mut self) -> u64 {
        let body = json!({"body": {"text": "soon gone", "ttl_ms": 10}});
        let seq = self.ann.post(&messages(&self.group), body).await["seq"].as_u64().expect("a seq");
        self.written = seq;
        loop {
            let records = self.ann.records(&self.group).await;
            if records.iter().any(|record| record["seq"] == seq && record["redacted"] == true) {
                return seq;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// A message that is deleted.
    pub async fn deleted(&mut self) -> u64 {
        let seq =
            self.ann.post(&messages(&self.group), json!({"body": {"text": "gone"}})).await["seq"].clone();
        let path = format!("{}/{seq}", messages(&self.group));
        let (status, _) = self.ann.call_with_key(Method::DELETE, &path, Some(&new_id()), None).await;
        assert_eq!(status, 200);
        self.written += 2;
        seq.as_u64().expect("a seq")
    }

    /// A reaction to her message.
    pub async fn reaction(&mut self) -> u64 {
        let path = format!("{}/2/reactions/x", messages(&self.group));
        let (status, ack) = self.ann.call_with_key(Method::PUT, &path, Some(&new_id()), None).await;
        assert_eq!(status, 200, "{ack}");
        self.written += 1;
        self.written
    }
}

/// What is written about her: profile, devices, conversations and what she has set there.
async fn facts(ann: &Person) -> Value {
    let devices = ann.get("/devices").await;
    let devices: Vec<_> = devices["items"].as_array().expect("items").iter().map(kept_of_device).collect();
    let conversations = ann.get("/conversations?limit=200").await;
    let conversations: Vec<_> =
        conversations["items"].as_array().expect("items").iter().map(kept_of_conversation).collect();
    let (me, blocks) = (ann.get("/me").await, ann.get("/me/blocks").await);
    json!({"me": me, "blocks": blocks, "devices": devices, "conversations": conversations})
}

fn kept_of_device(device: &Value) -> Value {
    json!([device["device_id"], device["kind"], device["name"]])
}

fn kept_of_conversation(view: &Value) -> Value {
    let mut kept = view.clone();
    for moving in ["head_seq", "head_ord", "read_seq", "unread", "last_message", "at"] {
        kept.as_object_mut().expect("a view").remove(moving);
    }
    kept
}
