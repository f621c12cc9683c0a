use super::keys_of_load::{GATE, LOAD, OUTPUT, SEARCH, SLO};
use super::keys_of_matrix::{CHAT, DATASET, MATRIX, PROMPT};
use super::keys_of_transport::TLS;
use super::{Form, Key, Kind, Table};

/// The whole file.
pub(in crate::scenario) const SCENARIO: Table = Table {
    about: "An infersweep scenario: what to send, to whom, in which combinations, how to load the server, what counts as good.",
    keys: &[
        Key::new("name", Kind::Name, "Directory name of its results; the file's name unless given."),
        Key::new("about", Kind::Text, "Markdown, at the top of the report."),
        Key::new("seed", Kind::Integer(0, i64::MAX), "Root of all randomness: prompts, order, arrivals.").or("0"),
        Key::new("extends", Kind::Path, "A scenario that lies under this one: tables merge, lists replace."),
        Key::new("labels", Kind::Named(&Kind::Text), "Kept in the manifest and the summary."),
        Key::new("tags", Kind::List(&Kind::Text), "Words to choose scenarios by.").or("[]"),
        Key::new("endpoints", Kind::Named(&Kind::Table(&ENDPOINT)), "Where requests go, by name.").required(),
        Key::new(
            "models",
            Kind::Named(&Kind::Table(&MODEL)),
            "Models, by label; one without a table is its own wire name.",
        ),
        Key::new(
            "tokenizer_families",
            Kind::Path,
            "A table of tokenizers by models' names; goes before the one that the tool comes with.",
        ),
        Key::new(
            "request",
            Kind::Table(&REQUEST),
            "How a request is made; precedence: endpoint < model < request < dataset row.",
        ),
        Key::new("matrix", Kind::Table(&MATRIX), "The axes; the cells are their product.").required(),
        Key::new("prompt", Kind::Table(&PROMPT), "Where prompts come from."),
        Key::new("dataset", Kind::Table(&DATASET), "Rows of mode custom, and of mode chat when it replays them."),
        Key::new("chat", Kind::Table(&CHAT), "Conversations of mode chat."),
        Key::new("load", Kind::Table(&LOAD), "How the server is loaded."),
        Key::new("slo", Kind::Table(&SLO), "What makes a request good."),
        Key::new("search", Kind::Table(&SEARCH), "Finds the highest load that still meets the SLOs."),
        Key::new("gate", Kind::List(&Kind::Table(&GATE)), "Limits that fail a run with exit code 3."),
        Key::new("output", Kind::Table(&OUTPUT), "What is written."),
        Key::new("profiles", Kind::Named(&Kind::Free), "Partial scenarios, laid over this one by --profile NAME."),
    ],
};

const ENDPOINT: Table = Table {
    about: "Where requests go and how.",
    keys: &[
        Key::new(
            "api",
            Kind::Word(&["openai_chat", "openai_completions", "sambanova", "sambastudio", "simulator"]),
            "The protocol.",
        )
        .or("\"openai_chat\""),
        Key::new("base_url", Kind::Form(Form::Url), "Base URL, as http://127.0.0.1:8000/v1."),
        Key::new(
            "api_key_env",
            Kind::Form(Form::VariableName),
            "The NAME of the environment variable that holds the key; needed to run, not to check or plan.",
        ),
        Key::new(
            "api_key_file",
            Kind::Path,
            "The file that holds the key and that nobody else may read; in the place of api_key_env.",
        ),
        Key::new("stream", Kind::Bool, "false: one answer; TTFT, ITL and TPOT are null.").or("true"),
        Key::new("headers", Kind::Named(&Kind::Text), "Extra request headers."),
        Key::new(
            "accuracy_debug",
            Kind::Bool,
            "Asks SambaNova Cloud for its debug answer, by the header ss-sn-options.",
        )
        .or("false"),
        Key::new(
            "http",
            Kind::Word(&["1.1", "2"]),
            "The version of HTTP; 2 by ALPN under TLS, by prior knowledge in clear.",
        )
        .or("\"1.1\""),
        Key::new(
            "connection",
            Kind::Word(&["keep_alive", "new"]),
            "Whether connections serve one request after another, or each request opens its own.",
        )
        .or("\"keep_alive\""),
        Key::new(
            "proxy",
            Kind::Form(Form::Proxy),
            "A forward proxy, as http://user:${PASSWORD}@proxy:3128, or none; the environment's (HTTPS_PROXY, NO_PROXY, ...) unless given.",
        ),
        Key::new("unix_socket", Kind::Path, "A Unix socket, in the place of the host and port of base_url."),
        Key::new("tls", Kind::Table(&TLS), "Certificates."),
        Key::new("timeouts", Kind::Table(&TIMEOUTS), "Limits of one request."),
        Key::new("body", Kind::Free, "Extra keys of the request body."),
        Key::new("ignore_eos", Kind::Bool, "Generate the full length; true where the provider knows it."),
        Key::new(
            "max_tokens_key",
            Kind::Word(&["max_tokens", "max_completion_tokens"]),
            "The key that carries the output limit.",
        )
        .or("\"max_tokens\""),
        Key::new("server_metrics", Kind::Named(&Kind::Table(&SERVER_METRIC)), "Extra columns read from the answer."),
        Key::new(
            "metrics_url",
            Kind::Form(Form::UrlOrPath),
            "Prometheus page, scraped while a cell runs; or its path from the server's root, as /metrics.",
        ),
        Key::new("metrics_interval", Kind::Form(Form::PositiveDuration), "Between two scrapes, 10ms or more.")
            .or("\"500ms\""),
        Key::new(
            "metrics_columns",
            Kind::Named(&Kind::Table(&SCRAPED_METRIC)),
            "Extra columns read from that page, besides the known ones.",
        ),
        Key::new(
            "metrics_auth",
            Kind::Bool,
            "Whether key and headers go with a scrape; unless given, only to the origin of base_url.",
        ),
        Key::new(
            "cache_reset",
            Kind::Form(Form::MethodAndPath),
            "Called before every repeat of every cell, as POST /reset_prefix_cache; a path from the server's root, base_url without its /v1.",
        ),
        Key::new("revision", Kind::Text, "Part of the server's identity."),
        Key::new("accelerators", Kind::Integer(1, 1_000_000), "How many accelerators serve it."),
        Key::new("simulator", Kind::Table(&SIMULATOR), "How the simulator behaves; only with api = \"simulator\"."),
    ],
};

const TIMEOUTS: Table = Table {
    about: "Limits of one request; each is a cause of failure of its own.",
    keys: &[
        Key::new("connect", Kind::Form(Form::PositiveDuration), "For the connection, TLS included.").or("\"10s\""),
        Key::new("first_token", Kind::Form(Form::PositiveDuration), "From sent to the first content token.")
            .or("\"120s\""),
        Key::new("idle", Kind::Form(Form::PositiveDuration), "Between two reads of a stream.").or("\"60s\""),
        Key::new("total", Kind::Form(Form::PositiveDuration), "From sent to the end.").or("\"600s\""),
    ],
};

const SERVER_METRIC: Table = Table {
    about: "An extra column, read from the last object of the answer that has it.",
    keys: &[
        Key::new("pointer", Kind::Form(Form::JsonPointer), "A JSON pointer, as /usage/queue_time.").required(),
        Key::new("unit", Kind::Word(&["s", "ms"]), "Its unit; seconds are stored in milliseconds."),
    ],
};

const SCRAPED_METRIC: Table = Table {
    about: "An extra column, read from the Prometheus page.",
    keys: &[
        Key::new(
            "metric",
            Kind::Form(Form::Series),
            "A sample's name, with labels where they matter; of several such series the sum.",
        )
        .required(),
        Key::new(
            "kind",
            Kind::Word(&["gauge", "counter"]),
            "What it is; a counter when its name ends in _total, _sum, _count or _bucket, unless given.",
        ),
    ],
};

const SIMULATOR: Table = Table {
    about: "How the simulated server behaves.",
    keys: &[
        Key::new("ttft", Kind::Form(Form::Duration), "Fixed part of the time to the first token.").or("\"40ms\""),
        Key::new("prefill_per_token", Kind::Form(Form::Duration), "Added to it for each input token.").or("\"20us\""),
        Key::new("itl", Kind::Form(Form::Duration), "Time of a decode step for one sequence.").or("\"8ms\""),
        Key::new("batch_slowdown", Kind::Number(0.0, 100.0), "Fraction by which each further sequence slows a step.")
            .or("0.02"),
        Key::new("slots", Kind::Integer(1, 100_000), "Sequences decoded at once; more wait.").or("16"),
        Key::new("jitter", Kind::Number(0.0, 10.0), "Relative standard deviation of prefill and step times.").or("0.0"),
        Key::new("template_tokens", Kind::Integer(0, 100_000), "Tokens that the chat template adds to each prompt.")
            .or("7"),
        Key::new("context_length", Kind::Integer(1, 100_000_000), "Longest prompt and answer together, tokens.")
            .or("131072"),
        Key::new("switch", Kind::Form(Form::Duration), "Time to make another model ready than the one used last.")
            .or("\"0s\""),
    ],
};

const MODEL: Table = Table {
    about: "A model: a label here, a name on the wire.",
    keys: &[
        Key::new("id", Kind::Text, "Its name on the wire; the label unless given."),
        Key::new("ids", Kind::Named(&Kind::Text), "Its names on the wire, by endpoint."),
        Key::new(
            "endpoint",
            Kind::Text,
            "Where it is sent; the only endpoint unless given. An endpoint axis goes before it.",
        ),
        Key::new(
            "tokenizer",
            Kind::Form(Form::Tokenizer),
            "A local tokenizer.json, \"hf:org/name@revision\", or \"words\" (the simulator's); the family's, else the server's, unless given.",
        ),
        Key::new("body", Kind::Free, "Extra keys of the request body."),
        Key::new("ignore_eos", Kind::Bool, "Generate the full length; true where the provider knows it."),
        Key::new(
            "max_tokens_key",
            Kind::Word(&["max_tokens", "max_completion_tokens"]),
            "The key that carries the output limit.",
        )
        .or("\"max_tokens\""),
        Key::new("price", Kind::Table(&PRICE), "Dollars per million tokens."),
    ],
};

const PRICE: Table = Table {
    about: "Dollars per million tokens.",
    keys: &[
        Key::new("input", Kind::Number(0.0, 1e9), "Input tokens.").or("0.0"),
        Key::new(
            "cached_input",
            Kind::Number(0.0, 1e9),
            "Input tokens that the server had cached; as input unless given.",
        ),
        Key::new("output", Kind::Number(0.0, 1e9), "Output tokens.").or("0.0"),
    ],
};

const REQUEST: Table = Table {
    about: "How a request is made.",
    keys: &[
        Key::new("temperature", Kind::Number(0.0, 100.0), "Sampling temperature."),
        Key::new("top_p", Kind::Number(0.0, 1.0), "Nucleus sampling."),
        Key::new("top_k", Kind::Integer(-1, 1_000_000), "Sampling among the k likeliest."),
        Key::new("seed", Kind::Integer(i64::MIN, i64::MAX), "The server's sampling seed."),
        Key::new("stop", Kind::OneOrList(&Kind::Text), "Where generation stops."),
        Key::new("frequency_penalty", Kind::Number(-100.0, 100.0), "Against frequent tokens."),
        Key::new("presence_penalty", Kind::Number(-100.0, 100.0), "Against tokens already there."),
        Key::new("repetition_penalty", Kind::Number(0.0, 100.0), "Against repetition."),
        Key::new("ignore_eos", Kind::Bool, "Generate the full length; true where the provider knows it."),
        Key::new(
            "max_tokens_key",
            Kind::Word(&["max_tokens", "max_completion_tokens"]),
            "The key that carries the output limit.",
        )
        .or("\"max_tokens\""),
        Key::new("body", Kind::Free, "Any other key of the request body."),
    ],
};
