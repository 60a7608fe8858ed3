//! Reads a request's body, bounded in bytes and in time.
use crate::budget::Hold;
use crate::config::LimitsConfig;
use crate::error::Refusal;
use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, header};
use http_body_util::BodyExt;
use std::time::Duration;

/// The body as it was sent. One that came in one piece is not copied.
pub(crate) async fn read(body: Body, headers: &HeaderMap, limits: &LimitsConfig, hold: &mut Hold) -> Result<Bytes, Refusal> {
    let declared = headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<usize>().ok()).unwrap_or(0);
    if declared > limits.body_bytes_max {
        return Err(Refusal::BodyTooLarge(limits.body_bytes_max));
    }
    hold.cover(declared)?;
    let timeout = Duration::from_secs(limits.body_read_s_max);
    tokio::time::timeout(timeout, collect(body, declared, limits.body_bytes_max, hold))
        .await
        .unwrap_or(Err(Refusal::BodyTimeout(limits.body_read_s_max)))
}

async fn collect(mut body: Body, declared: usize, bytes_max: usize, hold: &mut Hold) -> Result<Bytes, Refusal> {
    let mut first = Bytes::new();
    let mut rest: Vec<u8> = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|e| Refusal::BodyBroken(e.to_string()))?.into_data() else { continue };
        let len = first.len().max(rest.len()) + data.len();
        if len > bytes_max {
            return Err(Refusal::BodyTooLarge(bytes_max));
        }
        hold.cover(len)?;
        if first.is_empty() && rest.is_empty() {
            first = data;
            continue;
        }
        if rest.is_empty() {
            rest.reserve(declared.max(len));
            rest.extend_from_slice(&first);
        }
        rest.extend_from_slice(&data);
    }
    Ok(if rest.is_empty() { first } else { Bytes::from(rest) })
}
