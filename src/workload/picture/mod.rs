//! Pictures: those of files, sent as they are, and those made here, of any size and like no other.
//!
//! A made picture is a gradient under noise, so that it is compressed like a photograph. Every request has its own
//! pixels, not only its own bytes: servers know a picture again by what it shows.

mod file;
mod gallery;
mod jpeg;
mod pixels;
#[cfg(test)]
mod tests;

pub use file::{Picture, PictureError};
pub use gallery::Pictures;
