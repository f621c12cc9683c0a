use hyper::StatusCode;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION, RETRY_AFTER};
use serde_json::Value;

use super::compressed::{GZIP, coding, unannounced_gzip};
use super::framing::Framing;
use crate::record::{Cause, Failure};

/// What an error body says: `error.message`, `error`, `message` or `detail` of a JSON object, else its first line.
pub(crate) fn error_message(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let said = serde_json::from_slice::<Value>(body).ok().and_then(|value| message_in(&value));
    said.unwrap_or_else(|| first_line(&text).to_owned())
}

fn message_in(value: &Value) -> Option<String> {
    let at =
        ["/error/message", "/error/detail", "/error", "/message", "/detail", "/errors/0/message", "/0/error/message"];
    let found = at.iter().filter_map(|pointer| value.pointer(pointer)).find(|found| !found.is_null())?;
    Some(match found {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    })
}

fn first_line(text: &str) -> &str {
    text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("")
}

/// Why an answer with that status and head is a failure; `body` is its beginning.
pub(crate) fn refusal(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Failure {
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let cause = if status == StatusCode::TOO_MANY_REQUESTS { Cause::RateLimited } else { Cause::HttpStatus };
    let moved = header(LOCATION).filter(|_| status.is_redirection());
    let parts = [
        Some(format!("HTTP {}", status.as_u16())),
        status.canonical_reason().map(|reason| format!(" {reason}")),
        moved.map(|to| format!(" to {to} (redirects are not followed; put the final address into base_url)")),
        header(RETRY_AFTER).map(|after| format!(" (Retry-After: {after})")),
        match coding(headers) {
            Some(coding) => Some(format!(" (what the server says is compressed: {coding})")),
            None => Some(error_message(body)).filter(|said| !said.is_empty()).map(|said| format!(": {said}")),
        },
    ];
    let message: String = parts.into_iter().flatten().collect();
    Failure::new(cause, message)
}

/// Whether a body with status 200 begins like a JSON value or a page, so that it is no event stream.
///
/// The first byte decides rather than the content type, which servers and proxies get wrong: no line of an
/// event stream begins so.
pub(crate) fn begins_as_document(framing: Framing, body: &[u8]) -> Option<bool> {
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
    let first = body.iter().find(|byte| !byte.is_ascii_whitespace())?;
    Some(framing.is_document(*first))
}

/// Why a whole document with status 200 is a failure where a stream was asked for.
pub(crate) fn not_a_stream(headers: &HeaderMap, body: &[u8]) -> Failure {
    let kind = content_type(headers);
    match serde_json::from_slice::<Value>(body) {
        Ok(value) if is_error(&value) => Failure::new(Cause::ErrorBody, error_message(body)),
        Ok(value) if value.get("choices").is_some() => Failure::new(
            Cause::NotAStream,
            format!("the server ignored `stream: true` and sent one whole answer ({kind})"),
        ),
        Ok(value) => {
            Failure::new(Cause::NotAStream, format!("a JSON document instead of an event stream ({kind}): {value}"))
        }
        Err(_) if body.starts_with(&GZIP) => unannounced_gzip(),
        Err(_) => Failure::new(
            Cause::NotAStream,
            format!("no event stream but {kind}: {}", first_line(&String::from_utf8_lossy(body))),
        ),
    }
}

/// Whether a JSON document tells of an error rather than answers.
pub(crate) fn is_error(value: &Value) -> bool {
    let present = |key: &str| value.get(key).is_some_and(|said| !said.is_null());
    present("error")
        || value.get("object").is_some_and(|object| object == "error")
        || (!present("choices") && (present("detail") || present("errors") || present("message")))
        || value.pointer("/0/error").is_some()
}

/// The content type as a phrase.
pub(crate) fn content_type(headers: &HeaderMap) -> String {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    kind.map_or_else(|| "no content type".to_owned(), |kind| format!("content type {kind}"))
}

/// Whether the head announces an event stream, or announces nothing.
pub(crate) fn announces_stream(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    kind.is_none_or(|kind| kind.to_ascii_lowercase().starts_with(b"text/event-stream"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_found_where_servers_put_them() {
        for (body, said) in [
            (r#"{"error":{"message":"too long","code":400}}"#, "too long"),
            (r#"{"error":"too long"}"#, "too long"),
            (r#"{"error":{"code":7}}"#, r#"{"code":7}"#),
            (r#"{"error":null,"message":"too long"}"#, "too long"),
            (r#"{"object":"error","message":"too long","code":40303}"#, "too long"),
            (r#"{"detail":"Not Found"}"#, "Not Found"),
            (r#"{"detail":[{"loc":["body"]}]}"#, r#"[{"loc":["body"]}]"#),
            (r#"[{"error":{"message":"too long"}}]"#, "too long"),
            ("\n upstream connect error\nmore", "upstream connect error"),
            ("{\"half", "{\"half"),
            ("", ""),
        ] {
            assert_eq!(error_message(body.as_bytes()), said, "{body}");
        }
    }

    #[test]
    fn statuses_say_what_the_head_says() {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, HeaderValue::from_static("30"));
        let limited = refusal(StatusCode::TOO_MANY_REQUESTS, &headers, br#"{"error":{"message":"slow down"}}"#);
        assert_eq!(
            limited,
            Failure::new(Cause::RateLimited, "HTTP 429 Too Many Requests (Retry-After: 30): slow down")
        );
        let mut headers = HeaderMap::new();
        headers.insert(LOCATION, HeaderValue::from_static("https://new.example/v1"));
        let moved = refusal(StatusCode::PERMANENT_REDIRECT, &headers, b"");
        assert_eq!(moved.cause, Cause::HttpStatus);
        assert!(moved.message.starts_with("HTTP 308 Permanent Redirect to https://new.example/v1"), "{moved:?}");
    }

    #[test]
    fn documents_are_told_from_streams_by_their_first_byte() {
        for (body, document) in [
            ("{", Some(true)),
            ("\n <html>", Some(true)),
            ("\u{FEFF}[1]", Some(true)),
            ("data: {}", Some(false)),
            (": ping", Some(false)),
            ("\n\n", None),
            ("", None),
        ] {
            assert_eq!(begins_as_document(Framing::Sse, body.as_bytes()), document, "{body:?}");
        }
    }

    #[test]
    fn documents_in_the_place_of_a_stream() {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for (body, cause, part) in [
            (r#"{"error":{"message":"no such model"}}"#, Cause::ErrorBody, "no such model"),
            (r#"{"detail":"no such model"}"#, Cause::ErrorBody, "no such model"),
            (r#"{"object":"chat.completion","choices":[]}"#, Cause::NotAStream, "ignored `stream: true`"),
            (r#"{"ok":true}"#, Cause::NotAStream, r#"{"ok":true}"#),
            ("<html>\n<p>login", Cause::NotAStream, "content type application/json: <html>"),
        ] {
            let failure = not_a_stream(&headers, body.as_bytes());
            assert_eq!(failure.cause, cause, "{body}");
            assert!(failure.message.contains(part), "{failure:?}");
        }
    }
}
