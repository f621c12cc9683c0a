use console::{measure_text_width, truncate_str};

/// Breaks a line at spaces, and within a word that is wider than a line; what follows the first line is indented.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    const INDENT: &str = "  ";
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let mut word = word;
        while let Some(line) = lines.last_mut() {
            let fresh = line.trim().is_empty();
            let gap = usize::from(!fresh);
            if measure_text_width(line) + gap + measure_text_width(word) <= width {
                line.push_str(&" ".repeat(gap));
                line.push_str(word);
                break;
            }
            if fresh {
                let room = width.saturating_sub(measure_text_width(line)).max(2);
                let head = truncate_str(word, room, "").into_owned();
                line.push_str(&head);
                word = &word[head.len()..];
                if head.is_empty() || word.is_empty() {
                    break;
                }
            }
            lines.push(INDENT.to_owned());
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_at_spaces_and_within_long_words() {
        for (text, width, expected) in [
            ("a bc d", 80, &["a bc d"][..]),
            ("abc def ghi", 8, &["abc def", "  ghi"]),
            ("abcdefghij k", 6, &["abcdef", "  ghij", "  k"]),
            ("x abcdefghij", 6, &["x", "  abcd", "  efgh", "  ij"]),
            ("", 6, &[""]),
        ] {
            assert_eq!(wrap(text, width), expected, "{text}");
        }
    }
}
