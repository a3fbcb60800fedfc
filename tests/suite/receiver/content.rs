//! What is read from a proved delivery, and what of it is kept.

use super::*;

#[tokio::test]
async fn a_delivery_must_name_its_event_and_on_github_itself() {
    let server = Server::start().await;
    for forge in BOTH {
        let event = good(forge).event_header();
        assert_eq!(good(forge).without(event).sent_to(&server).await.refusal(400), "missing_header");
        assert_eq!(good(forge).event("").sent_to(&server).await.refusal(400), "missing_header");
        for name in [event, good(forge).id_header()] {
            let bare = good(forge).without(name);
            let twice = good(forge).header(name, "again");
            let long = bare.clone().header(name, "x".repeat(256));
            let foreign = bare.clone().header(name, b"caf\xc3\xa9");
            let raw = bare.header(name, b"\xff\xfe");
            for odd in [twice, long, foreign, raw] {
                assert_eq!(odd.sent_to(&server).await.refusal(400), "invalid_header", "{name}");
            }
        }
    }
    let nameless = good(ForgeKind::GitHub).without("x-github-delivery").sent_to(&server).await;
    assert_eq!(nameless.refusal(400), "missing_header");
    assert!(nameless.text.contains("x-github-delivery"), "{nameless:?}");
    assert!(server.job().await.is_none());
}

#[tokio::test]
async fn only_json_objects_are_taken() {
    let server = Server::start().await;
    for forge in BOTH {
        let bodies: [&[u8]; 11] = [
            b"",
            b" ",
            b"null",
            b"[]",
            b"[{}]",
            b"1",
            b"\"{}\"",
            b"{",
            b"{}x",
            b"{\"a\":\"\xff\"}",
            b"\xef\xbb\xbf{}",
        ];
        for body in bodies {
            let answer = good(forge).proved(body).sent_to(&server).await;
            assert_eq!(answer.refusal(400), "invalid_json", "{}", String::from_utf8_lossy(body));
        }
        for body in ["{}", " {\"a\": [1e999, null]}\n", "{\"repository\":7,\"project\":[],\"number\":\"x\"}"]
        {
            assert_eq!(good(forge).id(body.trim()).proved(body).sent_to(&server).await.status, 202, "{body}");
        }
    }
}

#[tokio::test]
async fn a_character_split_over_two_chunks_arrives_whole() {
    let server = Server::start().await;
    for forge in BOTH {
        let body = r#"{"title":"中文"}"#;
        let split = body.find('中').unwrap() + 1;
        let (left, right) = body.as_bytes().split_at(split);
        let answer = good(forge).proved(body).sent_in_chunks(&server, &[left, right]).await;
        assert_eq!(answer.status, 202);
        assert_eq!(server.stored().await.unwrap().body, body);
    }
}

#[tokio::test]
async fn a_form_of_github_is_proved_as_it_was_sent_and_kept_as_json() {
    let server = Server::start().await;
    let form = |id: &str, body: &str| {
        let bare = github().event("push").id(id).without("content-type");
        bare.header("content-type", "application/x-www-form-urlencoded").signed(body)
    };
    let sent =
        "payload=%7B%22title%22%3A%22a+b%2Bc%26%E4%B8%AD%22%2C%22repository%22%3A%7B%22id%22%3A5%7D%7D";
    assert_eq!(form("f-1", sent).sent_to(&server).await.status, 202);
    let stored = server.stored().await.unwrap();
    assert_eq!(stored.body, r#"{"title":"a b+c&中","repository":{"id":5}}"#);
    assert_eq!(stored.lane, "github:5");
    assert_eq!(form("f-2", "x=1&payload=%7B%7D&y=2").sent_to(&server).await.status, 202);
    for odd in ["", "x=1", "payload", "payload=", "payload=%5B%5D", "payload=%FF", "{}"] {
        assert_eq!(form("f-3", odd).sent_to(&server).await.refusal(400), "invalid_json", "{odd}");
    }
    let decoded = github().event("push").id("f-4").signed("{}").without("content-type");
    let decoded = decoded.header("content-type", "application/x-www-form-urlencoded").body("payload=%7B%7D");
    assert_eq!(decoded.sent_to(&server).await.refusal(401), "unauthorized");
}

#[tokio::test]
async fn of_repositories_that_are_not_served_nothing_but_the_id_is_kept() {
    let config = format!("{GITHUB}{GITLAB_TOKENS}repositories: ['acme/*', group/sub/project]\n");
    let server = Server::with(&config).await;
    let path = |forge, path: &str| match forge {
        ForgeKind::GitHub => format!(r#"{{"repository":{{"id":5,"full_name":"{path}"}}}}"#),
        ForgeKind::GitLab => format!(r#"{{"project":{{"id":5,"path_with_namespace":"{path}"}}}}"#),
    };
    for forge in BOTH {
        for other in ["else/models", "acme/sub/models", "group/sub", "acme", "xacme/models", ""] {
            let delivery = good(forge).id(&format!("no {other}")).proved(path(forge, other));
            assert_eq!(delivery.sent_to(&server).await.json()["status"], "accepted", "{other}");
            assert!(server.job().await.is_none(), "{other}");
            assert_eq!(delivery.sent_to(&server).await.json()["status"], "duplicate", "{other}");
        }
        for served in ["acme/models", "ACME/Models", "group/sub/project"] {
            let delivery = good(forge).id(&format!("yes {served}")).proved(path(forge, served));
            assert_eq!(delivery.sent_to(&server).await.json()["status"], "accepted");
            assert_eq!(server.stored().await.unwrap().id, format!("yes {served}"));
        }
        // A number that fits nowhere keeps its reader from the name beside it.
        let mut unreadable = path(forge, "acme/models").replace(":5,", ":1e999,");
        unreadable = unreadable.replace("acme/", "else/");
        let odd = good(forge).id("odd").proved(&unreadable);
        assert_eq!(odd.sent_to(&server).await.json()["status"], "accepted");
        assert!(server.job().await.is_none(), "{unreadable}");
        let nowhere = good(forge).id("organisation").proved("{}");
        assert_eq!(nowhere.sent_to(&server).await.status, 202);
        assert_eq!(server.stored().await.unwrap().lane, forge.as_str());
    }
    // What an instance claims to be is never believed over the proof.
    let lying = good(ForgeKind::GitLab).id("l").header("x-gitlab-instance", "https://evil.example.com");
    assert_eq!(lying.sent_to(&server).await.status, 202);
}

#[tokio::test]
async fn values_of_pipeline_variables_are_not_kept() {
    let server = Server::start().await;
    let body = r#"{"object_kind":"pipeline","object_attributes":{"id":1,"variables":[{"key":"DB_PASSWORD","value":"s3cr3t-db"}]},"project":{"id":5},"builds":[{"id":2,"variables":[{"key":"X","value":"s3cr3t-build"}]}]}"#;
    let delivery = gitlab().event("Pipeline Hook").id("v").proved(body);
    assert_eq!(delivery.sent_to(&server).await.status, 202);
    assert_eq!(delivery.sent_to(&server).await.json()["status"], "duplicate", "equal bodies stay equal");
    let stored = server.stored().await.unwrap();
    assert!(!stored.body.contains("s3cr3t"), "{}", stored.body);
    assert!(stored.body.contains(r#"{"key":"DB_PASSWORD","value":"[redacted]"}"#), "{}", stored.body);
}

#[tokio::test]
async fn our_own_secrets_are_not_kept_in_any_spelling() {
    let server = Server::start().await;
    let basic = STANDARD.encode("bot:api-token-of-the-bot");
    for forge in BOTH {
        let body = format!(r#"{{"note":"api-token-of-the-bot {HUB_SECRET} {LAB_TOKEN}","auth":"{basic}"}}"#);
        let delivery = good(forge).proved(&body).header("user-agent", format!("curl {LAB_TOKEN}"));
        assert_eq!(delivery.sent_to(&server).await.status, 202);
        let stored = server.stored().await.unwrap();
        let everything = format!("{} {:?}", stored.body, stored.headers);
        for secret in ["api-token-of-the-bot", HUB_SECRET, LAB_TOKEN, &basic] {
            assert!(!everything.contains(secret), "{secret}: {everything}");
        }
        assert!(stored.body.contains("[redacted]"));
    }
}

#[tokio::test]
async fn headers_are_kept_without_proofs() {
    let server = Server::with(&format!("{GITHUB}{GITLAB_SIGNED}")).await;
    let hub = good(ForgeKind::GitHub).header("x-github-hook-id", "42").header("cookie", "a=b");
    hub.sent_to(&server).await;
    let lab = gitlab().event("Push Hook").header("x-gitlab-event-uuid", "u-1").signed("{}").token(LAB_TOKEN);
    lab.sent_to(&server).await;
    let mut names = Vec::new();
    while let Some(stored) = server.stored().await {
        names.extend(stored.headers.into_iter().map(|(name, _)| name));
    }
    names.sort();
    assert_eq!(names, ["webhook-timestamp", "x-github-hook-id", "x-gitlab-event-uuid"]);
}
