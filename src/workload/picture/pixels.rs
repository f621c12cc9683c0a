use std::ops::Range;

use rand_chacha::rand_core::Rng as _;

use crate::seed::{Rng, Seed};

/// Rows of a band, the height of a JPEG's blocks: pictures are made band by band.
pub(super) const BAND: u32 = 8;
/// Bytes of a pixel: red, green, blue.
const CHANNELS: usize = 3;
/// How far a gradient goes across and down; with the noise over both it stays within a byte.
const SPANS: (u8, u8) = (110, 113);
/// Noise is a byte shifted right by this: 0 to 31.
const NOISE_SHIFT: u32 = 3;

/// Colours that change slowly over a picture, of which noise makes something like a photograph.
#[derive(Debug)]
pub(super) struct Pattern {
    /// What each byte of a row has from the gradient across.
    across: Vec<u8>,
    /// Of each channel: how far down it goes, and whether it rises.
    down: [(u8, bool); CHANNELS],
    height: u32,
}

impl Pattern {
    /// The pattern of a seed.
    pub(super) fn new(width: u32, height: u32, seed: Seed) -> Self {
        let mut drawn = [0; 4 * CHANNELS];
        seed.rng().fill_bytes(&mut drawn);
        let channel = |at: usize| {
            let [across, down, rises_across, rises_down] = [0, 1, 2, 3].map(|part| drawn[4 * at + part]);
            ((across % SPANS.0, rises_across % 2 == 0), (down % SPANS.1, rises_down % 2 == 0))
        };
        let channels = [0, 1, 2].map(channel);
        let across = (0..width).flat_map(|x| channels.map(|(across, _)| ramp(x, width, across))).collect();
        Self { across, down: channels.map(|(_, down)| down), height }
    }

    /// Some rows under noise of `rng`, as RGB.
    pub(super) fn rows(&self, rows: Range<u32>, rng: &mut Rng) -> Vec<u8> {
        let mut pixels = noise(self.across.len() * rows.len(), rng);
        for (y, row) in rows.zip(pixels.chunks_exact_mut(self.across.len())) {
            let down = self.down.map(|down| ramp(y, self.height, down));
            for (pixel, across) in row.chunks_exact_mut(CHANNELS).zip(self.across.chunks_exact(CHANNELS)) {
                for channel in 0..CHANNELS {
                    pixel[channel] += across[channel] + down[channel];
                }
            }
        }
        pixels
    }
}

/// A band of squares of random colours under noise: no compression takes away what makes it unlike any other.
pub(super) fn mosaic(width: u32, rng: &mut Rng) -> Vec<u8> {
    let width = width as usize;
    let square = BAND as usize;
    let mut colours = vec![0; CHANNELS * width.div_ceil(square)];
    rng.fill_bytes(&mut colours);
    let mut pixels = noise(CHANNELS * width * square, rng);
    for row in pixels.chunks_exact_mut(CHANNELS * width) {
        for (x, pixel) in row.chunks_exact_mut(CHANNELS).enumerate() {
            let colour = &colours[CHANNELS * (x / square)..];
            for channel in 0..CHANNELS {
                pixel[channel] += colour[channel] - (colour[channel] >> NOISE_SHIFT);
            }
        }
    }
    pixels
}

fn noise(bytes: usize, rng: &mut Rng) -> Vec<u8> {
    let mut noise = vec![0; bytes];
    rng.fill_bytes(&mut noise);
    for byte in &mut noise {
        *byte >>= NOISE_SHIFT;
    }
    noise
}

/// The value at `at` of `of` places of a gradient that goes from 0 to `span`, or back; beyond its end it stays.
fn ramp(at: u32, of: u32, (span, rises): (u8, bool)) -> u8 {
    let value = u64::from(at.min(of)) * u64::from(span) / u64::from(of.max(1));
    let value = u8::try_from(value).unwrap_or(span);
    if rises { value } else { span - value }
}
