//! The errors against the load, as an SVG that reads on light and on dark.

use std::fmt::Write as _;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::series::DashedLineSeries;

use super::{CalibrateError, Calibration, ErrorFigures, ReaderFigures, RungFigures};
use crate::units::{format_count, format_duration};

const SIZE: (u32, u32) = (900, 480);

/// Inks as they are on light paper; [`DARK`] changes them where the reader's paper is dark.
const INK: RGBColor = RGBColor(0x33, 0x33, 0x33);
const FAINT: RGBColor = RGBColor(0xE0, 0xE0, 0xE0);
const CLIENT: RGBColor = RGBColor(0x1F, 0x6F, 0xB4);
const FLOOR: RGBColor = RGBColor(0xC8, 0x6A, 0x10);
const SENDING: RGBColor = RGBColor(0x2A, 0x8A, 0x57);
const LIMIT: RGBColor = RGBColor(0xB8, 0x32, 0x3C);

/// The same inks on dark paper, (light, dark); rules go before a drawing's own attributes.
const DARK: [(RGBColor, &str); 6] = [
    (INK, "#DDDDDD"),
    (FAINT, "#3A3A3A"),
    (CLIENT, "#6CB4EE"),
    (FLOOR, "#F0A050"),
    (SENDING, "#66C793"),
    (LIMIT, "#F07078"),
];

/// A line of the picture.
struct Line {
    name: &'static str,
    ink: RGBColor,
    dashed: bool,
    of: fn(&RungFigures) -> Option<f64>,
}

const LINES: [Line; 5] = [
    Line { name: "infersweep, arrival p99", ink: CLIENT, dashed: false, of: |rung| p99(arrival(Some(&rung.client))) },
    Line { name: "infersweep, arrival p50", ink: CLIENT, dashed: true, of: |rung| p50(arrival(Some(&rung.client))) },
    Line { name: "raw reader, arrival p99", ink: FLOOR, dashed: false, of: |rung| p99(arrival(rung.floor.as_ref())) },
    Line { name: "raw reader, arrival p50", ink: FLOOR, dashed: true, of: |rung| p50(arrival(rung.floor.as_ref())) },
    Line {
        name: "infersweep, send p99",
        ink: SENDING,
        dashed: false,
        of: |rung| p99(rung.client.send_error_ms.as_ref()),
    },
];

fn arrival(reader: Option<&ReaderFigures>) -> Option<&ErrorFigures> {
    reader?.arrival_error_ms.as_ref()
}

fn p50(figures: Option<&ErrorFigures>) -> Option<f64> {
    Some(figures?.p50)
}

fn p99(figures: Option<&ErrorFigures>) -> Option<f64> {
    figures?.p99
}

/// Draws a calibration: error (milliseconds) against the events a second asked for, both on logarithmic scales.
///
/// # Errors
/// Nothing was measured, or the drawing itself fails.
pub fn picture(calibration: &Calibration) -> Result<String, CalibrateError> {
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        draw(&root, calibration).map_err(|error| CalibrateError::Internal(format!("the picture: {error}")))?;
        root.present().map_err(|error| CalibrateError::Internal(format!("the picture: {error}")))?;
    }
    Ok(for_dark_paper(&svg))
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn = Result<(), Box<dyn std::error::Error>>;

fn draw(root: &Area<'_>, calibration: &Calibration) -> Drawn {
    let points: Vec<Vec<(f64, f64)>> = LINES.iter().map(|line| points(line, &calibration.rungs)).collect();
    let all = || points.iter().flatten();
    let (Some(x), Some(y)) =
        (around(all().map(|(load, _)| *load)), around(all().map(|(_, error)| *error).chain([calibration.limit_ms])))
    else {
        return Err("nothing was measured".into());
    };
    let ink = |size: i32| ("sans-serif", size).into_font().color(&INK);
    let mut chart = ChartBuilder::on(root)
        .caption("How far infersweep's stamps are off", ink(20))
        .margin(12)
        .margin_right(24)
        .x_label_area_size(44)
        .y_label_area_size(76)
        .build_cartesian_2d((x.0..x.1).log_scale(), (y.0..y.1).log_scale())?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(FAINT)
        .axis_style(INK)
        .label_style(ink(14))
        .axis_desc_style(ink(15))
        .x_desc("events a second asked of the server, all streams together")
        .y_desc("error")
        .x_label_formatter(&|load| whole(*load))
        .y_label_formatter(&|error| time(*error))
        .draw()?;
    let limit = format!("limit, {}", time(calibration.limit_ms));
    chart
        .draw_series(DashedLineSeries::new(
            [(x.0, calibration.limit_ms), (x.1, calibration.limit_ms)],
            2,
            4,
            LIMIT.stroke_width(1),
        ))?
        .label(limit)
        .legend(|(x, y)| PathElement::new([(x, y), (x + 22, y)], LIMIT.stroke_width(1)));
    for (line, points) in LINES.iter().zip(points).filter(|(_, points)| !points.is_empty()) {
        let ink = line.ink;
        let dots: Vec<_> = points.iter().map(|point| Circle::new(*point, 3, ink.filled())).collect();
        let width = if line.dashed { 1 } else { 2 };
        let drawn = if line.dashed {
            chart.draw_series(DashedLineSeries::new(points, 6, 4, ink.stroke_width(width)))?
        } else {
            chart.draw_series(LineSeries::new(points, ink.stroke_width(width)))?
        };
        drawn.label(line.name).legend(move |(x, y)| {
            let ends = if width == 1 { [(x, y), (x + 9, y)] } else { [(x, y), (x + 22, y)] };
            PathElement::new(ends, ink.stroke_width(width))
        });
        chart.draw_series(dots)?;
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .label_font(ink(14))
        .legend_area_size(28)
        .margin(8)
        .draw()?;
    Ok(())
}

fn points(line: &Line, rungs: &[RungFigures]) -> Vec<(f64, f64)> {
    #[expect(clippy::cast_precision_loss, reason = "loads are far below 2^52")]
    let point = |rung: &RungFigures| Some((rung.rung.load() as f64, (line.of)(rung)?));
    // A logarithmic scale has no 0.
    rungs.iter().filter_map(point).filter(|(_, error)| *error > 0.0).collect()
}

/// A range with some room around all values; `None` without any.
fn around(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    let (least, greatest) =
        values.fold((f64::INFINITY, 0.0_f64), |(least, greatest), value| (least.min(value), greatest.max(value)));
    (greatest > 0.0 && least.is_finite()).then_some((least / 1.5, greatest * 1.5))
}

fn whole(value: f64) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "for the eye; saturates")]
    let count = value.round() as u64;
    format_count(count)
}

/// `20 us` and `3 ms`, as in the table.
fn time(ms: f64) -> String {
    format_duration(std::time::Duration::try_from_secs_f64(ms / 1e3).unwrap_or_default())
}

/// Adds a style sheet that changes each ink where the paper is dark.
fn for_dark_paper(svg: &str) -> String {
    let mut rules = String::new();
    for (light, dark) in DARK {
        let light = format!("#{:02X}{:02X}{:02X}", light.0, light.1, light.2);
        // Writing into a String cannot fail.
        let _ = write!(rules, "[fill=\"{light}\"]{{fill:{dark}}}[stroke=\"{light}\"]{{stroke:{dark}}}");
    }
    let style = format!("<style>@media (prefers-color-scheme: dark){{svg{{background:#161616}}{rules}}}</style>\n");
    match svg.find(">\n").map(|end| end + 2) {
        Some(end) => [&svg[..end], &style, &svg[end..]].concat(),
        None => svg.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Rung, ServerPlace};
    use super::*;
    use crate::store::Host;

    fn errors(p50: f64) -> ErrorFigures {
        ErrorFigures {
            count: 1000,
            mean: p50,
            p50,
            p99: Some(p50 * 4.0),
            max: p50 * 9.0,
            judged: p50 * 4.0,
            judged_by: "p99".to_owned(),
        }
    }

    fn reader(p50: f64) -> ReaderFigures {
        ReaderFigures {
            requests_matched: 40,
            events_matched: 1000,
            mismatches: 0,
            mismatch_examples: Vec::new(),
            delivered_events_per_s: 500.0,
            send_error_ms: Some(errors(p50)),
            arrival_error_ms: Some(errors(p50)),
            ttft_error_ms: None,
            itl_error_ms: None,
            e2e_error_ms: None,
            server_late_ms: None,
            cpu_us_per_event: None,
            cpu_cores: None,
            peak_memory_bytes: None,
            verdict: None,
        }
    }

    fn calibration(streams: &[u32], floor: Option<&ReaderFigures>) -> Calibration {
        let rung = |streams: &u32| RungFigures {
            rung: Rung::new(*streams, 50, None),
            client: reader(f64::from(*streams) / 100.0),
            floor: floor.cloned(),
            below_limit: true,
        };
        Calibration {
            format_version: Calibration::FORMAT_VERSION,
            tool_version: "0".to_owned(),
            build: "debug".to_owned(),
            start: "2026-01-01T00:00:00Z".to_owned(),
            host: Host::default(),
            server: ServerPlace::InProcess,
            duration_s: 1.0,
            limit_ms: 1.0,
            rungs: streams.iter().map(rung).collect(),
            highest: None,
            complete: true,
        }
    }

    #[test]
    fn every_line_is_drawn_that_has_points() {
        let svg = picture(&calibration(&[1, 10, 100], Some(&reader(0.02)))).unwrap();
        for word in LINES.iter().map(|line| line.name).chain(["limit, 1ms", "prefers-color-scheme: dark"]) {
            assert!(svg.contains(word), "{word}:\n{svg}");
        }
        assert_eq!(svg.matches("<circle").count(), 5 * 3, "a dot a line and rung");
        let alone = picture(&calibration(&[10], None)).unwrap();
        assert!(alone.contains("infersweep, arrival p50") && !alone.contains("raw reader"), "{alone}");
        assert!(picture(&calibration(&[], None)).is_err(), "nothing to draw");
    }

    #[test]
    fn every_ink_of_the_drawing_has_one_for_dark_paper() {
        let svg = picture(&calibration(&[1, 10], Some(&reader(0.02)))).unwrap();
        for (light, _) in DARK {
            let ink = format!("\"#{:02X}{:02X}{:02X}\"", light.0, light.1, light.2);
            let drawn = svg.split("</style>").nth(1).unwrap();
            assert!(drawn.contains(&ink), "{ink} is not drawn with: does it still have this form?");
        }
    }
}
