//! HTTP/2 (RFC 9113) by the `h2` crate, with stamps of its own.
//!
//! A connection is driven by a task and shared by streams, so a frame may be read long before the request that it is for
//! looks at it. Therefore the stamps are taken below: every byte of a connection passes a [`Ledger`], which knows the frames and
//! notes for each stream when its request left and when each piece of its answer was whole. A stream looks its stamps up
//! there, however late it is.

mod frames;
mod ledger;
mod session;
mod stream;
mod watched;

pub(crate) use session::Session;
pub(crate) use stream::Stream;
