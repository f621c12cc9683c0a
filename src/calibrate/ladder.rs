use std::time::Duration;

use super::figures::{Calibration, Highest, ReaderFigures, RungFigures, ServerPlace};
use super::seen::Answers;
use super::server::{Server, ServerHost};
use super::{CalibrateError, Rung, engine, floor, judge};
use crate::load::{Stop, StopHandle};
use crate::simulator::MOST_STAMPS;
use crate::store::Host;
use crate::time::{rfc3339, unix_ns};
use crate::units::as_float;

/// What is to be calibrated.
#[derive(Debug, Clone)]
pub struct Order {
    /// From the least load to the greatest.
    pub rungs: Vec<Rung>,
    /// The measured phase of each reader on each rung.
    pub duration: Duration,
    /// What the errors are to stay below.
    pub limit: Duration,
    /// Whether a raw reader is measured beside the client.
    pub floor: bool,
    /// Where the server runs.
    pub server: ServerHost,
    /// The same, for the record.
    pub place: ServerPlace,
    /// The machine, looked at before any thread is held to some of its cores.
    pub host: Host,
}

/// Who reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// infersweep, by the code of `run`.
    Client,
    /// A raw socket reader.
    Floor,
}

/// What a calibration tells while it works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CalibrationEvent {
    /// A reader starts on a rung.
    Begins {
        /// From 0, over all rungs and readers.
        number: usize,
        /// Rungs times readers.
        of: usize,
        /// The rung.
        rung: Rung,
        /// The reader.
        reader: Reader,
    },
    /// Worth a look.
    Warning(String),
}

/// Mismatches that are told one by one; of the others there is the number.
const EXAMPLES: usize = 5;

/// Measures every rung: the client, and the raw reader when it is asked for, each against a server of its own.
///
/// A stop ends it early; the rungs that are complete by then are returned.
pub async fn calibrate(
    order: &Order,
    tell: &dyn Fn(CalibrationEvent),
    stop: &StopHandle,
) -> Result<Calibration, CalibrateError> {
    for rung in &order.rungs {
        keeps_stamps(rung, order.duration)?;
    }
    let start = rfc3339(unix_ns());
    let mut rungs: Vec<RungFigures> = Vec::new();
    for at in 0..order.rungs.len() {
        match measure(order, at, tell, stop).await? {
            Some(figures) => rungs.push(figures),
            None => break,
        }
    }
    Ok(Calibration {
        format_version: Calibration::FORMAT_VERSION,
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        build: if cfg!(debug_assertions) { "debug" } else { "release" }.to_owned(),
        start,
        host: order.host.clone(),
        server: order.place.clone(),
        duration_s: order.duration.as_secs_f64(),
        limit_ms: order.limit.as_secs_f64() * 1e3,
        highest: highest(&rungs),
        complete: rungs.len() == order.rungs.len(),
        rungs,
    })
}

/// A server forgets its oldest stamps: what cannot be held against them is not measured.
fn keeps_stamps(rung: &Rung, duration: Duration) -> Result<(), CalibrateError> {
    let events = rung.most_events(duration);
    if events <= u64::try_from(MOST_STAMPS).unwrap_or(u64::MAX) {
        return Ok(());
    }
    Err(CalibrateError::TooMany { rung: rung.title(), seconds: duration.as_secs_f64(), events, most: MOST_STAMPS })
}

/// Both readers on one rung; `None` when stopped.
async fn measure(
    order: &Order,
    at: usize,
    tell: &dyn Fn(CalibrationEvent),
    stop: &StopHandle,
) -> Result<Option<RungFigures>, CalibrateError> {
    let rung = order.rungs[at];
    let readers: &[Reader] = if order.floor { &[Reader::Client, Reader::Floor] } else { &[Reader::Client] };
    let mut figures = Vec::new();
    for (number, reader) in readers.iter().enumerate() {
        if stop.now() > Stop::Running {
            return Ok(None);
        }
        let number = at * readers.len() + number;
        tell(CalibrationEvent::Begins { number, of: order.rungs.len() * readers.len(), rung, reader: *reader });
        match read(order, &rung, *reader, tell, stop).await? {
            Some(read) => figures.push(read),
            None => return Ok(None),
        }
    }
    let mut figures = figures.into_iter();
    let client = figures.next().ok_or_else(|| CalibrateError::Internal("nobody read".to_owned()))?;
    let below_limit = is_below(&client, order.limit);
    Ok(Some(RungFigures { rung, client, floor: figures.next(), below_limit }))
}

/// One reader against a fresh server.
async fn read(
    order: &Order,
    rung: &Rung,
    reader: Reader,
    tell: &dyn Fn(CalibrationEvent),
    stop: &StopHandle,
) -> Result<Option<ReaderFigures>, CalibrateError> {
    let server = Server::start(&order.server, rung)?;
    let scenario = engine::scenario(rung, server.base_url(), order.duration)?;
    let hosts_server = order.server == ServerHost::InProcess;
    let warn = |text| tell(CalibrationEvent::Warning(text));
    let answers = match reader {
        Reader::Client => engine::read(&scenario, order.duration, hosts_server, &warn, stop).await?,
        Reader::Floor => floor::read(rung, server.base_url(), order.duration, hosts_server, stop)
            .await
            .map_err(CalibrateError::Floor)?,
    };
    match answers {
        None => Ok(None),
        Some(answers) => Ok(Some(figures(answers, &server.stamps(&scenario).await?))),
    }
}

fn figures(answers: Answers, truth: &[crate::simulator::RequestStamps]) -> ReaderFigures {
    let judged = judge(&answers.seen, truth, answers.window);
    let window_ns = answers.window.until_ns.saturating_sub(answers.window.from_ns);
    let cpu_ns = answers.cpu_ns.map(as_float);
    ReaderFigures {
        requests_matched: judged.requests_matched,
        events_matched: judged.events_matched,
        mismatches: u64::try_from(judged.mismatches.len()).unwrap_or(u64::MAX),
        mismatch_examples: judged.mismatches.into_iter().take(EXAMPLES).collect(),
        delivered_events_per_s: ratio(as_float(judged.events_in_window), as_float(window_ns.unsigned_abs()) / 1e9)
            .unwrap_or(0.0),
        send_error_ms: judged.send,
        arrival_error_ms: judged.arrival,
        ttft_error_ms: judged.ttft,
        itl_error_ms: judged.itl,
        e2e_error_ms: judged.e2e,
        server_late_ms: judged.server_late,
        cpu_us_per_event: cpu_ns.and_then(|ns| ratio(ns / 1e3, as_float(judged.events_matched))),
        cpu_cores: cpu_ns.and_then(|ns| ratio(ns, as_float(answers.wall_ns.unsigned_abs()))),
        peak_memory_bytes: answers.peak_memory_bytes,
        verdict: answers.verdict,
    }
}

/// Whether send and arrival errors are below the limit, and nothing is amiss.
fn is_below(client: &ReaderFigures, limit: Duration) -> bool {
    let limit_ms = limit.as_secs_f64() * 1e3;
    let errors = [&client.send_error_ms, &client.arrival_error_ms];
    client.mismatches == 0 && errors.iter().all(|error| error.as_ref().is_some_and(|error| error.judged < limit_ms))
}

/// The last rung up to which all are below the limit.
fn highest(rungs: &[RungFigures]) -> Option<Highest> {
    let last = rungs.iter().take_while(|figures| figures.below_limit).last()?;
    Some(Highest {
        streams: last.rung.streams,
        events_per_s: last.rung.events_per_s,
        delivered_events_per_s: last.client.delivered_events_per_s,
    })
}

fn ratio(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| part / whole)
}
