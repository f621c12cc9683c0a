use super::{Form, Key, Kind, Support, Table};
use crate::scenario::load::STOP_METRICS;

pub(super) const LOAD: Table = Table {
    about: "How the server is loaded.",
    keys: &[
        Key::new(
            "requests",
            Kind::Form(Form::RequestCount),
            "Measured requests of one repeat, or \"10x\": ten for each concurrent one; max(16, 4 x concurrency) when no duration is given either.",
        ),
        Key::new(
            "duration",
            Kind::Form(Form::PositiveDuration),
            "Time of the measured phase; with requests, whichever ends first.",
        ),
        Key::new("warmup", Kind::Form(Form::Amount), "A count, \"1x\" or \"10s\"; stored, not counted.").or("0"),
        Key::new(
            "cell_timeout",
            Kind::Form(Form::PositiveDuration),
            "What is in flight then is cancelled and counted as cancelled.",
        )
        .or("\"600s\""),
        Key::new("ramp", Kind::Form(Form::Duration), "Closed loop: spreads the first starts over this time.")
            .or("\"0s\""),
        Key::new(
            "max_in_flight",
            Kind::Integer(1, 10_000_000),
            "Open loop: a request due beyond it is recorded as dropped.",
        )
        .or("1000"),
        Key::new("repeats", Kind::Integer(1, 100_000), "How often each cell is measured.").or("1"),
        Key::new("order", Kind::Word(&["sequential", "interleaved", "shuffled"]), "The order of (cell, repeat) pairs.")
            .or("\"sequential\""),
        Key::new("group_by_model", Kind::Bool, "Keep the pairs of one model together.").or("true"),
        Key::new("cooldown", Kind::Form(Form::Duration), "Between two pairs.").or("\"0s\""),
        Key::new(
            "parallel",
            Kind::Word(&["none", "endpoint"]),
            "What may run at the same time: one cell, or one of each endpoint.",
        )
        .or("\"none\""),
        Key::new("hooks", Kind::Table(&HOOKS), "Commands round cells, run only with --allow-hooks."),
        Key::new("retries", Kind::Table(&RETRIES), "Failed requests that are sent again."),
        Key::new("require_healthy_client", Kind::Bool, "A cell whose client was the bottleneck fails the run.")
            .or("false"),
        Key::new(
            "stop_when",
            Kind::Table(&STOP_WHEN),
            "Ends a repeat when a figure is certain enough; requests and duration are the most it may take.",
        ),
    ],
};

const STOP_WHEN: Table = Table {
    about: "Ends a repeat when a figure is certain enough.",
    keys: &[
        Key::new("metric", Kind::Word(&STOP_METRICS), "The metric: one with a value a request.").required(),
        Key::new("stat", Kind::Word(&["mean", "p50", "p75", "p90", "p95", "p99"]), "Its statistic.").required(),
        Key::new(
            "rel_ci",
            Kind::Number(0.001, 1.0),
            "Certain enough: half the width of its 95 % interval over the figure itself, at most.",
        )
        .required(),
        Key::new(
            "min_requests",
            Kind::Integer(1, 1_000_000_000),
            "Measured requests that have ended before, at least.",
        )
        .or("100"),
        Key::new("min_duration", Kind::Form(Form::Duration), "Time of the measured phase before, at least.")
            .or("\"0s\""),
    ],
};

pub(super) const SEARCH: Table = Table {
    about: "Finds the highest load that still meets the SLOs, for every cell whose matrix does not say that load.",
    keys: &[
        Key::new("axis", Kind::Word(&["concurrency", "qps"]), "The load that is searched for.").required(),
        Key::new("min", Kind::Number(0.000_001, 10_000_000.0), "The lowest load that is tried.").or("1"),
        Key::new("max", Kind::Number(0.000_001, 10_000_000.0), "The highest load that is tried.").required(),
        Key::new(
            "tolerance",
            Kind::Number(0.005, 0.5),
            "How far the answer may be off, as a share of it: 0.05 is 5 %.",
        )
        .or("0.05"),
        Key::new("repeats", Kind::Integer(1, 100), "How often a load is tried at most whose verdict is unclear.")
            .or("5"),
    ],
};

const HOOKS: Table = Table {
    about: "Commands round cells, for a shell.",
    keys: &[
        Key::new("before_cell", Kind::Text, "Before every repeat of every cell; the server is then waited for."),
        Key::new("after_cell", Kind::Text, "After every repeat of every cell."),
        Key::new("dir", Kind::Path, "Where they run; the directory of the file that holds them unless given."),
        Key::new("timeout", Kind::Form(Form::PositiveDuration), "A command that takes longer is ended and has failed.")
            .or("\"10m\""),
        Key::new(
            "ready_timeout",
            Kind::Form(Form::PositiveDuration),
            "How long the server may take to answer after before_cell.",
        )
        .or("\"10m\""),
    ],
};

const RETRIES: Table = Table {
    about: "Failed requests that are sent again; every attempt stays in the row.",
    keys: &[
        Key::new("count", Kind::Integer(0, 100), "At most so many more attempts.").or("0"),
        Key::new("backoff", Kind::Form(Form::Duration), "Before the second attempt; doubled before each further one.")
            .or("\"1s\""),
        Key::new(
            "on",
            Kind::List(&Kind::Word(&["rate_limited", "connect", "connect_timeout", "http_status", "stream_cut"])),
            "After which causes.",
        )
        .or("[\"rate_limited\", \"connect\"]"),
    ],
};

pub(super) const SLO: Table = Table {
    about: "A request is good when it meets all of these that are defined for it.",
    keys: &[
        Key::new("ttft", Kind::Form(Form::PositiveDuration), "Time to the first token."),
        Key::new("tpot", Kind::Form(Form::PositiveDuration), "Time per output token."),
        Key::new("e2e", Kind::Form(Form::PositiveDuration), "End-to-end latency."),
        Key::new(
            "attainment",
            Kind::Number(0.0, 1.0),
            "A cell passes when the lower bound of its good share is at least this.",
        )
        .or("0.99"),
    ],
};

pub(super) const GATE: Table = Table {
    about: "A limit that fails a run.",
    keys: &[
        Key::new("metric", Kind::Text, "A metric, as ttft_ms.").required(),
        Key::new(
            "stat",
            Kind::Word(&["mean", "stddev", "min", "p5", "p25", "p50", "p75", "p90", "p95", "p99", "p99_9", "max"]),
            "A statistic.",
        )
        .required(),
        Key::new("max", Kind::Form(Form::Limit), "Good up to here: a number, or one with a unit."),
        Key::new("min", Kind::Form(Form::Limit), "Good from here."),
        Key::new("where", Kind::Free, "Only cells with these values."),
        Key::new(
            "judge",
            Kind::Word(&["point", "interval"]),
            "By the value, or only when the whole interval lies beyond the limit.",
        )
        .or("\"point\""),
    ],
};

pub(super) const OUTPUT: Table = Table {
    about: "What is written.",
    keys: &[
        Key::new(
            "formats",
            Kind::List(&Kind::Word(&["table", "json", "parquet", "markdown", "csv", "html", "xlsx", "junit"])),
            "The files and views; junit writes what gates say to junit.xml.",
        )
        .or("[\"table\", \"json\", \"parquet\"]")
        .supports(Support::Only(&["table", "json", "parquet", "markdown", "csv", "junit"])),
        Key::new("save_responses", Kind::Bool, "Keep prompts and answers, under responses/.").or("false"),
        Key::new("debug", Kind::Bool, "Keep what failures looked like on the wire, secrets starred, under debug/.")
            .or("false"),
        Key::new(
            "chunk_times",
            Kind::Word(&["all", "first_last", "sampled"]),
            "Which token stamps rows keep: of every chunk, of the first and the last, or all in one request of 16.",
        )
        .or("\"all\""),
    ],
};
