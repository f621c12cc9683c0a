use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::text::hex;

/// Hex digits of a server's fingerprint.
const FINGERPRINT_DIGITS: usize = 12;

/// Which server answered: what the scenario says of it and what it says of itself.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServerIdentity {
    /// Where it is, with secrets struck out.
    pub base_url: Option<String>,
    /// The protocol, as in the scenario.
    pub api: String,
    /// The scenario's `revision`.
    pub revision: Option<String>,
    /// The answer of its version page.
    pub version: Option<String>,
    /// The ids that it lists as models.
    pub models: Vec<String>,
    /// The `server` header of its answers.
    pub server: Option<String>,
    /// When its process started, seconds since the Unix epoch, where its metrics page tells.
    pub process_start_s: Option<f64>,
}

impl ServerIdentity {
    /// A short name of this identity: equal ones have the same, and others another.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        // A struct of texts always serializes.
        let text = serde_json::to_string(self).unwrap_or_default();
        hex(&Sha256::digest(text.as_bytes()))[..FINGERPRINT_DIGITS].to_owned()
    }

    /// What differs between a server then and now, in words: `version "1" is now "2"`.
    #[must_use]
    pub fn changes_since(&self, earlier: &Self) -> Vec<String> {
        let listed = |models: &[String]| (!models.is_empty()).then(|| models.join(", "));
        let start = |server: &Self| server.process_start_s.map(|start| start.to_string());
        let facts = |server: &Self| {
            [
                ("base_url", server.base_url.clone()),
                ("api", Some(server.api.clone())),
                ("revision", server.revision.clone()),
                ("version", server.version.clone()),
                ("models", listed(&server.models)),
                ("server header", server.server.clone()),
                ("process start", start(server)),
            ]
        };
        let shown = |value: Option<String>| value.map_or_else(|| "unknown".to_owned(), |value| format!("`{value}`"));
        let pairs = facts(earlier).into_iter().zip(facts(self));
        pairs
            .filter(|((_, then), (_, now))| then != now)
            .map(|((name, then), (_, now))| match name {
                "process start" if then.is_some() && now.is_some() => "it was restarted".to_owned(),
                _ => format!("{name} {} is now {}", shown(then), shown(now)),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_between_two_servers_is_told_and_shows_in_the_fingerprint() {
        let server = ServerIdentity {
            api: "openai_chat".to_owned(),
            version: Some("0.10".to_owned()),
            models: vec!["a".to_owned()],
            process_start_s: Some(1.5),
            ..ServerIdentity::default()
        };
        assert_eq!(server.changes_since(&server.clone()), [""; 0]);
        let newer =
            ServerIdentity { version: Some("0.11".to_owned()), revision: Some("b".to_owned()), ..server.clone() };
        assert_eq!(newer.changes_since(&server), ["revision unknown is now `b`", "version `0.10` is now `0.11`"]);
        let restarted = ServerIdentity { process_start_s: Some(2.5), ..server.clone() };
        assert_eq!(restarted.changes_since(&server), ["it was restarted"]);
        assert!(server.fingerprint() != newer.fingerprint() && server.fingerprint() != restarted.fingerprint());
        assert_eq!(server.fingerprint(), server.clone().fingerprint());
    }
}
