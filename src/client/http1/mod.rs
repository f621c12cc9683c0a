//! HTTP/1.1 answers from bytes: their heads by `httparse`, their bodies' framing by RFC 9112.
//!
//! The timed path frames answers itself, in the poll that read them and in one buffer that all streams of a thread
//! share: nothing is allocated for an event, and what a read brought has that read's stamp.

mod body;
mod connection;
mod head;

pub(crate) use body::{BadFraming, Body};
pub(crate) use connection::Connection;
pub(crate) use head::{BadHead, Head, parse_head};
