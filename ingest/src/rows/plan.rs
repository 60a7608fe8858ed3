//! What a customer bought the product for, what it was promised, what came of it: a row is one goal, promise or result.
use super::row::{Row, shown};
use super::scene::{RowEvent, Scene};
use crate::bad::{Bad, Reason};
use crate::outlet::Outlet;
use crate::time::format_ms;
use c360_schemas::{Kind, Payload};
use serde_json::{Value, json};
use smallvec::SmallVec;

/// Name of the event that carries it, as the processor knows it.
const NAME: &str = "plan";

pub(super) fn put(row: &Row<'_>, id: &str, scene: &Scene<'_>, outlet: &mut Outlet) -> Result<(), Bad> {
    let needed = |name: &str, text: Option<_>| text.ok_or_else(|| Bad::new(Reason::MissingId, format!("the row has no {name}")));
    let account = needed("account_id", row.account_id()?)?;
    let item_id = needed("item_id", row.id("item_id")?)?;
    let title = needed("title", row.name("title")?)?;
    let item = needed("item", row.text("item")?)?.to_ascii_lowercase();
    let state = scene.state_of(row, &[])?;
    let time = |name: &str| row.time(name).map(|at| at.map(format_ms));
    let told = match item.as_str() {
        "goal" | "goals" => {
            let told = json!({"id": item_id, "title": title, "measure": row.name("measure")?, "target": target(row)?, "met": met(row)?});
            json!({"goals": [told]})
        }
        "promise" | "promises" => {
            let status = word(row, "status", &["open", "kept", "broken"])?;
            json!({"promises": [{"id": item_id, "title": title, "due_at": time("due_at")?, "status": status}]})
        }
        "result" | "results" => {
            let kind = word(row, "result_kind", &["training", "improvement", "other"])?;
            json!({"results": [{"id": item_id, "title": title, "kind": kind, "at": time("happened_at")?}]})
        }
        _ => {
            return Err(Bad::new(
                Reason::BadPayload,
                format!("{:?} is not an item of a plan; there are goal, promise, result", shown(&item)),
            ));
        }
    };
    let event = RowEvent {
        message_id: id,
        kind: Kind::Identity,
        name: NAME,
        at: state.at,
        account_id: Some(&account),
        foreign_ids: SmallVec::new(),
        user_id: None,
        anonymous_id: None,
        payload: Payload::None,
        properties: &told.to_string(),
    };
    scene.put(event, outlet)
}

fn target(row: &Row<'_>) -> Result<Option<f64>, Bad> {
    let Some(text) = row.text("target")? else { return Ok(None) };
    let number = text.parse().ok().filter(|target: &f64| target.is_finite());
    number.map(Some).ok_or_else(|| Bad::new(Reason::BadPayload, format!("target is not a number: {:?}", shown(&text))))
}

fn met(row: &Row<'_>) -> Result<Value, Bad> {
    let Some(text) = row.text("met")? else { return Ok(Value::Null) };
    match text.to_ascii_lowercase().as_str() {
        "yes" | "true" | "1" | "met" => Ok(true.into()),
        "no" | "false" | "0" => Ok(false.into()),
        _ => Err(Bad::new(Reason::BadPayload, format!("met is yes or no, not {:?}", shown(&text)))),
    }
}

/// One of some words; null where it is not said.
fn word(row: &Row<'_>, field: &str, words: &[&str]) -> Result<Value, Bad> {
    let Some(text) = row.text(field)? else { return Ok(Value::Null) };
    let plain = text.to_ascii_lowercase();
    if words.contains(&plain.as_str()) {
        return Ok(plain.into());
    }
    Err(Bad::new(Reason::BadPayload, format!("{field} is one of {}, not {:?}", words.join(", "), shown(&text))))
}
