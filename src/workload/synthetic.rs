use std::sync::Arc;

use super::calibration::TokenModel;
use super::fit::Fitter;
use super::picture::Pictures;
use super::prefix::{Prefixes, join};
use super::prompts::{Prompts, workload_axes};
use super::session::{ChatRequest, Message, Session, Single, Workload};
use super::tails::Tails;
use crate::diagnostic::Fault;
use crate::plan::Cell;
use crate::scenario::{PromptImages, SharedPrefix, Unique};
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
    /// What requests of one group begin with.
    pub shared_prefix: SharedPrefix,
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
    /// What follows a salt.
    tails: Tails,
    pictures: Option<Pictures>,
    /// What follows nothing: the same body takes another tail there.
    bare_tails: Tails,
    /// Of content: the same for every model and load.
    content: Seed,
    /// Of salts: another in every cell, and in every run unless the seed alone makes them.
    salt: Option<Seed>,
    prefixes: Prefixes,
}

/// Where what is new in each cell, and in every run unless the seed alone makes it, begins; `None`: nothing is.
pub(super) fn salt_seed(unique: Unique, seed: u64, nonce: u64, cell: &Cell, repeat: u32) -> Option<Seed> {
    let root = match unique {
        Unique::Run => Seed::root(nonce).child("run"),
        Unique::Seed => Seed::root(seed),
        Unique::None => return None,
    };
    Some(root.child("salt").child(cell.id.as_str()).index(repeat.into()))
}

/// A text and the template it comes from.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) text: String,
    pub(super) tokens: u64,
    pub(super) prompt_name: Option<String>,
}

/// Where a text stands: what was asked before it begins, and so what has to be new in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opening {
    /// At the beginning: the prefix of its group, then a salt.
    Salted,
    /// Behind what is new already.
    Plain,
}

impl Synthetic {
    /// The workload of one repeat.
    #[must_use]
    pub fn new(order: SyntheticOrder) -> Self {
        let content =
            Seed::root(order.seed).child("prompt").child(&workload_axes(&order.cell.axes)).index(order.repeat.into());
        let salt = salt_seed(order.unique, order.seed, order.nonce, &order.cell, order.repeat);
        let fitter = Fitter::new(order.tokenizer.as_ref());
        let pictures = Pictures::new(order.cell.axes.image_size(), order.image, content, salt);
        // As new as the salts, so that no cell finds the prefixes of another in the server's cache.
        let prefixes = Prefixes::new(order.shared_prefix, salt.unwrap_or(content));
        Self { order, fitter, tails: Tails::default(), bare_tails: Tails::default(), pictures, content, salt, prefixes }
    }

    /// The `index`-th request of a phase.
    pub fn request(&self, phase: &str, index: u64) -> Result<ChatRequest, Fault> {
        let SyntheticOrder { cell, tokens, .. } = &self.order;
        let requested = cell.axes.input_tokens().and_then(SizeSpec::fixed).unwrap_or(1);
        let system = self.system(phase, index)?;
        let beside = tokens.overhead + system.as_ref().map_or(0, |system| signed(system.tokens));
        let wanted = usize::try_from(signed(requested) - beside).unwrap_or(0).max(1);
        let written = self.write(phase, index, self.seed(phase, index), wanted, Opening::Salted)?;
        let counted = signed(written.tokens) + beside;
        let system = system.map(|system| Message::system(system.text));
        Ok(ChatRequest {
            messages: system.into_iter().chain([Message::user(written.text)]).collect(),
            images: self.pictures.as_ref().map(|pictures| pictures.of(phase, index)).transpose()?.unwrap_or_default(),
            output_tokens: cell.axes.output_tokens().and_then(SizeSpec::fixed),
            input_tokens_requested: Some(requested),
            input_tokens_client: u64::try_from(counted).ok(),
            prompt_name: written.prompt_name,
            ..ChatRequest::default()
        })
    }

    /// Where the content of a request begins.
    pub(super) fn seed(&self, phase: &str, index: u64) -> Seed {
        self.content.child(phase).index(index)
    }

    /// The system message of a request.
    pub(super) fn system(&self, phase: &str, index: u64) -> Result<Option<Written>, Fault> {
        let SyntheticOrder { cell, prompts, tokenizer, .. } = &self.order;
        let text = prompts.system(&cell.axes, index, self.seed(phase, index).child("system"))?;
        Ok(text.map(|text| Written { tokens: tokenizer.count(&text) as u64, text, prompt_name: None }))
    }

    /// A text of `wanted` tokens for the `index`-th request of a phase, its content from `seed`.
    pub(super) fn write(
        &self,
        phase: &str,
        index: u64,
        seed: Seed,
        wanted: usize,
        opening: Opening,
    ) -> Result<Written, Fault> {
        let SyntheticOrder { cell, prompts, tokenizer, .. } = &self.order;
        let tokenizer = tokenizer.as_ref();
        // Where only everyday words can be counted, no template is sent.
        let template = prompts.pick(seed.child("pick")).filter(|_| tokenizer.takes_any_text());
        let body = match template {
            Some(template) => template.render(&cell.axes, index, seed.child("template"))?,
            None => self.fitter.words(&mut seed.child("words").rng(), wanted),
        };
        // Not of the request: a body that requests share is filled up alike.
        let fill = self.content.child("fill");
        let salt_seed = self.salt.filter(|_| opening == Opening::Salted);
        let salt = |wanted: usize| {
            let salt = salt_seed.map(|salt| salt.child(phase).index(index).rng());
            salt.map(|mut rng| self.fitter.salt(&mut rng, wanted)).unwrap_or_default()
        };
        let tails = if salt_seed.is_some() { &self.tails } else { &self.bare_tails };
        let fit = |wanted: usize| tails.fit(&self.fitter, tokenizer, &salt(wanted), &body, wanted, fill);
        let prefix = match opening {
            Opening::Salted => self.prefixes.of(index, wanted, &self.fitter, tokenizer),
            Opening::Plain => None,
        };
        let fitted = match prefix {
            Some(prefix) => join(&prefix, wanted, tokenizer, fit).unwrap_or_else(|| {
                let opening = format!("{} {}", prefix.text, salt(wanted - prefix.tokens.min(wanted)));
                self.fitter.fit(tokenizer, opening.trim_end(), &body, wanted, &mut fill.rng())
            }),
            None => fit(wanted),
        };
        let prompt_name = template.map(|template| template.name.clone());
        Ok(Written { text: fitted.text, tokens: fitted.tokens as u64, prompt_name })
    }
}

impl Workload for Synthetic {
    fn session(&self, phase: &str, index: u64) -> Result<Box<dyn Session>, Fault> {
        Ok(Box::new(Single::new(self.request(phase, index)?)))
    }
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
