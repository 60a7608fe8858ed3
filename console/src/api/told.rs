//! What people tell of a customer goes into the log as an event of its own, like what any tool tells.
use super::ApiError;
use crate::app::App;
use c360_log::Batch;
use c360_schemas::{Event, Key, Kind, Payload, Topic};
use smallvec::smallvec;

/// Appends what was told; `name` says what it is, `properties` are its JSON. The same `message_id` counts once.
pub(super) async fn append(
    app: &App,
    (tenant, account_id): (&str, &str),
    name: &str,
    message_id: Option<&str>,
    properties: &str,
) -> Result<(), ApiError> {
    let at = app.now();
    let message_id = message_id.map_or_else(|| format!("{name}-{}", uuid::Uuid::new_v4()), str::to_owned);
    let event = Event {
        message_id: &message_id,
        tenant,
        account_id: Some(account_id),
        foreign_ids: smallvec![],
        user_id: None,
        anonymous_id: None,
        kind: Kind::Identity,
        name,
        occurred_at: at,
        received_at: at,
        source: "api",
        payload: Payload::None,
        properties,
    };
    let mut batch = Batch::default();
    batch.push(Topic::Events, |out| Key { tenant, id: account_id }.write(out), |out| event.encode(out));
    app.log.append(batch).await?;
    Ok(())
}
