//! What people did: usage and survey answers.
use super::customer::Customer;
use super::row::Row;
use super::scene::{RowEvent, Scene};
use crate::bad::{Bad, Reason};
use crate::outlet::Outlet;
use c360_schemas::{Answer, Kind, Payload, Survey};

/// One track, page or screen event.
pub(super) fn usage(row: &Row<'_>, id: &str, scene: &Scene<'_>, outlet: &mut Outlet) -> Result<(), Bad> {
    let name = row.name("event")?.ok_or_else(|| Bad::new(Reason::MissingName, "the row has no event, its name"))?;
    let at = row.time("timestamp")?.ok_or_else(|| Bad::new(Reason::BadTimestamp, "the row has no timestamp"))?;
    let at = scene.past("timestamp", at)?;
    let (user, anonymous) = (row.id("user_id")?, row.id("anonymous_id")?);
    let customer = Customer::of(row, user.clone().or_else(|| anonymous.clone())).map_err(|bad| {
        if bad.reason == Reason::NoCustomer {
            Bad::new(Reason::MissingId, "the row has neither user_id, anonymous_id nor account_id")
        } else {
            bad
        }
    })?;
    let mut foreign_ids = customer.foreign_ids();
    // A person's domain says nothing where the person is known by an id of the product.
    foreign_ids.truncate(1);
    let event = RowEvent {
        message_id: id,
        kind: Kind::Usage,
        name: &name,
        at,
        account_id: customer.account_id.as_deref(),
        foreign_ids,
        user_id: user.as_deref(),
        anonymous_id: anonymous.as_deref(),
        payload: Payload::None,
        properties: &row.rest()?,
    };
    scene.put(event, outlet)
}

/// One person's answer to a survey.
pub(super) fn answer(row: &Row<'_>, id: &str, scene: &Scene<'_>, outlet: &mut Outlet) -> Result<(), Bad> {
    let survey = match row.text("survey")?.as_deref().map(str::to_ascii_lowercase).as_deref() {
        None => Survey::Nps,
        Some(text) if text.contains("nps") => Survey::Nps,
        Some(text) if text.contains("csat") => Survey::Csat,
        Some(text) => return Err(Bad::new(Reason::BadAnswer, format!("survey is neither nps nor csat: {text:?}"))),
    };
    let range = match survey {
        Survey::Nps => 0..=10,
        Survey::Csat => 1..=5,
    };
    let score = row.whole("score")?.and_then(|score| i32::try_from(score).ok()).filter(|score| range.contains(score));
    let score = score
        .ok_or_else(|| Bad::new(Reason::BadAnswer, format!("score must be a whole number from {} to {}", range.start(), range.end())))?;
    let at = row.time("answered_at")?.ok_or_else(|| Bad::new(Reason::BadTimestamp, "the row has no answered_at"))?;
    let at = scene.past("answered_at", at)?;
    let (user, email) = (row.id("user_id")?, row.id("email")?);
    let customer = Customer::of(row, user.clone().or_else(|| email.clone()))?;
    let (answer_id, comment) = (row.id("answer_id")?, row.text("comment")?);
    let respondent = user.as_deref().or(email.as_deref()).or(customer.account_id.as_deref()).unwrap_or_default();
    let payload = Payload::Answer(Answer {
        id: answer_id.as_deref().unwrap_or(id),
        survey,
        score,
        respondent,
        comment: comment.as_deref(),
        version: row.time("updated_at")?.unwrap_or(at),
    });
    let event = RowEvent {
        message_id: id,
        kind: Kind::Survey,
        name: "survey answered",
        at,
        account_id: customer.account_id.as_deref(),
        foreign_ids: customer.foreign_ids(),
        user_id: user.as_deref(),
        anonymous_id: None,
        payload,
        properties: &row.rest()?,
    };
    scene.put(event, outlet)
}
