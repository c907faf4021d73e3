//! Bytes that are nearly always text. JSON keeps them as a string, or as `{"base64": "…"}` where they are none.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use redis::{RedisWrite, ToRedisArgs};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Bytes of Redis.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Text(pub Vec<u8>);

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Form {
    Plain(String),
    Bytes { base64: String },
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(&self.0) {
            Ok(text) => serializer.serialize_str(text),
            Err(_) => Form::Bytes { base64: STANDARD.encode(&self.0) }.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(match Form::deserialize(deserializer)? {
            Form::Plain(text) => text.into_bytes(),
            Form::Bytes { base64 } => STANDARD.decode(base64).map_err(de::Error::custom)?,
        }))
    }
}

impl ToRedisArgs for Text {
    fn write_redis_args<W: ?Sized + RedisWrite>(&self, out: &mut W) {
        out.write_arg(&self.0);
    }
}

impl redis::ToSingleRedisArg for Text {}

impl redis::FromRedisValue for Text {
    fn from_redis_value(value: redis::Value) -> Result<Self, redis::ParsingError> {
        Vec::<u8>::from_redis_value(value).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back_as_they_were() {
        for bytes in [b"".to_vec(), "Bestellung \u{1f600} \0".as_bytes().to_vec(), vec![0xff, 0x00, 0xc3]] {
            let json = serde_json::to_string(&Text(bytes.clone())).unwrap();
            assert_eq!(serde_json::from_str::<Text>(&json).unwrap().0, bytes, "{json}");
        }
        assert!(serde_json::from_str::<Text>(r#"{"base64":"?"}"#).is_err());
    }
}
