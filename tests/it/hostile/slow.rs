//! Answers that take too long, or never end: each meets the limit that is meant for it, and fills no memory.

use std::time::Duration;

use infersweep::record::Cause::{BadData, FirstTokenTimeout, HttpStatus, IdleTimeout, StreamCut, TotalTimeout};

use super::behaviour::{Act, Behaviour, Kind, ONE, ROLE, TWO, UNTIL_CLOSE, begun, fails, then};

/// The limits of these endpoints, which good answers are far from.
pub(super) const FIRST_TOKEN: Duration = Duration::from_secs(2);
pub(super) const IDLE: Duration = Duration::from_secs(2);
pub(super) const TOTAL: Duration = Duration::from_secs(4);

/// Every hundred milliseconds, for longer than any limit.
fn drip(text: &str) -> Vec<Act> {
    (0..80).flat_map(|_| [Act::wait(100), Act::chunk(text)]).chain([Act::Hold]).collect()
}

fn after(begin: Vec<Act>, more: Vec<Act>) -> Vec<Act> {
    [begin, more].concat()
}

pub(super) fn by_time() -> Vec<Behaviour> {
    let head = Kind::Chat.head();
    let slowly = |text: &str| vec![Act::Drip(text.as_bytes().to_vec(), Duration::from_millis(100)), Act::Hold];
    let flood = |begin: &str, over_and_over: &str| {
        vec![Act::text(begin), Act::Flood(over_and_over.repeat(1 + 30_000 / over_and_over.len()).into_bytes())]
    };
    vec![
        fails("silence", FirstTokenTimeout, "no content within 2s", vec![Act::Hold]),
        fails("silence behind the head", FirstTokenTimeout, "no content within 2s", vec![Act::text(&head), Act::Hold]),
        fails("silence behind the role", FirstTokenTimeout, "no content within 2s", then(begun(&[ROLE]), Act::Hold)),
        fails("silence in the middle", IdleTimeout, "nothing came for 2s", then(begun(&[ROLE, ONE]), Act::Hold)),
        fails(
            "silence before the finish",
            IdleTimeout,
            "nothing came for 2s",
            then(begun(&[ROLE, ONE, TWO]), Act::Hold),
        ),
        fails(
            "half of a chunk and silence",
            IdleTimeout,
            "nothing came for 2s",
            after(begun(&[ONE]), vec![Act::text("ff\r\ndata"), Act::Hold]),
        ),
        fails("a head byte by byte", FirstTokenTimeout, "no content within 2s", slowly(&head)),
        fails(
            "a switch of protocols",
            FirstTokenTimeout,
            "no content within 2s",
            vec![Act::text("HTTP/1.1 101 Switching Protocols\r\n\r\n"), Act::Hold],
        ),
        fails("only pings", FirstTokenTimeout, "no content within 2s", after(begun(&[]), drip(": ping\n\n"))),
        fails("only roles", FirstTokenTimeout, "no content within 2s", after(begun(&[]), drip(ROLE))),
        fails("pings in the middle", TotalTimeout, "not done within 4s", after(begun(&[ONE]), drip(": ping\n\n"))),
        fails("a token now and then", TotalTimeout, "not done within 4s", after(begun(&[]), drip(ONE))),
        fails("an event byte by byte", TotalTimeout, "not done within 4s", after(begun(&[ONE]), drip("x"))),
        fails("a flood of pings", FirstTokenTimeout, "no content within 2s", flood(UNTIL_CLOSE, ": ping\n\n")),
        fails("a flood of digits", FirstTokenTimeout, "no content within 2s", flood(&head, "0")),
        fails("a flood of roles", TotalTimeout, "not done within 4s", flood(&(UNTIL_CLOSE.to_owned() + ONE), ROLE)),
        fails(
            "a refusal that never ends",
            HttpStatus,
            "HTTP 503",
            vec![Act::text("HTTP/1.1 503 Service Unavailable\r\n\r\n"), Act::Hold],
        ),
        fails(
            "a refusal without a pause",
            HttpStatus,
            "HTTP 500 Internal Server Error: xx",
            flood("HTTP/1.1 500 Internal Server Error\r\n\r\n", "x"),
        ),
        fails(
            "a whole answer that never ends",
            TotalTimeout,
            "not done within 4s",
            vec![Act::text("HTTP/1.1 200 OK\r\n\r\n{"), Act::Hold],
        )
        .of(Kind::Whole),
    ]
}

/// Bytes without end, which a bound ends long before any limit on time.
pub(super) fn by_size() -> Vec<Behaviour> {
    let flood = |begin: &str, over_and_over: &str| {
        vec![Act::text(begin), Act::Flood(over_and_over.repeat(1 + 30_000 / over_and_over.len()).into_bytes())]
    };
    let status = "HTTP/1.1 200 OK\r\n";
    let chunked = Kind::Chat.head();
    vec![
        fails(
            "content without end",
            BadData,
            "a stream of 64 MiB of content",
            flood(UNTIL_CLOSE, &ONE.replace("one", &"x".repeat(10_000))),
        ),
        fails(
            "one event without end",
            BadData,
            "an event of more than",
            flood(UNTIL_CLOSE, &format!("data: {}\n", "x".repeat(10_000))),
        ),
        fails(
            "one line without end",
            BadData,
            "an event of more than",
            flood(&(UNTIL_CLOSE.to_owned() + ONE + "data: "), "x"),
        ),
        fails("headers without end", BadData, "no HTTP/1.1", flood(status, "x: y\r\n")),
        fails("one header without end", BadData, "a head of more than 64 KiB", flood(status, "x")),
        fails(
            "hints without end",
            BadData,
            "a head of more than 64 KiB",
            flood("", &format!("HTTP/1.1 103 Early Hints\r\nlink: {}\r\n\r\n", "x".repeat(900))),
        ),
        fails(
            "a chunk's head without end",
            StreamCut,
            "whose head or trailer does not end",
            flood(&(chunked.clone() + "5;"), "x"),
        ),
        fails(
            "trailers without end",
            StreamCut,
            "whose head or trailer does not end",
            flood(&(chunked + &Act::framed(ONE) + "0\r\n"), "later: x\r\n"),
        ),
        fails(
            "a page without end",
            infersweep::record::Cause::NotAStream,
            "<html>",
            flood(&(UNTIL_CLOSE.to_owned() + "<html>"), "<p>"),
        ),
        fails("a whole answer without end", BadData, "an answer of 32 MiB", flood("HTTP/1.1 200 OK\r\n\r\n", "["))
            .of(Kind::Whole),
        fails("a line without end", BadData, "an event of more than", flood("HTTP/1.1 200 OK\r\n\r\n", "x"))
            .of(Kind::Studio),
    ]
}
