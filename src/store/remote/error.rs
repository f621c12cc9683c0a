use super::RemoteAddress;
use crate::store::StoreError;

/// Why object storage could not be used. Messages are one line, without secrets.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    /// No address of object storage.
    #[error("`{address}` is no place in object storage: {why}")]
    Address {
        /// What was written.
        address: String,
        /// What is wrong with it.
        why: String,
    },
    /// This build has no object storage.
    #[error("{address}: this build of infersweep has no object storage; build it with `--features object-store`")]
    Unbuilt {
        /// The place.
        address: RemoteAddress,
    },
    /// The settings do not make a client.
    #[error("{address} cannot be used: {why}")]
    Settings {
        /// The place.
        address: RemoteAddress,
        /// What is wrong.
        why: String,
    },
    /// The key is not there or is refused.
    #[error("{address} refuses access: {why}")]
    Refused {
        /// The place.
        address: RemoteAddress,
        /// What the store says.
        why: String,
    },
    /// The bucket, or the object, is not there.
    #[error("{address} does not exist: {why}")]
    Missing {
        /// The place.
        address: RemoteAddress,
        /// What the store says.
        why: String,
    },
    /// Anything else that the store, or the way to it, does.
    #[error("{address}: {why}")]
    Failed {
        /// The place.
        address: RemoteAddress,
        /// What happened.
        why: String,
    },
    /// The local files.
    #[error(transparent)]
    Local(#[from] StoreError),
}
