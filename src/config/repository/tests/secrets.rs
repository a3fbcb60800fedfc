//! Secrets where none may stand: refused, and never repeated.

use insta::assert_snapshot;

use super::{SMALLEST, problems, with};

#[test]
fn secrets_are_refused_and_never_repeated() {
    let token = "glpat-0123456789abcdefghij";
    let text = format!(
        "version: 1\nsecrets: [GOOD, \"hunter2 is my dog\"]\npassword: swordfish\nmodels:\n  iris:\n    build: {{run: [\"curl -H {token} x\"], secrets: [GOD, AbCdEfGh0123456789xyz]}}\n    test: {{reports: {{metrics: m.json}}, secrets: {{TOKEN: opensesame}}}}\n    version: {{strategy: sequence}}\n"
    );
    let shown = problems(&text);
    for secret in ["hunter2", "swordfish", "glpat", "AbCdEf", "opensesame"] {
        assert!(!shown.contains(secret), "{secret} in:\n{shown}");
    }
    assert_snapshot!(shown, @r#"
    .mergewright.yml:2:17: `secrets[1]` is not the name of a secret; it may be one itself
       |
     2 | secrets: [GOOD, *******************]
       |                 ^^^^^^^^^^^^^^^^^^^
      = store the value in the forge's CI variables and write only the variable's name here

    .mergewright.yml:3:1: unknown key `password` at the top level
       |
     3 | password: *********
       | ^^^^^^^^
      = known here: version, secrets, defaults, models, registry_key

    .mergewright.yml:6:19: a secret stands here in the open
       |
     6 |     build: {run: [**************************************], secrets: [GOD, *********************]}
       |                   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      = revoke it, keep the new one in the forge's CI variables, and list only its name under `secrets`

    .mergewright.yml:6:70: `models.iris.build.secrets[0]` names the secret `GOD`, which is not declared
       |
     6 |     build: {run: [**************************************], secrets: [GOD, *********************]}
       |                                                                      ^^^
      = did you mean `GOOD`?

    .mergewright.yml:6:75: `models.iris.build.secrets[1]` is not the name of a secret; it may be one itself
       |
     6 |     build: {run: [**************************************], secrets: [GOD, *********************]}
       |                                                                           ^^^^^^^^^^^^^^^^^^^^^
      = store the value in the forge's CI variables and write only the variable's name here

    .mergewright.yml:7:49: `models.iris.test.secrets` expects a list of names, and found a mapping
       |
     7 |     test: {reports: {metrics: m.json}, secrets: *******************}
       |                                                 ^^^^^^^^^^^^^^^^^^^
      = write a list of names
    "#);
}

#[test]
fn nothing_that_stands_where_nothing_is_understood_is_repeated() {
    let text = "version: 1
secrets: [GOOD]
secrets: [swordfish, opensesame]
models:
  iris:
    build: {run: [x], env: {MAVEN_PASSWORD: hunter2, DATABASE: hunter3}}
    test: {reports: {metrics: m.json}, secrets: [null, true]}
    publish:
      run: {TOKEN: hunter4}
    deploy: {run: [x], auth: [{password: hunter5}]}
    token: hunter6
    token: hunter7
    version: {strategy: sequence}
";
    let shown = problems(text);
    for secret in ["swordfish", "opensesame", "hunter"] {
        assert!(!shown.contains(secret), "{secret} in:\n{shown}");
    }
    for told in [
        "already given on line 2",
        "unknown key `env`",
        "unknown key `auth`",
        "expects a text, and found a mapping",
    ] {
        assert!(shown.contains(told), "{told} in:\n{shown}");
    }
    assert_eq!(shown.matches("is not the name of a secret").count(), 2, "{shown}");
}

#[test]
fn a_line_that_breaks_the_yaml_does_not_show_its_secret() {
    let shown = problems("version: 1\nmy_token: swordfish: x\n");
    assert!(shown.contains("not valid YAML") && !shown.contains("swordfish"), "{shown}");
}

#[test]
fn a_token_is_not_repeated_wherever_it_stands() {
    let token = "ghp_0123456789abcdefghij";
    for line in [
        "toolchain: {kind: python, version: \"TOKEN/\"}",
        "toolchain: {kind: TOKEN}",
        "depends_on: [TOKEN]",
        "environments: {production: {requires: TOKEN}}",
        "environments: {TOKEN: {}}",
        "schedules: {nightly: {cron: \"TOKEN 9 * * *\", task: retrain}}",
        "gates: {rules: [{metric: TOKEN, direction: up}, {metric: TOKEN, direction: lower}]}",
        "TOKEN: x",
    ] {
        let shown = problems(&with(&line.replace("TOKEN", token)));
        assert!(!shown.contains(token), "{line}\n{shown}");
    }
}

#[test]
fn an_undeclared_secret_is_named_only_where_it_is_written_as_a_name() {
    let shown = problems(&with("build: {secrets: [hunter2]}\ntest: {secrets: [MY_TOKEN]}"));
    assert!(!shown.contains("hunter2") && shown.contains("it may be one itself"), "{shown}");
    let shown = problems(&with("publish: {secrets: [MY_TOKEN]}"));
    assert!(shown.contains("names the secret `MY_TOKEN`, which is not declared"), "{shown}");
    let declared =
        with("build: {secrets: [maven_pasword]}").replace("models:", "secrets: [MAVEN_PASSWORD]\nmodels:");
    assert!(problems(&declared).contains("did you mean `MAVEN_PASSWORD`?"));
}

#[test]
fn a_secret_is_found_wherever_it_stands() {
    let token = "glpat-0123456789abcdefghij";
    for text in [
        format!("# the token is {token}\n{SMALLEST}"),
        SMALLEST.replace("version: 1\n", &format!("version: 1 # {token}\n")),
        format!("{SMALLEST}{token}: x\n"),
        format!("{SMALLEST}    build: {{run: [unclosed {token}\n"),
        with(&format!("build: {{run: [\"curl https://ben:{token}@example.com\"]}}")),
        with("build: {run: [\"git clone https://ben:swordfish@example.com/x.git\"]}"),
        with(
            "build:\n  run:\n    - |\n      cat > key <<EOF\n      -----BEGIN RSA PRIVATE KEY-----\n      swordfish\n      EOF",
        ),
        with("build: {run: [\"echo \\x67lpat-0123456789abcdefghij\"]}"),
    ] {
        let shown = problems(&text);
        assert!(shown.contains("a secret stands here in the open"), "{text}\n{shown}");
        for secret in [token, "swordfish", "0123456789abcdefghij"] {
            assert!(!shown.contains(secret), "{secret} in:\n{shown}");
        }
    }
}

#[test]
fn what_is_no_secret_is_none() {
    for line in [
        "build: {run: [\"git clone https://ben:$PASSWORD@example.com/x.git\"]}",
        "build: {run: [\"git clone https://ben:${PASSWORD}@example.com/x.git\"]}",
        "build: {run: [\"curl http://example.com:8080/a@b\", \"pip install ghp_tools sk-learn\"]}",
        "build: {run: [\"echo -----BEGIN-----\", \"sh task-0123456789012345678901234567890123456789.sh\"]}",
    ] {
        super::only_model(&with(line));
    }
}

#[test]
fn every_well_known_kind_of_token_is_known() {
    let long = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGH";
    for beginning in [
        "ghp_",
        "gho_",
        "ghs_",
        "github_pat_",
        "glpat-",
        "gldt-",
        "glrt-",
        "glptt-",
        "whsec_",
        "AKIA",
        "xoxb-",
        "hf_",
        "sk-",
        "npm_",
        "pypi-",
        "dckr_pat_",
        "eyJ",
        "AIza",
    ] {
        let shown = problems(&with(&format!("review: {{owners: [\"{beginning}{long}\"]}}")));
        assert!(shown.contains("in the open") && !shown.contains(long), "{beginning}:\n{shown}");
    }
}
