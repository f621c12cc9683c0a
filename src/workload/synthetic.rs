use std::sync::Arc;
use std::time::Duration;

use super::calibration::TokenModel;
use super::fit::Fitter;
use super::picture::Pictures;
use super::prompts::{Prompts, workload_axes};
use super::session::{ChatRequest, Message, Reply, Session, Step, Workload};
use super::tails::Tails;
use crate::diagnostic::Fault;
use crate::plan::Cell;
use crate::scenario::{PromptImages, Unique};
use crate::seed::Seed;
use crate::tokens::Tokenizer;
use crate::units::SizeSpec;

/// All that the prompts of one repeat of a cell hang on.
#[derive(Debug, Clone)]
pub struct SyntheticOrder {
    /// The cell.
    pub cell: Cell,
    /// Its repeat.
    pub repeat: u32,
    /// The scenario's seed.
    pub seed: u64,
    /// The run's nonce.
    pub nonce: u64,
    /// The templates.
    pub prompts: Arc<Prompts>,
    /// What makes each prompt unique.
    pub unique: Unique,
    /// What pictures are like, where the cell has some.
    pub image: PromptImages,
    /// Counts tokens.
    pub tokenizer: Arc<dyn Tokenizer>,
    /// What a request costs beyond its text.
    pub tokens: TokenModel,
}

/// Mode `synthetic`: prompts of an exact token size. Any request can be made at any time by any thread.
#[derive(Debug)]
pub struct Synthetic {
    order: SyntheticOrder,
    fitter: Fitter,
    tails: Tails,
    pictures: Option<Pictures>,
    /// Of content: the same for every model and load.
    content: Seed,
    /// Of salts: another in every cell, and in every run unless the seed alone makes them.
    salt: Option<Seed>,
}

impl Synthetic {
    /// The workload of one repeat.
    #[must_use]
    pub fn new(order: SyntheticOrder) -> Self {
        let root = Seed::root(order.seed);
        let content = root.child("prompt").child(&workload_axes(&order.cell.axes)).index(order.repeat.into());
        let salted = |seed: Seed| seed.child("salt").child(order.cell.id.as_str()).index(order.repeat.into());
        let salt = match order.unique {
            Unique::Run => Some(salted(Seed::root(order.nonce).child("run"))),
            Unique::Seed => Some(salted(root)),
            Unique::None => None,
        };
        let fitter = Fitter::new(order.tokenizer.as_ref());
        let pictures = Pictures::new(order.cell.axes.image_size(), order.image, content, salt);
        Self { order, fitter, tails: Tails::default(), pictures, content, salt }
    }

    /// The `index`-th request of a phase.
    pub fn request(&self, phase: &str, index: u64) -> Result<ChatRequest, Fault> {
        let SyntheticOrder { cell, prompts, tokenizer, tokens, .. } = &self.order;
        let seed = self.content.child(phase).index(index);
        let requested = cell.axes.input_tokens().and_then(SizeSpec::fixed).unwrap_or(1);
        let wanted = usize::try_from(signed(requested) - tokens.overhead).unwrap_or(0).max(1);
        // Where only everyday words can be counted, no template is sent.
        let template = prompts.pick(seed.child("pick")).filter(|_| tokenizer.takes_any_text());
        let body = match template {
            Some(template) => template.render(&cell.axes, index, seed.child("template"))?,
            None => self.fitter.words(&mut seed.child("words").rng(), wanted),
        };
        let salt = self
            .salt
            .map(|salt| self.fitter.salt(&mut salt.child(phase).index(index).rng(), wanted))
            .unwrap_or_default();
        // Not of the request: a body that requests share is filled up alike.
        let fill = self.content.child("fill");
        let fitted = self.tails.fit(&self.fitter, tokenizer.as_ref(), &salt, &body, wanted, fill);
        let counted = signed(fitted.tokens as u64) + tokens.overhead;
        Ok(ChatRequest {
            messages: vec![Message::user(fitted.text)],
            images: self.pictures.as_ref().map(|pictures| pictures.of(phase, index)).transpose()?.unwrap_or_default(),
            output_tokens: cell.axes.output_tokens().and_then(SizeSpec::fixed),
            input_tokens_requested: Some(requested),
            input_tokens_client: u64::try_from(counted).ok(),
            prompt_name: template.map(|template| template.name.clone()),
            ..ChatRequest::default()
        })
    }
}

impl Workload for Synthetic {
    fn session(&self, phase: &str, index: u64) -> Result<Box<dyn Session>, Fault> {
        Ok(Box::new(Single(Some(self.request(phase, index)?))))
    }
}

/// A session of one request.
#[derive(Debug)]
struct Single(Option<ChatRequest>);

impl Session for Single {
    fn next(&mut self, _: Option<&Reply>) -> Option<Step<ChatRequest>> {
        self.0.take().map(|request| Step { request, think: Duration::ZERO })
    }
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
