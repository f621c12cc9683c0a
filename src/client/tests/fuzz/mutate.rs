use rand_chacha::rand_core::Rng as _;

use super::corpus::Corpus;
use crate::seed::Rng;

/// Pieces that parsers treat in a way of their own.
const WORDS: &[&[u8]] = &[
    b"\n",
    b"\r",
    b"\r\n",
    b"\n\n",
    b"\r\r",
    b"data: ",
    b"data:",
    b"data",
    b":",
    b": ",
    b"event: error\n",
    b"error: ",
    b"id: \0\n",
    b"\xEF\xBB\xBF",
    b"\xFF",
    b"\xC3",
    b"\xED\xA0\x80",
    b"\xF0\x9F\x98",
    b"\0",
    b"[DONE]",
    b"data: [DONE]\n\n",
    b"{",
    b"}",
    b"[",
    b"]",
    b"\"",
    b"\\",
    b"\\u0000",
    b"\\ud800",
    b"\\udc00",
    b"\\n",
    b",",
    b"null",
    b"true",
    b"-1",
    b"0",
    b"1e400",
    b"-0.0",
    b"NaN",
    b"18446744073709551615",
    b"18446744073709551616",
    b"-9223372036854775809",
    b"0.1",
    b"{}",
    b"[]",
    b"\"\"",
    b"<think>",
    b"</think>",
    b"\"error\":",
    b"\"error\":null,",
    b"\"usage\":",
    b"\"choices\":",
    b"\"delta\":",
    b"\"content\":",
    b"\"finish_reason\":\"stop\"",
    b"\"is_last_response\":true,",
    b"\"completion\":",
    b"0\r\n\r\n",
    b"ffffffffffffffff\r\n",
    b"fffffffffffffffff\r\n",
    b"-1\r\n",
    b";",
    b"HTTP/1.1 100 Continue\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n",
    b"content-length: 5\r\n",
    b"content-length: 18446744073709551616\r\n",
    b"transfer-encoding: chunked\r\n",
    b"content-encoding: gzip\r\n",
    b"\x1f\x8b",
    b"\x15\x03\x03",
];

/// Bytes of an input at most, nearly.
const LARGEST: usize = 16 << 10;

/// Draws inputs, and cuts of them.
pub(super) struct Mutator {
    rng: Rng,
}

impl Mutator {
    pub(super) fn new(rng: Rng) -> Self {
        Self { rng }
    }

    /// A number below `bound`; 0 where there is none.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        if bound == 0 { 0 } else { usize::try_from(self.rng.next_u64() % bound as u64).unwrap() }
    }

    /// An entry of the corpus after a few mutations.
    pub(super) fn mutated(&mut self, corpus: &Corpus) -> Vec<u8> {
        let mut input = self.one_of(&corpus.entries).clone();
        for _ in 0..=self.below(6) {
            self.mutate(&mut input, corpus);
        }
        input
    }

    /// `bytes` in one to a few pieces, or byte by byte.
    pub(super) fn pieces<'b>(&mut self, mut bytes: &'b [u8]) -> Vec<&'b [u8]> {
        let longest = [1, 2, 7, 100, LARGEST][self.below(5)];
        let mut pieces = Vec::new();
        while !bytes.is_empty() {
            let (piece, rest) = bytes.split_at((1 + self.below(longest)).min(bytes.len()));
            pieces.push(piece);
            bytes = rest;
        }
        pieces
    }

    fn one_of<'l, T>(&mut self, list: &'l [T]) -> &'l T {
        &list[self.below(list.len())]
    }

    /// A range of `input`, mostly a short one.
    fn range(&mut self, input: &[u8]) -> std::ops::Range<usize> {
        let from = self.below(input.len() + 1);
        let longest = if self.below(4) == 0 { input.len() } else { 16 };
        from..(from + self.below(longest + 1)).min(input.len())
    }

    fn mutate(&mut self, input: &mut Vec<u8>, corpus: &Corpus) {
        let range = self.range(input);
        let at = range.start;
        match self.below(10) {
            0 if !input.is_empty() => {
                let bit = 1 << self.below(8);
                let at = self.below(input.len());
                input[at] ^= bit;
            }
            1 => drop(input.drain(range)),
            2 => input.truncate(at),
            3 => {
                let again = input[range].repeat(1 + self.below(4));
                input.splice(at..at, again);
            }
            4 => {
                // Deep: more than any parser should follow.
                let word = *self.one_of(&[b"[".as_slice(), b"{\"a\":", b"[[{\"error\":", b"\n", b"data: "]);
                let often = self.below(LARGEST / 10 / word.len());
                input.splice(at..at, word.repeat(often));
            }
            5 => {
                let other = self.one_of(&corpus.entries);
                let range = self.range(other);
                input.splice(at..at, other[range].iter().copied());
            }
            6 => {
                let other = self.one_of(&corpus.entries);
                let from = self.below(other.len() + 1);
                input.splice(at.., other[from..].iter().copied());
            }
            7 => drop(input.splice(range, self.one_of(WORDS).iter().copied())),
            8 => self.replace_number(input),
            _ => drop(input.splice(at..at, self.one_of(WORDS).iter().copied())),
        }
        input.truncate(LARGEST);
    }

    /// Puts a word in the place of a run of digits.
    fn replace_number(&mut self, input: &mut Vec<u8>) {
        let is_start = |at: &usize| input[*at].is_ascii_digit() && (*at == 0 || !input[*at - 1].is_ascii_digit());
        let starts: Vec<usize> = (0..input.len()).filter(is_start).collect();
        if starts.is_empty() {
            return;
        }
        let from = *self.one_of(&starts);
        let digits = input[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let word = *self.one_of(WORDS);
        input.splice(from..from + digits, word.iter().copied());
    }
}
