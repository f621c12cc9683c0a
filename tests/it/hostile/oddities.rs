//! Answers that are strange, and good all the same: what a client must not stumble over.

#![expect(clippy::too_many_lines, reason = "tables of behaviours")]

use std::time::Duration;

use super::behaviour::{
    ALL, Act, Behaviour, DONE, Expected, ONE, ROLE, STOP, TWO, UNTIL_CLOSE, USAGE, begun, completes, stream, then,
};

/// All of a good answer with its text changed.
fn all(change: impl Fn(String) -> String) -> Vec<Act> {
    let events = ALL.map(|event| change(event.to_owned()));
    stream(&events.each_ref().map(String::as_str))
}

/// The same, with something before each event.
fn between(what: &str) -> Vec<Act> {
    all(|event| format!("{what}{event}"))
}

pub(super) fn of_events() -> Vec<Behaviour> {
    let whole = ALL.concat();
    vec![
        completes("as it should be", stream(&ALL)),
        completes("CR LF", all(|event| event.replace('\n', "\r\n"))),
        completes("CR alone", all(|event| event.replace('\n', "\r"))),
        completes("mixed line ends", all(|event| event.replace("\n\n", "\r\n\n"))),
        completes("a byte order mark", stream(&[&format!("\u{FEFF}{ROLE}"), ONE, TWO, STOP, USAGE, DONE])),
        completes("comments between events", between(": keep alive\n\n")),
        completes(
            "comments within events",
            all(|event| format!(": x\n{}: y\n\n", event.trim_end_matches('\n').to_owned() + "\n")),
        ),
        completes("a megabyte of comments", stream(&[ROLE, &": x\n".repeat(250_000), ONE, TWO, STOP, USAGE, DONE])),
        completes("no space behind the colon", all(|event| event.replace("data: ", "data:"))),
        completes("data over lines", all(|event| event.replace("{\"choices\":", "{\ndata: \"choices\":"))),
        completes("event names", between("event: message\n")),
        completes("ids and retry times", between("id: 7\nretry: 100\n")),
        completes("fields that nobody knows", between("x-trace: 1\nnothing\n")),
        completes("empty events", between("data:\n\n\n\n").into_iter().collect()),
        completes("no [DONE]", stream(&[ROLE, ONE, TWO, STOP, USAGE])),
        completes("no finish reason", stream(&[ROLE, ONE, TWO, USAGE, DONE])),
        completes("no role", stream(&[ONE, TWO, STOP, USAGE, DONE])),
        completes("no blank line at the end", stream(&[ROLE, ONE, TWO, STOP, USAGE.trim_end()])),
        completes("more behind [DONE]", stream(&[ROLE, ONE, TWO, STOP, USAGE, DONE, ONE, "garbage {{{\n\n"])),
        completes("usage in pieces of one", {
            let each = |text, count| {
                format!(
                    "data: {{\"choices\":[{{\"delta\":{{\"content\":\"{text}\"}}}}],\"usage\":{{\"prompt_tokens\":3,\"completion_tokens\":{count}}}}}\n\n"
                )
            };
            stream(&[&each("one", 1), &each(" two", 2), STOP, DONE])
        }),
        completes(
            "nulls",
            stream(&[
                "data: {\"choices\":null,\"usage\":null,\"error\":null,\"id\":null}\n\n",
                ONE,
                TWO,
                STOP,
                USAGE,
                DONE,
            ]),
        ),
        completes("an empty choice", stream(&["data: {\"choices\":[{}]}\n\n", ONE, TWO, STOP, USAGE, DONE])),
        completes("tool calls", {
            let call = |text| {
                format!(
                    "data: {{\"choices\":[{{\"delta\":{{\"tool_calls\":[{{\"function\":{{\"name\":\"{text}\",\"arguments\":null}}}}]}}}}]}}\n\n"
                )
            };
            stream(&[&call("look"), &call("up"), STOP, USAGE, DONE])
        }),
        completes("letters of other scripts, in halves", {
            let text = ALL.concat().replace("one", "é한😀").replace(" two", "\\ud83d\\ude00\\u0000");
            let (chunks, mut acts) = (Act::framed(&text), vec![Act::text(begun_head())]);
            acts.extend(chunks.into_bytes().chunks(7).map(|part| Act::Send(part.to_vec())));
            then(acts, Act::text("0\r\n\r\n"))
        }),
        completes("all in one write", vec![Act::text(&(begun_head().to_owned() + &Act::framed(&whole) + "0\r\n\r\n"))]),
        completes(
            "byte by byte",
            vec![Act::Drip(
                (begun_head().to_owned() + &ALL.map(Act::framed).concat() + "0\r\n\r\n").into_bytes(),
                Duration::ZERO,
            )],
        ),
    ]
}

/// Events that are large or many.
pub(super) fn of_size() -> Vec<Behaviour> {
    vec![
        Behaviour {
            expected: Expected::Completes(2, 1),
            ..completes("10 MB in one event", stream(&[&ONE.replace("one", &"x".repeat(10 << 20)), STOP, USAGE, DONE]))
        },
        Behaviour {
            expected: Expected::Completes(100_000, 100_000),
            ..completes("100 000 tiny events", {
                let events = ONE.repeat(100_000);
                stream(&[&events, STOP, &USAGE.replace("tokens\":2", "tokens\":100000"), DONE])
            })
        },
    ]
}

fn begun_head() -> &'static str {
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
}

pub(super) fn of_http() -> Vec<Behaviour> {
    let text = ALL.concat();
    let headed = |head: &str| then(vec![Act::text(&format!("{head}\r\n\r\n{text}"))], Act::Close);
    let chunked = |head: &str| {
        vec![Act::text(&format!(
            "{head}\r\ntransfer-encoding: chunked\r\n\r\n{}0\r\n\r\n",
            ALL.map(Act::framed).concat()
        ))]
    };
    let length = text.len();
    vec![
        completes("until the connection ends", headed(UNTIL_CLOSE.trim_end())),
        completes("HTTP/1.0", headed("HTTP/1.0 200 OK")),
        completes("no reason behind the status", chunked("HTTP/1.1 200 ")),
        completes("201 Created", chunked("HTTP/1.1 201 Created")),
        completes("a length", vec![Act::text(&format!("HTTP/1.1 200 OK\r\nCONTENT-LENGTH: {length}\r\n\r\n{text}"))]),
        completes(
            "a length twice",
            vec![Act::text(&format!(
                "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\ncontent-length: {length}\r\n\r\n{text}"
            ))],
        ),
        completes("chunks and a length that lies", chunked("HTTP/1.1 200 OK\r\ncontent-length: 5")),
        completes("no content type", chunked("HTTP/1.1 200 OK")),
        completes("a wrong content type", chunked("HTTP/1.1 200 OK\r\ncontent-type: application/json")),
        completes(
            "early hints",
            chunked("HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK"),
        ),
        completes(
            "a connection that closes as it said",
            then(chunked("HTTP/1.1 200 OK\r\nconnection: close"), Act::Close),
        ),
        completes("a connection that closes unsaid", then(chunked("HTTP/1.1 200 OK"), Act::Close)),
        completes(
            "more than was announced",
            then(chunked("HTTP/1.1 200 OK"), Act::text("HTTP/1.1 200 OK\r\n\r\nunasked")),
        ),
        completes("extensions and trailers", {
            let framed = format!("{:X} ; a=\"b\"\r\n{text}\r\n000;x\r\nlater: 1\r\n\r\n", text.len());
            vec![Act::text(&(begun_head().to_owned() + &framed))]
        }),
        completes(
            "line ends of LF in the framing",
            vec![Act::text(&format!("HTTP/1.1 200 OK\ntransfer-encoding: chunked\n\n{length:x}\n{text}\n0\n\n"))],
        ),
        completes("a finish and then a cut", then(begun(&[ROLE, ONE, TWO, USAGE, STOP]), Act::Close)),
        completes(
            "a finish and then a reset",
            vec![Act::text(begun_head()), Act::chunk(&[ONE, TWO, USAGE, STOP].concat()), Act::wait(30), Act::Reset],
        ),
        completes("a body without an end behind [DONE]", then(begun(&ALL), Act::Hold)),
        completes("a flood behind [DONE]", then(begun(&ALL), Act::Flood(b"5\r\n: ok\n\r\n".repeat(4000)))),
        completes("a head of 60 KiB", chunked(&format!("HTTP/1.1 200 OK\r\nx: {}", "y".repeat(60 << 10)))),
    ]
}
