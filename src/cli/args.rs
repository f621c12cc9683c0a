use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub(super) use super::args_of_judgement::{Compare, CompareFormat};
pub(super) use super::args_of_simulator::{Calibrate, Simulate};
pub(super) use super::args_of_suites::{Fmt, Lock, Prune, RunFilter, Runs, RunsAction};
use crate::cpus::CpuList;
use crate::units::parse_age;

/// Measures LLM inference endpoints from a declarative scenario.
#[derive(Debug, Parser)]
#[command(name = "infersweep", version, about, max_term_width = 100, arg_required_else_help = true)]
#[command(after_help = "Exit codes: 0 done, 1 could not be carried out or every request of a cell failed, \
2 wrong command line or scenario, 3 a gate was missed, 130 interrupted, 143 terminated (partial results are saved).")]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Command,
}

impl Arguments {
    /// Whether the command was asked to be quiet.
    pub(super) fn quiet(&self) -> bool {
        match &self.command {
            Command::Run(run) => run.quiet,
            Command::Calibrate(calibrate) => calibrate.quiet,
            _ => false,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Carry out scenarios: every cell is measured anew, unless --reuse or --resume says otherwise
    Run(Box<Run>),
    /// Write a commented scenario from an endpoint's model list
    Init(Init),
    /// List the cells of scenarios and what they cost; sends nothing
    Plan(Plan),
    /// Validate scenarios and render every prompt once; sends nothing
    Check(Check),
    /// Note what scenarios rest on, for version control: data, prompts, tokenizers and their plans
    Lock(Lock),
    /// Write scenario files in their canonical form
    Fmt(Fmt),
    /// Print the JSON Schema of scenario files
    Schema(Schema),
    /// Show a stored run, or a campaign of them
    Show(Show),
    /// Hold runs, or the values of an axis, against one another: better, worse, same or unclear
    Compare(Compare),
    /// List stored runs, or delete old ones
    Runs(Runs),
    /// Send a run to object storage, or what of it is not there yet
    Push(Push),
    /// Write a scenario from another tool's file
    Import(Import),
    /// Measure how far this machine's client is off: itself against a server that stamps what it does
    Calibrate(Calibrate),
    /// Serve the simulated LLM server alone
    Simulate(Simulate),
}

/// What picks and changes a scenario, on every command that reads one.
#[derive(Debug, Args, Clone, Default)]
pub(super) struct Choice {
    /// Keep only cells with these values: `concurrency=1,4`; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    pub(super) only: Vec<String>,
    /// Change a key: `load.requests=200`; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    pub(super) set: Vec<String>,
    /// Lay `[profiles.NAME]` over every scenario
    #[arg(long, value_name = "NAME")]
    pub(super) profile: Option<String>,
    /// Keep only scenarios with this tag; several: any of them
    #[arg(long, value_name = "TAG", value_delimiter = ',')]
    pub(super) tag: Vec<String>,
}

/// How a table is turned: the values of an axis side by side.
#[derive(Debug, Args, Clone, Default)]
pub(super) struct Turn {
    /// Put the values of this axis side by side: `model`; `scenario` is one too
    #[arg(long, value_name = "AXIS")]
    pub(super) pivot: Option<String>,
    /// The figure below each of them: `"ttft_ms p50"`, `output_token_throughput`; may be repeated
    #[arg(long, value_name = "FIGURE", requires = "pivot")]
    pub(super) metric: Vec<String>,
}

#[derive(Debug, Args)]
pub(super) struct Run {
    /// Scenarios to carry out, one after the other, a directory for those in it; or interrupted runs to finish
    #[arg(value_name = "FILE|DIR|RUN", required_unless_present = "url", conflicts_with = "url")]
    pub(super) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) choice: Choice,
    #[command(flatten)]
    pub(super) turn: Turn,
    #[command(flatten)]
    pub(super) quick: Quick,
    /// Refuse what differs from infersweep.lock, and say what does
    #[arg(long, conflicts_with_all = ["url", "watch"])]
    pub(super) locked: bool,
    /// Where the results of all runs are: a directory, or s3://, gs:// or az:// with a bucket and a prefix
    #[arg(long, value_name = "DIR|URL", default_value = "results")]
    pub(super) out: PathBuf,
    /// Where a run for object storage is written first; a directory of the user's cache unless given
    #[arg(long, value_name = "DIR")]
    pub(super) staging: Option<PathBuf>,
    /// Let the scenario run its own commands: [load] hooks
    #[arg(long)]
    pub(super) allow_hooks: bool,
    #[command(flatten)]
    pub(super) reuse: Reuse,
    /// Finish an interrupted run of this scenario or suite, in place: its directory, or else the last one
    #[arg(long, value_name = "RUN", num_args = 0..=1, conflicts_with_all = ["url", "nonce", "reuse"])]
    #[expect(clippy::option_option, reason = "clap's form of an option whose value may be left out")]
    pub(super) resume: Option<Option<PathBuf>>,
    /// Repeat the salts of an earlier run: the nonce in its manifest
    #[arg(long, value_name = "N")]
    pub(super) nonce: Option<u64>,
    #[command(flatten)]
    pub(super) watching: Watching,
    /// Hold the thread that sends and stamps to these processors, as 3 or 2-3, and the tool's other threads off them
    #[arg(long, value_name = "CPUS")]
    pub(super) pin: Option<CpuList>,
    /// Show only results and errors
    #[arg(long, short)]
    pub(super) quiet: bool,
    /// Print the summary as JSON instead of the table
    #[arg(long)]
    pub(super) json: bool,
    /// Do not ask before a run of known cost or over 30 minutes
    #[arg(long, short)]
    pub(super) yes: bool,
}

/// Running again whenever a file changes.
#[derive(Debug, Args, Clone, Default)]
pub(super) struct Watching {
    /// Stay, and run again what a change of a file touches
    #[arg(long, conflicts_with_all = ["url", "resume"])]
    pub(super) watch: bool,
    /// A file beside the scenario's own whose change means another server: measures everything anew; may be repeated
    #[arg(long = "watch-also", value_name = "FILE", requires = "watch")]
    pub(super) also: Vec<PathBuf>,
    /// What an edit does to the repeat in flight; auto cancels it if the edit touches it
    #[arg(long, value_name = "WHAT", requires = "watch", default_value = "auto")]
    pub(super) on_edit: OnEdit,
}

/// What becomes of the repeat in flight when a file changes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum OnEdit {
    /// It is cancelled if the edit touches it, else finished.
    #[default]
    Auto,
    /// It is finished.
    Finish,
    /// It is cancelled.
    Cancel,
}

/// Whether earlier runs are looked at.
#[derive(Debug, Args, Clone, Default)]
pub(super) struct Reuse {
    /// Take over what an earlier run under DIR has measured alike on the same server, at most so long ago (7d, 12h)
    #[arg(long, value_name = "MAX_AGE", num_args = 0..=1, require_equals = true, default_missing_value = "",
          value_parser = max_age)]
    pub(super) reuse: Option<MaxAge>,
}

/// How old a repeat may be; `None` for any age.
#[derive(Debug, Clone, Copy)]
pub(super) struct MaxAge(pub(super) Option<Duration>);

fn max_age(text: &str) -> Result<MaxAge, String> {
    if text.is_empty() {
        return Ok(MaxAge(None));
    }
    parse_age(text).map(|age| MaxAge(Some(age))).map_err(|_| "an age has a unit, as 7d, 12h or 90m".to_owned())
}

/// A run without a scenario file.
#[derive(Debug, Args, Clone, Default)]
#[command(next_help_heading = "Without a file")]
pub(super) struct Quick {
    /// Base URL of an OpenAI-compatible endpoint, as `http://127.0.0.1:8000/v1`
    #[arg(long, value_name = "URL")]
    pub(super) url: Option<String>,
    /// The model's name there; may be a list
    #[arg(long, value_name = "MODEL", value_delimiter = ',', requires = "url")]
    pub(super) model: Vec<String>,
    /// Requests in flight; may be a list
    #[arg(long, value_name = "N", value_delimiter = ',', requires = "url", default_values_t = [1])]
    pub(super) concurrency: Vec<u32>,
    /// Input tokens of a request; may be a list
    #[arg(long, value_name = "N", value_delimiter = ',', requires = "url", default_values_t = [256])]
    pub(super) input_tokens: Vec<u32>,
    /// Output tokens of a request; may be a list
    #[arg(long, value_name = "N", value_delimiter = ',', requires = "url", default_values_t = [128])]
    pub(super) output_tokens: Vec<u32>,
    /// Measured requests of a cell, or a multiple of its concurrency, as 10x
    #[arg(long, value_name = "N", requires = "url", default_value = "4x")]
    pub(super) requests: String,
    /// The NAME of the environment variable that holds the key
    #[arg(long, value_name = "NAME", requires = "url")]
    pub(super) api_key_env: Option<String>,
    /// A tokenizer.json, or `words`; learnt from the server where left out
    #[arg(long, value_name = "FILE", requires = "url")]
    pub(super) tokenizer: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct Init {
    /// Base URL of the endpoint, as `http://127.0.0.1:8000/v1`
    #[arg(long, value_name = "URL")]
    pub(super) url: Option<String>,
    /// The NAME of the environment variable that holds the key
    #[arg(long, value_name = "NAME")]
    pub(super) api_key_env: Option<String>,
    /// Where to write it; never over an existing file
    #[arg(long, value_name = "FILE", default_value = "scenario.toml")]
    pub(super) out: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct Plan {
    /// Scenarios; a directory stands for those in it
    #[arg(value_name = "FILE|DIR", required = true)]
    pub(super) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) choice: Choice,
    /// Refuse what differs from infersweep.lock, and say what does
    #[arg(long)]
    pub(super) locked: bool,
    #[command(flatten)]
    pub(super) reuse: Reuse,
    /// The directory that holds the results of all runs
    #[arg(long, value_name = "DIR", default_value = "results")]
    pub(super) out: PathBuf,
    /// For machines
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct Check {
    /// Scenarios; a directory stands for those in it
    #[arg(value_name = "FILE|DIR", required = true)]
    pub(super) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) choice: Choice,
    /// Refuse what differs from infersweep.lock, and say what does
    #[arg(long)]
    pub(super) locked: bool,
}

#[derive(Debug, Args)]
pub(super) struct Schema {
    /// Which schema
    #[arg(value_name = "NAME", default_value = "scenario", value_parser = ["scenario"])]
    pub(super) name: String,
}

#[derive(Debug, Args)]
pub(super) struct Push {
    /// A run directory, or NAME/latest
    #[arg(value_name = "RUN")]
    pub(super) run: PathBuf,
    /// Where results are: `s3://bucket/prefix`, or gs:// or az://; the run goes to NAME/RUN under it
    #[arg(value_name = "URL")]
    pub(super) to: String,
}

#[derive(Debug, Args)]
pub(super) struct Show {
    /// A run directory, or DIR/NAME/latest
    #[arg(value_name = "RUN")]
    pub(super) run: PathBuf,
    #[command(flatten)]
    pub(super) turn: Turn,
    /// The figures between ramp and drain alone
    #[arg(long, conflicts_with_all = ["json", "pivot"])]
    pub(super) steady: bool,
    /// Where the results come from: build, suite, lock, host, servers
    #[arg(long, conflicts_with_all = ["json", "pivot", "steady", "server"])]
    pub(super) provenance: bool,
    /// What servers say of themselves beside what was measured, and by batch size
    #[arg(long, conflicts_with_all = ["steady", "json", "pivot"])]
    pub(super) server: bool,
    /// For machines
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct Import {
    #[command(subcommand)]
    pub(super) kind: ImportKind,
}

#[derive(Debug, Subcommand)]
pub(super) enum ImportKind {
    /// A bundle file of SambaNova's benchmarking kit: a cell for each row
    KitCsv(KitCsv),
}

#[derive(Debug, Args)]
pub(super) struct KitCsv {
    /// The bundle file, with the header
    /// `model_name,input_tokens,output_tokens,num_requests,concurrent_requests,qps,qps_distribution,multimodal_img_size`
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,
    /// Where to write it; never over an existing file. The file's name with `.toml` unless given
    #[arg(long, value_name = "FILE")]
    pub(super) out: Option<PathBuf>,
    /// Base URL of the endpoint; SambaNova Cloud unless given
    #[arg(long, value_name = "URL")]
    pub(super) url: Option<String>,
    /// Its protocol; `openai_chat` with a URL, `sambanova` without
    #[arg(long, value_name = "API", value_parser = ["sambanova", "openai_chat", "simulator"])]
    pub(super) api: Option<String>,
    /// The NAME of the environment variable that holds the key
    #[arg(long, value_name = "NAME")]
    pub(super) api_key_env: Option<String>,
}
