//! Answers that break: at their first byte, in the middle, at the end.

#![expect(clippy::too_many_lines, reason = "tables of behaviours")]

use infersweep::record::Cause::{BadData, Empty, StreamCut, StreamError};

use super::behaviour::{
    Act, Behaviour, DONE, ONE, ROLE, STOP, TWO, UNTIL_CLOSE, USAGE, begun, fails, raw, stream, then,
};

const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n";
const ERROR: &str = "data: {\"error\":{\"message\":\"out of memory\",\"code\":500}}\n\n";

pub(super) fn streams() -> Vec<Behaviour> {
    let pause = Act::wait(20);
    let cut = |events: &[&str]| then(begun(events), Act::Close);
    let reset = |events: &[&str]| then(then(begun(events), pause.clone()), Act::Reset);
    let bad = |text: &str| format!("data: {text}\n\n");
    let nested = bad(&format!("{{\"choices\":{}", "[".repeat(20_000)));
    let surrogate = bad(r#"{"choices":[{"delta":{"content":"\ud800"}}]}"#);
    vec![
        fails("closed at the head", StreamCut, "broke off: the connection ended", cut(&[])),
        fails("closed behind the role", StreamCut, "broke off", cut(&[ROLE])),
        fails("closed in the middle", StreamCut, "broke off", cut(&[ROLE, ONE])),
        fails("closed before the finish", StreamCut, "broke off", cut(&[ROLE, ONE, TWO])),
        fails("closed within an event", StreamCut, "broke off", cut(&[ONE, "data: {\"choi"])),
        fails(
            "closed within a chunk",
            StreamCut,
            "broke off",
            then(then(begun(&[ONE]), Act::text("ff\r\ndata: {")), Act::Close),
        ),
        fails("reset at the head", StreamCut, "reset", reset(&[])),
        fails("reset in the middle", StreamCut, "reset", reset(&[ROLE, ONE])),
        fails("reset before the finish", StreamCut, "reset", reset(&[ROLE, ONE, TWO])),
        fails("an end at the first byte", Empty, "no content", stream(&[])),
        fails("an end behind the role", StreamCut, "without finish_reason or [DONE]", stream(&[ROLE])),
        fails("an end in the middle", StreamCut, "without finish_reason or [DONE]", stream(&[ROLE, ONE])),
        fails("an end within an event", StreamCut, "without finish_reason", stream(&[ONE, "data: {\"choices\":["])),
        fails(
            "an end of the connection as the body's",
            StreamCut,
            "without finish_reason",
            raw(UNTIL_CLOSE.to_owned() + ONE),
        ),
        fails("an error first", StreamError, "out of memory", stream(&[ERROR])),
        fails("an error in the middle", StreamError, "out of memory", stream(&[ROLE, ONE, ERROR])),
        fails("an error behind the finish", StreamError, "out of memory", stream(&[ROLE, ONE, TWO, STOP, ERROR, DONE])),
        fails("an error without its blank line", StreamError, "out of memory", stream(&[ONE, ERROR.trim_end()])),
        fails(
            "an error event",
            StreamError,
            "overloaded",
            stream(&[ONE, "event: error\ndata: {\"message\":\"overloaded\"}\n\n"]),
        ),
        fails(
            "an error event in plain words",
            StreamError,
            "overloaded",
            stream(&[ONE, "event: error\ndata: overloaded\n\n"]),
        ),
        fails("an error field", StreamError, "slot lost", stream(&[ONE, "error: {\"message\":\"slot lost\"}\n\n"])),
        fails("an error that says nothing", StreamError, "", stream(&[ONE, "data: {\"error\":{}}\n\n"])),
        fails("nonsense first", BadData, "{nonsense", stream(&[&bad("{nonsense")])),
        fails("nonsense in the middle", BadData, "{nonsense", stream(&[ONE, &bad("{nonsense"), TWO, STOP, DONE])),
        fails("nonsense behind the finish", BadData, "{nonsense", stream(&[ONE, STOP, &bad("{nonsense"), DONE])),
        fails("a page within the stream", BadData, "<html>", stream(&[ONE, &bad("<html>")])),
        fails("a text within the stream", BadData, "oops", stream(&[ONE, &bad("oops")])),
        fails("half of a surrogate", BadData, "ud800", stream(&[ONE, &surrogate])),
        fails("a number that is none", BadData, "NaN", stream(&[ONE, &bad("{\"created\":NaN}")])),
        fails("20 000 lists in one another", BadData, "recursion", stream(&[ONE, &nested])),
        fails("letters that are none", BadData, "in `", {
            let event =
                [b"data: {\"choices\":[{\"delta\":{\"content\":\"".as_slice(), b"\xff\xfe", b"\"}}]}\n\n"].concat();
            let framed = [format!("{:x}\r\n", event.len()).as_bytes(), &event, b"\r\n"].concat();
            then(begun(&[ONE]), Act::Send(framed))
        }),
        fails("only the role", Empty, "no content", stream(&[ROLE, STOP, USAGE, DONE])),
        fails("only [DONE]", Empty, "no content", stream(&[DONE])),
        fails("only usage", Empty, "no content", stream(&[USAGE, DONE])),
    ]
}

pub(super) fn framing() -> Vec<Behaviour> {
    let chunked = format!("{HEAD}transfer-encoding: chunked\r\n\r\n");
    let after_one = |rest: &str| raw(format!("{chunked}{}{rest}", Act::framed(ONE)));
    let headed = |headers: &str| raw(format!("HTTP/1.1 200 OK\r\n{headers}\r\n\r\n{ONE}"));
    vec![
        fails("no size of the first chunk", StreamCut, "without a size", raw(format!("{chunked}{ONE}"))),
        fails("no size in the middle", StreamCut, "without a size", after_one("no size\r\n")),
        fails("a size below zero", StreamCut, "without a size", after_one("-5\r\nhello\r\n")),
        fails("a size beyond all numbers", StreamCut, "without a size", after_one("fffffffffffffffff\r\n")),
        fails("the largest size", StreamCut, "broke off", after_one("ffffffffffffffff\r\nx")),
        fails("a chunk longer than its size", StreamCut, "longer than its size", after_one("2\r\nabcdef\r\n")),
        fails("trailers that are cut", StreamCut, "broke off", after_one("0\r\nlater: 1\r\n")),
        fails("less than its length", StreamCut, "broke off", headed("content-length: 5000")),
        fails("more than its length", StreamCut, "without finish_reason", headed("content-length: 20")),
        fails(
            "two lengths",
            BadData,
            "a Content-Length that says nothing",
            headed("content-length: 5\r\ncontent-length: 6"),
        ),
        fails(
            "a length that is no number",
            BadData,
            "a Content-Length that says nothing",
            headed("content-length: many"),
        ),
        fails("a length below zero", BadData, "a Content-Length that says nothing", headed("content-length: -1")),
        fails(
            "a length beyond all numbers",
            BadData,
            "a Content-Length that says nothing",
            headed("content-length: 99999999999999999999"),
        ),
        fails("a header without a colon", BadData, "no HTTP/1.1", headed("nonsense")),
        fails("a header with a space in its name", BadData, "no HTTP/1.1", headed("a b: c")),
        fails(
            "200 headers",
            BadData,
            "no HTTP/1.1",
            headed(&(0..200).map(|at| format!("x-{at}: y")).collect::<Vec<_>>().join("\r\n")),
        ),
        fails(
            "a header of 70 KiB",
            BadData,
            "a head of more than 64 KiB",
            vec![Act::text(&format!("{HEAD}x: {}", "y".repeat(70 << 10))), Act::Hold],
        ),
        fails("a status that is none", BadData, "no HTTP/1.1", raw("HTTP/1.1 abc OK\r\n\r\n")),
        fails("a version that is none", BadData, "no HTTP/1.1", raw("HTTP/3.7 200 OK\r\n\r\n")),
        fails("no head", BadData, "no HTTP/1.1", raw(ONE)),
        fails("another protocol", BadData, "no HTTP/1.1", raw("SSH-2.0-OpenSSH_9.6\r\n")),
        fails("TLS", BadData, "the server speaks TLS: write https:// in base_url", raw(b"\x15\x03\x03\0\x02\x02\x28")),
        fails("HTTP/2", BadData, "the server speaks HTTP/2 only", raw(b"\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x80")),
        fails("noise", BadData, "no HTTP/1.1", raw(b"\xde\xad\xbe\xef\0\0\0\0\r\n\r\n")),
        fails("half of a head", StreamCut, "within the head", raw("HTTP/1.1 200 OK\r\ncontent-ty")),
        fails(
            "half of a head and a reset",
            StreamCut,
            "within the head",
            vec![Act::text("HTTP/1.1 2"), Act::wait(20), Act::Reset],
        ),
        fails("nothing", StreamCut, "before any byte of the answer", vec![Act::Close]),
        fails("nothing and a reset", StreamCut, "before any byte of the answer", vec![Act::Reset]),
    ]
}
