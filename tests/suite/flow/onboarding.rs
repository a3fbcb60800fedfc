//! A repository that describes its models and has no generated CI: one merge request proposes it.

use std::time::Duration;

use mergewright::config::repository;
use mergewright::domain::ForgeKind;
use mergewright::generator::{self, Existing};
use mergewright::sandbox::{Fault, File};

use super::Play;
use super::forges::{dialect, on_both_forges};
use super::play::{BOT, IRIS, OWNER};

on_both_forges! {
    a_configuration_alone_gets_one_merge_request_with_its_files,
    as_long_as_it_is_open_it_follows_the_configuration,
    closed_by_a_person_it_comes_back_for_another_configuration_only,
    what_people_wrote_stays_and_ours_is_proposed_beside_it,
    without_a_configuration_or_with_our_files_nothing_is_proposed,
    a_sweep_finds_what_no_webhook_told,
    lost_answers_make_no_second_commit_or_merge_request,
    what_people_push_to_the_branch_is_theirs,
}

const BRANCH: &str = "mergewright/onboarding";

fn begin() -> Vec<File> {
    vec![
        File::write("README.md", "models\n"),
        File::write("models/iris/params.json", "{}\n"),
        File::write("models/iris/data/holdout.csv", "1,2,3\n"),
    ]
}

fn longer() -> String {
    IRIS.replace("train.py\"], ", "train.py --long\"], ")
}

/// The owner pushes to the default branch.
async fn pushes(play: &mut Play, files: &[File]) {
    play.project.push(OWNER, "main", files, "Go on").unwrap();
    play.settle().await;
}

async fn configured(forge: ForgeKind) -> Play {
    let mut play = Play::bare(forge, &begin()).await;
    pushes(&mut play, &[File::write(".mergewright.yml", IRIS)]).await;
    play
}

/// Numbers of the open merge requests of our branch.
fn open(play: &Play) -> Vec<u64> {
    let all = (1..).map_while(|number| play.project.merge_request(number).ok());
    all.filter(|one| one.source_branch == BRANCH && one.is_open()).map(|one| one.number).collect()
}

fn text(play: &Play, path: &str, at: &str) -> String {
    String::from_utf8(play.project.file(path, at).unwrap()).unwrap()
}

fn is_generated(play: &Play, forge: ForgeKind, policy: &str) -> bool {
    let config = repository::parse(policy).unwrap();
    let files = generator::generate(&config, dialect(forge), &Existing::new()).unwrap();
    files.iter().all(|file| text(play, &file.path, BRANCH) == file.content)
}

fn commits(play: &Play) -> usize {
    play.project.commits("main", BRANCH).unwrap().len()
}

async fn a_configuration_alone_gets_one_merge_request_with_its_files(forge: ForgeKind) {
    let mut play = configured(forge).await;
    assert_eq!(open(&play), [1]);
    let request = play.project.merge_request(1).unwrap();
    assert_eq!((request.author, request.target_branch.as_str()), (play.bot.id, "main"));
    assert!(request.description.starts_with("<!-- mergewright:onboarding "), "{}", request.description);
    assert!(is_generated(&play, forge, IRIS) && commits(&play) == 1);

    pushes(&mut play, &[File::write("README.md", "better words\n")]).await;
    assert_eq!((open(&play), commits(&play)), (vec![1], 1), "nothing new to propose");
    play.project.merge(OWNER, 1).unwrap();
    play.settle().await;
    pushes(&mut play, &[File::write(".mergewright.yml", longer())]).await;
    assert_eq!(open(&play), Vec::<u64>::new(), "from now on it is up to people");
    play.ends().await;
}

async fn as_long_as_it_is_open_it_follows_the_configuration(forge: ForgeKind) {
    let mut play = configured(forge).await;
    pushes(&mut play, &[File::write(".mergewright.yml", longer())]).await;
    assert_eq!(open(&play), [1], "never two");
    assert!(is_generated(&play, forge, &longer()));
    assert_eq!(text(&play, ".mergewright.yml", BRANCH), longer(), "they are judged by the same file");
    play.project.merge(OWNER, 1).unwrap();
    play.settle().await;
    assert_eq!(text(&play, ".mergewright.yml", "main"), longer());
    play.ends().await;
}

async fn closed_by_a_person_it_comes_back_for_another_configuration_only(forge: ForgeKind) {
    let mut play = configured(forge).await;
    pushes(&mut play, &[File::write(".mergewright.yml", longer())]).await;
    play.project.close(OWNER, 1).unwrap();
    play.settle().await;
    pushes(&mut play, &[File::write("README.md", "better words\n")]).await;
    assert_eq!(open(&play), Vec::<u64>::new(), "the one that it ended with");
    pushes(&mut play, &[File::write(".mergewright.yml", IRIS)]).await;
    assert_eq!(open(&play), Vec::<u64>::new(), "the one that it began with");
    let other = IRIS.replace("min: 0.90", "min: 0.91");
    pushes(&mut play, &[File::write(".mergewright.yml", other.clone())]).await;
    assert_eq!(open(&play), [2]);
    assert!(is_generated(&play, forge, &other));
    play.ends().await;
}

async fn what_people_wrote_stays_and_ours_is_proposed_beside_it(forge: ForgeKind) {
    let theirs =
        "mine:\n  rules:\n    - if: '$CI_PIPELINE_SOURCE == \"merge_request_event\"'\n  script: [\"true\"]\n";
    let workflow =
        "on: workflow_dispatch\njobs:\n  mine:\n    runs-on: ubuntu-24.04\n    steps: [{run: \"true\"}]\n";
    let mut files = begin();
    let (path, ours, content) = match forge {
        ForgeKind::GitLab => (".gitlab-ci.yml", ".gitlab-ci.mergewright.yml", theirs),
        ForgeKind::GitHub => (".github/workflows/ci.yml", ".github/workflows/model-iris.yml", workflow),
    };
    files.push(File::write(path, content));
    let mut play = Play::bare(forge, &files).await;
    pushes(&mut play, &[File::write(".mergewright.yml", IRIS)]).await;
    assert_eq!(open(&play), [1]);
    assert_eq!(text(&play, path, BRANCH), content, "nothing is lost");
    assert!(text(&play, ours, BRANCH).starts_with("# Generated by mergewright"));
    let said = play.project.merge_request(1).unwrap().description;
    assert!(said.contains(ours), "{said}");
    pushes(&mut play, &[File::write(".mergewright.yml", longer())]).await;
    assert!(text(&play, ours, BRANCH).contains("--long") && open(&play) == [1]);
    play.project.merge(OWNER, 1).unwrap();
    play.settle().await;
    pushes(&mut play, &[File::write(".mergewright.yml", IRIS)]).await;
    assert_eq!((open(&play), text(&play, path, "main")), (vec![], content.to_owned()));
    play.ends().await;
}

async fn without_a_configuration_or_with_our_files_nothing_is_proposed(forge: ForgeKind) {
    let mut play = Play::bare(forge, &begin()).await;
    pushes(&mut play, &[File::write("README.md", "better words\n")]).await;
    assert_eq!(open(&play), Vec::<u64>::new());
    pushes(&mut play, &[File::write(".mergewright.yml", "version: 1\nmodels: nonsense\n")]).await;
    assert_eq!(open(&play), Vec::<u64>::new(), "a file that cannot be used");
    let main = play.project.branch("main").unwrap();
    let files = [File::write(".mergewright.yml", IRIS)];
    play.project.branch_off(OWNER, "begin", &main, &files, "Begin").unwrap();
    play.settle().await;
    assert_eq!(open(&play), Vec::<u64>::new(), "only the default branch counts");
    play.ends().await;

    let mut play = Play::start(forge).await;
    pushes(&mut play, &[File::write(".mergewright.yml", longer())]).await;
    assert_eq!(open(&play), Vec::<u64>::new(), "it has files of ours");
    play.ends().await;
}

async fn a_sweep_finds_what_no_webhook_told(forge: ForgeKind) {
    let mut files = begin();
    files.push(File::write(".mergewright.yml", IRIS));
    let mut play = Play::bare(forge, &files).await;
    assert_eq!(open(&play), Vec::<u64>::new(), "nobody told us");
    for _period in 0..3 {
        play.clock.advance(Duration::from_secs(300));
        play.app.reconcile.sweep().await.unwrap();
        play.settle().await;
        assert_eq!((open(&play), commits(&play)), (vec![1], 1));
    }
    let asked =
        |play: &Play| play.sandbox.requests().iter().filter(|one| one.by.as_deref() == Some(BOT)).count();
    let before = asked(&play);
    play.clock.advance(Duration::from_secs(300));
    play.app.reconcile.sweep().await.unwrap();
    play.settle().await;
    assert!(asked(&play) - before <= 4, "{} questions", asked(&play) - before);
    play.ends().await;
}

async fn lost_answers_make_no_second_commit_or_merge_request(forge: ForgeKind) {
    let mut play = Play::bare(forge, &begin()).await;
    // A branch begins by another call on GitHub than it goes on.
    play.meets(1, if forge == ForgeKind::GitLab { "commit files" } else { "tag" }, Fault::BreakAfter);
    play.meets(1, "open merge request", Fault::BreakAfter);
    pushes(&mut play, &[File::write(".mergewright.yml", IRIS)]).await;
    play.passes(Duration::from_secs(120)).await;
    assert_eq!((open(&play), commits(&play)), (vec![1], 1));
    play.meets(1, "commit files", Fault::BreakAfter);
    pushes(&mut play, &[File::write(".mergewright.yml", longer())]).await;
    play.passes(Duration::from_secs(120)).await;
    assert_eq!((open(&play), commits(&play)), (vec![1], 2));
    assert!(is_generated(&play, forge, &longer()));
    play.ends().await;
}

async fn what_people_push_to_the_branch_is_theirs(forge: ForgeKind) {
    let mut play = configured(forge).await;
    let files = [File::write("CONTRIBUTING.md", "be kind\n")];
    play.project.push(OWNER, BRANCH, &files, "A word to everybody").unwrap();
    play.settle().await;
    pushes(&mut play, &[File::write("README.md", "better words\n")]).await;
    assert_eq!(commits(&play), 2, "nothing is put upon it without a reason");
    pushes(&mut play, &[File::write(".mergewright.yml", longer())]).await;
    assert!(is_generated(&play, forge, &longer()) && commits(&play) == 3);
    assert_eq!(text(&play, "CONTRIBUTING.md", BRANCH), "be kind\n");
    play.ends().await;
}
