//! Datasets of every format, and what is said of faulty ones.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::diagnostic::{Style, render};
use crate::scenario::{Dataset, DatasetOrder, PromptImages, Unique};
use crate::tokens::Words;
use crate::workload::tests::cell;
use crate::workload::{ChatRequest, Message, Role, TokenModel};

struct Files(tempfile::TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    fn dataset(&self, name: &str, content: impl AsRef<[u8]>) -> Dataset {
        Dataset {
            file: self.write(name, content),
            order: DatasetOrder::File,
            template: None,
            filter: BTreeMap::new(),
            allow_image_urls: false,
        }
    }
}

fn custom(dataset: &Dataset) -> Custom {
    let rows = Rows::open(dataset, false).unwrap_or_else(|faults| panic!("{}", render(&faults, Style::Plain)));
    Custom::new(CustomOrder {
        cell: cell("model=a mode=custom output_tokens=5 language=en"),
        repeat: 0,
        seed: 7,
        nonce: 1,
        unique: Unique::Run,
        image: PromptImages::default(),
        rows: Arc::new(rows),
        tokenizer: Arc::new(Words),
        tokens: TokenModel { overhead: 7, probed: true, ..TokenModel::default() },
    })
}

#[test]
fn made_pictures_follow_those_of_the_row() {
    let files = Files::new();
    let order = custom(&files.dataset("d.jsonl", "{\"prompt\": \"x\"}\n{\"prompt\": \"y\"}")).asked;
    let cell = cell("model=a mode=custom image_size=20x10");
    let custom = Custom::new(CustomOrder { cell, ..order });
    let [first, second] = [0, 1].map(|index| custom.request("measure", index).unwrap());
    assert_eq!((first.images.len(), first.images[0].mime), (1, "image/jpeg"));
    assert_ne!(first.images, second.images);
    assert_eq!(first.input_tokens_client, None, "nobody here knows what a picture costs");
}

/// All requests of a dataset, once.
fn requests(dataset: &Dataset) -> Vec<ChatRequest> {
    let custom = custom(dataset);
    (0..custom.asked.rows.count()).map(|index| custom.request("measure", index).unwrap()).collect()
}

fn prompts(dataset: &Dataset) -> Vec<String> {
    requests(dataset).iter().map(|request| request.messages.last().unwrap().text().unwrap().to_owned()).collect()
}

/// What is said of a faulty dataset.
fn said(dataset: &Dataset) -> String {
    let faults = Rows::open(dataset, false).unwrap_err();
    render(&faults, Style::Plain).replace(&format!("{}/", dataset.file.parent().unwrap().display()), "")
}

const PNG: &[u8] = b"\x89PNG\r\n\x1a\nrest";

#[test]
fn a_row_says_all_that_a_request_may_have_in_any_order_of_keys() {
    let files = Files::new();
    files.write("pictures/a.png", PNG);
    let text = r#"
{"max_tokens": 9, "id": "first", "prompt": "How far is it?", "lang": "en"}

{"system": "Be brief.", "prompt": "  as it is \n"}
{"messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}], "tools": [{"type": "function"}], "tool_choice": "auto", "response_format": {"type": "json_object"}, "name": 4}
{"image_path": "pictures/a.png", "prompt": "Look", "id": null}
"#;
    let made = requests(&files.dataset("d.jsonl", text));
    let names: Vec<_> = made.iter().map(|request| request.prompt_name.clone().unwrap()).collect();
    assert_eq!(names, ["first", "row-4", "4", "row-6"]);
    assert_eq!(made[0].messages, [Message::user("How far is it?")]);
    assert_eq!((made[0].output_tokens, made[1].output_tokens), (Some(9), Some(5)), "the row goes before the axis");
    assert_eq!((made[0].input_tokens_client, made[0].input_tokens_requested), (Some(4 + 7), None));
    assert_eq!(made[1].messages, [Message::system("Be brief."), Message::user("  as it is \n")]);
    assert!(matches!(&made[2].messages[..], [Message::Verbatim(message)] if message["content"][0]["text"] == "hi"));
    let body = Value::Object(made[2].body.clone());
    let passed =
        json!({"tools": [{"type": "function"}], "tool_choice": "auto", "response_format": {"type": "json_object"}});
    assert_eq!((body, made[2].input_tokens_client), (passed, None));
    assert_eq!((made[3].images[0].mime, &made[3].images[0].bytes[..]), ("image/png", PNG));
}

#[test]
fn every_format_gives_the_same_rows() {
    let files = Files::new();
    let rows = [json!({"prompt": "a, \"b\"", "lang": "en"}), json!({"prompt": "two\nlines", "lang": "ko", "n": 2})];
    let lines = rows.each_ref().map(Value::to_string).join("\n");
    let table = "prompt,lang,n\n\"a, \"\"b\"\"\",en,\n\"two\nlines\",ko,2\n";
    let parquet = files.write("d.parquet", parquet_of(&["a, \"b\"", "two\nlines"], &["en", "ko"]));
    for mut dataset in [
        files.dataset("d.jsonl", &lines),
        files.dataset("d.NDJSON", &lines),
        files.dataset("lines.json", &lines),
        files.dataset("list.json", serde_json::to_string_pretty(&rows).unwrap()),
        files.dataset("d.csv", table),
        files.dataset("d.tsv", "prompt\tlang\n\"a, \"\"b\"\"\"\ten\n\"two\nlines\"\tko\n"),
        Dataset { file: parquet, ..files.dataset("x.jsonl", "") },
    ] {
        let path = dataset.file.display().to_string();
        assert_eq!(prompts(&dataset), ["a, \"b\"", "two\nlines"], "{path}");
        dataset.filter.insert("lang".to_owned(), vec!["fr".to_owned(), "ko".to_owned()]);
        assert_eq!(prompts(&dataset), ["two\nlines"], "{path}");
    }
}

/// Two columns of text as Parquet.
fn parquet_of(prompts: &[&str], languages: &[&str]) -> Vec<u8> {
    use arrow_array::{RecordBatch, StringArray};
    use arrow_schema::{DataType, Field, Schema};
    let field = |name| Field::new(name, DataType::Utf8, true);
    let schema = Arc::new(Schema::new(vec![field("prompt"), field("lang")]));
    let column = |texts: &[&str]| Arc::new(StringArray::from(texts.to_vec())) as _;
    let batch = RecordBatch::try_new(Arc::clone(&schema), vec![column(prompts), column(languages)]).unwrap();
    let mut bytes = Vec::new();
    let mut writer = parquet::arrow::ArrowWriter::try_new(&mut bytes, schema, None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

#[test]
fn a_table_holds_messages_as_json_and_numbers_as_text() {
    let files = Files::new();
    let table =
        "messages,max_tokens,tool_choice\n\"[{\"\"role\"\":\"\"user\"\",\"\"content\"\":\"\"hi\"\"}]\",12,auto\n";
    let made = requests(&files.dataset("d.csv", table));
    assert_eq!((made[0].messages[0].text(), made[0].output_tokens), (Some("hi"), Some(12)));
    assert_eq!((&made[0].body["tool_choice"], made[0].prompt_name.as_deref()), (&json!("auto"), Some("row-2")));
}

#[test]
fn conversations_of_share_gpt_are_read_as_they_are() {
    let files = Files::new();
    let text = r#"[
 {"id": "x_0", "conversations": [{"from": "system", "value": "S"}, {"from": "human", "value": "A"},
   {"from": "gpt", "value": "B"}, {"from": "human", "value": "C"}, {"from": "gpt", "value": "D"}]}
]"#;
    let made = requests(&files.dataset("sharegpt.json", text));
    let said: Vec<_> = made[0].messages.iter().map(|message| message.text().unwrap()).collect();
    assert_eq!((said, made[0].prompt_name.as_deref()), (vec!["S", "A", "B", "C"], Some("x_0")));
    assert!(matches!(&made[0].messages[2], Message::Said { role: Role::Assistant, .. }));
}

#[test]
fn faults_name_the_file_and_the_line() {
    let files = Files::new();
    let good = "{\"prompt\": \"x\"}\n";
    for (row, messages) in [
        ("{\"prompt\": \"x\",}", ["error[syntax]: this row is no JSON table", "d.jsonl:3:16"]),
        ("[1]", ["this row is no JSON table", "d.jsonl:3:1"]),
        ("{\"question\": \"x\"}", ["neither `prompt` nor `messages`", "d.jsonl:3:1"]),
        ("{\"prompt\": \"x\", \"messages\": []}", ["both `prompt` and `messages`", "d.jsonl:3:17"]),
        ("{\"prompt\": 3}", ["`prompt` takes a string", "d.jsonl:3:2"]),
        ("{\"prompt\": \" \"}", ["`prompt` is empty", "d.jsonl:3:2"]),
        ("{\"messages\": []}", ["`messages` is empty", "d.jsonl:3:2"]),
        ("{\"messages\": [{\"content\": \"x\"}]}", ["with its `role`", "d.jsonl:3:2"]),
        ("{\"prompt\": \"x\", \"max_tokens\": 0}", ["`max_tokens` is a whole number from 1, not 0", "d.jsonl:3:17"]),
        ("{\"prompt\": \"x\", \"image_path\": \"no.png\"}", ["no.png", "d.jsonl:3:17"]),
        ("{\"prompt\": \"x\", \"image_path\": \"d.jsonl\"}", ["d.jsonl is not a picture", "d.jsonl:3:17"]),
        ("{\"prompt\": \"x\", \"image_path\": \"https://x/a.png\"}", ["allow_image_urls = true", "d.jsonl:3:17"]),
        (
            "{\"messages\": [{\"role\": \"user\", \"content\": [{\"type\": \"image_url\", \"image_url\": {\"url\": \"HTTP://x/a.png\"}}]}]}",
            ["a picture in `messages` is a URL", "allow_image_urls = true"],
        ),
        (
            "{\"messages\": [{\"role\": \"assistant\", \"content\": \"x\"}], \"image_path\": \"a.png\"}",
            ["`image_path` belongs to a message of a user", "d.jsonl:3:55"],
        ),
        (
            "{\"system\": \"s\", \"messages\": [{\"role\": \"system\", \"content\": \"x\"}]}",
            ["has `system` and", "d.jsonl:3:2"],
        ),
        ("{\"conversations\": [{\"from\": \"dog\", \"value\": \"x\"}]}", ["nobody is called `dog`", "d.jsonl:3:2"]),
    ] {
        let shown = said(&files.dataset("d.jsonl", format!("\n{good}{row}\n{good}")));
        assert!(messages.iter().all(|message| shown.contains(message)), "{row}: {shown}");
        assert_eq!(shown.matches("error[").count(), 1, "{shown}");
    }
}

#[test]
fn files_that_are_no_datasets_say_so() {
    let files = Files::new();
    for (name, content, message) in [
        ("d.jsonl", "", "d.jsonl has no row"),
        ("d.jsonl", " \n\n", "d.jsonl has no row"),
        ("d.json", "[]", "d.json has no row"),
        ("d.json", "[{\"prompt\": \"x\"}", "the list does not end"),
        ("d.xml", "<a/>", "name it .jsonl"),
        ("d.csv", "prompt\n", "d.csv has no row"),
        ("d.csv", "prompt,a\nx\n", "this row has 1 fields, and the first line names 2"),
        ("d.parquet", "nothing", "d.parquet: "),
    ] {
        let shown = said(&files.dataset(name, content));
        assert!(shown.contains(message), "{name}: {shown}");
    }
    let missing = Dataset { file: "no/such.jsonl".into(), ..files.dataset("d.jsonl", "") };
    assert!(said(&missing).contains("cannot read"), "{}", said(&missing));
    let mut none = files.dataset("d.jsonl", "{\"prompt\": \"x\", \"lang\": \"en\"}");
    none.filter.insert("lang".to_owned(), vec!["ko".to_owned(), "fr".to_owned()]);
    let shown = said(&none);
    assert!(
        shown.contains("none of the 1 row of d.jsonl passes the filter") && shown.contains("lang = ko or fr"),
        "{shown}"
    );
}

#[test]
fn of_many_faults_the_first_are_told() {
    let files = Files::new();
    let shown = said(&files.dataset("d.jsonl", "{}\n".repeat(5000)));
    assert_eq!(shown.matches("neither").count(), 20);
    assert!(shown.contains("the first 20 are told"), "{shown}");
}

#[test]
fn urls_go_out_as_parts_where_they_are_allowed() {
    let files = Files::new();
    let dataset = files.dataset("d.jsonl", "{\"prompt\": \"Look\", \"image_path\": [\"https://x/a.png\"]}");
    let made = requests(&Dataset { allow_image_urls: true, ..dataset });
    let Message::Verbatim(message) = &made[0].messages[0] else { panic!("{:?}", made[0]) };
    let parts =
        json!([{"type": "text", "text": "Look"}, {"type": "image_url", "image_url": {"url": "https://x/a.png"}}]);
    assert_eq!((&message["content"], &message["role"]), (&parts, &json!("user")));
    assert!(made[0].images.is_empty());
    let row = json!({"messages": [{"role": "user", "content": parts}]}).to_string();
    let dataset = Dataset { allow_image_urls: true, ..files.dataset("m.jsonl", row) };
    assert!(matches!(&requests(&dataset)[0].messages[..], [Message::Verbatim(message)] if message["content"] == parts));
    let inline = r#"{"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}]}]}"#;
    assert_eq!(requests(&files.dataset("i.jsonl", inline)).len(), 1, "what is in the row nobody fetches");
}

#[test]
fn a_template_renders_rows_and_every_row_is_tried_before() {
    let files = Files::new();
    let text = "{\"question\": \"why\", \"system\": \"S\"}\n{\"question\": \"how\"}\n";
    let with =
        |text: &str, template: &str| Dataset { template: Some(template.to_owned()), ..files.dataset("d.jsonl", text) };
    let dataset = with(text, "{{ language }}: {{ question }} {{ index }}");
    assert_eq!(prompts(&dataset), ["en: why 0", "en: how 1"]);
    assert_eq!(requests(&dataset)[0].messages[0], Message::system("S"));
    let cells = [cell("model=a mode=custom language=en"), cell("model=a mode=synthetic")];
    let faults = |text: &str, template: &str| {
        render(&Rows::open(&with(text, template), false).unwrap().render_once(&cells), Style::Plain)
    };
    assert_eq!(faults(text, "{{ question }}"), "");
    let shown = faults(&format!("{text}{{\"answer\": 1}}\n"), "{{ question }}");
    assert!(shown.contains("`question` is not defined") && shown.contains("d.jsonl:3"), "{shown}");
    let broken = Rows::open(&with(text, "{% if %}"), false).unwrap_err();
    assert!(render(&broken, Style::Plain).contains("[dataset] template:1"), "{}", render(&broken, Style::Plain));
    let replayed = Rows::open(&dataset, true).unwrap_err();
    assert!(render(&replayed, Style::Plain).contains("a chat replays rows as they are"));
}

#[test]
fn pictures_are_hashed_by_what_they_hold() {
    let files = Files::new();
    let row = "{\"prompt\": \"x\", \"image_path\": \"a.png\"}\n";
    let hash = |picture: &[u8]| {
        files.write("a.png", picture);
        Rows::open(&files.dataset("d.jsonl", row), false).unwrap().pictures().unwrap().to_owned()
    };
    assert_eq!(hash(PNG), hash(PNG));
    assert_ne!(hash(PNG), hash(&[PNG, b"x"].concat()));
    assert!(Rows::open(&files.dataset("d.jsonl", "{\"prompt\": \"x\"}"), false).unwrap().pictures().is_none());
}

#[test]
fn shuffled_rows_are_the_same_for_every_model_and_load() {
    let files = Files::new();
    let lines = std::array::from_fn::<_, 50, _>(|row| format!("{{\"prompt\": \"p{row}\"}}")).join("\n");
    let dataset = Dataset { order: DatasetOrder::Shuffle, ..files.dataset("d.jsonl", lines) };
    let rows = Arc::new(Rows::open(&dataset, false).unwrap());
    let names = |axes: &str, seed: u64| -> Vec<String> {
        let custom = CustomOrder { cell: cell(axes), seed, rows: Arc::clone(&rows), ..custom(&dataset).asked };
        let custom = Custom::new(custom);
        (0..50).map(|index| custom.request("measure", index).unwrap().prompt_name.unwrap()).collect()
    };
    let one = names("model=a mode=custom concurrency=1", 7);
    assert_eq!(one, names("model=b mode=custom concurrency=8", 7));
    assert_ne!(one, names("model=a mode=custom concurrency=1", 8));
    assert_ne!(one[..3], ["row-1", "row-2", "row-3"]);
}

#[test]
fn a_row_that_changed_since_is_a_fault_and_no_panic() {
    let files = Files::new();
    let dataset = files.dataset("d.jsonl", "{\"prompt\": \"x\"}\n{\"prompt\": \"y\"}\n");
    let custom = custom(&dataset);
    std::fs::write(&dataset.file, "{\"prompt\"").unwrap();
    for index in 0..2 {
        assert!(custom.request("measure", index).unwrap_err().message.contains("has changed since"));
    }
    assert!(Path::new(&dataset.file).exists());
}
