//! What `serve` could not use is told while the file is read, with its place.

use secrecy::ExposeSecret as _;

use super::{Desk, GITLAB};

#[test]
fn what_could_not_be_used_is_told_with_its_place_before_anything_starts() {
    let database = [
        ("sqlite://", "the path is empty"),
        ("'sqlite:'", "the path is empty"),
        ("sqlite://a.db?mode=ro", "the path holds a `?`"),
        ("sqlite:///dir/", "the path names a folder"),
        ("postgres://bot:topsecret@h:99999/x", "sslmode"),
        ("postgres://bot:topsecret@h/x?sslmode=zzz", "verify-full"),
    ];
    for (address, told) in database {
        let refusal = Desk::new().refusal(&format!("{GITLAB}database_url: {address}\n"));
        assert!(refusal.starts_with("DIR/server.yml:2:15: `database_url`"), "{address}: {refusal}");
        assert!(refusal.contains(told) && !refusal.contains("topsecret"), "{address}: {refusal}");
    }
    for address in ["http://h:99999", "'http://[::1'", "http://a%zz", "http://a<b", "'http://[x]'"] {
        for (text, start) in [
            (format!("{GITLAB}public_url: {address}\n"), "DIR/server.yml:2:13: `public_url`"),
            (
                format!(
                    "gitlab:\n  url: {address}\n  webhook_tokens: [{{env: GITLAB_WEBHOOK_TOKEN}}]\n  token: {{env: GITLAB_TOKEN}}\n"
                ),
                "DIR/server.yml:2:8: `gitlab.url`",
            ),
            (
                format!(
                    "github:\n  api_url: {address}\n  webhook_secrets: [{{env: GITHUB_WEBHOOK_SECRET}}]\n  token: {{env: GITHUB_TOKEN}}\n"
                ),
                "DIR/server.yml:2:12: `github.api_url`",
            ),
            (
                format!(
                    "github:\n  upload_url: {address}\n  webhook_secrets: [{{env: GITHUB_WEBHOOK_SECRET}}]\n  token: {{env: GITHUB_TOKEN}}\n"
                ),
                "DIR/server.yml:2:15: `github.upload_url`",
            ),
        ] {
            let refusal = Desk::new().refusal(&text);
            assert!(refusal.starts_with(start) && refusal.contains("the port"), "{address}: {refusal}");
        }
    }
}

#[test]
fn a_token_that_no_request_can_carry_is_told_and_not_repeated() {
    let both = "gitlab: {webhook_tokens: [{env: GITLAB_WEBHOOK_TOKEN}], token: {env: GITLAB_TOKEN}}
github: {webhook_secrets: [{env: GITHUB_WEBHOOK_SECRET}], token: {env: GITHUB_TOKEN}}
";
    let mut desk = Desk::new();
    for name in ["GITLAB_TOKEN", "GITHUB_TOKEN"] {
        desk.env.insert(name.to_owned(), "tip-top\nend".to_owned());
    }
    let refusal = desk.refusal(both);
    for place in ["DIR/server.yml:1:64: `gitlab.token`", "DIR/server.yml:2:66: `github.token`"] {
        assert!(refusal.contains(place) && refusal.contains("copy it again"), "{refusal}");
    }
    assert!(!refusal.contains("tip-top"), "{refusal}");
}

#[test]
fn the_line_end_of_a_secret_is_no_part_of_it_wherever_it_is_kept() {
    let mut desk = Desk::new();
    for value in desk.env.values_mut() {
        value.push_str("\r\n");
    }
    let config = desk.read(GITLAB).unwrap();
    let gitlab = config.gitlab.unwrap();
    assert_eq!(gitlab.webhook_tokens[0].expose_secret(), "lab-webhook");
    assert_eq!(gitlab.token.expose_secret(), "lab-token");
}
