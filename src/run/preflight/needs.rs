use std::collections::BTreeMap;

use crate::plan::{Cell, Estimate, Plan};
use crate::run::prepare::made_ahead;
use crate::scenario::Scenario;
use crate::units::{ImageSize, SizeSpec};

/// Memory of one stream: its task, its connection, its request and its record. Measured at 8 000 streams of 40 tokens
/// (docs/PERFORMANCE.md): 10 kB, chunks included.
const STREAM_BYTES: u64 = 12_000;
/// Memory of a chunk until its record is written: 24 bytes in a list that doubles.
const CHUNK_BYTES: u64 = 48;
/// Text of a token, and what stands round a prompt.
const TOKEN_BYTES: u64 = 6;
const FRAME_BYTES: u64 = 2_000;
/// Files of the run itself, beside its connections: the runtime, the journal, results, control connections, names.
pub(super) const OWN_FILES: u64 = 32;

/// What the cells of one endpoint take, at most.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Need<'p> {
    pub(super) endpoint: &'p str,
    /// The cell with the most connections.
    pub(super) cell: &'p Cell,
    /// Its connections; those of a closed loop are kept for the cells that follow.
    pub(super) connections: u64,
    /// Whether the server's ends of them are in this process too.
    pub(super) simulated: bool,
    /// Bytes of memory of the cell that takes the most.
    pub(super) memory: u64,
}

impl Need<'_> {
    /// File descriptors of the connections.
    pub(super) fn descriptors(&self) -> u64 {
        self.connections * if self.simulated { 2 } else { 1 }
    }
}

/// The needs of a plan, one an endpoint.
pub(super) fn needs<'p>(scenario: &Scenario, plan: &'p Plan) -> Vec<Need<'p>> {
    let mut needs: BTreeMap<&str, Need<'p>> = BTreeMap::new();
    for cell in &plan.cells {
        let one = of_cell(scenario, cell);
        match needs.get_mut(one.endpoint) {
            Some(most) => {
                most.memory = most.memory.max(one.memory);
                if one.connections > most.connections {
                    (most.cell, most.connections) = (one.cell, one.connections);
                }
            }
            None => {
                needs.insert(one.endpoint, one);
            }
        }
    }
    needs.into_values().collect()
}

fn of_cell<'p>(scenario: &Scenario, cell: &'p Cell) -> Need<'p> {
    let connections = connections(scenario, cell);
    let endpoint = cell.axes.endpoint();
    let simulated = scenario.endpoint(endpoint).is_some_and(|endpoint| endpoint.simulator.is_some());
    let mean = |size: Option<&SizeSpec>| size.and_then(SizeSpec::mean).map_or(0, whole);
    let chunks = mean(cell.axes.output_tokens()) * CHUNK_BYTES;
    let streams = connections * (STREAM_BYTES + chunks) * if simulated { 2 } else { 1 };
    // A prompt is held as its request and as the body encoded from it.
    let prompt = 2 * (FRAME_BYTES + mean(cell.axes.input_tokens()) * TOKEN_BYTES + picture(cell.axes.image_size()));
    // A ring for each phase.
    let ahead = 2 * made_ahead(usize::try_from(connections).unwrap_or(usize::MAX)) as u64;
    Need { endpoint, cell, connections, simulated, memory: streams + ahead * prompt }
}

/// Connections that are open at the same time, at most.
fn connections(scenario: &Scenario, cell: &Cell) -> u64 {
    if let Some(concurrency) = cell.axes.concurrency() {
        return concurrency.into();
    }
    let requests = Estimate::of_cell(scenario, cell).requests / u64::from(scenario.load.repeats.max(1));
    u64::from(scenario.load.max_in_flight).min(requests.max(1))
}

/// About a byte a pixel, in base64.
fn picture(size: ImageSize) -> u64 {
    match size {
        ImageSize::Na => 0,
        ImageSize::Pixels { width, height } => u64::from(width) * u64::from(height) * 4 / 3,
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an estimate; saturates")]
fn whole(value: f64) -> u64 {
    value.round() as u64
}
