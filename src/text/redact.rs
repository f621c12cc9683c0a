use std::fmt;

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

    /// Remembers a value.
    pub fn add(&mut self, value: &str) {
        if value.len() >= Self::SHORTEST && !self.0.iter().any(|known| known == value) {
            self.0.push(value.to_owned());
            // Longest first, so that a secret which contains another goes whole.
            self.0.sort_by_key(|known| std::cmp::Reverse(known.len()));
        }
    }

    /// `text` with every remembered value replaced by [`REDACTED`].
    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, secret| {
            if text.contains(secret.as_str()) { text.replace(secret.as_str(), REDACTED) } else { text }
        })
    }

    /// The same in every text of a JSON value; names of fields stay.
    pub fn redact_json(&self, value: &mut serde_json::Value) {
        use serde_json::Value;
        match value {
            _ if self.0.is_empty() => {}
            Value::String(text) => *text = self.redact(text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.redact_json(item)),
            Value::Object(fields) => fields.values_mut().for_each(|field| self.redact_json(field)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secrets({} values)", self.0.len())
    }
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
        assert_eq!(format!("{:?} {secrets:?}", Secret::new("sk-1")), "[redacted] Secrets(2 values)");
    }
}
