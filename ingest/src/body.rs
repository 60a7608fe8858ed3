//! Reads a request's body, bounded in bytes and in time.
use crate::budget::Hold;
use crate::config::LimitsConfig;
use crate::error::Refusal;
use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, header};
use http_body_util::BodyExt;
use std::time::Duration;

/// A body that is refused is read on to this, so that a sender that writes before it reads gets the answer and not a broken pipe.
const DRAIN_BYTES_MAX: usize = 64 << 20;
/// And for so long.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// The body as it was sent. One that came in one piece is not copied.
pub(crate) async fn read(body: Body, headers: &HeaderMap, limits: &LimitsConfig, hold: &mut Hold) -> Result<Bytes, Refusal> {
    let declared = headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<usize>().ok()).unwrap_or(0);
    if declared > limits.body_bytes_max {
        drain(body).await;
        return Err(Refusal::BodyTooLarge(limits.body_bytes_max));
    }
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
            drain(body).await;
            return Err(Refusal::BodyTooLarge(bytes_max));
        }
        // What has come, not what was announced: else a few that announce much and send nothing would turn everybody away.
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

/// Reads what is left of a refused body and forgets it, within bounds.
async fn drain(mut body: Body) {
    let rest = async {
        let mut seen = 0;
        while let Some(Ok(frame)) = body.frame().await {
            seen += frame.data_ref().map_or(0, Bytes::len);
            if seen > DRAIN_BYTES_MAX {
                break;
            }
        }
    };
    let _ = tokio::time::timeout(DRAIN_TIMEOUT, rest).await;
}
