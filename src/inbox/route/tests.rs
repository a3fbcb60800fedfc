use proptest::prelude::*;

use super::*;

fn lane_of(forge: ForgeKind, body: &str) -> String {
    Route::of(forge, body, "").unwrap().lane.to_string()
}

#[test]
fn github_bodies_go_to_the_narrowest_lane_they_name() {
    for (body, lane) in [
        (r#"{"number":7,"pull_request":{"number":7},"repository":{"id":5}}"#, "github:5!7"),
        (r#"{"action":"submitted","pull_request":{"number":7},"repository":{"id":5}}"#, "github:5!7"),
        (r#"{"issue":{"number":7,"pull_request":{"url":"x"}},"repository":{"id":5}}"#, "github:5!7"),
        (r#"{"issue":{"number":7},"repository":{"id":5}}"#, "github:5"),
        (r#"{"issue":{"number":7,"pull_request":null},"repository":{"id":5}}"#, "github:5"),
        (r#"{"number":7,"repository":{"id":5}}"#, "github:5!7"),
        (r#"{"check_run":{"pull_requests":[{"number":7}]},"repository":{"id":5}}"#, "github:5!7"),
        (r#"{"check_suite":{"pull_requests":[{"number":7}]},"repository":{"id":5}}"#, "github:5!7"),
        (r#"{"workflow_run":{"pull_requests":[{"number":7}]},"repository":{"id":5}}"#, "github:5!7"),
        (r#"{"workflow_run":{"pull_requests":[]},"repository":{"id":5}}"#, "github:5"),
        (r#"{"workflow_run":{"pull_requests":null},"repository":{"id":5}}"#, "github:5"),
        (r#"{"ref":"refs/heads/main","repository":{"id":5}}"#, "github:5"),
        (r#"{"organization":{"id":1}}"#, "github"),
        (r#"{"pull_request":{"number":7}}"#, "github"),
        ("{}", "github"),
    ] {
        assert_eq!(lane_of(ForgeKind::GitHub, body), lane, "{body}");
    }
}

#[test]
fn a_run_that_names_a_pull_request_of_another_repository_stays_with_its_own() {
    let body = r#"{"workflow_run":{"pull_requests":[
        {"number":7,"base":{"repo":{"id":6}}},{"number":8,"base":{"repo":{"id":5}}}]},"repository":{"id":5}}"#;
    assert_eq!(lane_of(ForgeKind::GitHub, body), "github:5!8");
}

#[test]
fn gitlab_bodies_go_to_the_narrowest_lane_they_name() {
    for (body, lane) in [
        (r#"{"object_kind":"merge_request","project":{"id":5},"object_attributes":{"iid":7}}"#, "gitlab:5!7"),
        (r#"{"object_kind":"note","project":{"id":5},"merge_request":{"iid":7}}"#, "gitlab:5!7"),
        (r#"{"object_kind":"note","project":{"id":5},"issue":{"iid":7}}"#, "gitlab:5"),
        (
            r#"{"object_kind":"pipeline","project":{"id":5},"object_attributes":{"iid":99},"merge_request":{"iid":7}}"#,
            "gitlab:5!7",
        ),
        (
            r#"{"object_kind":"pipeline","project":{"id":5},"object_attributes":{"iid":99},"merge_request":null}"#,
            "gitlab:5",
        ),
        (r#"{"object_kind":"build","project_id":5,"build_id":3}"#, "gitlab:5"),
        (r#"{"object_kind":"build","project_id":5,"merge_request":{"iid":7}}"#, "gitlab:5!7"),
        (r#"{"object_kind":"issue","project":{"id":5},"object_attributes":{"iid":7}}"#, "gitlab:5"),
        (r#"{"object_kind":"push","project_id":5}"#, "gitlab:5"),
        (r#"{"event_name":"user_create","user_id":41}"#, "gitlab"),
        (r#"{"anything":"an administrator's template"}"#, "gitlab"),
    ] {
        assert_eq!(lane_of(ForgeKind::GitLab, body), lane, "{body}");
    }
}

#[test]
fn a_merge_request_from_a_fork_belongs_to_the_project_that_it_goes_into() {
    let body =
        r#"{"object_kind":"pipeline","project":{"id":9},"merge_request":{"iid":7,"target_project_id":5}}"#;
    assert_eq!(lane_of(ForgeKind::GitLab, body), "gitlab:5!7");
}

#[test]
fn the_full_path_is_found_wherever_the_forge_writes_it() {
    for (forge, body, path) in [
        (ForgeKind::GitHub, r#"{"repository":{"id":5,"full_name":"acme/models"}}"#, Some("acme/models")),
        (ForgeKind::GitLab, r#"{"project":{"path_with_namespace":"a/b/c.d"}}"#, Some("a/b/c.d")),
        (ForgeKind::GitLab, r#"{"event_name":"project_create","path_with_namespace":"a/b"}"#, Some("a/b")),
        (ForgeKind::GitLab, r#"{"repository":{"homepage":"https://host:8443/a/b/c"}}"#, Some("a/b/c")),
        (ForgeKind::GitLab, r#"{"repository":{"homepage":"nonsense"}}"#, None),
        (ForgeKind::GitLab, "{}", None),
    ] {
        assert_eq!(Route::of(forge, body, "").unwrap().repository.as_deref(), path, "{body}");
    }
}

#[test]
fn a_gitlab_that_lives_in_a_folder_is_not_part_of_the_path() {
    let body = r#"{"repository":{"homepage":"https://host/git/lab/a/b"}}"#;
    for (base, path) in
        [("git/lab", Some("a/b")), ("git/la", None), ("other", None), ("", Some("git/lab/a/b"))]
    {
        assert_eq!(Route::of(ForgeKind::GitLab, body, base).unwrap().repository.as_deref(), path, "{base}");
    }
}

#[test]
fn only_objects_have_a_route() {
    for forge in [ForgeKind::GitHub, ForgeKind::GitLab] {
        for body in ["", " ", "[]", "1", "null", "\"{}\"", "{", "{}{}", "{\"a\":}", "{'a':1}", "\u{feff}{}"] {
            assert_eq!(Route::of(forge, body, ""), Err(NotAnObject), "{body}");
        }
        assert_eq!(lane_of(forge, " \n{} "), forge.as_str());
    }
}

#[test]
fn a_number_that_fits_no_type_makes_the_lane_wider_instead_of_failing() {
    assert_eq!(lane_of(ForgeKind::GitHub, r#"{"number":1e999,"repository":{"id":5}}"#), "github");
    assert_eq!(
        lane_of(ForgeKind::GitHub, r#"{"number":99999999999999999999,"repository":{"id":5}}"#),
        "github:5"
    );
}

#[test]
fn deeply_nested_bodies_are_passed_over() {
    let deep = format!(r#"{{"a":{}{},"repository":{{"id":5}}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(lane_of(ForgeKind::GitHub, &deep), "github:5");
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(body in ".{0,200}", json in r#"[{}\[\]",:0-9a-z.e-]{0,80}"#) {
        for forge in [ForgeKind::GitHub, ForgeKind::GitLab] {
            let _ = Route::of(forge, &body, "");
            prop_assert_eq!(Route::of(forge, &json, "").is_ok(), is_object(&json));
        }
    }
}
