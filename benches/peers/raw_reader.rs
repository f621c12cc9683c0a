//! Reads answers off sockets and does nothing else: the cost that no client can undercut.
//!
//! `raw_reader epoll|tokio HOST:PORT STREAMS REQUESTS BODY_FILE` keeps STREAMS requests in flight until REQUESTS are
//! answered and prints one line of JSON. `epoll` is one loop over the sockets; `tokio` is a task a stream on a
//! current-thread runtime. Neither looks at the answer after its first token, except for its end.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench that cannot go on should stop, and prints")]

use std::cell::Cell;
use std::io::{Read, Write};
use std::rc::Rc;

use infersweep::time::Clock;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// The last chunk of an answer.
const END: [u8; 5] = *b"0\r\n\r\n";
/// What stands before the text of a token event; the role event's text is empty.
const TEXT: &[u8] = b"\"content\":\"";
const READ: usize = 64 << 10;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let [kind, host, streams, requests, body_file] = words.as_slice() else {
        println!("raw_reader epoll|tokio HOST:PORT STREAMS REQUESTS BODY_FILE");
        return;
    };
    let work = Work {
        host: host.clone(),
        request: request(host, &std::fs::read_to_string(body_file).unwrap()),
        streams: streams.parse().unwrap(),
        left: Cell::new(requests.parse().unwrap()),
        clock: Clock::start(),
    };
    let ttft_ms = match kind.as_str() {
        "epoll" => by_epoll(&work),
        _ => by_tokio(Rc::new(work)),
    };
    println!("{}", json!({ "completed": ttft_ms.len(), "ttft_ms": ttft_ms }));
}

struct Work {
    host: String,
    request: String,
    streams: usize,
    /// Requests that nobody has taken yet.
    left: Cell<usize>,
    clock: Clock,
}

impl Work {
    fn take_request(&self) -> bool {
        let left = self.left.get();
        self.left.set(left.saturating_sub(1));
        left > 0
    }
}

fn request(host: &str, body: &str) -> String {
    format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// What has been read of one answer.
struct Answer {
    sent_ns: i64,
    /// Everything up to the first token; empty from then on.
    beginning: Vec<u8>,
    ttft_ms: Option<f64>,
    tail: [u8; END.len()],
}

impl Answer {
    fn sent(clock: Clock) -> Self {
        Self { sent_ns: clock.now_ns(), beginning: Vec::new(), ttft_ms: None, tail: [0; END.len()] }
    }

    /// Takes what one read brought; the time to the first token once the answer is over.
    fn take(&mut self, bytes: &[u8], clock: Clock) -> Option<f64> {
        assert!(!bytes.is_empty(), "the server closed the connection");
        if self.ttft_ms.is_none() {
            self.look_for_the_first_token(bytes, clock);
        }
        match bytes.last_chunk() {
            Some(last) => self.tail = *last,
            None => {
                self.tail.rotate_left(bytes.len());
                let kept = END.len() - bytes.len();
                self.tail[kept..].copy_from_slice(bytes);
            }
        }
        (self.tail == END).then(|| self.ttft_ms.unwrap())
    }

    fn look_for_the_first_token(&mut self, bytes: &[u8], clock: Clock) {
        let now_ns = clock.now_ns();
        self.beginning.extend_from_slice(bytes);
        assert!(self.beginning.starts_with(&b"HTTP/1.1 200"[..self.beginning.len().min(12)]), "a refusal");
        let has_text =
            |found: &[u8]| found.starts_with(TEXT) && found.get(TEXT.len()).is_some_and(|next| *next != b'"');
        if self.beginning.windows(TEXT.len() + 1).any(has_text) {
            self.ttft_ms = Some(span_ms(now_ns - self.sent_ns));
            self.beginning = Vec::new();
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a span of a bench")]
fn span_ms(ns: i64) -> f64 {
    ns as f64 / 1e6
}

#[cfg(target_os = "linux")]
fn by_epoll(work: &Work) -> Vec<f64> {
    use rustix::buffer::spare_capacity;
    use rustix::event::epoll;

    let ready = epoll::create(epoll::CreateFlags::CLOEXEC).unwrap();
    let mut open: Vec<(std::net::TcpStream, Answer)> = Vec::new();
    while open.len() < work.streams && work.take_request() {
        let mut socket = std::net::TcpStream::connect(&work.host).unwrap();
        socket.set_nodelay(true).unwrap();
        let data = epoll::EventData::new_u64(u64::try_from(open.len()).unwrap());
        epoll::add(&ready, &socket, data, epoll::EventFlags::IN).unwrap();
        let answer = Answer::sent(work.clock);
        socket.write_all(work.request.as_bytes()).unwrap();
        open.push((socket, answer));
    }
    let (mut ttft_ms, mut in_flight) = (Vec::new(), open.len());
    let (mut scratch, mut events) = (vec![0; READ], Vec::with_capacity(open.len()));
    while in_flight > 0 {
        epoll::wait(&ready, spare_capacity(&mut events), None).unwrap();
        for event in events.drain(..) {
            let (socket, answer) = &mut open[usize::try_from(event.data.u64()).unwrap()];
            let read = socket.read(&mut scratch).unwrap();
            let Some(ttft) = answer.take(&scratch[..read], work.clock) else { continue };
            ttft_ms.push(ttft);
            if work.take_request() {
                *answer = Answer::sent(work.clock);
                socket.write_all(work.request.as_bytes()).unwrap();
            } else {
                in_flight -= 1;
            }
        }
    }
    ttft_ms
}

#[cfg(not(target_os = "linux"))]
fn by_epoll(_: &Work) -> Vec<f64> {
    panic!("epoll is Linux's; take `tokio`")
}

fn by_tokio(work: Rc<Work>) -> Vec<f64> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
    let tasks = tokio::task::LocalSet::new();
    tasks.block_on(&runtime, async move {
        let streams: Vec<_> =
            (0..work.streams).map(|_| tokio::task::spawn_local(one_stream(Rc::clone(&work)))).collect();
        let mut ttft_ms = Vec::new();
        for stream in streams {
            ttft_ms.extend(stream.await.unwrap());
        }
        ttft_ms
    })
}

async fn one_stream(work: Rc<Work>) -> Vec<f64> {
    let mut socket = tokio::net::TcpStream::connect(&work.host).await.unwrap();
    socket.set_nodelay(true).unwrap();
    let (mut ttft_ms, mut scratch) = (Vec::new(), vec![0; READ]);
    while work.take_request() {
        let mut answer = Answer::sent(work.clock);
        socket.write_all(work.request.as_bytes()).await.unwrap();
        let ttft = loop {
            let read = socket.read(&mut scratch).await.unwrap();
            if let Some(ttft) = answer.take(&scratch[..read], work.clock) {
                break ttft;
            }
        };
        ttft_ms.push(ttft);
    }
    ttft_ms
}
