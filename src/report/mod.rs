//! Views of stored runs, drawn from summaries alone: the comparison table, its Markdown and CSV, the plan's table.

mod aligned;
mod axes;
mod campaign;
mod changes;
mod checks;
mod clients;
mod comparison;
mod csv;
mod digits;
mod failures;
mod figures;
mod github;
mod grid;
mod junit;
mod marks;
mod notes;
mod pivot;
mod plan;
mod reused;
mod scraped;
mod search;
mod servers;
mod steady;
mod stopped;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_of_changes;
mod unverified;
mod verdicts;

pub use aligned::{TextColumn, aligned};
pub use campaign::{CampaignPlanRow, campaign_cells, campaign_plan_table};
pub use changes::Earlier;
pub use checks::check_table;
pub use comparison::{ComparisonTable, comparison, comparison_markdown, comparison_since, steady_comparison};
pub use csv::summary_csv;
pub use github::github_annotations;
pub use junit::junit_xml;
pub use pivot::pivot;
pub use plan::plan_table;
pub use search::search_lines;
pub use servers::server_tables;
pub use verdicts::{VerdictTable, verdict_table, verdicts_json, verdicts_page};
