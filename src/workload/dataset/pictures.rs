use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use crate::workload::Picture;

/// How much of a picture is looked at before it is sent.
const HEAD: usize = 64 << 10;

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

fn unknown(path: &Path) -> String {
    format!("{} is no PNG, JPEG, GIF or WebP picture", path.display())
}

/// The picture of a file, as it is.
pub(super) fn load(path: &Path) -> Result<Picture, String> {
    let bytes = std::fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let mime = mime_of(&bytes).ok_or_else(|| unknown(path))?;
    Ok(Picture { mime, bytes: Bytes::from(bytes) })
}

/// Adds a picture to `hash` by its size and its beginning, which tell two pictures apart; an error when it is none.
pub(super) fn look_at(path: &Path, hash: &mut Sha256) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("cannot read {}: {error}", path.display());
    let file = File::open(path).map_err(failed)?;
    let size = file.metadata().map_err(failed)?.len();
    let mut head = Vec::new();
    file.take(HEAD as u64).read_to_end(&mut head).map_err(failed)?;
    mime_of(&head).ok_or_else(|| unknown(path))?;
    hash.update(size.to_le_bytes());
    hash.update(&head);
    Ok(())
}
