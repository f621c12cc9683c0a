use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageEncoder, ImageError};

use super::pixels::BAND;

/// Marker codes, each after 0xFF; the first of eight restarts.
const SOF0: u8 = 0xC0;
const RST0: u8 = 0xD0;
const SOS: u8 = 0xDA;
const DRI: u8 = 0xDD;
const EOI: u8 = 0xD9;

/// Joins bands that were encoded one by one into one picture, at the speed of copying.
///
/// A JPEG with a restart interval starts its prediction anew behind each restart marker, so the coded data of a row of
/// blocks is the same wherever the row lies: rows can be encoded ahead and put together in any order.
#[derive(Debug)]
pub(super) struct Joiner {
    /// All up to the first band's data.
    head: Vec<u8>,
    width: u32,
    quality: u8,
}

impl Joiner {
    /// For pictures of one size and quality.
    pub(super) fn new(width: u32, height: u32, quality: u8) -> Result<Self, ImageError> {
        let black = vec![0; 3 * (width * BAND) as usize];
        let encoded = encode(&black, width, quality)?;
        let Parts { before_scan, frame, scan_header, .. } = parts(&encoded);
        let mut head = before_scan.to_vec();
        // Behind the marker, the length and the precision.
        let height = u16::try_from(height).unwrap_or(u16::MAX).to_be_bytes();
        head[frame + 5..frame + 7].copy_from_slice(&height);
        let blocks = u16::try_from(width.div_ceil(BAND)).unwrap_or(u16::MAX).to_be_bytes();
        head.extend([0xFF, DRI, 0, 4, blocks[0], blocks[1]]);
        head.extend(scan_header);
        Ok(Self { head, width, quality })
    }

    /// The coded data of a band's pixels.
    pub(super) fn band(&self, pixels: &[u8]) -> Result<Vec<u8>, ImageError> {
        let encoded = encode(pixels, self.width, self.quality)?;
        Ok(parts(&encoded).scan.to_vec())
    }

    /// The picture of these bands from top to bottom.
    pub(super) fn join(&self, bands: &[&[u8]]) -> Vec<u8> {
        let length: usize = bands.iter().map(|band| band.len() + 2).sum();
        let mut picture = Vec::with_capacity(self.head.len() + length);
        picture.extend(&self.head);
        let restarts = (RST0..RST0 + 8).cycle().take(bands.len() - 1);
        for (band, marker) in bands.iter().zip(restarts.chain([EOI])) {
            picture.extend(*band);
            picture.extend([0xFF, marker]);
        }
        picture
    }
}

fn encode(pixels: &[u8], width: u32, quality: u8) -> Result<Vec<u8>, ImageError> {
    let mut encoded = Vec::new();
    JpegEncoder::new_with_quality(&mut encoded, quality).write_image(pixels, width, BAND, ExtendedColorType::Rgb8)?;
    Ok(encoded)
}

/// What an encoded band is made of.
struct Parts<'j> {
    before_scan: &'j [u8],
    /// Where the frame header's marker stands.
    frame: usize,
    scan_header: &'j [u8],
    /// The coded data, without the end's marker.
    scan: &'j [u8],
}

/// Walks over the segments of what our encoder writes: each is a marker, its length and its data.
fn parts(jpeg: &[u8]) -> Parts<'_> {
    let (mut at, mut frame) = (2, 0);
    loop {
        let (marker, length) = (jpeg[at + 1], u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
        let next = at + 2 + usize::from(length);
        match marker {
            SOF0 => frame = at,
            SOS => {
                let end = jpeg.len() - 2;
                return Parts { before_scan: &jpeg[..at], frame, scan_header: &jpeg[at..next], scan: &jpeg[next..end] };
            }
            _ => {}
        }
        at = next;
    }
}
