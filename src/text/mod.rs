//! Text: nearest words, file-safe names, shortened and redacted strings.

mod nearest;
mod redact;
mod slug;

pub use nearest::{nearest, one_of};
pub use redact::{REDACTED, Secret, Secrets};
pub use slug::slug;

/// `text`, or its first `most` characters and an ellipsis.
#[must_use]
pub fn shorten(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most.saturating_sub(1)).collect();
    format!("{kept}…")
}

/// `one` or `many`, by `count`: "1 cell", "2 cells".
#[must_use]
pub fn plural(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// Bytes as lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}
