//! Datasets: rows of a file of any size, found once and read again when they are sent.
//!
//! `scan` cuts a file into JSON values, whatever its format; `rows` keeps where they are; `row` says what one means;
//! `order` which comes when. Mode `custom` sends them as they are.

mod custom;
mod excerpt;
mod order;
mod row;
mod rows;
mod scan;
mod tables;
#[cfg(test)]
mod tests;

pub use custom::{Custom, CustomOrder};
pub(super) use custom::{content_seed, count_plain, show};
pub(super) use order::Order;
pub(super) use row::Row;
pub use rows::Rows;
