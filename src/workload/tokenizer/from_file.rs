use tokenizers::pipeline::{EncodeOptions, Override, PipelineModel, PipelineToken, PipelineTokenizer};
use tokenizers::vocab::bucket_added_vocabulary::AddedToken;

use crate::tokens::Tokenizer;
use crate::workload::seams::{begins_at_seam, seams};

/// A `tokenizer.json` of any version, rewritten into the one form that is read fast.
///
/// # Errors
/// What is wrong with the text.
pub fn canonical_tokenizer(text: &str) -> Result<String, String> {
    let mut file = serde_json::from_str(text).map_err(|error| error.to_string())?;
    tokenizers::canonicalize_value(&mut file).map_err(|error| error.to_string())?;
    Ok(file.to_string())
}

/// A `tokenizer.json`.
pub(super) struct FromFile {
    tokenizer: PipelineTokenizer,
    options: EncodeOptions,
    keeps_words_apart: bool,
}

/// So many ids in a row that stand for nothing end a vocabulary.
const END_OF_IDS: u32 = 1 << 16;

impl FromFile {
    pub(super) fn new(canonical: &str) -> Result<Self, String> {
        let tokenizer = tokenizers::from_json(canonical).map_err(|error| error.to_string())?;
        let options = EncodeOptions {
            // The chat template adds those of a request, and its probe counts them.
            add_special_tokens: false,
            encode_special_tokens: false,
            // Files may ask for cutting and padding to a model's length: a count must be of the whole text.
            padding: Override::Off,
            truncation: Override::Off,
        };
        let keeps_words_apart = !has_token_across_words(&tokenizer);
        Ok(Self { tokenizer, options, keeps_words_apart })
    }

    /// Plain text always encodes; a tokenizer that refuses one leaves the request's size off, which its row shows.
    fn encode(&self, text: &str) -> Vec<PipelineToken> {
        let mut ids = Vec::with_capacity(text.len() / 4);
        match self.tokenizer.encode_into(text, &self.options, &mut ids) {
            Ok(()) => ids,
            Err(_) => Vec::new(),
        }
    }

    /// The text of the first of some ids.
    fn decode(&self, ids: &[PipelineToken]) -> Option<String> {
        self.tokenizer.decode(PipelineToken::cast_slice(ids), false).ok()
    }

    /// The longest prefix that counts at most `tokens`, for texts that their tokens do not give back.
    fn search<'t>(&self, text: &'t str, tokens: usize) -> &'t str {
        let (mut fits, mut beyond) = (0, text.len());
        while fits < beyond {
            let middle = text.ceil_char_boundary(fits + (beyond - fits).div_ceil(2));
            if self.count(&text[..middle]) <= tokens {
                fits = middle;
            } else {
                beyond = text.floor_char_boundary(middle - 1);
            }
        }
        &text[..fits]
    }
}

impl std::fmt::Debug for FromFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FromFile").field("keeps_words_apart", &self.keeps_words_apart).finish_non_exhaustive()
    }
}

impl Tokenizer for FromFile {
    fn count(&self, text: &str) -> usize {
        self.encode(text).len()
    }

    fn truncate<'t>(&self, text: &'t str, tokens: usize) -> &'t str {
        let ids = self.encode(text);
        if tokens >= ids.len() {
            return text;
        }
        let Some(decoded) = self.decode(&ids[..tokens]) else { return self.search(text, tokens) };
        // Where the last token ends within a character, what it has of it decodes to replacements: the character goes.
        let whole = [decoded.as_str(), decoded.trim_end_matches(char::REPLACEMENT_CHARACTER)];
        match whole.iter().find(|prefix| text.starts_with(**prefix)) {
            Some(prefix) => &text[..prefix.len()],
            None => self.search(text, tokens),
        }
    }

    fn keeps_words_apart(&self) -> bool {
        self.keeps_words_apart
    }

    fn restores(&self, text: &str) -> bool {
        self.decode(&self.encode(text)).is_some_and(|decoded| decoded == text)
    }
}

/// Whether the vocabulary has a token that holds a seam between two words: then a count is not the sum of its parts.
///
/// Every way of merging ends in tokens of the vocabulary. Where none spans a seam, no merge crosses one and none of
/// those on one side hangs on the other.
fn has_token_across_words(tokenizer: &PipelineTokenizer) -> bool {
    // Only a normalizer writes spaces as other characters.
    let normalizes = !tokenizer.get_normalizers().is_empty();
    let added = tokenizer.get_added_vocabulary().get_added_tokens_decoder();
    added.values().any(|token| reaches_across_words(token, normalizes)) || has_model_token_across_words(tokenizer)
}

/// Whether an added token holds a seam, or takes the space of one to itself.
fn reaches_across_words(token: &AddedToken, normalizes: bool) -> bool {
    let holds = if normalizes && token.normalized {
        holds_seam(&token.content)
    } else {
        seams(&token.content).next().is_some()
    };
    let takes_next = token.rstrip && seams(&format!("{} a", token.content)).next_back() == Some(token.content.len());
    let takes_last = token.lstrip && begins_at_seam(&format!(" {}", token.content));
    holds || takes_next || takes_last
}

fn has_model_token_across_words(tokenizer: &PipelineTokenizer) -> bool {
    let model = tokenizer.get_model();
    // Tokens of bytes are held as the text they stand for.
    let as_text = matches!(model, PipelineModel::BPE(bpe) if bpe.is_byte_level());
    let mut nothing = 0;
    for id in 0..u32::MAX {
        match model.id_to_token(id) {
            Some(token) if as_text && seams(&token).next().is_some() => return true,
            Some(token) if !as_text && holds_seam(&token) => return true,
            Some(_) => nothing = 0,
            None if nothing == END_OF_IDS => break,
            None => nothing += 1,
        }
    }
    false
}

/// Whether a token holds a seam, with spaces written as vocabularies do.
fn holds_seam(token: &str) -> bool {
    seams(&token.replace(['\u{2581}', '\u{120}'], " ")).next().is_some()
}
