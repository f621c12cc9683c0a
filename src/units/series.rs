use std::str::FromStr;

use super::UnitError;

/// A series of the Prometheus text format, as `vllm:request_success_total{finished_reason="length"}`: the name of a
/// sample and its labels. As a selector it stands for every series of that name that has these labels, among others.
///
/// The grammar is that of the exposition format 0.0.4 and of `OpenMetrics` 1.0; a quoted name within the braces, as
/// Prometheus 3 has it for names of any letters, is read too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Series {
    /// The sample's name; of a histogram with its `_sum`, `_count` or `_bucket`.
    pub name: String,
    /// Names and values of its labels, escapes taken out, in the order of the text.
    pub labels: Vec<(String, String)>,
}

impl Series {
    /// The series that a line begins with, and what follows it; `None` where there is none.
    #[must_use]
    pub fn split(line: &str) -> Option<(Self, &str)> {
        let end = line.find(|c| !is_name_letter(c)).unwrap_or(line.len());
        let (name, rest) = line.split_at(end);
        if name.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        let mut series = Self { name: name.to_owned(), labels: Vec::new() };
        // Writers may put spaces before the braces.
        let Some(inside) = rest.trim_start().strip_prefix('{') else {
            return (!name.is_empty()).then_some((series, rest));
        };
        let rest = series.take_labels(inside)?;
        (!series.name.is_empty()).then_some((series, rest))
    }

    /// Reads `a="b",c="d"}` and returns what follows the brace.
    fn take_labels<'t>(&mut self, mut text: &'t str) -> Option<&'t str> {
        loop {
            text = text.trim_start();
            if let Some(rest) = text.strip_prefix('}') {
                return Some(rest);
            }
            text = match text.strip_prefix('"') {
                Some(quoted) => self.take_quoted_name(quoted)?,
                None => self.take_label(text)?,
            };
            text = text.trim_start();
            text = match text.strip_prefix(',') {
                Some(rest) => rest,
                None if text.starts_with('}') => text,
                None => return None,
            };
        }
    }

    fn take_label<'t>(&mut self, text: &'t str) -> Option<&'t str> {
        let (name, rest) = text.split_once('=')?;
        let name = name.trim_end();
        if name.is_empty() || !name.chars().all(is_name_letter) {
            return None;
        }
        let (value, rest) = unquoted(rest.trim_start().strip_prefix('"')?)?;
        self.labels.push((name.to_owned(), value));
        Some(rest)
    }

    /// A quoted word is the series' own name, or a label's when a value follows.
    fn take_quoted_name<'t>(&mut self, text: &'t str) -> Option<&'t str> {
        let (name, rest) = unquoted(text)?;
        if let Some(value) = rest.trim_start().strip_prefix('=') {
            let (value, rest) = unquoted(value.trim_start().strip_prefix('"')?)?;
            self.labels.push((name, value));
            return Some(rest);
        }
        self.name.is_empty().then(|| self.name = name)?;
        Some(rest)
    }

    /// The value of a label; `None` without it.
    #[must_use]
    pub fn label(&self, name: &str) -> Option<&str> {
        self.labels.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Whether `selector` stands for this series.
    #[must_use]
    pub fn is_of(&self, selector: &Self) -> bool {
        self.name == selector.name
            && selector.labels.iter().all(|(name, value)| self.label(name) == Some(value.as_str()))
    }
}

fn is_name_letter(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == ':'
}

/// The text before the closing quote, escapes taken out, and what follows it.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => match letters.next()?.1 {
                'n' => value.push('\n'),
                escaped @ ('\\' | '"') => value.push(escaped),
                // What is no escape stands for itself.
                other => value.extend(['\\', other]),
            },
            other => value.push(other),
        }
    }
    None
}

impl FromStr for Series {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        match Self::split(text.trim()) {
            Some((series, "")) => Ok(series),
            _ => Err(UnitError::new(
                format!("`{text}` is not the name of a metric"),
                "one as it stands on the page, as \"vllm:num_requests_swapped\" or \"http_requests_total{code=\\\"200\\\"}\"",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn series(name: &str, labels: &[(&str, &str)]) -> Series {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Series { name: name.to_owned(), labels: labels.iter().map(owned).collect() }
    }

    #[test]
    fn names_and_labels_are_read_as_the_format_has_them() {
        for (text, expected, rest) in [
            ("up 1", series("up", &[]), " 1"),
            ("vllm:x_total{} 2", series("vllm:x_total", &[]), " 2"),
            (r#"a{b="c",d="e,}f",} 3"#, series("a", &[("b", "c"), ("d", "e,}f")]), " 3"),
            (r#"a { b = "c" , d="" } 4"#, series("a", &[("b", "c"), ("d", "")]), " 4"),
            (r#"a{b="q\"u\\o\nt\e"}5"#, series("a", &[("b", "q\"u\\o\nt\\e")]), "5"),
            (r#"{"my metric","a.b"="c"} 6"#, series("my metric", &[("a.b", "c")]), " 6"),
        ] {
            assert_eq!(Series::split(text), Some((expected, rest)), "{text}");
        }
        for text in
            ["", "{} 1", "1a 2", "a{b} 1", "a{b=c} 1", r#"a{b="c" d="e"} 1"#, r#"a{b="c"#, r#"a{"b","c"} 1"#, "<html>"]
        {
            assert_eq!(Series::split(text), None, "{text}");
        }
    }

    #[test]
    fn a_selector_is_the_whole_text_and_takes_series_with_more_labels() {
        let selector: Series = r#" a{x="1"} "#.parse().unwrap();
        let (found, _) = Series::split(r#"a{y="2",x="1"} 3"#).unwrap();
        assert!(found.is_of(&selector) && !selector.is_of(&found));
        assert!(!series("b", &[("x", "1")]).is_of(&selector) && !series("a", &[("x", "2")]).is_of(&selector));
        for text in ["", "a b", "a{x=1}", "a{x=\"1\"} 3"] {
            assert!(text.parse::<Series>().is_err(), "{text}");
        }
    }

    fn written(series: &Series) -> String {
        let escaped = |value: &str| value.replace('\\', r"\\").replace('"', "\\\"").replace('\n', "\\n");
        let labels = series.labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value)));
        format!("{}{{{}}}", series.name, labels.collect::<Vec<_>>().join(","))
    }

    proptest! {
        #[test]
        fn what_is_written_by_the_rules_is_read_back(
            name in "[a-zA-Z_:][a-zA-Z0-9_:]{0,12}",
            labels in vec(("[a-z_][a-z0-9_]{0,6}", ".{0,12}"), 0..4),
        ) {
            let series = Series { name, labels };
            let line = format!("{} 1", written(&series));
            prop_assert_eq!(Series::split(&line), Some((series, " 1")));
        }

        #[test]
        fn no_text_is_too_strange(text in ".{0,60}|[a{}\",=\\\\ ]{0,30}") {
            if let Some((series, rest)) = Series::split(&text) {
                prop_assert!(!series.name.is_empty() && text.ends_with(rest));
            }
        }
    }
}
