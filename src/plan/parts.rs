use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::text::hex;

/// Hex digits of a part's hash that are kept: enough to tell any two values of one part apart.
const HASH_DIGITS: usize = 16;

/// What a cell's digest is made of besides its axes and its requests: the beginning of each part's SHA-256, in hex, by
/// the key of the scenario that says it.
///
/// Kept with a plan, so that a later one can tell what has changed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DigestParts(BTreeMap<String, String>);

impl DigestParts {
    /// Adds a part; one without a value says nothing and is left out.
    pub(super) fn note(&mut self, name: impl Into<String>, value: &Value) {
        if !value.is_null() {
            let hash = hex(&Sha256::digest(value.to_string().as_bytes()));
            self.0.insert(name.into(), hash[..HASH_DIGITS].to_owned());
        }
    }

    /// The names of the parts that differ, in order: those that either has alone, too.
    #[must_use]
    pub fn changed<'p>(&'p self, earlier: &'p Self) -> Vec<&'p str> {
        let names: BTreeSet<&String> = self.0.keys().chain(earlier.0.keys()).collect();
        names.into_iter().filter(|name| self.0.get(*name) != earlier.0.get(*name)).map(String::as_str).collect()
    }

    /// The same, by names without the labels of models and endpoints: what is said of one label compares with what is
    /// said of another.
    #[must_use]
    pub fn without_labels(&self) -> Self {
        let bare = |name: &String| match name.split_once('.') {
            // A label may have points of its own; what comes behind it has none.
            Some((table @ ("models" | "endpoints"), rest)) => {
                format!("{table}.{}", rest.rsplit_once('.').map_or(rest, |(_, key)| key))
            }
            _ => name.clone(),
        };
        Self(self.0.iter().map(|(name, hash)| (bare(name), hash.clone())).collect())
    }

    pub(super) fn to_json(&self) -> Value {
        self.0.iter().map(|(name, hash)| (name.clone(), Value::from(hash.as_str()))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_that_differ_are_named_also_where_one_side_has_none() {
        let parts = |values: &[(&str, Value)]| {
            let mut parts = DigestParts::default();
            for (name, value) in values {
                parts.note(*name, value);
            }
            parts
        };
        let now = parts(&[("a", 1.into()), ("b", 1.into()), ("c", 1.into()), ("e", Value::Null)]);
        let earlier = parts(&[("b", 2.into()), ("c", 1.into()), ("d", 1.into())]);
        assert_eq!(now.changed(&earlier), ["a", "b", "d"]);
        assert_eq!(now.changed(&now.clone()), [""; 0]);
        let labelled = |label: &str| parts(&[(&format!("models.{label}.tokenizer"), 1.into()), ("seed", 2.into())]);
        assert_eq!(labelled("a").without_labels().changed(&labelled("llama-3.1").without_labels()), [""; 0]);
    }
}
