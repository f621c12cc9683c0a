//! Pictures: what they cost in prompt tokens.

use std::io::Cursor;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use image::ImageReader;

/// Pixels of a side of the square that is one token, as in Qwen's vision models: 2 x 2 patches of 14.
const SIDE: u32 = 28;
/// A picture whose size is not known: no data URL, or neither PNG nor JPEG.
const UNKNOWN: u64 = 256;
/// Characters of a data URL that are looked at: the size stands in the file's head. A multiple of four.
const HEAD: usize = 64 << 10;

/// The tokens of the picture behind a URL: one for each square of 28 x 28 pixels, begun ones included.
pub(super) fn tokens(url: &str) -> u64 {
    let squares = |pixels: u32| u64::from(pixels.div_ceil(SIDE));
    dimensions(url).map_or(UNKNOWN, |(width, height)| squares(width) * squares(height))
}

fn dimensions(url: &str) -> Option<(u32, u32)> {
    let (_, encoded) = url.strip_prefix("data:")?.split_once(";base64,")?;
    let head = STANDARD.decode(encoded.get(..HEAD).unwrap_or(encoded)).ok()?;
    ImageReader::new(Cursor::new(head)).with_guessed_format().ok()?.into_dimensions().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{DynamicImage, ImageFormat};

    #[test]
    fn a_token_is_a_square_of_28_pixels() {
        for (width, height, tokens_of_it) in [(56, 56, 4), (57, 56, 6), (1, 1, 1), (224, 448, 128)] {
            for (format, mime) in [(ImageFormat::Png, "image/png"), (ImageFormat::Jpeg, "image/jpeg")] {
                let mut file = Cursor::new(Vec::new());
                DynamicImage::new_rgb8(width, height).write_to(&mut file, format).unwrap();
                let url = format!("data:{mime};base64,{}", STANDARD.encode(file.into_inner()));
                assert_eq!(tokens(&url), tokens_of_it, "{width}x{height} {format:?}");
            }
        }
        for url in ["https://example.org/a.png", "data:image/png;base64,nonsense", "data:image/gif;base64,R0lGODlh", ""]
        {
            assert_eq!(tokens(url), UNKNOWN, "{url}");
        }
    }
}
