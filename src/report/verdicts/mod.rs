//! Comparisons as they are read: on a terminal, in Markdown, in JSON and as a page.

mod json;
mod page;
mod table;
mod words;

pub use json::verdicts_json;
pub use page::verdicts_page;
pub use table::{VerdictTable, verdict_table};
