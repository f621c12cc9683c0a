//! Prompts are exact, unique and the same for everyone.

use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::diagnostic::{Faults, Style, render};
use crate::plan::{Cell, CellDigest, CellId};
use crate::scenario::{Axes, AxisName, Unique, parse_axis_value};
use crate::tokens::{Tokenizer, Words};

const FILE: &str = "default_prompt:\n  - name: essay\n    template: |\n      Essay {{ index }} in {{ language }} on {{ choice(['rivers', 'towns', 'ships']) }}.\n      {{ words(6) }}\n";

fn cell(text: &str) -> Cell {
    let axes: Axes = text
        .split_whitespace()
        .map(|part| {
            let (axis, value) = part.split_once('=').unwrap();
            let axis = AxisName::from_word(axis);
            let value = parse_axis_value(&axis, value).unwrap();
            (axis, value)
        })
        .collect();
    Cell { id: CellId::new(text.replace(' ', "_")), axes, requests: None, digest: CellDigest(String::new()) }
}

fn parse(text: &str) -> Result<Prompts, Faults> {
    Prompts::parse(Path::new("p.yaml"), text, false)
}

/// A byte-level tokenizer that merges a few common pairs: tokens span seams, as in real ones.
fn pairs() -> Arc<dyn Tokenizer> {
    #[derive(Debug)]
    struct Pairs;
    impl Pairs {
        fn ends(text: &str) -> Vec<usize> {
            let bytes = text.as_bytes();
            let (mut at, mut ends) = (0, Vec::new());
            while at < bytes.len() {
                let word = bytes[at..].iter().skip(1).take_while(|byte| byte.is_ascii_alphabetic()).count();
                at += if bytes[at] == b' ' && (1..=7).contains(&word) { 1 + word } else { 1 };
                ends.push(at);
            }
            ends
        }
    }
    impl Tokenizer for Pairs {
        fn count(&self, text: &str) -> usize {
            Self::ends(text).len()
        }
        fn truncate<'t>(&self, text: &'t str, tokens: usize) -> &'t str {
            match tokens.checked_sub(1).map(|last| Self::ends(text).get(last).copied()) {
                None => "",
                Some(None) => text,
                Some(Some(end)) => &text[..text.floor_char_boundary(end)],
            }
        }
    }
    Arc::new(Pairs)
}

fn order(cell_text: &str, tokenizer: Arc<dyn Tokenizer>) -> SyntheticOrder {
    SyntheticOrder {
        cell: cell(cell_text),
        repeat: 0,
        seed: 7,
        nonce: 1,
        prompts: Arc::new(parse(FILE).unwrap()),
        unique: Unique::Run,
        tokenizer,
        tokens: TokenModel { overhead: 7, probed: true, mismatch: false },
    }
}

fn text(order: SyntheticOrder, index: u64) -> String {
    Synthetic::new(order).request("measure", index).unwrap().messages[0].text.clone()
}

const CELL: &str = "model=a input_tokens=64 output_tokens=5 concurrency=4 language=en";

#[test]
fn prompts_differ_between_requests_repeats_cells_and_runs_at_one_count() {
    let base = || order(CELL, Arc::new(Words));
    let mut texts = vec![
        text(base(), 0),
        text(base(), 1),
        text(SyntheticOrder { repeat: 1, ..base() }, 0),
        text(SyntheticOrder { nonce: 2, ..base() }, 0),
        text(order(&CELL.replace("=4", "=8"), Arc::new(Words)), 0),
    ];
    assert!(texts.iter().all(|text| Words.count(text) == 57), "{texts:#?}");
    texts.sort();
    texts.dedup();
    assert_eq!(texts.len(), 5);
}

#[test]
fn content_is_the_same_for_every_model_and_load_and_salts_only_follow_what_they_should() {
    let with = |unique, cell: &str, nonce| text(SyntheticOrder { nonce, unique, ..order(cell, Arc::new(Words)) }, 3);
    let other = &CELL.replace("=a", "=b").replace("concurrency=4", "concurrency=16");
    assert_eq!(with(Unique::None, CELL, 1), with(Unique::None, other, 2));
    assert_eq!(with(Unique::Seed, CELL, 1), with(Unique::Seed, CELL, 2));
    assert_ne!(with(Unique::Seed, CELL, 1), with(Unique::Seed, other, 1));
    assert_ne!(with(Unique::Run, CELL, 1), with(Unique::Run, CELL, 2));
}

#[test]
fn a_size_below_the_overhead_is_a_recorded_deviation() {
    let request = Synthetic::new(order("model=a input_tokens=3 output_tokens=5 language=en", Arc::new(Words)))
        .request("measure", 0)
        .unwrap();
    assert_eq!((request.input_tokens_requested, request.input_tokens_client), (Some(3), Some(8)));
}

#[test]
fn template_faults_point_into_the_prompt_file() {
    let shown = |text: &str, axes: &str| match parse(text) {
        Ok(prompts) => render(&render_once(&prompts, &[cell(axes)]), Style::Plain),
        Err(faults) => render(&faults, Style::Plain),
    };
    let unknown = shown(&FILE.replace("{{ language }}", "{{ langage }}"), CELL);
    assert!(
        unknown.contains("p.yaml:4:31")
            && unknown.contains("`langage` is not defined")
            && unknown.contains("did you mean `language`?"),
        "{unknown}"
    );
    let syntax = shown(&FILE.replace("{{ words(6) }}", "{% if %}"), CELL);
    assert!(syntax.contains("p.yaml:5:") && syntax.contains("template `essay`"), "{syntax}");
    let yaml = shown("default_prompt:\n  - name: x\n    templat: y\n", CELL);
    assert!(yaml.contains("p.yaml:3:") && yaml.contains("templat"), "{yaml}");
    assert!(shown("default_prompt: []\n", CELL).contains("has no prompt under `default_prompt`"));
}

#[test]
fn two_probes_learn_the_overhead_and_notice_another_tokenizer() {
    let calibration = Calibration::new(Arc::new(Words));
    let learn = |server: fn(u64) -> u64| {
        let mut observed = Vec::new();
        loop {
            match calibration.next(&observed) {
                CalibrationStep::Probe { text_tokens, .. } => {
                    observed.push(ProbeResult { text_tokens, prompt_tokens_server: server(text_tokens) });
                }
                CalibrationStep::Done(model) => return (observed.len(), model.overhead, model.mismatch),
            }
        }
    };
    assert_eq!(learn(|tokens| tokens + 36), (2, 36, false));
    assert_eq!(learn(|tokens| tokens * 2), (2, 8, true));
}

#[test]
fn the_shipped_prompts_compile_and_render() {
    let text = include_str!("../../prompts/text_instruct.yaml");
    for multiple in [false, true] {
        let prompts = Prompts::parse(Path::new("prompts/text_instruct.yaml"), text, multiple).unwrap();
        let faults = render_once(&prompts, &[cell(CELL)]);
        assert!(faults.is_empty(), "{}", render(&faults, Style::Plain));
    }
}

proptest! {
    #[test]
    fn any_size_is_met_exactly(wanted in 1..600_u64, index in 0..50_u64, real in prop::bool::ANY) {
        let tokenizer = if real { pairs() } else { Arc::new(Words) };
        let cell = format!("model=a input_tokens={} output_tokens=5 language=en", wanted + 7);
        let request = Synthetic::new(order(&cell, Arc::clone(&tokenizer))).request("measure", index).unwrap();
        let text = &request.messages[0].text;
        prop_assert_eq!(tokenizer.count(text) as u64, wanted, "{:?}", text);
        prop_assert_eq!(request.input_tokens_client, Some(wanted + 7));
        prop_assert_eq!(text.trim(), text.as_str());
    }
}
