use super::{Better, CellSummary, METRICS, MetricSummary, RepeatSummary};
use crate::text::{nearest, one_of};

/// A figure of a cell by name: a metric and its statistic, or a figure of the cell as a whole.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Figure {
    name: String,
    stat: Option<String>,
}

/// Why a text names no figure.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no figure{}", nearest.as_ref().map(|word| format!(": did you mean `{word}`?")).unwrap_or_default())]
pub struct UnknownFigure {
    /// What was written.
    pub text: String,
    /// The nearest word.
    pub nearest: Option<String>,
    /// What may be written, for help.
    pub known: String,
}

type OfCell = fn(&CellSummary) -> Option<f64>;

/// Figures of a cell that belong to no metric: name, unit, which way is better, and where it stands.
const OF_CELL: [(&str, &str, Better, OfCell); 7] = [
    ("request_throughput", "requests/s", Better::Higher, |cell| cell.request_throughput),
    ("output_token_throughput", "tokens/s", Better::Higher, |cell| cell.output_token_throughput),
    ("total_token_throughput", "tokens/s", Better::Higher, |cell| cell.total_token_throughput),
    ("goodput", "requests/s", Better::Higher, |cell| cell.goodput),
    ("error_rate", "share", Better::Lower, |cell| cell.error_rate),
    ("mean_in_flight", "requests", Better::Neither, |cell| cell.mean_in_flight),
    ("cost_usd", "$", Better::Lower, |cell| cell.cost_usd),
];

impl Figure {
    /// A statistic of a metric.
    #[must_use]
    pub fn of_metric(metric: &str, stat: &str) -> Self {
        Self { name: metric.to_owned(), stat: Some(stat.to_owned()) }
    }

    /// A figure of the cell as a whole, as `error_rate`.
    #[must_use]
    pub fn of_whole(name: &str) -> Self {
        Self { name: name.to_owned(), stat: None }
    }

    /// What a turned table shows unless it is told.
    #[must_use]
    pub fn usual() -> Vec<Self> {
        vec![
            Self::of_metric("ttft_ms", "p50"),
            Self::of_metric("itl_ms", "p50"),
            Self::of_whole("output_token_throughput"),
        ]
    }

    /// The metric, or the figure of the cell.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The statistic of a metric; `None` of a figure of the cell.
    #[must_use]
    pub fn stat(&self) -> Option<&str> {
        self.stat.as_deref()
    }

    /// Which way it is better: as its metric; a spread is better where it is less.
    #[must_use]
    pub fn better(&self) -> Better {
        if self.stat.as_deref() == Some("stddev") {
            return Better::Lower;
        }
        let listed = METRICS.iter().find(|metric| metric.name == self.name).map(|metric| metric.better);
        // The columns of a scenario's `server_metrics` are its own.
        listed.or_else(|| self.whole().map(|(_, _, better, _)| *better)).unwrap_or(Better::Neither)
    }

    /// Its unit; empty where nobody says.
    #[must_use]
    pub fn unit(&self) -> &'static str {
        let listed = METRICS.iter().find(|metric| metric.name == self.name).map(|metric| metric.unit);
        let own = || if self.name.ends_with("_ms") { "ms" } else { "" };
        listed.or_else(|| self.whole().map(|(_, unit, ..)| *unit)).unwrap_or_else(own)
    }

    /// Its value in a cell.
    #[must_use]
    pub fn of(&self, cell: &CellSummary) -> Option<f64> {
        match &self.stat {
            Some(stat) => cell.metric(&self.name)?.figure(stat),
            None => self.whole().and_then(|(.., of)| of(cell)),
        }
    }

    /// The metric's figures in a repeat; `None` for a figure of the cell.
    #[must_use]
    pub fn in_repeat<'r>(&self, repeat: &'r RepeatSummary) -> Option<&'r MetricSummary> {
        self.stat.as_ref()?;
        repeat.metrics.get(&self.name)?.as_ref()
    }

    /// Whether the cell has the samples that it needs.
    #[must_use]
    pub fn is_sure(&self, cell: &CellSummary) -> bool {
        let Some(stat) = &self.stat else { return true };
        cell.metric(&self.name).is_none_or(|summary| summary.is_sure(stat))
    }

    /// Its words: `ttft_ms p50`.
    #[must_use]
    pub fn title(&self) -> String {
        self.stat.as_ref().map_or_else(|| self.name.clone(), |stat| format!("{} {stat}", self.name))
    }

    fn whole(&self) -> Option<&'static (&'static str, &'static str, Better, OfCell)> {
        OF_CELL.iter().find(|(name, ..)| *name == self.name && self.stat.is_none())
    }
}

impl std::str::FromStr for Figure {
    type Err = UnknownFigure;

    /// A metric and a statistic behind a space, the median unless given; or a figure of the cell.
    fn from_str(text: &str) -> Result<Self, UnknownFigure> {
        let (name, stat) = match text.trim().split_once([' ', ':', '.']) {
            Some((name, stat)) => (name, Some(stat.trim())),
            None => (text.trim(), None),
        };
        if stat.is_none() && OF_CELL.iter().any(|(known, ..)| *known == name) {
            return Ok(Self::of_whole(name));
        }
        let known = METRICS.iter().any(|metric| metric.name == name) || name.starts_with("server_");
        let stat = stat.unwrap_or("p50");
        if !known {
            let names = OF_CELL.iter().map(|(known, ..)| *known).chain(METRICS.iter().map(|metric| metric.name));
            return Err(unknown(text, nearest(name, names).map(str::to_owned)));
        }
        if MetricSummary::FIGURES.contains(&stat) {
            return Ok(Self::of_metric(name, stat));
        }
        Err(unknown(text, nearest(stat, MetricSummary::FIGURES).map(|near| format!("{name} {near}"))))
    }
}

fn unknown(text: &str, nearest: Option<String>) -> UnknownFigure {
    let known = format!(
        "a figure is {}, or a metric and a statistic, as \"ttft_ms p50\": {}; {}",
        one_of(OF_CELL.iter().map(|(name, ..)| *name)),
        METRICS.iter().map(|metric| metric.name).collect::<Vec<_>>().join(", "),
        MetricSummary::FIGURES.join(", ")
    );
    UnknownFigure { text: text.to_owned(), nearest, known }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_knows_its_direction_and_its_unit() {
        for (text, title, better, unit) in [
            ("ttft_ms", "ttft_ms p50", Better::Lower, "ms"),
            ("output_tokens_per_s p5", "output_tokens_per_s p5", Better::Higher, "tokens/s"),
            ("output_tokens_per_s stddev", "output_tokens_per_s stddev", Better::Lower, "tokens/s"),
            ("error_rate", "error_rate", Better::Lower, "share"),
            ("goodput", "goodput", Better::Higher, "requests/s"),
            ("server_queue_ms p99", "server_queue_ms p99", Better::Neither, "ms"),
        ] {
            let figure: Figure = text.parse().unwrap();
            assert_eq!((figure.title().as_str(), figure.better(), figure.unit()), (title, better, unit));
        }
    }

    #[test]
    fn what_is_no_figure_is_answered_with_the_nearest() {
        for (text, near) in [("ttft", Some("ttft_ms")), ("ttft_ms p90.5", Some("ttft_ms p90")), ("zebra", None)] {
            assert_eq!(text.parse::<Figure>().unwrap_err().nearest.as_deref(), near, "{text}");
        }
    }
}
