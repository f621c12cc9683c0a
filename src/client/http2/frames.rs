/// Bytes of a frame's header.
const HEADER: usize = 9;

pub(super) const DATA: u8 = 0;
pub(super) const HEADERS: u8 = 1;
pub(super) const SETTINGS: u8 = 4;
pub(super) const GO_AWAY: u8 = 7;
pub(super) const CONTINUATION: u8 = 9;
/// Flag: the last frame of a head.
pub(super) const END_HEADERS: u8 = 0x4;
/// Flag: the payload begins with the length of the padding at its end.
const PADDED: u8 = 0x8;

/// A frame, as far as its header and its padding tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) kind: u8,
    pub(super) flags: u8,
    pub(super) stream: u32,
    /// Bytes of its payload without padding.
    pub(super) data: u32,
}

/// What is seen of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    /// Its header is whole.
    Begun(Frame),
    /// All of it is.
    Ended(Frame),
}

/// Finds frames in the bytes of one direction of a connection, whatever pieces they come in.
#[derive(Debug)]
pub(super) struct Frames {
    /// Bytes before the first frame that are still to come.
    preface: usize,
    header: [u8; HEADER],
    /// Bytes of the header that are there.
    have: usize,
    /// The frame whose payload is passing, and how much of it is to come.
    passing: Option<(Frame, u32)>,
}

impl Frames {
    /// Frames behind so many bytes of something else.
    pub(super) fn behind(preface: usize) -> Self {
        Self { preface, header: [0; HEADER], have: 0, passing: None }
    }

    /// Takes the next bytes and tells of what begins and ends in them.
    pub(super) fn feed(&mut self, mut bytes: &[u8], mut tell: impl FnMut(Seen)) {
        let skipped = self.preface.min(bytes.len());
        self.preface -= skipped;
        bytes = &bytes[skipped..];
        while !bytes.is_empty() {
            match &mut self.passing {
                Some((frame, left)) => {
                    if self.have == HEADER {
                        // The first byte of a payload: the header is still held.
                        self.have = 0;
                        if frame.kind == DATA && frame.flags & PADDED != 0 {
                            frame.data = frame.data.saturating_sub(1 + u32::from(bytes[0]));
                        }
                    }
                    let taken = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                    bytes = &bytes[taken..];
                    *left = left.saturating_sub(u32::try_from(taken).unwrap_or(u32::MAX));
                    if *left == 0 {
                        tell(Seen::Ended(*frame));
                        self.passing = None;
                    }
                }
                None => {
                    let taken = (HEADER - self.have).min(bytes.len());
                    self.header[self.have..self.have + taken].copy_from_slice(&bytes[..taken]);
                    self.have += taken;
                    bytes = &bytes[taken..];
                    if self.have == HEADER {
                        self.begin(&mut tell);
                    }
                }
            }
        }
    }

    fn begin(&mut self, tell: &mut impl FnMut(Seen)) {
        let [a, b, c, kind, flags, id @ ..] = self.header;
        let length = u32::from_be_bytes([0, a, b, c]);
        let frame = Frame { kind, flags, stream: u32::from_be_bytes(id) & 0x7fff_ffff, data: length };
        tell(Seen::Begun(frame));
        if length == 0 {
            tell(Seen::Ended(frame));
            self.have = 0;
        } else {
            self.passing = Some((frame, length));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::tests::pieces;
    use proptest::prelude::*;

    fn frame_bytes(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
    }

    proptest! {
        #[test]
        fn frames_are_found_whatever_the_pieces(
            frames in prop::collection::vec((0_u8..10, 1_u32..9, 0_usize..300, 0_u8..20), 0..12),
            sizes in prop::collection::vec(1_usize..40, 1..20),
        ) {
            let (mut bytes, mut expected) = (b"preface".to_vec(), Vec::new());
            for (kind, stream, length, padding) in frames {
                let padded = kind == DATA && padding > 0;
                let mut payload = vec![7; length];
                if padded {
                    payload.insert(0, padding);
                    payload.extend(vec![0; padding.into()]);
                }
                let flags = if padded { PADDED } else { 0 };
                bytes.extend(frame_bytes(kind, flags, stream, &payload));
                expected.push(Frame { kind, flags, stream, data: u32::try_from(length).unwrap() });
            }
            let (mut frames, mut ended) = (Frames::behind(7), Vec::new());
            for piece in pieces(&bytes, &sizes) {
                frames.feed(piece, |seen| if let Seen::Ended(frame) = seen { ended.push(frame) });
            }
            prop_assert_eq!(ended, expected);
        }
    }

    #[test]
    fn a_frame_ends_with_its_last_byte_and_begins_with_its_header() {
        let bytes = frame_bytes(HEADERS, END_HEADERS, 3, b"abc");
        let mut frames = Frames::behind(0);
        let mut seen = Vec::new();
        for (at, byte) in bytes.iter().enumerate() {
            frames.feed(&[*byte], |one| seen.push((at, matches!(one, Seen::Ended(_)))));
        }
        assert_eq!(seen, [(8, false), (11, true)]);
    }
}
