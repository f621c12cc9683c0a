use std::fmt;
use std::str::FromStr;

use super::UnitError;

/// The size of a generated image in pixels; `Na` means that no image is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ImageSize {
    /// No image.
    Na,
    /// Width and height in pixels.
    Pixels {
        /// Pixels a row.
        width: u32,
        /// Rows.
        height: u32,
    },
}

impl ImageSize {
    /// The named sizes: the word and the pixels of a side.
    pub const NAMED: [(&str, u32); 3] = [("small", 500), ("medium", 1000), ("large", 2000)];
    const LARGEST_SIDE: u32 = 16_384;
}

impl FromStr for ImageSize {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        const EXPECTED: &str = "\"na\", \"small\", \"medium\", \"large\" or a size in pixels, as \"1024x768\"";
        if text == "na" {
            return Ok(Self::Na);
        }
        if let Some((_, side)) = Self::NAMED.iter().find(|(name, _)| *name == text) {
            return Ok(Self::Pixels { width: *side, height: *side });
        }
        let side = |part: &str| part.parse().ok().filter(|pixels| (1..=Self::LARGEST_SIDE).contains(pixels));
        text.split_once('x')
            .and_then(|(width, height)| Some(Self::Pixels { width: side(width)?, height: side(height)? }))
            .ok_or_else(|| UnitError::new(format!("`{text}` is not an image size"), EXPECTED))
    }
}

impl fmt::Display for ImageSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Na => f.write_str("na"),
            Self::Pixels { width, height } => write!(f, "{width}x{height}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn named_sizes_are_pixels() {
        for (text, shown) in [("na", "na"), ("small", "500x500"), ("large", "2000x2000"), ("1024x768", "1024x768")] {
            assert_eq!(text.parse::<ImageSize>().unwrap().to_string(), shown);
        }
        for text in ["tiny", "0x5", "5", "5x", "20000x1", "1x2x3"] {
            assert!(text.parse::<ImageSize>().is_err(), "{text}");
        }
    }
}
