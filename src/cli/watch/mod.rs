//! `infersweep run --watch`: runs, shows, waits for a change, runs what it touches.
//!
//! [`session`] is the story; `carry` its other half: one run, and what happens during it; a `subject` is a
//! scenario file and what became of it, the `roster` says which there are, `look` reads one, `cause` says why it is time again, `choice` what becomes of a repeat in flight, `floor`
//! which results still count, `in_flight` which one that is, `events` brings what
//! happens meanwhile, `keyboard` single keys, `screen` what the user sees.

mod carry;
mod cause;
mod choice;
mod events;
mod floor;
mod in_flight;
mod keyboard;
mod look;
mod roster;
mod screen;
mod session;
mod subject;

pub(super) use session::watch;
