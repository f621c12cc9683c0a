use crate::client::Client;
use crate::client::api::{Provider, Reading};
use crate::client::framing::Framing;
use crate::client::http1::{Body, parse_head};
use crate::client::observation::Observation;
use crate::client::openai_chat::OPENAI_CHAT;
use crate::client::openai_completions::OPENAI_COMPLETIONS;
use crate::client::refusal::{error_message, refusal};
use crate::client::sambastudio::{STUDIO_V1, STUDIO_V2};
use crate::client::stream::{Seen, take_event};
use crate::record::{Cause, RequestRecord};

use super::mutate::Mutator;

/// A parser, and what must hold of it for any bytes.
pub(super) struct Target {
    /// Of its directory in the corpus.
    pub(super) name: &'static str,
    pub(super) check: fn(&[u8], &mut Mutator),
}

pub(super) const TARGETS: &[Target] = &[
    Target { name: "sse", check: |input, mutator| events(Framing::Sse, input, mutator) },
    Target { name: "ndjson", check: |input, mutator| events(Framing::Ndjson, input, mutator) },
    Target { name: "http", check: http },
    Target { name: "openai_chat", check: |input, mutator| provider(&OPENAI_CHAT, input, mutator) },
    Target { name: "openai_completions", check: |input, mutator| provider(&OPENAI_COMPLETIONS, input, mutator) },
    Target { name: "sambastudio_v1", check: |input, mutator| provider(&STUDIO_V1, input, mutator) },
    Target { name: "sambastudio_v2", check: |input, mutator| provider(&STUDIO_V2, input, mutator) },
];

/// Name and data of an event.
type Event = (Vec<u8>, Vec<u8>);

/// The events in some pieces, under a bound on each; `None` where one is beyond it.
fn cut(framing: Framing, limit: usize, pieces: &[&[u8]]) -> Option<Vec<Event>> {
    let (mut parser, mut seen) = (framing.events(limit), Vec::new());
    for piece in pieces {
        let fed = parser.feed(piece, |event| {
            seen.push((event.name.to_vec(), event.data.to_vec()));
            true
        });
        fed.ok()?;
    }
    parser.finish(|event| {
        seen.push((event.name.to_vec(), event.data.to_vec()));
        true
    });
    Some(seen)
}

fn events(framing: Framing, input: &[u8], mutator: &mut Mutator) {
    let whole = cut(framing, input.len() + 1, &[input]).unwrap();
    assert_eq!(cut(framing, input.len() + 1, &mutator.pieces(input)).unwrap(), whole, "in other pieces");
    let held: usize = whole.iter().map(|(_, data)| data.len()).sum();
    assert!(held <= input.len(), "{held} bytes of events");
    let limit = mutator.below(64);
    if let Some(events) = cut(framing, limit, &mutator.pieces(input)) {
        assert!(events.iter().all(|(_, data)| data.len() <= limit), "more than {limit} bytes");
    }
}

/// The data of a body that comes in these pieces, and whether its framing holds.
fn body(mut body: Body, pieces: &[&[u8]]) -> (Vec<u8>, bool) {
    let mut data = Vec::new();
    for mut piece in pieces.iter().copied() {
        loop {
            match body.next(&mut piece) {
                Ok(Some(found)) => data.extend_from_slice(found),
                Ok(None) => break,
                Err(_) => return (data, false),
            }
        }
    }
    (data, true)
}

fn http(input: &[u8], mutator: &mut Mutator) {
    let Ok(Some((head, end))) = parse_head(input) else {
        let _ = error_message(input);
        return;
    };
    // However much of it came before: the same head, or none yet.
    let before = mutator.below(input.len());
    if let Ok(Some((early, early_end))) = parse_head(&input[..before]) {
        assert_eq!((early.status, early_end, early.body), (head.status, end, head.body.clone()));
    } else {
        assert!(before < end, "a head that ends at {end} is not seen in {before} bytes");
    }
    let rest = &input[end..];
    let (data, holds) = body(head.body.clone(), &[rest]);
    assert!(data.len() <= rest.len());
    assert_eq!(body(head.body, &mutator.pieces(rest)), (data.clone(), holds), "in other pieces");
    let failure = refusal(head.status, &head.headers, &data);
    assert!(matches!(failure.cause, Cause::HttpStatus | Cause::RateLimited));
}

/// What comes of a stream in these pieces: whether it failed, and the row.
fn streamed(provider: &dyn Provider, pieces: &[&[u8]]) -> (Option<Cause>, RequestRecord) {
    let mut observed = observation();
    let (mut parser, mut failed) = (provider.framing().events(1 << 20), None);
    let mut take = |name: &[u8], data: &[u8]| {
        let seen = take_event(provider, &mut observed, (name, data), 1);
        if let Seen::Failed(failure) = &seen {
            failed = Some(failure.cause);
        }
        matches!(seen, Seen::More)
    };
    let mut goes_on = true;
    for piece in pieces {
        parser
            .feed(piece, |event| {
                goes_on = take(event.name, event.data);
                goes_on
            })
            .unwrap();
        if !goes_on {
            break;
        }
    }
    if goes_on {
        parser.finish(|event| take(event.name, event.data));
    }
    (failed, crate::client::tests::record(observed))
}

fn observation() -> Observation {
    thread_local! {
        /// Making a client takes longer than feeding it.
        static CLIENT: Client = crate::client::tests::client("http://127.0.0.1:9/v1");
    }
    CLIENT.with(Client::observation)
}

fn provider(provider: &dyn Provider, input: &[u8], mutator: &mut Mutator) {
    let whole = streamed(provider, &[input]);
    let other = streamed(provider, &mutator.pieces(input));
    // A number that is none differs from itself.
    assert_eq!(format!("{other:?}"), format!("{whole:?}"), "in other pieces");
    let row = whole.1;
    assert!(row.chunks.len() <= input.len() && row.response_id.is_none_or(|id| id.chars().count() <= 200));
    assert!(row.server.extra.values().all(|value| value.is_finite()), "{:?}", row.server);
    if let Ok(Reading::Piece(piece) | Reading::Last(piece, _)) = provider.read_answer(input) {
        assert!(piece.content_bytes() <= 4 * input.len());
        let mut observed = observation();
        observed.take_answer(piece, input);
        crate::client::tests::record(observed);
    }
}
