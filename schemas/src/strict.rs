//! JSON as the protocol means it (PROTOCOL, conventions): an object is an object, and a word is a
//! text. What serde's derived code reads besides is refused: an object's values in an array, a word
//! as `{"word": null}`.

use serde::{
    Deserialize, Deserializer,
    de::{
        Error, IntoDeserializer as _, MapAccess, Visitor,
        value::{MapAccessDeserializer, StrDeserializer},
    },
};
use std::{fmt, marker::PhantomData};

/// A value written as an object.
#[derive(Debug)]
pub struct Object<T>(pub T);

/// One of an enum's words, written as a text.
#[derive(Debug)]
pub struct Word<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Reader<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Reader<T> {
            type Value = T;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map))
            }
        }
        from.deserialize_map(Reader(PhantomData)).map(Self)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Word<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Reader<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Reader<T> {
            type Value = T;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
                let text: StrDeserializer<'_, E> = text.into_deserializer();
                T::deserialize(text)
            }
        }
        from.deserialize_str(Reader(PhantomData)).map(Self)
    }
}

/// For `deserialize_with`: an object.
pub fn object<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<T, D::Error> {
    Object::deserialize(from).map(|object| object.0)
}

/// An object or null.
pub fn maybe_object<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Option<T>, D::Error> {
    Option::deserialize(from).map(|object: Option<Object<T>>| object.map(|object| object.0))
}

/// A list of objects.
pub fn objects<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Vec<T>, D::Error> {
    Vec::deserialize(from).map(|objects: Vec<Object<T>>| objects.into_iter().map(|object| object.0).collect())
}

/// A word.
pub fn word<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<T, D::Error> {
    Word::deserialize(from).map(|word| word.0)
}

/// A word or null.
pub fn maybe_word<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Option<T>, D::Error> {
    Option::deserialize(from).map(|word: Option<Word<T>>| word.map(|word| word.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{ForwardedFrom, Op};

    #[test]
    fn an_object_is_no_array_and_a_word_no_object() {
        let object = r#"{"seq":1,"conversation_id":"0190f5c2-7b1e-7c3d-8e4f-5a6b7c8d9e0f"}"#;
        let array = r#"["0190f5c2-7b1e-7c3d-8e4f-5a6b7c8d9e0f",1]"#;
        assert!(serde_json::from_str::<ForwardedFrom>(array).is_ok(), "what serde does by itself");
        assert!(serde_json::from_str::<Object<ForwardedFrom>>(object).is_ok());
        assert!(serde_json::from_str::<Object<ForwardedFrom>>(array).is_err());
        assert!(serde_json::from_str::<Op>(r#"{"add":null}"#).is_ok(), "what serde does by itself");
        assert!(serde_json::from_str::<Word<Op>>(r#"{"add":null}"#).is_err());
        assert_eq!(serde_json::from_str::<Word<Op>>(r#""add""#).map(|word| word.0).ok(), Some(Op::Add));
    }
}
