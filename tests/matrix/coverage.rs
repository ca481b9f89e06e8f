//! Nothing that a client can send is without a row; and a count of the cases.

use super::{
    frames::{self, Field, Frame},
    rights, routes,
    scene::Stage,
    table::none,
};
use crate::world::api;
use parlor_schemas::frames::FIELDS;
use reqwest::Method;
use serde_json::Value;

#[test]
fn there_are_at_least_600_cases() {
    let counts = (frames::count(), routes::count(), rights::count());
    println!("cases: {} of frames, {} of requests, {} of rights", counts.0, counts.1, counts.2);
    assert!(counts.0 + counts.1 + counts.2 >= 600, "{counts:?}");
}

#[test]
fn every_frame_and_field_has_a_row() {
    let (frames, fields) = (Frame::all(), Field::all());
    let mut missing = Vec::new();
    for (kind, names) in FIELDS {
        if !frames.iter().any(|frame| frame.kind == kind) {
            missing.push(format!("frames.md, Frames: {kind}"));
        }
        let has_row = |name: &str| fields.iter().any(|field| field.frame.kind == kind && field.path == name);
        let without = names.iter().filter(|name| !has_row(name));
        missing.extend(without.map(|name| format!("frames.md, Fields: {kind} {name}")));
    }
    none(&missing);
}

/// A schema with its references followed.
fn resolved<'v>(document: &'v Value, schema: &'v Value) -> &'v Value {
    if let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
        return resolved(document, &document["components"]["schemas"][name]);
    }
    // An optional object is "null or this".
    let parts = ["oneOf", "anyOf"].iter().find_map(|key| schema[key].as_array());
    let one = parts.and_then(|parts| parts.iter().find(|part| part.get("$ref").is_some()));
    one.map_or(schema, |one| resolved(document, one))
}

/// The paths of all fields of a schema: `body`, `body.mentions`, `body.mentions.0`.
fn paths(document: &Value, schema: &Value, prefix: &str, found: &mut Vec<String>) {
    let schema = resolved(document, schema);
    let below = |name: &str| if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") };
    for part in schema["allOf"].as_array().into_iter().flatten() {
        paths(document, part, prefix, found);
    }
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        found.push(below(name));
        paths(document, field, &below(name), found);
    }
    if schema["items"].is_object() {
        found.push(below("0"));
        paths(document, &schema["items"], &below("0"), found);
    }
}

/// What of one operation of the document has no row.
fn without_rows(document: &Value, route: &routes::Route, operation: &Value) -> Vec<String> {
    let mut missing = Vec::new();
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        let name = parameter["name"].as_str().expect("a name");
        let heading = if parameter["in"] == "path" { "Paths" } else { "Queries" };
        if !routes::known(route, heading, "parameter").contains(&name) {
            missing.push(format!("routes.md, {heading}: {} {name}", route.name));
        }
    }
    let mut fields = Vec::new();
    let body = &operation["requestBody"]["content"]["application/json"]["schema"];
    paths(document, body, "", &mut fields);
    let known = routes::known(route, "Bodies", "field");
    let without = fields.iter().filter(|path| !known.contains(&path.as_str()));
    missing.extend(without.map(|path| format!("routes.md, Bodies: {} {path}", route.name)));
    missing
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_parameter_and_field_has_a_row() {
    let stage = Box::pin(Stage::new()).await;
    let url = format!("http://{}/openapi.json", stage.address());
    let (_, document) = api(Method::GET, &url, None, None, None).await;
    let (routes, mut missing) = (routes::Route::all(), Vec::new());
    for (path, operations) in document["paths"].as_object().expect("paths") {
        for (method, operation) in operations.as_object().expect("methods") {
            let name = format!("{} {path}", method.to_uppercase());
            match routes.iter().find(|route| route.name == name) {
                Some(route) => missing.extend(without_rows(&document, route, operation)),
                None => missing.push(format!("routes.md, Routes: {name}")),
            }
        }
    }
    none(&missing);
}
