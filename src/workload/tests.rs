//! Prompts are exact, unique and the same for everyone.

use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;

use super::prompts::render_once;
use super::*;
use crate::diagnostic::{Faults, Style, render};
use crate::plan::{Cell, CellDigest, CellId};
use crate::scenario::{Axes, AxisName, PromptImages, SharedPrefix, Unique, parse_axis_value};
use crate::tokens::{Tokenizer, Words};

const FILE: &str = "default_prompt:\n  - name: essay\n    template: |\n      Essay {{ index }} in {{ language }} on {{ choice(['rivers', 'towns', 'ships']) }}.\n      {{ words(6) }}\n";

pub(super) fn cell(text: &str) -> Cell {
    let axes: Axes = text
        .split_whitespace()
        .map(|part| {
            let (axis, value) = part.split_once('=').unwrap();
            let axis = AxisName::from_word(axis);
            let value = parse_axis_value(&axis, value).unwrap();
            (axis, value)
        })
        .collect();
    Cell {
        id: CellId::new(text.replace(' ', "_")),
        axes,
        requests: None,
        row_tokens: None,
        unverified: false,
        parts: Arc::default(),
        digest: CellDigest(String::new()),
    }
}

fn parse(text: &str) -> Result<Prompts, Faults> {
    super::prompts::from_text(Path::new("p.yaml"), text, false)
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

/// A `tokenizer.json` of byte-level BPE that knows some everyday words as one token, or none at all.
fn bpe(knows_words: bool) -> Arc<dyn Tokenizer> {
    // Printable bytes as themselves, the others in order from U+0100 on.
    let printable = |byte: &u32| matches!(byte, 0x21..=0x7e | 0xa1..=0xac | 0xae..=0xff);
    let others = (0..256_u32).filter(|byte| !printable(byte)).count();
    let characters = (0..256).filter(printable).chain(0x100..0x100 + u32::try_from(others).unwrap());
    let mut vocabulary: Vec<String> = characters.map(|c| char::from_u32(c).unwrap().to_string()).collect();
    let mut merges = Vec::new();
    for word in super::words::common().iter().step_by(2).filter(|_| knows_words) {
        let mut prefix = "Ġ".to_owned();
        for letter in word.chars() {
            let longer = format!("{prefix}{letter}");
            if !vocabulary.contains(&longer) {
                merges.push(serde_json::json!([prefix, letter]));
                vocabulary.push(longer.clone());
            }
            prefix = longer;
        }
    }
    let ids: serde_json::Map<String, serde_json::Value> =
        vocabulary.into_iter().enumerate().map(|(id, token)| (token, id.into())).collect();
    let byte_level =
        serde_json::json!({ "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true });
    let file = serde_json::json!({
        "version": "1.0", "truncation": { "direction": "Right", "max_length": 16, "strategy": "LongestFirst", "stride": 0 },
        "padding": null, "added_tokens": [], "normalizer": null, "pre_tokenizer": byte_level,
        "post_processor": byte_level, "decoder": byte_level, "model": { "type": "BPE", "vocab": ids, "merges": merges },
    });
    read_tokenizer(&file.to_string()).unwrap()
}

#[test]
fn a_token_that_reaches_across_words_is_seen_and_counts_are_then_of_whole_texts() {
    let file = |added: serde_json::Value| {
        let mut token = serde_json::json!({ "id": 1, "content": "a b", "single_word": false, "lstrip": false,
            "rstrip": false, "normalized": false, "special": false });
        token.as_object_mut().unwrap().extend(added.as_object().unwrap().clone());
        let file = serde_json::json!({
            "version": "1.0", "truncation": null, "padding": null, "added_tokens": [token], "normalizer": { "type": "Lowercase" },
            "pre_tokenizer": { "type": "WhitespaceSplit" }, "post_processor": null, "decoder": null,
            "model": { "type": "WordLevel", "vocab": { "[UNK]": 0, "x": 1, "▁y▁z": 2 }, "unk_token": "[UNK]" },
        });
        file.to_string().replace("▁y▁z", if added.get("model").is_some() { "▁y▁z" } else { "▁y" })
    };
    for (added, apart) in [
        (serde_json::json!({ "content": "<a>" }), true),
        (serde_json::json!({ "content": "<a▁b>" }), true),
        (serde_json::json!({ "content": "<a▁b>", "normalized": true }), false),
        (serde_json::json!({ "content": "the town" }), false),
        (serde_json::json!({ "content": "town", "rstrip": true }), false),
        (serde_json::json!({ "content": "town", "lstrip": true }), false),
        (serde_json::json!({ "content": "<town>", "lstrip": true, "rstrip": true }), true),
        (serde_json::json!({ "content": "<a>", "model": 1 }), false),
    ] {
        let tokenizer = read_tokenizer(&file(added.clone())).unwrap();
        assert_eq!(tokenizer.keeps_words_apart(), apart, "{added}");
        for index in 0..20 {
            let order = order(&CELL.replace("=64", "=300"), Arc::clone(&tokenizer));
            assert_eq!(tokenizer.count(&text(order, index)), 293, "{added}");
        }
    }
}

/// Each kind of tokenizer, made once.
pub(super) fn tokenizers_of_all_kinds() -> &'static [(&'static str, Arc<dyn Tokenizer>)] {
    static ALL: std::sync::LazyLock<Vec<(&'static str, Arc<dyn Tokenizer>)>> = std::sync::LazyLock::new(|| {
        let common = server_tokenizer();
        vec![
            ("words", Arc::new(Words)),
            ("common words", common),
            ("pairs", pairs()),
            ("bpe", bpe(true)),
            ("bytes", bpe(false)),
        ]
    });
    &ALL
}

/// One fitter for each of those tokenizers.
fn fitter_of(tokenizer: &Arc<dyn Tokenizer>) -> Arc<Fitter> {
    static KNOWN: std::sync::LazyLock<Vec<Arc<Fitter>>> = std::sync::LazyLock::new(|| {
        tokenizers_of_all_kinds().iter().map(|(_, tokenizer)| Arc::new(Fitter::new(tokenizer.as_ref()))).collect()
    });
    let known = tokenizers_of_all_kinds().iter().position(|(_, known)| Arc::ptr_eq(known, tokenizer));
    known.map_or_else(|| Arc::new(Fitter::new(tokenizer.as_ref())), |at| Arc::clone(&KNOWN[at]))
}

pub(super) fn order(cell_text: &str, tokenizer: Arc<dyn Tokenizer>) -> SyntheticOrder {
    SyntheticOrder {
        cell: cell(cell_text),
        repeat: 0,
        seed: 7,
        nonce: 1,
        prompts: Arc::new(parse(FILE).unwrap()),
        unique: Unique::Run,
        image: PromptImages::default(),
        shared_prefix: SharedPrefix::default(),
        fitter: fitter_of(&tokenizer),
        tokenizer,
        tokens: TokenModel { overhead: 7, probed: true, ..TokenModel::default() },
    }
}

fn text(order: SyntheticOrder, index: u64) -> String {
    Synthetic::new(order).request("measure", index).unwrap().messages[0].text().unwrap().to_owned()
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
    let korean = shown("# 한국어 문장입니다 문장입니다\ndefault_prompt:\n  - name: 한국\n    templat: y\n", CELL);
    assert!(korean.contains("p.yaml:4:5\n") && korean.contains("4 |     templat: y"), "{korean}");
    assert!(shown("default_prompt: []\n", CELL).contains("has no prompt under `default_prompt`"));
}

#[test]
fn the_shipped_prompts_compile_and_render() {
    let text = include_str!("../../prompts/text_instruct.yaml");
    for multiple in [false, true] {
        let prompts = super::prompts::from_text(Path::new("prompts/text_instruct.yaml"), text, multiple).unwrap();
        let faults = render_once(&prompts, &[cell(CELL)]);
        assert!(faults.is_empty(), "{}", render(&faults, Style::Plain));
    }
}

#[test]
fn a_tokenizer_file_counts_all_of_a_text_and_cuts_between_characters() {
    let (known, bytes) = (bpe(true), bpe(false));
    assert_eq!((known.count(" able able"), bytes.count(" able able"), bytes.count("")), (2, 10, 0));
    let long = " able".repeat(40);
    assert_eq!(known.count(&long), 40, "the file's own truncation to 16 does not apply");
    for (tokens, cut) in [(0, ""), (1, "a"), (2, "a"), (3, "aé"), (4, "aéb"), (9, "aéb")] {
        assert_eq!(bytes.truncate("aéb", tokens), cut, "{tokens}");
    }
    let missing = load_tokenizer(Path::new("no/tokenizer.json")).unwrap_err();
    assert!(missing.contains("no/tokenizer.json"), "{missing}");
}

#[test]
fn salts_come_first_differ_and_have_one_length_so_that_all_else_stays() {
    for (name, tokenizer) in tokenizers_of_all_kinds().iter().filter(|(name, _)| *name != "common words") {
        let fitter = super::fit::Fitter::new(tokenizer.as_ref());
        let salts: Vec<String> =
            (0..60).map(|index| fitter.salt(&mut crate::seed::Seed::root(index).rng(), 400)).collect();
        let counts: std::collections::BTreeSet<usize> = salts.iter().map(|salt| tokenizer.count(salt)).collect();
        assert_eq!(counts.len(), 1, "{name}: {counts:?}");
        let different: std::collections::BTreeSet<&String> = salts.iter().collect();
        assert_eq!(different.len(), 60, "{name}");

        let cell = CELL.replace("=64", "=200");
        let made = |index| text(order(&cell, Arc::clone(tokenizer)), index);
        let (first, second) = (made(0), made(1));
        let salt = |text: &str| text.split("\n\n").next().unwrap().to_owned();
        assert_ne!(salt(&first), salt(&second), "{name}");
        assert!(first.contains("\n\nEssay 0 in en on "), "{name}: {first}");
    }
}

#[test]
fn without_a_tokenizer_only_everyday_words_are_sent_and_no_template_is_named() {
    let request = Synthetic::new(order(CELL, server_tokenizer())).request("measure", 0).unwrap();
    let known = super::words::common();
    assert!(request.messages[0].text().unwrap().split(' ').all(|word| known.contains(&word)), "{request:?}");
    assert_eq!((request.prompt_name, request.input_tokens_client), (None, Some(64)));
    let different: std::collections::BTreeSet<_> = known.iter().collect();
    assert!(different.len() >= 256 && different.len() == known.len(), "a salt of eight has at least 64 bits");
}

#[test]
fn one_of_several_prompts_is_drawn_for_each_request_the_same_for_every_load() {
    let text = include_str!("../../prompts/text_instruct.yaml");
    let prompts = Arc::new(super::prompts::from_text(Path::new("p.yaml"), text, true).unwrap());
    let names = |cell: &str| -> Vec<Option<String>> {
        let order = SyntheticOrder { prompts: Arc::clone(&prompts), ..order(cell, Arc::new(Words)) };
        let synthetic = Synthetic::new(order);
        (0..200).map(|index| synthetic.request("measure", index).unwrap().prompt_name).collect()
    };
    let drawn = names(CELL);
    assert_eq!(drawn, names(&CELL.replace("=4 ", "=8 ")));
    assert_eq!(drawn.iter().collect::<std::collections::BTreeSet<_>>().len(), 20);
}

#[test]
fn a_session_is_one_request() {
    let synthetic = Arc::new(Synthetic::new(order(CELL, Arc::new(Words))));
    let mut session = synthetic.session("measure", 4).unwrap();
    assert_eq!(session.next(None).unwrap(), synthetic.request("measure", 4).unwrap());
    assert!(session.next(None).is_none());
}

#[test]
fn faults_are_placed_however_yaml_writes_the_template() {
    for (entry, place) in [
        // A block keeps lines: the fault's own line, though an earlier entry has the same one.
        ("  - name: b\n    template: |\n      one\n        two {{ oops }}\n", "p.yaml:7:16"),
        // The same word as plain text before it: only the line tells which is meant.
        ("  - name: b\n    template: |\n      say oops\n\n      two {{ oops }}\n", "p.yaml:8:14"),
        // Folded: the words are found wherever the line broke.
        ("  - name: b\n    template: >-\n      one two three\n      four {{ oops }}\n", "p.yaml:7:15"),
        ("  - name: b\n    template: \"one {{ oops }}\"\n", "p.yaml:5:23"),
        ("  - name: b\n    template: one {{ oops }}\n", "p.yaml:5:22"),
        // The template before its name: the line of the name.
        ("  - template: \"{{ oops }}\"\n    name: 'b'\n", "p.yaml:5:5"),
    ] {
        let yaml = format!("default_prompt:\n  - name: \"a\"\n    template: \"two {{{{ index }}}}\"\n{entry}");
        let shown = render(&render_once(&parse(&yaml).unwrap(), &[cell(CELL)]), Style::Plain);
        assert!(shown.contains(&format!("{place}\n")) && shown.contains("`oops` is not defined"), "{place}: {shown}");
    }
}

#[test]
fn a_fault_behind_one_value_of_an_axis_is_found_and_told_once() {
    let yaml = "default_prompt:\n  - name: a\n    template: \"{% if language == 'ko' %}{{ oops }}{% endif %}\"\n";
    let prompts = parse(yaml).unwrap();
    assert!(render_once(&prompts, &[cell(CELL)]).is_empty());
    let korean = CELL.replace("=en", "=ko");
    let cells = [cell(CELL), cell(&korean), cell(&korean.replace("=a", "=b"))];
    assert_eq!(render_once(&prompts, &cells).iter().count(), 1);
    let function = parse(&yaml.replace("oops", "chose([1])")).unwrap();
    let shown = render(&render_once(&function, &cells), Style::Plain);
    assert!(shown.contains("choice([...])"), "{shown}");
}

#[test]
fn blank_and_odd_templates_are_still_filled_up() {
    for template in ["   ", "\\n\\n", "한국어 문장입니다 🙂🙂", "....!!!!", "a\\u00a0b"] {
        let yaml = format!("default_prompt:\n  - name: a\n    template: \"{template}\"\n");
        for (name, tokenizer) in tokenizers_of_all_kinds() {
            for wanted in [1, 2, 3, 17, 250] {
                let cell = format!("model=a input_tokens={} output_tokens=5", wanted + 7);
                let prompts = Arc::new(parse(&yaml).unwrap());
                let order = SyntheticOrder { prompts, ..order(&cell, Arc::clone(tokenizer)) };
                let text = text(order, 0);
                assert_eq!(tokenizer.count(&text), wanted, "{name} {template:?}: {text:?}");
                assert_eq!(text.trim(), text);
            }
        }
    }
}

proptest! {
    #[test]
    fn any_size_is_met_exactly(wanted in 1..600_u64, index in 0..50_u64, kind in 0..5_usize) {
        let (_, tokenizer) = &tokenizers_of_all_kinds()[kind];
        let cell = format!("model=a input_tokens={} output_tokens=5 language=en", wanted + 7);
        let request = Synthetic::new(order(&cell, Arc::clone(tokenizer))).request("measure", index).unwrap();
        let text = request.messages[0].text().unwrap();
        prop_assert_eq!(tokenizer.count(text) as u64, wanted, "{:?}", text);
        prop_assert_eq!(request.input_tokens_client, Some(wanted + 7));
        prop_assert_eq!(text.trim(), text);
    }
}
