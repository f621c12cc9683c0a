//! Other tools' files in and out.
//!
//! `kit_csv` reads the bundle files of SambaNova's benchmarking kit: `kit_table` finds their cells and where each
//! stands, `kit_row` says what a row asks for, `scenario_text` writes the scenario.

mod kit_csv;
mod kit_row;
mod kit_table;
mod scenario_text;
#[cfg(test)]
mod tests;

pub use kit_csv::{Converted, kit_csv};
pub use scenario_text::Destination;
