//! The words of commands on many files and many runs.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Args)]
pub(super) struct Lock {
    /// Scenarios; a directory stands for those in it, and gets the lock
    #[arg(value_name = "FILE|DIR", required = true)]
    pub(super) files: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct Fmt {
    /// Scenario files and their bases; a directory stands for every .toml file in it
    #[arg(value_name = "FILE|DIR", required = true)]
    pub(super) files: Vec<PathBuf>,
    /// Change nothing; exit code 1 when a file is not in its canonical form
    #[arg(long)]
    pub(super) check: bool,
}

/// Which runs.
#[derive(Debug, Args, Clone, Default)]
pub(super) struct RunFilter {
    /// The directory that holds the results of all runs
    #[arg(value_name = "DIR", default_value = "results")]
    pub(super) out: PathBuf,
    /// Only those of this scenario; may be repeated
    #[arg(long, value_name = "NAME")]
    pub(super) name: Vec<String>,
    /// Only those in this state
    #[arg(long, value_name = "STATE", value_parser = ["complete", "running", "interrupted", "killed", "unreadable"])]
    pub(super) state: Option<String>,
    /// Only those whose scenario has this tag; several: any of them
    #[arg(long, value_name = "TAG", value_delimiter = ',')]
    pub(super) tag: Vec<String>,
    /// Only those that started at most so long ago, as 12h or 7d
    #[arg(long, value_name = "AGE")]
    pub(super) since: Option<String>,
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Runs {
    #[command(subcommand)]
    pub(super) action: Option<RunsAction>,
    #[command(flatten)]
    pub(super) filter: RunFilter,
    /// For machines
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum RunsAction {
    /// Delete old runs: never one that goes on, nor one that a run which stays took rows from
    Prune(Prune),
}

#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("which").required(true).multiple(true).args(["keep", "older_than"])))]
pub(super) struct Prune {
    #[command(flatten)]
    pub(super) filter: RunFilter,
    /// Keep the newest N of every scenario
    #[arg(long, value_name = "N")]
    pub(super) keep: Option<usize>,
    /// Only those that started longer ago, as 30d
    #[arg(long, value_name = "AGE")]
    pub(super) older_than: Option<String>,
    /// Do not ask
    #[arg(long, short)]
    pub(super) yes: bool,
}
