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
