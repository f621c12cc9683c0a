//! Tokenizers of files, of the hub and of the server: what is counted is what the server counts.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;

use infersweep::record::{Phase, RequestRecord};

use crate::tool::{Bench, SMALL, Simulated, files, rows};

/// A token a word, as the simulator counts; it does not give texts back.
const WORDS: &str = r#"{"version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
"pre_tokenizer": {"type": "WhitespaceSplit"}, "post_processor": null, "decoder": null,
"model": {"type": "WordLevel", "vocab": {"[UNK]": 0}, "unk_token": "[UNK]"}}"#;

/// The whole file is one token.
const ONE: &str = r#"{"version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
"pre_tokenizer": null, "post_processor": null, "decoder": null,
"model": {"type": "WordLevel", "vocab": {"[UNK]": 0}, "unk_token": "[UNK]"}}"#;

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// A hub with a single tokenizer, shown to whoever has the token when one is asked for. Returns its URL.
fn hub(repository: &'static str, tokenizer: &'static str, token: Option<&'static str>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let mut buffer = [0; 16384];
                while let Ok(read) = stream.read(&mut buffer)
                    && read > 0
                {
                    let request = String::from_utf8_lossy(&buffer[..read]).to_lowercase();
                    let allowed = token.is_none_or(|token| request.contains(&format!("authorization: bearer {token}")));
                    let path = |path: String| request.starts_with(&format!("get {} ", path.to_lowercase()));
                    let (status, body) = if !allowed {
                        ("401 Unauthorized", "{}".to_owned())
                    } else if path(format!("/api/models/{repository}/revision/main")) {
                        ("200 OK", format!(r#"{{"id": "{repository}", "sha": "{COMMIT}"}}"#))
                    } else if path(format!("/{repository}/resolve/{COMMIT}/tokenizer.json")) {
                        ("200 OK", tokenizer.to_owned())
                    } else {
                        ("404 Not Found", "{}".to_owned())
                    };
                    let answer =
                        format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\netag: \"f00d\"\r\n\r\n{body}", body.len());
                    stream.write_all(answer.as_bytes()).unwrap();
                }
            });
        }
    });
    url
}

fn scenario(tokenizer: &str) -> String {
    SMALL.replace(
        "[matrix]",
        &format!("[models]\na.tokenizer = \"{tokenizer}\"\nb.tokenizer = \"{tokenizer}\"\n[matrix]"),
    )
}

fn assert_exact(rows: &[RequestRecord]) {
    assert!(!rows.is_empty());
    for row in rows {
        assert!(row.tokens.input_requested.is_some());
        assert_eq!(row.tokens.input_server, row.tokens.input_requested);
        assert_eq!(row.tokens.input_client, row.tokens.input_requested);
    }
}

#[test]
fn a_tokenizer_of_the_hub_is_downloaded_once_into_the_layout_that_its_libraries_share() {
    let bench = Bench::new().file("small.toml", &scenario("hf:org/name"));
    let home = bench.path("hf").display().to_string();
    let bench = bench.variable("HF_HOME", &home).variable("HF_TOKEN", "s3cret-token");
    let bench = bench.variable("HF_ENDPOINT", &hub("org/name", WORDS, Some("s3cret-token")));
    let said = bench.call("run small.toml");
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert_exact(&rows(&bench.latest("small").join("requests")));
    assert!(said.stderr.contains("does not give a text back"), "{}", said.stderr);
    let counted = &Bench::json(&bench.latest("small").join("manifest.json"))["token_models"]["sim/a"];
    assert_eq!((&counted["tokenizer"], &counted["commit"]), (&"hf:org/name@main".into(), &COMMIT.into()));
    assert_eq!((&counted["overhead"], &counted["round_trips"]), (&7.into(), &false.into()));
    let repository = Path::new(&home).join("hub/models--org--name");
    assert_eq!(fs::read_to_string(repository.join("refs/main")).unwrap(), COMMIT);
    let file = repository.join("snapshots").join(COMMIT).join("tokenizer.json");
    assert_eq!(fs::read_to_string(&file).unwrap(), WORDS);
    assert_eq!(fs::read_link(&file).unwrap(), Path::new("../../blobs/f00d"));
    for file in files(&bench.path("results")) {
        assert!(!fs::read_to_string(file).is_ok_and(|text| text.contains("s3cret")));
    }

    let bench = bench.variable("HF_HUB_OFFLINE", "1");
    let said = bench.call("run small.toml");
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert_eq!(&Bench::json(&bench.latest("small").join("manifest.json"))["token_models"]["sim/a"], counted);
}

#[test]
fn a_tokenizer_that_cannot_be_had_says_why() {
    for (variables, said) in [
        (&[][..], "no directory for the hub's cache"),
        (&[("HF_HOME", "hf"), ("HF_HUB_OFFLINE", "1")], "HF_HUB_OFFLINE forbids"),
        (&[("HF_HOME", "hf"), ("HF_ENDPOINT", "http://127.0.0.1:9")], "cannot be reached"),
        (&[("HF_HOME", "hf"), ("HF_ENDPOINT", "other")], "org/name@main: HTTP 404"),
        (&[("HF_HOME", "hf"), ("HF_ENDPOINT", "gated")], "HF_TOKEN must be a token"),
        (&[("HF_HOME", "hf"), ("HF_ENDPOINT", "broken")], "tokenizer.json"),
    ] {
        let mut bench = Bench::new().file("small.toml", &scenario("hf:org/name"));
        for (name, value) in variables {
            let url = match *value {
                "other" => hub("org/other", WORDS, None),
                "gated" => hub("org/name", WORDS, Some("t0ken")),
                "broken" => hub("org/name", "{\"model\": 1}", None),
                value => value.to_owned(),
            };
            bench = bench.variable(name, &url);
        }
        let got = bench.call("run small.toml");
        assert!(got.code == 2 && got.stderr.contains(said), "{variables:?}: {} {}", got.code, got.stderr);
        assert!(!bench.path("results").exists(), "{variables:?}");
    }
}

#[test]
fn a_family_is_a_guess_that_the_server_has_to_confirm() {
    const REPOSITORY: &str = "mine/own";
    const TABLE: &str = "[[family]]\nnames = [\"llama-3\"]\ntokenizer = \"hf:mine/own\"\n";
    for (hub, counts, warned) in [
        (hub(REPOSITORY, WORDS, None), "hf:mine/own@main", None),
        (hub(REPOSITORY, ONE, None), "server", Some("hf:mine/own@main is not its tokenizer; the server counts")),
        (hub("none/such", WORDS, None), "server", Some("the tokenizer of its family is not used")),
    ] {
        let bench = Bench::new().file("families.toml", TABLE);
        let simulated = Simulated::start(&bench, "--ttft 2ms --itl 1ms");
        let text = format!(
            "name = \"f\"\ntokenizer_families = \"families.toml\"\n[endpoints.s]\nbase_url = \"{}\"\n[matrix]\n\
             model = \"Meta-Llama-3.3-70B\"\ninput_tokens = [30, 200]\noutput_tokens = 2\n[load]\nrequests = 4\n",
            simulated.url
        );
        let bench = bench.file("f.toml", &text).variable("HF_HOME", "hf").variable("HF_ENDPOINT", &hub);
        let said = bench.call("run f.toml");
        assert_eq!(said.code, 0, "{}", said.stderr);
        let model = &Bench::json(&bench.latest("f").join("manifest.json"))["token_models"]["s/Meta-Llama-3.3-70B"];
        assert_eq!((&model["tokenizer"], &model["mismatch"]), (&counts.into(), &false.into()));
        assert_exact(&rows(&bench.latest("f").join("requests")));
        assert_eq!(warned.is_some(), said.stderr.contains("the server counts"), "{}", said.stderr);
        assert!(warned.is_none_or(|warned| said.stderr.contains(warned)), "{}", said.stderr);
    }
}

#[test]
fn a_tokenizer_file_is_kept_in_its_fast_form_and_a_broken_one_is_made_anew() {
    let bench = Bench::new().file("small.toml", &scenario("words.json")).file("words.json", WORDS);
    let cache = bench.path("cache").display().to_string();
    let bench = bench.variable("XDG_CACHE_HOME", &cache);
    for broken in [false, true, false] {
        let said = bench.call("run small.toml --only model=a --only concurrency=1");
        assert_eq!(said.code, 0, "{}", said.stderr);
        assert_exact(&rows(&bench.latest("small").join("requests")));
        let kept = files(&bench.path("cache/infersweep/tokenizers"));
        assert_eq!(kept.len(), 1);
        assert!(fs::read_to_string(&kept[0]).unwrap().contains("WordLevel"));
        if broken {
            fs::write(&kept[0], "{").unwrap();
        }
    }
}

#[test]
fn sizes_are_drawn_alike_for_every_model_and_load_and_the_server_counts_them() {
    let sizes = "25\n31\n77\n";
    let text = SMALL
        .replace("[24, 64]", "[\"uniform(20,60)\", \"normal(90,10)\", \"lognormal(60,30)\", \"empirical(sizes.txt)\"]")
        .replace("output_tokens = 6", "output_tokens = \"uniform(2,9)\"");
    let bench = Bench::new().file("small.toml", &text).file("sizes.txt", sizes);
    let said = bench.call("run small.toml");
    assert_eq!(said.code, 0, "{}", said.stderr);
    let mut drawn = std::collections::BTreeMap::new();
    for path in files(&bench.latest("small").join("requests")) {
        let rows: Vec<RequestRecord> = infersweep::store::read_records(&path).unwrap().map(Result::unwrap).collect();
        assert_exact(&rows);
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let spec = ["uniform-20", "normal-90", "lognormal-60", "empirical"].iter().find(|spec| name.contains(*spec));
        let spec = *spec.unwrap_or_else(|| panic!("{name}"));
        // Rows are numbered through both phases, and a warm-up is as long as the load is high.
        let first = rows.iter().filter(|row| row.phase == Phase::Measure).map(|row| row.request_index).min().unwrap();
        for row in rows {
            let index = row.request_index.checked_sub(first).unwrap_or(row.request_index);
            assert_eq!(row.tokens.output_server, row.tokens.output_requested);
            let sizes = (row.tokens.input_requested.unwrap(), row.tokens.output_requested.unwrap());
            assert!((2..=9).contains(&sizes.1));
            assert!(spec != "empirical" || [25, 31, 77].contains(&sizes.0));
            assert!(spec != "uniform-20" || (20..=60).contains(&sizes.0));
            let known = drawn.entry((spec, row.phase == Phase::Warmup, index)).or_insert(sizes);
            assert_eq!(*known, sizes, "of every model and load");
        }
    }
    let distinct: std::collections::BTreeSet<_> = drawn.values().collect();
    assert!(distinct.len() > 15, "{distinct:?}");

    let plan = |file: &str| bench.call(&format!("plan {file} --json")).stdout;
    let frozen = bench.latest("small").join("scenario.toml");
    assert_eq!(plan("small.toml"), plan(&frozen.display().to_string()));
    assert!(frozen.parent().unwrap().join("inputs/sizes.txt").is_file());
}
