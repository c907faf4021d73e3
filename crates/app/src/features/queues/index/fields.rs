//! The scalars of a job's data by path: `order.lines.0.sku`. What is cut in the middle gives what stands before the cut.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Most fields of one job, deepest level, most items of one list.
pub const FIELDS: usize = 40;
const DEPTH: usize = 6;
const ITEMS: usize = 10;
/// Longest value in characters, longest path in bytes.
pub const VALUE: usize = 200;
const PATH: usize = 200;

/// Path and value of each scalar, the first forty.
pub fn fields(json: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let walk = Walk { path: String::new(), depth: 0, found: &mut found };
    // A text that is cut ends in an error; what was found until then counts.
    let _cut = walk.deserialize(&mut serde_json::Deserializer::from_str(json));
    found
}

struct Walk<'a> {
    path: String,
    depth: usize,
    found: &'a mut Vec<(String, String)>,
}

impl Walk<'_> {
    fn keep(self, value: &str) {
        // No database takes a NUL.
        if self.found.len() < FIELDS && !self.path.is_empty() && self.path.len() <= PATH && value.chars().nth(VALUE).is_none() {
            let known = (self.path.replace('\0', ""), value.replace('\0', ""));
            if !self.found.contains(&known) {
                self.found.push(known);
            }
        }
    }

    fn below(&mut self, name: &str) -> Walk<'_> {
        let path = if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) };
        Walk { path, depth: self.depth + 1, found: self.found }
    }

    fn is_full(&self) -> bool {
        self.depth >= DEPTH || self.found.len() >= FIELDS
    }
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.keep(if value { "true" } else { "false" });
        Ok(())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.keep(&value.to_string());
        Ok(())
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        self.keep(&value.to_string());
        Ok(())
    }

    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        self.keep(&serde_json::Number::from_f64(value).map(|number| number.to_string()).unwrap_or_default());
        Ok(())
    }

    fn visit_str<E>(self, value: &str) -> Result<(), E> {
        self.keep(value);
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<(), A::Error> {
        for at in 0..ITEMS {
            if self.is_full() || items.next_element_seed(self.below(&at.to_string()))?.is_none() {
                break;
            }
        }
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<(), A::Error> {
        while let Some(name) = members.next_key::<String>()? {
            if self.is_full() {
                members.next_value::<IgnoredAny>()?;
            } else {
                members.next_value_seed(self.below(&name))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(json: &str) -> Vec<String> {
        fields(json).into_iter().map(|(path, value)| format!("{path}={value}")).collect()
    }

    #[test]
    fn scalars_are_found_by_path_and_before_a_cut() {
        let json = r#"{"orderId":77,"to":"a","deep":{"ok":true,"no":null},"lines":[{"sku":"A"},{"sku":"B"}],"n":1.5}"#;
        let wanted = ["orderId=77", "to=a", "deep.ok=true", "lines.0.sku=A", "lines.1.sku=B", "n=1.5"];
        assert_eq!(of(json), wanted);
        assert_eq!(of(&json[..64]), wanted[..3]);
        assert_eq!((of("7"), of("nonsense"), of("")), (vec![], vec![], vec![]));
    }

    #[test]
    fn large_data_is_bounded() {
        let wide: String = (0..1_000).map(|n| format!("\"f{n}\":{n},")).collect();
        assert_eq!(of(&format!("{{{wide}\"z\":1}}")).len(), FIELDS);
        let deep = format!("{}1{}", "{\"a\":".repeat(60), "}".repeat(60));
        assert_eq!(of(&deep), Vec::<String>::new());
        assert_eq!(of(&format!("{{\"long\":\"{}\",\"b\":[{}]}}", "x".repeat(VALUE + 1), "1,".repeat(50) + "1")).len(), ITEMS);
        assert!(of(&"[".repeat(100_000)).is_empty());
    }
}
