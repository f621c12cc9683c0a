use super::*;
use crate::client::server_figures::{ANSWER_FIGURES, STUDIO_FIGURES};

fn table(extra: &[(&str, &str, Option<&str>)]) -> MetricTable {
    let extra = extra.iter().map(|(name, pointer, unit)| {
        let unit = unit.map(str::to_owned);
        ((*name).to_owned(), ServerMetric { pointer: (*pointer).to_owned(), unit })
    });
    MetricTable::new(&ANSWER_FIGURES, &extra.collect())
}

fn report(table: &MetricTable, events: &[(&str, bool)]) -> ServerReport {
    let mut notes = ServerNotes::default();
    for (event, has_usage) in events {
        notes.note(event.as_bytes(), *has_usage, event.contains("finish_reason"), table);
    }
    notes.report(table)
}

#[test]
fn the_usage_object_tells_the_servers_times() {
    let new = r#"{"usage":{"time_to_first_token":0.25,"total_latency":2,"batch_size_used":4,
        "completion_tokens_after_first_per_sec":120.5,"completion_tokens_per_sec_after_first_response":7}}"#;
    let old = r#"{"usage":{"time_to_first_response":0.5,"model_execution_time":1.5,"batch_size_used":"8",
        "throughput_after_first_token":99.0}}"#;
    for (event, ttft, e2e, rate, batch) in [(new, 250.0, 2000.0, 120.5, 4), (old, 500.0, 1500.0, 99.0, 8)] {
        let report = report(&table(&[]), &[("{}", false), (event, true)]);
        assert_eq!(report.ttft_ms, Some(ttft));
        assert_eq!(report.e2e_ms, Some(e2e));
        assert_eq!(report.output_tokens_per_s, Some(rate));
        assert_eq!(report.batch_size_used, Some(batch));
    }
    assert_eq!(report(&table(&[]), &[(r#"{"usage":{"prompt_tokens":3}}"#, true)]), ServerReport::default());
}

#[test]
fn extra_metrics_come_from_the_last_event_that_has_them() {
    let table = table(&[
        ("queue", "/usage/queue_time", Some("s")),
        ("prompt", "/timings/prompt_ms", Some("ms")),
        ("steps", "/x~1y/steps/0", None),
        ("gone", "/usage/gone", None),
    ]);
    let report = report(
        &table,
        &[
            (r#"{"timings":{"prompt_ms":1.5}}"#, false),
            (r#"{"timings":{"prompt_ms":2.5}}"#, false),
            (r#"{"timings":{"prompt_ms" : null}}"#, false),
            (r#"{"usage":{"queue_time":0.125},"x/y":{"steps":[7]}}"#, true),
            (r#"{"choices":[]}"#, false),
        ],
    );
    let expected = [("server_queue_ms", 125.0), ("server_prompt_ms", 2.5), ("server_steps", 7.0)];
    assert_eq!(report.extra, expected.map(|(name, value)| (name.to_owned(), value)).into());
}

const GROQ: &[(&str, f64)] = &[
    ("server_completion_ms", 400.0),
    ("server_inference_ms", 450.0),
    ("server_prompt_ms", 50.0),
    ("server_queue_ms", 10.0),
];

#[test]
fn every_server_tells_its_times_where_it_likes() {
    for (what, events, expected) in [
        (
            "Groq",
            &[(
                r#"{"choices":[{"delta":{},"finish_reason":"stop"}],"x_groq":{"id":"r","usage":{"queue_time":0.01,"prompt_time":0.05,"completion_time":0.4,"total_time":0.45}}}"#,
                false,
            )] as &[(&str, bool)],
            GROQ,
        ),
        (
            "Groq, in usage, after a finish without",
            &[
                (r#"{"choices":[{"finish_reason":"stop"}]}"#, false),
                (r#"{"usage":{"queue_time":0.01,"prompt_time":0.05,"completion_time":0.4,"total_time":0.45}}"#, true),
            ],
            GROQ,
        ),
        (
            "llama.cpp, before the usage",
            &[
                (
                    r#"{"choices":[{"finish_reason":"length","delta":{}}],"timings":{"prompt_ms":12.5,"prompt_per_second":2000.0,"predicted_ms":80,"predicted_per_second":125.0}}"#,
                    false,
                ),
                (r#"{"choices":[],"usage":{"prompt_tokens":25}}"#, true),
            ],
            &[
                ("server_completion_ms", 80.0),
                ("server_completion_tokens_per_s", 125.0),
                ("server_prompt_ms", 12.5),
                ("server_prompt_tokens_per_s", 2000.0),
            ],
        ),
        (
            "Cerebras",
            &[(r#"{"finish_reason":1,"usage":{},"time_info":{"queue_time":0.5,"total_time":2}}"#, true)],
            &[("server_queue_ms", 500.0)],
        ),
        (
            "SambaNova",
            &[(
                r#"{"usage":{"total_tokens_per_sec":9.5,"acceptance_rate":0.75,"completion_tokens_after_first_per_sec_first_ten":80}}"#,
                true,
            )],
            &[
                ("server_acceptance_rate", 0.75),
                ("server_output_tokens_per_s_first_ten", 80.0),
                ("server_total_tokens_per_s", 9.5),
            ],
        ),
        ("vLLM", &[(r#"{"usage":{"prompt_tokens":3,"prompt_tokens_details":{"cached_tokens":2}}}"#, true)], &[]),
    ] {
        let report = report(&table(&[]), events);
        let extra: Vec<(&str, f64)> = report.extra.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        assert_eq!(extra, expected, "{what}");
        assert_eq!(report.e2e_ms, (what == "Cerebras").then_some(2000.0), "{what}");
    }
}

#[test]
fn running_usage_and_a_late_finish_keep_the_last_of_each() {
    let (table, mut notes) = (table(&[]), ServerNotes::default());
    let usage = |seconds: u8| format!(r#"{{"usage":{{"total_latency":{seconds}}}}}"#);
    for seconds in 1..5 {
        notes.note(usage(seconds).as_bytes(), true, false, &table);
    }
    notes.note(br#"{"timings":{"prompt_ms":7}}"#, false, true, &table);
    notes.note(usage(9).as_bytes(), true, false, &table);
    notes.note(br#"{"timings":{"prompt_ms":8,"more":"than before"}}"#, false, true, &table);
    let report = notes.report(&table);
    assert_eq!((report.e2e_ms, report.extra["server_prompt_ms"]), (Some(9000.0), 8.0));
}

#[test]
fn a_metric_of_the_scenario_goes_before_what_is_known() {
    let table = table(&[("ttft", "/timings/first", Some("ms")), ("queue", "/usage/wait", Some("s"))]);
    let event = r#"{"timings":{"first":3},"usage":{"time_to_first_token":1,"queue_time":1,"wait":0.25}}"#;
    let report = report(&table, &[(event, true)]);
    assert_eq!((report.ttft_ms, report.extra["server_queue_ms"]), (Some(3.0), 250.0));
}

#[test]
fn columns_are_those_of_the_protocol_and_of_the_scenario() {
    let endpoint = Endpoint {
        server_metrics: [
            ("wait".to_owned(), ServerMetric { pointer: "/w".to_owned(), unit: Some("s".to_owned()) }),
            ("ttft".to_owned(), ServerMetric { pointer: "/t".to_owned(), unit: Some("s".to_owned()) }),
        ]
        .into(),
        ..crate::client::tests::endpoint()
    };
    let columns = server_columns(&endpoint);
    assert!(columns.contains("server_wait_ms") && columns.contains("server_queue_ms"), "{columns:?}");
    assert!(!columns.contains("server_ttft_ms") && !columns.contains("batch_size_used"), "{columns:?}");
    let studio = Endpoint { api: crate::scenario::Api::Sambastudio, base_url: None, ..endpoint };
    assert!(server_columns(&studio).contains("server_wait_ms"));
}

#[test]
fn a_message_of_the_generic_api_tells_the_same_wherever_it_stands() {
    let message = r#"{"is_last_response":true,"time_to_first_response":0.5,"total_latency":2,"throughput_after_first_token":50.5,"batch_size_used":4,"acceptance_rate":0.5}"#;
    let table = MetricTable::new(&STUDIO_FIGURES, &BTreeMap::new());
    for event in [
        format!(r#"{{"result":{{"items":[{{"id":"item1","value":{message}}}]}}}}"#),
        format!(r#"{{"result":{{"responses":[{message}]}}}}"#),
        format!(r#"{{"items":[{{"id":"item1","value":{message}}}]}}"#),
        format!(r#"{{"predictions":[{message}]}}"#),
    ] {
        let report = report(&table, &[(&event, true)]);
        assert_eq!(
            (report.ttft_ms, report.e2e_ms, report.output_tokens_per_s),
            (Some(500.0), Some(2000.0), Some(50.5))
        );
        assert_eq!((report.batch_size_used, report.extra["server_acceptance_rate"]), (Some(4), 0.5), "{event}");
    }
}

#[test]
fn headers_of_whole_answers_tell_whole_milliseconds() {
    let mut headers = HeaderMap::new();
    for (name, value) in [("x-total-time", "120"), ("x-queue-time", "7"), ("x-inference-time", "0.113")] {
        headers.insert(name, value.parse().unwrap());
    }
    let (table, mut notes) = (table(&[]), ServerNotes::default());
    notes.note_headers(&headers, &table);
    let report = notes.report(&table);
    assert_eq!((report.e2e_ms, report.extra.get("server_queue_ms"), report.extra.len()), (Some(120.0), Some(&7.0), 1));
}

#[test]
fn the_page_lists_every_place() {
    let page = include_str!("../../../docs/PROVIDERS.md");
    for table in [&ANSWER_FIGURES, &STUDIO_FIGURES] {
        for quantity in table.quantities() {
            assert!(page.contains(&format!("| `{}` |", quantity.column())), "{quantity:?}");
        }
    }
    for place in ANSWER_FIGURES.figures.iter().flat_map(|figure| figure.places) {
        assert!(page.contains(&format!("`{}`", place.pointer)), "{}", place.pointer);
    }
    for (header, _) in ANSWER_FIGURES.headers {
        assert!(page.contains(&format!("`{header}`")), "{header}");
    }
}

#[test]
fn known_pointers_lead_where_those_of_rfc_6901_do() {
    let answer = serde_json::json!({"usage": {"a": 1, "0": 2}, "items": [{"value": 3}, 4]});
    for pointer in
        ["", "/usage/a", "/usage/0", "/items/0/value", "/items/1", "/items/2", "/items/x", "/usage/a/b", "/no"]
    {
        assert_eq!(at(&answer, pointer), answer.pointer(pointer), "{pointer}");
    }
    for table in [&ANSWER_FIGURES, &STUDIO_FIGURES] {
        let places = table.figures.iter().flat_map(|figure| figure.places).map(|place| place.pointer);
        assert_eq!(places.chain(table.roots.iter().copied()).find(|pointer| pointer.contains('~')), None);
    }
}
