use std::fmt::Write as _;
use std::path::Path;

use super::args;
use super::env::Env;
use super::exit::{Exit, Failure};
use super::terminal::Terminal;
use crate::client::{Client, ModelListing};
use crate::scenario::{ReadOptions, Unset, read_text};
use crate::text::slug;
use crate::time::Clock;

/// More models than this are listed in a comment instead of being measured.
const MOST_MODELS: usize = 4;

/// `infersweep init`: a commented scenario from what the endpoint lists.
pub(super) fn init(args: &args::Init, env: &Env, terminal: &Terminal) -> Result<Exit, Failure> {
    if args.out.exists() {
        return Err(
            Failure::usage(format!("{} is there already", args.out.display())).help("choose another with --out")
        );
    }
    let text = match &args.url {
        Some(url) => {
            let models = models(url, args.api_key_env.as_deref(), env, terminal)?;
            scenario(url, args.api_key_env.as_deref(), &models)
        }
        None => SIMULATED.to_owned(),
    };
    std::fs::write(&args.out, text)
        .map_err(|error| Failure::failed(format!("cannot write {}: {error}", args.out.display())))?;
    terminal.result(&format!("wrote {}", args.out.display()));
    terminal.note(&format!("next: infersweep plan {0}, then infersweep run {0}", args.out.display()));
    Ok(Exit::Done)
}

fn models(url: &str, key: Option<&str>, env: &Env, terminal: &Terminal) -> Result<Vec<ModelListing>, Failure> {
    let options = ReadOptions { variables: &env.variables, unset: Unset::Refuse, set: &[], profile: None };
    let reading = read_text(Path::new("init.toml"), &scenario(url, key, &[]), &options);
    let scenario = super::read::accept(reading, super::read::Purpose::Check, terminal)?;
    let endpoint = scenario.endpoints.first().ok_or_else(|| Failure::failed("no endpoint"))?;
    if let (Some(name), None) = (key, &endpoint.api_key) {
        return Err(Failure::usage(format!("the variable `{name}` is not set")).help(format!("export {name}=...")));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::failed)?;
    runtime.block_on(async {
        let client = Client::new(endpoint, url.trim_end_matches('/'), Clock::start(), scenario.secrets.clone())
            .map_err(Failure::usage)?;
        let mut models = client.models().await.map_err(|error| {
            Failure::failed(format!("no list of models: {error}"))
                .help("is it the base URL, as http://127.0.0.1:8000/v1, and does it need --api-key-env?")
        })?;
        // They go into a file: a server may tell what it was told.
        for model in &mut models {
            model.id = client.secrets().redact(&model.id);
        }
        Ok(models)
    })
}

fn scenario(url: &str, key: Option<&str>, models: &[ModelListing]) -> String {
    let string = |text: &str| toml::Value::from(text).to_string();
    let host = url.split("://").nth(1).unwrap_or(url).split(['/', ':']).next().unwrap_or_default();
    let name = if slug(host).is_empty() { "sweep".to_owned() } else { slug(host) };
    let chosen: Vec<String> = models.iter().take(MOST_MODELS).map(|model| string(&model.id)).collect();
    let chosen = if chosen.is_empty() { vec![string("MODEL")] } else { chosen };
    let mut text = format!(
        "#:schema https://raw.githubusercontent.com/infersweep/infersweep/main/schemas/scenario.schema.json\n\
         # Made by `infersweep init`. Every key is explained in scenarios/reference.toml.\n\n\
         name = {}\n\n\
         [endpoints.server]\n\
         api = \"openai_chat\"\n\
         base_url = {}\n",
        string(&name),
        string(url)
    );
    if let Some(key) = key {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "api_key_env = {}", string(key));
    }
    let _ = write!(
        text,
        "\n[request]\n\
         temperature = 0.0\n\
         # ignore_eos = true       # generate the full length: vLLM, SGLang and llama.cpp know it\n\n\
         [matrix]                  # each list is an axis; the cells are their product\n\
         model = [{}]\n\
         input_tokens = [250, 1000]\n\
         output_tokens = [250]\n\
         concurrency = [1, 4, 16]\n\n\
         [load]\n\
         requests = \"4x\"           # four for each concurrent one\n\
         warmup = \"1x\"\n",
        chosen.join(", ")
    );
    if models.len() > MOST_MODELS {
        let _ = writeln!(text, "\n# The endpoint also lists:");
        for model in &models[MOST_MODELS..] {
            let _ = writeln!(text, "#   {}", string(&model.id));
        }
    }
    text
}

/// What `init` writes without an endpoint: something that runs at once.
const SIMULATED: &str = r#"#:schema https://raw.githubusercontent.com/infersweep/infersweep/main/schemas/scenario.schema.json
# Made by `infersweep init`. Every key is explained in scenarios/reference.toml.

name = "first"

[endpoints.sim]           # a simulated server, started for the run; --url writes a real one
api = "simulator"

[matrix]                  # each list is an axis; the cells are their product
model = "demo"
input_tokens = [64, 256]
output_tokens = 32
concurrency = [1, 4, 16]

[load]
requests = "4x"           # four for each concurrent one
warmup = "1x"
"#;
