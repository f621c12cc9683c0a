//! The same of answers that are no stream, of text completions and of lines of JSON.

use infersweep::record::Cause::{BadData, Empty, ErrorBody, HttpStatus, NotAStream, StreamCut, StreamError};

use super::behaviour::{Act, Behaviour, DONE, Expected, Kind, completes, fails, raw, says, stream, then};

const JSON: &str = "application/json";

pub(super) fn whole() -> Vec<Behaviour> {
    let good = Kind::whole_answer(2);
    let answer = good.split("\r\n\r\n").nth(1).unwrap().to_owned();
    let told = |name, cause, part, kind: &str, body: &str| fails(name, cause, part, says("200 OK", kind, body));
    let list = vec![
        Behaviour { expected: Expected::Completes(2, 0), ..completes("as it should be", vec![Act::text(&good)]) },
        Behaviour {
            expected: Expected::Completes(2, 0),
            ..completes("until the end", raw(format!("HTTP/1.1 200 OK\r\n\r\n{answer}")))
        },
        Behaviour {
            expected: Expected::Completes(2, 0),
            ..completes("10 MB in one text", says("200 OK", JSON, &answer.replace("word ", &"x".repeat(5 << 20))))
        },
        told("an error", ErrorBody, "gone", JSON, r#"{"error":{"message":"gone"}}"#),
        told("an error that is a text", ErrorBody, "gone", JSON, r#"{"error":"gone"}"#),
        told("a page", BadData, "(content type text/html)", "text/html", "<html>log in"),
        told("nonsense", BadData, "in `{nonsense`", JSON, "{nonsense"),
        told("half of it", BadData, "EOF", JSON, &answer[..answer.len() / 2]),
        told("nothing", BadData, "EOF", JSON, ""),
        told("other JSON", Empty, "no content", JSON, r#"{"ok":true}"#),
        told("no text", Empty, "no content", JSON, &answer.replace("word ", "")),
        told("a list", Empty, "no content", JSON, "[1]"),
        told("a stream", BadData, "data:", "text/event-stream", DONE),
        told("compressed without a word", BadData, "compressed (gzip, without", JSON, "\u{1f}"),
        fails("503", HttpStatus, "HTTP 503", says("503 Service Unavailable", JSON, "{}")),
        fails(
            "closed in the middle",
            StreamCut,
            "ended",
            raw(format!("HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n{answer}")),
        ),
        fails(
            "reset in the middle",
            StreamCut,
            "reset",
            vec![Act::text("HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n{"), Act::wait(20), Act::Reset],
        ),
        fails(
            "broken chunks",
            StreamCut,
            "without a size",
            raw("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz"),
        ),
    ];
    let gzip = raw(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n\x1f\x8b\x08");
    let with_bytes = |behaviour: Behaviour| {
        if behaviour.name == "compressed without a word" {
            Behaviour { acts: gzip.clone(), ..behaviour }
        } else {
            behaviour
        }
    };
    list.into_iter().map(|behaviour| with_bytes(behaviour).of(Kind::Whole)).collect()
}

pub(super) fn texts() -> Vec<Behaviour> {
    let token = Kind::Text.token(" word");
    let end = Kind::Text.end(2).concat();
    let list = vec![
        completes("as it should be", stream(&[&token, &token, &end])),
        completes("no [DONE]", stream(&[&token, &token, &end.replace(DONE, "")])),
        fails("an error in the middle", StreamError, "gone", stream(&[&token, "data: {\"error\":\"gone\"}\n\n"])),
        fails("an end in the middle", StreamCut, "without finish_reason", stream(&[&token])),
        fails("nonsense", BadData, "{nonsense", stream(&[&token, "data: {nonsense\n\n"])),
        fails("only [DONE]", Empty, "no content", stream(&[DONE])),
        fails("a page", NotAStream, "<html>", says("200 OK", "text/html", "<html>log in")),
    ];
    list.into_iter().map(|behaviour| behaviour.of(Kind::Text)).collect()
}

pub(super) fn lines() -> Vec<Behaviour> {
    let token = Kind::Studio.token(" word");
    let last = Kind::Studio.end(2).concat();
    let error = "{\"error\":{\"message\":\"out of memory\"}}\n";
    let chunks = |lines: &[&str]| {
        let framed = lines.iter().map(|line| Act::chunk(line));
        [Act::text(&Kind::Studio.head())].into_iter().chain(framed).collect::<Vec<_>>()
    };
    let whole = |lines: &[&str]| then(chunks(lines), Act::text("0\r\n\r\n"));
    let list = vec![
        completes("as it should be", whole(&[&token, &token, &last])),
        completes("CR LF and blank lines", whole(&[&token.replace('\n', "\r\n\r\n \n"), &token, &last])),
        completes("no line end at the end", whole(&[&token, &token, last.trim_end()])),
        completes("in halves", {
            let text = format!("{token}{token}{last}");
            let mut acts = chunks(&[]);
            acts.extend(
                text.as_bytes()
                    .chunks(9)
                    .map(|part| Act::Send([format!("{:x}\r\n", part.len()).as_bytes(), part, b"\r\n"].concat())),
            );
            then(acts, Act::text("0\r\n\r\n"))
        }),
        completes("more behind the last message", whole(&[&token, &token, &last, "{nonsense\n"])),
        fails("an error first", ErrorBody, "out of memory", whole(&[error])),
        fails("an error in the middle", StreamError, "out of memory", whole(&[&token, error])),
        fails("nonsense first", BadData, "{nonsense", whole(&["{nonsense\n"])),
        fails("nonsense in the middle", BadData, "{nonsense", whole(&[&token, "{nonsense\n"])),
        fails("an event stream", BadData, "data:", whole(&["data: {}\n\n"])),
        fails("a page", NotAStream, "<html>", says("200 OK", "text/html", "<html>log in")),
        fails("an end in the middle", StreamCut, "ended without", whole(&[&token])),
        fails("an end within a line", StreamCut, "ended without", whole(&[&token, &token[..20]])),
        fails("closed in the middle", StreamCut, "broke off", then(chunks(&[&token]), Act::Close)),
        fails("reset in the middle", StreamCut, "reset", then(then(chunks(&[&token]), Act::wait(20)), Act::Reset)),
        fails(
            "a last message alone, without a text",
            Empty,
            "no content",
            whole(&["{\"result\":{\"items\":[{\"value\":{\"is_last_response\":true}}]}}\n"]),
        ),
        fails("401", HttpStatus, "bad key", says("401 Unauthorized", JSON, r#"{"error":"bad key"}"#)),
    ];
    list.into_iter().map(|behaviour| behaviour.of(Kind::Studio)).collect()
}
