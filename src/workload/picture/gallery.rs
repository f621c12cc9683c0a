use std::sync::{Arc, OnceLock};

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder, ImageError};
use rand::RngExt;

use super::file::Picture;
use super::jpeg::Joiner;
use super::pixels::{BAND, Pattern, mosaic};
use crate::diagnostic::{Code, Fault};
use crate::scenario::{ImageFormat, PromptImages};
use crate::seed::Seed;
use crate::units::ImageSize;

/// Pictures whose bands a JPEG is put together of.
const BASES: u32 = 2;

/// The pictures of one repeat of a cell. Those of any request can be made at any time by any thread.
///
/// A PNG is made anew for each request. Encoding a JPEG takes five times as long, so it is put together: of bands of two
/// pictures that are encoded once, and of one band of its own.
#[derive(Debug)]
pub struct Pictures {
    width: u32,
    height: u32,
    images: PromptImages,
    /// Of what all runs share.
    content: Seed,
    /// Of what no other request has; `None`: every request has the same pictures.
    salt: Option<Seed>,
    bands: OnceLock<Result<Bands, ImageError>>,
    same: OnceLock<Vec<Arc<Picture>>>,
}

/// What JPEGs are put together of.
#[derive(Debug)]
struct Bands {
    joiner: Joiner,
    /// For each band of a picture, its coded data in each of the bases.
    coded: Vec<Vec<Vec<u8>>>,
}

impl Pictures {
    /// The pictures of a size; `None` for no pictures. With a `salt` no two requests have the same.
    #[must_use]
    pub fn new(size: ImageSize, images: PromptImages, content: Seed, salt: Option<Seed>) -> Option<Self> {
        let ImageSize::Pixels { width, height } = size else { return None };
        let content = content.child("picture");
        let salt = salt.map(|salt| salt.child("picture"));
        let (bands, same) = (OnceLock::new(), OnceLock::new());
        Some(Self { width, height, images, content, salt, bands, same })
    }

    /// The pictures of the `index`-th request of a phase.
    pub fn of(&self, phase: &str, index: u64) -> Result<Vec<Arc<Picture>>, Fault> {
        let made = match self.salt {
            Some(salt) => {
                let place = |seed: Seed| seed.child(phase).index(index);
                self.make(place(self.content), place(salt))
            }
            None => match self.same.get() {
                Some(same) => Ok(same.clone()),
                None => self
                    .make(self.content.child("same"), self.content.child("salt"))
                    .map(|made| self.same.get_or_init(|| made).clone()),
            },
        };
        made.map_err(|why| Fault::error(Code::BadValue, format!("a {}x{} picture: {why}", self.width, self.height)))
    }

    fn make(&self, content: Seed, salt: Seed) -> Result<Vec<Arc<Picture>>, String> {
        let picture = |number: u32| {
            let (content, salt) = (content.index(number.into()), salt.index(number.into()));
            let picture = match self.images.format {
                ImageFormat::Jpeg => Picture { mime: "image/jpeg", bytes: self.jpeg(content, salt)?.into() },
                ImageFormat::Png => Picture { mime: "image/png", bytes: self.png(salt).map_err(text)?.into() },
            };
            Ok(Arc::new(picture))
        };
        (0..self.images.count).map(picture).collect()
    }

    fn png(&self, salt: Seed) -> Result<Vec<u8>, ImageError> {
        let pattern = Pattern::new(self.width, self.height, salt.child("pattern"));
        let pixels = pattern.rows(0..self.height, &mut salt.rng());
        let mut encoded = Vec::new();
        // One filter for all rows is as good as the best for each: the noise is what takes the room.
        PngEncoder::new_with_quality(&mut encoded, CompressionType::Fast, FilterType::Sub).write_image(
            &pixels,
            self.width,
            self.height,
            ExtendedColorType::Rgb8,
        )?;
        Ok(encoded)
    }

    fn jpeg(&self, content: Seed, salt: Seed) -> Result<Vec<u8>, String> {
        let Bands { joiner, coded } = self.bands.get_or_init(|| self.encode_bands()).as_ref().map_err(text)?;
        let mut rng = content.rng();
        let mut bands: Vec<&[u8]> =
            coded.iter().map(|bases| bases[rng.random_range(0..bases.len())].as_slice()).collect();
        let own = joiner.band(&mosaic(self.width, &mut salt.rng())).map_err(text)?;
        let place = rng.random_range(0..bands.len());
        bands[place] = &own;
        Ok(joiner.join(&bands))
    }

    fn encode_bands(&self) -> Result<Bands, ImageError> {
        let joiner = Joiner::new(self.width, self.height, self.images.quality)?;
        let bases: Vec<_> = (0..BASES)
            .map(|base| {
                let seed = self.content.child("base").index(base.into());
                (Pattern::new(self.width, self.height, seed.child("pattern")), seed)
            })
            .collect();
        let band = |number: u32| {
            let rows = number * BAND..(number + 1) * BAND;
            let coded = |(pattern, seed): &(Pattern, Seed)| {
                joiner.band(&pattern.rows(rows.clone(), &mut seed.index(number.into()).rng()))
            };
            bases.iter().map(coded).collect::<Result<Vec<_>, _>>()
        };
        let coded = (0..self.height.div_ceil(BAND)).map(band).collect::<Result<Vec<_>, _>>()?;
        Ok(Bands { joiner, coded })
    }
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
