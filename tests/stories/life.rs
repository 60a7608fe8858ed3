//! All stories at once, day by day.
use crate::common::clients::{Receiver, segment};
use crate::common::server::{API_TOKEN, Server, Setup, WEBHOOK_SECRET};
use crate::common::{LogKind, at, eventually};
use crate::table::{LAST_DAY, OVERRIDES, Story, stories};
use crate::told::{DAY_S, START, START_S, Told, USERS, at_day, iso, tell, use_of};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

const KILLS: usize = 8;
/// By customer: day, type and status of its messages.
type Heard = BTreeMap<String, Vec<(i64, String, String)>>;

pub(crate) fn lived_through(log: LogKind) {
    let receiver = Receiver::start(&[]);
    let setup = Setup::up(log)
        .clock(START)
        .env("C360_WEBHOOK_URL", &receiver.url)
        .env("C360_WEBHOOK_SECRET", WEBHOOK_SECRET)
        .env("C360_ALLOW_PRIVATE_DESTINATIONS", "true");
    let server = Server::start(setup);
    let stories = stories();
    begin(&server, &stories);
    let mut random = StdRng::seed_from_u64(11);
    let mut kills = BTreeSet::new();
    while kills.len() < KILLS {
        kills.insert(random.random_range(2..LAST_DAY));
    }
    for day in 0..=LAST_DAY {
        if day == 1 {
            apply_rules(&server);
        }
        let at_work = stories.iter().filter(|story| day % 7 < 5 && !story.away.contains(&day));
        let calls: Vec<Value> = at_work.flat_map(|story| use_of(story.account, day, story.fewer.contains(&day))).collect();
        segment(&server, &calls);
        for story in &stories {
            for (number, (_, told)) in story.told.iter().enumerate().filter(|(_, (when, _))| *when == day) {
                // What people say is of alerts that are there.
                if matches!(told, Told::Said { .. } | Told::Action(..)) {
                    server.advance(0).unwrap();
                }
                tell(&server, story.account, day, number, told);
            }
        }
        if kills.contains(&day) {
            server.kill_and_restart();
        }
        looked_at(&server, day);
        server.advance_to(at_day(day + 1) * 1_000);
    }
    heard_as_told(&receiver, &stories);
}

/// Who the customers are, and what they pay.
fn begin(server: &Server, stories: &[Story]) {
    let mut groups = Vec::new();
    for Story { account, .. } in stories {
        for (kind, id) in [("stripe_customer", format!("cus_{account}")), ("zendesk_organization", format!("org_{account}"))] {
            let link = json!({"foreign": {"kind": kind, "id": id}, "account_id": account});
            assert_eq!(server.api(reqwest::Method::POST, "/api/v1/links").json(&link).send().unwrap().status(), 200);
        }
        tell(server, account, 0, 1_000, &Told::Subscription { id: "sub", dollars: 500, status: "active", ends: None });
        for user in USERS {
            groups.push(json!({"type": "group", "userId": format!("{account}-{user}"), "groupId": account, "messageId": format!("g-{account}-{user}"), "timestamp": iso(0),
                "traits": {"name": account.to_uppercase(), "delivered_at": iso(0), "owner": {"name": "Kim", "email": "kim@example.com"}}}));
        }
    }
    segment(server, &groups);
}

fn apply_rules(server: &Server) {
    let text = format!("{}{OVERRIDES}", c360_health::Rules::BUILT_IN_TEXT);
    let body = json!({"text": text, "by": "kim"});
    let answer = server.client.post(server.admin_url("/api/v1/rules")).bearer_auth(API_TOKEN).json(&body).send().unwrap();
    assert_eq!(answer.status(), 200, "{:?}", answer.text());
}

/// What stands at the customers on some days.
fn looked_at(server: &Server, day: i64) {
    let playbooks = |account: &str| -> Vec<String> {
        server.advance(0).unwrap();
        let view = server.view(account);
        view["next_actions"].as_array().unwrap().iter().map(|action| action["playbook"].as_str().unwrap().to_owned()).collect()
    };
    let offer = "Offer more seats".to_owned();
    match day {
        24 | 56 => assert!(playbooks("full").contains(&offer), "day {day}: {:?}", playbooks("full")),
        25 | 54 => assert!(!playbooks("full").contains(&offer), "day {day}: {:?}", playbooks("full")),
        38 => {
            server.advance(0).unwrap();
            let vouched = server.view("vouched");
            let health = &vouched["health"];
            assert_eq!((&health["band"], at(health, "/overrides/0/owner")), (&json!("green"), &json!("kim@example.com")), "{health:#}");
            assert!(health["score"].as_i64() < Some(50), "the score stands beside it: {health:#}");
            assert_eq!(at(&server.view("doubted"), "/health/band"), "yellow");
        }
        _ => {}
    }
}

/// Each customer's messages, in the order and on the days that its story says; none twice under another id, and all signed.
fn heard_as_told(receiver: &Receiver, stories: &[Story]) {
    let told: Heard = stories
        .iter()
        .filter(|story| !story.heard.is_empty())
        .map(|s| (s.account.to_owned(), s.heard.iter().map(|(day, kind, status)| (*day, (*kind).into(), (*status).into())).collect()))
        .collect();
    eventually("all is heard", || {
        let heard = heard(receiver);
        if heard == told {
            return Ok(());
        }
        let wrong: Vec<_> = told
            .keys()
            .chain(heard.keys())
            .filter(|account| told.get(*account) != heard.get(*account))
            .collect::<BTreeSet<_>>()
            .into_iter()
            .map(|account| format!("{account}: told {:?}, heard {:?}", told.get(account), heard.get(account)))
            .collect();
        Err(format!("\n{}", wrong.join("\n")))
    });
}

fn heard(receiver: &Receiver) -> Heard {
    let mut heard = Heard::new();
    let mut ids = BTreeSet::new();
    for request in receiver.seen() {
        assert_eq!(request["verified"], json!(true), "{request:#}");
        // After a crash the same message may come again, under its id.
        if !ids.insert(request["id"].as_str().unwrap().to_owned()) {
            continue;
        }
        let body = &request["body"];
        let when = body["timestamp"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_second();
        let day = (when - START_S).div_euclid(DAY_S);
        let word = |pointer: &str| at(body, pointer).as_str().unwrap().to_owned();
        heard.entry(word("/data/account/account_id")).or_default().push((day, word("/type"), word("/data/status")));
    }
    heard
}
