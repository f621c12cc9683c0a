use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::exit::{Exit, Failure};
use super::terminal::Terminal;
use super::{args, calibration_words, explain, runtime, signals};
use crate::calibrate::{
    CalibrateError, Calibration, CalibrationEvent, Order, Reader, Rung, ServerHost, ServerPlace, calibrate as measure,
    picture,
};
use crate::cpus::{CpuList, core_of};
use crate::load::StopHandle;
use crate::store::{Host, write_atomic};
use crate::time::{rfc3339, unix_ns};
use crate::units::{format_duration, parse_duration};

/// Descriptors that are not streams.
const OTHER_DESCRIPTORS: u64 = 100;

/// `infersweep calibrate`: the client's own error at a ladder of loads.
pub(super) fn calibrate(args: &args::Calibrate, terminal: &Terminal) -> Result<Exit, Failure> {
    let order = order(args, terminal)?;
    has_descriptors(&order)?;
    if cfg!(debug_assertions) {
        terminal.warning("this is a debug build: a release build is several times as fast");
    }
    let progress = Progress::start(&order, *terminal);
    let (stop, _) = StopHandle::new();
    let seen = Rc::new(Cell::new(None));
    let runtime = runtime::timed(None)?;
    let tell = |event| progress.tell(event);
    let outcome = runtime.block_on(async {
        tokio::select! {
            outcome = measure(&order, &tell, &stop) => Ok(outcome),
            exit = signals::watch(stop.clone(), Rc::clone(&seen), || true, |text| progress.note(text)) => Err(exit),
        }
    });
    progress.finish();
    let outcome = match outcome {
        Ok(outcome) => outcome,
        Err(exit) => return Ok(exit),
    };
    let calibration = outcome.map_err(|error| explained(&error))?;
    show(&calibration, args, terminal)?;
    let mismatched = calibration_words::mismatches(&calibration);
    for line in &mismatched {
        terminal.error(&Failure::failed(line));
    }
    let judged = if mismatched.is_empty() { Exit::Done } else { Exit::Failed };
    Ok(seen.get().unwrap_or(Exit::Done).max(judged))
}

fn order(args: &args::Calibrate, terminal: &Terminal) -> Result<Order, Failure> {
    let duration = |flag: &str, text: &str| match parse_duration(text) {
        Ok(Duration::ZERO) => Err(Failure::usage(format!("{flag}: `{text}` is no time at all"))),
        other => other.map_err(|error| Failure::usage(format!("{flag}: {error}"))),
    };
    let host = Host::here();
    let (server, place) =
        if args.separate { apart(terminal)? } else { (ServerHost::InProcess, ServerPlace::InProcess) };
    Ok(Order {
        rungs: Rung::ladder(&args.concurrency, &args.events_per_s, args.output_tokens),
        duration: duration("--duration", &args.duration)?,
        limit: duration("--limit", &args.limit)?,
        floor: !args.no_floor,
        server,
        place,
        host,
    })
}

/// Holds this thread, and all that it starts, to half of the cores; the other half is the server's.
fn apart(terminal: &Terminal) -> Result<(ServerHost, ServerPlace), Failure> {
    let program = std::env::current_exe().map_err(Failure::failed)?;
    let unheld = |program| {
        let place = ServerPlace::Separate { client_cpus: None, server_cpus: None };
        (ServerHost::Separate { program, cpus: None }, place)
    };
    let allowed = match CpuList::allowed() {
        Ok(allowed) => allowed,
        Err(error) => {
            terminal.warning(&format!("client and server are held to no cores: {error}"));
            return Ok(unheld(program));
        }
    };
    let (client, server) = allowed.halves(core_of);
    if server.is_empty() {
        terminal.warning(&format!("there is one core only ({allowed}): client and server share it"));
        return Ok(unheld(program));
    }
    client
        .pin_thread()
        .map_err(|error| Failure::failed(format!("cannot hold the client to cores {client}: {error}")))?;
    let place = ServerPlace::Separate { client_cpus: Some(client.to_string()), server_cpus: Some(server.to_string()) };
    Ok((ServerHost::Separate { program, cpus: Some(server) }, place))
}

/// Raises the soft limit of descriptors as far as it goes, and refuses what does not fit.
fn has_descriptors(order: &Order) -> Result<(), Failure> {
    let streams = order.rungs.iter().map(|rung| u64::from(rung.streams)).max().unwrap_or(0);
    let ends = if order.server == ServerHost::InProcess { 2 } else { 1 };
    let needed = streams * ends + OTHER_DESCRIPTORS;
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= needed) {
        return Ok(());
    }
    let raised = limit.maximum.is_none_or(|most| most >= needed)
        && setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }).is_ok();
    if raised {
        return Ok(());
    }
    let most = limit.maximum.map_or_else(|| "unlimited".to_owned(), |most| most.to_string());
    Err(Failure::failed(format!("{streams} streams need {needed} file descriptors; this process may have {most}"))
        .help("raise the limit (ulimit -n), or choose fewer with --concurrency"))
}

fn show(calibration: &Calibration, args: &args::Calibrate, terminal: &Terminal) -> Result<(), Failure> {
    let json = serde_json::to_string_pretty(calibration).map_err(Failure::failed)?;
    if args.json {
        terminal.result(&json);
    } else {
        terminal.result(&calibration_words::text(calibration, terminal.width()));
    }
    if calibration.rungs.is_empty() {
        return Ok(());
    }
    let dir = free_dir(&args.out.join("calibrate"))?;
    write_atomic(&dir.join("calibration.json"), format!("{json}\n").as_bytes()).map_err(Failure::failed)?;
    let svg = picture(calibration).map_err(Failure::failed)?;
    write_atomic(&dir.join("calibration.svg"), svg.as_bytes()).map_err(Failure::failed)?;
    terminal.note(&format!("results: {0}/calibration.json and {0}/calibration.svg", dir.display()));
    Ok(())
}

/// `parent/<UTC time>`, which is new: with a number after it when two are made in one second.
fn free_dir(parent: &Path) -> Result<PathBuf, Failure> {
    let failed =
        |path: &Path, error: std::io::Error| Failure::failed(format!("cannot make {}: {error}", path.display()));
    std::fs::create_dir_all(parent).map_err(|error| failed(parent, error))?;
    let time = rfc3339(unix_ns()).replace(['-', ':'], "");
    let mut number = 1;
    loop {
        let path = parent.join(if number == 1 { time.clone() } else { format!("{time}-{number}") });
        match std::fs::create_dir(&path) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => number += 1,
            Err(error) => return Err(failed(&path, error)),
        }
    }
}

fn explained(error: &CalibrateError) -> Failure {
    match error {
        CalibrateError::Run(error) => explain::run_error(error, None),
        CalibrateError::TooMany { .. } => Failure::usage(error).help("choose a shorter --duration"),
        _ => Failure::failed(error),
    }
}

/// A line that moves on a terminal, a line for each reader elsewhere.
struct Progress {
    terminal: Terminal,
    bar: ProgressBar,
    takes: Vec<Duration>,
}

impl Progress {
    fn start(order: &Order, terminal: Terminal) -> Self {
        let shown = terminal.interactive && !terminal.quiet;
        let target = if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let readers = if order.floor { 2 } else { 1 };
        let takes: Vec<Duration> =
            order.rungs.iter().flat_map(|rung| vec![rung.takes(order.duration); readers]).collect();
        let bar = ProgressBar::with_draw_target(u64::try_from(takes.len()).ok(), target);
        // The template is a constant of ours: a wrong one would show as the default style.
        if let Ok(style) = ProgressStyle::with_template("{prefix:.bold}  {bar:16}  {wide_msg}") {
            bar.set_style(style.progress_chars("━╸─"));
        }
        Self { terminal, bar, takes }
    }

    fn tell(&self, event: CalibrationEvent) {
        match event {
            CalibrationEvent::Warning(text) => self.bar.suspend(|| self.terminal.warning(&text)),
            CalibrationEvent::Begins { number, of, rung, reader } => {
                let left: Duration = self.takes.iter().skip(number).sum();
                let reader = match reader {
                    Reader::Client => "infersweep",
                    Reader::Floor => "raw reader",
                };
                let left = format_duration(Duration::from_secs(left.as_secs().max(1)));
                let words = format!("{}, {reader}  {left} left", rung.title());
                self.bar.set_position(u64::try_from(number).unwrap_or(0));
                self.bar.set_prefix(format!("{:>3} of {of}", number + 1));
                self.bar.set_message(words.clone());
                if !self.terminal.interactive {
                    self.terminal.note(&format!("{:>3} of {of}  {words}", number + 1));
                }
            }
        }
    }

    fn note(&self, text: &str) {
        self.bar.suspend(|| self.terminal.note(text));
    }

    fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
