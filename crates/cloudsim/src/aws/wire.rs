//! One document type for the two encodings that `CloudWatch` speaks: CBOR (rpc-v2-cbor) and JSON (`awsJson` 1.0 and 1.1).
//!
//! Definite and indefinite lengths are read; definite ones are written, with times as tag 1 and a double.

use minicbor::data::{Tag, Type};
use minicbor::{Decoder, Encoder};
use serde_json::{Map, Number, Value};

/// How deep a request may nest; the deepest real one has six levels.
const MAX_DEPTH: u32 = 16;

/// A request or an answer, whatever its encoding.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Doc {
    Null,
    Bool(bool),
    Int(i64),
    Num(f64),
    Text(String),
    /// Seconds since the epoch.
    Time(f64),
    List(Vec<Doc>),
    Map(Vec<(String, Doc)>),
}

impl Doc {
    pub(super) fn map<const N: usize>(fields: [(&str, Doc); N]) -> Doc {
        Doc::Map(
            fields
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
        )
    }

    pub(super) fn text(text: impl Into<String>) -> Doc {
        Doc::Text(text.into())
    }

    /// A member that is there and not null.
    pub(super) fn get(&self, name: &str) -> Option<&Doc> {
        let Doc::Map(fields) = self else { return None };
        fields
            .iter()
            .find(|(field, value)| field == name && *value != Doc::Null)
            .map(|(_, value)| value)
    }

    pub(super) fn str(&self, name: &str) -> Option<&str> {
        if let Some(Doc::Text(text)) = self.get(name) {
            Some(text)
        } else {
            None
        }
    }

    pub(super) fn int(&self, name: &str) -> Option<i64> {
        if let Some(Doc::Int(number)) = self.get(name) {
            Some(*number)
        } else {
            None
        }
    }

    /// A time in whole seconds; CBOR says that it is a time, JSON does not.
    pub(super) fn time_s(&self, name: &str) -> Option<i64> {
        match self.get(name)? {
            Doc::Time(seconds) | Doc::Num(seconds) => Some(whole_seconds(*seconds)),
            Doc::Int(seconds) => Some(*seconds),
            Doc::Null | Doc::Bool(_) | Doc::Text(_) | Doc::List(_) | Doc::Map(_) => None,
        }
    }

    pub(super) fn list(&self, name: &str) -> &[Doc] {
        if let Some(Doc::List(items)) = self.get(name) {
            items
        } else {
            &[]
        }
    }

    pub(super) fn set(&mut self, name: &str, value: Doc) {
        let Doc::Map(fields) = self else { return };
        fields.retain(|(field, _)| field != name);
        fields.push((name.to_owned(), value));
    }

    pub(super) fn from_cbor(bytes: &[u8]) -> Result<Doc, String> {
        if bytes.is_empty() {
            return Ok(Doc::Map(Vec::new()));
        }
        read(&mut Decoder::new(bytes), 0)
    }

    pub(super) fn to_cbor(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        match write(self, &mut Encoder::new(&mut bytes)) {
            Ok(()) => bytes,
            Err(error) => {
                tracing::error!(%error, "an answer could not be encoded");
                Vec::new()
            }
        }
    }

    pub(super) fn from_json(bytes: &[u8]) -> Result<Doc, String> {
        if bytes.is_empty() {
            return Ok(Doc::Map(Vec::new()));
        }
        serde_json::from_slice::<Value>(bytes)
            .map(from_value)
            .map_err(|error| error.to_string())
    }

    pub(super) fn to_json(&self) -> Vec<u8> {
        to_value(self).to_string().into_bytes()
    }
}

/// Unix seconds as the double that goes over the wire.
#[expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "unix seconds lie far below 2^53"
)]
pub(super) fn seconds(unix_s: i64) -> f64 {
    unix_s as f64
}

#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "saturates, and no series has data there"
)]
fn whole_seconds(seconds: f64) -> i64 {
    seconds.floor() as i64
}

fn read(input: &mut Decoder<'_>, depth: u32) -> Result<Doc, String> {
    if depth > MAX_DEPTH {
        return Err("nested too deeply".to_owned());
    }
    let text = |error: minicbor::decode::Error| error.to_string();
    match input.datatype().map_err(text)? {
        Type::Null | Type::Undefined => input.skip().map(|()| Doc::Null).map_err(text),
        Type::Bool => input.bool().map(Doc::Bool).map_err(text),
        Type::U8 | Type::U16 | Type::U32 | Type::U64 | Type::I8 | Type::I16 | Type::I32 | Type::I64 => {
            input.i64().map(Doc::Int).map_err(text)
        }
        Type::F16 | Type::F32 | Type::F64 => input.f64().map(Doc::Num).map_err(text),
        Type::String | Type::StringIndef => {
            let pieces: Result<Vec<&str>, _> = input.str_iter().map_err(text)?.collect();
            pieces.map(|pieces| Doc::Text(pieces.concat())).map_err(text)
        }
        Type::Array | Type::ArrayIndef => {
            let length = input.array().map_err(text)?;
            let mut items = Vec::new();
            while more(input, length, items.len())? {
                items.push(read(input, depth + 1)?);
            }
            Ok(Doc::List(items))
        }
        Type::Map | Type::MapIndef => {
            let length = input.map().map_err(text)?;
            let mut fields = Vec::new();
            while more(input, length, fields.len())? {
                let Doc::Text(name) = read(input, depth + 1)? else {
                    return Err("a key is no string".to_owned());
                };
                fields.push((name, read(input, depth + 1)?));
            }
            Ok(Doc::Map(fields))
        }
        Type::Tag => {
            let tag = input.tag().map_err(text)?;
            match (tag.as_u64(), read(input, depth + 1)?) {
                (1, Doc::Int(unix_s)) => Ok(Doc::Time(seconds(unix_s))),
                (1, Doc::Num(unix_s)) => Ok(Doc::Time(unix_s)),
                (number, _) => Err(format!("tag {number} is not expected here")),
            }
        }
        other @ (Type::Int
        | Type::Simple
        | Type::Bytes
        | Type::BytesIndef
        | Type::Break
        | Type::Unknown(_)) => Err(format!("{other} is not expected here")),
    }
}

/// Whether a list or map goes on: by its length, or until the break that ends an indefinite one.
fn more(input: &mut Decoder<'_>, length: Option<u64>, seen: usize) -> Result<bool, String> {
    if let Some(length) = length {
        return Ok(u64::try_from(seen).is_ok_and(|seen| seen < length));
    }
    if input.datatype().map_err(|error| error.to_string())? != Type::Break {
        return Ok(true);
    }
    input.skip().map(|()| false).map_err(|error| error.to_string())
}

type Written = Result<(), minicbor::encode::Error<std::convert::Infallible>>;

fn write(doc: &Doc, out: &mut Encoder<&mut Vec<u8>>) -> Written {
    let length = |items: usize| u64::try_from(items).unwrap_or(u64::MAX);
    match doc {
        Doc::Null => out.null()?.ok(),
        Doc::Bool(value) => out.bool(*value)?.ok(),
        Doc::Int(value) => out.i64(*value)?.ok(),
        Doc::Num(value) => out.f64(*value)?.ok(),
        Doc::Text(value) => out.str(value)?.ok(),
        Doc::Time(value) => out.tag(Tag::new(1))?.f64(*value)?.ok(),
        Doc::List(items) => {
            out.array(length(items.len()))?;
            items.iter().try_for_each(|item| write(item, out))
        }
        Doc::Map(fields) => {
            out.map(length(fields.len()))?;
            fields.iter().try_for_each(|(name, value)| {
                out.str(name)?;
                write(value, out)
            })
        }
    }
}

fn from_value(value: Value) -> Doc {
    match value {
        Value::Null => Doc::Null,
        Value::Bool(value) => Doc::Bool(value),
        Value::Number(number) => number
            .as_i64()
            .map_or_else(|| Doc::Num(number.as_f64().unwrap_or(f64::NAN)), Doc::Int),
        Value::String(text) => Doc::Text(text),
        Value::Array(items) => Doc::List(items.into_iter().map(from_value).collect()),
        Value::Object(fields) => Doc::Map(
            fields
                .into_iter()
                .map(|(name, value)| (name, from_value(value)))
                .collect(),
        ),
    }
}

fn to_value(doc: &Doc) -> Value {
    match doc {
        Doc::Null => Value::Null,
        Doc::Bool(value) => Value::Bool(*value),
        Doc::Int(value) => Value::from(*value),
        Doc::Num(value) | Doc::Time(value) => {
            Number::from_f64(*value).map_or_else(|| Value::from(value.to_string()), Value::Number)
        }
        Doc::Text(value) => Value::from(value.as_str()),
        Doc::List(items) => Value::Array(items.iter().map(to_value).collect()),
        Doc::Map(fields) => Value::Object(
            fields
                .iter()
                .map(|(name, value)| (name.clone(), to_value(value)))
                .collect::<Map<_, _>>(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cbor_comes_back_as_it_went() {
        let doc = Doc::map([
            ("A", Doc::List(vec![Doc::Int(-5), Doc::Num(0.5), Doc::Bool(true)])),
            ("T", Doc::Time(1_700_000_000.0)),
            ("S", Doc::text("ü")),
        ]);
        assert_eq!(Doc::from_cbor(&doc.to_cbor()), Ok(doc));
    }

    #[test]
    fn indefinite_lengths_are_read() {
        let bytes = [0xBF, 0x61, b'A', 0x9F, 0x01, 0xFF, 0x61, b'T', 0xC1, 0x02, 0xFF];
        let wanted = Doc::map([("A", Doc::List(vec![Doc::Int(1)])), ("T", Doc::Time(2.0))]);
        assert_eq!(Doc::from_cbor(&bytes), Ok(wanted));
        assert!(Doc::from_cbor(&bytes[..8]).is_err());
    }
}
