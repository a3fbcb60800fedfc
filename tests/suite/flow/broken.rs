//! Repositories that the forge cannot tell of: the sweep goes on with the others.

use std::sync::Arc;
use std::time::Duration;

use mergewright::domain::ForgeKind;
use mergewright::sandbox::{Chooser, Fault, File, Role, SandboxProject};

use super::Play;
use super::forges::on_both_forges;
use super::missed::sweeps;
use super::play::{AUTHOR, BOT, IRIS, founded_at, usual_files};

on_both_forges! {
    one_that_cannot_be_read_does_not_stop_the_others,
    one_whose_comments_cannot_be_read_does_not_stop_the_others,
    after_many_in_a_row_the_forge_is_left_alone_and_the_next_sweep_goes_on_behind_them,
    a_name_that_cannot_be_looked_for_does_not_stop_the_others,
    a_name_that_leads_to_another_repository_by_now_is_looked_for_anew,
}

const NAMED: &str = "repositories: [\"group/models\", \"group/others\", \"group/third\", \"group/fourth\", \"group/fifth\"]\n";

/// The bot hears of nothing that happens in these repositories beside the usual one.
async fn serving(forge: ForgeKind, others: &[&str]) -> (Play, Vec<SandboxProject>) {
    let play = Play::serving(forge, IRIS, NAMED).await;
    play.parts_the_bots();
    let found = |path: &&str| {
        let project = founded_at(&play.sandbox, path, &usual_files(forge, IRIS));
        project.member(BOT, Role::Maintainer).unwrap();
        project
    };
    let projects = others.iter().map(found).collect();
    (play, projects)
}

fn opens(project: &SandboxProject) -> u64 {
    let main = project.branch("main").unwrap();
    let files = [File::write("models/iris/params.json", "{\"longer\": true}\n")];
    project.branch_off(AUTHOR, "longer", &main, &files, "Longer").unwrap();
    project.open_merge_request(AUTHOR, "longer", "Longer").unwrap()
}

fn labels(project: &SandboxProject, number: u64) -> Vec<String> {
    project.merge_request(number).unwrap().labels.into_iter().collect()
}

/// Every call whose address has one of these in it fails.
fn failing(parts: Vec<String>) -> Option<Chooser> {
    Some(Arc::new(move |_method: &str, path: &str| {
        parts.iter().any(|part| path.contains(part.as_str())).then(|| Fault::status(500))
    }))
}

/// Part of the address of a list of merge requests.
fn list(forge: ForgeKind, project: &SandboxProject, path: &str) -> String {
    match forge {
        ForgeKind::GitLab => format!("/projects/{}/merge_requests", project.id()),
        ForgeKind::GitHub => format!("/repos/{path}/pulls"),
    }
}

async fn one_that_cannot_be_read_does_not_stop_the_others(forge: ForgeKind) {
    let (mut play, others) = serving(forge, &["group/others"]).await;
    let number = opens(&others[0]);
    play.sandbox.choose_failures(failing(vec![list(forge, &play.project, "group/models")]));
    let swept = sweeps(&mut play).await;
    assert_eq!((swept.repositories, swept.failed), (1, 1));
    assert_eq!(labels(&others[0], number), ["model::building"]);

    // As often as it is asked.
    let comment = others[0].comment(AUTHOR, number, "/model status").unwrap().unwrap();
    let swept = sweeps(&mut play).await;
    assert_eq!((swept.repositories, swept.failed), (1, 1));
    let marker = format!("<!-- mergewright:reply:{comment} -->");
    let answered = |body: &str| body.starts_with(&marker);
    assert!(others[0].comments(number).unwrap().iter().any(|one| answered(&one.body)));

    play.sandbox.choose_failures(None);
    let swept = sweeps(&mut play).await;
    assert_eq!((swept.repositories, swept.failed), (2, 0));
    play.ends().await;
}

async fn one_whose_comments_cannot_be_read_does_not_stop_the_others(forge: ForgeKind) {
    let (mut play, others) = serving(forge, &["group/others"]).await;
    let mine = play.opens("Train longer").await;
    let number = opens(&others[0]);
    let comments = match forge {
        ForgeKind::GitLab => format!("/projects/{}/merge_requests/{mine}/notes", play.project.id()),
        ForgeKind::GitHub => format!("/repos/group/models/issues/{mine}/comments"),
    };
    play.sandbox.choose_failures(failing(vec![comments]));
    let swept = sweeps(&mut play).await;
    assert_eq!((swept.repositories, swept.failed), (1, 1));
    assert_eq!(labels(&others[0], number), ["model::building"]);
    play.sandbox.choose_failures(None);
    play.ends().await;
}

async fn after_many_in_a_row_the_forge_is_left_alone_and_the_next_sweep_goes_on_behind_them(
    forge: ForgeKind,
) {
    let paths = ["group/others", "group/third", "group/fourth", "group/fifth"];
    let (mut play, others) = serving(forge, &paths).await;
    let number = opens(&others[3]);
    // The first four of five.
    let mut broken = vec![list(forge, &play.project, "group/models")];
    broken.extend(others.iter().zip(paths).take(3).map(|(project, path)| list(forge, project, path)));
    play.sandbox.choose_failures(failing(broken));
    let swept = sweeps(&mut play).await;
    assert_eq!((swept.repositories, swept.failed), (0, 3), "three in a row are taken for all");
    let swept = sweeps(&mut play).await;
    assert_eq!((swept.repositories, swept.failed), (1, 4), "behind them, and then from the first again");
    assert_eq!(labels(&others[3], number), ["model::building"]);
    play.sandbox.choose_failures(None);
    play.ends().await;
}

async fn a_name_that_cannot_be_looked_for_does_not_stop_the_others(forge: ForgeKind) {
    let (mut play, others) = serving(forge, &["group/others", "group/third"]).await;
    let number = opens(&others[1]);
    let name = match forge {
        ForgeKind::GitLab => "/projects/group%2Fothers",
        ForgeKind::GitHub => "/repos/group/others",
    };
    play.sandbox.choose_failures(failing(vec![name.to_owned()]));
    let swept = sweeps(&mut play).await;
    assert_eq!(swept.repositories, 2);
    assert_eq!(labels(&others[1], number), ["model::building"]);
    play.sandbox.choose_failures(None);
    play.ends().await;
}

async fn a_name_that_leads_to_another_repository_by_now_is_looked_for_anew(forge: ForgeKind) {
    let mut play = Play::serving(forge, IRIS, "repositories: [\"group/models\"]\n").await;
    play.parts_the_bots();
    assert_eq!(sweeps(&mut play).await.repositories, 1);
    play.project.rename("away/models").unwrap();
    let new = founded_at(&play.sandbox, "group/models", &usual_files(forge, IRIS));
    new.member(BOT, Role::Maintainer).unwrap();
    let number = opens(&new);
    // What a path is, is taken to be so for an hour.
    play.passes(Duration::from_secs(3600)).await;
    for _ in 0..2 {
        sweeps(&mut play).await;
    }
    assert_eq!(labels(&new, number), ["model::building"]);
    play.ends().await;
}
