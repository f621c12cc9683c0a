use std::collections::BTreeSet;
use std::fmt::{self, Write as _};

use super::kit_row::{Job, JobLoad};
use crate::scenario::Api;
use crate::units::ImageSize;

/// Where the cells of an imported scenario are sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// The protocol.
    pub api: Api,
    /// The base URL; `None` only of a simulator.
    pub base_url: Option<String>,
    /// The name of the variable that holds the key.
    pub api_key_env: Option<String>,
}

impl Default for Destination {
    /// `SambaNova` Cloud, where the kit sends its requests.
    fn default() -> Self {
        Self {
            api: Api::Sambanova,
            base_url: Some("https://api.sambanova.ai/v1".to_owned()),
            api_key_env: Some("SAMBANOVA_API_KEY".to_owned()),
        }
    }
}

/// The scenario of some jobs: a cell for each.
pub(super) fn scenario_text(name: &str, origin: &str, destination: &Destination, jobs: &[Job]) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write(&mut text, name, origin, destination, jobs);
    text
}

fn write(text: &mut String, name: &str, origin: &str, destination: &Destination, jobs: &[Job]) -> fmt::Result {
    let api = serde_json::to_value(destination.api).unwrap_or_default();
    let endpoint = if destination.api == Api::Simulator { "sim" } else { "server" };
    writeln!(
        text,
        "#:schema https://raw.githubusercontent.com/infersweep/infersweep/main/schemas/scenario.schema.json\n\
         # Made by `infersweep import kit-csv {origin}`: a cell for each row, with its own number of requests.\n\
         # Every key is explained in scenarios/reference.toml.\n\
         name = {}\n\n\
         [endpoints.{endpoint}]\n\
         api = {api}",
        quoted(name)
    )?;
    for (key, value) in [("base_url", &destination.base_url), ("api_key_env", &destination.api_key_env)] {
        if let Some(value) = value {
            writeln!(text, "{key} = {}", quoted(value))?;
        }
    }
    let models: BTreeSet<&str> = jobs.iter().map(|job| job.model.as_str()).collect();
    writeln!(text)?;
    for model in models {
        writeln!(text, "[models.{0}]\nid = {0}", quoted(model))?;
    }
    writeln!(
        text,
        "\n[load]\n\
         cell_timeout = \"3600s\"    # of a cell, as the kit's of a row\n\
         # warmup = \"1x\"           # the kit has none by default\n\n\
         # The kit sends every request of a row the same prompt, which a prefix cache answers faster; here each has its own.\n\
         # [prompt]\n\
         # unique = \"none\"         # as the kit does it"
    )?;
    for job in jobs {
        write_cell(text, job)?;
    }
    Ok(())
}

fn write_cell(text: &mut String, job: &Job) -> fmt::Result {
    let Job { model, input_tokens, output_tokens, requests, image, load } = job;
    let mode = match load {
        JobLoad::Concurrency(_) => "synthetic",
        JobLoad::Rate(..) => "real_workload",
    };
    writeln!(text, "\n[[matrix.include]]\nmodel = {}\nmode = \"{mode}\"", quoted(model))?;
    writeln!(text, "input_tokens = {input_tokens}\noutput_tokens = {output_tokens}")?;
    if *image != ImageSize::Na {
        writeln!(text, "image_size = \"{image}\"")?;
    }
    match load {
        JobLoad::Concurrency(concurrency) => writeln!(text, "concurrency = {concurrency}")?,
        JobLoad::Rate(qps, distribution) => {
            writeln!(text, "qps = {}\nqps_distribution = \"{distribution}\"", quoted_unless_number(&qps.to_string()))?;
        }
    }
    writeln!(text, "requests = {requests}")
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

fn quoted_unless_number(text: &str) -> String {
    if text.starts_with(|c: char| c.is_ascii_digit()) { text.to_owned() } else { quoted(text) }
}
