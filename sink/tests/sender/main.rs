//! The sender and the machine together, against receivers that behave and receivers that do not.
#![allow(clippy::unwrap_used, reason = "a test may break")]

mod receiver;
mod rig;

use base64::Engine as _;
use c360_schemas::DeliveryOutcome::{Dead, Delivered, Retry};
use c360_schemas::{Delivery, DeliveryOutcome};
use c360_sink::SinkConfig;
use receiver::{Got, Receiver, Reply};
use rig::{Rig, SECRET, until, webhooks};
use sha2::{Digest, Sha256};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

fn kinds(outcomes: &[Delivery]) -> Vec<DeliveryOutcome> {
    outcomes.iter().map(|d| d.outcome).collect()
}

fn ids(got: &[Got]) -> Vec<String> {
    got.iter().map(|g| g.headers["webhook-id"].clone()).collect()
}

/// HMAC-SHA256 by its definition (RFC 2104), for keys of at most a block.
fn hmac_sha256(key: &[u8], message: &[u8]) -> Vec<u8> {
    let pad = |with: u8| (0..64).map(|i| key.get(i).copied().unwrap_or(0) ^ with).collect::<Vec<u8>>();
    let inner = Sha256::digest([pad(0x36).as_slice(), message].concat());
    Sha256::digest([pad(0x5c).as_slice(), &inner].concat()).to_vec()
}

fn verifies(got: &Got, secret: &str) -> bool {
    let base64 = base64::engine::general_purpose::STANDARD;
    let key = base64.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
    let signed = format!("{}.{}.{}", got.headers["webhook-id"], got.headers["webhook-timestamp"], got.body);
    let wanted = format!("v1,{}", base64.encode(hmac_sha256(&key, signed.as_bytes())));
    got.headers["webhook-signature"].split(' ').any(|signature| signature == wanted)
}

#[tokio::test]
async fn an_alert_arrives_once_signed_and_is_recorded_as_delivered() {
    let receiver = Receiver::start(|_, _| Reply::Status(200)).await;
    let rig = Rig::start(&webhooks(&[("ops", &receiver.url)]));
    rig.alert("a1", "al1");
    let outcomes = rig.outcomes(1).await;
    assert_eq!((outcomes[0].outcome, outcomes[0].attempt, outcomes[0].status_code), (Delivered, 1, Some(200)));
    let got = receiver.got();
    assert_eq!(ids(&got), ["al1_1"]);
    assert!(verifies(&got[0], SECRET));
    let now_s = c360_log::Clock::real_ms() / 1_000;
    assert!((now_s - got[0].headers["webhook-timestamp"].parse::<i64>().unwrap()).abs() < 60, "by real time");
    assert!(got[0].headers["user-agent"].starts_with("c360/"));
    assert_eq!(got[0].headers["content-type"], "application/json");
    let body = got[0].json();
    assert_eq!((&body["type"], &body["data"]["alert_id"]), (&"health.changed".into(), &"al1".into()));
    // A second alert goes through the same way: nothing of the first is left behind.
    rig.alert("a1", "al2");
    rig.outcomes(2).await;
    assert_eq!(ids(&receiver.got()), ["al1_1", "al2_1"]);
}

#[tokio::test]
async fn a_rotated_secret_signs_beside_the_old_one() {
    let receiver = Receiver::start(|_, _| Reply::Status(200)).await;
    let new = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    let rig = Rig::start(&format!("{}secrets = ['{new}']", webhooks(&[("ops", &receiver.url)])));
    rig.alert("a1", "al1");
    rig.outcomes(1).await;
    let got = &receiver.got()[0];
    assert!(verifies(got, SECRET) && verifies(got, new) && !verifies(got, "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"));
}

#[tokio::test]
async fn a_failed_attempt_is_repeated_with_the_same_id_until_it_is_taken() {
    let receiver =
        Receiver::start(|n, _| [Reply::Status(500), Reply::Reset, Reply::Status(404)].get(n).cloned().unwrap_or(Reply::Status(202))).await;
    let rig = Rig::start(&webhooks(&[("ops", &receiver.url)]));
    rig.alert("a1", "al1");
    let outcomes = rig.outcomes(4).await;
    assert_eq!(kinds(&outcomes), [Retry, Retry, Retry, Delivered]);
    assert_eq!(outcomes.iter().map(|d| d.attempt).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert_eq!(outcomes.iter().map(|d| d.status_code).collect::<Vec<_>>(), [Some(500), None, Some(404), Some(202)]);
    let got = receiver.got();
    assert_eq!(ids(&got), ["al1_1"; 4]);
    assert!(got.iter().all(|g| verifies(g, SECRET) && g.body == got[0].body));
}

#[tokio::test]
async fn a_429_holds_the_whole_destination_for_its_retry_after() {
    let receiver = Receiver::start(|n, _| if n == 0 { Reply::With(429, "retry-after: 1\r\n".into()) } else { Reply::Status(200) }).await;
    let rig = Rig::start(&webhooks(&[("ops", &receiver.url)]));
    rig.alert("a1", "al1");
    rig.outcomes(1).await;
    rig.alert("a2", "al2");
    let outcomes = rig.outcomes(3).await;
    assert_eq!(kinds(&outcomes), [Retry, Delivered, Delivered]);
    let got = receiver.got();
    assert!(got[1..].iter().all(|g| g.at - got[0].at >= Duration::from_millis(990)), "another account's alert waits too");
}

#[tokio::test]
async fn a_retry_after_may_be_a_date() {
    let date = |ms: i64| {
        jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&jiff::Timestamp::from_millisecond(ms).unwrap()).unwrap()
    };
    let in_two_s = date(c360_log::Clock::real_ms() + 2_000);
    let receiver =
        Receiver::start(move |n, _| if n == 0 { Reply::With(503, format!("retry-after: {in_two_s}\r\n")) } else { Reply::Status(200) })
            .await;
    let rig = Rig::start(&webhooks(&[("ops", &receiver.url)]));
    rig.alert("a1", "al1");
    rig.outcomes(2).await;
    let got = receiver.got();
    assert!(got[1].at - got[0].at >= Duration::from_millis(500), "a date has whole seconds");
}

#[tokio::test]
async fn a_410_disables_the_destination_until_it_is_changed() {
    let gone = Receiver::start(|_, _| Reply::Status(410)).await;
    let other = Receiver::start(|_, _| Reply::Status(200)).await;
    let rig = Rig::start(&webhooks(&[("gone", &gone.url), ("other", &other.url)]));
    rig.alert("a1", "al1");
    rig.outcomes(2).await;
    rig.alert("a2", "al2");
    let outcomes = rig.outcomes(4).await;
    let dead: Vec<&Delivery> = outcomes.iter().filter(|d| d.destination == "gone").collect();
    assert_eq!(
        dead.iter().map(|d| (d.outcome, d.error.as_deref())).collect::<Vec<_>>(),
        [(Dead, Some("410 gone: destination disabled")); 2]
    );
    assert_eq!((gone.count(), other.count()), (1, 2), "the second alert is not even sent there");
    let config: SinkConfig = toml::from_str(&webhooks(&[("gone", &other.url)])).unwrap();
    rig.sender.reload(&config.destinations).unwrap();
    rig.alert("a3", "al3");
    assert_eq!(rig.outcomes(5).await[4].outcome, Delivered);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = Receiver::start(|_, _| Reply::Status(200)).await;
    let to = elsewhere.url.clone();
    let receiver =
        Receiver::start(move |n, _| if n == 0 { Reply::With(307, format!("location: {to}\r\n")) } else { Reply::Status(200) }).await;
    let rig = Rig::start(&webhooks(&[("ops", &receiver.url)]));
    rig.alert("a1", "al1");
    let outcomes = rig.outcomes(2).await;
    assert_eq!((outcomes[0].outcome, outcomes[0].status_code, outcomes[1].outcome), (Retry, Some(307), Delivered));
    assert_eq!(elsewhere.count(), 0);
}

#[tokio::test]
async fn receivers_that_hang_or_are_not_there_delay_nobody_else() {
    let hanging = Receiver::start(|_, _| Reply::Hang).await;
    let good = Receiver::start(|_, _| Reply::Status(200)).await;
    let all = [("hang", hanging.url.as_str()), ("away", "http://127.0.0.1:1/"), ("good", &good.url)];
    let rig = Rig::start(&webhooks(&all).replace("answer_timeout_ms = 1000", "answer_timeout_ms = 15000"));
    let start = Instant::now();
    for i in 0..40 {
        rig.alert(&format!("a{i}"), &format!("al{i}"));
    }
    until("40 alerts at the good one", || good.count() == 40).await;
    assert!(start.elapsed() < Duration::from_secs(10));
    until("the hanging one's slots to be full", || hanging.count() == 8).await;
    assert!(rig.log.outcomes().iter().all(|d| d.destination != "hang"));
}

#[tokio::test]
async fn an_answer_that_drips_is_cut_off_in_time_and_an_endless_one_in_size() {
    let drip = Receiver::start(|n, _| if n == 0 { Reply::Drip } else { Reply::Status(200) }).await;
    let endless = Receiver::start(|_, _| Reply::Endless).await;
    let rig = Rig::start(&webhooks(&[("drip", &drip.url), ("endless", &endless.url)]));
    let start = Instant::now();
    rig.alert("a1", "al1");
    let outcomes = rig.outcomes(3).await;
    assert!(start.elapsed() < Duration::from_secs(5));
    let of = |name: &str| kinds(&outcomes.iter().filter(|d| d.destination == name).cloned().collect::<Vec<_>>());
    assert_eq!((of("drip"), of("endless")), (vec![Retry, Delivered], vec![Delivered]));
    let sent = endless.bytes_sent();
    // What the kernel's buffers on both sides take is not read by us.
    assert!(sent < 32_000_000, "{sent}");
}

#[tokio::test]
async fn an_accounts_alerts_arrive_in_order_however_they_fail() {
    let receiver = Receiver::start(|n, _| if n % 3 == 0 { Reply::Status(500) } else { Reply::Status(200) }).await;
    let rig = Rig::start(&webhooks(&[("ops", &receiver.url)]));
    for i in 0..10 {
        // Ids in an order of their own, so that the order of planning is what counts.
        rig.alert("a1", &format!("al{}", 9 - i));
        rig.alert("a2", &format!("bl{}", 9 - i));
    }
    until("20 deliveries", || rig.log.outcomes().iter().filter(|d| d.outcome == Delivered).count() == 20).await;
    for account in ["a1", "a2"] {
        let delivered: Vec<String> =
            rig.log.outcomes().iter().filter(|d| d.outcome == Delivered && d.account_id == account).map(|d| d.alert_id.clone()).collect();
        let mut wanted = delivered.clone();
        wanted.sort();
        wanted.reverse();
        assert_eq!(delivered, wanted);
        let mut arrived =
            ids(&receiver.got().into_iter().filter(|g| g.json()["data"]["account"]["account_id"] == account).collect::<Vec<_>>());
        arrived.dedup();
        assert_eq!(arrived.len(), 10, "nothing of an account comes between the attempts of one alert: {arrived:?}");
    }
}

#[tokio::test]
async fn one_account_at_a_time_but_many_accounts_at_once() {
    let receiver = Receiver::start(|_, _| Reply::Slow(Duration::from_millis(300))).await;
    let rig = Rig::start(&webhooks(&[("ops", &receiver.url)]));
    for i in 0..16 {
        rig.alert(&format!("a{i}"), &format!("al{i}"));
    }
    rig.outcomes(16).await;
    let got = receiver.got();
    assert!(got[7].at - got[0].at < Duration::from_millis(250), "eight at once");
    assert!(got[8].at - got[0].at >= Duration::from_millis(290), "and no more");
}

#[tokio::test]
async fn an_outcome_that_the_log_does_not_take_is_appended_later_and_the_alert_is_not_sent_again() {
    let receiver = Receiver::start(|_, _| Reply::Status(200)).await;
    let rig = Rig::start(&webhooks(&[("ops", &receiver.url)]));
    rig.alert("a1", "al0");
    rig.outcomes(1).await;
    rig.log.fail_next.store(3, Ordering::SeqCst);
    rig.alert("a1", "al1");
    rig.alert("a1", "al2");
    let outcomes = rig.outcomes(3).await;
    assert_eq!(rig.log.failed.load(Ordering::SeqCst), 3);
    assert_eq!(kinds(&outcomes), [Delivered; 3]);
    assert_eq!(ids(&receiver.got()), ["al0_1", "al1_1", "al2_1"]);
}

#[tokio::test]
async fn what_was_pending_goes_out_after_a_crash_and_what_the_log_says_was_delivered_does_not() {
    let receiver = Receiver::start(|_, g| if g.headers["webhook-id"] == "al2_1" { Reply::Status(500) } else { Reply::Status(200) }).await;
    let rig = Rig::start(&webhooks(&[("ops", &receiver.url)]));
    rig.alert("a1", "al1");
    rig.alert("a2", "al2");
    until("one delivered, one failed", || {
        let outcomes = rig.log.outcomes();
        outcomes.iter().any(|d| d.alert_id == "al1" && d.outcome == Delivered) && outcomes.iter().any(|d| d.alert_id == "al2")
    })
    .await;
    let log = rig.kill();
    // The commit came after the plans and before any outcome: the state does not know of the delivery, the log does.
    let first_outcome = log.records().iter().position(|r| {
        use c360_schemas::Wire;
        r.topic == c360_schemas::Topic::Deliveries && Delivery::decode(&r.value).is_ok_and(|d| d.outcome != DeliveryOutcome::Planned)
    });
    let other = Receiver::start(|_, _| Reply::Status(200)).await;
    let rig = Rig::restart(&webhooks(&[("ops", &other.url)]), log, first_outcome.unwrap());
    until("al2", || rig.log.outcomes().iter().any(|d| d.alert_id == "al2" && d.outcome == Delivered)).await;
    assert_eq!(ids(&other.got()), ["al2_1"]);
}

#[tokio::test]
async fn a_private_address_is_refused_unless_it_is_allowed() {
    let receiver = Receiver::start(|_, _| Reply::Status(200)).await;
    let by_name = receiver.url.replace("127.0.0.1", "localhost");
    let config = webhooks(&[("literal", &receiver.url), ("name", &by_name)]).replace("allow_private = true", "allow_private = false");
    let rig = Rig::start(&config);
    rig.alert("a1", "al1");
    until("both refused", || ["literal", "name"].iter().all(|name| rig.log.outcomes().iter().any(|d| d.destination == *name))).await;
    for outcome in rig.log.outcomes() {
        assert_eq!(outcome.outcome, Retry);
        assert!(outcome.error.as_ref().unwrap().contains("C360_ALLOW_PRIVATE_DESTINATIONS"), "{outcome:?}");
    }
    assert_eq!(receiver.count(), 0);
}

#[tokio::test]
async fn slack_gets_its_message_and_its_own_final_answers() {
    let receiver = Receiver::start(|n, _| if n == 0 { Reply::Body(200, "ok") } else { Reply::Body(400, "invalid_payload") }).await;
    let config = format!(
        "allow_private = true\nlimits = {{ slack_per_second = 1 }}\n[[destinations]]\nname = 'cs'\nkind = 'slack'\nurl = '{}'\nmatch = {{ severity = 'warning' }}",
        receiver.url
    );
    let rig = Rig::start(&config);
    rig.alert("a1", "al1");
    rig.alert("a2", "al2");
    let outcomes = rig.outcomes(2).await;
    assert_eq!(kinds(&outcomes), [Delivered, Dead]);
    assert_eq!(outcomes[1].error.as_deref(), Some("400 invalid_payload"));
    let got = receiver.got();
    assert!(got[0].json()["blocks"].to_string().contains("past_due"));
    assert!(got[1].at - got[0].at >= Duration::from_millis(900), "a message a second");
}

#[tokio::test]
async fn a_delivery_is_given_up_when_its_time_is_over() {
    let receiver = Receiver::start(|_, _| Reply::Status(500)).await;
    let rig = Rig::start(&webhooks(&[("ops", &receiver.url)]).replace("retry_first_ms = 20", "retry_first_ms = 20, retry_total_ms = 300"));
    rig.alert("a1", "al1");
    until("a dead delivery", || rig.log.outcomes().iter().any(|d| d.outcome == Dead)).await;
    let outcomes = rig.log.outcomes();
    let last = outcomes.last().unwrap();
    assert!(last.error.as_ref().unwrap().starts_with("given up after") && outcomes.len() > 3, "{last:?}");
    assert_eq!(receiver.count(), outcomes.len());
}

#[tokio::test]
async fn more_than_a_window_goes_out_all_the_same_and_in_order() {
    let receiver = Receiver::start(|_, _| Reply::Status(200)).await;
    let rig = Rig::start(&webhooks(&[("ops", &receiver.url)]).replace("retry_first_ms", "window = 4, retry_first_ms"));
    let wanted: Vec<String> = (0..60).map(|i| format!("al{i}_1")).collect();
    for i in 0..60 {
        rig.alert("a1", &format!("al{i}"));
    }
    rig.outcomes(60).await;
    assert_eq!(ids(&receiver.got()), wanted);
}

#[tokio::test]
async fn a_revoked_partition_is_let_go() {
    use c360_engine::Shell;
    let receiver = Receiver::start(|n, _| if n == 0 { Reply::Slow(Duration::from_millis(200)) } else { Reply::Status(200) }).await;
    let rig = Rig::start(&webhooks(&[("ops", &receiver.url)]));
    rig.alert("a1", "al1");
    rig.alert("a1", "al2");
    until("the first request", || receiver.count() == 1).await;
    rig.sender.revoked(0);
    assert_eq!(rig.outcomes(1).await[0].alert_id, "al1", "what was under way is recorded");
    rig.sender.stop(Duration::from_secs(5)).await;
    assert_eq!(receiver.count(), 1, "what was pending is left to the next owner");
}

#[tokio::test]
async fn a_stop_waits_for_what_is_under_way_and_starts_nothing_more() {
    let receiver = Receiver::start(|_, _| Reply::Slow(Duration::from_millis(200))).await;
    let rig = Rig::start(&webhooks(&[("ops", &receiver.url)]));
    rig.alert("a1", "al1");
    rig.alert("a1", "al2");
    until("the first request", || receiver.count() == 1).await;
    rig.sender.stop(Duration::from_secs(10)).await;
    assert_eq!(rig.log.outcomes().iter().map(|d| d.alert_id.as_str()).collect::<Vec<_>>(), ["al1"]);
    assert_eq!(receiver.count(), 1);
}

#[tokio::test]
async fn pending_deliveries_of_a_destination_that_is_configured_no_more_wait_for_it() {
    let receiver = Receiver::start(|_, _| Reply::Status(200)).await;
    let rig = Rig::start(&webhooks(&[("ops", "http://127.0.0.1:1/")]));
    rig.alert("a1", "al1");
    rig.outcomes(1).await;
    rig.sender.reload(&[]).unwrap();
    until("no destination", || rig.log.outcomes().iter().any(|d| d.error.as_deref() == Some("no destination of this name is configured")))
        .await;
    let config: SinkConfig = toml::from_str(&webhooks(&[("ops", &receiver.url)])).unwrap();
    rig.sender.reload(&config.destinations).unwrap();
    until("delivery", || rig.log.outcomes().iter().any(|d| d.outcome == Delivered)).await;
    assert_eq!(ids(&receiver.got()), ["al1_1"]);
}
