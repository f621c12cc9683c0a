/// The known word nearest to `word`, when it is near enough to be meant.
///
/// Near is a Damerau-Levenshtein distance of at most a third of the longer word's length,
/// or one being the beginning of the other.
pub fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let lower = word.to_lowercase();
    known
        .into_iter()
        .filter_map(|candidate| {
            let distance = strsim::damerau_levenshtein(&lower, &candidate.to_lowercase());
            let limit = candidate.chars().count().max(word.chars().count()).div_ceil(3);
            let begins = lower.len() >= 3 && (candidate.starts_with(&lower) || lower.starts_with(candidate));
            (distance <= limit || begins).then_some((distance, candidate))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// "`a`", "`a` or `b`", "`a`, `b` or `c`".
pub fn one_of<'w>(words: impl IntoIterator<Item = &'w str>) -> String {
    let quoted: Vec<String> = words.into_iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        None => "nothing".to_owned(),
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_meant_and_nothing_far() {
        let known = ["concurrency", "qps", "model", "input_tokens"];
        for (word, expected) in [
            ("concurency", Some("concurrency")),
            ("modle", Some("model")),
            ("input", Some("input_tokens")),
            ("Model", Some("model")),
            ("zebra", None),
        ] {
            assert_eq!(nearest(word, known), expected, "{word}");
        }
    }

    #[test]
    fn words_are_listed_as_a_sentence() {
        assert_eq!(one_of(["a"]), "`a`");
        assert_eq!(one_of(["a", "b", "c"]), "`a`, `b` or `c`");
    }
}
