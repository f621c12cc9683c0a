//! The machine's own floor: sockets that are read, and nothing else until an answer is over.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::Rung;
use super::cost::Meter;
use super::engine::{INPUT_TOKENS, wall_ns};
use super::seen::{Answers, Seen, Window};
use crate::load::{Stop, StopHandle};
use crate::time::{Clock, MonotonicNs, duration_ns};

/// What ends an answer's body: the chunk of no length.
const END: &[u8] = b"\r\n0\r\n\r\n";

/// Reads a rung as `run` does, by hand: so many streams, one request after the other, the first of each as warm-up,
/// their starts spread over one answer. `None` when it was stopped before its end.
pub(super) async fn read(
    rung: &Rung,
    base_url: &str,
    duration: Duration,
    hosts_server: bool,
    stop: &StopHandle,
) -> io::Result<Option<Answers>> {
    let clock = Clock::start();
    let authority = base_url.trim_start_matches("http://").trim_end_matches("/v1").to_owned();
    let request: std::sync::Arc<[u8]> = request(rung, &authority).into();
    let mut sockets = Vec::new();
    for _ in 0..rung.streams {
        let socket = TcpStream::connect(&authority).await?;
        socket.set_nodelay(true)?;
        sockets.push(socket);
    }
    let meter = Meter::start(hosts_server);
    let began_ns = clock.now_ns();
    let from_ns = began_ns.saturating_add(duration_ns(rung.answer()));
    let window = Window { from_ns, until_ns: from_ns.saturating_add(duration_ns(duration)) };
    let apart_ns = duration_ns(rung.answer()) / i64::from(rung.streams);
    let mut streams = JoinSet::new();
    for (number, socket) in (0_i64..).zip(sockets) {
        let stream = Stream { socket, request: std::sync::Arc::clone(&request), clock };
        streams.spawn(stream.read(began_ns.saturating_add(apart_ns.saturating_mul(number)), window.until_ns));
    }
    let mut stopped = stop.signal();
    let mut seen = Vec::new();
    loop {
        let answers = tokio::select! {
            answers = streams.join_next() => answers,
            () = stopped.reached(Stop::Draining) => return Ok(None),
        };
        match answers {
            None => break,
            Some(answers) => seen.extend(answers.map_err(io::Error::other)??),
        }
    }
    let cost = meter.read();
    let wall_ns = wall_ns(&seen);
    Ok(Some(Answers {
        seen,
        window,
        cpu_ns: cost.cpu_ns,
        wall_ns,
        peak_memory_bytes: cost.peak_memory_bytes,
        verdict: None,
    }))
}

/// One connection.
struct Stream {
    socket: TcpStream,
    request: std::sync::Arc<[u8]>,
    clock: Clock,
}

impl Stream {
    /// Sends one request after the other from a moment on; none is sent after the end of the window.
    async fn read(mut self, start_ns: MonotonicNs, until_ns: MonotonicNs) -> io::Result<Vec<Seen>> {
        tokio::time::sleep_until(self.clock.instant_of(start_ns)).await;
        let mut seen = Vec::new();
        while self.clock.now_ns() < until_ns {
            seen.push(self.answer().await?);
        }
        Ok(seen)
    }

    async fn answer(&mut self) -> io::Result<Seen> {
        let sent_ns = self.clock.now_ns();
        self.socket.write_all(&self.request).await?;
        let (mut bytes, mut reads) = (Vec::with_capacity(1 << 14), Vec::new());
        while !bytes.ends_with(END) {
            if self.socket.read_buf(&mut bytes).await? == 0 {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the server closed the connection"));
            }
            reads.push((bytes.len(), self.clock.now_ns()));
        }
        Ok(parse(&bytes, &reads, sent_ns))
    }
}

/// As long as what `run` sends, to a few bytes.
fn request(rung: &Rung, authority: &str) -> Vec<u8> {
    let prompt = vec!["word"; INPUT_TOKENS as usize].join(" ");
    let body = format!(
        r#"{{"model":"simulator","messages":[{{"role":"user","content":"{prompt}"}}],"max_tokens":{},"stream":true,"stream_options":{{"include_usage":true}}}}"#,
        rung.output_tokens
    );
    format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: {authority}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// An answer's id, and for each event with text the first read that had all of it: reads are (bytes so far, when).
fn parse(bytes: &[u8], reads: &[(usize, MonotonicNs)], sent_ns: MonotonicNs) -> Seen {
    let text = String::from_utf8_lossy(bytes);
    let status = text.lines().next().unwrap_or_default();
    let failure = (!status.contains(" 200 ")).then(|| status.to_owned());
    let id = text.split("\"id\":\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default().to_owned();
    let arrived = |end: usize| reads.get(reads.partition_point(|(upto, _)| *upto < end)).map(|(_, at_ns)| *at_ns);
    let tokens_ns = text
        .match_indices("\"content\":\"")
        // The event that says who speaks has an empty text.
        .filter(|(at, key)| !text[at + key.len()..].starts_with('"'))
        .filter_map(|(at, _)| text[at..].find("\n\n").and_then(|length| arrived(at + length + 2)))
        .collect();
    Seen { id, sent_ns, tokens_ns, failure }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_arrives_with_the_read_that_ends_it() {
        let head = "HTTP/1.1 200 OK\r\n\r\n";
        let event = |text: &str| format!("data: {{\"id\":\"a-1\",\"delta\":{{\"content\":\"{text}\"}}}}\n\n");
        let text = [head, &event(""), &event("sea"), &event(" sky")].concat();
        let (role_ends, first_ends) = (head.len() + event("").len(), head.len() + event("").len() + event("sea").len());
        for (reads, expected) in [
            (vec![(text.len(), 9)], [9, 9]),
            (vec![(role_ends, 1), (first_ends, 2), (text.len(), 3)], [2, 3]),
            (vec![(first_ends - 1, 1), (first_ends, 2), (text.len() - 1, 3), (text.len(), 4)], [2, 4]),
        ] {
            let seen = parse(text.as_bytes(), &reads, 0);
            assert_eq!((seen.id.as_str(), seen.tokens_ns, seen.failure), ("a-1", expected.to_vec(), None));
        }
        let refused = parse(b"HTTP/1.1 503 Service Unavailable\r\n\r\n", &[(36, 1)], 0);
        assert_eq!(refused.failure.as_deref(), Some("HTTP/1.1 503 Service Unavailable"));
    }
}
