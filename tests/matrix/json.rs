//! A good JSON text with one thing done to it, also what no JSON library writes: fields that stand
//! there twice, half a surrogate, numbers beyond any number.

use super::faults::Put;
use serde_json::{Map, Value, json};

const MARK: &str = "@fault@";

/// The good text with the fault in the field at `path` (`body.mentions.0`; `.` is the whole). What is
/// missing on the way there is made.
pub fn broken(good: &Value, path: &str, put: &Put) -> String {
    let mut value = good.clone();
    if path == "." {
        return match put {
            Put::Beside => with_unknown(value).to_string(),
            other => panic!("{other:?} can't be done to the whole"),
        };
    }
    let (way, key) = path.rsplit_once('.').unwrap_or(("", path));
    let parent = way.split('.').filter(|step| !step.is_empty()).fold(&mut value, step_into);
    let old = step_into(parent, key).clone();
    match put {
        Put::Nothing => {
            parent.as_object_mut().expect("a named field").remove(key);
            value.to_string()
        }
        Put::Beside => {
            let object = if old.is_null() { json!({}) } else { old };
            *step_into(parent, key) = with_unknown(object);
            value.to_string()
        }
        Put::Raw(raw) => {
            *step_into(parent, key) = MARK.into();
            value.to_string().replace(&quoted(MARK), &filled(raw, &old))
        }
        Put::Twice => {
            *step_into(parent, key) = MARK.into();
            let (once, key) = (old.to_string(), quoted(key));
            let twice = format!("{key}:{once},{key}:{once}");
            value.to_string().replace(&format!("{key}:{}", quoted(MARK)), &twice)
        }
    }
}

/// `$good` is the good text, `$values` the good object's values in an array.
pub fn filled(raw: &str, good: &Value) -> String {
    let text = good.as_str().map_or_else(String::new, str::to_owned);
    raw.replace("$good", &text).replace("$values", &values(good))
}

fn values(good: &Value) -> String {
    let values = good.as_object().map(|fields| fields.values().cloned().collect::<Vec<_>>());
    json!(values.unwrap_or_default()).to_string()
}

fn quoted(text: &str) -> String {
    format!("\"{text}\"")
}

fn with_unknown(mut object: Value) -> Value {
    let fields = object.as_object_mut().expect("an object has unknown fields");
    fields.insert("not_known_yet".into(), json!({"a": [1, {"b": null}]}));
    object
}

fn step_into<'v>(value: &'v mut Value, step: &str) -> &'v mut Value {
    if let Ok(index) = step.parse::<usize>() {
        if !value.is_array() {
            *value = json!([]);
        }
        let items = value.as_array_mut().expect("made above");
        while items.len() <= index {
            items.push(Value::Null);
        }
        return &mut items[index];
    }
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    value.as_object_mut().expect("made above").entry(step).or_insert(Value::Null)
}
