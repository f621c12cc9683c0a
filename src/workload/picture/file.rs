use std::path::{Path, PathBuf};

use bytes::Bytes;
use image::ImageFormat;

/// The largest picture file that is taken, in bytes: what OpenAI's API takes, and what others follow.
const LARGEST_FILE: u64 = 20 << 20;

/// Formats that some vision model takes.
const FORMATS: [ImageFormat; 7] = [
    ImageFormat::Jpeg,
    ImageFormat::Png,
    ImageFormat::WebP,
    ImageFormat::Gif,
    ImageFormat::Bmp,
    ImageFormat::Tiff,
    ImageFormat::Avif,
];

/// An encoded picture as it goes out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Its MIME type, as `image/png`.
    pub mime: &'static str,
    /// The file's bytes.
    pub bytes: Bytes,
}

/// Why a file is not sent as a picture.
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    /// It cannot be read.
    #[error("cannot read {}: {error}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// Its first bytes are those of no picture.
    #[error("{} is not a picture: neither JPEG, PNG, WebP, GIF, BMP, TIFF nor AVIF by its first bytes", path.display())]
    NotAPicture {
        /// The file.
        path: PathBuf,
    },
    /// It is larger than providers take.
    #[error("{} has {bytes} bytes: servers take pictures of up to {LARGEST_FILE}", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
    },
}

impl Picture {
    /// A file as it is. Its type is told by its first bytes, whatever its name says.
    pub fn from_file(path: &Path) -> Result<Self, PictureError> {
        let path = || path.to_owned();
        let unreadable = |error| PictureError::Unreadable { path: path(), error };
        let bytes = std::fs::metadata(path()).map_err(unreadable)?.len();
        if bytes > LARGEST_FILE {
            return Err(PictureError::TooLarge { path: path(), bytes });
        }
        let bytes = std::fs::read(path()).map_err(unreadable)?;
        let mime = mime_of(&bytes).ok_or_else(|| PictureError::NotAPicture { path: path() })?;
        Ok(Self { mime, bytes: bytes.into() })
    }
}

/// The MIME type that the first bytes of a picture tell.
fn mime_of(bytes: &[u8]) -> Option<&'static str> {
    let format = image::guess_format(bytes).ok().filter(|format| FORMATS.contains(format))?;
    Some(format.to_mime_type())
}
