use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::dataset::{Order, Rows, content_seed, count_plain};
use super::session::{ChatRequest, Message, Reply, Session, Workload};
use super::synthetic::{Opening, Synthetic, SyntheticOrder};
use crate::diagnostic::Fault;
use crate::scenario;
use crate::tokens::Tokenizer;
use crate::units::SizeSpec;

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
    /// The user's messages of a dataset's rows. What another model once answered there is left out.
    Replayed { rows: Arc<Rows>, order: Order },
}

/// A turn of the user.
#[derive(Debug)]
struct Turn {
    message: Message,
    /// `None` when it cannot be counted.
    tokens: Option<u64>,
    prompt_name: Option<String>,
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
        let SyntheticOrder { cell, tokenizer, tokens, .. } = &self.synthetic;
        let mut request = ChatRequest {
            output_tokens: cell.axes.output_tokens().and_then(SizeSpec::fixed),
            ..ChatRequest::default()
        };
        let (opening, turns) = match &self.says {
            Says::Made(synthetic) => self.make(synthetic, phase, index)?,
            Says::Replayed { rows, order } => {
                let row = rows.row(order.row(phase, index))?;
                request.body = row.body;
                request.output_tokens = row.max_tokens.or(request.output_tokens);
                self.replay(row.messages, &row.name)
            }
        };
        let opened = count_plain(&opening, tokenizer.as_ref());
        // Of everyday words alone the server's way of counting is known, though not of answers.
        let known = if opening.is_empty() { Some(0) } else { opened };
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

    fn make(&self, synthetic: &Synthetic, phase: &str, index: u64) -> Result<(Vec<Message>, VecDeque<Turn>), Fault> {
        let requested = self.synthetic.cell.axes.input_tokens().and_then(SizeSpec::fixed).unwrap_or(1);
        let wanted = usize::try_from(requested).unwrap_or(usize::MAX);
        let seed = synthetic.seed(phase, index).child("turn");
        let turns = (0..self.settings.most_turns().unwrap_or(1)).map(|turn| {
            let opening = if turn == 0 { Opening::Salted } else { Opening::Plain };
            let written = synthetic.write(phase, index, seed.index(turn.into()), wanted, opening)?;
            Ok(Turn {
                message: Message::user(written.text),
                tokens: Some(written.tokens),
                prompt_name: written.prompt_name,
            })
        });
        let system = synthetic.system(phase, index)?.map(|system| Message::system(system.text));
        Ok((system.into_iter().collect(), turns.collect::<Result<_, Fault>>()?))
    }

    fn replay(&self, messages: Vec<Message>, name: &str) -> (Vec<Message>, VecDeque<Turn>) {
        let mut opening = messages;
        let first = opening.iter().position(Message::is_of_user).unwrap_or(opening.len());
        let rest = opening.split_off(first);
        let most = self.settings.turns.map_or(usize::MAX, |turns| usize::try_from(turns).unwrap_or(usize::MAX));
        let turns = rest.into_iter().filter(Message::is_of_user).take(most).map(|message| Turn {
            tokens: count_plain(std::slice::from_ref(&message), self.synthetic.tokenizer.as_ref()),
            message,
            prompt_name: Some(name.to_owned()),
        });
        (opening, turns.collect())
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
