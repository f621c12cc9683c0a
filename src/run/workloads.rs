use std::sync::Arc;

use super::error::RunError;
use super::learn::Counting;
use crate::plan::Cell;
use crate::scenario::{ChatSource, Mode, Scenario};
use crate::workload::{Chat, Custom, CustomOrder, Material, Rows, Synthetic, SyntheticOrder, Workload};

/// What one repeat of a cell sends.
pub(super) fn workload(
    scenario: &Scenario,
    material: &Material,
    cell: &Cell,
    repeat: u32,
    nonce: u64,
    counting: &Counting,
) -> Result<Arc<dyn Workload>, RunError> {
    let synthetic = || SyntheticOrder {
        cell: cell.clone(),
        repeat,
        seed: scenario.seed,
        nonce,
        prompts: Arc::clone(&material.prompts),
        unique: scenario.prompt.unique,
        image: scenario.prompt.image,
        shared_prefix: scenario.prompt.shared_prefix,
        tokenizer: Arc::clone(&counting.tokenizer),
        tokens: counting.model.clone(),
    };
    let rows = || -> Result<Arc<Rows>, RunError> {
        material.rows.clone().ok_or_else(|| RunError::Internal("no dataset was read".to_owned()))
    };
    let chat = scenario.chat();
    Ok(match (cell.axes.mode(), chat.source) {
        (Mode::Synthetic | Mode::RealWorkload, _) => Arc::new(Synthetic::new(synthetic())),
        (Mode::Custom, _) => Arc::new(Custom::new(CustomOrder {
            cell: cell.clone(),
            repeat,
            seed: scenario.seed,
            nonce,
            unique: scenario.prompt.unique,
            image: scenario.prompt.image,
            rows: rows()?,
            tokenizer: Arc::clone(&counting.tokenizer),
            tokens: counting.model.clone(),
        })),
        (Mode::Chat, ChatSource::Synthetic) => Arc::new(Chat::made(chat, synthetic())),
        (Mode::Chat, ChatSource::Dataset) => Arc::new(Chat::replayed(chat, rows()?, synthetic())),
    })
}

/// How many requests a session has; `None` where only the dataset knows.
pub(super) fn requests_of_session(scenario: &Scenario, cell: &Cell) -> Option<u64> {
    match cell.axes.mode() {
        Mode::Chat if scenario.chat().source == ChatSource::Dataset => None,
        Mode::Chat => scenario.chat().most_turns().map(u64::from),
        Mode::Synthetic | Mode::RealWorkload | Mode::Custom => Some(1),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::client::Client;
    use crate::plan::{ContentHashes, expand};
    use crate::run::sites::target;
    use crate::scenario::{AxisName, ReadOptions, Unset, Variables, read_text};
    use crate::time::Clock;
    use crate::tokens::Words;
    use crate::workload::{ChatRequest, Reply, TokenModel};

    const SCENARIO: &str = r#"
seed = 3
[endpoints.sim]
base_url = "http://127.0.0.1:9/v1"
[matrix]
model = ["a", "b"]
mode = ["synthetic", "custom", "chat"]
input_tokens = 40
output_tokens = 6
vars = { language = ["en", "ko"] }
[prompt]
file = "p.yaml"
multiple = true
system = "s.jinja"
shared_prefix = { tokens = 8, groups = 2 }
[dataset]
file = "d.jsonl"
order = "shuffle"
[chat]
turns = 3
think_time = "1s"
"#;

    /// All requests of a session, each answered alike.
    fn requests(workload: &dyn Workload, phase: &str, index: u64) -> Vec<ChatRequest> {
        let mut session = workload.session(phase, index).unwrap();
        let reply = Reply { text: "fine by me".to_owned(), completed: true };
        let mut all: Vec<ChatRequest> = session.next(None).into_iter().collect();
        while session.think(&reply).is_some() {
            all.extend(session.next(Some(&reply)));
        }
        all
    }

    /// The bodies of some sessions of every cell, by model and by mode, language and place of the session.
    fn bodies(unique: &str, nonce: u64) -> BTreeMap<(String, String), Vec<String>> {
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
        file("part.jinja", "on {{ choice(['rivers', 'towns']) }}");
        file(
            "p.yaml",
            "default_prompt: []\nmultiple_prompts:\n  - name: a\n    template: Write {% include 'part.jinja' %} {{ words(4) }}\n  - {name: b, template: \"Sing in {{ language }}\"}\n",
        );
        file("s.jinja", "Answer in {{ language }}.\n");
        file("d.jsonl", &(0..30).fold(String::new(), |all, row| format!("{all}{{\"prompt\": \"question {row}\"}}\n")));
        let variables = Variables::new(BTreeMap::new());
        let set = [format!("prompt.unique={unique}")];
        let options = ReadOptions { variables: &variables, unset: Unset::Refuse, set: &set, profile: None };
        let reading = read_text(&dir.path().join("t.toml"), SCENARIO, &options);
        assert!(reading.faults.is_empty(), "{:?}", reading.faults);
        let scenario = reading.scenario.unwrap();
        let material = Material::read(&scenario).unwrap();
        let plan = expand(&scenario, &ContentHashes::new());
        let faults = material.render_once(&scenario, &plan.cells);
        assert!(faults.is_empty(), "{faults:?}");
        let client =
            Client::new(&scenario.endpoints[0], "http://127.0.0.1:9/v1", Clock::start(), scenario.secrets.clone());
        let client = client.unwrap();
        let counting = Counting { tokenizer: Arc::new(Words), model: TokenModel::default() };
        let mut all = BTreeMap::new();
        for cell in &plan.cells {
            let workload = workload(&scenario, &material, cell, 0, nonce, &counting).unwrap();
            let target = target(&scenario, "sim", cell.axes.model());
            let language = cell.axes.get(&AxisName::Var("language".to_owned())).unwrap();
            for (phase, index) in [("warmup", 0), ("measure", 0), ("measure", 1), ("measure", 7)] {
                let requests = requests(workload.as_ref(), phase, index);
                let encode = |request| String::from_utf8(client.encode(request, &target).to_vec()).unwrap();
                let name = format!("{} {language} {phase} {index}", cell.axes.mode().as_str());
                all.insert((cell.axes.model().to_owned(), name), requests.iter().map(encode).collect());
            }
        }
        assert_eq!(all.len(), 2 * 3 * 2 * 4);
        all
    }

    #[test]
    fn the_same_seed_and_nonce_send_the_same_bytes() {
        let (one, two, other) = (bodies("run", 1), bodies("run", 1), bodies("run", 2));
        assert_eq!(one, two);
        for (name, made) in &one {
            assert_eq!(made.len(), if name.1.starts_with("chat") { 3 } else { 1 }, "{name:?}");
            // Rows go out as they are, whatever the run.
            assert_eq!(made == &other[name], name.1.starts_with("custom"), "{name:?}");
        }
    }

    #[test]
    fn two_models_are_asked_the_same() {
        let made = bodies("none", 1);
        for ((model, name), texts) in made.iter().filter(|((model, _), _)| model == "a") {
            let other = &made[&("b".to_owned(), name.clone())];
            let renamed = |text: &String| text.replace("\"model\":\"b\"", "\"model\":\"a\"");
            assert_eq!(texts, &other.iter().map(renamed).collect::<Vec<_>>(), "{model} {name}");
        }
        assert_eq!(made, bodies("none", 2), "without a salt no run is like another");
        assert_eq!(bodies("seed", 1), bodies("seed", 2));
    }

    #[test]
    fn a_system_message_comes_first_in_what_is_made_and_not_before_rows() {
        for ((_, name), texts) in bodies("run", 1) {
            let has = texts[0].contains(r#"{"role":"system","content":"Answer in "#);
            assert_eq!(has, !name.starts_with("custom"), "{name}: {}", texts[0]);
        }
    }
}
