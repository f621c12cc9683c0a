//! Pictures are what they say they are, and no two are alike.

use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::scenario::{ImageFormat, PromptImages};
use crate::seed::Seed;
use crate::units::ImageSize;

fn pictures(width: u32, height: u32, images: PromptImages, content: u64, salt: Option<u64>) -> Pictures {
    Pictures::new(ImageSize::Pixels { width, height }, images, Seed::root(content), salt.map(Seed::root)).unwrap()
}

fn images(format: ImageFormat, quality: u8) -> PromptImages {
    PromptImages { count: 1, format, quality }
}

/// The pixels, as any other decoder sees them; the type must be the one that is told.
fn decoded(picture: &Picture) -> image::RgbImage {
    let format = image::ImageFormat::from_mime_type(picture.mime).unwrap();
    image::load_from_memory_with_format(&picture.bytes, format).unwrap().to_rgb8()
}

fn one(pictures: &Pictures, index: u64) -> Arc<Picture> {
    let mut made = pictures.of("measure", index).unwrap();
    assert_eq!(made.len(), 1);
    made.remove(0)
}

const BOTH: [PromptImages; 2] = [
    PromptImages { count: 1, format: ImageFormat::Jpeg, quality: 85 },
    PromptImages { count: 1, format: ImageFormat::Png, quality: 85 },
];

#[test]
fn every_request_has_its_own_pixels_and_the_same_seeds_the_same_bytes() {
    for options in BOTH {
        let made = pictures(60, 44, options, 1, Some(2));
        let all: BTreeSet<Vec<u8>> = (0..50).map(|index| decoded(&one(&made, index)).into_raw()).collect();
        assert_eq!(all.len(), 50, "{options:?}");
        assert_eq!(one(&made, 7), one(&pictures(60, 44, options, 1, Some(2)), 7));
        assert_ne!(one(&made, 7), one(&pictures(60, 44, options, 1, Some(3)), 7));
        let warmup = made.of("warmup", 7).unwrap().remove(0);
        assert_ne!(decoded(&warmup), decoded(&one(&made, 7)), "phases differ too");
    }
}

#[test]
fn without_a_salt_every_request_and_every_run_has_the_same_pictures() {
    for options in BOTH {
        let options = PromptImages { count: 2, ..options };
        let of = |index| pictures(30, 20, options, 1, None).of("measure", index).unwrap();
        assert_eq!(of(0), of(9));
        assert_ne!(of(0)[0], of(0)[1], "those of one request differ");
    }
}

#[test]
fn a_request_has_as_many_as_asked_for_and_none_for_na() {
    let made = pictures(16, 16, PromptImages { count: 3, ..BOTH[0] }, 1, Some(1)).of("measure", 0).unwrap();
    let different: BTreeSet<_> = made.iter().map(|picture| picture.bytes.clone()).collect();
    assert_eq!((made.len(), different.len()), (3, 3));
    assert!(Pictures::new(ImageSize::Na, BOTH[0], Seed::root(0), None).is_none());
}

#[test]
fn the_coarsest_jpeg_is_still_like_no_other() {
    let made = pictures(64, 64, images(ImageFormat::Jpeg, 1), 1, Some(2));
    let all: BTreeSet<Vec<u8>> = (0..100).map(|index| decoded(&one(&made, index)).into_raw()).collect();
    assert_eq!(all.len(), 100);
}

#[test]
fn made_pictures_have_the_size_of_photographs() {
    for (options, least, most) in [(BOTH[0], 0.25, 0.6), (BOTH[1], 1.5, 2.9)] {
        let bytes = one(&pictures(256, 256, options, 1, Some(2)), 0).bytes.len();
        let each = f64::from(u32::try_from(bytes).unwrap()) / 65_536.0;
        assert!((least..most).contains(&each), "{options:?}: {each} bytes a pixel");
    }
    let fine = one(&pictures(256, 256, images(ImageFormat::Jpeg, 95), 1, Some(2)), 0);
    let coarse = one(&pictures(256, 256, images(ImageFormat::Jpeg, 40), 1, Some(2)), 0);
    assert!(fine.bytes.len() > 2 * coarse.bytes.len(), "quality counts");
}

/// A joined JPEG shows the rows of its bases, but for the band of its own.
#[test]
fn bands_come_out_where_they_were_put() {
    let (width, height) = (40, 64);
    let joined = pictures(width, height, images(ImageFormat::Jpeg, 95), 1, Some(2));
    let [first, second] = [0, 1].map(|index| decoded(&one(&joined, index)));
    let band =
        |image: &image::RgbImage, number: usize| image.as_raw()[number * 8 * 120..(number + 1) * 8 * 120].to_vec();
    let shared = (0..8).filter(|number| band(&first, *number) == band(&second, *number)).count();
    assert!((1..8).contains(&shared), "{shared} of 8 bands are alike");
}

#[test]
fn a_file_is_known_by_its_first_bytes_whatever_its_name_says() {
    let dir = tempfile::tempdir().unwrap();
    let png = one(&pictures(9, 9, BOTH[1], 1, None), 0).bytes.to_vec();
    let jpeg = one(&pictures(9, 9, BOTH[0], 1, None), 0).bytes.to_vec();
    for (name, bytes, expected) in [
        ("a.jpg", png, Ok("image/png")),
        ("b.png", jpeg, Ok("image/jpeg")),
        ("c", b"RIFF\x10\0\0\0WEBPVP8 ".to_vec(), Ok("image/webp")),
        ("d", b"GIF89a\x01\0\x01\0".to_vec(), Ok("image/gif")),
        ("e", b"BM\0\0\0\0".to_vec(), Ok("image/bmp")),
        ("f.png", b"<svg></svg>".to_vec(), Err("is not a picture")),
        ("g.png", Vec::new(), Err("is not a picture")),
        ("h.png", vec![0xFF; (20 << 20) + 1], Err("servers take pictures of up to 20971520")),
    ] {
        let path = dir.path().join(name);
        std::fs::write(&path, &bytes).unwrap();
        match (Picture::from_file(&path), expected) {
            (Ok(picture), Ok(mime)) => assert_eq!((picture.mime, picture.bytes), (mime, bytes.into()), "{name}"),
            (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{name}: {error}"),
            (made, _) => panic!("{name}: {made:?}"),
        }
    }
    let missing = Picture::from_file(&dir.path().join("none.png")).unwrap_err().to_string();
    assert!(missing.contains("cannot read") && missing.contains("none.png"), "{missing}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn any_size_decodes_to_that_size(width in 1..90_u32, height in 1..90_u32, quality in 1..=100_u8, png: bool) {
        let format = if png { ImageFormat::Png } else { ImageFormat::Jpeg };
        let made = pictures(width, height, images(format, quality), 1, Some(2));
        prop_assert_eq!(decoded(&one(&made, 0)).dimensions(), (width, height));
    }
}
