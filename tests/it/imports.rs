//! Another tool's file becomes a scenario that checks, plans and runs.

use crate::tool::{Bench, rows};

const BUNDLE: &str = "model_name,input_tokens,output_tokens,num_requests,concurrent_requests,qps,qps_distribution,multimodal_img_size\n\
                      Llama-A,40,3,5,2,,,na\nLlama-B,60,2,3,1,,,60x40\nLlama-A,40,3,,4,,,\n";

#[test]
fn a_bundle_of_the_kit_runs_with_the_requests_of_each_row() {
    let bench = Bench::new().file(
        "bundles/speed.csv",
        &format!("{}Llama-B,40,2,4,,50,exponential,\n", BUNDLE.replace("40,3,,4", "40,3,7,4")),
    );
    let said = bench.call("import kit-csv bundles/speed.csv --api simulator");
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(said.stdout.contains("wrote speed.toml: 4 cells"), "{}", said.stdout);
    let checked = bench.call("check speed.toml");
    assert!(checked.code == 0 && checked.stdout.contains("4 cells") && checked.stderr.is_empty(), "{}", checked.stderr);
    let plan: serde_json::Value = serde_json::from_str(&bench.call("plan speed.toml --json").stdout).unwrap();
    let requests: Vec<_> = plan["cells"].as_array().unwrap().iter().map(|cell| cell["requests"].as_u64()).collect();
    assert_eq!(requests, [Some(5), Some(3), Some(7), Some(4)]);
    assert_eq!(bench.call("run speed.toml").code, 0);
    assert_eq!(rows(&bench.latest("speed").join("requests")).len(), 19);
    let again = bench.call("import kit-csv bundles/speed.csv");
    assert!(again.code == 2 && again.stderr.contains("is there already"), "{}", again.stderr);
}

#[test]
fn a_bundle_goes_to_sambanova_unless_told_otherwise_and_its_faults_are_shown() {
    let bench = Bench::new().file("b.csv", &BUNDLE.replace("Llama-A,40,3,,4,,,\n", "")).file("wrong.csv", BUNDLE);
    assert_eq!(bench.call("import kit-csv b.csv").code, 0);
    let made = std::fs::read_to_string(bench.path("b.toml")).unwrap();
    assert!(made.contains("api = \"sambanova\"") && made.contains("api_key_env = \"SAMBANOVA_API_KEY\""), "{made}");
    assert_eq!(bench.call("check b.toml").code, 0);
    let local = bench.call("import kit-csv b.csv --url http://127.0.0.1:8000/v1 --out local.toml");
    assert_eq!(local.code, 0, "{}", local.stderr);
    assert!(std::fs::read_to_string(bench.path("local.toml")).unwrap().contains("api = \"openai_chat\""));

    let wrong = bench.call("import kit-csv wrong.csv");
    assert!(wrong.code == 2 && wrong.stderr.contains("wrong.csv:4:14"), "{}", wrong.stderr);
    assert!(!bench.path("wrong.toml").exists());
    std::fs::write(bench.path("wide.csv"), b"\xff\xfem\0").unwrap();
    let wide = bench.call("import kit-csv wide.csv");
    assert!(wide.code == 2 && wide.stderr.contains("save the file as UTF-8"), "{}", wide.stderr);
    for words in ["import kit-csv none.csv", "import kit-csv b.csv --api openai_chat --out x.toml"] {
        assert_eq!(bench.call(words).code, 2, "{words}");
    }
}
