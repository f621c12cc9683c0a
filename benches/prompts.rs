//! What exact prompts cost, beside encoding alone: one core, the same tokenizer, in one run.
//!
//! `cargo bench --bench prompts -- TOKENIZER.json...`. Every figure is the median of five rounds; every prompt is counted as a
//! whole afterwards, off the clock.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench that cannot go on should stop, and prints")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use infersweep::plan::{ContentHashes, expand};
use infersweep::scenario::{ReadOptions, Unset, Variables, read_text};
use infersweep::time::Clock;
use infersweep::tokens::Tokenizer;
use infersweep::workload::{Fitter, Material, Synthetic, SyntheticOrder, TokenModel, load_tokenizer};

const ROUNDS: usize = 5;

/// A body that all requests share, and one that is another for each of them.
const TEMPLATES: [(&str, &str); 2] = [
    (
        "shared",
        "Write a detailed and well-structured essay on how cities have shaped the way people live together. Begin with \
         the first settlements along rivers, go on with markets, walls and workshops, and come to the present.",
    ),
    (
        "own",
        "Request {{ index }}: write an essay of {{ choice([200, 300, 400]) }} words with all of these in it: {{ words(150) }}.",
    ),
];

fn main() {
    let files: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    if files.is_empty() {
        println!("usage: cargo bench --bench prompts -- TOKENIZER.json...");
        return;
    }
    let clock = Clock::start();
    println!(
        "tokenizer                 load ms  fitter ms  body    tokens   exact Mtok/s  encoding Mtok/s  ratio  10k prompts s"
    );
    for file in &files {
        let began = clock.now_ns();
        let tokenizer = load_tokenizer(Path::new(file)).unwrap();
        let loaded = clock.now_ns();
        let fitter = Arc::new(Fitter::new(tokenizer.as_ref()));
        let fitted = clock.now_ns();
        for (body, template) in TEMPLATES {
            for (size, count) in [(1_000, 800), (8_000, 200)] {
                let rounds: Vec<(f64, f64)> =
                    (0..ROUNDS).map(|_| round(&tokenizer, &fitter, template, size, count, clock)).collect();
                let tokens = f64::from(size * count);
                let exact = tokens / median(rounds.iter().map(|round| round.0));
                let encoding = tokens / median(rounds.iter().map(|round| round.1));
                let ratio = median(rounds.iter().map(|round| round.1 / round.0));
                println!(
                    "{:24}  {:7.0}  {:9.1}  {body:6}  {size:6}  {:13.1}  {:15.1}  {ratio:5.2}  {:13.2}",
                    shown(file),
                    ms(began, loaded),
                    ms(loaded, fitted),
                    exact / 1e6,
                    encoding / 1e6,
                    1e4 * f64::from(size) / exact,
                );
            }
        }
    }
}

/// Seconds to make `count` prompts of `size` tokens, and to encode the same texts.
fn round(
    tokenizer: &Arc<dyn Tokenizer>,
    fitter: &Arc<Fitter>,
    template: &str,
    size: u32,
    count: u32,
    clock: Clock,
) -> (f64, f64) {
    let synthetic = synthetic(tokenizer, fitter, template, size);
    let began = clock.now_ns();
    let requests: Vec<_> = (0..count).map(|index| synthetic.request("measure", index.into()).unwrap()).collect();
    let made = clock.now_ns();
    let counts: Vec<usize> =
        requests.iter().map(|request| tokenizer.count(request.messages[0].text().unwrap())).collect();
    let encoded = clock.now_ns();
    assert!(counts.iter().all(|count| u32::try_from(*count) == Ok(size)), "a prompt is not exact");
    (ms(began, made) / 1e3, ms(made, encoded) / 1e3)
}

fn synthetic(tokenizer: &Arc<dyn Tokenizer>, fitter: &Arc<Fitter>, template: &str, size: u32) -> Synthetic {
    let directory = tempfile::tempdir().unwrap();
    let yaml = format!("default_prompt:\n  - name: a\n    template: >-\n      {template}\n");
    std::fs::write(directory.path().join("p.yaml"), yaml).unwrap();
    let text = format!(
        "[endpoints.s]\nbase_url = \"http://127.0.0.1:9/v1\"\n[matrix]\nmodel = \"m\"\ninput_tokens = {size}\n[prompt]\nfile = \"p.yaml\"\n"
    );
    let variables = Variables::new(BTreeMap::new());
    let options = ReadOptions { variables: &variables, unset: Unset::Refuse, set: &[], profile: None };
    let scenario = read_text(&directory.path().join("b.toml"), &text, &options).scenario.unwrap();
    let material = Material::read(&scenario).unwrap();
    Synthetic::new(SyntheticOrder {
        cell: expand(&scenario, &ContentHashes::new()).cells.remove(0),
        repeat: 0,
        seed: 1,
        nonce: 1,
        prompts: material.prompts,
        unique: scenario.prompt.unique,
        image: scenario.prompt.image,
        shared_prefix: scenario.prompt.shared_prefix,
        tokenizer: Arc::clone(tokenizer),
        fitter: Arc::clone(fitter),
        tokens: TokenModel::assumed(),
    })
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

#[expect(clippy::cast_precision_loss, reason = "some seconds")]
fn ms(from_ns: i64, to_ns: i64) -> f64 {
    (to_ns - from_ns) as f64 / 1e6
}

/// The last directory and the file's name, which tell tokenizers apart.
fn shown(file: &str) -> String {
    let parts: Vec<&str> = file.rsplit('/').take(2).collect();
    parts.into_iter().rev().collect::<Vec<_>>().join("/").replace("/tokenizer.json", "")
}
