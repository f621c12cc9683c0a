//! The columns of `requests/*.parquet`: one list, which the writer, the reader, the docs and the tests share.
//!
//! [`fixed`] has the columns that every run has, [`axes`] those of the matrix, [`RowSchema`] puts them in order.

mod arrays;
mod axes;
mod column;
mod fixed;
mod lists;
mod row_schema;

pub use axes::VarType;
pub use column::Column;
pub use fixed::fixed_columns;
pub use row_schema::{RowSchema, VarColumn};

pub(super) use arrays::{Misfit, fill};
pub(super) use column::Row;

#[cfg(test)]
mod tests;
