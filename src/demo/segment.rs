//! What happens in the product, as the calls that a Segment-style SDK sends.
use super::account::Account;
use super::calendar::DAY_MS;
use super::happening::{Actor, Happening, What};
use super::ids;
use super::words::{ROLES, owner_email};
use jiff::Timestamp;
use serde_json::{Value, json};

/// The call for a happening; `None` for those that other tools tell of.
pub(crate) fn call(seed: u64, account: &Account, happening: &Happening) -> Option<Value> {
    let mut call = match &happening.what {
        What::Arrived { seats } | What::Changed { seats } => group(account, *seats),
        What::Joined { person } => identify(account, *person),
        What::Viewed { person, page } => json!({"type": "page", "userId": ids::user(account, *person), "name": page}),
        What::Did { person, feature } => track(account, *person, feature, happening),
        What::Answered { person, score, comment } => answer(account, *person, *score, *comment),
        What::Billed { .. } | What::Invoiced { .. } | What::Asked { .. } => return None,
    };
    call["messageId"] = ids::message(seed, happening).into();
    call["timestamp"] = rfc3339(happening.at).into();
    call["context"] = json!({"groupId": account.id, "library": {"name": "analytics-node", "version": "3.1.0"}});
    Some(call)
}

/// The body of `POST /v1/batch`. Without `sentAt`: the demo's clock may go on by hours while a request is under way, which would be taken for the sender's clock being
/// wrong, and be corrected.
pub(crate) fn batch(calls: &[Value]) -> String {
    json!({"batch": calls}).to_string()
}

/// As tools write times.
pub(crate) fn rfc3339(ms: i64) -> String {
    Timestamp::from_millisecond(ms).unwrap_or(Timestamp::UNIX_EPOCH).to_string()
}

fn group(account: &Account, seats: i64) -> Value {
    let traits = json!({
        "name": account.name,
        "plan": account.billing.subscription.plan,
        "seats": seats,
        "createdAt": rfc3339(account.created_at),
        // The day on which the product was handed over: that of the sign-up.
        "delivered_at": rfc3339(account.created_at.div_euclid(DAY_MS) * DAY_MS),
        "owner": {"name": account.owner, "email": owner_email(account.owner)},
    });
    json!({"type": "group", "userId": ids::user(account, 0), "groupId": account.id, "traits": traits})
}

fn identify(account: &Account, person: u32) -> Value {
    let role = ROLES[person as usize % ROLES.len()];
    let number = person as usize / ROLES.len() + 1;
    let email = format!("{}{number}@{}", role.to_lowercase().replace(' ', "."), account.domain);
    // Who came first speaks for the product, and the second decides: so a champion who goes is missed.
    let part = match person {
        0 => "champion",
        1 => "decision maker",
        _ => role,
    };
    let traits = json!({"name": format!("{role} {number}"), "email": email, "role": part, "title": role});
    json!({"type": "identify", "userId": ids::user(account, person), "traits": traits})
}

fn track(account: &Account, person: Actor, feature: &str, happening: &Happening) -> Value {
    let surface = if person == Actor::Integration { "api" } else { "web" };
    // Some property that varies, as real ones do.
    let board = happening.number % 7 + 1;
    json!({"type": "track", "userId": ids::actor(account, person), "event": feature, "properties": {"surface": surface, "board": board}})
}

fn answer(account: &Account, person: u32, score: u8, comment: Option<&str>) -> Value {
    let properties = json!({"survey": "nps", "score": score, "comment": comment});
    json!({"type": "track", "userId": ids::user(account, person), "event": "NPS Answered", "properties": properties})
}
