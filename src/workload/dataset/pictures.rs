use std::path::Path;

use bytes::Bytes;

use crate::workload::Picture;

/// The picture of a file, as it is.
pub(super) fn load(path: &Path) -> Result<Picture, String> {
    let bytes = std::fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let mime = mime_of(&bytes).ok_or_else(|| format!("{} is no PNG, JPEG, GIF or WebP picture", path.display()))?;
    Ok(Picture { mime, bytes: Bytes::from(bytes) })
}

/// The MIME type by the first bytes of a file; `None` for what is no picture that servers take.
fn mime_of(head: &[u8]) -> Option<&'static str> {
    Some(match head {
        [0x89, b'P', b'N', b'G', ..] => "image/png",
        [0xff, 0xd8, 0xff, ..] => "image/jpeg",
        [b'G', b'I', b'F', b'8', ..] => "image/gif",
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => "image/webp",
        _ => return None,
    })
}
