//! The calls that are printed are the very calls that the bot makes: both are played on one forge.

use mergewright::cli::replay::{Arguments, replay};
use mergewright::domain::ForgeKind;
use mergewright::sandbox::{Delivery, File};
use serde_json::{Value, json};

use crate::flow::Play;
use crate::flow::forges::{Told, on_both_forges};
use crate::flow::play::{AUTHOR, BOT};

on_both_forges! {
    what_is_printed_for_an_opened_merge_request_is_what_the_bot_does,
    what_is_printed_for_a_question_is_what_the_bot_does,
}

/// Asks the forge for everything that the replay names as unknown, as somebody with curl would.
async fn facts(play: &Play, unknown: &[Value]) -> Value {
    let client = reqwest::Client::new();
    let base = if play.forge == ForgeKind::GitLab { "/api/v4" } else { "" };
    let mut answers = serde_json::Map::new();
    for name in unknown.iter().filter_map(Value::as_str) {
        let (method, path) = name.split_once(' ').unwrap();
        let url = format!("{}{base}{path}", play.sandbox.url());
        let request = client.request(method.parse().unwrap(), url);
        let request = request.header("private-token", play.bot.token()).bearer_auth(play.bot.token());
        let answer = request.header("accept", "application/vnd.github.raw+json").send().await.unwrap();
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        answers.insert(name.to_owned(), json!({ "status": status, "body": body }));
    }
    Value::Object(answers)
}

/// Plays a delivery that has not gone out yet, asking for what is unknown until nothing is.
async fn played(play: &Play, delivery: &Delivery) -> Vec<Value> {
    let folder = tempfile::tempdir().unwrap();
    let [file, known] = ["payload.json", "facts.json"].map(|name| folder.path().join(name));
    std::fs::write(&file, &delivery.body).unwrap();
    let mut answers = serde_json::Map::new();
    for _ in 0..20 {
        std::fs::write(&known, json!({ "answers": answers }).to_string()).unwrap();
        let arguments = Arguments {
            file: file.clone(),
            forge: play.forge,
            event: delivery.event.to_owned(),
            facts: Some(known.clone()),
            repo: None,
        };
        // It has a runtime of its own.
        let answer = std::thread::spawn(move || replay(&arguments)).join().unwrap();
        assert_eq!(answer.status, 0, "{}", answer.err);
        let lines: Vec<Value> = answer.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let unknown = lines[0]["decision"]["unknown"].as_array().unwrap();
        if unknown.is_empty() {
            return lines;
        }
        let more = facts(play, unknown).await;
        answers.extend(more.as_object().unwrap().clone());
    }
    panic!("there is no end of what is unknown: {answers:?}");
}

/// What the bot wrote since the first `before` requests, as the replay prints it.
fn wrote(play: &Play, before: usize) -> Vec<(String, String, Value)> {
    let all = play.sandbox.requests();
    let ours = all.into_iter().skip(before).filter(|one| one.by.as_deref() == Some(BOT));
    let writes = ours.filter(|one| !matches!(one.method.as_str(), "GET" | "HEAD"));
    let url = |path: &str| format!("{}{path}", play.sandbox.url());
    let mut wrote: Vec<_> = writes.map(|one| (one.method, url(&one.url), one.body)).collect();
    wrote.sort_by_key(|(method, url, body)| format!("{method} {url} {body}"));
    wrote
}

fn printed(lines: &[Value]) -> Vec<(String, String, Value)> {
    let text = |call: &Value, key: &str| call[key].as_str().unwrap().to_owned();
    let calls = lines[1..].iter().map(|call| (text(call, "method"), text(call, "url"), call["body"].clone()));
    let mut calls: Vec<_> = calls.collect();
    calls.sort_by_key(|(method, url, body)| format!("{method} {url} {body}"));
    calls
}

fn pending(play: &Play, told: Told) -> Delivery {
    let pending = play.sandbox.pending_deliveries();
    pending.into_iter().find(|one| told.by(play.forge, one.event)).unwrap()
}

async fn what_is_printed_for_an_opened_merge_request_is_what_the_bot_does(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let main = play.project.branch("main").unwrap();
    let files = [File::write("models/iris/params.json", "{\"depth\": 3}\n")];
    play.project.branch_off(AUTHOR, "deeper", &main, &files, "Go deeper").unwrap();
    let number = play.project.open_merge_request(AUTHOR, "deeper", "Go deeper").unwrap();

    let lines = played(&play, &pending(&play, Told::MergeRequest)).await;
    assert_eq!(lines[0]["decision"]["outcome"], "decided", "{}", lines[0]);
    let before = play.sandbox.requests().len();
    play.settle().await;
    assert_eq!(play.label(number), "model::building");
    assert_eq!(printed(&lines), wrote(&play, before));
    play.ends().await;
}

async fn what_is_printed_for_a_question_is_what_the_bot_does(forge: ForgeKind) {
    let mut play = Play::start(forge).await;
    let main = play.project.branch("main").unwrap();
    let files = [File::write("README.md", "Nothing about a model.\n")];
    play.project.branch_off(AUTHOR, "words", &main, &files, "Say more").unwrap();
    let number = play.project.open_merge_request(AUTHOR, "words", "Say more").unwrap();
    play.settle().await;
    let comment = play.project.comment(AUTHOR, number, "/model help").unwrap().unwrap();

    let lines = played(&play, &pending(&play, Told::Comment)).await;
    let before = play.sandbox.requests().len();
    play.settle().await;
    let reply = play.reply(number, comment);
    assert!(
        printed(&lines)
            .iter()
            .any(|(_, _, body)| { body["body"].as_str().is_some_and(|body| body.ends_with(&reply)) }),
        "{lines:?}"
    );
    // The replay knows nothing of before: what the bot says once is printed again.
    let missing: Vec<_> =
        wrote(&play, before).into_iter().filter(|call| !printed(&lines).contains(call)).collect();
    assert_eq!(missing, []);
    play.ends().await;
}
