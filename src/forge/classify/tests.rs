use reqwest::header::{HeaderName, HeaderValue};

use super::*;

const READ: Operation =
    Operation { name: "merge_request", does: "read the merge request", needs: "Reporter" };
const NOW: Timestamp = Timestamp(1_700_000_000_000);

fn judged(status: u16, headers: &[(&'static str, &str)], body: &str) -> Failure {
    let headers = headers
        .iter()
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()))
        .collect();
    classify(ForgeKind::GitLab, &READ, &Answer { status, headers: &headers, body }, NOW)
}

fn retry(seconds: Option<u64>) -> ErrorKind {
    ErrorKind::Retry { after: seconds.map(Duration::from_secs) }
}

#[test]
fn every_status_has_one_meaning() {
    let json = r#"{"message":"why"}"#;
    for (status, kind) in [
        (400, ErrorKind::Refused),
        (401, ErrorKind::Unauthorized),
        (403, ErrorKind::Refused),
        (404, ErrorKind::Gone),
        (405, ErrorKind::Conflict),
        (406, ErrorKind::Refused),
        (408, retry(None)),
        (409, ErrorKind::Conflict),
        (410, ErrorKind::Gone),
        (422, ErrorKind::Refused),
        (301, ErrorKind::Refused),
        (500, retry(None)),
        (502, retry(None)),
        (503, retry(None)),
        (504, retry(None)),
        (429, retry(Some(60))),
    ] {
        let failure = judged(status, &[], json);
        assert_eq!(failure.error.kind, kind, "{status}");
        assert!(
            failure.error.internal.starts_with(&format!("merge_request: HTTP {status}: ")),
            "{failure:?}"
        );
    }
}

#[test]
fn a_pause_is_read_from_seconds_from_a_date_and_from_the_reset() {
    for (headers, seconds) in [
        (&[("retry-after", "17")][..], 17),
        (&[("retry-after", "Tue, 14 Nov 2023 22:13:50 GMT")], 30),
        (&[("retry-after", "Tue, 14 Nov 2023 22:13:00 GMT")], 0),
        (&[("ratelimit-reset", "1700000045")], 45),
        (&[("x-ratelimit-reset", "1700000046")], 46),
        (&[("retry-after", "5"), ("ratelimit-reset", "1700000045")], 5),
        (&[("x-ratelimit-reset", "1700000046"), ("x-ratelimit-remaining", "0")], 46),
        // Nobody is silenced for years by a wrong clock or a slip of the pen.
        (&[("retry-after", "18446744073709551615")], 3600),
        (&[("retry-after", "Mon, 14 Nov 2033 22:13:50 GMT")], 3600),
        (&[("ratelimit-reset", "1900000045")], 3600),
    ] {
        let failure = judged(429, headers, "Retry later");
        assert_eq!(failure.error.kind, retry(Some(seconds)), "{headers:?}");
        assert_eq!(failure.pause, Some(Duration::from_secs(seconds)), "{headers:?}");
    }
}

#[test]
fn a_limit_that_says_nothing_of_itself_is_waited_for_a_minute() {
    // GitHub tells of the budget of the hour, which is not what was exceeded here.
    let hour = [("x-ratelimit-reset", "1700003000"), ("x-ratelimit-remaining", "4000")];
    for headers in [&hour[..], &[("retry-after", "soon")], &[]] {
        let untold = judged(429, headers, "");
        assert_eq!((untold.error.kind, untold.pause), (retry(Some(60)), None), "{headers:?}");
    }
}

#[test]
fn a_secondary_limit_is_no_missing_right() {
    let exhausted = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1700000010")];
    assert_eq!(judged(403, &exhausted, "").error.kind, retry(Some(10)));
    assert_eq!(judged(403, &[("retry-after", "3")], "").error.kind, retry(Some(3)));
    for text in [
        r#"{"message":"You have exceeded a secondary rate limit."}"#,
        r#"{"message":"API rate limit exceeded for 127.0.0.1."}"#,
        r#"{"message":"You have triggered an abuse detection mechanism."}"#,
    ] {
        let failure = judged(403, &[], text);
        assert_eq!((failure.error.kind, failure.untold), (retry(Some(60)), true), "{text}");
    }
    assert_eq!(judged(403, &[("x-ratelimit-remaining", "7")], "{}").error.kind, ErrorKind::Refused);
}

#[test]
fn a_missing_right_is_named() {
    let failure = judged(403, &[], r#"{"message":"403 Forbidden"}"#);
    assert!(failure.error.external.contains("needs Reporter"), "{}", failure.error.external);
}

#[test]
fn a_page_for_people_is_no_answer_of_the_api() {
    for status in [404, 422, 502] {
        let failure = judged(status, &[("content-type", "text/html; charset=utf-8")], "<html>Sorry</html>");
        assert_eq!(failure.error.kind, retry(None), "{status}");
        assert!(!failure.error.external.contains("Sorry"));
    }
    assert_eq!(judged(422, &[], " <!DOCTYPE html>").error.kind, retry(None));
}

#[test]
fn a_held_lock_is_tried_again() {
    let failure = judged(409, &[], r#"{"message":"409 Conflict: resource lock"}"#);
    assert_eq!(failure.error.kind, retry(None));
}

#[test]
fn the_forges_words_are_found_in_every_shape_and_cut() {
    for (body, expected) in [
        (r#"{"message":"404 Not found"}"#, "404 Not found"),
        (r#"{"message":{"base":["No stages","and no jobs"]}}"#, "No stages, and no jobs"),
        (r#"{"message":{"note":["is too long"]}}"#, "note is too long"),
        (
            r#"{"error":"invalid_token","error_description":"Token was revoked."}"#,
            "invalid_token; Token was revoked.",
        ),
        (r#"{"message":"Bad","errors":[{"message":"worse"}]}"#, "Bad; worse"),
        ("plain\n text", "plain text"),
        ("[1,2]", ""),
    ] {
        assert_eq!(words(body), expected, "{body}");
    }
    assert_eq!(words(&"ä".repeat(301)).chars().count(), MOST_WORDS);
    assert_eq!(words(&"ä".repeat(300)), "ä".repeat(300));
}
