use crate::world::{OTHER_TOKEN, TOKEN, World, profile, push_profile};
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode, header};
use c360_console::ApiToken;

fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Request<Body> {
    let builder = headers.iter().fold(Request::builder().method(method).uri(path), |builder, (name, value)| builder.header(*name, *value));
    builder.body(Body::from(body.to_owned())).unwrap()
}

async fn log_in(world: &World, body: &str) -> (StatusCode, HeaderMap, String) {
    world.send(request("POST", "/login", &[("origin", "http://console.test"), ("host", "console.test")], body)).await
}

/// `name=value` of the cookie that was set.
fn cookie(headers: &HeaderMap) -> String {
    headers[header::SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_token_programs_are_refused_and_people_shown_the_form() {
    let world = World::new();
    let basic = "Basic dG9rZW4tb2YtdDE6";
    for headers in [
        &[][..],
        &[("authorization", "Bearer wrong")],
        &[("authorization", "Bearer ")],
        &[("authorization", basic)],
        &[("cookie", "c360_session=1.99999999999.abc..xyz")],
    ] {
        for path in ["/api/v1/customers", "/api/v1/customers/a1", "/api/v1/alerts", "/api/v1/portfolio", "/events"] {
            let (status, answered, body) = world.send(request("GET", path, headers, "")).await;
            assert_eq!(
                (status, answered[header::WWW_AUTHENTICATE].to_str().unwrap()),
                (StatusCode::UNAUTHORIZED, "Bearer"),
                "{path} {headers:?}"
            );
            assert!(body.contains("\"code\":\"unauthorized\""), "{body}");
        }
        for path in ["/api/v1/clock", "/api/v1/links", "/api/v1/alerts/x/acknowledge"] {
            assert_eq!(world.send(request("POST", path, headers, "{}")).await.0, StatusCode::UNAUTHORIZED, "{path}");
        }
        for (path, next) in [
            ("/", "%2F"),
            ("/customers/a%2Fb", "%2Fcustomers%2Fa%252Fb"),
            ("/alerts?status=all", "%2Falerts%3Fstatus%3Dall"),
            ("/portfolio", "%2Fportfolio"),
        ] {
            let (status, answered, _) = world.send(request("GET", path, headers, "")).await;
            assert_eq!(
                (status, answered[header::LOCATION].to_str().unwrap()),
                (StatusCode::SEE_OTHER, &*format!("/login?next={next}")),
                "{path}"
            );
        }
    }
    for path in ["/login", "/assets/c360.css", "/assets/c360.js", "/assets/icon.svg"] {
        assert_eq!(world.send(request("GET", path, &[], "")).await.0, StatusCode::OK, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_decides_the_tenant_by_header_and_by_cookie() {
    let world = World::new();
    world.put(|b| push_profile(b, &profile("a1", |_, _| ())));
    world.settle().await;
    for (token, total) in [(TOKEN, "\"total\":1"), (OTHER_TOKEN, "\"total\":0")] {
        let bearer = format!("bearer {token}");
        assert!(world.send(request("GET", "/api/v1/customers", &[("authorization", &bearer)], "")).await.2.contains(total));
        let (status, headers, _) = log_in(&world, &format!("token={token}&next=%2Falerts")).await;
        assert_eq!((status, headers[header::LOCATION].to_str().unwrap()), (StatusCode::SEE_OTHER, "/alerts"));
        let set = headers[header::SET_COOKIE].to_str().unwrap();
        assert!(set.contains("; HttpOnly; SameSite=Strict") && !set.contains(token), "{set}");
        let cookie = cookie(&headers);
        assert!(world.send(request("GET", "/api/v1/customers", &[("cookie", &cookie)], "")).await.2.contains(total));
        assert_eq!(world.send(request("GET", "/", &[("cookie", &cookie)], "")).await.0, StatusCode::OK);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_token_gets_the_form_again_and_no_cookie() {
    let world = World::new();
    for body in ["token=wrong", "token=", "", "%ff%fe"] {
        let (status, headers, page) = log_in(&world, body).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{body}");
        assert!(headers.get(header::SET_COOKIE).is_none() && page.contains("not known here"));
    }
    let (_, _, page) = log_in(&world, "token=wrong&next=%2F%22%3E%3Cscript%3E").await;
    assert!(!page.contains("<script>") && page.contains("&#60;script"), "the address is escaped");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_survives_a_restart_and_ends_with_its_token() {
    let world = World::new();
    let (_, headers, _) = log_in(&world, &format!("token={TOKEN}")).await;
    let cookie = cookie(&headers);
    let world = world.reopen(crate::world::limits());
    assert_eq!(world.send(request("GET", "/", &[("cookie", &cookie)], "")).await.0, StatusCode::OK);
    world.console.set_tokens(vec![ApiToken::from_secret("t2", OTHER_TOKEN)]);
    assert_eq!(world.send(request("GET", "/", &[("cookie", &cookie)], "")).await.0, StatusCode::SEE_OTHER);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_out_takes_the_cookie_back() {
    let world = World::new();
    let (status, headers, _) = world.send(request("POST", "/logout", &[], "")).await;
    assert_eq!((status, headers[header::LOCATION].to_str().unwrap()), (StatusCode::SEE_OTHER, "/login"));
    assert!(headers[header::SET_COOKIE].to_str().unwrap().starts_with("c360_session=; Path=/; Max-Age=0"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_is_good_only_for_requests_of_our_own_pages() {
    let world = World::new();
    let (_, headers, _) = log_in(&world, &format!("token={TOKEN}")).await;
    let (cookie, bearer) = (cookie(&headers), format!("Bearer {TOKEN}"));
    let cookie = ("cookie", cookie.as_str());
    let body = r#"{"advance_s":0}"#;
    for (headers, wanted) in [
        (vec![cookie], StatusCode::OK),
        (vec![cookie, ("origin", "http://console.test")], StatusCode::OK),
        (vec![cookie, ("origin", "http://localhost:8361"), ("host", "localhost:8361")], StatusCode::OK),
        (vec![cookie, ("sec-fetch-site", "same-origin")], StatusCode::OK),
        (vec![cookie, ("origin", "http://evil.test")], StatusCode::FORBIDDEN),
        (vec![cookie, ("origin", "http://evil.test"), ("host", "localhost:8361")], StatusCode::FORBIDDEN),
        (vec![cookie, ("origin", "http://localhost:9999"), ("host", "localhost:8361")], StatusCode::FORBIDDEN),
        (vec![cookie, ("origin", "null"), ("host", "localhost:8361")], StatusCode::FORBIDDEN),
        (vec![cookie, ("sec-fetch-site", "cross-site")], StatusCode::FORBIDDEN),
        (vec![("authorization", &bearer), ("origin", "http://evil.test")], StatusCode::OK),
    ] {
        let (status, _, answer) = world.send(request("POST", "/api/v1/clock", &headers, body)).await;
        assert_eq!(status, wanted, "{headers:?}: {answer}");
    }
    let (status, _, _) = world.send(request("POST", "/login", &[("origin", "http://evil.test")], &format!("token={TOKEN}"))).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_is_careful_with_browsers() {
    let world = World::new();
    let bearer = format!("Bearer {TOKEN}");
    for path in ["/", "/login", "/api/v1/customers", "/nothing", "/assets/c360.js"] {
        let (_, headers, _) = world.send(request("GET", path, &[("authorization", &bearer)], "")).await;
        let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{path}");
        assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff", "{path}");
    }
}
