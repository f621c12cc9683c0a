//! The corpus of scenarios: every faulty file with the exact text a user sees, every sound one with its values,
//! the schema and the examples.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use infersweep::diagnostic::{Style, render};
use infersweep::plan::{Estimate, expand};
use infersweep::scenario::{AxisName, AxisValue, ReadOptions, Reading, Scenario, Unset, Variables, read, schema};
use serde_json::Value;
use snapbox::{Data, assert_data_eq};

const INVALID: &str = "tests/scenarios/invalid";
const VALID: &str = "tests/scenarios/valid";
const EXAMPLES: &str = "scenarios";

/// Paths of the scenarios of a folder, relative to the package, so that messages read alike everywhere.
fn scenarios(folder: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    files.sort();
    files
}

/// Reads a file with the options in its first lines: `#? set KEY=VALUE`, `#? profile NAME`, `#? env NAME=VALUE` and
/// `#? keep`, which keeps unset variables.
fn read_corpus(path: &Path) -> Reading {
    read_corpus_with(path, &std::fs::read_to_string(path).unwrap())
}

fn read_corpus_with(path: &Path, text: &str) -> Reading {
    let (mut set, mut profile, mut variables, mut unset) = (Vec::new(), None, BTreeMap::new(), Unset::Refuse);
    for option in text.lines().map_while(|line| line.strip_prefix("#? ")) {
        match option.split_once(' ') {
            Some(("set", setting)) => set.push(setting.to_owned()),
            Some(("profile", name)) => profile = Some(name),
            Some(("env", setting)) => {
                let (name, value) = setting.split_once('=').unwrap();
                variables.insert(name.to_owned(), value.to_owned());
            }
            None if option == "keep" => unset = Unset::Keep,
            _ => panic!("{}: no option `{option}`", path.display()),
        }
    }
    let variables = Variables::new(variables);
    read(path, &ReadOptions { variables: &variables, unset, set: &set, profile })
}

fn shown(reading: &Reading) -> String {
    format!("{}\n", render(&reading.faults, Style::Plain).replace("tests/scenarios/", ""))
}

/// A scenario that reads without any fault.
fn sound(path: &Path) -> Scenario {
    let reading = read_corpus(path);
    assert!(reading.faults.is_empty(), "{}", shown(&reading));
    reading.scenario.unwrap()
}

#[test]
fn every_faulty_scenario_says_what_is_wrong() {
    let files = scenarios(INVALID);
    let count = files.len();
    let mut wrong = Vec::new();
    for path in files {
        let reading = read_corpus(&path);
        assert!(!reading.faults.is_empty(), "{} has no fault", path.display());
        let expected = Data::read_from(&path.with_extension("stderr"), None);
        let one = std::panic::catch_unwind(|| assert_data_eq!(shown(&reading), expected.raw()));
        if one.is_err() {
            wrong.push(path);
        }
    }
    assert!(wrong.is_empty(), "messages differ in {wrong:?}; SNAPSHOTS=overwrite takes the new ones");
    assert!(count >= 38, "the corpus has shrunk to {count}");
}

#[test]
fn no_expected_message_is_left_over() {
    let messages = std::fs::read_dir(INVALID).unwrap().map(|entry| entry.unwrap().path());
    for message in messages.filter(|path| path.extension().is_some_and(|extension| extension == "stderr")) {
        assert!(message.with_extension("toml").is_file(), "{} has no scenario", message.display());
    }
}

#[test]
fn a_key_in_the_wrong_place_is_not_repeated() {
    for name in ["key-instead-of-its-name", "key-in-a-setting", "key-on-a-line-with-a-syntax-error"] {
        let reading = read_corpus(&Path::new(INVALID).join(format!("{name}.toml")));
        assert!(reading.scenario.is_none());
        assert!(!shown(&reading).contains("0123456789"), "{name}");
    }
}

#[test]
fn a_scenario_that_is_not_there_says_so() {
    let reading = read_corpus_with(Path::new("tests/scenarios/none.toml"), "");
    assert_eq!(shown(&reading), "error[file]: none.toml does not exist\n");
}

#[test]
fn sound_scenarios_read_without_a_fault() {
    for path in scenarios(VALID).iter().chain(&scenarios(EXAMPLES)) {
        let scenario = sound(path);
        assert_eq!(scenario.files.first(), Some(path));
    }
}

fn axis(scenario: &Scenario, name: &str) -> Vec<String> {
    let product = scenario.matrix.product.as_ref().unwrap();
    product.axes[&AxisName::from_word(name)].iter().map(AxisValue::to_string).collect()
}

#[test]
fn layers_lie_over_one_another() {
    let scenario = sound(&Path::new(VALID).join("everything.toml"));
    assert_eq!((scenario.name.as_str(), scenario.seed), ("everything", 3));
    assert_eq!(scenario.labels.values().collect::<Vec<_>>(), ["test", "inference"], "tables merge");
    assert_eq!(axis(&scenario, "model"), ["small", "large"], "lists replace");
    assert_eq!(axis(&scenario, "concurrency"), ["1", "16"], "the profile lies over the file");
    assert_eq!(axis(&scenario, "language"), ["en", "ko"]);
    assert_eq!(scenario.load.repeats, 3);
    assert_eq!(scenario.load.cooldown.as_secs(), 3, "--set lies over the profile");
    let local = scenario.endpoint("local").unwrap();
    assert_eq!(local.base_url.as_deref(), Some("http://gpu:8000/v1"), "without the slash at its end");
    assert_eq!(local.timeouts.first_token.as_secs(), 30);
    assert_eq!(scenario.models["large"].endpoint.as_deref(), Some("sim"));
    assert_eq!(scenario.matrix.product.as_ref().unwrap().zip.len(), 1);
    let counts = (scenario.matrix.blocks.len(), scenario.matrix.include.len(), scenario.matrix.exclude.len());
    assert_eq!(counts, (1, 1, 1));
    assert_eq!(scenario.prompt.file.as_deref(), Some(Path::new("tests/scenarios/valid/bases/prompts.yaml")));
    assert_eq!(scenario.files.len(), 2);
    assert!(scenario.frozen.contains("${VLLM_BASE_URL:-"), "the frozen copy keeps variables");
}

#[test]
fn what_is_left_out_has_its_default() {
    let scenario = sound(&Path::new(VALID).join("minimal.toml"));
    assert_eq!((scenario.name.as_str(), scenario.seed, scenario.load.repeats), ("minimal", 0, 1));
    assert_eq!(scenario.models["llama70b"].id, "llama70b");

    let scenario = sound(&Path::new(VALID).join("sambanova.toml"));
    let cloud = scenario.endpoint("cloud").unwrap();
    assert_eq!(cloud.base_url.as_deref(), Some("https://api.sambanova.ai/v1"));
    assert_eq!(cloud.api_key_env.as_deref(), Some("SAMBANOVA_API_KEY"));
    assert_eq!(scenario.secrets.redact("0123456789abcdef"), "[redacted]");

    let scenario = sound(&Path::new(VALID).join("studio.toml"));
    let studio = scenario.endpoint("studio").unwrap();
    assert_eq!(studio.base_url.as_deref(), Some("https://studio.example/api/v2/predict/generic/p/e"));
    assert!(studio.api_key.is_some() && studio.is_text_only() && scenario.endpoint("text").unwrap().is_text_only());
    assert_eq!(scenario.models["Bundle/Meta-Llama-3.3-70B-Instruct"].id, "Bundle/Meta-Llama-3.3-70B-Instruct");

    let scenario = sound(&Path::new(VALID).join("environment.toml"));
    let local = scenario.endpoint("local").unwrap();
    assert_eq!(local.base_url.as_deref(), Some("http://127.0.0.1:8000/v1"));
    assert_eq!(local.headers["x-team"].expose(), "bench");
    assert_eq!(local.headers["x-stage"].expose(), "test");
    assert!(local.api_key.is_none(), "a key is not needed to read");
    assert_eq!(axis(&scenario, "model"), ["small"]);
}

#[test]
fn scenarios_have_the_cells_that_they_promise() {
    for (path, cells) in [
        // 2 models x 2 zipped sizes x 2 x 2 x 2, less 8 excluded, a block of 2, one included.
        ("tests/scenarios/valid/everything.toml", 24 + 2 + 1),
        ("tests/scenarios/valid/minimal.toml", 1),
        ("scenarios/quickstart.toml", 12),
        ("scenarios/sambanova-cloud.toml", 12),
        ("scenarios/vllm-local.toml", 8),
        ("scenarios/llama-cpp.toml", 6),
        ("scenarios/real-workload.toml", 6),
    ] {
        let plan = expand(&sound(Path::new(path)), &BTreeMap::new());
        assert_eq!(plan.cells.len(), cells, "{path}");
    }
}

#[test]
fn the_quickstart_takes_about_twenty_seconds() {
    let scenario = sound(&Path::new(EXAMPLES).join("quickstart.toml"));
    let estimate = Estimate::of(&scenario, &expand(&scenario, &BTreeMap::new()));
    assert!((15.0..25.0).contains(&estimate.seconds) && !estimate.guessed, "{estimate:?}");
}

#[test]
fn the_schema_in_the_tree_is_the_languages() {
    let shown = format!("{}\n", serde_json::to_string_pretty(&schema()).unwrap());
    assert_data_eq!(shown, snapbox::file!["../../schemas/scenario.schema.json"].raw());
}

fn as_json(toml: &str) -> Value {
    serde_json::to_value(toml::from_str::<toml::Table>(toml).unwrap()).unwrap()
}

#[test]
fn the_schema_agrees_with_the_reader() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    for path in scenarios(VALID).iter().chain(&scenarios(EXAMPLES)) {
        let instance = as_json(&std::fs::read_to_string(path).unwrap());
        let errors: Vec<String> =
            validator.iter_errors(&instance).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(errors.is_empty(), "{}: {errors:#?}", path.display());
    }
    for name in [
        "durations",
        "empty-list",
        "enum-words",
        "image-sizes",
        "missing-endpoints",
        "missing-matrix",
        "out-of-range",
        "request-counts",
        "several-faults",
        "single-gate",
        "token-sizes",
        "unknown-key-far",
        "unknown-key-in-endpoint",
        "unknown-key-near",
        "wrong-types",
        "wrong-types-of-tables",
        "zip-not-nested",
    ] {
        let text = std::fs::read_to_string(Path::new(INVALID).join(format!("{name}.toml"))).unwrap();
        assert!(!validator.is_valid(&as_json(&text)), "{name}");
    }
}

#[test]
fn every_example_names_the_schema() {
    for path in scenarios(EXAMPLES) {
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().next(), Some("#:schema ../schemas/scenario.schema.json"), "{}", path.display());
    }
}

/// The reference with the keys that it only shows, as `# key = value` or `# [table]`.
fn reference_in_full() -> String {
    let text = std::fs::read_to_string(Path::new(EXAMPLES).join("reference.toml")).unwrap();
    let is_key = |line: &str| {
        line.starts_with('[') || line.split_once(" =").is_some_and(|(key, _)| !key.trim_end().contains(' '))
    };
    text.lines().map(|line| line.strip_prefix("# ").filter(|rest| is_key(rest)).unwrap_or(line)).fold(
        String::new(),
        |mut whole, line| {
            whole.push_str(line);
            whole.push('\n');
            whole
        },
    )
}

/// Collects the keys of `schema` that none of `values` has.
fn collect_missing(schema: &Value, values: &[&Value], path: &str, missing: &mut Vec<String>) {
    if let Some(items) = schema.get("items") {
        let items_of: Vec<&Value> = values.iter().filter_map(|value| value.as_array()).flatten().collect();
        collect_missing(items, &items_of, path, missing);
    }
    if let Some(named) = schema.get("additionalProperties").filter(|named| named.is_object()) {
        let entries: Vec<&Value> =
            values.iter().filter_map(|value| value.as_object()).flat_map(|entries| entries.values()).collect();
        collect_missing(named, &entries, path, missing);
    }
    let words = |schema: &Value| -> BTreeSet<String> {
        schema["properties"].as_object().into_iter().flat_map(|keys| keys.keys().cloned()).collect()
    };
    for (key, inner) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}.{key}");
        let found: Vec<&Value> = values.iter().filter_map(|value| value.get(key)).collect();
        let (own, ours) = (words(&inner["items"]), words(schema));
        if found.is_empty() {
            missing.push(path);
        } else if own.is_disjoint(&ours) {
            collect_missing(inner, &found, &path, missing);
        } else {
            // A block, an include or an exclude: most of its keys are the matrix's own.
            let items: Vec<&Value> = found.iter().filter_map(|list| list.as_array()).flatten().collect();
            let shown = |key: &&String| items.iter().any(|item| item.get(key.as_str()).is_some());
            missing.extend(own.difference(&ours).filter(|key| !shown(key)).map(|key| format!("{path}.{key}")));
        }
    }
}

#[test]
fn the_reference_has_every_key() {
    let whole = as_json(&reference_in_full());
    let mut missing = Vec::new();
    collect_missing(&schema(), &[&whole], "", &mut missing);
    assert!(missing.is_empty(), "scenarios/reference.toml lacks {missing:?}");
    let validator = jsonschema::validator_for(&schema()).unwrap();
    let errors: Vec<String> = validator.iter_errors(&whole).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?}");
}
