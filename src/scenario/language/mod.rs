//! The scenario language as one table: every key with its kind, its default and its meaning.
//!
//! The validator, the JSON Schema, the reference scenario's test and the list of what is not built yet
//! all come from it, so adding a key is adding one entry. See `docs/ARCHITECTURE.md` for why this is a
//! table of ours and not a set of derived structs.

mod form;
mod keys;
mod keys_of_load;
mod keys_of_matrix;
mod keys_of_transport;
mod schema;
mod validate;
mod wording;

pub(super) use form::{is_repository, is_variable_name};
pub(super) use keys::SCENARIO;
pub use schema::schema;
pub(super) use validate::validate;

/// A table of fixed keys.
#[derive(Debug)]
pub(super) struct Table {
    /// One line for the schema.
    pub(super) about: &'static str,
    /// Its keys.
    pub(super) keys: &'static [Key],
}

/// One key of a table.
#[derive(Debug)]
pub(super) struct Key {
    /// Its word.
    pub(super) name: &'static str,
    /// What it takes.
    pub(super) kind: Kind,
    /// One line for the schema and the reference.
    pub(super) about: &'static str,
    /// Its default as TOML; empty for none.
    pub(super) default: &'static str,
    /// Whether the table is wrong without it.
    pub(super) required: bool,
    /// What this version can do of it.
    pub(super) support: Support,
}

/// What a key takes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// Any string.
    Text,
    /// A string that is fit for a file name.
    Name,
    /// A path, relative to the file that holds it.
    Path,
    /// A truth value.
    Bool,
    /// A whole number between two, both included.
    Integer(i64, i64),
    /// A number between two, both included.
    Number(f64, f64),
    /// One of these words.
    Word(&'static [&'static str]),
    /// A string or number of a form.
    Form(Form),
    /// Any scalar: a value of `vars`.
    Scalar,
    /// Any table: goes to the server as it is.
    Free,
    /// A table of fixed keys.
    Table(&'static Table),
    /// A table of axes, and of `vars` by their bare names.
    Cells(&'static Table),
    /// A table whose keys are names the user chooses.
    Named(&'static Kind),
    /// A list.
    List(&'static Kind),
    /// One value, or a list of at least one.
    OneOrList(&'static Kind),
}

/// Scalars that are more than a type: each has a parser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// `"250ms"`.
    Duration,
    /// `"250ms"`, more than zero.
    PositiveDuration,
    /// `1000` or `"normal(1000,200)"`.
    TokenSize,
    /// `"512x512"`.
    ImageSize,
    /// `0.5` or `"inf"`.
    Qps,
    /// `"gamma(0.5)"`.
    Arrivals,
    /// `80` or `"10x"`.
    RequestCount,
    /// `4`, `"1x"` or `"10s"`.
    Amount,
    /// `"http://host/path"`.
    Url,
    /// `"http://proxy:3128"` or `"none"`.
    Proxy,
    /// `"http://host/path"` or `"/path"`.
    UrlOrPath,
    /// `"name{label=\"value\"}"`.
    Series,
    /// `"SAMBANOVA_API_KEY"`.
    VariableName,
    /// `"/usage/queue_time"`.
    JsonPointer,
    /// `"POST /path"`.
    MethodAndPath,
    /// `800` or `"800ms"`.
    Limit,
    /// `"words"`, `"hf:org/name"` or a path.
    Tokenizer,
}

/// What this version can do of a key.
#[derive(Debug, Clone, Copy)]
pub(super) enum Support {
    /// Everything.
    Full,
    /// Only these values, as they read.
    Only(&'static [&'static str]),
}

impl Key {
    /// A key without a default that is fully supported.
    pub(super) const fn new(name: &'static str, kind: Kind, about: &'static str) -> Self {
        Self { name, kind, about, default: "", required: false, support: Support::Full }
    }

    /// The same, with a default.
    pub(super) const fn or(mut self, default: &'static str) -> Self {
        self.default = default;
        self
    }

    /// The same, required.
    pub(super) const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// The same, supported in part.
    pub(super) const fn supports(mut self, support: Support) -> Self {
        self.support = support;
        self
    }
}
