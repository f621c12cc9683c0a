use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::dataset::{Order, Row, Rows, content_seed, count_plain, show};
use super::session::{ChatRequest, Message, Reply, Session, Shown, Workload};
use super::synthetic::{Opening, Synthetic, SyntheticOrder, output_tokens};
use crate::diagnostic::Fault;
use crate::scenario;
use crate::seed::Seed;
use crate::tokens::Tokenizer;

/// Mode `chat`: conversations whose context grows with the live replies.
///
/// Every turn sends all that was said before: the system message, the user's turns and what the model answered, its
/// visible text. What the user says is known from the beginning; it does not hang on the answers.
#[derive(Debug)]
pub struct Chat {
    settings: scenario::Chat,
    says: Says,
    synthetic: SyntheticOrder,
}

/// What the user says.
#[derive(Debug)]
enum Says {
    /// Texts of an exact size.
    Made(Box<Synthetic>),
    /// The user's messages of a dataset's rows; pictures go with the first. What another model once answered there is
    /// left out.
    Replayed { rows: Arc<Rows>, order: Order },
}

/// A turn of the user.
#[derive(Debug)]
struct Turn {
    message: Message,
    /// `None` when it cannot be counted.
    tokens: Option<u64>,
    prompt_name: Option<String>,
    /// The output limit that the cell asks for.
    output_tokens: Option<u64>,
}

/// A conversation as it is planned.
struct Script {
    /// What stands before the first turn.
    opening: Vec<Message>,
    turns: VecDeque<Turn>,
    /// What every turn's request has.
    request: ChatRequest,
}

impl Chat {
    /// Conversations of texts of `input_tokens` a turn.
    #[must_use]
    pub fn made(settings: scenario::Chat, order: SyntheticOrder) -> Self {
        Self { settings, says: Says::Made(Box::new(Synthetic::new(order.clone()))), synthetic: order }
    }

    /// Conversations of a dataset's rows.
    #[must_use]
    pub fn replayed(settings: scenario::Chat, rows: Arc<Rows>, order: SyntheticOrder) -> Self {
        let content = content_seed(order.seed, &order.cell, order.repeat);
        let rows_order = Order::new(rows.dataset().order, rows.count(), content);
        Self { settings, says: Says::Replayed { rows, order: rows_order }, synthetic: order }
    }

    /// The `index`-th conversation of a phase, before anything is said.
    fn conversation(&self, phase: &str, index: u64) -> Result<Conversation, Fault> {
        let SyntheticOrder { tokenizer, tokens, .. } = &self.synthetic;
        let Script { opening, turns, request } = match &self.says {
            Says::Made(synthetic) => self.make(synthetic, phase, index)?,
            Says::Replayed { rows, order } => {
                let asked = &self.synthetic;
                let content = content_seed(asked.seed, &asked.cell, asked.repeat).child(phase).index(index);
                self.replay(rows.row(order.row(phase, index))?, content)?
            }
        };
        let known = match opening.as_slice() {
            // Nobody here knows what pictures and tools cost.
            _ if !request.images.is_empty() || !request.body.is_empty() => None,
            // Of everyday words alone the server's way of counting is known, though not of answers.
            [] => Some(0),
            opening => count_plain(opening, tokenizer.as_ref()),
        };
        Ok(Conversation {
            said: known.map(|count| count.saturating_add_signed(tokens.overhead)),
            history: opening,
            turns,
            sent: 0,
            request,
            think: self.settings.think_time,
            tokenizer: Arc::clone(tokenizer),
        })
    }

    fn make(&self, synthetic: &Synthetic, phase: &str, index: u64) -> Result<Script, Fault> {
        let seed = synthetic.seed(phase, index).child("turn");
        let turns = (0..self.settings.most_turns().unwrap_or(1)).map(|turn| {
            let opening = if turn == 0 { Opening::Salted } else { Opening::Plain };
            let seed = seed.index(turn.into());
            let wanted = usize::try_from(synthetic.input_tokens(seed)).unwrap_or(usize::MAX);
            let written = synthetic.write(phase, index, seed, wanted, opening)?;
            Ok(Turn {
                message: Message::user(written.text),
                tokens: Some(written.tokens),
                prompt_name: written.prompt_name,
                output_tokens: output_tokens(&self.synthetic.cell.axes, seed),
            })
        });
        let system = synthetic.system(phase, index)?.map(|system| Message::system(system.text));
        Ok(Script {
            opening: system.into_iter().collect(),
            turns: turns.collect::<Result<_, Fault>>()?,
            request: ChatRequest::default(),
        })
    }

    fn replay(&self, row: Row, seed: Seed) -> Result<Script, Fault> {
        let Row { name, messages: mut opening, images, body, max_tokens, .. } = row;
        let first = opening.iter().position(Message::is_of_user).unwrap_or(opening.len());
        let mut rest = opening.split_off(first);
        let images = show(images, &name, rest.first_mut())?;
        let most = self.settings.turns.map_or(usize::MAX, |turns| usize::try_from(turns).unwrap_or(usize::MAX));
        let turns = rest.into_iter().filter(Message::is_of_user).take(most).enumerate().map(|(turn, message)| Turn {
            output_tokens: output_tokens(&self.synthetic.cell.axes, seed.index(turn as u64)),
            tokens: count_plain(std::slice::from_ref(&message), self.synthetic.tokenizer.as_ref()),
            message,
            prompt_name: Some(name.clone()),
        });
        let turns = turns.collect();
        let request =
            ChatRequest { images, shown: Shown::First, body, output_tokens: max_tokens, ..ChatRequest::default() };
        Ok(Script { opening, turns, request })
    }
}

impl Workload for Chat {
    fn session(&self, phase: &str, index: u64) -> Result<Box<dyn Session>, Fault> {
        Ok(Box::new(self.conversation(phase, index)?))
    }
}

/// A conversation under way.
#[derive(Debug)]
struct Conversation {
    /// What was said so far, oldest first.
    history: Vec<Message>,
    /// Tokens of it, and of the chat template round a single message; `None` once something cannot be counted.
    said: Option<u64>,
    /// What the user has yet to say.
    turns: VecDeque<Turn>,
    sent: u32,
    /// What every turn's request has.
    request: ChatRequest,
    think: Duration,
    tokenizer: Arc<dyn Tokenizer>,
}

impl Session for Conversation {
    fn next(&mut self, last: Option<&Reply>) -> Option<ChatRequest> {
        if let Some(reply) = last {
            self.think(reply)?;
            let answer = Message::assistant(reply.text.as_str());
            self.count(count_plain(std::slice::from_ref(&answer), self.tokenizer.as_ref()));
            self.history.push(answer);
        }
        let turn = self.turns.pop_front()?;
        self.count(turn.tokens);
        self.history.push(turn.message);
        self.sent += 1;
        Some(ChatRequest {
            messages: self.history.clone(),
            input_tokens_client: self.said,
            prompt_name: turn.prompt_name,
            output_tokens: self.request.output_tokens.or(turn.output_tokens),
            turn: Some(self.sent - 1),
            ..self.request.clone()
        })
    }

    /// A turn that failed ends its conversation: what would follow has no answer to go on from.
    fn think(&self, last: &Reply) -> Option<Duration> {
        (last.completed && !self.turns.is_empty()).then_some(self.think)
    }
}

impl Conversation {
    fn count(&mut self, tokens: Option<u64>) {
        self.said = self.said.zip(tokens).map(|(said, more)| said + more);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::scenario::{ChatSource, Dataset, DatasetOrder, SharedPrefix};
    use crate::tokens::Words;
    use crate::workload::tests::order;

    const CELL: &str = "model=a mode=chat input_tokens=30 output_tokens=5 concurrency=4 language=en";

    fn settings(turns: Option<u32>) -> scenario::Chat {
        scenario::Chat { turns, think_time: Duration::from_secs(2), source: ChatSource::Synthetic }
    }

    fn reply(text: &str) -> Reply {
        Reply { text: text.to_owned(), completed: true }
    }

    /// The requests of a conversation, every one answered with `answer`.
    fn turns(chat: &Chat, index: u64, answer: &str) -> Vec<ChatRequest> {
        let mut session = chat.session("measure", index).unwrap();
        let mut all = vec![session.next(None).unwrap()];
        let answer = reply(answer);
        while let Some(think) = session.think(&answer) {
            assert_eq!(think, Duration::from_secs(2));
            all.push(session.next(Some(&answer)).unwrap());
        }
        assert!(session.next(Some(&answer)).is_none());
        all
    }

    fn texts(request: &ChatRequest) -> Vec<&str> {
        request.messages.iter().map(|message| message.text().unwrap()).collect()
    }

    #[test]
    fn every_turn_is_exact_and_sends_all_that_was_said() {
        let chat = Chat::made(settings(None), order(CELL, Arc::new(Words)));
        let turns = turns(&chat, 3, "fine by me");
        assert_eq!(turns.len(), 4);
        for (turn, request) in turns.iter().enumerate() {
            let said = texts(request);
            assert_eq!((said.len(), request.turn), (2 * turn + 1, u32::try_from(turn).ok()));
            assert_eq!(Words.count(said.last().unwrap()), 30);
            let counted: usize = said.iter().map(|text| Words.count(text)).sum();
            assert_eq!(request.input_tokens_client, Some(counted as u64 + 7));
            assert_eq!((request.input_tokens_requested, request.output_tokens), (None, Some(5)));
            assert_eq!(request.messages[..said.len() - 1].iter().filter(|message| !message.is_of_user()).count(), turn);
            if let Some(before) = turn.checked_sub(1) {
                assert_eq!(request.messages[..2 * turn - 1], turns[before].messages);
                assert_eq!(said[2 * turn - 1], "fine by me");
            }
        }
    }

    #[test]
    fn only_the_beginning_of_a_conversation_is_salted() {
        let made = |nonce| Chat::made(settings(None), SyntheticOrder { nonce, ..order(CELL, Arc::new(Words)) });
        let (one, two) = (turns(&made(1), 0, "x"), turns(&made(2), 0, "x"));
        let (one, two) = (texts(&one[3]), texts(&two[3]));
        let differ: Vec<bool> = one.iter().zip(&two).map(|(one, two)| one != two).collect();
        assert_eq!(differ, [true, false, false, false, false, false, false]);
        assert_ne!(one[2], one[4]);
        let shared_prefix = SharedPrefix { tokens: 10, groups: 1 };
        let shared = Chat::made(settings(None), SyntheticOrder { shared_prefix, ..order(CELL, Arc::new(Words)) });
        let prefix = |index| Words.truncate(texts(&turns(&shared, index, "x")[0])[0], 10).to_owned();
        assert_eq!(prefix(0), prefix(1));
    }

    #[test]
    fn turns_of_one_text_are_exact_too() {
        let yaml = "default_prompt:\n  - {name: a, template: Tell me all about the bridges of the town}\n";
        let prompts = crate::workload::prompts::from_text(std::path::Path::new("p.yaml"), yaml, false).unwrap();
        let chat =
            Chat::made(settings(None), SyntheticOrder { prompts: Arc::new(prompts), ..order(CELL, Arc::new(Words)) });
        let last = turns(&chat, 0, "x").pop().unwrap();
        let of_user = last.messages.iter().filter(|message| message.is_of_user());
        assert_eq!(of_user.map(|message| Words.count(message.text().unwrap())).collect::<Vec<_>>(), [30; 4]);
    }

    #[test]
    fn a_turn_that_failed_ends_its_conversation() {
        let chat = Chat::made(settings(None), order(CELL, Arc::new(Words)));
        let mut session = chat.session("measure", 0).unwrap();
        session.next(None).unwrap();
        let failed = Reply { text: "half of".to_owned(), completed: false };
        assert_eq!((session.think(&failed), session.next(Some(&failed))), (None, None));
    }

    #[test]
    fn without_a_tokenizer_only_what_we_made_is_counted() {
        let chat = Chat::made(settings(Some(2)), order(CELL, crate::workload::server_tokenizer()));
        let counted: Vec<_> = turns(&chat, 0, "x").iter().map(|request| request.input_tokens_client).collect();
        assert_eq!(counted, [Some(37), None]);
    }

    /// A dataset of these rows, as conversations take it.
    fn opened(dir: &std::path::Path, rows: &str) -> Arc<Rows> {
        let file = dir.join("d.jsonl");
        std::fs::write(&file, rows).unwrap();
        let (template, filter) = (None, BTreeMap::new());
        let dataset = Dataset { file, order: DatasetOrder::File, template, filter, allow_image_urls: true };
        Arc::new(Rows::open(&dataset, true).unwrap())
    }

    #[test]
    fn what_a_row_shows_is_shown_with_the_first_turn_and_stays_there() {
        const SAID: &str = r#""messages": [{"role": "user", "content": "A"}, {"role": "user", "content": "B"}]"#;
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a.png"), b"\x89PNG\r\n\x1a\nrest").unwrap();
        let rows = format!(
            "{{{SAID}, \"image_path\": \"a.png\"}}\n{{{SAID}, \"image_path\": \"https://x/a.png\"}}\n{{{SAID}, \"tools\": []}}"
        );
        let chat = Chat::replayed(settings(None), opened(dir.path(), &rows), order(CELL, Arc::new(Words)));
        for turn in turns(&chat, 0, "x") {
            assert_eq!((turn.images.len(), turn.images[0].mime, turn.shown), (1, "image/png", Shown::First));
            assert_eq!((turn.messages[0].text(), turn.input_tokens_client), (Some("A"), None));
        }
        for turn in turns(&chat, 1, "x") {
            let Message::Verbatim(first) = &turn.messages[0] else { panic!("{turn:?}") };
            assert_eq!(first["content"][1]["image_url"]["url"], "https://x/a.png");
            assert_eq!((first["content"][0]["text"].as_str(), turn.images.len()), (Some("A"), 0));
            assert_eq!(turn.input_tokens_client, None);
        }
        assert!(
            turns(&chat, 2, "x").iter().all(|turn| turn.input_tokens_client.is_none()),
            "tools are counted nowhere"
        );
    }

    #[test]
    fn rows_are_replayed_with_live_answers() {
        let rows = r#"{"id": "c", "max_tokens": 3, "messages": [{"role": "system", "content": "S"}, {"role": "user", "content": "A"}, {"role": "assistant", "content": "old"}, {"role": "user", "content": "B"}, {"role": "user", "content": "C"}]}
{"prompt": "only"}"#;
        let dir = tempfile::tempdir().unwrap();
        let rows = opened(dir.path(), rows);
        let chat = |most| Chat::replayed(settings(most), Arc::clone(&rows), order(CELL, Arc::new(Words)));
        let all = turns(&chat(None), 0, "new one");
        assert_eq!(texts(&all[2]), ["S", "A", "new one", "B", "new one", "C"]);
        assert_eq!(all[2].input_tokens_client, Some(4 + 2 * 2 + 7));
        assert!(all.iter().all(|turn| turn.prompt_name.as_deref() == Some("c") && turn.output_tokens == Some(3)));
        assert_eq!((turns(&chat(Some(2)), 0, "x").len(), turns(&chat(None), 1, "x").len()), (2, 1));
    }
}
