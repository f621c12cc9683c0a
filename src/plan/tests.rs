//! The rules of the matrix, each as a case.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::scenario::{
    Api, Axes, AxisName, AxisValue, Block, CellOrder, Endpoint, Exclude, Include, Load, Matrix, Model, Output, Price,
    Prompt, RequestOptions, Scenario, SimulatorSettings, Timeouts, TokenizerSource, Unique, parse_axis_value,
};
use crate::text::{Secret, Secrets};
use crate::units::RequestCount;

fn value(axis: &str, text: &str) -> (AxisName, AxisValue) {
    let axis = AxisName::from_word(axis);
    let value = parse_axis_value(&axis, text).unwrap();
    (axis, value)
}

/// `"model=a,b concurrency=1,4"` as a block.
fn block(text: &str) -> Block {
    let axes = text.split_whitespace().map(|part| {
        let (axis, values) = part.split_once('=').unwrap();
        let values = values.split(',').map(|text| value(axis, text).1).collect();
        (AxisName::from_word(axis), values)
    });
    Block { axes: axes.collect(), zip: Vec::new() }
}

fn cell_axes(text: &str) -> Axes {
    text.split_whitespace()
        .map(|part| value(part.split_once('=').unwrap().0, part.split_once('=').unwrap().1))
        .collect()
}

fn include(text: &str) -> Include {
    Include { axes: cell_axes(text), requests: None }
}

fn exclude(text: &str) -> Exclude {
    Exclude { axes: block(text).axes, place: "matrix.exclude[0]".to_owned() }
}

fn endpoint(name: &str) -> Endpoint {
    Endpoint {
        name: name.to_owned(),
        api: Api::OpenaiChat,
        base_url: Some(format!("http://{name}/v1")),
        api_key_env: None,
        api_key_file: None,
        transport: crate::scenario::Transport::default(),
        api_key: None,
        stream: true,
        headers: BTreeMap::new(),
        timeouts: Timeouts::default(),
        request: RequestOptions::default(),
        server_metrics: BTreeMap::new(),
        scrape: None,
        cache_reset: None,
        revision: None,
        accelerators: None,
        simulator: None,
    }
}

fn model(label: &str) -> Model {
    Model {
        label: label.to_owned(),
        id: label.to_owned(),
        ids: BTreeMap::new(),
        endpoint: None,
        tokenizer: None,
        family: None,
        request: RequestOptions::default(),
        price: None,
    }
}

pub(super) fn scenario(matrix: Matrix) -> Scenario {
    Scenario {
        name: "t".to_owned(),
        about: None,
        seed: 7,
        labels: BTreeMap::new(),
        tags: Vec::new(),
        tokenizer_families: None,
        endpoints: vec![endpoint("one"), endpoint("two")],
        models: ["a", "b"].into_iter().map(|label| (label.to_owned(), model(label))).collect(),
        request: RequestOptions::default(),
        matrix,
        prompt: Prompt { file: Some("p.yaml".into()), ..Prompt::default() },
        dataset: None,
        chat: None,
        load: Load::default(),
        slo: None,
        search: None,
        gates: Vec::new(),
        output: Output::default(),
        files: Vec::new(),
        frozen: String::new(),
        secrets: Secrets::default(),
    }
}

pub(super) fn of_product(text: &str) -> Matrix {
    Matrix { product: Some(block(text)), ..Matrix::default() }
}

fn plan(matrix: Matrix) -> Plan {
    expand(&scenario(matrix), &ContentHashes::new())
}

fn ids(plan: &Plan) -> Vec<&str> {
    plan.cells.iter().map(|cell| cell.id.as_str().rsplit_once('-').unwrap().0).collect()
}

#[test]
fn axes_are_crossed_only_where_the_mode_takes_them() {
    let plan = plan(of_product("model=a mode=synthetic,real_workload concurrency=1,4 qps=1,2"));
    assert_eq!(
        ids(&plan),
        [
            "a_in1000_out1000_c1",
            "a_in1000_out1000_c4",
            "a_real_workload_in1000_out1000_q1",
            "a_real_workload_in1000_out1000_q2"
        ]
    );
    assert!(plan.cells[0].axes.qps().is_none() && plan.cells[2].axes.concurrency().is_none());
}

#[test]
fn defaults_depend_on_the_mode() {
    for (mode, expected) in [
        ("synthetic", "a_in1000_out1000_c1"),
        ("real_workload", "a_real_workload_in1000_out1000_q1"),
        ("custom", "a_custom_out256_c1"),
        ("custom loop=open", "a_custom_out256_open_q1"),
        ("chat", "a_chat_in1000_out256_c1"),
    ] {
        assert_eq!(ids(&plan(of_product(&format!("model=a mode={mode}")))), [expected]);
    }
}

#[test]
fn zipped_axes_walk_together_and_fall_out_where_the_mode_lacks_them() {
    let mut matrix = of_product("model=a mode=synthetic,custom input_tokens=10,20 output_tokens=1,2 concurrency=1,4");
    matrix.product.as_mut().unwrap().zip = vec![vec![AxisName::InputTokens, AxisName::OutputTokens]];
    assert_eq!(
        ids(&plan(matrix)),
        [
            "a_in10_out1_c1",
            "a_in10_out1_c4",
            "a_in20_out2_c1",
            "a_in20_out2_c4",
            "a_custom_out1_c1",
            "a_custom_out1_c4",
            "a_custom_out2_c1",
            "a_custom_out2_c4",
        ]
    );
}

#[test]
fn blocks_add_includes_add_and_excludes_take() {
    let matrix = Matrix {
        product: Some(block("model=a,b image_size=na,small concurrency=1")),
        blocks: vec![block("model=b concurrency=1,8")],
        include: vec![include("model=a image_size=500x500 concurrency=2"), include("model=b image_size=small")],
        exclude: vec![exclude("model=b image_size=500x500,large"), exclude("model=a concurrency=99")],
    };
    let plan = plan(matrix);
    assert_eq!(
        ids(&plan),
        [
            "a_in1000_out1000_c1",
            "a_in1000_out1000_img500x500_c1",
            "b_in1000_out1000_c1",
            "b_in1000_out1000_c8",
            "a_in1000_out1000_img500x500_c2",
            "b_in1000_out1000_img500x500_c1",
        ]
    );
    assert_eq!(plan.warnings.len(), 1);
}

#[test]
fn an_included_cell_may_have_its_own_number_of_requests() {
    let own = |text: &str, count| Include { requests: Some(count), ..include(text) };
    let matrix = |count| Matrix {
        product: Some(block("model=a concurrency=1,4")),
        include: vec![
            own("model=a concurrency=4", RequestCount::Exactly(count)),
            own("model=a concurrency=8", RequestCount::PerConcurrent(3)),
            include("model=a concurrency=16"),
        ],
        ..Matrix::default()
    };
    let requests = |plan: &Plan| plan.cells.iter().map(|cell| cell.requests).collect::<Vec<_>>();
    let (few, many) = (plan(matrix(5)), plan(matrix(6)));
    assert_eq!(requests(&few), [Some(16), Some(5), Some(24), Some(64)]);
    let same: Vec<bool> = few.cells.iter().zip(&many.cells).map(|(a, b)| a.digest == b.digest).collect();
    assert_eq!(same, [true, false, true, true]);
    assert!(few.cells.iter().zip(&many.cells).all(|(a, b)| a.id == b.id));
}

#[test]
fn an_empty_matrix_with_blocks_adds_nothing_of_its_own() {
    assert_eq!(plan(Matrix { blocks: vec![block("model=a")], ..Matrix::default() }).cells.len(), 1);
}

#[test]
fn ids_stay_when_other_cells_come_and_tell_endpoints_and_vars_apart() {
    let few = plan(of_product("model=a concurrency=1 language=en"));
    let many = plan(of_product("model=a,b endpoint=one,two concurrency=1,4 language=en,ko"));
    assert_eq!(few.cells[0].id, many.cells[0].id);
    assert!(many.cells.iter().any(|cell| cell.id.as_str().starts_with("a_two_in1000_out1000_c4_language-ko-")));
}

#[test]
fn a_long_or_odd_name_is_cut_and_stays_unique() {
    let long = "x".repeat(300);
    let plan = plan(of_product(&format!("model={long},{long}y,a/b,a:b")));
    let ids: BTreeSet<&str> = plan.cells.iter().map(|cell| cell.id.as_str()).collect();
    assert_eq!(ids.len(), 4);
    assert!(ids.iter().all(|id| id.len() <= 120 && !id.contains(['/', ':'])));
}

pub(super) type Edit = fn(&mut Scenario);

#[test]
fn the_digest_changes_with_what_can_change_a_result_and_with_nothing_else() {
    let base = || scenario(of_product("model=a concurrency=4"));
    let contents = |text: &str| ContentHashes::from([("p.yaml".into(), text.to_owned())]);
    let digest = |scenario: &Scenario, text: &str| expand(scenario, &contents(text)).cells[0].digest.clone();
    let original = digest(&base(), "1");
    assert_ne!(original, digest(&base(), "2"), "prompt content");
    let changes: [(&str, Edit); 14] = [
        ("seed", |s| s.seed = 8),
        ("base_url", |s| s.endpoints[0].base_url = Some("http://x/v1".to_owned())),
        ("api", |s| s.endpoints[0].api = Api::Sambanova),
        ("header", |s| drop(s.endpoints[0].headers.insert("x".to_owned(), Secret::new("1")))),
        ("revision", |s| s.endpoints[0].revision = Some("2".to_owned())),
        ("timeouts", |s| s.endpoints[0].timeouts.idle = Duration::from_secs(1)),
        ("simulator", |s| s.endpoints[0].simulator = Some(SimulatorSettings::default())),
        ("model id", |s| s.models.get_mut("a").unwrap().id = "z".to_owned()),
        ("tokenizer", |s| s.models.get_mut("a").unwrap().tokenizer = Some(TokenizerSource::Words)),
        ("body", |s| drop(s.request.body.insert("temperature".to_owned(), 1.into()))),
        ("requests", |s| s.load.requests = Some(RequestCount::PerConcurrent(9))),
        ("ramp", |s| s.load.ramp = Duration::from_secs(1)),
        ("cell_timeout", |s| s.load.cell_timeout = Duration::from_secs(1)),
        ("unique", |s| s.prompt.unique = Unique::None),
    ];
    for (what, edit) in changes {
        let mut edited = base();
        edit(&mut edited);
        assert_ne!(original, digest(&edited, "1"), "{what}");
    }
    let indifferent: [(&str, Edit); 7] = [
        ("name", |s| s.name = "u".to_owned()),
        ("about", |s| s.about = Some("x".to_owned())),
        ("labels", |s| drop(s.labels.insert("a".to_owned(), "b".to_owned()))),
        ("repeats", |s| s.load.repeats = 9),
        ("order", |s| s.load.order = CellOrder::Shuffled),
        ("cooldown", |s| s.load.cooldown = Duration::from_secs(9)),
        ("price", |s| {
            s.models.get_mut("a").unwrap().price = Some(Price { input: 1.0, cached_input: 1.0, output: 1.0 });
        }),
    ];
    for (what, edit) in indifferent {
        let mut edited = base();
        edit(&mut edited);
        assert_eq!(original, digest(&edited, "1"), "{what}");
    }
}

#[test]
fn filters_keep_what_matches_and_say_what_is_wrong() {
    let whole = || plan(of_product("model=a,b image_size=na,small concurrency=1,4,16 language=en,ko"));
    let apply = |texts: &[&str]| Filter::parse(texts.iter().copied()).and_then(|filter| filter.apply(whole()));
    for (texts, cells) in [
        (&["concurrency=1,4"][..], 16),
        (&["model=a", "concurrency=16"], 4),
        (&["concurrency=1", "concurrency=4"], 16),
        (&["image_size=500x500", "language=ko"], 6),
        (&[], 24),
    ] {
        assert_eq!(apply(texts).unwrap().cells.len(), cells, "{texts:?}");
    }
    for (text, message) in [
        ("concurency=1", "did you mean `concurrency`?"),
        ("concurrency=2", "no cell has concurrency = 2; there is `1`, `4` or `16`"),
        ("concurrency=x", "concurrency: "),
        ("language=fr", "there is `en` or `ko`"),
        ("concurrency", "is not a filter"),
    ] {
        let error = apply(&[text]).unwrap_err().to_string();
        assert!(error.contains(message), "{text}: {error}");
    }
}

#[test]
fn units_come_in_the_order_asked_for_grouped_by_model() {
    let order = |order, group| {
        let mut scenario = scenario(of_product("model=a,b concurrency=1,4"));
        scenario.load = Load { order, repeats: 2, group_by_model: group, ..Load::default() };
        let plan = expand(&scenario, &ContentHashes::new());
        let units = units(&scenario, &plan);
        units.iter().map(|unit| format!("{}{}", unit.cell, unit.repeat)).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(order(CellOrder::Sequential, true), "00 01 10 11 20 21 30 31");
    assert_eq!(order(CellOrder::Interleaved, true), "00 10 01 11 20 30 21 31");
    assert_eq!(order(CellOrder::Interleaved, false), "00 10 20 30 01 11 21 31");
    let shuffled = order(CellOrder::Shuffled, false);
    assert_eq!(shuffled, order(CellOrder::Shuffled, false), "the seed decides");
    assert_ne!(shuffled, order(CellOrder::Interleaved, false));
}

#[test]
fn estimates_count_requests_tokens_time_and_cost() {
    let mut scenario = scenario(of_product("model=a input_tokens=100 output_tokens=11 concurrency=4"));
    scenario.endpoints[0].simulator = Some(SimulatorSettings {
        ttft: Duration::from_millis(100),
        prefill_per_token: Duration::ZERO,
        itl: Duration::from_millis(10),
        batch_slowdown: 0.0,
        ..SimulatorSettings::default()
    });
    scenario.models.get_mut("a").unwrap().price = Some(Price { input: 1.0, cached_input: 1.0, output: 10.0 });
    scenario.load = Load {
        requests: Some(RequestCount::PerConcurrent(5)),
        repeats: 2,
        cooldown: Duration::from_secs(1),
        ..Load::default()
    };
    let estimate = Estimate::of(&scenario, &expand(&scenario, &ContentHashes::new()));
    assert_eq!((estimate.requests, estimate.input_tokens, estimate.output_tokens), (40, 4000, 440));
    // Five waves of 0.2 s, twice, and a second between.
    assert!((estimate.seconds - 3.0).abs() < 1e-9 && !estimate.guessed, "{estimate:?}");
    assert!((estimate.cost_usd.unwrap() - 0.0084).abs() < 1e-12);
}

proptest! {
    #[test]
    fn a_product_has_the_size_of_its_axes_and_no_id_twice(
        models in 1..3_usize, inputs in 1..4_u64, levels in 1..5_u32,
    ) {
        let list = |count: u64, step: u64| (1..=count).map(|n| (n * step).to_string()).collect::<Vec<_>>().join(",");
        let text = format!(
            "model={} input_tokens={} concurrency={}",
            ["a", "b"][..models].join(","), list(inputs, 10), list(levels.into(), 1)
        );
        let plan = plan(of_product(&text));
        prop_assert_eq!(plan.cells.len() as u64, models as u64 * inputs * u64::from(levels));
        let distinct: BTreeSet<&str> = plan.cells.iter().map(|cell| cell.id.as_str()).collect();
        prop_assert_eq!(distinct.len(), plan.cells.len());
    }
}
