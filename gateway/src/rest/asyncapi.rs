//! The description of the socket, generated from the frame types (PROTOCOL §3): AsyncAPI 3.

use axum::Json;
use parlor_schemas::{
    frames::{ClientFrame, FIELDS, ID_MAX_CHARS, SUBPROTOCOL, ServerFrame},
    record::Kind,
};
use serde_json::{Map, Value, json};
use utoipa::{PartialSchema, ToSchema};

/// Fields that a client may leave out; all others that a frame knows must be there.
const OPTIONAL: &[(&str, &str)] =
    &[("auth", "device"), ("heads", "since"), ("fetch", "after"), ("fetch", "before"), ("fetch", "limit")];
/// Frames that need no `id`: they have no answer.
const WITHOUT_ID: &[&str] = &["read", "delivered", "typing", "presence"];

/// The AsyncAPI document.
pub fn document() -> Value {
    let mut messages = Map::new();
    let mut schemas = Map::new();
    let client = client_frames(&mut messages);
    let server = server_frames(&mut messages, &mut schemas);
    collect::<ClientFrame<'_>>(&mut schemas);
    let all: Map<String, Value> = messages.keys().map(|name| (name.clone(), of_component(name))).collect();
    let in_channel = |names: &[String]| -> Vec<Value> {
        names.iter().map(|name| json!({"$ref": format!("#/channels/socket/messages/{name}")})).collect()
    };
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Parlor",
            "version": "1",
            "description": format!(
                "The socket, subprotocol {SUBPROTOCOL}. Every frame is one JSON object with a type. Client \
                 frames carry an id that their answer repeats."
            ),
        },
        "defaultContentType": "application/json",
        "channels": {
            "socket": {
                "address": "/v1/ws",
                "description": "Authenticate by Authorization at the upgrade, by ?ticket=, or by an auth frame.",
                "messages": all,
                "bindings": {"ws": {
                    "method": "GET",
                    "query": {"type": "object", "properties": {"ticket": {"type": "string"}}},
                    "bindingVersion": "0.1.0",
                }},
            },
        },
        "operations": {
            "fromClients": {
                "action": "receive",
                "channel": {"$ref": "#/channels/socket"},
                "messages": in_channel(&client),
            },
            "toClients": {
                "action": "send",
                "channel": {"$ref": "#/channels/socket"},
                "messages": in_channel(&server),
            },
        },
        "components": {"messages": messages, "schemas": schemas},
    })
}

fn of_component(name: &str) -> Value {
    json!({"$ref": format!("#/components/messages/{name}")})
}

/// `/asyncapi.json`.
pub(crate) async fn serve() -> Json<Value> {
    Json(document())
}

/// The schemas that a type refers to.
fn collect<T: ToSchema>(schemas: &mut Map<String, Value>) {
    let mut found = Vec::new();
    T::schemas(&mut found);
    schemas.extend(found.into_iter().map(|(name, schema)| (name, json!(schema))));
}

fn message(messages: &mut Map<String, Value>, side: &str, kind: &str, payload: &Value) -> String {
    let name = format!("{side}_{kind}");
    messages.insert(name.clone(), json!({"name": kind, "title": kind, "payload": payload}));
    name
}

/// What clients say: of the one flat type the fields that each frame knows.
fn client_frames(messages: &mut Map<String, Value>) -> Vec<String> {
    let flat = json!(ClientFrame::schema());
    let property = |field: &str| flat["properties"][field].clone();
    let frame = |kind: &str, fields: &[&str]| {
        let mut properties = Map::from_iter([
            ("type".to_owned(), json!({"type": "string", "const": kind})),
            ("id".to_owned(), json!({"type": "string", "maxLength": ID_MAX_CHARS})),
        ]);
        properties.extend(fields.iter().map(|field| ((*field).to_owned(), property(field))));
        let mut required = vec!["type"];
        if !WITHOUT_ID.contains(&kind) {
            required.push("id");
        }
        required.extend(fields.iter().filter(|field| !OPTIONAL.contains(&(kind, field))));
        json!({"type": "object", "properties": properties, "required": required})
    };
    FIELDS.iter().map(|(kind, fields)| message(messages, "client", kind, &frame(kind, fields))).collect()
}

/// What the server says: the variants of its type, and the two frames whose texts are spliced.
fn server_frames(messages: &mut Map<String, Value>, schemas: &mut Map<String, Value>) -> Vec<String> {
    collect::<ServerFrame<'_>>(schemas);
    let variants = json!(ServerFrame::schema());
    let variants = variants["oneOf"].as_array().cloned().unwrap_or_default();
    let mut names: Vec<String> = variants
        .iter()
        .filter_map(|variant| Some((kind_of(variant)?, variant)))
        .map(|(kind, variant)| message(messages, "server", &kind, variant))
        .collect();
    schemas.insert("Record".into(), record());
    let record = json!({"$ref": "#/components/schemas/Record"});
    let (text, number, bool) =
        (json!({"type": "string"}), json!({"type": "integer"}), json!({"type": "boolean"}));
    let spliced = [
        ("record", json!({"record": record, "epoch": text})),
        (
            "records",
            json!({
                "id": text, "conversation_id": text, "items": {"type": "array", "items": record},
                "upto": number, "more": bool, "head_seq": number, "floor": number, "epoch": text,
            }),
        ),
    ];
    for (kind, mut properties) in spliced {
        let required: Vec<String> =
            properties.as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect();
        properties["type"] = json!({"type": "string", "const": kind});
        let payload = json!({"type": "object", "properties": properties, "required": required});
        names.push(message(messages, "server", kind, &payload));
    }
    names
}

/// The `type` of a variant.
fn kind_of(variant: &Value) -> Option<String> {
    let kind = |part: &Value| part["properties"]["type"]["enum"][0].as_str().map(str::to_owned);
    // A variant is one object, or several that are to be taken together.
    kind(variant).or_else(|| variant["allOf"].as_array()?.iter().find_map(kind))
}

/// A record as everybody sees it (PROTOCOL §1).
fn record() -> Value {
    let (text, number) = (json!({"type": "string"}), json!({"type": "integer"}));
    let kinds = Kind::ALL.map(Kind::as_str);
    json!({
        "type": "object",
        "properties": {
            "conversation_id": text, "seq": number, "ord": number, "message_id": text,
            "kind": {"type": "string", "enum": kinds}, "at": {"type": "string", "format": "date-time"},
            "sender_id": text, "device_id": text, "client_msg_id": text,
            "body": {"type": "object", "description": "By kind; {} or {target} when redacted."},
            "redacted": {"type": "boolean"},
        },
        "required": ["conversation_id", "seq", "ord", "message_id", "kind", "at", "sender_id", "device_id",
            "client_msg_id", "body"],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_frame_is_described() {
        let document = document();
        let messages = document["components"]["messages"].as_object().unwrap();
        for (kind, fields) in FIELDS {
            let payload = &messages[&format!("client_{kind}")]["payload"];
            for field in fields {
                assert!(payload["properties"][*field].is_object(), "{kind}.{field}: {payload}");
            }
        }
        for (kind, field) in OPTIONAL {
            let fields = parlor_schemas::frames::fields_of(kind);
            assert!(fields.is_some_and(|fields| fields.contains(field)), "{kind}.{field}");
        }
        let server: BTreeSet<&str> =
            messages.keys().filter_map(|name| name.strip_prefix("server_")).collect();
        // Whatever the server's type has, by its own word for it.
        let source = include_str!("../../../schemas/src/frames.rs");
        let variants =
            source.split("pub enum ServerFrame<'a> {").nth(1).unwrap().split("\n}").next().unwrap();
        let mut count = 2;
        for line in variants.lines().filter(|line| line.starts_with("    ") && !line.starts_with("     ")) {
            let Some(name) = line.trim().strip_suffix(" {") else { continue };
            assert!(server.contains(snake(name).as_str()), "{name}: {server:?}");
            count += 1;
        }
        assert_eq!(server.len(), count, "{server:?}");
    }

    fn snake(name: &str) -> String {
        name.char_indices().fold(String::new(), |mut out, (at, c)| {
            if c.is_uppercase() && at > 0 {
                out.push('_');
            }
            out.extend(c.to_lowercase());
            out
        })
    }
}
