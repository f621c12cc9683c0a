use std::collections::BTreeMap;

use super::gather::Gather;
use super::key::{key, value_of};

/// Bits by which a range is cut into buckets, and buckets of a page.
const BITS: u32 = 11;
/// Bits of the first cut: sign and exponent, and as many of the mantissa as a page has.
const FIRST_BITS: u32 = 12 + BITS;
/// All numbers there are.
const ALL: u32 = u64::BITS;

/// Numbers side by side, in which values at some ranks are looked for.
///
/// While few different ones come, they are kept. When they grow many they are only counted, in buckets; the next
/// time through the same numbers the buckets that hold a rank are ranges of their own.
#[derive(Debug, Clone)]
pub(super) struct Range {
    /// The least key.
    from: u64,
    /// Its keys are as many as this power of two.
    log_size: u32,
    /// Samples that are less than any of it.
    below: u64,
    /// Most different samples that are kept.
    limit: usize,
    content: Content,
}

#[derive(Debug, Clone)]
enum Content {
    Gathered(Gather),
    Counted(Buckets),
}

impl Range {
    /// Of all numbers.
    pub(super) fn all(limit: usize) -> Self {
        Self { from: 0, log_size: ALL, below: 0, limit, content: Content::Gathered(Gather::default()) }
    }

    /// Whether it begins at or before a key.
    pub(super) fn begins_by(&self, key: u64) -> bool {
        self.from <= key
    }

    /// Takes a sample, if it is in the range.
    pub(super) fn add(&mut self, value: f64, weight: u64) {
        let Some(offset) = key(value).checked_sub(self.from) else { return };
        if offset.checked_shr(self.log_size).is_some_and(|beyond| beyond > 0) {
            return;
        }
        match &mut self.content {
            Content::Counted(buckets) => buckets.add(offset, weight),
            Content::Gathered(gather) => {
                if !gather.add(value, weight, self.limit) {
                    self.count_only();
                }
            }
        }
    }

    /// The samples, where they are kept.
    pub(super) fn gathered(&self) -> Option<&Gather> {
        match &self.content {
            Content::Gathered(gather) => Some(gather),
            Content::Counted(_) => None,
        }
    }

    /// Ascending: bounds of samples, the same where they are kept, and how many there are.
    pub(super) fn bins(&self) -> Vec<(f64, f64, u64)> {
        match &self.content {
            Content::Gathered(gather) => gather.ascending().into_iter().map(|(value, n)| (value, value, n)).collect(),
            Content::Counted(buckets) => {
                let width = (1_u64 << buckets.log_width) - 1;
                let from = |index: u64| self.from + (index << buckets.log_width);
                buckets.each().map(|(i, count)| (value_of(from(i)), value_of(from(i) + width), count)).collect()
            }
        }
    }

    /// Takes all that another range of the same bounds has.
    pub(super) fn merge(&mut self, other: &Self) {
        match &other.content {
            Content::Gathered(gather) => gather.each().for_each(|(value, weight)| self.add(value, weight)),
            Content::Counted(theirs) => {
                self.count_only();
                if let Content::Counted(mine) = &mut self.content {
                    theirs.each().for_each(|(index, count)| mine.add(index << theirs.log_width, count));
                }
            }
        }
    }

    fn count_only(&mut self) {
        if let Content::Gathered(gather) = &self.content {
            let mut buckets = Buckets::of(self.log_size);
            gather.each().for_each(|(value, weight)| buckets.add(key(value) - self.from, weight));
            self.content = Content::Counted(buckets);
        }
    }

    /// Finds the values at those of the ascending `ranks` that lie here, or else the ranges that hold them.
    pub(super) fn narrow(&self, ranks: &[u64], limit: usize, found: &mut BTreeMap<u64, f64>) -> Vec<Self> {
        let mut narrower = Vec::new();
        let mut below = self.below;
        let mut ranks = ranks.iter().copied().skip_while(|rank| *rank < self.below).peekable();
        let mut within = |upto: u64| std::iter::from_fn(|| ranks.next_if(|rank| *rank < upto)).collect::<Vec<_>>();
        match &self.content {
            Content::Gathered(gather) => {
                for (value, weight) in gather.ascending() {
                    below += weight;
                    found.extend(within(below).into_iter().map(|rank| (rank, value)));
                }
            }
            Content::Counted(buckets) => {
                for (index, count) in buckets.each() {
                    let here = within(below + count);
                    let from = self.from + (index << buckets.log_width);
                    if buckets.log_width == 0 {
                        found.extend(here.into_iter().map(|rank| (rank, value_of(from))));
                    } else if !here.is_empty() {
                        let content = Content::Gathered(Gather::default());
                        narrower.push(Self { from, log_size: buckets.log_width, below, limit, content });
                    }
                    below += count;
                }
            }
        }
        narrower
    }
}

/// How many samples there are in each of the equal parts of a range; pages of them, where there are any.
#[derive(Debug, Clone)]
struct Buckets {
    /// A part has as many keys as this power of two.
    log_width: u32,
    pages: BTreeMap<u64, Box<[u64; 1 << BITS]>>,
}

impl Buckets {
    fn of(log_size: u32) -> Self {
        let bits = if log_size == ALL { FIRST_BITS } else { BITS };
        Self { log_width: log_size.saturating_sub(bits), pages: BTreeMap::new() }
    }

    fn add(&mut self, offset: u64, count: u64) {
        let index = offset >> self.log_width;
        let page = self.pages.entry(index >> BITS).or_insert_with(|| Box::new([0; 1 << BITS]));
        let slot = (index & ((1 << BITS) - 1)) as usize;
        page[slot] += count;
    }

    /// The parts that have samples, in order, each with how many.
    fn each(&self) -> impl Iterator<Item = (u64, u64)> {
        self.pages.iter().flat_map(|(page, counts)| {
            let indices = page << BITS..;
            indices.zip(counts.iter().copied()).filter(|(_, count)| *count > 0)
        })
    }
}
