//! Identity tokens: names of variables and audiences, and what can be neither.

use insta::assert_snapshot;

use super::{SMALLEST, only_model, problems, with};
use crate::config::repository::parse;
use crate::config::valid::Deploy;

/// A model with one token in each of the two jobs that take some.
fn both(token: &str) -> [String; 2] {
    [
        with(&format!("publish: {{run: [x], id_tokens: {{{token}}}}}")),
        with(&format!("deploy: {{run: [x], id_tokens: {{{token}}}}}")),
    ]
}

#[test]
fn a_job_s_tokens_are_read_with_their_audiences() {
    let model = only_model(&with(
        "publish: {id_tokens: {SIGSTORE_ID_TOKEN: sigstore, B: 'https://b.example.com/x?y=z'}}\ndeploy: {run: [x], id_tokens: {yes: 'api://roles'}}",
    ));
    let read: Vec<(&str, &str)> =
        model.publish.id_tokens.iter().map(|(name, audience)| (&**name, &**audience)).collect();
    assert_eq!(read, [("B", "https://b.example.com/x?y=z"), ("SIGSTORE_ID_TOKEN", "sigstore")]);
    let Some(Deploy::Scripts { id_tokens, .. }) = model.deploy else { panic!("scripts") };
    assert_eq!(id_tokens["yes"], "api://roles");
}

#[test]
fn a_file_without_tokens_has_the_digest_that_it_had_and_one_with_them_another() {
    let digest = |text: &str| parse(text).unwrap().digest;
    let written = serde_json::to_string(&only_model(SMALLEST)).unwrap();
    assert!(!written.contains("id_tokens"), "{written}");
    let [publish, deploy] = both("T: a");
    for text in [publish, deploy] {
        assert_ne!(digest(&text), digest(&text.replace("T: a", "")));
        assert_ne!(digest(&text), digest(&text.replace("T: a", "T: b")));
    }
}

#[test]
fn what_is_no_name_or_no_audience_is_told_with_its_place() {
    let long = "a".repeat(256);
    for (token, complaint) in [
        ("MERGEWRIGHT_TOKEN: a", "id_tokens.MERGEWRIGHT_TOKEN` begins with `MERGEWRIGHT_`, as the bot's own"),
        ("CI_TOKEN: a", "id_tokens.CI_TOKEN` begins with `CI_`, as the forge's own variables do"),
        ("GITLAB_TOKEN: a", "begins with `GITLAB_`"),
        ("GITHUB_TOKEN: a", "begins with `GITHUB_`"),
        ("ACTIONS_ID_TOKEN_REQUEST_URL: a", "begins with `ACTIONS_`"),
        ("RUNNER_TOKEN: a", "begins with `RUNNER_`"),
        ("a-b: a", "id_tokens` names no variable"),
        ("1A: a", "id_tokens` names no variable"),
        ("T: ''", "id_tokens.T` is empty"),
        ("T:", "id_tokens.T` expects a text, and found nothing"),
        ("T: 7", "id_tokens.T` expects a text, and `7` reads as a number"),
        ("T: [a, b]", "id_tokens.T` expects a text, and found a list"),
        ("T: {aud: a}", "id_tokens.T` expects a text, and found a mapping"),
        ("T: \"a\\nb\"", "id_tokens.T` has a line break"),
        ("T: a b", "id_tokens.T` has white space in it"),
        ("T: é", "id_tokens.T` has white space in it, or a letter beyond ASCII"),
        ("T: $CI_SERVER_URL", "id_tokens.T` has a `$`, which forges read as more than itself"),
        (&format!("T: {long}"), "id_tokens.T` is longer than 255 bytes"),
        ("T: a, T: b", "the key `T` was already given on line"),
    ] {
        for text in both(token) {
            let shown = problems(&text);
            assert!(shown.contains(complaint), "{token}\nshould say `{complaint}`:\n{shown}");
        }
    }
    let many: Vec<String> = (0..17).map(|number| format!("T{number}: a")).collect();
    for (count, refused) in [(16, false), (17, true)] {
        for text in both(&many[..count].join(", ")) {
            assert_eq!(parse(&text).is_err_and(|told| told.to_string().contains("more than 16")), refused);
        }
    }
    assert!(problems(&with("publish: {id_tokens: [T]}")).contains("id_tokens` expects keys and values"));
}

#[test]
fn a_variable_holds_a_secret_or_a_token() {
    for job in ["publish", "deploy"] {
        let file = |secrets: &str| {
            with(&format!("{job}: {{run: [x], secrets: [{secrets}], id_tokens: {{TOKEN: a}}}}"))
                .replace("models:", "secrets: [TOKEN, OTHER]\nmodels:")
        };
        assert!(problems(&file("TOKEN")).contains("id_tokens.TOKEN` is also a secret of the job"));
        // Another job's secret is none of this one's.
        assert!(parse(&file("OTHER")).is_ok());
    }
}

#[test]
fn no_other_job_takes_tokens_and_a_manifest_has_no_lines() {
    let test = SMALLEST.replace("metrics.json}", "metrics.json}, id_tokens: {T: a}");
    let [build, scan] =
        ["build", "scan"].map(|job| with(&format!("{job}: {{run: [x], id_tokens: {{T: a}}}}")));
    for text in [build, test, scan] {
        let shown = problems(&text);
        assert!(shown.contains("unknown key `id_tokens`"), "{shown}");
    }
    let shown = problems(&with("id_tokens: {T: a}"));
    assert!(shown.contains("it belongs into `publish` or `deploy`"), "{shown}");
    let shown = problems(&with("publish: {id_token: {T: a}}"));
    assert!(shown.contains("did you mean `id_tokens`?"), "{shown}");
    let shown = problems(&with("deploy: {kind: kserve, manifest: m.yaml, id_tokens: {T: a}}"));
    assert!(shown.contains("id_tokens` has no meaning for the kind `kserve`"), "{shown}");
}

#[test]
fn a_secret_in_the_place_of_a_token_is_never_repeated() {
    let token = "glpat-0123456789abcdefghij";
    let text = with(&format!("publish: {{id_tokens: {{T: {token}, AbCdEfGh0123456789xyz: 'a b'}}}}"));
    let shown = problems(&text);
    for secret in ["glpat", "AbCdEf"] {
        assert!(!shown.contains(secret), "{secret} in:\n{shown}");
    }
    assert_snapshot!(shown, @r"
    .mergewright.yml:6:30: a secret stands here in the open
       |
     6 |     publish: {id_tokens: {T: **************************, *********************: 'a b'}}
       |                              ^^^^^^^^^^^^^^^^^^^^^^^^^^
      = revoke it, keep the new one in the forge's CI variables, and list only its name under `secrets`

    .mergewright.yml:6:58: `models.iris.publish.id_tokens` names no variable; this may be a secret itself
       |
     6 |     publish: {id_tokens: {T: **************************, *********************: 'a b'}}
       |                                                          ^^^^^^^^^^^^^^^^^^^^^
      = name the variable that will hold the token, such as `SIGSTORE_ID_TOKEN`

    .mergewright.yml:6:81: `models.iris.publish.id_tokens` has white space in it, or a letter beyond ASCII
       |
     6 |     publish: {id_tokens: {T: **************************, *********************: 'a b'}}
       |                                                                                 ^^^^^
      = write the audience as the service asks for it, such as `sigstore` or `https://example.com`
    ");
}

#[test]
fn defaults_are_merged_name_by_name() {
    let text = "version: 1
defaults:
  publish: {run: [x], id_tokens: {SIGSTORE_ID_TOKEN: sigstore, T: a}}
  test: {reports: {metrics: m.json}}
  version: {strategy: sequence}
models:
  a: {publish: {id_tokens: {T: b}}}
";
    let model = only_model(text);
    assert_eq!(model.publish.id_tokens["SIGSTORE_ID_TOKEN"], "sigstore");
    assert_eq!(model.publish.id_tokens["T"], "b");
}
