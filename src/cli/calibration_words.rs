//! A calibration on the terminal: the machine, a table of errors, what they come to.

use crate::calibrate::{Calibration, ErrorFigures, ReaderFigures, RungFigures, ServerPlace};
use crate::report::{TextColumn, aligned};
use crate::units::{format_count, format_duration, format_significant};

/// The table with what goes before and after it.
pub(super) fn text(calibration: &Calibration, width: usize) -> String {
    let mut lines = vec![environment(calibration), String::new()];
    if !calibration.rungs.is_empty() {
        lines.push(aligned(columns(&calibration.rungs), width));
        lines.push(String::new());
        lines.extend(conclusion(calibration));
    }
    if !calibration.complete {
        lines.push("stopped: loads above these were not measured".to_owned());
    }
    lines.join("\n")
}

/// What does not match, a line a rung and reader.
pub(super) fn mismatches(calibration: &Calibration) -> Vec<String> {
    let of_rung = |figures: &RungFigures| {
        let readers = [("infersweep", Some(&figures.client)), ("the raw reader", figures.floor.as_ref())];
        let lines = readers.into_iter().filter_map(|(name, reader)| Some((name, reader?)));
        let title = figures.rung.title();
        lines
            .filter(|(_, reader)| reader.mismatches > 0)
            .map(move |(name, reader)| {
                let examples: Vec<String> = reader.mismatch_examples.iter().map(ToString::to_string).collect();
                let count = format_count(reader.mismatches);
                format!("{title}, {name}: {count} of its answers do not match the server's: {}", examples.join("; "))
            })
            .collect::<Vec<_>>()
    };
    calibration.rungs.iter().flat_map(of_rung).collect()
}

fn environment(calibration: &Calibration) -> String {
    let host = &calibration.host;
    let cores = host.cores.map(|cores| crate::text::plural(cores, "core", "cores"));
    let kernel = host.kernel.as_ref().map(|kernel| format!("kernel {kernel}"));
    let server = match &calibration.server {
        ServerPlace::InProcess => "server on a thread of the client's process".to_owned(),
        ServerPlace::Separate { client_cpus: Some(client), server_cpus: Some(server) } => {
            format!("client on core {client}, server in a process of its own on core {server}")
        }
        ServerPlace::Separate { .. } => "server in a process of its own, on any core".to_owned(),
    };
    let build = format!("infersweep {} ({} build)", calibration.tool_version, calibration.build);
    let words = [host.cpu.clone(), cores, kernel, Some(server), Some(build)];
    words.into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

/// A row of the table: a reader on a rung.
type Row<'r> = (&'r RungFigures, &'r ReaderFigures, bool);

fn columns(rungs: &[RungFigures]) -> Vec<TextColumn> {
    let rows: Vec<Row<'_>> = rungs
        .iter()
        .flat_map(|rung| {
            let floor = rung.floor.as_ref().map(|floor| (rung, floor, false));
            [Some((rung, &rung.client, true)), floor].into_iter().flatten()
        })
        .collect();
    let column = |group: &str, name: &str, expendable: u8, of: &dyn Fn(&Row<'_>) -> String| TextColumn {
        group: group.to_owned(),
        name: name.to_owned(),
        cells: rows.iter().map(of).collect(),
        right: true,
        expendable,
    };
    let first = |(_, _, is_client): &Row<'_>, text: String| if *is_client { text } else { String::new() };
    let reader = |(_, _, is_client): &Row<'_>| if *is_client { "infersweep" } else { "raw reader" }.to_owned();
    let of = |figures: fn(&ReaderFigures) -> Option<&ErrorFigures>, figure: fn(&ErrorFigures) -> Option<f64>| {
        move |row: &Row<'_>| microseconds(figures(row.1).and_then(figure))
    };
    let (mean, p50, p99, max) = (
        |of: &ErrorFigures| Some(of.mean),
        |of: &ErrorFigures| Some(of.p50),
        |of: &ErrorFigures| of.p99,
        |of: &ErrorFigures| Some(of.max),
    );
    let mut columns = vec![
        column("", "streams", 0, &|row| first(row, format_count(row.0.rung.streams.into()))),
        column("", "events/s each", 7, &|row| first(row, row.0.rung.events_per_s.to_string())),
        TextColumn { right: false, ..column("", "reader", 0, &reader) },
        column("", "events/s", 0, &|row| whole(row.1.delivered_events_per_s)),
        column("send error us", "p50", 4, &of(|reader| reader.send_error_ms.as_ref(), p50)),
        column("send error us", "p99", 0, &of(|reader| reader.send_error_ms.as_ref(), p99)),
        column("send error us", "max", 3, &of(|reader| reader.send_error_ms.as_ref(), max)),
        column("arrival error us", "mean", 2, &of(|reader| reader.arrival_error_ms.as_ref(), mean)),
        column("arrival error us", "p50", 1, &of(|reader| reader.arrival_error_ms.as_ref(), p50)),
        column("arrival error us", "p99", 0, &of(|reader| reader.arrival_error_ms.as_ref(), p99)),
        column("arrival error us", "max", 1, &of(|reader| reader.arrival_error_ms.as_ref(), max)),
        column("TTFT off us", "mean", 5, &of(|reader| reader.ttft_error_ms.as_ref(), mean)),
        column("TTFT off us", "p99", 5, &of(|reader| reader.ttft_error_ms.as_ref(), p99)),
        column("ITL off us", "p50", 6, &of(|reader| reader.itl_error_ms.as_ref(), p50)),
        column("ITL off us", "p99", 6, &of(|reader| reader.itl_error_ms.as_ref(), p99)),
        column("E2E off us", "mean", 7, &of(|reader| reader.e2e_error_ms.as_ref(), mean)),
        column("E2E off us", "p99", 7, &of(|reader| reader.e2e_error_ms.as_ref(), p99)),
        column("CPU", "us/event", 2, &|row| significant(row.1.cpu_us_per_event)),
        column("CPU", "cores", 6, &|row| significant(row.1.cpu_cores)),
        column("", "memory MB", 8, &|row| {
            row.1.peak_memory_bytes.map_or_else(dash, |bytes| format_count(bytes / 1_000_000))
        }),
        column("server late us", "p99", 8, &of(|reader| reader.server_late_ms.as_ref(), p99)),
    ];
    if rungs.iter().any(|rung| rung.client.verdict.is_some()) {
        columns.push(column("", "client", 3, &|row| row.1.verdict.clone().unwrap_or_default()));
    }
    let below = |row: &Row<'_>| first(row, if row.0.below_limit { "yes" } else { "no" }.to_owned());
    columns.push(TextColumn { right: false, ..column("", "below limit", 0, &below) });
    columns
}

/// What the figures come to, a sentence a line.
fn conclusion(calibration: &Calibration) -> Vec<String> {
    let limit = milliseconds(calibration.limit_ms);
    let Some(highest) = calibration.rungs.iter().take_while(|figures| figures.below_limit).last() else {
        return vec![format!("no load is below the limit: at the lowest, send or arrival error is not below {limit}")];
    };
    let tried_all = calibration.complete && calibration.rungs.iter().all(|figures| figures.below_limit);
    let more = if tried_all { "; no higher one was tried" } else { "" };
    let first = format!(
        "highest load below the limit of {limit}: {}, {} events/s in all{more}",
        highest.rung.title(),
        whole(highest.client.delivered_events_per_s),
    );
    [Some(first), beside_the_floor(highest)].into_iter().flatten().collect()
}

/// How the client does beside the raw reader.
fn beside_the_floor(figures: &RungFigures) -> Option<String> {
    let floor = figures.floor.as_ref()?;
    let (ours, theirs) = (figures.client.arrival_error_ms.as_ref()?, floor.arrival_error_ms.as_ref()?);
    let times = figures.client.cpu_us_per_event.zip(floor.cpu_us_per_event).filter(|(_, theirs)| *theirs > 0.0);
    let cpu = times.map(|(ours, theirs)| format!(", and takes {} times its CPU", format_significant(ours / theirs, 2)));
    let later = |ms: f64| {
        let word = if ms < 0.0 { "earlier" } else { "later" };
        format!("{} {word}", milliseconds(ms.abs()))
    };
    Some(format!(
        "there it stamps an event {} than a raw reader at p50 and {} at {}{}",
        later(ours.p50 - theirs.p50),
        later(ours.judged - theirs.judged),
        ours.judged_by,
        cpu.unwrap_or_default()
    ))
}

fn dash() -> String {
    "-".to_owned()
}

/// Whole microseconds; a decimal below ten.
fn microseconds(ms: Option<f64>) -> String {
    let Some(us) = ms.map(|ms| ms * 1e3) else { return dash() };
    if us.abs() < 10.0 {
        return format!("{us:.1}");
    }
    format!("{}{}", if us < 0.0 { "-" } else { "" }, whole(us.abs()))
}

fn significant(value: Option<f64>) -> String {
    value.map_or_else(dash, |value| format_significant(value, 2))
}

fn milliseconds(ms: f64) -> String {
    format_duration(std::time::Duration::try_from_secs_f64(ms / 1e3).unwrap_or_default())
}

fn whole(value: f64) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "for the eye; saturates")]
    let count = value.round() as u64;
    format_count(count)
}
