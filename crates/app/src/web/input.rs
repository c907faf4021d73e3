//! From query, form or JSON to the handler's input, and to the confirmation.

use axum::http::{HeaderMap, header};
use qd_core::error::FieldError;
use qd_core::gate::Confirmation;
use qd_core::{Error, Result};
use serde::de::DeserializeOwned;

/// Raw input of a request, not yet decoded.
#[derive(Clone, Debug, Default)]
pub(super) struct Input {
    pub query: String,
    pub body: Vec<u8>,
    pub json: bool,
}

impl Input {
    /// From a GET: everything is in the query.
    pub fn of_query(query: &str) -> Self {
        Self { query: query.to_owned(), ..Self::default() }
    }

    /// From a body.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a body that is neither JSON nor a form.
    pub fn of_body(headers: &HeaderMap, query: &str, body: Vec<u8>) -> Result<Self> {
        let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let essence = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let json = match essence.as_str() {
            "application/json" => true,
            "application/x-www-form-urlencoded" => false,
            "" if body.is_empty() => false,
            _ => return Err(Error::invalid("content-type", "Send application/json or application/x-www-form-urlencoded.")),
        };
        Ok(Self { query: query.to_owned(), body, json })
    }

    /// The handler's input. NUL is refused here, once: Postgres can't store it.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T> {
        let nul =
            if self.json { escaped_nul(&self.body) } else { self.pairs().iter().any(|(key, value)| key.contains('\0') || value.contains('\0')) };
        if nul {
            return Err(Error::invalid("body", "Take out the NUL character."));
        }
        if self.json {
            return strict(if self.body.is_empty() { b"{}" } else { &self.body });
        }
        let text = serde_html_form::to_string(self.pairs()).map_err(|fault| Error::invalid("body", fault.to_string()))?;
        let form = serde_html_form::Deserializer::new(form_urlencoded::parse(text.as_bytes()));
        serde_path_to_error::deserialize(form).map_err(|fault| named(fault.path().to_string(), &fault.inner().to_string()))
    }

    /// Fields of query and form in order, without empty ones: an empty field of a form is "not given".
    pub fn pairs(&self) -> Vec<(String, String)> {
        let query = form_urlencoded::parse(self.query.as_bytes());
        let form = form_urlencoded::parse(if self.json { &[] } else { &self.body });
        query.chain(form).filter(|(_, value)| !value.trim().is_empty()).map(|(key, value)| (key.into_owned(), value.into_owned())).collect()
    }

    /// Reason, phrase and keys; the `Idempotency-Key` header counts too.
    pub fn confirmation(&self, headers: &HeaderMap) -> Result<Confirmation> {
        let mut given: Confirmation = if self.json {
            serde_json::from_slice(if self.body.is_empty() { b"{}" } else { &self.body })
                .map_err(|fault| Error::invalid("body", fault.to_string()))?
        } else {
            let mut given = Confirmation::default();
            for (key, value) in self.pairs() {
                match key.as_str() {
                    "reason" => given.reason = Some(value),
                    "phrase" => given.phrase = Some(value),
                    "idempotency_key" => given.idempotency_key = Some(value),
                    "preview_digest" => given.preview_digest = Some(value),
                    _ => {}
                }
            }
            given
        };
        if let Some(key) = headers.get("idempotency-key").and_then(|value| value.to_str().ok()) {
            given.idempotency_key = Some(key.to_owned());
        }
        Ok(given)
    }
}

/// What confirms an action may stand beside its own fields.
const CONFIRMING: [&str; 4] = ["reason", "phrase", "idempotency_key", "preview_digest"];

/// Reads JSON, and refuses fields that nobody reads: a misspelt one must not look as if it were obeyed. Forms carry fields of the browser's
/// side too, and are not held to this.
fn strict<T: DeserializeOwned>(body: &[u8]) -> Result<T> {
    let (mut json, mut unknown) = (serde_json::Deserializer::from_slice(body), Vec::new());
    let mut ignored = |path: serde_ignored::Path<'_>| unknown.push(path.to_string());
    let value = serde_path_to_error::deserialize(serde_ignored::Deserializer::new(&mut json, &mut ignored));
    let value = value.map_err(|fault| named(fault.path().to_string(), &fault.inner().to_string()))?;
    json.end().map_err(|fault| Error::invalid("body", fault.to_string()))?;
    // `?` marks an optional value on the way, which is no field.
    unknown.iter_mut().for_each(|path| *path = path.replace(".?", "").replace("?.", ""));
    unknown.retain(|path| !CONFIRMING.contains(&path.as_str()));
    match unknown.is_empty() {
        true => Ok(value),
        false => Err(Error::Invalid(unknown.into_iter().map(|field| FieldError { field, detail: "There is no such field here.".into() }).collect())),
    }
}

/// Whether JSON text holds an escaped NUL; a raw one is no JSON. A doubled backslash before it only refuses more.
fn escaped_nul(json: &[u8]) -> bool {
    json.windows(6).any(|window| window == b"\\u0000")
}

fn named(path: String, detail: &str) -> Error {
    let missing = detail.strip_prefix("missing field `").and_then(|rest| rest.split('`').next());
    match (missing, path.as_str()) {
        (Some(field), _) => Error::invalid(field, "This field is required."),
        (None, "." | "") => Error::invalid("body", detail),
        (None, _) => Error::invalid(path, detail),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Form {
        title: String,
        count: Option<i64>,
        #[serde(default)]
        affected: Vec<String>,
    }

    fn form(text: &str) -> Input {
        Input { body: text.as_bytes().to_vec(), ..Input::default() }
    }

    #[test]
    fn forms_and_json_give_the_same_input() {
        let by_form: Form = form("title=Down&count=3&affected=api&affected=web&reason=x").decode().unwrap();
        let json = Input { json: true, body: br#"{"title":"Down","count":3,"affected":["api","web"]}"#.to_vec(), ..Input::default() };
        assert_eq!(by_form, json.decode().unwrap());
        assert_eq!(form("title=a&count=").decode::<Form>().unwrap().count, None);
    }

    #[derive(Debug, serde::Deserialize)]
    struct Deep {
        #[allow(dead_code)]
        rules: Vec<Form>,
        #[allow(dead_code)]
        raw: Option<Box<serde_json::value::RawValue>>,
    }

    #[test]
    fn fields_that_nobody_reads_are_refused_by_name() {
        let json = |text: &str| Input { json: true, body: text.as_bytes().to_vec(), ..Input::default() };
        let fields = |fault: Error| match fault {
            Error::Invalid(faults) => faults.into_iter().map(|fault| fault.field).collect::<Vec<_>>(),
            other => panic!("{other:?}"),
        };
        let fault = json(r#"{"title":"a","titel":"b","reason":"why","phrase":"x","idempotency_key":"k"}"#).decode::<Form>().unwrap_err();
        assert_eq!(fields(fault), ["titel"]);
        let deep = json(r#"{"rules":[{"title":"a","count":1},{"title":"b","reason":1}],"raw":{"anything":[1.0]}}"#).decode::<Deep>().unwrap_err();
        assert_eq!(fields(deep), ["rules.1.reason"]);
        let good = json(r#"{"rules":[],"raw":{"anything":[1.0]}}"#).decode::<Deep>().unwrap();
        assert_eq!(good.raw.unwrap().get(), r#"{"anything":[1.0]}"#);
        assert!(json(r#"{"title":"a"} x"#).decode::<Form>().is_err(), "more than one value");
        assert_eq!(form("title=a&whole=true&_=1").decode::<Form>().unwrap().title, "a", "a form may carry more");
    }

    #[test]
    fn nul_is_refused_in_every_form() {
        assert!(form("title=a%00b").decode::<Form>().is_err());
        let json = Input { json: true, body: br#"{"title":"a\u0000b"}"#.to_vec(), ..Input::default() };
        assert!(json.decode::<Form>().is_err());
    }

    #[test]
    fn faults_name_their_field() {
        let Err(Error::Invalid(faults)) = form("count=3").decode::<Form>() else { panic!() };
        assert_eq!(faults[0].field, "title");
        let Err(Error::Invalid(faults)) = form("title=a&count=many").decode::<Form>() else { panic!() };
        assert_eq!(faults[0].field, "count");
    }
}
