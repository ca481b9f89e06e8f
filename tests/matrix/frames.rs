//! Bad frames over real sockets: the cases of `frames.md`.

use super::{
    faults::{self, Fault, Place, Sort},
    json,
    scene::{Scene, Stage},
    table::{Row, none, rows},
    verdicts::{code_of, hear, play, stays},
};
use crate::{
    world::new_id,
    world_socket::{Socket, closed},
};
use futures_util::{SinkExt, StreamExt, stream};
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio_tungstenite::tungstenite::Message;

const PAGE: &str = include_str!("frames.md");

/// Rows played at the same time.
const AT_ONCE: usize = 8;

/// A kind of frame.
#[derive(Clone)]
pub struct Frame {
    pub kind: &'static str,
    row: Row,
}

impl Frame {
    pub fn all() -> Vec<Self> {
        rows(PAGE, "Frames").into_iter().map(|row| Self { kind: row.of("frame"), row }).collect()
    }

    fn good(&self, scene: &Scene<'_>, id: &str) -> Value {
        let mut good: Value = serde_json::from_str(&scene.fill(self.row.of("good"))).expect("a good frame");
        good["type"] = self.kind.into();
        good["id"] = id.into();
        good
    }

    fn answer(&self) -> &'static str {
        self.row.of("answer")
    }
}

/// One field of one kind of frame, with everything that can be wrong with it.
pub struct Field {
    pub frame: Frame,
    pub path: &'static str,
    pub faults: Vec<Fault>,
}

impl Field {
    pub fn all() -> Vec<Self> {
        let frames = Frame::all();
        let mut fields = Vec::new();
        let all = rows(PAGE, "Fields");
        let has_own =
            |kind: &str, path: &str| all.iter().any(|row| (row.of("frame"), row.of("field")) == (kind, path));
        for row in &all {
            let (kind, path) = (row.of("frame"), row.of("field"));
            let faults = faults::of(path, Sort::of(row.of("sort")), Place::Json, row.from("missing"));
            let is_of = |frame: &&Frame| kind == frame.kind || kind == "any" && !has_own(frame.kind, path);
            let of: Vec<_> = frames.iter().filter(is_of).collect();
            assert!(!of.is_empty(), "{kind}: no such frame");
            fields.extend(of.into_iter().map(|frame| Self {
                frame: frame.clone(),
                path,
                faults: faults.clone(),
            }));
        }
        fields
    }
}

/// How many cases the page comes to.
pub fn count() -> usize {
    let faults: usize = Field::all().iter().map(|field| field.faults.len()).sum();
    let targets = rows(PAGE, "Targets").len() * 5;
    faults + targets + 2 * rows(PAGE, "No frames").len() + 2 * rows(PAGE, "Frames").len()
}

/// One case in a scene: the answer, the fate, and what was written.
async fn case(scene: &mut Scene<'_>, field: &Field, fault: &Fault) -> Result<(), String> {
    let (frame, id) = (&field.frame, new_id());
    let good = frame.good(scene, &id);
    let text = scene.fill(&json::broken(&good, field.path, &fault.put));
    let is_ok = fault.verdict == "ok";
    let wanted = if is_ok { frame.answer() } else { code_of(fault.verdict) };
    // An id that is no id is not repeated.
    let own_id = match serde_json::from_str::<Value>(&text).ok().map(|frame| frame["id"].clone()) {
        Some(Value::String(told)) if field.path == "id" && is_ok => Some(told),
        _ => (field.path != "id").then_some(id),
    };
    let socket = scene.socket(frame.kind != "auth").await;
    let told = play(socket, text, own_id.as_deref(), wanted).await;
    if told.is_err() || wanted.starts_with('4') {
        scene.drop_socket();
    }
    told?;
    if is_ok { Ok(()) } else { scene.is_untouched().await }
}

async fn field(stage: &Stage, field: Field) -> Vec<String> {
    let mut failures = Vec::new();
    let mut scene = Scene::new(stage).await;
    for fault in &field.faults {
        let name = format!("{}.{}", field.frame.kind, fault.name);
        if let Err(why) = case(&mut scene, &field, fault).await {
            failures.push(format!("{name}: {why}"));
        }
        if fault.verdict == "ok" {
            scene = Scene::new(stage).await;
        }
    }
    failures
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_in_a_field_is_answered_as_its_row_says() {
    let stage = Box::pin(Stage::new()).await;
    let before = stage.elsewhere_head().await;
    let fields = Field::all().into_iter().map(|one| field(&stage, one));
    let failures: Vec<Vec<String>> = stream::iter(fields).buffer_unordered(AT_ONCE).collect().await;
    none(&failures.concat());
    assert_eq!(stage.elsewhere_head().await, before, "nobody wrote to the strangers' conversation");
}

#[tokio::test(flavor = "multi_thread")]
async fn good_frames_are_answered_before_and_after_auth_as_their_row_says() {
    let stage = Box::pin(Stage::new()).await;
    let mut failures = Vec::new();
    for frame in Frame::all() {
        for (when, signed_in) in [("before auth", false), ("after auth", true)] {
            let mut scene = Scene::new(&stage).await;
            let id = new_id();
            let text = frame.good(&scene, &id).to_string();
            let verdict = frame.row.of(when);
            let wanted = if verdict == "ok" { frame.answer() } else { code_of(verdict) };
            let socket = scene.socket(signed_in).await;
            let mut told = play(socket, text, Some(&id), wanted).await;
            if told.is_ok() && verdict != "ok" {
                told = scene.is_untouched().await;
            }
            failures.extend(told.err().map(|why| format!("{} {when}: {why}", frame.kind)));
        }
    }
    none(&failures);
}

/// A text, or what is no text at all.
async fn say_no_frame(socket: &mut Socket, text: &str) {
    let message = match text {
        "$binary" => Message::binary(br#"{"type":"ping"}"#.to_vec()),
        "$oversize" => Message::text(format!(r#"{{"type":"ping","id":"1","x":"{}"}}"#, "x".repeat(70_000))),
        "$invalid_utf8" => {
            // A client that knows the protocol can't send it: a masked text frame of one byte 0xff.
            let stream = socket.get_mut();
            return stream.write_all(&[0x81, 0x81, 0, 0, 0, 0, 0xff]).await.expect("the socket is open");
        }
        text => Message::text(text.replace("$control", "\u{1}")),
    };
    socket.send(message).await.expect("the socket is open");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_frame_has_its_fate() {
    let stage = Box::pin(Stage::new()).await;
    let mut scene = Scene::new(&stage).await;
    let mut failures = Vec::new();
    for row in rows(PAGE, "No frames") {
        let (text, fate) = (row.of("text"), row.of("fate"));
        for signed_in in [false, true] {
            let mut socket = scene.open(signed_in).await;
            say_no_frame(&mut socket, text).await;
            let told = match fate {
                "bad" => match hear(&mut socket).await {
                    Ok(frame) if frame["code"] == "invalid_request" => stays(&mut socket).await,
                    other => Err(format!("{other:?}, not {fate}")),
                },
                code => match closed(&mut socket).await.to_string() {
                    same if same == code => Ok(()),
                    other => Err(format!("closed with {other}, not {code}")),
                },
            };
            let told = if told.is_ok() { scene.is_untouched().await } else { told };
            failures.extend(told.err().map(|why| format!("{text:?}, signed in: {signed_in}: {why}")));
        }
    }
    none(&failures);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_is_no_good_is_refused_as_its_row_says() {
    let stage = Box::pin(Stage::new()).await;
    let mut scene = Scene::new(&stage).await;
    let seqs = [
        ("deleted", scene.deleted().await),
        ("expired", scene.expired().await),
        ("no message", 1),
        ("a reaction", scene.reaction().await),
        ("out of sight", 999),
    ];
    let frames = Frame::all();
    let mut failures = Vec::new();
    for row in rows(PAGE, "Targets") {
        let frame = frames.iter().find(|frame| frame.kind == row.of("frame")).expect("a frame");
        for (column, seq) in seqs {
            let id = new_id();
            let mut text = frame.good(&scene, &id);
            text["target"] = seq.into();
            let socket = scene.socket(true).await;
            let mut told = play(socket, text.to_string(), Some(&id), code_of(row.of(column))).await;
            if told.is_ok() {
                told = scene.is_untouched().await;
            }
            failures.extend(told.err().map(|why| format!("{} of {column}: {why}", frame.kind)));
        }
    }
    none(&failures);
}
