use bytes::Bytes;

/// An encoded picture as it goes out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Its MIME type, as `image/png`.
    pub mime: &'static str,
    /// The file's bytes.
    pub bytes: Bytes,
}
