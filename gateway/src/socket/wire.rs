//! A client's text as a frame. The fast way is one pass into the flat struct; whatever it refuses
//! goes the slow way, which tells bad JSON (the socket closes) from a bad field (one `error`), and
//! forgives fields that the frame's type does not have.

use crate::text::has_nul;
use parlor_schemas::{
    frames::{ClientFrame, ID_MAX_CHARS, fields_of},
    strict::Object,
};
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};
use serde_json::value::RawValue;
use std::fmt::{self, Write as _};

/// Why a text is no frame.
#[derive(Debug, PartialEq)]
pub(crate) enum Unread {
    /// Not JSON, or not an object: close 4011.
    NotAnObject,
    /// A bad field or an unknown type.
    Refused {
        /// The frame's id, if it has one.
        id: Option<String>,
        /// For a person.
        detail: String,
    },
}

/// Reads a text and hands the frame on.
pub(crate) fn with_frame<T>(text: &str, then: impl FnOnce(ClientFrame<'_>) -> T) -> Result<T, Unread> {
    match quickly(text) {
        Some(frame) => Ok(then(frame)),
        None => carefully(text, then),
    }
}

fn quickly(text: &str) -> Option<ClientFrame<'_>> {
    let Object(frame) = (!has_nul(text.as_bytes())).then(|| serde_json::from_str(text).ok())??;
    let frame: ClientFrame<'_> = frame;
    frame.id.as_deref().is_none_or(is_id).then_some(frame)
}

fn carefully<T>(text: &str, then: impl FnOnce(ClientFrame<'_>) -> T) -> Result<T, Unread> {
    let (id, filtered) = filter(text)?;
    if has_nul(filtered.as_bytes()) {
        return Err(Unread::Refused { id, detail: "U+0000 is not allowed".into() });
    }
    match serde_json::from_str::<ClientFrame<'_>>(&filtered) {
        Ok(frame) => Ok(then(frame)),
        Err(error) => Err(Unread::Refused { id, detail: without_place(&error) }),
    }
}

fn is_id(id: &str) -> bool {
    id.chars().count() <= ID_MAX_CHARS && !id.contains('\0')
}

/// serde_json adds a line and a column, which say nothing about a frame.
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or_default().to_owned()
}

/// The frame's id, and the frame with the known fields of its type only.
fn filter(text: &str) -> Result<(Option<String>, String), Unread> {
    let is_object = text.trim_start().starts_with('{');
    if !is_object || serde_json::from_str::<IgnoredAny>(text).is_err() {
        return Err(Unread::NotAnObject);
    }
    let refused = |id: Option<&str>, detail: &str| Unread::Refused {
        id: id.map(str::to_owned),
        detail: detail.to_owned(),
    };
    let Fields(fields) = serde_json::from_str(text).map_err(|error| refused(None, &without_place(&error)))?;
    let of = |name: &str| {
        fields.iter().filter(|(key, _)| key == name).map(|(_, value)| *value).collect::<Vec<_>>()
    };
    let text_of = |name: &str| match of(name)[..] {
        [] => Ok(None),
        [one] => serde_json::from_str::<String>(one.get()).map(Some).map_err(|_| ()),
        _ => Err(()),
    };
    let id = match text_of("id") {
        Ok(id) if id.as_deref().is_none_or(is_id) => id,
        _ => return Err(refused(None, "id: one text of at most 64 characters")),
    };
    let Ok(Some(kind)) = text_of("type") else {
        return Err(refused(id.as_deref(), "type: one text"));
    };
    let Some(known) = fields_of(&kind) else {
        return Err(refused(id.as_deref(), "type: unknown"));
    };
    let mut out = String::from("{");
    for (key, value) in &fields {
        if key == "type" || key == "id" || known.contains(&key.as_str()) {
            if out.len() > 1 {
                out.push(',');
            }
            let _ = write!(out, "\"{key}\":{}", value.get());
        }
    }
    out.push('}');
    Ok((id, out))
}

/// An object's fields in order, doubles included, values unread.
struct Fields<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Fields<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry::<String, &'de RawValue>()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }
        from.deserialize_map(Reader)
    }
}

/// Reads a text both ways: of known types both make the same of it (for fuzz targets).
#[cfg(feature = "fuzzing")]
pub(crate) fn read_both_ways(text: &str) {
    let named = |frame: ClientFrame<'_>| (frame.kind.to_string(), frame.id.map(|id| id.to_string()));
    let (quick, careful) = (quickly(text).map(named), carefully(text, named));
    if let Some(quick) = quick.filter(|(kind, _)| fields_of(kind).is_some()) {
        assert_eq!(careful, Ok(quick), "{text:?}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<String, Unread> {
        with_frame(text, |frame| frame.kind.to_string())
    }

    fn refused(text: &str) -> String {
        match read(text) {
            Err(Unread::Refused { id, .. }) => id.unwrap_or_else(|| "-".into()),
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn the_table_of_frames() {
        for good in [
            r#"{"type":"ping"}"#,
            r#"{"type":"ping","id":"1","later":{"a":[1]}}"#,
            r#" {"type":"ping","seq":"of another type"} "#,
            r#"{"type":"ping","unknown":1,"unknown":2}"#,
            r#"{"type":"ping","unknown":"\ud800"}"#,
            r#"{"type":"ping","unknown":"\u0000"}"#,
        ] {
            assert_eq!(read(good).as_deref(), Ok("ping"), "{good}");
        }
        for bad in [
            "",
            "x",
            "[]",
            r#"["ping","7"]"#,
            "1",
            r#""ping""#,
            "{",
            r#"{"type":"ping"}x"#,
            "{\"type\":\"a\u{1}\"}",
        ] {
            assert_eq!(read(bad), Err(Unread::NotAnObject), "{bad}");
        }
        for (bad, id) in [
            (r#"{"id":"7"}"#, "7"),
            (r#"{"type":1,"id":"7"}"#, "7"),
            (r#"{"type":"read","id":"7","seq":-1}"#, "7"),
            (r#"{"type":"read","id":"7","seq":1,"seq":2}"#, "7"),
            (r#"{"type":"read","id":"7","seq":1.5}"#, "7"),
            (r#"{"type":"read","id":"7","conversation_id":"NOT-A-UUID"}"#, "7"),
            (r#"{"type":"send","id":"7","body":{"text":"\ud83d"}}"#, "7"),
            (r#"{"type":"send","id":"7","body":{"text":"a","text":"b"}}"#, "7"),
            (r#"{"type":"send","id":"7","body":"text"}"#, "7"),
            (r#"{"type":"send","id":"7","body":["text"]}"#, "7"),
            (r#"{"type":"heads","id":"7","since":"\u0000"}"#, "7"),
            (r#"{"type":"pin","id":"7","op":{"add":null}}"#, "7"),
            (r#"{"type":"ping","id":7}"#, "-"),
            (r#"{"type":"ping","id":"a","id":"b"}"#, "-"),
        ] {
            assert_eq!(refused(bad), id, "{bad}");
        }
        let long = format!(r#"{{"type":"ping","id":"{}"}}"#, "x".repeat(65));
        assert_eq!(refused(&long), "-");
    }
}
