/// `text` as a file-safe word: ASCII letters, digits, `.`, `_` and `-`; runs of others become one `-`.
#[must_use]
pub fn slug(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '.' | '_' => out.push(character),
            _ if out.ends_with('-') || out.is_empty() => {}
            _ => out.push('-'),
        }
    }
    out.trim_end_matches('-').trim_start_matches(['.', '-']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_safe_for_files() {
        for (text, expected) in [
            ("Meta-Llama-3.3-70B", "Meta-Llama-3.3-70B"),
            ("org/name:7b", "org-name-7b"),
            ("../x", "x"),
            ("né e", "n-e"),
            ("한국", ""),
        ] {
            assert_eq!(slug(text), expected, "{text}");
        }
    }
}
