use std::borrow::Cow;

use crate::scenario::{Api, StudioApi};

use super::api::Provider;
use super::openai_chat::OPENAI_CHAT;
use super::openai_completions::OPENAI_COMPLETIONS;
use super::sambanova::SAMBANOVA;
use super::sambastudio::{STUDIO_V1, STUDIO_V2};

/// How an endpoint is spoken to.
#[derive(Debug)]
pub(crate) struct Route<'u> {
    /// The protocol.
    pub(crate) provider: &'static dyn Provider,
    /// What the provider's path is put behind.
    pub(crate) base_url: Cow<'u, str>,
    /// Where the key goes.
    pub(crate) key_header: KeyHeader,
}

/// The header that carries the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyHeader {
    /// `Authorization: Bearer KEY`.
    Bearer,
    /// `key: KEY`.
    Key,
}

impl<'u> Route<'u> {
    /// The route to a protocol at `base_url`; `None` when the URL leads nowhere in it.
    pub(crate) fn of(api: Api, base_url: &'u str, stream: bool) -> Option<Self> {
        let plain = |provider: &'static dyn Provider| Self {
            provider,
            base_url: Cow::Borrowed(base_url),
            key_header: KeyHeader::Bearer,
        };
        Some(match api {
            Api::OpenaiChat => plain(&OPENAI_CHAT),
            Api::OpenaiCompletions => plain(&OPENAI_COMPLETIONS),
            Api::Sambanova | Api::Simulator => plain(&SAMBANOVA),
            Api::Sambastudio => {
                let studio = StudioApi::of(base_url)?;
                let (provider, key_header): (&'static dyn Provider, _) = match studio {
                    StudioApi::OpenaiChat => (&OPENAI_CHAT, KeyHeader::Bearer),
                    StudioApi::GenericV1 => (&STUDIO_V1, KeyHeader::Key),
                    StudioApi::GenericV2 => (&STUDIO_V2, KeyHeader::Key),
                };
                Self { provider, base_url: Cow::Owned(studio.base_url(base_url, stream)), key_header }
            }
        })
    }
}
