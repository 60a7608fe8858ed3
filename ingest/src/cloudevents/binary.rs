//! Binary mode: attributes in `ce-` headers, the data as the body.
use super::attributes::{CloudEvent, Data, bad};
use crate::bad::Bad;
use crate::config::IngestConfig;
use crate::error::Refusal;
use crate::ingest::text;
use crate::lenient::Text;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use percent_encoding::percent_decode;

const PREFIX: &str = "ce-";

pub(super) fn event<'a>(headers: &HeaderMap, media_type: &str, body: &'a [u8], config: &IngestConfig) -> Result<CloudEvent<'a>, Refusal> {
    if !headers.contains_key("ce-specversion") {
        return Err(Refusal::BadEvent(bad(
            "there is no ce-specversion header, and the content type is neither application/cloudevents+json nor application/cloudevents-batch+json",
        )));
    }
    let mut event = CloudEvent { data: data(media_type, body, config)?, ..CloudEvent::default() };
    for (name, value) in headers {
        let Some(attribute) = name.as_str().strip_prefix(PREFIX).and_then(|name| event.attribute(name)) else { continue };
        *attribute = Text::Owned(decoded(value.as_bytes()).map_err(Refusal::BadEvent)?);
    }
    Ok(event)
}

/// JSON where the content type says so; where it says nothing, JSON if it is some.
fn data<'a>(media_type: &str, body: &'a [u8], config: &IngestConfig) -> Result<Data<'a>, Refusal> {
    if body.is_empty() {
        return Ok(Data::None);
    }
    let is_json = media_type == "application/json" || media_type == "text/json" || media_type.ends_with("+json");
    if is_json || media_type.is_empty() {
        match serde_json::from_str(text(body, config)?) {
            Ok(raw) => return Ok(Data::Json(raw)),
            Err(error) if is_json => return Err(Refusal::Malformed(error.to_string())),
            Err(_) => {}
        }
    }
    Ok(std::str::from_utf8(body).map_or_else(|_| Data::Base64(Text::Owned(STANDARD.encode(body))), Data::Text))
}

/// A header's value: quotes are taken off first, then per cent signs are decoded, once.
fn decoded(value: &[u8]) -> Result<String, Bad> {
    let value = value.trim_ascii();
    let plain = match value {
        [b'"', quoted @ .., b'"'] => unescaped(quoted),
        _ => value.to_vec(),
    };
    let text = percent_decode(&plain).decode_utf8().map_err(|_| bad("a ce- header is not utf-8"))?;
    Ok(text.into_owned())
}

fn unescaped(quoted: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(quoted.len());
    let mut bytes = quoted.iter();
    while let Some(byte) = bytes.next() {
        out.push(if *byte == b'\\' { *bytes.next().unwrap_or(byte) } else { *byte });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_decoded_as_the_specification_says() {
        for (value, expected) in [
            ("plain", Some("plain")),
            ("Euro%20%E2%82%AC%20%F0%9F%98%80", Some("Euro € 😀")),
            ("100%", Some("100%")),
            ("%2525", Some("%25")),
            (r#""a \"quoted\" %22text%22""#, Some(r#"a "quoted" "text""#)),
            (r#"""#, Some(r#"""#)),
            ("%FF", None),
        ] {
            assert_eq!(decoded(value.as_bytes()).ok().as_deref(), expected, "{value}");
        }
    }
}
