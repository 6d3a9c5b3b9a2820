//! Reading what may be odd: each of these types takes any JSON and keeps what is good, so that one null, one number
//! where a text should be or one element of another shape costs itself and nothing beside it.

use serde::Deserialize;
use serde::de::{
    Deserializer, Error, IgnoredAny, IntoDeserializer, MapAccess, SeqAccess, Visitor,
    value::MapAccessDeserializer,
};
use std::fmt;
use std::marker::PhantomData;

/// A text; a number or a boolean counts as its own, and what is none of these as absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Text(pub(crate) Option<String>);

impl Text {
    pub(crate) fn get(&self) -> Option<&str> {
        self.0.as_deref().filter(|text| !text.is_empty())
    }

    pub(crate) fn or_empty(&self) -> &str {
        self.0.as_deref().unwrap_or_default()
    }
}

/// A number. What is there and no number (`"NaN"`, a list) is not finite, and null is absent.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Number(pub(crate) Option<f64>);

/// True only where it says so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Flag(pub(crate) bool);

/// An object, or nothing where something else stands.
#[derive(Clone, Debug)]
pub(crate) struct Object<T>(pub(crate) Option<T>);

impl<T> Default for Object<T> {
    fn default() -> Self {
        Self(None)
    }
}

/// The objects of a list; what is no object is only counted. Null is an empty list.
#[derive(Clone, Debug)]
pub(crate) struct List<T> {
    pub(crate) items: Vec<T>,
    /// How many elements could not be read.
    pub(crate) odd: usize,
}

impl<T> Default for List<T> {
    fn default() -> Self {
        Self {
            items: Vec::new(),
            odd: 0,
        }
    }
}

/// What stood in one place of the JSON, as far as any of the above can use it.
enum Given<T> {
    Nothing,
    Text(String),
    Number(f64),
    Flag(bool),
    Object(T),
    List(Vec<T>, usize),
}

struct Any<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Any<T> {
    type Value = Given<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_unit<E: Error>(self) -> Result<Given<T>, E> {
        Ok(Given::Nothing)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Given<T>, E> {
        Ok(Given::Flag(value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Given<T>, E> {
        Ok(Given::Number(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Given<T>, E> {
        Ok(Given::Number(whole::<E>(value)))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Given<T>, E> {
        Ok(Given::Number(whole::<E>(value)))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Given<T>, E> {
        Ok(Given::Text(value.to_owned()))
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Given<T>, E> {
        Ok(Given::Text(value))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Given<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Given::Object)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Given<T>, A::Error> {
        let (mut items, mut odd) = (Vec::new(), 0);
        while let Some(Object(item)) = seq.next_element()? {
            match item {
                Some(item) => items.push(item),
                None => odd += 1,
            }
        }
        Ok(Given::List(items, odd))
    }
}

/// As serde reads whole numbers where a floating one is wanted.
fn whole<'de, E: Error>(number: impl IntoDeserializer<'de, E>) -> f64 {
    f64::deserialize(number.into_deserializer()).unwrap_or(f64::NAN)
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(Self(match from.deserialize_any(Any::<Empty>(PhantomData))? {
            Given::Text(text) => Some(text),
            Given::Number(number) => Some(number.to_string()),
            Given::Flag(flag) => Some(flag.to_string()),
            Given::Nothing | Given::Object(_) | Given::List(..) => None,
        }))
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(Self(match from.deserialize_any(Any::<Empty>(PhantomData))? {
            Given::Nothing => None,
            Given::Number(number) => Some(number),
            Given::Text(_) | Given::Flag(_) | Given::Object(_) | Given::List(..) => Some(f64::NAN),
        }))
    }
}

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(Self(match from.deserialize_any(Any::<Empty>(PhantomData))? {
            Given::Flag(flag) => flag,
            Given::Text(text) => text.eq_ignore_ascii_case("true"),
            Given::Nothing | Given::Number(_) | Given::Object(_) | Given::List(..) => false,
        }))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(Self(match from.deserialize_any(Any::<T>(PhantomData))? {
            Given::Object(object) => Some(object),
            Given::Nothing | Given::Text(_) | Given::Number(_) | Given::Flag(_) | Given::List(..) => None,
        }))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let (items, odd) = match from.deserialize_any(Any::<T>(PhantomData))? {
            Given::List(items, odd) => (items, odd),
            Given::Nothing => (Vec::new(), 0),
            Given::Text(_) | Given::Number(_) | Given::Flag(_) | Given::Object(_) => (Vec::new(), 1),
        };
        Ok(Self { items, odd })
    }
}

/// The texts of a list; what is none is left out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Texts(pub(crate) Vec<String>);

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct All;
        impl<'de> Visitor<'de> for All {
            type Value = Texts;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("anything")
            }

            fn visit_unit<E: Error>(self) -> Result<Texts, E> {
                Ok(Texts::default())
            }

            fn visit_bool<E: Error>(self, _: bool) -> Result<Texts, E> {
                Ok(Texts::default())
            }

            fn visit_f64<E: Error>(self, _: f64) -> Result<Texts, E> {
                Ok(Texts::default())
            }

            fn visit_i64<E: Error>(self, _: i64) -> Result<Texts, E> {
                Ok(Texts::default())
            }

            fn visit_u64<E: Error>(self, _: u64) -> Result<Texts, E> {
                Ok(Texts::default())
            }

            /// One word instead of a list of one.
            fn visit_str<E: Error>(self, value: &str) -> Result<Texts, E> {
                Ok(Texts(vec![value.to_owned()]))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Texts, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Texts::default())
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Texts, A::Error> {
                let mut texts = Vec::new();
                while let Some(Text(text)) = seq.next_element()? {
                    texts.extend(text);
                }
                Ok(Texts(texts))
            }
        }
        from.deserialize_any(All)
    }
}

/// An object of which nothing is wanted.
#[derive(Debug, Deserialize)]
struct Empty {}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Thing {
        #[serde(default)]
        text: Text,
        #[serde(default)]
        number: Number,
        #[serde(default)]
        flag: Flag,
        #[serde(default)]
        list: List<Thing>,
        #[serde(default)]
        texts: Texts,
        #[serde(default)]
        object: Object<Box<Thing>>,
    }

    const ODD: [&str; 9] = [
        "null",
        "true",
        "7",
        "-7",
        "1.5",
        "\"a\"",
        "[]",
        "{}",
        "[null,[1],{\"x\":[{}]},\"a\"]",
    ];

    #[test]
    fn whatever_stands_anywhere_the_rest_is_read() {
        for key in ["text", "number", "flag", "list", "texts", "object", "unknown"] {
            for odd in ODD {
                let body = format!("[{odd},{{\"{key}\":{odd}}},{{\"text\":\"good\"}}]");
                let all: List<Thing> = serde_json::from_str(&body).unwrap_or_else(|e| panic!("{body}: {e}"));
                let last = all.items.last().and_then(|t| t.text.get());
                assert_eq!(last, Some("good"), "{body}");
            }
        }
    }

    #[test]
    fn what_is_good_is_kept() {
        let body = r#"{"text":7,"number":3,"flag":true,"texts":["a",null,2],"list":[{"text":"x"},null,4],"object":{"number":null}}"#;
        let thing: Thing = serde_json::from_str(body).expect("a thing");
        assert_eq!(
            (thing.text.get(), thing.number.0, thing.flag.0),
            (Some("7"), Some(3.0), true)
        );
        assert_eq!(
            (thing.texts.0, thing.list.odd),
            (vec!["a".to_owned(), "2".to_owned()], 2)
        );
        assert_eq!(thing.list.items[0].text.get(), Some("x"));
        assert!(thing.object.0.is_some_and(|o| o.number.0.is_none()));
        let nan: Thing = serde_json::from_str(r#"{"number":"NaN"}"#).expect("a thing");
        assert!(nan.number.0.is_some_and(f64::is_nan));
    }
}
