use std::collections::BTreeMap;

use super::{Axes, AxisName, AxisValue, Mode};
use crate::units::RequestCount;

/// The cells as the scenario writes them: a product, further products, single cells, and what goes.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Matrix {
    /// The product of `[matrix]`; `None` when it names no axis and blocks or includes do.
    pub product: Option<Block>,
    /// Products of their own, with their own axes.
    pub blocks: Vec<Block>,
    /// Single cells; what they leave out takes the defaults.
    pub include: Vec<Include>,
    /// Cells that go, but for those of `include`.
    pub exclude: Vec<Exclude>,
}

impl Matrix {
    /// Every mode that it names, and the default where it names none; one may come several times.
    pub fn modes(&self) -> impl Iterator<Item = Mode> {
        let of_block = |block: &Block| -> Vec<Mode> {
            let Some(values) = block.axes.get(&AxisName::Mode) else { return vec![Axes::default().mode()] };
            let mode = |value: &AxisValue| if let AxisValue::Mode(mode) = value { Some(*mode) } else { None };
            values.iter().filter_map(mode).collect()
        };
        self.product
            .iter()
            .chain(&self.blocks)
            .flat_map(of_block)
            .chain(self.include.iter().map(|cell| cell.axes.mode()))
    }
}

/// A product of axes.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Block {
    /// Each axis that is given, with its values in the order of the file.
    pub axes: BTreeMap<AxisName, Vec<AxisValue>>,
    /// Axes that are walked together, all of one length.
    pub zip: Vec<Vec<AxisName>>,
}

/// One more cell.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Include {
    /// Its values.
    pub axes: Axes,
    /// Measured requests of one repeat; those of `[load]` unless given.
    pub requests: Option<RequestCount>,
}

/// A cell goes when, for every key, its value is one of these.
#[derive(Debug, Clone, PartialEq)]
pub struct Exclude {
    /// The keys, each with the values any of which matches.
    pub axes: BTreeMap<AxisName, Vec<AxisValue>>,
    /// Where it stands, for the warning that it matches nothing: `matrix.exclude[0]`.
    pub place: String,
}
