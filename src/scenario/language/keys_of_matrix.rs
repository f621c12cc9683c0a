use super::{Form, Key, Kind, Support, Table};

const MODES: &[&str] = &["synthetic", "real_workload", "custom", "chat"];

const MODEL: Key = Key::new("model", Kind::OneOrList(&Kind::Text), "Labels of models.");
const ENDPOINT: Key =
    Key::new("endpoint", Kind::OneOrList(&Kind::Text), "Names of endpoints; goes before a model's own.");
const MODE: Key =
    Key::new("mode", Kind::OneOrList(&Kind::Word(MODES)), "What kind of prompts and load.").or("\"synthetic\"");
const INPUT_TOKENS: Key = Key::new(
    "input_tokens",
    Kind::OneOrList(&Kind::Form(Form::TokenSize)),
    "Input tokens of a request, as the server counts them.",
)
.or("1000")
.supports(Support::Integers);
const OUTPUT_TOKENS: Key = Key::new(
    "output_tokens",
    Kind::OneOrList(&Kind::Form(Form::TokenSize)),
    "Output tokens of a request; 256 by default in custom and chat.",
)
.or("1000")
.supports(Support::Integers);
const IMAGE_SIZE: Key = Key::new(
    "image_size",
    Kind::OneOrList(&Kind::Form(Form::ImageSize)),
    "Pictures made for each request: na, small, medium, large or pixels as 1024x768; prompt.image says how many and how.",
)
.or("\"na\"");
const LOOP: Key =
    Key::new("loop", Kind::OneOrList(&Kind::Word(&["closed", "open"])), "Of mode custom: by slots or by a schedule.")
        .or("\"closed\"");
const CONCURRENCY: Key =
    Key::new("concurrency", Kind::OneOrList(&Kind::Integer(1, 1_000_000)), "Closed loop: requests in flight.").or("1");
const QPS: Key = Key::new(
    "qps",
    Kind::OneOrList(&Kind::Form(Form::Qps)),
    "Open loop: requests a second; \"inf\" sends all at once.",
)
.or("1");
const QPS_DISTRIBUTION: Key =
    Key::new("qps_distribution", Kind::OneOrList(&Kind::Form(Form::Arrivals)), "Open loop: how arrivals are spread.")
        .or("\"constant\"");
const VARS: Key =
    Key::new("vars", Kind::Named(&Kind::OneOrList(&Kind::Scalar)), "Axes of your own: bare names in templates.");
const ZIP: Key =
    Key::new("zip", Kind::List(&Kind::List(&Kind::Text)), "Axes walked together instead of crossed.").or("[]");

pub(super) const MATRIX: Table = Table {
    about: "The axes: one value or a list each; the cells are their product.",
    keys: &[
        MODEL,
        ENDPOINT,
        MODE,
        INPUT_TOKENS,
        OUTPUT_TOKENS,
        IMAGE_SIZE,
        LOOP,
        CONCURRENCY,
        QPS,
        QPS_DISTRIBUTION,
        VARS,
        ZIP,
        Key::new("block", Kind::List(&Kind::Table(&BLOCK)), "A product of its own with its own axes."),
        Key::new("include", Kind::List(&Kind::Table(&CELL)), "One more cell; what it leaves out takes the defaults."),
        Key::new("exclude", Kind::List(&Kind::Cells(&CELLS)), "Cells that go: those that match every key."),
    ],
};

const BLOCK: Table = Table {
    about: "A product of its own.",
    keys: &[
        MODEL,
        ENDPOINT,
        MODE,
        INPUT_TOKENS,
        OUTPUT_TOKENS,
        IMAGE_SIZE,
        LOOP,
        CONCURRENCY,
        QPS,
        QPS_DISTRIBUTION,
        VARS,
        ZIP,
    ],
};

const CELLS: Table = Table {
    about: "Cells, by their values; a list means any of.",
    keys: &[
        MODEL,
        ENDPOINT,
        MODE,
        INPUT_TOKENS,
        OUTPUT_TOKENS,
        IMAGE_SIZE,
        LOOP,
        CONCURRENCY,
        QPS,
        QPS_DISTRIBUTION,
        VARS,
    ],
};

const CELL: Table = Table {
    about: "One cell.",
    keys: &[
        Key::new("model", Kind::Text, "The label of a model.").required(),
        Key::new("endpoint", Kind::Text, ENDPOINT.about),
        Key::new("mode", Kind::Word(MODES), MODE.about).or(MODE.default),
        Key::new("input_tokens", Kind::Form(Form::TokenSize), INPUT_TOKENS.about)
            .or("1000")
            .supports(Support::Integers),
        Key::new("output_tokens", Kind::Form(Form::TokenSize), OUTPUT_TOKENS.about)
            .or("1000")
            .supports(Support::Integers),
        Key::new("image_size", Kind::Form(Form::ImageSize), IMAGE_SIZE.about).or("\"na\""),
        Key::new("loop", Kind::Word(&["closed", "open"]), LOOP.about).or("\"closed\""),
        Key::new("concurrency", Kind::Integer(1, 1_000_000), CONCURRENCY.about).or("1"),
        Key::new("qps", Kind::Form(Form::Qps), QPS.about).or("1"),
        Key::new("qps_distribution", Kind::Form(Form::Arrivals), QPS_DISTRIBUTION.about).or("\"constant\""),
        Key::new("vars", Kind::Named(&Kind::Scalar), VARS.about),
        Key::new(
            "requests",
            Kind::Form(Form::RequestCount),
            "Measured requests of one repeat of this cell; those of load unless given.",
        ),
    ],
};

pub(super) const PROMPT: Table = Table {
    about: "Where prompts come from.",
    keys: &[
        Key::new(
            "file",
            Kind::Path,
            "YAML: default_prompt / multiple_prompts, each a list of {name, template}; a built-in text unless given.",
        ),
        Key::new("multiple", Kind::Bool, "Draw one of multiple_prompts for each request.").or("false"),
        Key::new("system", Kind::Path, "A template for the system message."),
        Key::new(
            "unique",
            Kind::Word(&["run", "seed", "none"]),
            "A salt first in every prompt: new for every run, from the seed alone, or none.",
        )
        .or("\"run\""),
        Key::new(
            "shared_prefix",
            Kind::Table(&SHARED_PREFIX),
            "Tokens that requests of one group share, before the salt.",
        ),
        Key::new("image", Kind::Table(&PROMPT_IMAGE), "The pictures of a request, where image_size asks for some."),
    ],
};

const PROMPT_IMAGE: Table = Table {
    about: "The pictures of a request.",
    keys: &[
        Key::new("count", Kind::Integer(1, 1000), "How many each request has.").or("1"),
        Key::new("format", Kind::Word(&["jpeg", "png"]), "How they are encoded.").or("\"jpeg\""),
        Key::new("quality", Kind::Integer(1, 100), "Of a JPEG.").or("85"),
    ],
};

const SHARED_PREFIX: Table = Table {
    about: "The same first tokens within a group.",
    keys: &[
        Key::new("tokens", Kind::Integer(0, 100_000_000), "How many; 0 for none.").or("0"),
        Key::new("groups", Kind::Integer(1, 100_000_000), "How many groups.").or("1"),
    ],
};

pub(super) const DATASET: Table = Table {
    about: "Rows of mode custom, and of mode chat when it replays them.",
    keys: &[
        Key::new(
            "file",
            Kind::Path,
            "JSON lines, a JSON list, CSV or Parquet. Rows: prompt | messages (+ tools, tool_choice, response_format), optional system, image_path, max_tokens; other keys are variables and filters.",
        )
        .required(),
        Key::new(
            "order",
            Kind::Word(&["file", "shuffle", "sample"]),
            "The order in which rows go out: as they stand, shuffled by the seed, or drawn with replacement.",
        )
        .or("\"file\""),
        Key::new("template", Kind::Text, "Renders rows instead of sending them verbatim."),
        Key::new(
            "filter",
            Kind::Named(&Kind::OneOrList(&Kind::Scalar)),
            "Only rows with these values; a list means any of.",
        ),
        Key::new("allow_image_urls", Kind::Bool, "Let image_path be an http(s) URL, which the server fetches.")
            .or("false"),
    ],
};

pub(super) const CHAT: Table = Table {
    about: "Conversations of mode chat.",
    keys: &[
        Key::new(
            "turns",
            Kind::Integer(1, 100_000),
            "User turns a conversation; unless given, 4 of one that is made and all of a dataset's row.",
        ),
        Key::new("think_time", Kind::Form(Form::Duration), "Between a reply's end and the next turn.").or("\"0s\""),
        Key::new(
            "source",
            Kind::Word(&["synthetic", "dataset"]),
            "What the user says: text of input_tokens a turn, or the user's messages of the dataset's rows.",
        )
        .or("\"synthetic\""),
    ],
};
