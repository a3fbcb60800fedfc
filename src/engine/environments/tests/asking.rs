//! What people ask for, and what refuses it.

use super::scene::{POLICY, Scene};
use crate::domain::*;
use crate::engine::environments::{Begun, Miss, resolve};
use crate::engine::tests::scene::{iris, sha, user};

#[test]
fn a_version_goes_to_production_only_by_way_of_staging() {
    let mut scene = Scene::new();
    assert_eq!(scene.refused("alice", "promote v1 production"), "requires");
    scene.goes_well("promote v1 staging");
    scene.goes_well("promote v2 staging");
    assert_eq!(scene.refused("alice", "promote v3 production"), "requires");
    scene.goes_well("promote v1 production");
    assert_eq!((scene.live("staging"), scene.live("production")), (Some("v2"), Some("v1")), "was is enough");
}

#[test]
fn what_is_not_there_is_refused_by_name() {
    let mut scene = Scene::new();
    for (line, rule) in [
        ("promote v1 prod", "environment-unknown"),
        ("rollback prod", "environment-unknown"),
        ("abort prod", "environment-unknown"),
        ("promote v9 staging", "version-unknown"),
        ("promote rose@v1 staging", "version-unknown"),
        ("promote abcdef1 staging", "version-unknown"),
        ("promote 2026-11-23T03:00:00Z staging", "version-unclear"),
        ("rollback staging", "nothing-live"),
        ("abort staging", "nothing-to-abort"),
    ] {
        assert_eq!(scene.refused("alice", line), rule, "{line}");
    }
    scene.goes_well("promote v1 staging");
    for (line, rule) in [
        ("promote v1 staging", "already-live"),
        ("rollback staging", "no-way-back"),
        ("rollback staging to v2", "never-live"),
        ("rollback staging to v1", "already-live"),
        ("promote production staging", "version-unknown"),
    ] {
        assert_eq!(scene.refused("alice", line), rule, "{line}");
    }
}

#[test]
fn a_tag_that_is_no_published_version_is_told_from_one_that_is_missing() {
    let mut scene = Scene::new();
    let lineage = scene.versions[0].lineage.clone();
    let mine = Lineage { version: Version::sequence(4), commit: sha('v'), ..lineage };
    let tag = |name: &str, message: String| Tag { name: name.to_owned(), commit: sha('v'), message };
    for (tags, rule) in [
        (vec![], "version-unknown"),
        (vec![tag("iris@v4.0.0", "mine now".to_owned())], "version-foreign"),
        (vec![tag("iris@v4.0.0", mine.canonical())], "version-unpublished"),
        (
            vec![tag("iris@v4.0.0!", "given up".to_owned()), tag("iris@v4.0.0", mine.canonical())],
            "version-void",
        ),
    ] {
        scene.named = tags;
        assert_eq!(scene.refused("alice", "promote v4 staging"), rule);
        assert_eq!(scene.refused("alice", "promote iris@v4 staging"), rule);
    }
}

#[test]
fn one_thing_at_a_time_goes_to_an_environment() {
    let mut scene = Scene::new();
    scene.goes_well("promote v1 staging");
    scene.says("alice", "promote v2 staging").unwrap();
    for line in ["promote v2 staging", "promote v3 staging", "rollback staging", "rollback staging to v1"] {
        assert_eq!(scene.refused("bob", line), "environment-busy", "{line}");
    }
    // Another environment is another matter.
    scene.says("alice", "promote v1 production").unwrap();
}

#[test]
fn a_model_without_a_way_to_deploy_says_so() {
    let deploy = "    deploy: {run: ['sh deploy.sh']}\n";
    let mut scene = Scene::with(&POLICY.replace(deploy, ""));
    assert_eq!(scene.refused("alice", "promote v1 staging"), "no-deploy-job");
    let kserve = "    deploy: {kind: kserve, manifest: isvc.yaml}\n";
    let mut scene = Scene::with(&POLICY.replace(deploy, kserve));
    assert_eq!(scene.refused("alice", "promote v1 staging"), "deploy-not-available");
}

#[test]
fn a_canary_is_never_jumped_over() {
    let mut scene = Scene::with(&POLICY.replace("staging: {}", "staging: {canary: {steps: [10, 100]}}"));
    assert_eq!(scene.refused("alice", "promote v1 staging"), "canary-not-available");
}

#[test]
fn nothing_is_promoted_in_a_freeze_but_going_back_works() {
    let mut scene = Scene::new();
    scene.goes_well("promote v1 staging");
    scene.goes_well("promote v2 staging");
    // The scene's clock begins on Friday, 2027-01-15 at 08:00 UTC.
    let frozen =
        Scene::with(&POLICY.replace("staging: {}", "staging: {freeze: ['Fri 07:00 - Fri 09:00 UTC']}"));
    scene.policy = frozen.policy;
    assert_eq!(scene.refused("alice", "promote v3 staging"), "frozen");
    scene.goes_well("rollback staging");
    assert_eq!(scene.live("staging"), Some("v1"));
    scene.now = scene.now.after(std::time::Duration::from_secs(3600));
    scene.says("alice", "promote v3 staging").unwrap();
}

#[test]
fn other_owners_approve_by_asking_for_the_same() {
    let mut scene = Scene::with(&POLICY.replace("staging: {}", "staging: {approvals: 2}"));
    assert_eq!(scene.says("alice", "promote v1 staging").ok(), Some(Begun::Rollout(1)));
    scene.settle();
    assert!(scene.world.started.is_empty(), "nothing runs before it is approved");
    assert_eq!(scene.refused("alice", "promote v1 staging"), "awaiting-approval");
    assert_eq!(scene.refused("mia", "promote v2 staging"), "environment-busy");
    let on = MergeRequestId { repo: RepoId { forge: ForgeKind::GitLab, number: 5 }, number: 1 };
    let once = Begun::Approved { on, given: 1, needed: 2 };
    assert_eq!(scene.says("mia", "promote iris@v1.0.0 staging").ok(), Some(once));
    assert_eq!(scene.refused("mia", "promote v1 staging"), "awaiting-approval");
    scene.settle();
    assert!(scene.world.started.is_empty());
    scene.says("dave", "promote v1 staging").unwrap();
    scene.settle();
    assert_eq!(scene.world.started.len(), 1);
    scene.ends(JobStatus::Succeeded);
    scene.settle();
    let message = &scene.world.tags["iris#staging#1"].message;
    let told: Assignment = serde_json::from_str(message).unwrap();
    assert_eq!(
        (told.asked_by.as_str(), told.approved_by.as_slice()),
        ("alice", &["mia".to_owned(), "dave".to_owned()][..])
    );
}

#[test]
fn where_two_approvals_are_asked_for_nobody_who_wrote_it_gives_one() {
    let mut scene = Scene::with(&POLICY.replace("staging: {}", "staging: {approvals: 1}"));
    scene.says("alice", "promote v1 staging").unwrap();
    scene.state.stands.get_mut("staging").unwrap().active.as_mut().unwrap().approved_by = vec![user("bob")];
    let wrote = |login: Option<&str>, email: &str| CommitAuthor {
        login: login.map(str::to_owned),
        email: email.to_owned(),
    };
    // GitHub knows accounts, GitLab addresses.
    let authors = [wrote(Some("Erin"), ""), wrote(None, "frank@example.com")];
    scene.wrote.insert(Version::sequence(1), authors.into());
    scene.policy = Scene::with(&POLICY.replace("staging: {}", "staging: {approvals: 2}")).policy;
    for writer in ["bob", "erin", "frank"] {
        assert_eq!(scene.refused(writer, "promote v1 staging"), "own-work", "{writer}");
    }
    let once = scene.says("mia", "promote v1 staging").ok();
    assert!(matches!(once, Some(Begun::Approved { given: 1, needed: 2, .. })), "bob's is gone: {once:?}");
    scene.says("dave", "promote v1 staging").unwrap();
    scene.settle();
    assert_eq!(scene.world.started.len(), 1);
}

#[test]
fn a_version_is_named_in_many_ways() {
    let mut scene = Scene::new();
    scene.versions[1].published_at = Timestamp::parse("2026-11-23T03:00:00Z").unwrap();
    scene.goes_well("promote v2 staging");
    let digest = scene.versions[1].model_digest;
    let head = "ab".repeat(20).parse::<Sha>().unwrap();
    scene.versions[1].lineage.head = head.clone();
    let commit = scene.versions[1].commit.clone();
    let found = |reference: &str| {
        resolve(&iris(), &scene.versions[..2], &scene.state, reference).map(|found| found.version.to_string())
    };
    let hex = digest.hex();
    for reference in [
        "v2",
        "iris@v2",
        "iris@v2.0.0",
        "v2.0.0",
        "staging",
        commit.as_str(),
        &commit.as_str()[..7],
        head.as_str(),
        &hex,
        &hex[..7].to_uppercase(),
        &digest.to_string(),
        "2026-11-23T04:00:00+00:00",
    ] {
        assert_eq!(found(reference), Ok("v2".to_owned()), "{reference}");
    }
    for (reference, miss) in [
        ("v3", Miss::Unknown),
        ("v", Miss::Unknown),
        (&commit.as_str()[..6], Miss::Unknown),
        ("rose@v2", Miss::OtherModel),
        ("2026-11-23T02:59:59Z", Miss::Before),
    ] {
        assert_eq!(found(reference), Err(miss), "{reference}");
    }
    // The heads of scene versions are the same commit: nobody can tell them apart by it.
    let all = resolve(&iris(), &scene.versions, &scene.state, sha('h').as_str());
    assert_eq!(all.unwrap_err(), Miss::Ambiguous(vec![Version::sequence(1), Version::sequence(3)]));
}
