use std::time::Duration;

use super::{Cell, Plan, SearchPlan};
use crate::scenario::{Chat, Load, Mode, Scenario, SimulatorSettings};
use crate::units::{Amount, Qps, RequestCount, SizeSpec, as_float};

/// Where nothing is known of a server: time to the first token.
const GUESSED_TTFT: Duration = Duration::from_millis(500);
/// Where nothing is known of a server: time of one output token.
const GUESSED_ITL: Duration = Duration::from_millis(33);
/// How often a guess of what is in flight is made better.
const ROUNDS: usize = 8;

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
        Self::of_repeats(scenario, plan, |_| scenario.load.repeats)
    }

    /// The same for so many repeats of each cell, by its place in the plan; searches as [`of_search`](Self::of_search).
    #[must_use]
    pub fn of_repeats(scenario: &Scenario, plan: &Plan, repeats: impl Fn(usize) -> u32) -> Self {
        let plain = plan.cells.iter().enumerate().map(|(at, cell)| (cell, repeats(at)));
        let searched = plan.searches.iter().flat_map(SearchPlan::dearest).map(|cell| (cell, 1));
        Self::sum(scenario, plain.chain(searched))
    }

    /// A search, when it takes the dearest way and every verdict is clear at once.
    #[must_use]
    pub fn of_search(scenario: &Scenario, search: &SearchPlan) -> Self {
        Self::sum(scenario, search.dearest().into_iter().map(|cell| (cell, 1)))
    }

    /// So many repeats of each cell, and the cooldown between them.
    fn sum<'c>(scenario: &Scenario, counted: impl Iterator<Item = (&'c Cell, u32)>) -> Self {
        let counted: Vec<(&Cell, u32)> = counted.filter(|(_, repeats)| *repeats > 0).collect();
        let cells: Vec<Self> =
            counted.iter().map(|(cell, repeats)| Self::of_cell_repeats(scenario, cell, *repeats)).collect();
        let units: u64 = counted.iter().map(|(_, repeats)| u64::from(*repeats)).sum();
        let cooldown = scenario.load.cooldown.as_secs_f64() * as_float(units.saturating_sub(1));
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
        Self::of_cell_repeats(scenario, cell, scenario.load.repeats)
    }

    /// So many repeats of one cell.
    #[must_use]
    pub fn of_cell_repeats(scenario: &Scenario, cell: &Cell, repeats: u32) -> Self {
        let load = &scenario.load;
        let (input, output) = sizes(cell);
        let settings = scenario.endpoint(cell.axes.endpoint()).and_then(|endpoint| endpoint.simulator);
        let session = session(scenario, cell, input, output);
        let pause = scenario.chat().think_time.as_secs_f64() * (session.turns - 1.0);
        let (concurrency, speed) = concurrency_and_seconds(scenario, cell, session.input / session.turns, output);
        let each = speed * session.turns + pause;
        let in_flight = settings.map_or(concurrency, |settings| concurrency.min(settings.slots.into()));
        let (requests, seconds) = requests_and_seconds(load, cell, each / in_flight, each);
        let repeats = f64::from(repeats);
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

/// Mean input and output tokens of a request.
fn sizes(cell: &Cell) -> (f64, f64) {
    let mean = |size: Option<&SizeSpec>| size.and_then(SizeSpec::mean).unwrap_or(0.0);
    (cell.row_tokens.unwrap_or_else(|| mean(cell.axes.input_tokens())), mean(cell.axes.output_tokens()))
}

/// Requests in flight at a time, on average, by the estimate of how long each takes; never more than may be.
#[must_use]
pub fn mean_in_flight(scenario: &Scenario, cell: &Cell) -> f64 {
    let (input, output) = sizes(cell);
    concurrency_and_seconds(scenario, cell, input, output).0
}

/// Requests in flight at a time, and the seconds that each of them takes. In open loop the one follows from the other
/// (Little's law), unless more are due than the server can do: then they pile up.
fn concurrency_and_seconds(scenario: &Scenario, cell: &Cell, input: f64, output: f64) -> (f64, f64) {
    let settings = scenario.endpoint(cell.axes.endpoint()).and_then(|endpoint| endpoint.simulator);
    let seconds = |concurrency: f64| request_seconds(settings.as_ref(), input, output, concurrency);
    let Some(qps) = cell.axes.qps() else {
        let concurrency = f64::from(cell.axes.concurrency().unwrap_or(1));
        return (concurrency, seconds(concurrency));
    };
    let most = cell.requests.map_or(f64::INFINITY, as_float).min(scenario.load.max_in_flight.into()).max(1.0);
    let Qps::Rate(rate) = qps else { return (most, seconds(most)) };
    let mut concurrency = 1.0;
    // More in flight make each slower, and so still more: a few rounds are close enough.
    for _ in 0..ROUNDS {
        concurrency = (rate * seconds(concurrency)).clamp(1.0, most);
    }
    let slots = settings.map_or(f64::INFINITY, |settings| settings.slots.into());
    (if concurrency > slots { most } else { concurrency }, seconds(concurrency))
}

/// Seconds that one request takes among `concurrency`.
fn request_seconds(settings: Option<&SimulatorSettings>, input: f64, output: f64, concurrency: f64) -> f64 {
    match settings {
        Some(s) => {
            let batch = concurrency.min(s.slots.into());
            let step = s.itl.as_secs_f64() * (1.0 + s.batch_slowdown * (batch - 1.0));
            s.ttft.as_secs_f64() + s.prefill_per_token.as_secs_f64() * input + step * (output - 1.0).max(0.0)
        }
        None => GUESSED_TTFT.as_secs_f64() + GUESSED_ITL.as_secs_f64() * (output - 1.0).max(0.0),
    }
}

/// Sessions and seconds of one repeat, warm-up included. The server is done with one every `gap` seconds, and each
/// takes `each`.
fn requests_and_seconds(load: &Load, cell: &Cell, gap: f64, each: f64) -> (f64, f64) {
    let concurrency = cell.axes.concurrency().map(u64::from);
    let count = |count: RequestCount| as_float(count.at(concurrency));
    // In open loop they start when they are due; where more are due than the server can do, it ends later.
    let due_gap = match cell.axes.qps() {
        Some(Qps::Rate(rate)) => Some(1.0 / rate),
        Some(Qps::Infinite) => Some(0.0),
        None => None,
    };
    let start_gap = due_gap.unwrap_or(gap);
    let started_in = |time: Duration| if start_gap > 0.0 { time.as_secs_f64() / start_gap } else { 0.0 };
    let seconds_of = |requests: f64| match due_gap {
        Some(due_gap) => ((requests - 1.0).max(0.0) * due_gap + each).max(requests * gap),
        // The last one starts a gap before the others end; a fraction of a wave takes a whole request.
        None => (requests * gap).max(each),
    };
    let (warm_requests, warm_seconds) = match load.warmup {
        Amount::Requests(requests) => (count(requests), count(requests) * start_gap),
        Amount::Time(time) => (started_in(time), time.as_secs_f64()),
    };
    let by_count = cell.requests.map(as_float).map(|requests| (requests, seconds_of(requests)));
    let by_time = load.duration.map(|time| {
        let requests = started_in(time);
        let behind = due_gap.map_or(0.0, |_| requests * gap);
        (requests, (time.as_secs_f64() + each).max(behind))
    });
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

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an estimate; saturates")]
fn whole(value: f64) -> u64 {
    value.round() as u64
}
