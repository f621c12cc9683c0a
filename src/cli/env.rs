use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use crate::run::TokenizerPlaces;
use crate::scenario::Variables;
use crate::store::RemoteSettings;
use crate::text::Secret;

/// All that the tool takes from its surroundings, read once.
#[derive(Debug, Clone)]
pub(super) struct Env {
    /// The environment's variables.
    pub(super) variables: Variables,
    /// Whether standard output is a terminal.
    pub(super) stdout_is_terminal: bool,
    /// Whether standard error is a terminal.
    pub(super) stderr_is_terminal: bool,
    /// Whether standard input is a terminal, so that a question can be asked.
    pub(super) stdin_is_terminal: bool,
}

impl Env {
    /// The surroundings of this process. Variables that are not Unicode are left out.
    pub(super) fn of_process() -> Self {
        let variables: BTreeMap<String, String> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        Self {
            variables: Variables::new(variables),
            stdout_is_terminal: std::io::stdout().is_terminal(),
            stderr_is_terminal: std::io::stderr().is_terminal(),
            stdin_is_terminal: std::io::stdin().is_terminal(),
        }
    }

    /// What the providers of object storage take from the environment, by their own conventions.
    pub(super) fn remote_settings(&self) -> RemoteSettings {
        let known = ["AWS_", "GOOGLE_", "AZURE_"];
        let taken = self
            .variables
            .iter()
            .filter(|(name, value)| !value.is_empty() && known.iter().any(|beginning| name.starts_with(beginning)));
        taken.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    /// The user's cache directory.
    pub(super) fn user_cache(&self) -> Option<PathBuf> {
        let variable = |name: &str| self.variables.get(name).filter(|value| !value.is_empty());
        match variable("XDG_CACHE_HOME") {
            Some(path) => Some(PathBuf::from(path)),
            None => Some(Path::new(variable("HOME")?).join(".cache")),
        }
    }

    /// Where tokenizers are looked for and kept: by the variables of the hub's own libraries.
    pub(super) fn tokenizer_places(&self) -> TokenizerPlaces {
        let variable = |name: &str| self.variables.get(name).filter(|value| !value.is_empty());
        let user_cache = || self.user_cache();
        let named = variable("HF_HUB_CACHE").or_else(|| variable("HUGGINGFACE_HUB_CACHE")).map(PathBuf::from);
        let home = || variable("HF_HOME").map(PathBuf::from).or_else(|| Some(user_cache()?.join("huggingface")));
        let offline = variable("HF_HUB_OFFLINE").is_some_and(|value| !["0", "false", "no"].contains(&value));
        let url = variable("HF_ENDPOINT").unwrap_or("https://huggingface.co");
        TokenizerPlaces {
            hub_cache: named.or_else(|| Some(home()?.join("hub"))),
            hub_url: (!offline).then(|| url.to_owned()),
            hub_token: variable("HF_TOKEN").map(Secret::new),
            cache: user_cache().map(|cache| cache.join("infersweep")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(variables: &[(&str, &str)]) -> TokenizerPlaces {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let env = Env {
            variables: Variables::new(variables),
            stdout_is_terminal: false,
            stderr_is_terminal: false,
            stdin_is_terminal: false,
        };
        env.tokenizer_places()
    }

    #[test]
    fn the_hub_is_where_its_own_libraries_look_for_it() {
        for (variables, hub, cache) in [
            (&[][..], None, None),
            (&[("HOME", "/h")], Some("/h/.cache/huggingface/hub"), Some("/h/.cache/infersweep")),
            (&[("HOME", "/h"), ("XDG_CACHE_HOME", "/x")], Some("/x/huggingface/hub"), Some("/x/infersweep")),
            (&[("HOME", "/h"), ("HF_HOME", "/f")], Some("/f/hub"), Some("/h/.cache/infersweep")),
            (&[("HF_HOME", "/f"), ("HUGGINGFACE_HUB_CACHE", "/c")], Some("/c"), None),
            (&[("HF_HUB_CACHE", "/d"), ("HUGGINGFACE_HUB_CACHE", "/c")], Some("/d"), None),
        ] {
            let places = places(variables);
            assert_eq!(places.hub_cache.as_deref(), hub.map(Path::new), "{variables:?}");
            assert_eq!(places.cache.as_deref(), cache.map(Path::new), "{variables:?}");
        }
        let url = |variables| places(variables).hub_url;
        assert_eq!(url(&[]).as_deref(), Some("https://huggingface.co"));
        assert_eq!(url(&[("HF_ENDPOINT", "http://mirror")]).as_deref(), Some("http://mirror"));
        assert_eq!(url(&[("HF_HUB_OFFLINE", "0")]).as_deref(), Some("https://huggingface.co"));
        assert_eq!(url(&[("HF_HUB_OFFLINE", "1"), ("HF_ENDPOINT", "http://mirror")]), None);
        assert_eq!(places(&[("HF_TOKEN", "t0ken")]).hub_token.unwrap().expose(), "t0ken");
    }
}
