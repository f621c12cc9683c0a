use base64::display::Base64Display;
use base64::engine::general_purpose::STANDARD;
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_json::Value;

use crate::workload::{ChatRequest, Message, Picture, Shown};

/// Bytes of a body besides the text and the pictures in it.
const REST: usize = 512;

/// The messages of a request as OpenAI writes them; its pictures are parts of a message of a user.
pub(super) struct Messages<'r>(pub(super) &'r ChatRequest);

/// About how long a body gets, so that megabytes are written once and not moved while it grows.
pub(super) fn body_length(request: &ChatRequest) -> usize {
    let texts: usize = request.messages.iter().filter_map(Message::text).map(str::len).sum();
    let pictures: usize = request.images.iter().map(|picture| picture.bytes.len().div_ceil(3) * 4 + 100).sum();
    REST + texts + texts / 8 + pictures
}

impl Serialize for Messages<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let ChatRequest { messages, images, shown, .. } = self.0;
        let shows = match shown {
            _ if images.is_empty() => None,
            Shown::First => messages.iter().position(Message::is_of_user),
            Shown::Last => messages.iter().rposition(Message::is_of_user),
        };
        let mut list = serializer.serialize_seq(None)?;
        for (at, message) in messages.iter().enumerate() {
            let pictures = if shows == Some(at) { images.as_slice() } else { &[] };
            list.serialize_element(&WireMessage { message, pictures })?;
        }
        if shows.is_none() && !images.is_empty() {
            list.serialize_element(&WireMessage { message: &Message::user(""), pictures: images })?;
        }
        list.end()
    }
}

struct WireMessage<'r> {
    message: &'r Message,
    pictures: &'r [std::sync::Arc<Picture>],
}

impl Serialize for WireMessage<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let pictures = self.pictures;
        let mut map = serializer.serialize_map(None)?;
        match self.message {
            Message::Said { role, text } => {
                map.serialize_entry("role", role)?;
                if pictures.is_empty() {
                    map.serialize_entry("content", text)?;
                } else {
                    map.serialize_entry("content", &Content { text, parts: &[], pictures })?;
                }
            }
            Message::Verbatim(keys) if pictures.is_empty() => serialize_keys(&mut map, keys.iter())?,
            Message::Verbatim(keys) => {
                serialize_keys(&mut map, keys.iter().filter(|(key, _)| *key != "content"))?;
                let content = keys.get("content");
                let text = content.and_then(Value::as_str).unwrap_or_default();
                let parts = content.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
                map.serialize_entry("content", &Content { text, parts, pictures })?;
            }
        }
        map.end()
    }
}

fn serialize_keys<'k, M: SerializeMap>(
    map: &mut M,
    keys: impl Iterator<Item = (&'k String, &'k Value)>,
) -> Result<(), M::Error> {
    for (key, value) in keys {
        map.serialize_entry(key, value)?;
    }
    Ok(())
}

/// The parts of a message: its text, what it has of its own, the pictures.
struct Content<'r> {
    text: &'r str,
    parts: &'r [Value],
    pictures: &'r [std::sync::Arc<Picture>],
}

impl Serialize for Content<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(serde::Serialize)]
        #[serde(tag = "type", rename_all = "snake_case")]
        enum Part<'r> {
            Text { text: &'r str },
            ImageUrl { image_url: Url<'r> },
        }
        #[derive(serde::Serialize)]
        struct Url<'r> {
            url: DataUrl<'r>,
        }
        let mut list = serializer.serialize_seq(None)?;
        if !self.text.is_empty() {
            list.serialize_element(&Part::Text { text: self.text })?;
        }
        for part in self.parts {
            list.serialize_element(part)?;
        }
        for picture in self.pictures {
            list.serialize_element(&Part::ImageUrl { image_url: Url { url: DataUrl(picture) } })?;
        }
        list.end()
    }
}

/// A picture as a URL. It is written into the body as it is encoded: no text of it exists besides.
struct DataUrl<'r>(&'r Picture);

impl Serialize for DataUrl<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Picture { mime, bytes } = self.0;
        serializer.collect_str(&format_args!("data:{mime};base64,{}", Base64Display::new(bytes, &STANDARD)))
    }
}
