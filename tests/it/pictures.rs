//! Pictures go out as asked for, are counted by the server, and do not make the text's tokens look wrong.

use crate::tool::{Bench, rows};

#[test]
fn pictures_of_every_size_are_sent_and_their_tokens_kept_apart() {
    let bench = Bench::new().file(
        "p.toml",
        "name = \"p\"\n[endpoints.sim]\napi = \"simulator\"\nsimulator = { ttft = \"2ms\", itl = \"1ms\" }\n\
         [matrix]\nmodel = \"m\"\ninput_tokens = 50\noutput_tokens = 2\nimage_size = [\"na\", \"56x56\", \"100x30\"]\n\
         [prompt]\nimage = { count = 2, format = \"png\" }\n[load]\nrequests = 3\n",
    );
    let said = bench.call("run p.toml");
    assert_eq!(said.code, 0, "{}", said.stderr);
    let dir = bench.latest("p");
    let summary = Bench::json(&dir.join("summary.json"));
    for (cell, image_tokens) in summary["cells"].as_array().unwrap().iter().zip([None, Some(2 * 4), Some(2 * 4 * 2)]) {
        assert_eq!(cell["requests"]["completed"], 3);
        assert_eq!(cell["input_tokens_off"], 0);
        let path = dir.join("requests").join(format!("{}.0.parquet", cell["cell_id"].as_str().unwrap()));
        let rows = infersweep::store::read_records(&path).unwrap().map(Result::unwrap);
        for row in rows {
            assert_eq!(row.tokens.image, image_tokens);
            assert_eq!(row.tokens.input_server, Some(50 + image_tokens.unwrap_or(0)));
        }
    }
    assert_eq!(rows(&dir.join("requests")).len(), 9);
    let plan = |set: &str| bench.call(&format!("plan p.toml --json {set}")).stdout;
    assert_ne!(plan(""), plan("--set prompt.image.format=jpeg"), "what a picture is changes a cell's digest");
    assert_eq!(
        plan("--only image_size=na"),
        plan("--only image_size=na --set prompt.image.format=jpeg"),
        "but not that of a cell without"
    );
}

#[test]
fn a_conversation_shows_its_rows_picture_with_the_first_turn() {
    const PICTURE: &[u8] = b"\x89PNG\r\n\x1a\nrest";
    let row = r#"{"image_path": "a.png", "messages": [{"role": "user", "content": "one"}, {"role": "user", "content": "two three"}]}"#;
    let text = "name = \"c\"\n[endpoints.sim]\napi = \"simulator\"\nsimulator = { ttft = \"2ms\", itl = \"1ms\" }\n[models.m]\n\
                tokenizer = \"words\"\n[matrix]\nmodel = \"m\"\nmode = \"chat\"\noutput_tokens = 4\n[dataset]\nfile = \"d.jsonl\"\n\
                [chat]\nsource = \"dataset\"\n[load]\nrequests = 2\n[output]\nsave_responses = true\n";
    let bench = Bench::new().file("d.jsonl", row).file("c.toml", text);
    std::fs::write(bench.path("a.png"), PICTURE).unwrap();
    let said = bench.call("run c.toml");
    assert_eq!(said.code, 0, "{}", said.stderr);
    let rows = rows(&bench.latest("c").join("requests"));
    // A picture whose size the simulator cannot read is 256 tokens.
    let seen: Vec<_> =
        rows.iter().map(|row| (row.turn, row.tokens.image, row.tokens.input_server, row.tokens.input_client)).collect();
    let [first, second] =
        [(Some(0), Some(256), Some(256 + 1 + 7), None), (Some(1), Some(256), Some(256 + 1 + 4 + 2 + 7), None)];
    assert_eq!(seen, [first, second, first, second]);
    let answers = crate::tool::files(&bench.latest("c").join("responses"));
    let answers = std::fs::read_to_string(&answers[0]).unwrap();
    assert_eq!(answers.matches("\"mime\":\"image/png\"").count(), 4, "{answers}");
    let plan = || bench.call("plan c.toml --json").stdout;
    let before = plan();
    std::fs::write(bench.path("a.png"), [PICTURE, b"more"].concat()).unwrap();
    assert_ne!(before, plan(), "the picture is part of the digest");
}
