//! Runs in object storage: S3, Google Cloud Storage, Azure.
//!
//! A run is written to a local directory as ever; [`Mirror`] sends its files to a [`Remote`] as they become final, on a
//! thread of its own that gives way to the measuring. What is there already, by size and checksum, is not sent again, so
//! that pushing once more takes up an upload that was cut off. Without the feature `object-store` every [`Remote`]
//! refuses by name.

mod address;
mod error;
#[cfg(feature = "object-store")]
mod files;
mod mirror;
#[cfg(feature = "object-store")]
mod providers;
#[cfg(feature = "object-store")]
mod push;
#[cfg(feature = "object-store")]
mod reach;
mod sent;
#[cfg(not(feature = "object-store"))]
mod unbuilt;

#[cfg(all(test, feature = "object-store"))]
mod tests;

pub use address::{Provider, RemoteAddress, is_remote};
pub use error::RemoteError;
pub use mirror::Mirror;
#[cfg(feature = "object-store")]
pub use reach::Remote;
pub use sent::{Sent, Stage};
#[cfg(not(feature = "object-store"))]
pub use unbuilt::Remote;

/// What a provider is told besides the address, by the names of environment variables: `AWS_...`, `GOOGLE_...`,
/// `AZURE_...`.
pub type RemoteSettings = std::collections::BTreeMap<String, String>;
