/// What a SambaStudio URL leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StudioApi {
    /// Chat completions, as OpenAI speaks them.
    OpenaiChat,
    /// The generic API, one instance a request.
    GenericV1,
    /// The generic API, a list of items.
    GenericV2,
}

const CHAT: &str = "/chat/completions";
const GENERIC: &str = "/generic/";
const STREAM: &str = "/generic/stream/";

impl StudioApi {
    /// By the words in a URL: `chat/completions` or `/openai/`, else `/generic/`, of version 2 behind `/api/v2/`.
    /// `None`: it leads nowhere.
    #[must_use]
    pub fn of(url: &str) -> Option<Self> {
        if url.contains("chat/completions") || url.contains("/openai/") {
            Some(Self::OpenaiChat)
        } else if !url.contains(GENERIC) {
            None
        } else if url.contains("/api/v2/") {
            Some(Self::GenericV2)
        } else {
            Some(Self::GenericV1)
        }
    }

    /// Whether it is the generic API, which carries one text.
    #[must_use]
    pub fn is_generic(self) -> bool {
        self != Self::OpenaiChat
    }

    /// The base URL of requests: a generic one streams under a path of its own, and chat completions have theirs behind it.
    #[must_use]
    pub fn base_url(self, url: &str, stream: bool) -> String {
        match (self, stream) {
            (Self::OpenaiChat, _) => match url.split_once(CHAT) {
                Some((base, rest)) => format!("{base}{}", rest.trim_start_matches('/')),
                None => url.to_owned(),
            },
            (_, true) if !url.contains(STREAM) => url.replacen(GENERIC, STREAM, 1),
            (_, true) => url.to_owned(),
            (_, false) => url.replacen(STREAM, GENERIC, 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_what_it_leads_to() {
        use StudioApi::{GenericV1, GenericV2, OpenaiChat};
        for (url, api, streamed, whole) in [
            (
                "https://s/api/predict/generic/p/e",
                Some(GenericV1),
                "https://s/api/predict/generic/stream/p/e",
                "https://s/api/predict/generic/p/e",
            ),
            (
                "https://s/api/v2/predict/generic/stream/p/e",
                Some(GenericV2),
                "https://s/api/v2/predict/generic/stream/p/e",
                "https://s/api/v2/predict/generic/p/e",
            ),
            (
                "https://s/openai/v1/p/e/chat/completions",
                Some(OpenaiChat),
                "https://s/openai/v1/p/e",
                "https://s/openai/v1/p/e",
            ),
            ("https://s/v1/p/e/chat/completions?a=1", Some(OpenaiChat), "https://s/v1/p/e?a=1", "https://s/v1/p/e?a=1"),
            ("https://s/openai/v1/p/e", Some(OpenaiChat), "https://s/openai/v1/p/e", "https://s/openai/v1/p/e"),
            ("https://s/v1", None, "", ""),
        ] {
            assert_eq!(StudioApi::of(url), api, "{url}");
            let Some(api) = api else { continue };
            assert_eq!((api.base_url(url, true), api.base_url(url, false)), (streamed.into(), whole.into()), "{url}");
        }
    }
}
