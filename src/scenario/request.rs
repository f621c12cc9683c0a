use serde_json::{Map, Value};

/// How a request is made. Unset fields leave the choice to what comes before it: endpoint < model < request < dataset row.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RequestOptions {
    /// Keys of the body as they go on the wire: `temperature`, `top_p`, `seed`, `stop`, and whatever `body` holds.
    pub body: Map<String, Value>,
    /// Generate the full length whatever the model says.
    pub ignore_eos: Option<bool>,
    /// The key that carries the output limit.
    pub max_tokens_key: Option<MaxTokensKey>,
}

impl RequestOptions {
    /// These options under `over`: what `over` sets wins, nested body tables merge.
    #[must_use]
    pub fn under(&self, over: &Self) -> Self {
        let mut body = self.body.clone();
        merge(&mut body, &over.body);
        Self {
            body,
            ignore_eos: over.ignore_eos.or(self.ignore_eos),
            max_tokens_key: over.max_tokens_key.or(self.max_tokens_key),
        }
    }
}

fn merge(under: &mut Map<String, Value>, over: &Map<String, Value>) {
    for (key, value) in over {
        match (under.get_mut(key), value) {
            (Some(Value::Object(below)), Value::Object(above)) => merge(below, above),
            _ => {
                under.insert(key.clone(), value.clone());
            }
        }
    }
}

/// The key that carries the output limit in the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MaxTokensKey {
    /// `max_tokens`.
    MaxTokens,
    /// `max_completion_tokens`.
    MaxCompletionTokens,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_lies_over_wins_and_tables_merge() {
        let options = |body: Value, ignore_eos| RequestOptions {
            body: body.as_object().cloned().unwrap_or_default(),
            ignore_eos,
            max_tokens_key: None,
        };
        let under = options(json!({"temperature": 0.0, "x": {"a": 1, "b": 2}}), Some(true));
        let over = options(json!({"temperature": 1.0, "x": {"b": 3}}), None);
        assert_eq!(under.under(&over), options(json!({"temperature": 1.0, "x": {"a": 1, "b": 3}}), Some(true)));
    }
}
