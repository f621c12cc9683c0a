use std::path::PathBuf;

/// Where prompts come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    /// The prompt file; `None`: the built-in text.
    pub file: Option<PathBuf>,
    /// Draw one of `multiple_prompts` for each request.
    pub multiple: bool,
    /// A template for the system message.
    pub system: Option<PathBuf>,
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

/// Rows of mode `custom`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dataset {
    /// The file of rows.
    pub file: PathBuf,
    /// The order in which they go out.
    pub order: DatasetOrder,
    /// Renders rows instead of sending them verbatim.
    pub template: Option<String>,
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chat {
    /// User turns a conversation.
    pub turns: u32,
    /// Between a reply's end and the next turn.
    pub think_time: std::time::Duration,
}
