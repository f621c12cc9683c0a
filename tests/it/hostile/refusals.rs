//! Answers that refuse: by their status, or by a document in the place of an answer.

#![expect(clippy::too_many_lines, reason = "tables of behaviours")]

use infersweep::record::Cause::{self, BadData, Empty, ErrorBody, HttpStatus, NotAStream, RateLimited};

use super::behaviour::{Act, Behaviour, Kind, UNTIL_CLOSE, document, fails, raw, says, then};

const JSON: &str = "application/json";

/// A gzip stream of `{}`.
const GZIP: &[u8] = b"\x1f\x8b\x08\0\0\0\0\0\0\x03\xab\xae\x05\0C\xbf\xa6\xa3\x02\0\0\0";

pub(super) fn statuses() -> Vec<Behaviour> {
    let with = |name, status: &str, cause: Cause, part, kind: &str, body: &str| {
        fails(name, cause, part, says(status, kind, body))
    };
    let message = r#"{"error":{"message":"too long","type":"invalid_request_error"}}"#;
    let limited =
        |header: &str| raw(format!("HTTP/1.1 429 Too Many Requests\r\n{header}content-length: 4\r\n\r\nslow"));
    vec![
        with("400 with a message", "400 Bad Request", HttpStatus, "HTTP 400 Bad Request: too long", JSON, message),
        with("401", "401 Unauthorized", HttpStatus, "401 Unauthorized: bad key", JSON, r#"{"error":"bad key"}"#),
        with(
            "403 with a page",
            "403 Forbidden",
            HttpStatus,
            "HTTP 403 Forbidden: <html>",
            "text/html",
            "<html>\n<p>no",
        ),
        with(
            "404 with a detail",
            "404 Not Found",
            HttpStatus,
            "404 Not Found: no such",
            JSON,
            r#"{"detail":"no such model"}"#,
        ),
        with("405 without a body", "405 Method Not Allowed", HttpStatus, "HTTP 405", "text/plain", ""),
        with("413", "413 Payload Too Large", HttpStatus, "HTTP 413", "text/plain", "too large"),
        with(
            "422 with a list",
            "422 Unprocessable Entity",
            HttpStatus,
            "loc",
            JSON,
            r#"{"detail":[{"loc":["body"]}]}"#,
        ),
        with("418 in bytes that are no text", "418 I'm a teapot", HttpStatus, "HTTP 418", JSON, "\u{0}\u{1b}[31m"),
        with(
            "500 over lines",
            "500 Internal Server Error",
            HttpStatus,
            "Error: boom",
            "text/plain",
            "\n boom\nat line 3",
        ),
        with(
            "503 of a server that loads",
            "503 Service Unavailable",
            HttpStatus,
            "503 Service Unavailable: Loading",
            JSON,
            r#"{"error":{"message":"Loading model"}}"#,
        ),
        with(
            "529",
            "529 Overloaded",
            HttpStatus,
            "HTTP 529: overloaded",
            JSON,
            r#"{"error":{"message":"overloaded"}}"#,
        ),
        with("a status of no class", "999 Who Knows", HttpStatus, "HTTP 999", "text/plain", ""),
        with("500 with a megabyte", "500 Internal Server Error", HttpStatus, "xxx", "text/plain", &"x".repeat(1 << 20)),
        fails("429 with seconds", RateLimited, "(Retry-After: 7): slow", limited("retry-after: 7\r\n")),
        fails(
            "429 with a date",
            RateLimited,
            "(Retry-After: Sun, 06 Nov 1994",
            limited("retry-after: Sun, 06 Nov 1994 08:49:37 GMT\r\n"),
        ),
        fails("429 with nonsense", RateLimited, "(Retry-After: soon): slow", limited("retry-after: soon\r\n")),
        fails("429 without a word", RateLimited, "HTTP 429 Too Many Requests: slow", limited("")),
        fails(
            "a redirect",
            HttpStatus,
            "to https://elsewhere/v1 (redirects are not followed",
            raw("HTTP/1.1 307 Temporary Redirect\r\nlocation: https://elsewhere/v1\r\ncontent-length: 0\r\n\r\n"),
        ),
        fails(
            "a redirect to nowhere",
            HttpStatus,
            "HTTP 301 Moved Permanently",
            raw("HTTP/1.1 301 Moved Permanently\r\ncontent-length: 0\r\n\r\n"),
        ),
        fails("304", HttpStatus, "HTTP 304", vec![Act::text("HTTP/1.1 304 Not Modified\r\n\r\n")]),
        fails("204", Empty, "no content", vec![Act::text("HTTP/1.1 204 No Content\r\n\r\n")]),
        fails(
            "502 cut short",
            HttpStatus,
            "HTTP 502 Bad Gateway: half",
            raw("HTTP/1.1 502 Bad Gateway\r\ncontent-length: 100\r\n\r\nhalf"),
        ),
        fails(
            "502 until the end",
            HttpStatus,
            "HTTP 502 Bad Gateway: gone",
            raw("HTTP/1.1 502 Bad Gateway\r\n\r\ngone"),
        ),
        fails(
            "504 in broken chunks",
            HttpStatus,
            "HTTP 504",
            raw("HTTP/1.1 504 Gateway Timeout\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"),
        ),
        fails(
            "500 with a reset",
            HttpStatus,
            "HTTP 500",
            vec![
                Act::text("HTTP/1.1 500 Internal Server Error\r\ncontent-length: 9\r\n\r\n"),
                Act::wait(10),
                Act::Reset,
            ],
        ),
        fails(
            "503 that is compressed",
            HttpStatus,
            "503 Service Unavailable (what the server says is compressed: gzip)",
            compressed("503 Service Unavailable", "gzip", GZIP),
        ),
    ]
}

pub(super) fn documents() -> Vec<Behaviour> {
    let good = |name, cause: Cause, part, kind: &str, body: &str| fails(name, cause, part, says("200 OK", kind, body));
    let error = r#"{"error":{"message":"no such model"}}"#;
    let whole = Kind::whole_answer(2);
    vec![
        good("an error as JSON", ErrorBody, "no such model", JSON, error),
        good("an error as an event stream", ErrorBody, "no such model", "text/event-stream", error),
        good("an error that is a text", ErrorBody, "gone", JSON, r#"{"error":"gone"}"#),
        good("an error of vLLM's kind", ErrorBody, "gone", JSON, r#"{"object":"error","message":"gone"}"#),
        good("an error as a detail", ErrorBody, "gone", JSON, r#"{"detail":"gone"}"#),
        good("an error in a list", ErrorBody, "gone", JSON, r#"[{"error":{"message":"gone"}}]"#),
        good("a page", NotAStream, "content type text/html: <html>", "text/html", "<html>\n<p>log in"),
        good(
            "a page as an event stream",
            NotAStream,
            "<!doctype html>",
            "text/event-stream",
            "<!doctype html>\n<p>log in",
        ),
        good("a page of a megabyte", NotAStream, "<html>", "text/html", &format!("<html>{}", "<p>".repeat(350_000))),
        good("other JSON", NotAStream, r#"{"ok":true}"#, JSON, r#"{"ok":true}"#),
        good("a list", NotAStream, "[1,2]", JSON, "[1,2]"),
        good("half of an error", NotAStream, r#"{"error":{"mes"#, JSON, r#"{"error":{"mes"#),
        good("a text", NotAStream, "without any event (content type text/plain)", "text/plain", "upstream gone"),
        good("nothing", Empty, "no content", "text/event-stream", ""),
        good("nothing as JSON", NotAStream, "without any event (content type application/json)", JSON, ""),
        good("white space", NotAStream, "without any event", JSON, " \n\n \n"),
        fails("a whole answer", NotAStream, "the server ignored `stream: true`", vec![Act::text(&whole)]),
        fails(
            "an error that is cut",
            NotAStream,
            r#"{"error""#,
            raw("HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{\"error\""),
        ),
        fails("compressed by gzip", BadData, "compressed (content-encoding: gzip)", compressed("200 OK", "gzip", GZIP)),
        fails(
            "compressed by deflate",
            BadData,
            "compressed (content-encoding: deflate)",
            compressed("200 OK", "deflate", b"x\x9c\xab\xae\x05\0\x01u\0\xf9"),
        ),
        fails(
            "compressed by brotli",
            BadData,
            "compressed (content-encoding: br)",
            compressed("200 OK", "br", b"\x0b\0\x80{}\x03"),
        ),
        fails(
            "compressed twice",
            BadData,
            "compressed (content-encoding: gzip, zstd)",
            compressed("200 OK", "gzip, zstd", GZIP),
        ),
        fails("compressed without a word", BadData, "compressed (gzip, without content-encoding)", {
            then(vec![Act::text(UNTIL_CLOSE), Act::Send(GZIP.to_vec())], Act::Close)
        }),
        fails(
            "bytes that are no text",
            NotAStream,
            "without any event",
            then(vec![Act::text(&document("200 OK", "application/octet-stream", "\u{1}\u{2}\u{7f}"))], Act::Close),
        ),
    ]
}

fn compressed(status: &str, coding: &str, body: &[u8]) -> Vec<Act> {
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: text/event-stream\r\ncontent-encoding: {coding}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    vec![Act::text(&head), Act::Send(body.to_vec())]
}
