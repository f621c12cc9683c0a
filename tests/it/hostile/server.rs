//! A server that answers some requests as it should, and others as it is told.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::behaviour::{Act, Behaviour, Kind};

/// How long the first token of a good answer takes, at least.
pub(super) const GOOD_TTFT: Duration = Duration::from_millis(20);
/// Tokens of a good answer, a chunk each.
pub(super) const GOOD_TOKENS: usize = 5;

/// Serves until the process ends; its port. The first part of a path is the number of a behaviour, by which requests
/// are answered that say `bad`.
pub(super) fn serve(behaviours: Vec<Behaviour>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let behaviours = Arc::new(behaviours);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let behaviours = Arc::clone(&behaviours);
            thread::spawn(move || connection(stream.unwrap(), &behaviours));
        }
    });
    port
}

fn connection(mut stream: TcpStream, behaviours: &[Behaviour]) {
    stream.set_nodelay(true).unwrap();
    while let Some(request) = read_request(&mut stream) {
        let number = request.split("/b").nth(1).and_then(|rest| rest.split('/').next()).unwrap();
        let behaviour = &behaviours[number.parse::<usize>().unwrap()];
        let acts = if request.starts_with("GET") {
            vec![Act::text("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")]
        } else if request.contains("good question") {
            good(behaviour.kind)
        } else {
            behaviour.acts.clone()
        };
        // A client that has gone is no fault of the server's.
        if !acts.iter().all(|act| play(&mut stream, act).unwrap_or(false)) {
            return;
        }
    }
}

/// Whether the connection goes on.
fn play(stream: &mut TcpStream, act: &Act) -> std::io::Result<bool> {
    match act {
        Act::Send(bytes) => stream.write_all(bytes)?,
        Act::Drip(bytes, pause) => {
            for byte in bytes {
                stream.write_all(&[*byte])?;
                thread::sleep(*pause);
            }
        }
        Act::Wait(pause) => thread::sleep(*pause),
        Act::Flood(bytes) => loop {
            stream.write_all(bytes)?;
        },
        Act::Hold => {
            std::io::copy(stream, &mut std::io::sink())?;
            return Ok(false);
        }
        Act::Close => return Ok(false),
        Act::Reset => {
            let now = nix::libc::linger { l_onoff: 1, l_linger: 0 };
            nix::sys::socket::setsockopt(stream, nix::sys::socket::sockopt::Linger, &now)?;
            return Ok(false);
        }
    }
    Ok(true)
}

fn read_request(stream: &mut TcpStream) -> Option<String> {
    let (mut all, mut buffer) = (Vec::new(), [0; 16 << 10]);
    loop {
        let text = String::from_utf8_lossy(&all).into_owned();
        if let Some(end) = text.find("\r\n\r\n") {
            let length = text.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
            if all.len() >= end + 4 + length.map_or(0, |length| length.parse().unwrap()) {
                return Some(text);
            }
        }
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return None,
            Ok(read) => all.extend_from_slice(&buffer[..read]),
        }
    }
}

/// A good answer: a pause, then a token a chunk, and the connection stays.
fn good(kind: Kind) -> Vec<Act> {
    let mut acts = vec![Act::text(&kind.head())];
    acts.push(Act::Wait(GOOD_TTFT));
    if kind == Kind::Whole {
        return vec![Act::Wait(GOOD_TTFT), Act::text(&Kind::whole_answer(GOOD_TOKENS))];
    }
    for _ in 0..GOOD_TOKENS {
        acts.extend([Act::chunk(&kind.token(" word")), Act::Wait(Duration::from_millis(3))]);
    }
    acts.push(Act::text(
        &(kind.end(GOOD_TOKENS).iter().map(|event| Act::framed(event)).collect::<String>() + "0\r\n\r\n"),
    ));
    acts
}
