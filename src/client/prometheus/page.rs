use crate::units::Series;

/// A sample of a page.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Its name and labels.
    pub series: Series,
    /// Its value; infinite or no number where the page says so.
    pub value: f64,
}

/// The samples of a page in the Prometheus text format 0.0.4 or `OpenMetrics` 1.0, line by line; an `Err` is a line, with its
/// number from 1, that is none. Comments and blank lines are passed over.
///
/// Time stamps and exemplars behind a value are read over: a page is of the moment in which it is fetched.
pub fn samples(page: &str) -> impl Iterator<Item = Result<Sample, (usize, &str)>> {
    let lines = page.lines().enumerate().map(|(at, line)| (at + 1, line.trim()));
    lines
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
        .map(|(number, line)| sample(line).ok_or((number, line)))
}

fn sample(line: &str) -> Option<Sample> {
    let (series, rest) = Series::split(line)?;
    // A bare name ends at a space; a brace ends itself.
    if series.labels.is_empty() && !line.contains('{') && !rest.starts_with([' ', '\t']) {
        return None;
    }
    let (rest, _exemplar) = rest.split_once(" # ").unwrap_or((rest, ""));
    let mut words = rest.split_whitespace();
    let value = number(words.next()?)?;
    let is_stamp = |word: &str| number(word).is_some();
    let ends_well = words.next().is_none_or(is_stamp) && words.next().is_none();
    ends_well.then_some(Sample { series, value })
}

/// A number as Go writes it: `1e+06`, `+Inf`, `NaN`.
fn number(word: &str) -> Option<f64> {
    let first = word.trim_start_matches(['+', '-']).chars().next()?;
    let is_named = ["inf", "nan"].iter().any(|name| word.trim_start_matches(['+', '-']).eq_ignore_ascii_case(name));
    if first.is_ascii_digit() || first == '.' || is_named { word.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The name and the value of a sample, or a line that is none.
    type Found<'p> = Result<(String, f64), (usize, &'p str)>;

    fn values(page: &str) -> Vec<Found<'_>> {
        samples(page).map(|found| found.map(|sample| (sample.series.name, sample.value))).collect()
    }

    #[test]
    fn values_are_read_as_servers_write_them() {
        for (line, expected) in [
            ("a 1", 1.0),
            ("a\t2.5", 2.5),
            ("a{} 1e+06", 1e6),
            ("a{b=\"c # d\"} -0.5", -0.5),
            ("a_bucket{le=\"+Inf\"} +Inf", f64::INFINITY),
            ("a 1 1395066363000", 1.0),
            ("a_total 17 1520879607.789 # {trace_id=\"x\"} 0.67 1.0", 17.0),
            ("  a  3  ", 3.0),
            ("a .5", 0.5),
        ] {
            assert_eq!(
                values(line),
                [Ok((
                    "a".to_owned() + line.trim().strip_prefix('a').unwrap().split(['{', ' ', '\t']).next().unwrap(),
                    expected
                ))],
                "{line}"
            );
        }
        assert!(matches!(samples("a NaN").next(), Some(Ok(Sample { value, .. })) if value.is_nan()));
    }

    #[test]
    fn what_is_no_sample_is_told_with_its_line() {
        let page = "# HELP a b\n# TYPE a gauge\n\na 1\r\na\na one\na 1 2 3\na{b=\"c\" 1\n<html>\n0x10 2\n# EOF\n";
        let bad: Vec<usize> = values(page).into_iter().filter_map(|found| found.err().map(|(line, _)| line)).collect();
        assert_eq!(bad, [5, 6, 7, 8, 9, 10]);
        assert_eq!(values(page)[0], Ok(("a".to_owned(), 1.0)));
        assert!(values("").is_empty());
    }

    proptest! {
        #[test]
        fn every_value_comes_back(value in any::<f64>().prop_filter("a number", |value| !value.is_nan()), stamp in any::<Option<i64>>()) {
            let stamp = stamp.map(|stamp| format!(" {stamp}")).unwrap_or_default();
            let page = format!("a{{b=\"c\"}} {value:?}{stamp}\n");
            prop_assert_eq!(values(&page), [Ok(("a".to_owned(), value))]);
        }

        #[test]
        fn every_line_that_is_no_comment_is_a_sample_or_a_fault(page in "([a-z0-9{}=\",.#+ \\\\é]{0,24}[\r\n]){0,8}") {
            let lines = page.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).count();
            prop_assert_eq!(samples(&page).count(), lines);
        }
    }
}
