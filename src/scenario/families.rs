use std::sync::Arc;

use serde::Deserialize;

use super::TokenizerSource;
use super::language::is_repository;
use crate::diagnostic::{Code, Fault, SourceFile};

/// Which tokenizer models have by their names.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Families {
    #[serde(default, rename = "family")]
    families: Vec<Family>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Family {
    names: Vec<String>,
    tokenizer: String,
}

/// The table that the tool comes with.
const BUILT_IN: &str = include_str!("families.toml");

impl Families {
    /// The table that the tool comes with.
    pub(super) fn built_in() -> Self {
        // A test reads it.
        toml::from_str(BUILT_IN).unwrap_or_default()
    }

    /// A table of the user's, whose families go before those that the tool comes with.
    pub(super) fn of_user(source: &Arc<SourceFile>) -> Result<Self, Fault> {
        const HELP: &str = "write [[family]] tables, as names = [\"mymodel\"] and tokenizer = \"hf:org/name\"";
        let mut table: Self = toml::from_str(&source.text).map_err(|error| {
            Fault::error(Code::Syntax, error.message()).at(source, error.span().unwrap_or(0..0)).help(HELP)
        })?;
        let wrong =
            table.families.iter().find(|family| !family.tokenizer.strip_prefix("hf:").is_some_and(is_repository));
        if let Some(Family { tokenizer, .. }) = wrong {
            let at = source.text.find(tokenizer.as_str()).unwrap_or(0);
            let fault = Fault::error(Code::BadValue, format!("`{tokenizer}` names no repository of the hub"));
            return Err(fault.at(source, at..at + tokenizer.len()).help(HELP));
        }
        table.families.extend(Self::built_in().families);
        Ok(table)
    }

    /// The hub's repository and revision for a model, by its name on the wire.
    pub(super) fn tokenizer_of(&self, model_id: &str) -> Option<TokenizerSource> {
        let id = squeeze(model_id);
        let fits = |family: &&Family| family.names.iter().any(|name| id.contains(&squeeze(name)));
        let named = self.families.iter().find(fits)?.tokenizer.strip_prefix("hf:")?;
        let (repository, revision) = named.split_once('@').unwrap_or((named, "main"));
        Some(TokenizerSource::Hub { repository: repository.to_owned(), revision: revision.to_owned() })
    }
}

/// Letters and figures, in lower case.
fn squeeze(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_have_the_tokenizers_of_their_families() {
        let families = Families::built_in();
        for (id, repository) in [
            ("Meta-Llama-3.3-70B-Instruct", Some("unsloth/Meta-Llama-3.1-8B-Instruct")),
            ("accounts/fireworks/models/llama-v3p1-8b-instruct", Some("unsloth/Meta-Llama-3.1-8B-Instruct")),
            ("Llama-4-Maverick-17B-128E-Instruct", Some("unsloth/Llama-4-Scout-17B-16E-Instruct")),
            ("Meta-Llama-2-7b-chat", Some("NousResearch/Llama-2-7b-chat-hf")),
            ("CodeLlama-34b-Instruct-hf", Some("NousResearch/Llama-2-7b-chat-hf")),
            ("llama-30b", Some("NousResearch/Llama-2-7b-chat-hf")),
            ("Llama-3.2-11B-Vision-Instruct", Some("unsloth/Meta-Llama-3.1-8B-Instruct")),
            ("deepseek-coder-6.7b-instruct", Some("deepseek-ai/deepseek-coder-6.7b-instruct")),
            ("DeepSeek-Coder-V2-Lite-Instruct", Some("deepseek-ai/DeepSeek-V2-Lite-Chat")),
            ("DeepSeek-R1-0528-Qwen3-8B", Some("deepseek-ai/DeepSeek-R1-0528-Qwen3-8B")),
            ("SOLAR-10.7B-Instruct-v1.0", Some("upstage/SOLAR-10.7B-Instruct-v1.0")),
            ("ALLaM-7B-Instruct-preview", Some("humain-ai/ALLaM-7B-Instruct-preview")),
            ("MiniMax-M2.5", Some("MiniMaxAI/MiniMax-M2")),
            // Of several vocabularies by version: nothing is guessed, the server counts.
            ("Mistral-Large-Instruct", None),
            ("DeepSeek-R1-Distill-Llama-70B", Some("unsloth/Meta-Llama-3.1-8B-Instruct")),
            ("deepseek-r1-distill-qwen-32b", Some("Qwen/Qwen2.5-7B-Instruct")),
            ("DeepSeek-R1", Some("deepseek-ai/DeepSeek-V3")),
            ("DeepSeek-V3-0324", Some("deepseek-ai/DeepSeek-V3")),
            ("EEVE-Korean-10.8B", Some("yanolja/EEVE-Korean-Instruct-10.8B-v1.0")),
            ("gpt-oss-120b", Some("openai/gpt-oss-20b")),
            ("QwQ-32B-Preview", Some("Qwen/Qwen2.5-7B-Instruct")),
            ("Qwen2.5-Coder-32B-Instruct", Some("Qwen/Qwen2.5-7B-Instruct")),
            ("Qwen3-32B", Some("Qwen/Qwen3-8B")),
            ("google/gemma-3-27b-it", Some("unsloth/gemma-3-4b-it")),
            ("Mistral-Nemo-Instruct-2407", Some("unsloth/Mistral-Nemo-Instruct-2407")),
            ("E5-Mistral-7B-Instruct", Some("unsloth/mistral-7b-instruct-v0.2")),
            ("my-own-model", None),
            ("llama", None),
            ("", None),
        ] {
            let found = families.tokenizer_of(id);
            let Some(TokenizerSource::Hub { repository: found, revision }) = found else {
                assert_eq!(repository, None, "{id}");
                continue;
            };
            assert_eq!((Some(found.as_str()), revision.as_str()), (repository, "main"), "{id}");
        }
    }

    #[test]
    fn families_of_the_user_go_first_and_are_held_to_their_form() {
        let table = "[[family]]\nnames = [\"Llama-3\"]\ntokenizer = \"hf:me/mine@v1\"\n";
        let families = Families::of_user(&SourceFile::new("f.toml", table)).unwrap();
        let named = |id: &str| families.tokenizer_of(id);
        let mine = TokenizerSource::Hub { repository: "me/mine".to_owned(), revision: "v1".to_owned() };
        assert_eq!(named("llama-3.3"), Some(mine));
        assert_eq!(named("Qwen3-8B"), Families::built_in().tokenizer_of("Qwen3-8B"));
        for (wrong, place) in [(table.replace("hf:", ""), 44), (table.replace("names", "name"), 11)] {
            let fault = Families::of_user(&SourceFile::new("f.toml", wrong)).unwrap_err();
            assert_eq!(fault.place.unwrap().1.start, place, "{}", fault.message);
        }
    }

    #[test]
    fn every_family_names_a_repository() {
        let families: Families = toml::from_str(BUILT_IN).unwrap();
        assert!(families.families.len() > 20);
        for family in &families.families {
            let repository = family.tokenizer.strip_prefix("hf:").unwrap();
            assert!(repository.split('/').count() == 2 && !family.names.is_empty(), "{family:?}");
            assert!(family.names.iter().all(|name| *name == squeeze(name)), "{family:?}");
        }
    }
}
