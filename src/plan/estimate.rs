use std::time::Duration;

use super::{Cell, Plan};
use crate::scenario::{Chat, Load, Mode, Scenario, SimulatorSettings};
use crate::units::{Amount, RequestCount};

/// Where nothing is known of a server: time to the first token.
const GUESSED_TTFT: Duration = Duration::from_millis(500);
/// Where nothing is known of a server: time of one output token.
const GUESSED_ITL: Duration = Duration::from_millis(33);

/// What a plan costs before anything of it is sent.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Estimate {
    /// Requests, warm-up included; of cells that only a duration ends, as many as fit by the time estimate.
    pub requests: u64,
    /// Input tokens, by the means of the sizes; of a dataset's rows, guessed by their length.
    pub input_tokens: u64,
    /// Output tokens, by the means of the sizes.
    pub output_tokens: u64,
    /// Seconds.
    pub seconds: f64,
    /// Whether the time rests on guessed server speeds: a first token after 0.5 s, then 30 tokens a second.
    pub guessed: bool,
    /// Dollars, where every model has a price.
    pub cost_usd: Option<f64>,
}

impl Estimate {
    /// Adds up all repeats of all cells of a plan, and the cooldown between them.
    #[must_use]
    pub fn of(scenario: &Scenario, plan: &Plan) -> Self {
        let cells: Vec<Self> = plan.cells.iter().map(|cell| Self::of_cell(scenario, cell)).collect();
        let units = plan.cells.len() * scenario.load.repeats as usize;
        let cooldown = scenario.load.cooldown.as_secs_f64() * as_float(units.saturating_sub(1) as u64);
        Self {
            requests: cells.iter().map(|cell| cell.requests).sum(),
            input_tokens: cells.iter().map(|cell| cell.input_tokens).sum(),
            output_tokens: cells.iter().map(|cell| cell.output_tokens).sum(),
            seconds: cells.iter().map(|cell| cell.seconds).sum::<f64>() + cooldown,
            guessed: cells.iter().any(|cell| cell.guessed),
            cost_usd: cells.iter().map(|cell| cell.cost_usd).sum(),
        }
    }

    /// All repeats of one cell.
    #[must_use]
    pub fn of_cell(scenario: &Scenario, cell: &Cell) -> Self {
        let load = &scenario.load;
        let mean = |size: Option<&crate::units::SizeSpec>| size.and_then(crate::units::SizeSpec::mean).unwrap_or(0.0);
        let input = cell.row_tokens.unwrap_or_else(|| mean(cell.axes.input_tokens()));
        let output = mean(cell.axes.output_tokens());
        let settings = scenario.endpoint(cell.axes.endpoint()).and_then(|endpoint| endpoint.simulator);
        let concurrency = cell.axes.concurrency().unwrap_or(1);
        let session = session(scenario, cell, input, output);
        let pause = scenario.chat().think_time.as_secs_f64() * (session.turns - 1.0);
        let speed = request_seconds(settings.as_ref(), session.input / session.turns, output, concurrency);
        let each = speed * session.turns + pause;
        let in_flight = f64::from(settings.map_or(concurrency, |settings| concurrency.min(settings.slots)));
        let (requests, seconds) = requests_and_seconds(load, cell, each / in_flight, each);
        let repeats = f64::from(load.repeats);
        let (sessions, seconds) = (requests * repeats, seconds * repeats);
        let price = scenario.models.get(cell.axes.model()).and_then(|model| model.price);
        Self {
            requests: whole(sessions * session.turns),
            input_tokens: whole(sessions * session.input),
            output_tokens: whole(sessions * session.output),
            seconds,
            guessed: settings.is_none() && load.duration.is_none(),
            cost_usd: price.map(|price| sessions * (session.input * price.input + session.output * price.output) / 1e6),
        }
    }
}

/// What one session comes to: a request, or a conversation that sends all that was said before with every turn.
struct Session {
    turns: f64,
    input: f64,
    output: f64,
}

fn session(scenario: &Scenario, cell: &Cell, input: f64, output: f64) -> Session {
    if cell.axes.mode() != Mode::Chat {
        return Session { turns: 1.0, input, output };
    }
    let turns = f64::from(scenario.chat().most_turns().unwrap_or(Chat::MADE_TURNS));
    let said_before = turns * (turns - 1.0) / 2.0 * (input + output);
    Session { turns, input: turns * input + said_before, output: turns * output }
}

/// Seconds that one request takes among `concurrency`.
fn request_seconds(settings: Option<&SimulatorSettings>, input: f64, output: f64, concurrency: u32) -> f64 {
    match settings {
        Some(s) => {
            let batch = f64::from(concurrency.min(s.slots));
            let step = s.itl.as_secs_f64() * (1.0 + s.batch_slowdown * (batch - 1.0));
            s.ttft.as_secs_f64() + s.prefill_per_token.as_secs_f64() * input + step * (output - 1.0).max(0.0)
        }
        None => GUESSED_TTFT.as_secs_f64() + GUESSED_ITL.as_secs_f64() * (output - 1.0).max(0.0),
    }
}

/// Requests and seconds of one repeat, warm-up included; a start frees every `gap` seconds, a request takes `each`.
fn requests_and_seconds(load: &Load, cell: &Cell, gap: f64, each: f64) -> (f64, f64) {
    let concurrency = cell.axes.concurrency().map(u64::from);
    let gap = match cell.axes.qps() {
        Some(crate::units::Qps::Rate(rate)) => 1.0 / rate,
        _ => gap,
    };
    let count = |count: RequestCount| as_float(count.at(concurrency));
    let (warm_requests, warm_seconds) = match load.warmup {
        Amount::Requests(requests) => (count(requests), count(requests) * gap),
        Amount::Time(time) => (time.as_secs_f64() / gap, time.as_secs_f64()),
    };
    // The last one starts a gap before the others end; a fraction of a wave takes a whole request.
    let by_count = cell.requests.map(|requests| (as_float(requests), (as_float(requests) * gap).max(each)));
    let by_time = load.duration.map(|time| (time.as_secs_f64() / gap, time.as_secs_f64() + each));
    let (requests, seconds) = match (by_count, by_time) {
        (Some(a), Some(b)) => {
            if a.1 <= b.1 {
                a
            } else {
                b
            }
        }
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => (0.0, 0.0),
    };
    (warm_requests + requests, (warm_seconds + seconds).min(load.cell_timeout.as_secs_f64()))
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn as_float(count: u64) -> f64 {
    count as f64
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an estimate; saturates")]
fn whole(value: f64) -> u64 {
    value.round() as u64
}
