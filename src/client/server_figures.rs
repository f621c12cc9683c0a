//! What answers tell of the server's own work: a table of ours, to which a scenario adds by `server_metrics`.

use Quantity::{BatchSize, E2e, Other, OutputRate, Ttft};

/// A quantity that a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quantity {
    /// Time to the first token, as the server saw it.
    Ttft,
    /// The whole request, as the server saw it.
    E2e,
    /// Output tokens a second after the first token.
    OutputRate,
    /// How many requests shared the batch.
    BatchSize,
    /// Anything else, by its column.
    Other(&'static str),
}

impl Quantity {
    /// The column.
    pub(crate) fn column(self) -> &'static str {
        match self {
            Self::Ttft => "server_ttft_ms",
            Self::E2e => "server_e2e_ms",
            Self::OutputRate => "server_output_tokens_per_s",
            Self::BatchSize => "batch_size_used",
            Self::Other(column) => column,
        }
    }

    /// The quantity of a column that every run has.
    pub(crate) fn of_column(column: &str) -> Option<Self> {
        [Ttft, E2e, OutputRate, BatchSize].into_iter().find(|quantity| quantity.column() == column)
    }
}

/// Where answers tell a quantity: the first place that holds a number counts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KnownFigure {
    /// The quantity.
    pub(crate) quantity: Quantity,
    /// The places, the preferred one first.
    pub(crate) places: &'static [Place],
}

/// A place in the last objects of an answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    /// A JSON pointer.
    pub(crate) pointer: &'static str,
    /// What the value there is multiplied by: 1000 for seconds.
    pub(crate) scale: f64,
}

/// The figures of a protocol's answers.
#[derive(Debug)]
pub(crate) struct FigureTable {
    /// Pointers to the object that tells of them, from the answer's last objects; the first that leads anywhere counts.
    pub(crate) roots: &'static [&'static str],
    /// What may stand there.
    pub(crate) figures: &'static [KnownFigure],
    /// Headers of answers that are not streamed, with whole milliseconds, by the quantity that they tell.
    pub(crate) headers: &'static [(&'static str, Quantity)],
}

impl FigureTable {
    /// All that may be told.
    pub(crate) fn quantities(&self) -> impl Iterator<Item = Quantity> {
        let told = self.figures.iter().map(|figure| figure.quantity);
        told.chain(self.headers.iter().map(|(_, quantity)| *quantity))
    }
}

const fn known(quantity: Quantity, places: &'static [Place]) -> KnownFigure {
    KnownFigure { quantity, places }
}

/// A place that holds seconds.
const fn s(pointer: &'static str) -> Place {
    Place { pointer, scale: 1000.0 }
}

/// A place that holds milliseconds, or what has no unit of time.
const fn n(pointer: &'static str) -> Place {
    Place { pointer, scale: 1.0 }
}

/// Of chat and text completions, whoever serves them: SambaNova's usage, Groq's and Cerebras' times, llama.cpp's `timings`.
///
/// A place is listed only where its quantity is the column's. llama.cpp's `prompt_ms` lacks the queue and the first token and
/// its rate counts the first token; Groq's `total_time` lacks the queue: they have columns of their own.
pub(crate) static ANSWER_FIGURES: FigureTable = FigureTable { roots: &[""], figures: OF_ANSWERS, headers: OF_HEADERS };

const OF_ANSWERS: &[KnownFigure] = &[
    known(Ttft, &[s("/usage/time_to_first_token"), s("/usage/time_to_first_response")]),
    known(E2e, &[s("/usage/total_latency"), s("/usage/model_execution_time"), s("/time_info/total_time")]),
    known(
        OutputRate,
        &[
            n("/usage/completion_tokens_after_first_per_sec"),
            n("/usage/completion_tokens_per_sec_after_first_response"),
            n("/usage/throughput_after_first_token"),
        ],
    ),
    known(BatchSize, &[n("/usage/batch_size_used")]),
    known(
        Other("server_queue_ms"),
        &[s("/usage/queue_time"), s("/x_groq/usage/queue_time"), s("/time_info/queue_time")],
    ),
    known(
        Other("server_prompt_ms"),
        &[
            s("/usage/prompt_time"),
            s("/x_groq/usage/prompt_time"),
            s("/time_info/prompt_time"),
            n("/timings/prompt_ms"),
        ],
    ),
    known(
        Other("server_completion_ms"),
        &[
            s("/usage/completion_time"),
            s("/x_groq/usage/completion_time"),
            s("/time_info/completion_time"),
            n("/timings/predicted_ms"),
        ],
    ),
    known(Other("server_inference_ms"), &[s("/usage/total_time"), s("/x_groq/usage/total_time")]),
    known(Other("server_prompt_tokens_per_s"), &[n("/timings/prompt_per_second")]),
    known(Other("server_completion_tokens_per_s"), &[n("/timings/predicted_per_second")]),
    known(Other("server_total_tokens_per_s"), &[n("/usage/total_tokens_per_sec")]),
    known(
        Other("server_output_tokens_per_s_first_ten"),
        &[n("/usage/completion_tokens_after_first_per_sec_first_ten")],
    ),
    known(Other("server_acceptance_rate"), &[n("/usage/acceptance_rate")]),
];

/// Of `SambaStudio`'s generic API: the same words, in the last message itself.
pub(crate) static STUDIO_FIGURES: FigureTable = FigureTable {
    roots: &["/result/items/0/value", "/result/responses/0", "/items/0/value", "/predictions/0"],
    figures: OF_MESSAGES,
    headers: &[],
};

/// Of Hugging Face's text-generation-inference, and of OpenAI.
const OF_HEADERS: &[(&str, Quantity)] = &[
    ("x-total-time", E2e),
    ("x-queue-time", Other("server_queue_ms")),
    ("x-inference-time", Other("server_inference_ms")),
    ("openai-processing-ms", Other("server_processing_ms")),
];

const OF_MESSAGES: &[KnownFigure] = &[
    known(Ttft, &[s("/time_to_first_token"), s("/time_to_first_response")]),
    known(E2e, &[s("/total_latency"), s("/model_execution_time")]),
    known(
        OutputRate,
        &[
            n("/completion_tokens_after_first_per_sec"),
            n("/completion_tokens_per_sec_after_first_response"),
            n("/throughput_after_first_token"),
        ],
    ),
    known(BatchSize, &[n("/batch_size_used")]),
    known(Other("server_total_tokens_per_s"), &[n("/total_tokens_per_sec")]),
    known(Other("server_output_tokens_per_s_first_ten"), &[n("/completion_tokens_after_first_per_sec_first_ten")]),
    known(Other("server_acceptance_rate"), &[n("/acceptance_rate")]),
];
