use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};

/// What stands in a file, a log or an error where a secret was.
pub const REDACTED: &str = "[redacted]";

/// A value that must never be written: `Debug` shows only that it is there.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a value.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value, for the wire only.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

/// Every value that came from the environment, to be struck out of whatever is written.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secrets(Vec<String>);

impl Secrets {
    /// Values shorter than this are not struck out: they would match by chance ("1", "on").
    const SHORTEST: usize = 4;

    /// Remembers a value, and how it reads where it is encoded: in base64, in a URL, in JSON.
    pub fn add(&mut self, value: &str) {
        if value.len() < Self::SHORTEST || self.0.iter().any(|known| known == value) {
            return;
        }
        self.0.push(value.to_owned());
        for encoded in encodings(value) {
            if encoded != value && !self.0.contains(&encoded) {
                self.0.push(encoded);
            }
        }
        // Longest first, so that a secret which contains another goes whole.
        self.0.sort_by_key(|known| std::cmp::Reverse(known.len()));
    }

    /// `text` with every remembered value replaced by [`REDACTED`].
    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        let mut text = text.to_owned();
        self.strike_out(&mut text);
        text
    }

    /// The same in place; a text without a secret is not copied.
    pub fn strike_out(&self, text: &mut String) {
        for secret in &self.0 {
            if text.contains(secret.as_str()) {
                *text = text.replace(secret.as_str(), REDACTED);
            }
        }
    }

    /// The same in every text of a JSON value; names of fields stay.
    pub fn redact_json(&self, value: &mut serde_json::Value) {
        use serde_json::Value;
        match value {
            _ if self.0.is_empty() => {}
            Value::String(text) => self.strike_out(text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.redact_json(item)),
            Value::Object(fields) => fields.values_mut().for_each(|field| self.redact_json(field)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secrets({} texts)", self.0.len())
    }
}

/// What URLs encode outside the parts that a value is put into: the least of all encodings in use.
const IN_URL: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'/')
    .add(b':')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'@')
    .add(b'[')
    .add(b']')
    .add(b'`')
    .add(b'{')
    .add(b'}');
/// What `encodeURIComponent` and Python's `quote` leave as it is is left too.
const IN_COMPONENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

fn encodings(value: &str) -> [String; 7] {
    let percent = |set| utf8_percent_encode(value, set).to_string();
    let json = serde_json::Value::from(value).to_string();
    [
        STANDARD.encode(value),
        STANDARD.encode(value).trim_end_matches('=').to_owned(),
        URL_SAFE_NO_PAD.encode(value),
        percent(NON_ALPHANUMERIC),
        percent(IN_COMPONENT),
        percent(IN_URL),
        json[1..json.len() - 1].to_owned(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_struck_out_longest_first_and_never_shown() {
        let mut secrets = Secrets::default();
        for value in ["sk-1234", "sk-1234-long", "x"] {
            secrets.add(value);
        }
        assert_eq!(secrets.redact("a sk-1234-long b sk-1234 x"), "a [redacted] b [redacted] x");
        assert!(format!("{:?} {secrets:?}", Secret::new("sk-1")).starts_with("[redacted] Secrets("));
    }

    #[test]
    fn encoded_secrets_are_struck_out_too() {
        let mut secrets = Secrets::default();
        secrets.add("sk/1?é\"2+");
        for text in [
            "sk/1?é\"2+",
            "c2svMT/DqSIyKw==",
            "c2svMT/DqSIyKw",
            "c2svMT_DqSIyKw",
            "sk%2F1%3F%C3%A9%222%2B",
            "sk%2F1%3F%C3%A9%222+",
            "sk/1?é\\\"2+",
        ] {
            assert_eq!(secrets.redact(&format!("a {text} b")), "a [redacted] b", "{text}");
        }
    }
}
