use super::window::Window;
use crate::time::MonotonicNs;

/// Parts of a window whose figures are compared.
pub(super) const SLICES: usize = 16;

/// Something that is counted over a window, in parts of equal length.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Slices(pub(super) [f64; SLICES]);

impl Slices {
    /// Adds an amount that came evenly between two moments, or at one.
    pub(super) fn add(&mut self, window: &Window, amount: f64, from_ns: MonotonicNs, to_ns: MonotonicNs) {
        if to_ns <= from_ns {
            if let Some(slice) = slice_of(window, from_ns) {
                self.0[slice] += amount;
            }
            return;
        }
        let first = slice_of(window, from_ns.max(window.from_ns));
        let last = slice_of(window, to_ns.min(window.to_ns - 1));
        if let (Some(first), Some(last)) = (first, last) {
            for slice in first..=last {
                self.0[slice] += amount * part(window, slice).share(from_ns, to_ns);
            }
        }
    }

    /// Over the whole window.
    pub(super) fn total(&self) -> f64 {
        self.0.iter().sum()
    }
}

/// The part that a moment lies in.
pub(super) fn slice_of(window: &Window, at_ns: MonotonicNs) -> Option<usize> {
    if at_ns < window.from_ns || at_ns >= window.to_ns {
        return None;
    }
    let parts = i128::from(at_ns - window.from_ns) * SLICES as i128 / i128::from(window.length_ns());
    usize::try_from(parts).ok()
}

fn part(window: &Window, slice: usize) -> Window {
    let edge = |slice: usize| {
        // The least moment of the slice, so that every moment is in one only.
        let scaled = i128::from(window.length_ns()) * slice as i128 + SLICES as i128 - 1;
        window.from_ns + i64::try_from(scaled / SLICES as i128).unwrap_or(i64::MAX)
    };
    Window { from_ns: edge(slice), to_ns: edge(slice + 1), ..*window }
}
