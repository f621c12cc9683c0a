use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// Where prompts come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    /// The prompt file; `None`: the built-in text.
    pub file: Option<PathBuf>,
    /// Draw one of `multiple_prompts` for each request.
    pub multiple: bool,
    /// A template for the system message.
    pub system: Option<PathBuf>,
    /// Templates that those of `file` and `system` include, extend or import, by name.
    pub included: Vec<Included>,
    /// Where templates that they name would be, and are not.
    pub absent: Vec<PathBuf>,
    /// What makes prompts unique.
    pub unique: Unique,
    /// Tokens that requests of one group share.
    pub shared_prefix: SharedPrefix,
    /// The pictures of a request, where `image_size` asks for some.
    pub image: PromptImages,
}

/// What the pictures of `image_size` are like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PromptImages {
    /// How many each request has; at least 1.
    pub count: u32,
    /// How they are encoded.
    pub format: ImageFormat,
    /// Of a JPEG, 1 to 100.
    pub quality: u8,
}

impl Default for PromptImages {
    fn default() -> Self {
        Self { count: 1, format: ImageFormat::Jpeg, quality: 85 }
    }
}

/// How a picture is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImageFormat {
    /// Lossy; what photographs come in.
    Jpeg,
    /// Lossless.
    Png,
}

impl Default for Prompt {
    fn default() -> Self {
        Self {
            file: None,
            multiple: false,
            system: None,
            included: Vec::new(),
            absent: Vec::new(),
            unique: Unique::Run,
            shared_prefix: SharedPrefix::default(),
            image: PromptImages::default(),
        }
    }
}

/// A template that another one names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Included {
    /// As it is named: a path below the directory of the prompt file, with `/` between its parts.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
}

/// What makes each prompt unique, so that no prefix cache flatters the time to the first token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unique {
    /// A salt that is new for every run.
    Run,
    /// A salt from the seed alone: byte-identical bodies in every run.
    Seed,
    /// No salt.
    None,
}

/// The first tokens that requests within a group share, before the salt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SharedPrefix {
    /// How many tokens; 0 for none.
    pub tokens: u64,
    /// How many groups; at least 1.
    pub groups: u64,
}

impl Default for SharedPrefix {
    fn default() -> Self {
        Self { tokens: 0, groups: 1 }
    }
}

/// Rows of mode `custom`, and of mode `chat` when it replays a dataset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dataset {
    /// The file of rows.
    pub file: PathBuf,
    /// The order in which they go out.
    pub order: DatasetOrder,
    /// Renders rows instead of sending them verbatim.
    pub template: Option<String>,
    /// Only rows that have, for each key, one of these values, as they read; empty for all rows.
    pub filter: BTreeMap<String, Vec<String>>,
    /// Whether an `image_path` may be a URL, which the server then fetches by itself.
    pub allow_image_urls: bool,
}

/// The order in which rows go out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DatasetOrder {
    /// As they stand in the file.
    File,
    /// Shuffled, every row once before any comes again.
    Shuffle,
    /// Drawn with replacement.
    Sample,
}

/// Conversations of mode `chat`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Chat {
    /// User turns a conversation; `None`: [`Chat::MADE_TURNS`] of those that are made, all of a row's.
    pub turns: Option<u32>,
    /// Between a reply's end and the next turn.
    pub think_time: Duration,
    /// What the user says.
    pub source: ChatSource,
}

impl Chat {
    /// Turns of a conversation that is made, unless given.
    pub const MADE_TURNS: u32 = 4;

    /// How many turns every conversation has, or has at most; `None` when only the dataset knows.
    pub fn most_turns(&self) -> Option<u32> {
        match self.source {
            ChatSource::Synthetic => Some(self.turns.unwrap_or(Self::MADE_TURNS)),
            ChatSource::Dataset => self.turns,
        }
    }
}

/// Where the user's turns of a conversation come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChatSource {
    /// Made to an exact token size.
    #[default]
    Synthetic,
    /// The user's messages of a dataset's rows.
    Dataset,
}
