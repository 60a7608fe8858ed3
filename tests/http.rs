//! Connections as they come: silent, slow, too many, over TLS; and what a reload changes. A good client is served all the while.
#![allow(clippy::unwrap_used, reason = "a test breaks loudly")]
mod common;

use common::server::{Server, Setup};
use common::{LogKind, StopAtEnd, eventually};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use reqwest::blocking::{Client, ClientBuilder};
use reqwest::{Certificate, StatusCode, Version};
use serde_json::{Value, json};
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const KEY: &str = "wk_http";

/// A server with a configuration that can be changed.
struct Configured {
    server: Server,
    dir: tempfile::TempDir,
}

impl Configured {
    fn start(config: impl FnOnce(&Path) -> String) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("c360.toml");
        std::fs::write(&file, config(dir.path())).unwrap();
        let server = Server::start(Setup::up(LogKind::Embedded).env("C360_CONFIG", file.to_str().unwrap()));
        Self { server, dir }
    }

    /// Writes another configuration and has it read; what the log says of it.
    fn reload(&self, config: &str, said: &str) {
        let before = self.server.log_text().matches(said).count();
        std::fs::write(self.dir.path().join("c360.toml"), config).unwrap();
        self.server.signal("-HUP");
        eventually("the reload is told of", || {
            let text = self.server.log_text();
            if text.matches(said).count() > before { Ok(()) } else { Err(text) }
        });
    }

    fn track(&self, key: &str) -> u16 {
        track(&self.server.client, &self.server.url("/v1/track"), key)
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.server.url("").trim_start_matches("http://")).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream
    }

    fn metric(&self, name: &str) -> f64 {
        let text = self.server.client.get(self.server.admin_url("/metrics")).send().unwrap().text().unwrap();
        text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok()).unwrap_or_else(|| panic!("{name}:\n{text}"))
    }
}

fn track(client: &Client, url: &str, key: &str) -> u16 {
    let call = json!({"type": "track", "userId": "u", "event": "E"});
    client.post(url).header("x-write-key", key).json(&call).send().unwrap().status().as_u16()
}

fn key(name: &str, key: &str) -> String {
    format!("[[write_keys]]\nname = \"{name}\"\nkey = \"{key}\"\n")
}

/// Waits until the peer closes, and gives what came before.
fn until_closed(stream: &mut TcpStream) -> (String, Duration) {
    let (began, mut bytes) = (Instant::now(), Vec::new());
    match stream.read_to_end(&mut bytes) {
        Ok(_) => {}
        Err(error) => assert!(matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe), "it was not closed: {error}"),
    }
    (String::from_utf8_lossy(&bytes).into_owned(), began.elapsed())
}

/// Serves a good client while `others` do what they do; every one of its requests must succeed.
fn beside_a_good_client(configured: &Configured, others: impl FnOnce()) {
    let (stop, sent) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        let good = scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                assert_eq!(configured.track(KEY), 200);
                sent.fetch_add(1, Ordering::Relaxed);
            }
        });
        let end = StopAtEnd(&stop);
        others();
        let before = sent.load(Ordering::Relaxed);
        eventually("the good client goes on", || if sent.load(Ordering::Relaxed) > before + 10 { Ok(()) } else { Err("stalled") });
        drop(end);
        good.join().unwrap();
    });
}

#[test]
fn slow_and_silent_connections_are_closed_and_hold_nobody_up() {
    let configured = Configured::start(|_| {
        format!("{}[http]\nhead_s_max = 2\nidle_s_max = 3\nwrite_s_max = 1\n[ingest.limits]\nbody_read_s_max = 1\n", key("web", KEY))
    });
    beside_a_good_client(&configured, || {
        // What each has to say it says at once: its time runs from the accept.
        let saying = |what: &str| {
            let mut stream = configured.connect();
            stream.write_all(what.as_bytes()).unwrap();
            stream
        };
        let body = format!("POST /v1/track HTTP/1.1\r\nhost: x\r\nx-write-key: {KEY}\r\ncontent-length: 100\r\n\r\n{{");
        let mut silent: Vec<_> = (0..50).map(|_| saying("")).collect();
        let mut heads: Vec<_> = (0..50).map(|_| saying("POST /v1/track HTTP/1.1\r\nhost: x\r\nx-a")).collect();
        let mut bodies: Vec<_> = (0..50).map(|_| saying(&body)).collect();
        // The beginning of HTTP/2's preface, and no more of it.
        let mut preface = saying("PRI * HTTP");
        for stream in &mut silent {
            assert_eq!(until_closed(stream).0, "", "nothing was asked");
        }
        for stream in &mut heads {
            assert_eq!(until_closed(stream).0, "");
        }
        assert_eq!(until_closed(&mut preface).0, "");
        for stream in &mut bodies {
            let (said, _) = until_closed(stream);
            assert!(said.starts_with("HTTP/1.1 408") && said.contains("body_timeout"), "{said}");
        }
    });
    assert!(configured.metric("c360_http_closed_total{port=\"public\",reason=\"head_timeout\"}") >= 101.0);
}

/// Debian's slowhttptest in its three modes; how a good client's times change beside it, `benches/connections.rs` tells.
#[test]
fn slowhttptest_closes_no_good_client_out() {
    let configured = Configured::start(|_| {
        format!("{}[http]\nhead_s_max = 2\nidle_s_max = 2\nwrite_s_max = 2\n[ingest.limits]\nbody_read_s_max = 2\n", key("web", KEY))
    });
    let url = configured.server.url("/v1/track");
    for mode in [
        &["-H", "-i", "1", "-x", "24"][..],
        &["-B", "-i", "1", "-s", "8192", "-x", "24"],
        &["-X", "-w", "64", "-y", "512", "-n", "1", "-z", "256", "-k", "3"],
    ] {
        beside_a_good_client(&configured, || {
            let mut slow = Command::new("slowhttptest");
            slow.args(mode).args(["-c", "300", "-r", "300", "-l", "20", "-p", "3", "-u", &url]).stdin(Stdio::null());
            let output = slow.output().expect("slowhttptest is needed: deploy/setup/install test");
            let said = String::from_utf8_lossy(&output.stdout);
            // It ends before its time where all of its connections were closed.
            assert!(said.contains("No open connections left"), "{mode:?}: {said}");
        });
        eventually("all of its connections are gone", || match configured.metric("c360_http_connections{port=\"public\"}") {
            open if open < 10.0 => Ok(()),
            open => Err(open),
        });
    }
}

#[test]
fn a_connection_may_rest_between_requests_for_longer_than_a_head_may_take() {
    let configured = Configured::start(|_| format!("{}[http]\nhead_s_max = 1\nidle_s_max = 3\n", key("web", KEY)));
    let mut stream = configured.connect();
    let body = r#"{"userId":"u","event":"E"}"#;
    let request = format!("POST /v1/track HTTP/1.1\r\nhost: x\r\nx-write-key: {KEY}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    for _ in 0..2 {
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = [0; 4096];
        let len = stream.read(&mut answer).unwrap();
        assert!(answer[..len].starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer[..len]));
        std::thread::park_timeout(Duration::from_millis(1_500));
    }
    let (said, _) = until_closed(&mut stream);
    assert_eq!(said, "");
    eventually("the end is counted", || match configured.metric("c360_http_closed_total{port=\"public\",reason=\"idle\"}") {
        count if count >= 1.0 => Ok(()),
        count => Err(count),
    });
}

#[test]
fn a_stream_of_live_updates_is_no_idle_connection() {
    let configured = Configured::start(|_| format!("{}[http]\nidle_s_max = 1\nhead_s_max = 1\n", key("web", KEY)));
    let mut stream = TcpStream::connect(configured.server.admin_url("").trim_start_matches("http://")).unwrap();
    write!(stream, "GET /events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\r\n", common::server::API_TOKEN).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(3))).unwrap();
    let mut seen = Vec::new();
    let error = stream.read_to_end(&mut seen).expect_err("it is not closed");
    assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{error}");
    assert!(seen.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&seen));
    // Nor does it hold up the end, as one that waits for requests under way would be held up.
    let began = Instant::now();
    assert!(configured.server.terminate().success());
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}

#[test]
fn answers_that_nobody_reads_are_not_kept_for_ever() {
    let configured = Configured::start(|_| format!("{}[http]\nwrite_s_max = 1\nidle_s_max = 600\nhead_s_max = 600\n", key("web", KEY)));
    beside_a_good_client(&configured, || {
        // Requests without end whose answers are not read: the answers fill the sockets' buffers, then ours, and then it is over.
        let mut stream = configured.connect();
        stream.set_write_timeout(Some(Duration::from_secs(30))).unwrap();
        let request = "GET /v1/none HTTP/1.1\r\nhost: x\r\n\r\n".repeat(1_000);
        let error = loop {
            if let Err(error) = stream.write_all(request.as_bytes()) {
                break error;
            }
        };
        assert!(matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe), "{error}");
    });
    assert!(configured.metric("c360_http_closed_total{port=\"public\",reason=\"write_timeout\"}") >= 1.0);
}

#[test]
fn a_connection_over_the_bound_is_told_so() {
    let configured = Configured::start(|_| format!("{}[http]\nconnections_max = 8\n", key("web", KEY)));
    let held: Vec<_> = (0..8).map(|_| configured.connect()).collect();
    eventually("all seats are taken", || match configured.metric("c360_http_connections{port=\"public\"}") {
        8.0 => Ok(()),
        count => Err(count),
    });
    let (said, _) = until_closed(&mut configured.connect());
    assert!(said.starts_with("HTTP/1.1 503") && said.contains("retry-after: 1") && said.contains("too_many_connections"), "{said}");
    drop(held);
    eventually("there is room again", || {
        let answer = configured
            .server
            .client
            .post(configured.server.url("/v1/track"))
            .header("x-write-key", KEY)
            .json(&json!({"userId": "u", "event": "E"}))
            .send();
        match answer {
            Ok(answer) if answer.status() == StatusCode::OK => Ok(()),
            other => Err(format!("{other:?}")),
        }
    });
}

#[test]
fn http_2_is_spoken_without_tls_by_those_who_know() {
    let configured = Configured::start(|_| key("web", KEY));
    let client = Client::builder().no_proxy().http2_prior_knowledge().build().unwrap();
    let answer = client
        .post(configured.server.url("/v1/track"))
        .header("x-write-key", KEY)
        .json(&json!({"userId": "u", "event": "E"}))
        .send()
        .unwrap();
    assert_eq!((answer.status(), answer.version()), (StatusCode::OK, Version::HTTP_2));
}

#[test]
fn a_reload_changes_keys_tokens_and_quotas_and_a_bad_file_changes_nothing() {
    let token = |token: &str| format!("[[api_tokens]]\nname = \"ops\"\nkey = \"{token}\"\n");
    let configured = Configured::start(|_| format!("{}{}{}", key("web", "wk_a"), key("app", "wk_b"), token("at_a")));
    let api = |token: &str| {
        let request = configured.server.client.get(configured.server.admin_url("/api/v1/customers")).bearer_auth(token);
        request.send().unwrap().status().as_u16()
    };
    assert_eq!((configured.track("wk_a"), configured.track("wk_b"), configured.track("wk_c")), (200, 200, 401));
    assert_eq!((api("at_a"), api("at_b")), (200, 401));

    const DONE: &str = "the configuration was reloaded";
    configured.reload(&format!("{}{}{}", key("web", "wk_a"), key("new", "wk_c"), token("at_b")), DONE);
    assert_eq!((configured.track("wk_a"), configured.track("wk_b"), configured.track("wk_c")), (200, 401, 200));
    assert_eq!((api("at_a"), api("at_b")), (401, 200));

    configured.reload(&format!("{}[ingest.limits]\nbody_byte_max = 1\n", key("web", "wk_d")), "the old one stays in force");
    assert!(configured.server.log_text().contains("body_byte_max"), "{}", configured.server.log_text());
    assert_eq!((configured.track("wk_a"), configured.track("wk_d")), (200, 401));

    configured.reload(&format!("{}quota = {{ events_per_s = 1, burst = 2 }}\n", key("web", "wk_a")), DONE);
    let answers: Vec<u16> = (0..5).map(|_| configured.track("wk_a")).collect();
    assert!(answers[..2] == [200, 200] && answers.contains(&429), "{answers:?}");
}

/// Writes a certificate of `name` and its key; the certificate.
fn certificate(dir: &Path, name: &str) -> (PathBuf, PathBuf, String) {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed([name.to_owned()]).unwrap();
    let (cert_file, key_file) = (dir.join("cert.pem"), dir.join("key.pem"));
    std::fs::write(&cert_file, cert.pem()).unwrap();
    std::fs::write(&key_file, signing_key.serialize_pem()).unwrap();
    (cert_file, key_file, cert.pem())
}

#[test]
fn tls_is_spoken_and_a_reload_brings_the_new_certificate() {
    let first = std::sync::Mutex::new(String::new());
    let configured = Configured::start(|dir| {
        let (cert, key_file, pem) = certificate(dir, "localhost");
        *first.lock().unwrap() = pem;
        format!("{}[tls]\ncert = {cert:?}\nkey = {key_file:?}\n", key("web", KEY))
    });
    let url = configured.server.url("").replace("http://127.0.0.1", "https://localhost");
    let trusting = |pem: &str, change: fn(ClientBuilder) -> ClientBuilder| {
        let builder = Client::builder().no_proxy().tls_certs_only([Certificate::from_pem(pem.as_bytes()).unwrap()]);
        change(builder.resolve("localhost", "127.0.0.1:0".parse().unwrap())).build().unwrap()
    };
    let call = |client: &Client| {
        client.post(format!("{url}/v1/track")).header("x-write-key", KEY).json(&json!({"userId": "u", "event": "E"})).send()
    };
    let old = first.lock().unwrap().clone();
    let answer = call(&trusting(&old, |builder| builder)).unwrap();
    assert_eq!((answer.status(), answer.version()), (StatusCode::OK, Version::HTTP_2), "by ALPN");
    let answer = call(&trusting(&old, ClientBuilder::http1_only)).unwrap();
    assert_eq!((answer.status(), answer.version()), (StatusCode::OK, Version::HTTP_11));
    let settings: Value =
        trusting(&old, |builder| builder).get(format!("{url}/v1/projects/{KEY}/settings")).send().unwrap().json().unwrap();
    assert_eq!(settings["integrations"]["Segment.io"]["protocol"], "https");
    // Who speaks no TLS is closed, and nobody else minds.
    let mut plain = configured.connect();
    plain.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    assert!(!until_closed(&mut plain).0.contains("HTTP/"));

    let text = std::fs::read_to_string(configured.dir.path().join("c360.toml")).unwrap();
    let (_, key_file, new) = certificate(configured.dir.path(), "localhost");
    configured.reload(&text, "the configuration was reloaded");
    assert!(call(&trusting(&old, |builder| builder)).is_err(), "the old certificate is no longer shown");
    assert_eq!(call(&trusting(&new, |builder| builder)).unwrap().status(), StatusCode::OK);

    std::fs::write(key_file, "not a key").unwrap();
    configured.reload(&text, "the old one stays in force");
    assert_eq!(call(&trusting(&new, |builder| builder)).unwrap().status(), StatusCode::OK);
}
