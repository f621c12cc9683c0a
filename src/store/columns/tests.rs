use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::json;

use super::*;
use crate::plan::{Cell, CellDigest, CellId, Plan};
use crate::scenario::{Axes, AxisName, AxisValue};
use crate::store::StoreError;
use crate::store::samples::{ORIGIN, header, record};
use crate::units::Qps;

fn plan(cells: &[&[(AxisName, AxisValue)]]) -> Plan {
    let cell = |values: &&[(AxisName, AxisValue)]| Cell {
        id: CellId::new("a"),
        axes: values.iter().cloned().collect::<Axes>(),
        requests: None,
        row_tokens: None,
        unverified: false,
        parts: std::sync::Arc::default(),
        digest: CellDigest(String::new()),
    };
    Plan { cells: cells.iter().map(cell).collect(), ..Plan::default() }
}

fn var(name: &str, value: AxisValue) -> (AxisName, AxisValue) {
    (AxisName::Var(name.into()), value)
}

#[test]
fn columns_have_the_names_and_the_order_of_the_contract() {
    let schema = header().columns;
    let names: Vec<&str> = schema.columns().map(|(name, _)| name).collect();
    let expected = "cell_id repeat request_index phase \
        model endpoint mode input_tokens input_tokens_spec output_tokens output_tokens_spec image_size loop concurrency \
        qps qps_distribution language \
        model_id prompt_name conversation turn response_id outcome cause http_status error_message attempts \
        scheduled_ns sent_ns dial_ns handshake_ns connect_ns headers_ns first_chunk_ns first_token_ns first_visible_ns last_token_ns end_ns \
        chunk_ns chunk_tokens chunk_times token_source input_tokens_requested input_tokens_client input_tokens_server \
        output_tokens_requested output_tokens_client output_tokens_server reasoning_tokens cached_tokens image_tokens \
        finish_reason connect_ms tls_ms queue_delay_ms ttft_ms ttft_from_schedule_ms tpot_ms tpot_classic_ms e2e_ms e2e_from_schedule_ms \
        output_tokens_per_s server_ttft_ms server_e2e_ms server_output_tokens_per_s batch_size_used server_queue_ms";
    assert_eq!(names, expected.split_whitespace().collect::<Vec<_>>());
}

#[test]
fn every_axis_of_the_language_has_a_column() {
    let schema = RowSchema::default();
    let names: BTreeSet<&str> = schema.columns().map(|(name, _)| name).collect();
    for axis in AxisName::KNOWN {
        assert!(names.contains(axis.as_str()), "{axis}");
    }
}

#[test]
fn vars_have_the_type_that_holds_all_their_values() {
    use AxisValue::{Bool, Float, Integer, Text};
    for (values, expected) in [
        (vec![Integer(1), Integer(2)], VarType::Int64),
        (vec![Integer(1), Float(0.5)], VarType::Double),
        (vec![Bool(true)], VarType::Bool),
        (vec![Text("en".into())], VarType::Text),
        (vec![Integer(1), Text("en".into())], VarType::Text),
        (vec![Integer(1), Bool(true), Integer(1)], VarType::Text),
    ] {
        let cells: Vec<_> = values.iter().map(|value| [var("v", value.clone())]).collect();
        let schema = RowSchema::of(&plan(&cells.iter().map(|cell| &cell[..]).collect::<Vec<_>>()), []).unwrap();
        assert_eq!(schema.vars, [VarColumn { name: "v".into(), kind: expected }], "{values:?}");
    }
}

#[test]
fn a_name_that_is_taken_is_refused() {
    for name in ["phase", "Model_ID", "input_tokens_spec"] {
        let taken = plan(&[&[var(name, AxisValue::Integer(1))]]);
        let error = RowSchema::of(&taken, []).unwrap_err();
        assert!(matches!(&error, StoreError::DuplicateColumn { name: twice } if name.eq_ignore_ascii_case(twice)));
    }
    let error = RowSchema::of(&plan(&[]), ["server_ttft_ms".to_owned()]).unwrap_err();
    assert!(error.to_string().contains("`server_ttft_ms` names two columns"));
}

/// What the columns of the axes hold for a cell, as DuckDB would show it.
fn axis_values(schema: &RowSchema, axes: serde_json::Value) -> Vec<(String, String)> {
    let serde_json::Value::Object(axes) = axes else { panic!("no object") };
    let (unit, record) = (header().unit(), record(0));
    let row = || Row { unit: &unit, record: &record, metrics: crate::metrics::derive(&record), origin_ns: 0 };
    let batch = schema.batch(schema.arrow(), &axes, &[row(), row()]).unwrap();
    let first = |array: &arrow_array::ArrayRef| format!("{array:?}").lines().nth(2).unwrap().trim().to_owned();
    let names: Vec<String> = schema.arrow().fields().iter().map(|field| field.name().clone()).collect();
    let axis_count = batch.num_columns() - fixed_columns().count() - schema.server.len();
    names.into_iter().zip(batch.columns().iter().map(first)).skip(4).take(axis_count).collect()
}

#[test]
fn axis_columns_hold_values_typed_and_null_where_none_applies() {
    let cell = [
        var("rate", AxisValue::Float(0.5)),
        var("deep", AxisValue::Bool(true)),
        (AxisName::Qps, AxisValue::Qps(Qps::Infinite)),
    ];
    let mixed = [var("rate", AxisValue::Integer(2)), var("deep", AxisValue::Text("no".into()))];
    let plan = plan(&[&cell, &mixed]);
    let schema = RowSchema::of(&plan, []).unwrap();
    let of = |axes: serde_json::Value| -> Vec<String> {
        let values = axis_values(&schema, axes);
        values
            .into_iter()
            .filter(|(_, value)| value != "null,")
            .map(|(name, value)| format!("{name} {value}"))
            .collect()
    };
    assert_eq!(of(json!(plan.cells[0].axes.to_json())), ["qps inf,", "deep \"true\",", "rate 0.5,"]);
    assert_eq!(of(json!(plan.cells[1].axes.to_json())), ["deep \"no\",", "rate 2.0,"]);
    assert_eq!(
        of(json!({"input_tokens": 250, "output_tokens": "normal(100,20)", "image_size": "na", "concurrency": 4})),
        ["input_tokens 250,", "output_tokens_spec \"normal(100,20)\",", "image_size \"na\",", "concurrency 4,"]
    );
}

#[test]
fn metrics_are_those_of_the_contract() {
    let metrics: Vec<_> = fixed_columns().filter(|column| column.is_metric()).map(|column| column.name).collect();
    let expected = "connect_ms tls_ms queue_delay_ms ttft_ms ttft_from_schedule_ms tpot_ms tpot_classic_ms e2e_ms e2e_from_schedule_ms \
        output_tokens_per_s";
    assert_eq!(metrics, expected.split_whitespace().collect::<Vec<_>>());
    assert_eq!(ORIGIN.at(ORIGIN.monotonic_ns), ORIGIN);
}

/// The table of the fixed columns as `docs/FORMAT.md` has it.
fn documented() -> String {
    let row = |column: &Column| {
        let null = if column.required { "" } else { ", null" };
        format!("| `{}` | {}{null} | {} |\n", column.name, column.type_name(), column.meaning)
    };
    fixed_columns().map(row).collect()
}

#[test]
fn the_docs_have_every_column_with_its_type_and_meaning() {
    let docs = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/FORMAT.md")).unwrap();
    let table = documented();
    let missing: Vec<&str> = table.lines().filter(|line| !docs.contains(line)).collect();
    assert!(missing.is_empty(), "docs/FORMAT.md lacks:\n{}", missing.join("\n"));
    let mut rest = docs.as_str();
    for (name, kind) in RowSchema::default().columns() {
        let start = format!("| `{name}` | {kind}");
        let at = rest.find(&start).unwrap_or_else(|| panic!("docs/FORMAT.md lacks, or has out of order: {start}"));
        rest = &rest[at..];
    }
}
