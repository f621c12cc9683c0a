//! What datasets and conversations change of a plan.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use super::tests::{Edit, of_product, scenario};
use super::*;
use crate::scenario::{Chat, ChatSource, Dataset, DatasetOrder, Included};
use crate::units::RequestCount;

fn dataset() -> Dataset {
    Dataset {
        file: "d.jsonl".into(),
        order: DatasetOrder::File,
        template: None,
        filter: BTreeMap::new(),
        allow_image_urls: false,
    }
}

#[test]
fn a_custom_cell_sends_every_row_once_unless_something_else_ends_it() {
    let requests = |edit: Edit| {
        let mut scenario = scenario(of_product("model=a mode=custom concurrency=2"));
        scenario.dataset = Some(dataset());
        edit(&mut scenario);
        let plan = expand(&scenario, &ContentHashes::new());
        let plan_with_rows = plan.clone().with_rows(9, 50.0, &scenario.load);
        if plan_with_rows.cells[0].requests == Some(9) {
            assert_eq!(Estimate::of(&scenario, &plan_with_rows).input_tokens, 9 * 50);
        }
        (plan.cells[0].requests, plan_with_rows.cells[0].requests)
    };
    assert_eq!(requests(|_| {}), (None, Some(9)));
    assert_eq!(requests(|s| s.load.requests = Some(RequestCount::PerConcurrent(3))), (Some(6), Some(6)));
    assert_eq!(requests(|s| s.load.duration = Some(Duration::from_secs(1))), (None, None));
    assert_eq!(requests(|s| s.matrix = of_product("model=a mode=chat concurrency=5")), (Some(20), Some(20)));
}

#[test]
fn a_chat_that_replays_a_dataset_takes_no_input_tokens() {
    let mut scenario = scenario(of_product("model=a mode=chat input_tokens=5,6"));
    assert_eq!(expand(&scenario, &ContentHashes::new()).cells.len(), 2);
    (scenario.dataset, scenario.chat) =
        (Some(dataset()), Some(Chat { source: ChatSource::Dataset, ..Chat::default() }));
    let plan = expand(&scenario, &ContentHashes::new());
    assert_eq!((plan.cells.len(), plan.cells[0].axes.input_tokens()), (1, None));
}

#[test]
fn a_digest_covers_dataset_and_chat_where_they_matter() {
    let digest = |mode: &str, edit: Edit| {
        let mut scenario = scenario(of_product(&format!("model=a mode={mode}")));
        scenario.dataset = Some(dataset());
        edit(&mut scenario);
        let contents = ContentHashes::from([(pictures_of(Path::new("d.jsonl")), "1".to_owned())]);
        let contents = if scenario.seed == 8 { ContentHashes::new() } else { contents };
        scenario.seed = 7;
        expand(&scenario, &contents).cells[0].digest.clone()
    };
    let edits: [(&str, Edit, &[&str]); 5] = [
        ("order", |s| s.dataset.as_mut().unwrap().order = DatasetOrder::Shuffle, &["custom"]),
        ("filter", |s| drop(s.dataset.as_mut().unwrap().filter.insert("a".into(), vec!["b".into()])), &["custom"]),
        ("pictures", |s| s.seed = 8, &["custom"]),
        ("turns", |s| s.chat = Some(Chat { turns: Some(9), ..Chat::default() }), &["chat"]),
        (
            "included",
            |s| s.prompt.included.push(Included { name: "x".into(), path: "x".into() }),
            &["custom", "chat", "synthetic"],
        ),
    ];
    for (what, edit, modes) in edits {
        for mode in ["custom", "chat", "synthetic"] {
            assert_eq!(digest(mode, |_| {}) != digest(mode, edit), modes.contains(&mode), "{what} in {mode}");
        }
    }
}

#[test]
fn a_conversation_is_estimated_with_all_that_is_said_again() {
    let scenario = scenario(of_product("model=a mode=chat input_tokens=100 output_tokens=10"));
    let estimate = Estimate::of(&scenario, &expand(&scenario, &ContentHashes::new()));
    // 16 conversations of 4 turns: 4 x 100, and 6 times an earlier turn with its answer.
    assert_eq!((estimate.requests, estimate.input_tokens, estimate.output_tokens), (64, 16 * (400 + 660), 640));
}
