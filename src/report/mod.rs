//! Views of stored runs, drawn from summaries alone: the comparison table, its Markdown and CSV, the plan's table.

mod aligned;
mod axes;
mod campaign;
mod changes;
mod clients;
mod comparison;
mod csv;
mod digits;
mod figures;
mod grid;
mod marks;
mod notes;
mod pivot;
mod plan;
mod reused;
mod search;
mod servers;
mod steady;
mod stopped;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_of_changes;
mod unverified;

pub use aligned::{TextColumn, aligned};
pub use campaign::{CampaignPlanRow, campaign_cells, campaign_plan_table};
pub use changes::Earlier;
pub use comparison::{ComparisonTable, comparison, comparison_markdown, comparison_since, steady_comparison};
pub use csv::summary_csv;
pub use pivot::{PivotFigure, UnknownFigure, pivot};
pub use plan::plan_table;
pub use search::search_lines;
pub use servers::server_tables;
