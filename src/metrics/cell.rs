use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::ClientHealth;
use super::batches::BatchTally;
use super::cost::Cost;
use super::counts::is_output_off;
use super::goodness::Goodness;
use super::health::Sends;
use super::rates::{Parts, Rate, rate_of};
use super::repeat::Repeat;
use super::samples::Samples;
use super::scraped::{ScrapeSummary, ScrapeTally};
use super::steady::{self, Rule};
use super::summary::{CellSummary, MOST_DEGREES, MetricSummary, RepeatSummary, RequestCounts, bounds};
use crate::record::{ClientFacts, KeptTimes, Outcome, Phase, RequestRecord, TokenSource};
use crate::scenario::{Price, Slo};
use crate::statistics::Estimate;
use crate::time::MonotonicNs;
use crate::units::as_float;

/// Sums a cell up, row by row, in memory that does not grow with their number.
///
/// For exact figures the same rows are gone through more than once: [`next_pass`](Self::next_pass) says what to add
/// until it says `None`.
#[derive(Debug)]
pub struct CellAccumulator {
    cell_id: String,
    axes: Map<String, Value>,
    stage: Stage,
    repeats: BTreeMap<u32, Repeat>,
    clients: BTreeMap<u32, (Option<ClientFacts>, Sends)>,
    scraped: BTreeMap<u32, ScrapeTally>,
    /// Of all repeats together, where there are several.
    pooled: Option<Samples>,
    /// Of the steady windows of all repeats, where there are several.
    steady: Option<Samples>,
    slo: Option<Slo>,
    batches: BatchTally,
    counts: RequestCounts,
    cost: Option<Cost>,
    /// `None` while nobody counted any.
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    input_tokens_off: u64,
    output_tokens_off: u64,
    itl_estimated: u64,
    itl_left_out: u64,
    finish_reasons: BTreeMap<String, u64>,
}

/// What a pass goes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pass {
    /// All rows, of which only `phase`, `conversation`, `turn`, `scheduled_ns`, `sent_ns` and `end_ns` matter.
    Lives,
    /// All rows, whole.
    Rows,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// No pass yet: rows that are added all the same are those of a first pass, without steady windows.
    New,
    /// Steady windows are looked for.
    Lives,
    /// Rows are counted.
    First,
    /// Percentiles are looked up in rows that were counted.
    Again,
    /// All is known.
    Done,
}

impl CellAccumulator {
    /// An empty one for a cell; the price makes its cost known.
    #[must_use]
    pub fn new(cell_id: &str, axes: Map<String, Value>, price: Option<Price>) -> Self {
        Self {
            cell_id: cell_id.to_owned(),
            axes,
            stage: Stage::New,
            repeats: BTreeMap::new(),
            clients: BTreeMap::new(),
            scraped: BTreeMap::new(),
            pooled: None,
            steady: None,
            slo: None,
            batches: BatchTally::default(),
            counts: RequestCounts::default(),
            cost: price.map(Cost::new),
            input_tokens: None,
            output_tokens: None,
            input_tokens_off: 0,
            output_tokens_off: 0,
            itl_estimated: 0,
            itl_left_out: 0,
            finish_reasons: BTreeMap::new(),
        }
    }

    /// The same, that tells good requests from others by an objective.
    #[must_use]
    pub fn with_slo(mut self, slo: Option<Slo>) -> Self {
        self.slo = slo;
        self
    }

    /// Tells when a repeat's measured phase started.
    pub fn set_repeat(&mut self, repeat: u32, start_unix_ns: i64, start_monotonic_ns: MonotonicNs) {
        self.repeats.entry(repeat).or_default().set_start(start_unix_ns, start_monotonic_ns);
    }

    /// Tells what was seen of the client in a repeat; without it there is no verdict on that.
    pub fn set_client(&mut self, repeat: u32, facts: ClientFacts) {
        self.clients.entry(repeat).or_default().0 = Some(facts);
    }

    /// From the first measured start to the last measured end of a repeat, by the stamps of its rows; once they were gone
    /// through.
    #[must_use]
    pub fn window(&self, repeat: u32) -> Option<(MonotonicNs, MonotonicNs)> {
        self.repeats.get(&repeat)?.window()
    }

    /// Tells what the server's Prometheus page said in a repeat.
    pub fn set_scraped(&mut self, repeat: u32, tally: ScrapeTally) {
        self.scraped.insert(repeat, tally);
    }

    /// What to add next: the rows of all repeats; `None` when all is known and [`finish`](Self::finish) has every figure.
    pub fn next_pass(&mut self) -> Option<Pass> {
        match self.stage {
            Stage::New => {
                self.stage = Stage::Lives;
                return Some(Pass::Lives);
            }
            Stage::Lives => {
                let rule = self.rule();
                self.repeats.values_mut().for_each(|repeat| repeat.close_window(rule));
                self.stage = Stage::First;
            }
            Stage::First | Stage::Again | Stage::Done => self.stage = self.end_pass(),
        }
        (self.stage != Stage::Done).then_some(Pass::Rows)
    }

    fn end_pass(&mut self) -> Stage {
        if matches!(self.stage, Stage::New | Stage::First) {
            self.repeats.values_mut().for_each(Repeat::close_first);
            self.pooled = together(self.repeats.values_mut().map(Repeat::samples_mut).collect());
            self.steady = together(self.repeats.values_mut().filter_map(Repeat::steady_samples_mut).collect());
        } else {
            self.repeats.values_mut().for_each(Repeat::close_later);
        }
        let mut more = self.batches.next_pass();
        for pooled in [&mut self.pooled, &mut self.steady].into_iter().flatten() {
            more |= pooled.next_pass();
        }
        for repeat in self.repeats.values_mut() {
            more |= repeat.next_pass();
        }
        if more { Stage::Again } else { Stage::Done }
    }

    /// Takes a row of a repeat, as [`next_pass`](Self::next_pass) asks for it.
    pub fn add(&mut self, repeat: u32, record: &RequestRecord) {
        let rule = self.rule();
        let of_repeat = self.repeats.entry(repeat).or_default();
        match self.stage {
            Stage::Lives => of_repeat.add_life(record, rule),
            Stage::Again if record.phase == Phase::Measure => {
                of_repeat.add_again(record, self.slo.as_ref());
                self.batches.add_again(record);
                if let Some((steady, until_ns)) = self.steady.as_mut().zip(of_repeat.steady_until_ns(record)) {
                    steady.add(record, until_ns);
                }
                if let Some(pooled) = &mut self.pooled {
                    pooled.add(record, MonotonicNs::MAX);
                }
            }
            Stage::New | Stage::First => {
                of_repeat.add(record, self.slo.as_ref());
                if record.phase == Phase::Measure {
                    self.batches.add(repeat, record);
                    self.clients.entry(repeat).or_default().1.add(record);
                    self.count(record);
                }
            }
            Stage::Again | Stage::Done => {}
        }
    }

    /// Warm-up rows do not count.
    fn count(&mut self, record: &RequestRecord) {
        if record.outcome == Outcome::Completed {
            self.add_completed(record);
        }
        self.counts.add_other(record);
        self.counts.add_attempts(record);
    }

    fn add_completed(&mut self, record: &RequestRecord) {
        self.counts.completed += 1;
        let tokens = &record.tokens;
        add_known(&mut self.input_tokens, tokens.input_server.or(tokens.input_client));
        add_known(&mut self.output_tokens, output_tokens(record));
        let sends_pictures = self.axes.get("image_size").is_some_and(|size| size != "na");
        self.input_tokens_off += u64::from(is_input_off(record, sends_pictures));
        self.output_tokens_off += u64::from(is_output_off(record));
        self.itl_estimated += u64::from(record.token_source == Some(TokenSource::Estimate));
        self.itl_left_out += u64::from(record.chunk_times == KeptTimes::FirstLast);
        if let Some(reason) = &record.finish_reason {
            match self.finish_reasons.get_mut(reason) {
                Some(count) => *count += 1,
                None => *self.finish_reasons.entry(reason.clone()).or_default() += 1,
            }
        }
        if let Some(cost) = &mut self.cost {
            cost.add(tokens);
        }
    }

    /// What the pages of all repeats said.
    fn scraped_of_cell(&self) -> Option<ScrapeSummary> {
        let mut tallies = self.scraped.values();
        let mut all = tallies.next()?.clone();
        tallies.for_each(|tally| all.merge(tally));
        Some(all.summary())
    }

    /// How the steady window of this cell is found.
    fn rule(&self) -> Rule {
        self.axes.get("concurrency").and_then(Value::as_u64).map_or(Rule::Open, Rule::Closed)
    }

    /// Good requests.
    fn good(&self) -> u64 {
        self.repeats.values().map(|repeat| repeat.goodness().good()).sum()
    }

    /// How sure the cell's rates and shares are; `None` when rows were gone through only once.
    fn estimates(&self) -> Option<Vec<(&'static str, Estimate)>> {
        let parts: Vec<&Parts> = self.repeats.values().filter_map(Repeat::parts).collect();
        if parts.is_empty() {
            return None;
        }
        let counted = |rate, known: bool| known.then(|| rate_of(&parts, rate)).flatten();
        let (input, output) = (self.input_tokens.is_some(), self.output_tokens.is_some());
        let estimates: [(&'static str, Option<Estimate>); 6] = [
            ("request_throughput", counted(Rate::Requests, true)),
            ("output_token_throughput", counted(Rate::OutputTokens, output)),
            ("total_token_throughput", counted(Rate::AllTokens, input && output)),
            ("mean_in_flight", counted(Rate::InFlight, true)),
            ("goodput", counted(Rate::Good, self.slo.is_some())),
            ("error_rate", Goodness::error_rate(self.repeats.values().map(Repeat::goodness))),
        ];
        Some(estimates.into_iter().filter_map(|(name, estimate)| Some((name, estimate?))).collect())
    }

    /// The figures of all rows so far. Before [`next_pass`](Self::next_pass) says `None`, percentiles of more than some
    /// ten thousand different samples are missing.
    #[must_use]
    pub fn finish(mut self) -> CellSummary {
        if matches!(self.stage, Stage::New | Stage::First) {
            self.stage = self.end_pass();
        }
        let mut repeats: Vec<RepeatSummary> =
            self.repeats.iter().map(|(number, repeat)| repeat.summary(*number)).collect();
        for repeat in &mut repeats {
            if let Some((facts, sends)) = self.clients.get(&repeat.repeat) {
                repeat.client = ClientHealth::of_repeat(facts.as_ref(), sends);
            }
            repeat.scraped = self.scraped.get(&repeat.repeat).map(ScrapeTally::summary);
        }
        let seconds: f64 = repeats.iter().filter_map(|repeat| repeat.duration_s).sum();
        let duration_s = Some(seconds).filter(|seconds| *seconds > 0.0);
        let rate = |count: u64| duration_s.map(|seconds| as_float(count) / seconds);
        // Requests that all failed brought no token; answers whose tokens nobody counted brought an unknown number.
        let tokens = |known: Option<u64>| known.or((self.counts.completed == 0).then_some(0));
        let (input, output) = (tokens(self.input_tokens), tokens(self.output_tokens));
        let ended = self.counts.completed + self.counts.failed;
        let tallies: Vec<_> = self.repeats.iter().map(|(number, repeat)| (*number, repeat.steady())).collect();
        let estimates = self.estimates();
        CellSummary {
            duration_s,
            offered_rate: gap_rate(self.repeats.values().map(Repeat::due)),
            sent_rate: gap_rate(self.repeats.values().map(Repeat::sends)),
            request_throughput: rate(self.counts.completed),
            output_token_throughput: output.and_then(rate),
            total_token_throughput: input.zip(output).and_then(|(input, output)| rate(input + output)),
            mean_in_flight: duration_s.map(|seconds| in_flight_s(self.repeats.values()) / seconds),
            error_rate: (ended > 0).then(|| as_float(self.counts.failed) / as_float(ended)),
            ci95: estimates.as_ref().map(|known| {
                known.iter().filter_map(|(name, of)| Some(((*name).to_owned(), bounds(&of.interval?)))).collect()
            }),
            degrees_of_freedom: (estimates.iter().flatten())
                .map(|(name, of)| ((*name).to_owned(), of.degrees_of_freedom.clamp(0.0, MOST_DEGREES)))
                .collect(),
            goodput: self.slo.as_ref().and_then(|_| rate(self.good())),
            slo: self.slo.as_ref().and_then(|slo| Goodness::summary(self.repeats.values().map(Repeat::goodness), slo)),
            metrics: figures(self.pooled.as_ref(), &self.repeats.values().map(Repeat::samples).collect::<Vec<_>>()),
            steady: steady::of_cell(self.rule(), &tallies, || {
                figures(
                    self.steady.as_ref(),
                    &self.repeats.values().filter_map(Repeat::steady_samples).collect::<Vec<_>>(),
                )
            }),
            batches: self.batches.summary(),
            switching: None,
            scraped: self.scraped_of_cell(),
            client: ClientHealth::of_cell(repeats.iter().map(|repeat| (repeat.repeat, &repeat.client))),
            repeats,
            cost_usd: self.cost.and_then(Cost::usd),
            input_tokens_off: self.input_tokens_off,
            output_tokens_off: self.output_tokens_off,
            itl_estimated: self.itl_estimated,
            itl_left_out: self.itl_left_out,
            finish_reasons: self.finish_reasons,
            unverified: false,
            notes: Vec::new(),
            requests: self.counts,
            cell_id: self.cell_id,
            axes: self.axes,
        }
    }
}

/// All samples of several repeats; nothing to put together of one.
fn together(repeats: Vec<&mut Samples>) -> Option<Samples> {
    (repeats.len() > 1).then(|| Samples::of_all(repeats))
}

/// The figures of repeats, `pooled` where there are several.
fn figures(pooled: Option<&Samples>, repeats: &[&Samples]) -> BTreeMap<String, Option<MetricSummary>> {
    match (pooled, repeats) {
        (Some(pooled), _) => pooled.summaries_over(repeats),
        (None, [only, ..]) => only.summaries(),
        (None, []) => Samples::default().summaries(),
    }
}

fn add_known(sum: &mut Option<u64>, count: Option<u64>) {
    if let Some(count) = count {
        *sum = Some(sum.unwrap_or(0) + count);
    }
}

/// The output tokens of an answer: the server's count, else ours, else those of its chunks.
pub(super) fn output_tokens(record: &RequestRecord) -> Option<u64> {
    record.tokens.output_server.or(record.tokens.output_client).or_else(|| streamed(record))
}

/// Tokens of an answer's chunks, where there are any.
fn streamed(record: &RequestRecord) -> Option<u64> {
    record.token_source.map(|_| record.chunks.iter().map(|chunk| u64::from(chunk.tokens)).sum())
}

/// Tokens that may stand round the pictures of a request, such as begin and end, beside those the server calls theirs.
const PICTURE_MARKUP: u64 = 64;

/// Whether the server counted other input than the cell asks for. Pictures are no text tokens: where the server does
/// not tell theirs, nothing is known. A conversation's context grows beyond what its turn adds.
fn is_input_off(record: &RequestRecord, sends_pictures: bool) -> bool {
    let tokens = &record.tokens;
    let Some((asked, server)) = tokens.input_requested.zip(tokens.input_server) else { return false };
    if record.conversation.is_some() {
        return false;
    }
    match (sends_pictures, tokens.image) {
        (false, image) => server.saturating_sub(image.unwrap_or(0)) != asked,
        (true, None) => false,
        (true, Some(image)) => !(asked..=asked + PICTURE_MARKUP).contains(&server.saturating_sub(image)),
    }
}

/// Gaps a second: their number over the nanoseconds that they span, both added up over the repeats.
fn gap_rate(repeats: impl Iterator<Item = (u64, i64)>) -> Option<f64> {
    let (gaps, span_ns) = repeats.fold((0, 0), |sum, of| (sum.0 + of.0, sum.1 + of.1));
    (span_ns > 0).then(|| as_float(gaps) / seconds_of(span_ns))
}

fn in_flight_s<'r>(repeats: impl Iterator<Item = &'r Repeat>) -> f64 {
    seconds_of(repeats.map(Repeat::in_flight_ns).sum())
}

#[expect(clippy::cast_precision_loss, reason = "2^52 ns are 52 days; beyond them a nanosecond is lost")]
pub(super) fn seconds_of(ns: i64) -> f64 {
    ns as f64 / 1e9
}
