use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::order::Order;
use super::row::{ImageSource, Row};
use super::rows::Rows;
use crate::diagnostic::{Code, Fault};
use crate::plan::Cell;
use crate::scenario::{PromptImages, Unique};
use crate::seed::Seed;
use crate::tokens::Tokenizer;
use crate::workload::prompts::workload_axes;
use crate::workload::session::Single;
use crate::workload::synthetic::{output_tokens, salt_seed};
use crate::workload::{ChatRequest, Message, Picture, Pictures, Session, TokenModel, Workload};

/// All that the requests of one repeat of a cell of mode `custom` hang on.
#[derive(Debug, Clone)]
pub struct CustomOrder {
    /// The cell.
    pub cell: Cell,
    /// Its repeat.
    pub repeat: u32,
    /// The scenario's seed.
    pub seed: u64,
    /// The run's nonce.
    pub nonce: u64,
    /// What makes pictures unique.
    pub unique: Unique,
    /// What the pictures that are made are like, where the cell has some.
    pub image: PromptImages,
    /// The dataset.
    pub rows: Arc<Rows>,
    /// Counts tokens.
    pub tokenizer: Arc<dyn Tokenizer>,
    /// What a request costs beyond its text.
    pub tokens: TokenModel,
}

/// Mode `custom`: the rows of a dataset, as they are or rendered. No salt goes in front of them; pictures that are made
/// by `image_size` follow those of the row.
#[derive(Debug)]
pub struct Custom {
    pub(super) asked: CustomOrder,
    order: Order,
    content: Seed,
    pictures: Option<Pictures>,
}

impl Custom {
    /// The workload of one repeat.
    #[must_use]
    pub fn new(custom: CustomOrder) -> Self {
        let content = content_seed(custom.seed, &custom.cell, custom.repeat);
        let order = Order::new(custom.rows.dataset().order, custom.rows.count(), content);
        let salt = salt_seed(custom.unique, custom.seed, custom.nonce, &custom.cell, custom.repeat);
        let pictures = Pictures::new(custom.cell.axes.image_size(), custom.image, content, salt);
        Self { asked: custom, order, content, pictures }
    }

    /// The `index`-th request of a phase.
    pub fn request(&self, phase: &str, index: u64) -> Result<ChatRequest, Fault> {
        let CustomOrder { cell, rows, tokenizer, tokens, .. } = &self.asked;
        let seed = self.content.child(phase).index(index);
        let mut row = rows.row(self.order.row(phase, index))?;
        if let Some(template) = rows.template() {
            let text = template.render_row(&cell.axes, &row.values, index, seed.child("template"))?;
            row.messages.push(Message::user(text));
        }
        let Row { name, mut messages, images, body, max_tokens, .. } = row;
        let is_plain = images.is_empty() && self.pictures.is_none() && body.is_empty();
        let mut loaded = show(images, &name, messages.iter_mut().rfind(|message| message.is_of_user()))?;
        if let Some(pictures) = &self.pictures {
            loaded.extend(pictures.of(phase, index)?);
        }
        let counted = if is_plain { count_plain(&messages, tokenizer.as_ref()) } else { None };
        Ok(ChatRequest {
            input_tokens_client: counted.map(|count| count.saturating_add_signed(tokens.overhead)),
            messages,
            images: loaded,
            body,
            output_tokens: max_tokens.or_else(|| output_tokens(&cell.axes, seed)),
            prompt_name: Some(name),
            ..ChatRequest::default()
        })
    }
}

impl Workload for Custom {
    fn session(&self, phase: &str, index: u64) -> Result<Box<dyn Session>, Fault> {
        Ok(Box::new(Single::new(self.request(phase, index)?)))
    }
}

/// Where the content of a repeat of a cell begins: the same for every model and load.
pub(in crate::workload) fn content_seed(seed: u64, cell: &Cell, repeat: u32) -> Seed {
    Seed::root(seed).child("prompt").child(&workload_axes(&cell.axes)).index(repeat.into())
}

/// The tokens of the texts of messages; `None` when some of it is no plain text, or the tokenizer cannot count it.
pub(in crate::workload) fn count_plain(messages: &[Message], tokenizer: &dyn Tokenizer) -> Option<u64> {
    let text = |message: &Message| message.text().map(|text| tokenizer.count(text) as u64);
    if tokenizer.takes_any_text() { messages.iter().map(text).sum() } else { None }
}

/// Reads the pictures of the row `name`; those that are URLs become parts of `message`.
pub(in crate::workload) fn show(
    images: Vec<ImageSource>,
    name: &str,
    mut message: Option<&mut Message>,
) -> Result<Vec<Arc<Picture>>, Fault> {
    let mut loaded = Vec::new();
    for image in images {
        match image {
            ImageSource::File(path) => loaded.push(Arc::new(
                Picture::from_file(&path).map_err(|why| Fault::error(Code::File, format!("{name}: {why}")))?,
            )),
            ImageSource::Url(url) => {
                if let Some(message) = message.as_deref_mut() {
                    point_at(&url, message);
                }
            }
        }
    }
    Ok(loaded)
}

/// Adds the URL of a picture to a message, as a part beside its text.
fn point_at(url: &str, message: &mut Message) {
    let mut map = match message {
        Message::Verbatim(map) => std::mem::take(map),
        Message::Said { text, .. } => Map::from_iter([
            ("role".to_owned(), Value::from("user")),
            ("content".to_owned(), Value::from(std::mem::take(text))),
        ]),
    };
    let mut parts = match map.remove("content") {
        Some(Value::Array(parts)) => parts,
        Some(Value::String(text)) => vec![json!({"type": "text", "text": text})],
        _ => Vec::new(),
    };
    parts.push(json!({"type": "image_url", "image_url": {"url": url}}));
    map.insert("content".to_owned(), Value::Array(parts));
    *message = Message::Verbatim(map);
}
