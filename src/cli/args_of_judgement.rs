//! The words of comparisons and gates.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

#[derive(Debug, Args)]
pub(super) struct Compare {
    /// What changes are counted from, then what is held against it. A run is a directory, NAME (its newest), NAME~1 (the
    /// one before), NAME/ID, ID or its end; Parquet files and summary.json do too
    #[arg(value_name = "RUN", required = true)]
    pub(super) runs: Vec<PathBuf>,
    /// Compare the values of this axis within one run: `model`, or `model=a,b` to say which, and which first
    #[arg(long, value_name = "AXIS")]
    pub(super) by: Option<String>,
    /// A figure to judge instead of all: `"ttft_ms p95"`, `error_rate`; may be repeated
    #[arg(long, value_name = "FIGURE")]
    pub(super) metric: Vec<String>,
    /// A change that does not matter: a share, a time, or the greater of both
    #[arg(long, value_name = "MARGIN", default_value = "2%,0.2ms")]
    pub(super) margin: String,
    /// Exit with 3 when missed: `"ttft_ms p95 +5%"`, `"output_token_throughput -3% interval"`, `worse`; may be repeated
    #[arg(long, value_name = "GATE")]
    pub(super) gate: Vec<String>,
    /// Compare also what is not comparable
    #[arg(long)]
    pub(super) force: bool,
    /// Show every figure, not only the main ones and those that changed
    #[arg(long)]
    pub(super) all: bool,
    /// What is printed
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub(super) format: CompareFormat,
    /// The same as --format json
    #[arg(long, conflicts_with = "format")]
    pub(super) json: bool,
    /// Write it to a file too, by its ending: .md, .json, .html, or .xml for gates as JUnit; may be repeated
    #[arg(long, value_name = "FILE")]
    pub(super) out: Vec<PathBuf>,
    /// The directory that holds the results of all runs, for runs that are named without it
    #[arg(long, value_name = "DIR", default_value = "results")]
    pub(super) results: PathBuf,
}

/// A form of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum CompareFormat {
    /// A table for the terminal.
    Table,
    /// Markdown.
    Markdown,
    /// For machines.
    Json,
    /// A page that needs nothing beside itself.
    Html,
    /// Gates as JUnit XML.
    Junit,
}
