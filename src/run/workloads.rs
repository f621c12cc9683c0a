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
