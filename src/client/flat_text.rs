use std::borrow::Cow;

use serde_json::Value;

use crate::workload::{ChatRequest, Message};

/// What a request says as one text, for protocols without messages: one text stays as it is, several have a blank line
/// between them. Who speaks is not in it.
pub(super) fn flat_text(request: &ChatRequest) -> Cow<'_, str> {
    if let [only] = request.messages.as_slice()
        && let Some(text) = only.text()
    {
        return Cow::Borrowed(text);
    }
    let texts: Vec<&str> = request.messages.iter().flat_map(texts_of).filter(|text| !text.is_empty()).collect();
    Cow::Owned(texts.join("\n\n"))
}

/// The plain text of a message, or those of its parts.
fn texts_of(message: &Message) -> Vec<&str> {
    match (message.text(), message) {
        (Some(text), _) => vec![text],
        (None, Message::Verbatim(keys)) => {
            let parts = keys.get("content").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            parts.iter().filter_map(|part| part.get("text").and_then(Value::as_str)).collect()
        }
        (None, Message::Said { .. }) => Vec::new(),
    }
}

/// Whether a request has more than text: pictures of ours, or parts of a dataset's row that are none.
pub(super) fn has_more_than_text(request: &ChatRequest) -> bool {
    let is_other = |part: &Value| part.get("text").is_none() && !part.is_string();
    let other_parts = |message: &Message| match message {
        Message::Said { .. } => false,
        Message::Verbatim(keys) => {
            keys.get("content").and_then(Value::as_array).is_some_and(|parts| parts.iter().any(is_other))
        }
    };
    !request.images.is_empty() || request.messages.iter().any(other_parts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn texts_are_joined_and_nothing_else_is_carried() {
        let row = |content: Value| {
            Message::Verbatim(json!({"role": "user", "content": content}).as_object().cloned().unwrap())
        };
        for (messages, text, more) in [
            (vec![Message::user("a\n")], "a\n", false),
            (vec![Message::system("s"), Message::user("a"), Message::assistant("b")], "s\n\na\n\nb", false),
            (vec![row(json!([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]))], "a\n\nb", false),
            (vec![row(json!([{"type": "text", "text": "a"}, {"type": "image_url"}]))], "a", true),
            (vec![], "", false),
        ] {
            let request = ChatRequest { messages, ..ChatRequest::default() };
            assert_eq!((flat_text(&request).as_ref(), has_more_than_text(&request)), (text, more));
        }
    }
}
