use std::collections::BTreeMap;
use std::fmt;

use crate::units::{ArrivalDistribution, ImageSize, Qps, SizeSpec, UnitError};

/// The name of an axis. The order of the variants is the order in cell ids, columns and tables.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AxisName {
    /// `model`: a label.
    Model,
    /// `endpoint`: a name.
    Endpoint,
    /// `mode`.
    Mode,
    /// `input_tokens`.
    InputTokens,
    /// `output_tokens`.
    OutputTokens,
    /// `image_size`.
    ImageSize,
    /// `loop`, of mode `custom`.
    Loop,
    /// `concurrency`, closed loop.
    Concurrency,
    /// `qps`, open loop.
    Qps,
    /// `qps_distribution`, open loop.
    QpsDistribution,
    /// An axis of `vars`.
    Var(String),
}

impl AxisName {
    /// Every axis the language knows, in order; `vars` come after them by name.
    pub const KNOWN: [Self; 10] = [
        Self::Model,
        Self::Endpoint,
        Self::Mode,
        Self::InputTokens,
        Self::OutputTokens,
        Self::ImageSize,
        Self::Loop,
        Self::Concurrency,
        Self::Qps,
        Self::QpsDistribution,
    ];

    /// The word of the axis: TOML key, template variable, filter, column and JSON key.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Model => "model",
            Self::Endpoint => "endpoint",
            Self::Mode => "mode",
            Self::InputTokens => "input_tokens",
            Self::OutputTokens => "output_tokens",
            Self::ImageSize => "image_size",
            Self::Loop => "loop",
            Self::Concurrency => "concurrency",
            Self::Qps => "qps",
            Self::QpsDistribution => "qps_distribution",
            Self::Var(name) => name,
        }
    }

    /// The axis of that word; a word that is no known axis is one of `vars`.
    pub fn from_word(word: &str) -> Self {
        Self::KNOWN.into_iter().find(|axis| axis.as_str() == word).unwrap_or_else(|| Self::Var(word.to_owned()))
    }
}

impl fmt::Display for AxisName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What kind of prompts and load a cell has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Prompts of an exact token size, closed loop.
    Synthetic,
    /// Prompts of an exact token size, open loop.
    RealWorkload,
    /// Rows of a dataset.
    Custom,
    /// Conversations whose context grows.
    Chat,
}

impl Mode {
    /// All modes.
    pub const ALL: [Self; 4] = [Self::Synthetic, Self::RealWorkload, Self::Custom, Self::Chat];

    /// The word of the mode.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Synthetic => "synthetic",
            Self::RealWorkload => "real_workload",
            Self::Custom => "custom",
            Self::Chat => "chat",
        }
    }
}

/// Whether the next request waits for a slot or for its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Loop {
    /// A fixed number in flight.
    Closed,
    /// By a schedule.
    Open,
}

/// One value of an axis, normalised: `small` and `500x500` are the same.
#[derive(Debug, Clone, PartialEq)]
pub enum AxisValue {
    /// A label or name; also a text of `vars`.
    Text(String),
    /// A whole number of `vars`.
    Integer(i64),
    /// A number of `vars`.
    Float(f64),
    /// A truth value of `vars`.
    Bool(bool),
    /// Of `mode`.
    Mode(Mode),
    /// Of `input_tokens` and `output_tokens`.
    Tokens(SizeSpec),
    /// Of `image_size`.
    Image(ImageSize),
    /// Of `loop`.
    Loop(Loop),
    /// Of `concurrency`, at least 1.
    Concurrency(u32),
    /// Of `qps`.
    Qps(Qps),
    /// Of `qps_distribution`.
    Arrivals(ArrivalDistribution),
}

impl fmt::Display for AxisValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Integer(number) => number.fmt(f),
            Self::Float(number) => number.fmt(f),
            Self::Bool(truth) => truth.fmt(f),
            Self::Mode(mode) => f.write_str(mode.as_str()),
            Self::Tokens(size) => size.fmt(f),
            Self::Image(size) => size.fmt(f),
            Self::Loop(Loop::Closed) => f.write_str("closed"),
            Self::Loop(Loop::Open) => f.write_str("open"),
            Self::Concurrency(count) => count.fmt(f),
            Self::Qps(qps) => qps.fmt(f),
            Self::Arrivals(distribution) => distribution.fmt(f),
        }
    }
}

impl AxisValue {
    /// The value as JSON: numbers as numbers, `qps = inf` and distributions as text.
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Integer(number) => (*number).into(),
            Self::Float(number) => (*number).into(),
            Self::Bool(truth) => (*truth).into(),
            Self::Tokens(SizeSpec::Fixed(count)) => (*count).into(),
            Self::Concurrency(count) => (*count).into(),
            Self::Qps(Qps::Rate(rate)) => (*rate).into(),
            other => other.to_string().into(),
        }
    }
}

/// The values of one cell, by axis, in the order of [`AxisName`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Axes(BTreeMap<AxisName, AxisValue>);

impl Axes {
    /// Sets a value.
    pub fn set(&mut self, axis: AxisName, value: AxisValue) {
        self.0.insert(axis, value);
    }

    /// Takes a value out.
    pub fn remove(&mut self, axis: &AxisName) -> Option<AxisValue> {
        self.0.remove(axis)
    }

    /// The value of an axis; `None` where it does not apply.
    pub fn get(&self, axis: &AxisName) -> Option<&AxisValue> {
        self.0.get(axis)
    }

    /// All of them, in order.
    pub fn iter(&self) -> std::collections::btree_map::Iter<'_, AxisName, AxisValue> {
        self.0.iter()
    }

    /// A text axis's value, or the empty text.
    fn text(&self, axis: &AxisName) -> &str {
        match self.get(axis) {
            Some(AxisValue::Text(text)) => text,
            _ => "",
        }
    }

    /// The model's label.
    pub fn model(&self) -> &str {
        self.text(&AxisName::Model)
    }

    /// The endpoint's name.
    pub fn endpoint(&self) -> &str {
        self.text(&AxisName::Endpoint)
    }

    /// The mode; synthetic unless set.
    pub fn mode(&self) -> Mode {
        match self.get(&AxisName::Mode) {
            Some(AxisValue::Mode(mode)) => *mode,
            _ => Mode::Synthetic,
        }
    }

    fn tokens(&self, axis: &AxisName) -> Option<&SizeSpec> {
        match self.get(axis) {
            Some(AxisValue::Tokens(size)) => Some(size),
            _ => None,
        }
    }

    /// Input tokens, where the mode takes them.
    pub fn input_tokens(&self) -> Option<&SizeSpec> {
        self.tokens(&AxisName::InputTokens)
    }

    /// Output tokens, where the mode takes them.
    pub fn output_tokens(&self) -> Option<&SizeSpec> {
        self.tokens(&AxisName::OutputTokens)
    }

    /// Concurrency, in closed loop.
    pub fn concurrency(&self) -> Option<u32> {
        match self.get(&AxisName::Concurrency) {
            Some(AxisValue::Concurrency(count)) => Some(*count),
            _ => None,
        }
    }

    /// The rate, in open loop.
    pub fn qps(&self) -> Option<Qps> {
        match self.get(&AxisName::Qps) {
            Some(AxisValue::Qps(qps)) => Some(*qps),
            _ => None,
        }
    }

    /// The distribution of arrivals, in open loop.
    pub fn qps_distribution(&self) -> Option<ArrivalDistribution> {
        match self.get(&AxisName::QpsDistribution) {
            Some(AxisValue::Arrivals(distribution)) => Some(*distribution),
            _ => None,
        }
    }

    /// The size of images; `Na` unless set.
    pub fn image_size(&self) -> ImageSize {
        match self.get(&AxisName::ImageSize) {
            Some(AxisValue::Image(size)) => *size,
            _ => ImageSize::Na,
        }
    }

    /// The values as a JSON object, in axis order.
    pub fn to_json(&self) -> serde_json::Map<String, serde_json::Value> {
        self.iter().map(|(axis, value)| (axis.as_str().to_owned(), value.to_json())).collect()
    }
}

impl FromIterator<(AxisName, AxisValue)> for Axes {
    fn from_iter<I: IntoIterator<Item = (AxisName, AxisValue)>>(values: I) -> Self {
        Self(values.into_iter().collect())
    }
}

impl<'a> IntoIterator for &'a Axes {
    type Item = (&'a AxisName, &'a AxisValue);
    type IntoIter = std::collections::btree_map::Iter<'a, AxisName, AxisValue>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// The value that `text` names on an axis: for filters and files alike.
///
/// A text on an axis of `vars` is a truth value, a whole number or a number when it reads as one.
pub fn parse_axis_value(axis: &AxisName, text: &str) -> Result<AxisValue, UnitError> {
    Ok(match axis {
        AxisName::Model | AxisName::Endpoint => AxisValue::Text(text.to_owned()),
        AxisName::Mode => {
            AxisValue::Mode(Mode::ALL.into_iter().find(|mode| mode.as_str() == text).ok_or_else(|| {
                UnitError::new(
                    format!("`{text}` is not a mode"),
                    "\"synthetic\", \"real_workload\", \"custom\" or \"chat\"",
                )
            })?)
        }
        AxisName::InputTokens | AxisName::OutputTokens => AxisValue::Tokens(text.parse()?),
        AxisName::ImageSize => AxisValue::Image(text.parse()?),
        AxisName::Loop => AxisValue::Loop(match text {
            "closed" => Loop::Closed,
            "open" => Loop::Open,
            _ => return Err(UnitError::new(format!("`{text}` is not a loop"), "\"closed\" or \"open\"")),
        }),
        AxisName::Concurrency => {
            AxisValue::Concurrency(text.parse().ok().filter(|count| *count > 0).ok_or_else(|| {
                UnitError::new(format!("`{text}` is not a concurrency"), "a whole number from 1, as 16")
            })?)
        }
        AxisName::Qps => AxisValue::Qps(text.parse()?),
        AxisName::QpsDistribution => AxisValue::Arrivals(text.parse()?),
        AxisName::Var(_) => {
            let truth = text.parse().map(AxisValue::Bool);
            let number =
                || text.parse().map(AxisValue::Integer).ok().or_else(|| text.parse().map(AxisValue::Float).ok());
            truth.ok().or_else(number).unwrap_or_else(|| AxisValue::Text(text.to_owned()))
        }
    })
}
