//! A support ticket as it stands, with when it was opened, first answered and solved.
use super::customer::Customer;
use super::row::{Row, shown};
use super::scene::{RowEvent, Scene};
use crate::bad::{Bad, Reason};
use crate::outlet::Outlet;
use c360_schemas::{Kind, Payload, Ticket};

pub(super) fn put(row: &Row<'_>, id: &str, scene: &Scene<'_>, outlet: &mut Outlet) -> Result<(), Bad> {
    let ticket_id = row.id("ticket_id")?.ok_or_else(|| Bad::new(Reason::MissingId, "the row has no ticket_id"))?;
    let status = status_of(row)?;
    let requester = row.id("requester")?;
    let customer = Customer::of(row, requester.clone())?;
    let (created_at, replied_at, solved_at) = (row.time("created_at")?, row.time("first_reply_at")?, row.time("solved_at")?);
    let state = scene.state_of(row, &[created_at, replied_at, solved_at])?;
    let solved = matches!(status, "solved" | "closed");
    let (priority, subject) = (row.text("priority")?.map(|text| priority_of(&text)), row.text("subject")?);
    let payload = Payload::Ticket(Ticket {
        id: &ticket_id,
        status,
        priority: priority.as_deref(),
        version: state.version,
        created_at,
        replied_at,
        subject: subject.as_deref(),
        requester: requester.as_deref(),
    });
    let event = RowEvent {
        message_id: id,
        kind: Kind::Support,
        name: "ticket",
        // How long it took is counted to here.
        at: solved_at.filter(|_| solved).unwrap_or(state.at),
        account_id: customer.account_id.as_deref(),
        foreign_ids: customer.foreign_ids(),
        user_id: None,
        anonymous_id: None,
        payload,
        properties: &row.rest()?,
    };
    scene.put(event, outlet)
}

fn status_of(row: &Row<'_>) -> Result<&'static str, Bad> {
    let text = row.text("status")?.ok_or_else(|| Bad::new(Reason::BadPayload, "the row has no status"))?;
    let plain = text.to_ascii_lowercase().replace([' ', '-'], "_");
    Ok(match plain.as_str() {
        "new" => "new",
        "open" | "in_progress" | "reopened" | "working" | "escalated" => "open",
        "pending" | "waiting_on_customer" | "waiting_on_contact" => "pending",
        "hold" | "on_hold" => "hold",
        "solved" | "resolved" | "done" => "solved",
        "closed" => "closed",
        "deleted" | "spam" => "deleted",
        _ => {
            let message =
                format!("{:?} is not a status of a ticket; there are new, open, pending, hold, solved, closed, deleted", shown(&text));
            return Err(Bad::new(Reason::BadPayload, message));
        }
    })
}

fn priority_of(text: &str) -> String {
    let plain = text.to_ascii_lowercase();
    match plain.as_str() {
        "medium" => "normal".into(),
        "critical" | "blocker" => "urgent".into(),
        _ => plain,
    }
}
