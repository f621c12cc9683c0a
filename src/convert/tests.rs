//! Bundle files become scenarios that read without a fault, and faulty ones say where.

use std::collections::BTreeMap;
use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::diagnostic::{SourceFile, Style, render};
use crate::plan::{Cell, ContentHashes, expand};
use crate::scenario::{ReadOptions, Scenario, Unset, Variables, read_text};

const HEADER: &str =
    "model_name,input_tokens,output_tokens,num_requests,concurrent_requests,qps,qps_distribution,multimodal_img_size";

fn convert(text: &str) -> Result<Converted, String> {
    kit_csv(&SourceFile::new("bundles/b.csv", text), &Destination::default())
        .map_err(|faults| render(&faults, Style::Plain))
}

/// The scenario, which must be sound.
fn scenario(text: &str) -> Scenario {
    let variables = Variables::new(BTreeMap::new());
    let options = ReadOptions { variables: &variables, unset: Unset::Keep, set: &[], profile: None };
    let reading = read_text(Path::new("b.toml"), text, &options);
    assert!(reading.faults.is_empty(), "{}\n{text}", render(&reading.faults, Style::Plain));
    reading.scenario.unwrap()
}

fn cells(text: &str) -> Vec<Cell> {
    expand(&scenario(text), &ContentHashes::new()).cells
}

fn shown(cell: &Cell) -> String {
    let axes = cell.axes.iter().filter(|(axis, _)| axis.as_str() != "endpoint");
    let values: Vec<String> = axes.map(|(_, value)| value.to_string()).collect();
    format!("{} x{}", values.join(" "), cell.requests.unwrap())
}

#[test]
fn every_row_is_a_cell_with_its_own_number_of_requests() {
    let converted = convert(&format!(
        "{HEADER}\nMeta-Llama-3.3-70B-Instruct,1000,500,16,4,,,na\nMeta-Llama-3.3-70B-Instruct,1000,500,32,8.0,,,\n\n,,,,,,,\n\
         \"Llama \"\"4\"\", big\",100,10,20,,0.5,exponential,small\nDeepSeek-R1,100,10,7,,2,,1024x768\n"
    ))
    .unwrap();
    assert!(converted.warnings.is_empty(), "{:?}", converted.warnings);
    let cells = cells(&converted.text);
    assert_eq!(
        cells.iter().map(shown).collect::<Vec<_>>(),
        [
            "Meta-Llama-3.3-70B-Instruct synthetic 1000 500 na 4 x16",
            "Meta-Llama-3.3-70B-Instruct synthetic 1000 500 na 8 x32",
            "Llama \"4\", big real_workload 100 10 500x500 0.5 exponential x20",
            "DeepSeek-R1 real_workload 100 10 1024x768 2 constant x7",
        ]
    );
    let scenario = scenario(&converted.text);
    assert_eq!((scenario.name.as_str(), scenario.models.len(), converted.cells), ("b", 3, 4));
    assert_eq!(scenario.endpoints[0].base_url.as_deref(), Some("https://api.sambanova.ai/v1"));
}

#[test]
fn columns_may_come_in_any_order_and_some_may_lack() {
    let converted =
        convert("\u{feff}concurrent_requests, num_requests ,output_tokens,input_tokens,model_name\r\n2, 3 ,4,5,m\r\n")
            .unwrap();
    assert_eq!(cells(&converted.text).iter().map(shown).collect::<Vec<_>>(), ["m synthetic 5 4 na 2 x3"]);
}

#[test]
fn what_the_kit_passes_over_is_a_warning() {
    let converted =
        convert(&format!("{HEADER},notes\nm,10,1,4,2,0.5,,na,x\nm,10,1,4,,,,na\nm,10,1,9,2,,,na\n")).unwrap();
    let warnings = render(&converted.warnings, Style::Plain);
    for part in [
        "column `notes` is none of the kit's",
        "b.csv:2:12",
        "`concurrent_requests` is given too",
        "b.csv:3:11",
        "the row is left out",
        "b.csv:4:1",
        "the same cell as line 2; it is measured once, with 4 requests",
    ] {
        assert!(warnings.contains(part), "{part}:\n{warnings}");
    }
    assert_eq!(converted.cells, 1);
}

#[test]
fn faults_name_line_and_column_all_at_once() {
    for (rows, parts) in [
        (
            "m,x,1,4,2,,,na\nm,10,0,4,2,,,huge\n",
            &[
                "b.csv:2:3",
                "`x` is no number of `input_tokens`",
                "b.csv:3:6",
                "b.csv:3:14",
                "`huge` is not an image size",
            ][..],
        ),
        (
            "m,10,1,,2,,,na\n,10,1,4,2,,,na\n",
            &["b.csv:2:8", "a row without `num_requests`", "b.csv:3:1", "a row without `model_name`"],
        ),
        ("\n\n\"a,b\", 10,1,4,2.5,,,na\n", &["b.csv:4:15", "`2.5` is no number of `concurrent_requests`"]),
        ("m,10,1,4,,-1,,na\n", &["b.csv:2:11", "`qps`: `-1` is not a rate"]),
        ("m,10,1,4,,1,poisson,na\n", &["b.csv:2:13", "`poisson` is not a distribution"]),
        ("m,10,1,4,2,,,na,1,2\n", &["b.csv:2:17", "10 values for 8 columns"]),
        ("", &["no row to measure"]),
    ] {
        let said = convert(&format!("{HEADER}\n{rows}")).unwrap_err();
        for part in parts {
            assert!(said.contains(part), "{part} for {rows}:\n{said}");
        }
    }
    for (text, parts) in [
        ("", &["the file is empty"][..]),
        (
            "model_name;input_tokens;output_tokens;num_requests;qps\nm;1;1;1;1\n",
            &["b.csv:1:11", "parted by semicolons, not by commas"],
        ),
        ("model_name\tinput_tokens\n", &["parted by tabs"]),
        (
            "model_name,input_tokens,output_tokens,num_requests,qps\nm,1,1,1,1\n\"n,1,1,1,1\nm,2,1,1,1\n",
            &["b.csv:3:1", "a quote is opened in this row and never closed"],
        ),
        ("model_name,input_tokens\n", &["the header lacks `output_tokens` and `num_requests`"]),
        (
            "model,input_tokens,output_tokens,num_requests,qps\nm,1,1,1,1\n",
            &["lacks `model_name`", "did you mean `model_name`?", "b.csv:1:1"],
        ),
        ("model_name,input_tokens,output_tokens,num_requests\nm,1,1,1\n", &["neither `concurrent_requests` nor `qps`"]),
        ("model_name,input_tokens,input_tokens,output_tokens,num_requests,qps\n", &["b.csv:1:25", "is there twice"]),
    ] {
        let said = convert(text).unwrap_err();
        for part in parts {
            assert!(said.contains(part), "{part}:\n{said}");
        }
    }
}

#[test]
fn a_made_scenario_goes_where_it_is_told() {
    let source = SourceFile::new("b.csv", format!("{HEADER}\nm,10,1,4,2,,,na\n"));
    for (destination, api) in [
        (Destination { api: crate::scenario::Api::Simulator, base_url: None, api_key_env: None }, "simulator"),
        (
            Destination {
                api: crate::scenario::Api::OpenaiChat,
                base_url: Some("http://h:1/v1".into()),
                api_key_env: Some("K".into()),
            },
            "openai_chat",
        ),
    ] {
        let text = kit_csv(&source, &destination).unwrap().text;
        let endpoint = &scenario(&text).endpoints[0];
        assert_eq!(
            (endpoint.api, &endpoint.base_url, &endpoint.api_key_env),
            (destination.api, &destination.base_url, &destination.api_key_env)
        );
        assert!(text.contains(&format!("api = \"{api}\"")), "{text}");
    }
}

proptest! {
    /// Whatever the text is, it is a scenario or has faults that point into it.
    #[test]
    fn no_text_is_too_odd(rows in "[a0-9,\" \\n\\r.éx]{0,60}") {
        if let Ok(converted) = convert(&format!("{HEADER}\n{rows}")) {
            prop_assert_eq!(cells(&converted.text).len(), converted.cells);
        }
    }
}
