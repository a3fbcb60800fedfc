use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

fn addressing() -> Addressing {
    Addressing { prefix: "/model".to_owned(), login: "mergewright".to_owned() }
}

fn models(names: &[&str]) -> BTreeSet<ModelName> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

fn hear(body: &str) -> Vec<Parsed> {
    parse(body, &addressing(), &models(&["iris", "fraud"]))
}

/// What a comment says, each command written out and each refusal by its first words.
fn said(body: &str) -> Vec<String> {
    let say = |parsed: Parsed| match parsed.command {
        Ok(command) => command.to_string(),
        Err(error) => format!("error: {}", error.message),
    };
    hear(body).into_iter().map(say).collect()
}

#[track_caller]
fn says(body: &str, expected: &[&str]) {
    assert_eq!(said(body), expected, "{body:?}");
}

#[track_caller]
fn silent(body: &str) {
    says(body, &[]);
}

#[track_caller]
fn refuses(line: &str, message: &str) {
    let body = format!("/model {line}");
    let found = said(&body);
    assert_eq!(found.len(), 1, "{body:?}: {found:?}");
    assert!(found[0].starts_with("error: ") && found[0].contains(message), "{body:?}: {found:?}");
}

/// The command of a line where the models are not known.
#[track_caller]
fn unknowing(line: &str, expected: Result<(Option<&str>, Verb), &str>) {
    let parsed = parse(&format!("/model {line}"), &addressing(), &BTreeSet::new()).remove(0).command;
    match (parsed, expected) {
        (Ok(command), Ok((model, verb))) => {
            assert_eq!(command, Command { verb, model: model.map(|name| name.parse().unwrap()) }, "{line}");
        }
        (Err(error), Err(message)) => assert!(error.message.contains(message), "{line}: {error:?}"),
        (parsed, expected) => panic!("{line}: {parsed:?} instead of {expected:?}"),
    }
}

mod where_a_command_may_stand {
    use super::*;

    #[test]
    fn a_line_of_its_own_with_any_spaces_and_line_ends() {
        for body in [
            "/model status",
            "  /model status  ",
            "/model status\r",
            "/model status\r\nthanks",
            "Hello\r\n/model status\r\n",
            "hello\r/model status\rbye",
            "hello  \n/model   status",
            "hello\\\n/model status",
            "/MODEL Status",
            "/model\u{a0}status",
            "\n\n\n\n/model status\n\n\n",
        ] {
            says(body, &["status"]);
        }
    }

    #[test]
    fn a_mention_is_as_good_as_the_prefix() {
        says("@mergewright status", &["status"]);
        says("@MergeWright status", &["status"]);
        let app = Addressing { login: "mergewright[bot]".to_owned(), ..addressing() };
        assert!(parse("@mergewright status", &app, &BTreeSet::new())[0].command.is_ok(), "an App's slug");
        let spelt = Addressing { login: "my_bot_2".to_owned(), ..addressing() };
        assert!(parse("@my_bot_2 status", &spelt, &BTreeSet::new())[0].command.is_ok());
    }

    #[test]
    fn list_items_and_paragraphs_of_them() {
        says("- /model status\n- /model cancel\n\n  text\n\n  /model retry", &["status", "cancel", "retry"]);
        says("1. first\n   /model status\n2. * /model cancel", &["status", "cancel"]);
        silent("- [ ] /model status");
    }

    #[test]
    fn never_in_code() {
        for body in [
            "```\n/model publish\n```",
            "```sh\n/model publish\n```",
            "~~~\n/model publish\n~~~",
            "```\n/model publish",
            "~~~ x\n\n/model publish\n\n",
            "    /model publish",
            "\t/model publish",
            "`/model publish`",
            "``\n/model publish\n``",
            "`a\n/model publish\nb`",
            "```\r\n/model publish\r\n```\r\n",
            "````\n```\n/model publish\n```\n````",
            "```\n/model publish\n`````",
            "- a\n  ```\n  /model publish\n  ```",
            "> ```\n> /model publish\n> ```",
            "text\n\n      /model publish",
            "```\n/model publish\n```   ",
            "- \n      /model publish",
        ] {
            silent(body);
        }
    }

    #[test]
    fn never_in_quotes() {
        for body in [
            "> /model publish",
            ">/model publish",
            "> a\n/model publish",
            "> > a\n> /model publish",
            "> - a\n/model publish",
            "> a\n\n> /model publish",
            "> [!NOTE]\n> /model publish",
            ">>>\n/model publish\n>>>",
            ">>>\na\n\n/model publish\n\n>>>",
            ">>>\n/model publish",
            ">>>>\n>>>\na\n>>>\n/model publish\n>>>>",
            "```\n>>>\n```\n\n>>>\n/model publish\n>>>",
        ] {
            silent(body);
        }
    }

    #[test]
    fn never_in_html_nor_where_it_could_be_hidden() {
        for body in [
            "<!-- /model publish -->",
            "<!--\n/model publish\n-->",
            "a <!--\n/model publish\n--> b",
            "<!--\n\n/model publish\n\n-->",
            "<details>\n/model publish\n</details>",
            "<details>\n\n/model publish\n\n</details>",
            "<details><summary>x</summary>\n\n- /model publish",
            "<b>/model publish</b>",
            "a <b>\n/model publish\n</b>",
            "<div>\n/model publish\n</div>",
            "<table><tr><td>\n\n/model publish\n\n</td></tr></table>",
            "<pre>\n\n/model publish\n\n</pre>",
            "<?php\n/model publish\n?>",
            "<![CDATA[\n/model publish\n]]>",
            "<br>/model publish",
        ] {
            silent(body);
        }
    }

    #[test]
    fn never_in_anything_that_dresses_text_up() {
        for body in [
            "# /model publish",
            "/model publish\n===",
            "/model publish\n---",
            "[/model publish](x)",
            "[a\n/model publish\n](x)",
            "[/model publish]: x",
            "[a]: /model\n",
            "*/model publish*",
            "**/model publish**",
            "_a\n/model publish\nb_",
            "~~/model publish~~",
            "![/model publish](x)",
            "| a |\n|---|\n| /model publish |",
            "/model publish | a\n---|---\n/model publish | b",
            "a[^1]\n\n[^1]: /model publish",
            "\\/model publish",
            "&#47;model publish",
            "/model&#32;publish x",
        ] {
            silent(body);
        }
    }

    #[test]
    fn again_after_what_hides_has_ended() {
        for body in [
            "<!-- x -->\n/model status",
            "```\nx\n```\n/model status",
            "> quote\n\n/model status",
            "<details>\nx\n</details>\n\n/model status",
            "<b>x</b>\n\n/model status",
            "# x\n/model status",
            ">>>\nx\n>>>\n/model status",
            "use the <name> here\n\n/model status",
            "a<br>\n/model status",
            "*x*\n/model status",
            "| a |\n|---|\n\n/model status",
            "/model status\n\n```\n/model publish\n```",
            "> /model publish\n\n/model status\n\n    /model publish",
        ] {
            says(body, &["status"]);
        }
    }

    #[test]
    fn only_as_the_first_word_and_as_the_whole_word() {
        for body in [
            "/modelx status",
            "/models status",
            "a/model status",
            "mail@mergewright status",
            "please /model status",
            "@mergewright2 status",
            "@merge status",
            "model status",
            "//model status",
            "@mergewright: status",
            "cc @mergewright",
            "/mo\u{200b}del status",
            "\u{200b}/model status",
            "\u{202e}/model status",
            "/approve",
            "/publish",
            "status",
            "",
        ] {
            silent(body);
        }
    }
}

mod what_is_answered_with_an_error {
    use super::*;

    #[test]
    fn an_unknown_verb_once_with_the_nearest() {
        says("/model pubish", &["error: there is no command `pubish`; did you mean `publish`?"]);
        says("/model frobnicate", &["error: there is no command `frobnicate`"]);
        assert_eq!(hear("/model frobnicate")[0].command.as_ref().unwrap_err().usage, "/model help");
        says("@mergewright thanks!", &["error: there is no command `thanks!`"]);
        says("/model", &["error: the command is missing"]);
        refuses("@other status", "no command `@other`");
    }

    #[test]
    fn an_invisible_character_in_the_verb_makes_it_another_word() {
        for invisible in ['\u{200b}', '\u{200d}', '\u{202e}', '\u{2066}', '\u{feff}', '\u{ad}'] {
            refuses(&format!("pub{invisible}lish"), "there is no command");
            refuses(&format!("{invisible}publish"), "there is no command");
            refuses(&format!("approve 1a2b3c4{invisible}"), "not expected");
        }
        refuses("publısh", "there is no command");
    }

    #[test]
    fn a_line_that_is_not_plain_text() {
        for line in [
            "`publish`",
            "**publish**",
            "publish <!-- iris -->",
            "publish [now](x)",
            "publish `iris`",
            "publish <b>",
            "publish `iris\niris`",
            "publish *a\nb*",
        ] {
            refuses(line, "a command is plain text");
        }
    }

    #[test]
    fn text_after_the_arguments_with_the_usage() {
        for line in [
            "help me",
            "status iris now",
            "approve please",
            "approve 1a2b3c4 thanks",
            "cancel iris fraud",
            "publish 1a2b3c4 2a2b3c4",
            "publish iris @other help",
            "rollback production v3",
            "unapprove, sorry",
            "run build test",
            "promote v3 production now",
            "abort production now",
            "regenerate everything",
            "blame production 2026-01-01T00:00:00Z now",
            "explain iris build build",
            "describe v3 v4",
            "rollback production to v3 v4",
        ] {
            let error = hear(&format!("/model {line}")).remove(0).command.unwrap_err();
            let verb = line.split([' ', ',']).next().unwrap();
            if table().iter().any(|entry| line.split(' ').next() == Some(entry.word)) {
                assert!(error.usage.starts_with(&format!("/model {verb}")), "{line}: {error:?}");
                assert!(error.message.contains("not expected"), "{line}: {error:?}");
            } else {
                assert!(error.message.contains("there is no command"), "{line}: {error:?}");
            }
        }
    }

    #[test]
    fn a_misspelt_model_or_option_with_the_nearest() {
        refuses("approve irs", "did you mean the model `iris`?");
        refuses("status Iris", "did you mean the model `iris`?");
        refuses("publish --dryrun", "`--dryrun` is not expected here");
        refuses("publish \u{2014}dry-run", "not expected here");
    }

    #[test]
    fn whatever_is_missing_by_name() {
        refuses("promote", "the version (REF) is missing");
        refuses("promote v3", "the environment is missing");
        refuses("promote iris v3", "the environment is missing");
        refuses("describe iris", "the version (REF) is missing");
        refuses("waive", "the rule is missing");
        refuses("waive latency", "the reason is missing");
        refuses("waive iris latency", "the reason is missing");
        refuses("retire v3", "the reason is missing");
        refuses("rollback production to", "the version (REF) is missing");
        refuses("hold \"\"", "the reason is empty");
        refuses("hold \"waiting", "not closed");
        refuses("hold “waiting", "not closed");
    }

    #[test]
    fn arguments_that_want_to_be_something_else() {
        let hostile = [
            "../../../etc/passwd",
            "~root",
            "$(id)",
            "a&&id",
            "-chdir",
            "--help",
            "*",
            "v1;id",
            "`id",
            "a|b",
            "..",
            ".",
            "/etc",
            "%2e%2e/x",
            "iris@../x",
            "@iris",
            "iris@",
            "'v1'",
            "\u{202e}v1",
            "v1/../..",
            "\\v1",
        ];
        for word in hostile {
            for line in [
                format!("approve {word}"),
                format!("run {word}"),
                format!("describe {word}"),
                format!("promote {word} production"),
                format!("promote v1 {word}"),
                format!("abort {word}"),
                format!("rollback production to {word}"),
                format!("blame production {word}"),
                format!("retire {word} because"),
                format!("waive {word} because"),
                format!("explain {word}"),
                format!("publish iris {word}"),
            ] {
                let found = said(&format!("/model {line}"));
                assert!(found.len() == 1 && found[0].starts_with("error: "), "{line}: {found:?}");
            }
        }
        refuses("abort to", "cannot be an environment");
        refuses("promote v1 to production", "cannot be an environment");
        refuses("promote iris fraud@v1 production", "of two models");
        refuses("blame production yesterday", "is not a time");
        refuses(&format!("approve {}", "a".repeat(65)), "not expected");
        refuses("approve 1a2b3c", "not expected");
    }

    #[test]
    fn what_is_too_long_or_too_many() {
        refuses(&format!("hold {}", "x".repeat(arguments::LONGEST_REASON + 1)), "the reason is longer");
        says(&format!("/model hold {}", "x".repeat(500)), &[&format!("hold \"{}\"", "x".repeat(500))]);
        refuses(&format!("hold {}", "x".repeat(LONGEST_LINE)), "the line is longer");
        refuses("hold a\u{202e}b", "text-direction");

        let exactly = "/model status\n".repeat(MOST_COMMANDS);
        assert_eq!(said(&exactly), vec!["status"; MOST_COMMANDS]);
        let found = said(&"/model status\n".repeat(MOST_COMMANDS + 5));
        assert_eq!(found.len(), MOST_COMMANDS + 1);
        assert!(found[MOST_COMMANDS].contains("a comment may hold 20 commands"), "{found:?}");

        let found = said(&("/model status\n".to_owned() + &"x".repeat(LONGEST_COMMENT)));
        assert!(found.len() == 1 && found[0].contains("the comment is longer"), "{found:?}");
        silent(&"x".repeat(LONGEST_COMMENT + 1));
    }

    #[test]
    fn an_answer_repeats_little_of_what_it_was_told() {
        let parsed = hear(&format!("/model {}", "ü\\`".repeat(500))).remove(0);
        assert_eq!(parsed.line.chars().count(), 200);
        let message = parsed.command.unwrap_err().message;
        assert!(message.chars().count() < 120 && message.matches('`').count() == 2, "{message}");
    }
}

mod what_a_line_means {
    use super::*;

    fn model(name: &str) -> Option<&str> {
        Some(name)
    }

    fn sha(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn several_commands_come_in_order_with_the_line_as_written() {
        let found = hear("Looks good.\n/model   approve IRIS-not\n\n@mergewright publish --when-ready");
        assert_eq!(found[0].line, "/model   approve IRIS-not");
        assert!(found[0].command.is_err());
        assert_eq!(found[1].line, "@mergewright publish --when-ready");
        let publish = Verb::Publish { sha: None, dry_run: false, when_ready: true };
        assert_eq!(found[1].command, Ok(Command { verb: publish, model: None }));
    }

    #[test]
    fn the_model_is_the_first_argument_where_the_repository_has_it() {
        for (line, expected) in [
            ("status", "status"),
            ("STATUS iris", "status iris"),
            ("approve iris", "approve iris"),
            ("approve 1A2B3C4", "approve 1a2b3c4"),
            ("approve iris 1a2b3c4", "approve iris 1a2b3c4"),
            ("run build", "run build"),
            ("run iris Test 1a2b3c4d", "run iris test 1a2b3c4d"),
            ("retry 1a2b3c4", "retry 1a2b3c4"),
            ("publish iris 1a2b3c4 --dry-run", "publish iris 1a2b3c4 --dry-run"),
            ("publish --when-ready --DRY-RUN iris", "publish iris --dry-run --when-ready"),
            ("promote v3 production", "promote v3 production"),
            ("promote iris v3 production", "promote iris v3 production"),
            ("promote iris@v3 production", "promote iris@v3 production"),
            ("promote iris iris@v3.0.0 production", "promote iris@v3.0.0 production"),
            ("promote staging production", "promote staging production"),
            ("promote 2026-11-23T03:00:00+08:00 production", "promote 2026-11-23T03:00:00+08:00 production"),
            ("promote sha256:1a2b3c4 production", "promote sha256:1a2b3c4 production"),
            ("rollback production", "rollback production"),
            ("rollback iris production TO v2", "rollback iris production to v2"),
            ("abort iris iris", "abort iris iris"),
            ("waive latency too noisy today", "waive latency \"too noisy today\""),
            ("waive iris latency \"too noisy\"", "waive iris latency \"too noisy\""),
            ("waive iris iris noisy", "waive iris iris \"noisy\""),
            ("waive auc@region/eu%x noisy", "waive auc@region/eu%x \"noisy\""),
            ("waive precision_at_k it's noisy", "waive precision_at_k \"it's noisy\""),
            ("hold", "hold"),
            ("hold iris", "hold iris"),
            ("hold iris looks odd", "hold iris \"looks odd\""),
            ("hold \"iris looks odd\"", "hold \"iris looks odd\""),
            ("hold say \"no\" to it", "hold 'say \"no\" to it'"),
            ("hold 'tis odd", "hold \"'tis odd\""),
            ("hold see https://a.example/?q=1&r=2 👩‍🔬", "hold \"see https://a.example/?q=1\\&r=2 👩‍🔬\""),
            ("retire v3 leaks data", "retire v3 \"leaks data\""),
            ("retire iris v3 leaks", "retire iris v3 \"leaks\""),
            ("blame production 2026-11-23T03:00:00Z", "blame production 2026-11-23T03:00:00Z"),
            ("blame iris production", "blame iris production"),
            ("explain fraud Review", "explain fraud review"),
            ("describe iris@v42", "describe iris@v42"),
        ] {
            says(&format!("/model {line}"), &[expected]);
        }
    }

    #[test]
    fn without_the_names_of_the_models_place_and_shape_decide() {
        let publish = Verb::Publish { sha: None, dry_run: true, when_ready: false };
        unknowing("approve iris", Ok((model("iris"), Verb::Approve { sha: None })));
        unknowing("approve 1a2b3c4", Ok((None, Verb::Approve { sha: sha("1a2b3c4") })));
        unknowing("approve deadbeef 1a2b3c4", Ok((model("deadbeef"), Verb::Approve { sha: sha("1a2b3c4") })));
        unknowing("publish iris --dry-run", Ok((model("iris"), publish)));
        unknowing("run test", Ok((None, Verb::Run { stage: sha("test"), sha: None })));
        unknowing("run iris test", Ok((model("iris"), Verb::Run { stage: sha("test"), sha: None })));
        unknowing("explain iris", Ok((model("iris"), Verb::Explain { stage: None })));
        let promote = |reference: &str| Verb::Promote {
            reference: reference.to_owned(),
            environment: "production".to_owned(),
        };
        unknowing("promote v3 production", Ok((None, promote("v3"))));
        unknowing("promote iris v3 production", Ok((model("iris"), promote("v3"))));
        unknowing("promote v3 to production", Err("names no version"));
        let abort = |environment: &str| Verb::Abort { environment: environment.to_owned() };
        unknowing("abort production", Ok((None, abort("production"))));
        unknowing("abort iris production", Ok((model("iris"), abort("production"))));
        let rollback = |reference: Option<&str>| Verb::Rollback {
            environment: "production".to_owned(),
            reference: reference.map(str::to_owned),
        };
        unknowing("rollback production", Ok((None, rollback(None))));
        unknowing("rollback production to v2", Ok((None, rollback(Some("v2")))));
        unknowing("rollback iris production to v2", Ok((model("iris"), rollback(Some("v2")))));
        let blame = |time: Option<&str>| Verb::Blame {
            environment: "production".to_owned(),
            time: time.map(str::to_owned),
        };
        unknowing("blame production", Ok((None, blame(None))));
        unknowing("blame iris production", Ok((model("iris"), blame(None))));
        let time = "2026-11-23T03:00:00Z";
        unknowing(&format!("blame production {time}"), Ok((None, blame(Some(time)))));
        unknowing("hold iris looks odd", Ok((None, Verb::Hold { reason: sha("iris looks odd") })));
        let waive = Verb::Waive { rule: "iris".to_owned(), reason: "noisy".to_owned() };
        unknowing("waive iris noisy", Ok((None, waive)));
        let retire = Verb::Retire { reference: "v3".to_owned(), reason: "leaks".to_owned() };
        unknowing("retire iris v3 leaks", Ok((model("iris"), retire.clone())));
        unknowing("retire v3 leaks", Ok((None, retire)));
        unknowing("approve please now", Err("not expected"));
    }
}

mod the_help {
    use super::*;

    #[test]
    fn has_a_line_for_every_verb() {
        let help = help(&addressing());
        for entry in table() {
            let line = help.lines().find(|line| line.starts_with(&format!("- `/model {}`", entry.usage())));
            let line = line.unwrap_or_else(|| panic!("no line for {}", entry.word));
            assert!(line.contains(entry.help) && line.contains(&entry.who.to_string()), "{line}");
        }
    }

    #[test]
    fn mentions_nobody_and_commands_nothing_when_it_is_posted() {
        silent(&help(&addressing()));
    }
}

/// A command as its usage describes it, with arguments of the right kind.
fn a_command() -> impl Strategy<Value = Command> {
    let sha = || proptest::option::of("[0-9a-f]{7,64}");
    let environment = || "e[a-z0-9-]{0,8}[a-z0-9]";
    let reference = || "v[0-9]{1,3}(\\.[0-9]{1,3}){0,2}|[0-9a-f]{7,40}|e[a-z]{1,6}";
    let stage = || proptest::option::of(prop_oneof!["build", "test"]);
    // As shown: what Markdown would make of it is written out as itself.
    let reason = || {
        let text =
            "[a-z*_`<&~\\[\\\\][ a-zA-Z0-9.,:;'\"!?()=+%$@#/äß👍*_`<>&~|\\[\\]\\\\-]{0,40}[a-z.*_`>\\]\\\\]";
        text.prop_map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "))
    };
    let time = || proptest::option::of(Just("2026-11-23T03:00:00Z".to_owned()));
    let verb = prop_oneof![
        Just(Verb::Status),
        Just(Verb::Versions),
        reference().prop_map(|reference| Verb::Describe { reference }),
        (environment(), time()).prop_map(|(environment, time)| Verb::Blame { environment, time }),
        stage().prop_map(|stage| Verb::Explain { stage }),
        (stage(), sha()).prop_map(|(stage, sha)| Verb::Run { stage, sha }),
        sha().prop_map(|sha| Verb::Retry { sha }),
        Just(Verb::Cancel),
        sha().prop_map(|sha| Verb::Approve { sha }),
        Just(Verb::Unapprove),
        proptest::option::of(reason()).prop_map(|reason| Verb::Hold { reason }),
        Just(Verb::Unhold),
        ("[a-z0-9äλ][a-z0-9._@/:+%äλ-]{0,20}[a-z]", reason())
            .prop_filter("no parent folders", |(rule, _)| !rule.contains(".."))
            .prop_map(|(rule, reason)| Verb::Waive { rule, reason }),
        (sha(), any::<bool>(), any::<bool>()).prop_map(|(sha, dry_run, when_ready)| Verb::Publish {
            sha,
            dry_run,
            when_ready
        }),
        (reference(), environment())
            .prop_map(|(reference, environment)| Verb::Promote { reference, environment }),
        (environment(), proptest::option::of(reference()))
            .prop_map(|(environment, reference)| Verb::Rollback { environment, reference }),
        environment().prop_map(|environment| Verb::Abort { environment }),
        (reference(), reason()).prop_map(|(reference, reason)| Verb::Retire { reference, reason }),
        Just(Verb::Regenerate),
    ];
    let model = proptest::option::of(prop_oneof!["iris", "fraud"]);
    let model = model.prop_map(|name| name.map(|name| name.parse().unwrap()));
    prop_oneof![
        1 => Just(Command { verb: Verb::Help, model: None }),
        19 => (verb, model).prop_map(|(verb, model)| Command { verb, model }),
    ]
}

/// Places where nothing is a command.
fn hidden(line: &str) -> impl Strategy<Value = String> + use<> {
    let line = line.to_owned();
    prop_oneof![
        Just(format!("```\n{line}\n```")),
        Just(format!("~~~~ x\n{line}\n~~~~")),
        Just(format!("    {line}")),
        Just(format!("> {line}")),
        Just(format!("> a\n{line}")),
        Just(format!("<!--\n{line}\n-->")),
        Just(format!("<details>\n\n{line}\n\n</details>")),
        Just(format!("# {line}")),
        Just(format!(">>>\n{line}\n>>>")),
        Just(format!("`{line}`")),
        Just(format!("\\{line}")),
    ]
}

proptest! {
    #[test]
    fn any_text_is_read_without_a_panic(
        text in "(/model|@mergewright|[a-z]+|[ \\n\\r\\t>*_`<>!\\[\\]()|~#-]{1,4}|\\PC|[0-9a-f]{7}|<b>|<!--|-->){0,60}"
    ) {
        let found = hear(&text);
        prop_assert!(found.len() <= MOST_COMMANDS + 1);
        for parsed in found {
            prop_assert!(parsed.line.chars().count() <= 200);
        }
    }

    #[test]
    fn any_words_after_a_verb_are_understood_or_refused(
        verb in proptest::sample::select(table()), words in "\\PC{0,60}"
    ) {
        for models in [models(&["iris"]), BTreeSet::new()] {
            let line = format!("/model {} {words}", verb.word);
            for parsed in parse(&line, &addressing(), &models) {
                if let Ok(command) = parsed.command {
                    prop_assert_eq!(command.verb.word(), verb.word);
                }
            }
        }
    }

    #[test]
    fn a_command_written_out_reads_as_itself(command in a_command()) {
        let body = format!("/model {command}");
        let found = hear(&body);
        prop_assert_eq!(found.len(), 1, "{}", &body);
        prop_assert_eq!(&found[0].command, &Ok(command), "{}", &body);
    }

    #[test]
    fn what_is_hidden_never_acts(
        (command, body) in a_command().prop_flat_map(|command| {
            let line = format!("/model {command}").replace(['`', '<', '>'], "");
            (Just(command), hidden(&line))
        }),
        around in "[a-z ]{0,10}"
    ) {
        let body = format!("{around}\n\n{body}\n\n{around}");
        prop_assert!(hear(&body).is_empty(), "{command:?} in {body:?}");
        let twice = format!("{body}\n\n/model status");
        prop_assert!(hear(&twice).len() <= 1, "{twice:?}");
    }
}

#[test]
fn a_pasted_megabyte_is_read_in_linear_time() {
    // What takes quadratic time would not end within anybody's patience.
    const MEGABYTE: usize = 1 << 20;
    let deep = "+ ".repeat(MEGABYTE / 4) + &"\n".repeat(MEGABYTE / 2) + "/model status";
    assert!(hear(&deep).len() <= 1);
    assert_eq!(hear(&"/model status\n".repeat(MEGABYTE / 14)).len(), MOST_COMMANDS + 1);
    for pattern in [
        "> ",
        "+ ",
        "`",
        "*a ",
        "_a*",
        "[",
        "![](",
        "<b>",
        "<!--",
        "\n",
        "- a\n\n",
        "|a\n|-\n",
        "&amp;",
        "\\",
        "~~",
        "/model ",
        "1. ",
        "[a]: b\n",
        "[^a]",
        ">>>\n",
        "<details>\n\n",
        "/model hold `a\n",
        "é",
    ] {
        let body = pattern.repeat(MEGABYTE / 8 / pattern.len()) + "\n\n/model status\n";
        assert!(hear(&body).len() <= MOST_COMMANDS + 1, "{pattern:?}");
    }
}

#[test]
fn a_reference_that_names_its_model_is_written_once() {
    let models = BTreeSet::new();
    for line in ["promote itis@v42 production", "describe itis@v42", "rollback production to itis@v42"] {
        let read = |line: &str| parse(&format!("/model {line}"), &addressing(), &models).remove(0).command;
        let command = read(line).unwrap();
        assert_eq!(command.to_string(), line);
        assert_eq!(read(&command.to_string()), Ok(command));
    }
}
