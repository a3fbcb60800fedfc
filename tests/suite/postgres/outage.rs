//! The way to the Postgres server is cut: nothing is acknowledged that is not kept, nothing is done twice, and everything
//! goes on afterwards.

use std::time::Duration;

use mergewright::domain::ForgeKind;
use mergewright::sandbox::{Delivery, File};
use mergewright::storage::StoreError;

use super::Database;
use super::proxy::{Cut, Proxy, Way};
use crate::flow::Play;
use crate::flow::forges::{door, on_both_forges};
use crate::flow::outcome::{End, GOOD, end, published};
use crate::flow::play::{ALL_GOOD, AUTHOR, IRIS, OWNER};

on_both_forges! {
    #[ignore = "needs a Postgres server: .ci/postgres starts one"]
    a_lifecycle_on_a_server_ends_as_on_a_file,
    #[ignore = "needs a Postgres server: .ci/postgres starts one"]
    a_delivery_whose_commit_is_cut_is_refused_and_kept_once_when_it_comes_again,
    #[ignore = "needs a Postgres server: .ci/postgres starts one"]
    while_the_server_is_away_nothing_is_taken_and_then_everything_goes_on,
    #[ignore = "needs a Postgres server: .ci/postgres starts one"]
    what_a_cut_broke_off_goes_on_without_waiting_for_its_lease,
    #[ignore = "needs a Postgres server: .ci/postgres starts one"]
    with_every_few_commits_cut_a_model_is_still_published_once,
}

struct Stage {
    play: Play,
    proxy: Proxy,
    database: Database,
}

impl Stage {
    async fn set(forge: ForgeKind) -> Self {
        let database = Database::new().await;
        let proxy = Proxy::to(super::server()).await;
        let url = database.url_by(proxy.address);
        let lines = format!("repositories: [\"group/*\"]\ndatabase_url: {url}\n");
        Self { play: Play::serving(forge, IRIS, &lines).await, proxy, database }
    }

    /// Ends the play. All that was logged as an error is that the database could not be used.
    async fn ends(mut self) {
        // What was claimed by a commit that was cut is free again when its lease ends, the next in its lane then.
        for _ in 0..8 {
            self.play.passes(Duration::from_secs(150)).await;
        }
        let errors = self.play.errors();
        assert!(!errors.is_empty(), "an operator hears of it");
        let others: Vec<_> =
            errors.iter().filter(|line| !line.contains("the database cannot be used now")).collect();
        assert!(others.is_empty(), "{others:?}");
        self.play.ends().await;
    }

    /// Sends a webhook; the status of the answer.
    async fn sends(&self, delivery: &Delivery) -> u16 {
        let url = format!("{}{}", self.play.door, door(self.play.forge));
        self.play.sandbox.send_to(delivery, &url).await.unwrap()
    }

    /// The bot works whatever its database does, until this is to be seen.
    async fn arrives_at(&mut self, number: u64, expected: &End) {
        for _lease in 0..60 {
            self.rests().await;
            if end(&self.play, number) == *expected {
                return;
            }
            // A claim whose answer was lost is nobody's until its lease runs out.
            self.play.clock.advance(Duration::from_secs(130));
        }
        assert_eq!(end(&self.play, number), *expected);
    }

    /// Webhooks are sent until they are taken, and the bot works, until nothing moves.
    async fn rests(&self) {
        loop {
            let mut moved = false;
            while !self.play.sandbox.pending_deliveries().is_empty() {
                let delivery = self.play.sandbox.next_delivery().await;
                moved = true;
                while !matches!(self.sends(&delivery).await, 200 | 202) {}
            }
            if !(self.works().await || moved) {
                return;
            }
        }
    }

    /// Works on until there is nothing to do now; whether there was.
    async fn works(&self) -> bool {
        let mut moved = false;
        for _attempt in 0..200 {
            let worked = self.play.app.worker.work_one().await;
            let performed = self.play.app.outbox.perform_one().await;
            match (&worked, &performed) {
                (Ok(false), Ok(false)) => return moved,
                (Ok(_) | Err(StoreError::Unavailable(_)), Ok(_) | Err(StoreError::Unavailable(_))) => {
                    moved = true;
                }
                other => panic!("{other:?}"),
            }
        }
        moved
    }
}

async fn a_lifecycle_on_a_server_ends_as_on_a_file(forge: ForgeKind) {
    let Stage { mut play, proxy: _proxy, database: _database } = Stage::set(forge).await;
    let number = play.released("Train longer", GOOD).await;
    assert_eq!(end(&play, number), published(forge));
    play.ends().await;
}

async fn a_delivery_whose_commit_is_cut_is_refused_and_kept_once_when_it_comes_again(forge: ForgeKind) {
    let mut stage = Stage::set(forge).await;
    let number = stage.play.opens("Train longer").await;
    for (cut, again) in [(Cut::Before, 202), (Cut::After, 200)] {
        stage.play.project.comment(AUTHOR, number, "/model status").unwrap();
        let delivery = stage.play.sandbox.next_delivery().await;
        let kept = stage.database.count("SELECT COUNT(*) FROM delivery").await;
        stage.proxy.cuts_next(cut);
        assert_eq!(stage.sends(&delivery).await, 503, "{cut:?}");
        let there = stage.database.count("SELECT COUNT(*) FROM delivery").await - kept;
        assert_eq!(there, i64::from(cut == Cut::After));
        let orphans = "SELECT COUNT(*) FROM delivery WHERE outcome = 'waiting'
                       AND NOT EXISTS (SELECT 1 FROM job WHERE job.delivery = delivery.id)";
        assert_eq!(stage.database.count(orphans).await, 0, "no half state");
        assert_eq!(stage.sends(&delivery).await, again, "{cut:?}");
        stage.play.settle().await;
    }
    assert_eq!(stage.proxy.cuts(), 2);
    let comments = stage.play.project.comments(number).unwrap();
    let asked: Vec<u64> =
        comments.iter().filter(|one| one.body == "/model status").map(|one| one.id).collect();
    assert_eq!(asked.len(), 2);
    for comment in asked {
        assert!(!stage.play.reply(number, comment).is_empty(), "answered once");
    }
    stage.ends().await;
}

async fn while_the_server_is_away_nothing_is_taken_and_then_everything_goes_on(forge: ForgeKind) {
    let mut stage = Stage::set(forge).await;
    let number = stage.play.opens("Train longer").await;
    for way in [Way::Closed, Way::Silent] {
        stage.proxy.is(way);
        stage.play.project.comment(AUTHOR, number, "/model status").unwrap();
        let delivery = stage.play.sandbox.next_delivery().await;
        assert_eq!(stage.sends(&delivery).await, 503, "{way:?}");
        assert!(stage.play.app.store.ready().await.is_err(), "{way:?}: not ready");
        let away = stage.play.app.worker.work_one().await;
        assert!(matches!(away, Err(StoreError::Unavailable(_))), "{way:?}: {away:?}");

        stage.proxy.is(Way::Open);
        assert_eq!(stage.sends(&delivery).await, 202, "{way:?}");
        // Connections that hear nothing are found out one by one.
        while stage.play.app.store.ready().await.is_err() {}
        stage.rests().await;
        let comment = stage.play.project.comments(number).unwrap();
        let asked = comment.iter().rfind(|one| one.body == "/model status").unwrap().id;
        assert!(!stage.play.reply(number, asked).is_empty(), "{way:?}: answered once");
    }
    stage.ends().await;
}

async fn what_a_cut_broke_off_goes_on_without_waiting_for_its_lease(forge: ForgeKind) {
    let mut stage = Stage::set(forge).await;
    let number = stage.play.opens("Train longer").await;
    let asks = |stage: &Stage| {
        stage.play.project.comment(AUTHOR, number, "/model status").unwrap();
        let comments = stage.play.project.comments(number).unwrap();
        comments.iter().rfind(|one| one.body == "/model status").unwrap().id
    };
    let broken = |ended: &Result<bool, StoreError>| matches!(ended, Err(StoreError::Unavailable(_)));
    for cut in [Cut::Before, Cut::After] {
        // The claim is kept, and what was decided then meets the cut.
        let comment = asks(&stage);
        let delivery = stage.play.sandbox.next_delivery().await;
        assert_eq!(stage.sends(&delivery).await, 202);
        stage.proxy.cuts_after(1, cut);
        let ended = stage.play.app.worker.work_one().await;
        assert!(broken(&ended), "{cut:?}: {ended:?}");
        stage.rests().await;
        assert!(!stage.play.reply(number, comment).is_empty(), "{cut:?}: a job goes on");

        // The call's claim is kept, and what came of the call meets the cut.
        let comment = asks(&stage);
        let delivery = stage.play.sandbox.next_delivery().await;
        assert_eq!(stage.sends(&delivery).await, 202);
        assert!(stage.play.app.worker.work_one().await.unwrap());
        stage.proxy.cuts_after(1, cut);
        let ended = stage.play.app.outbox.perform_one().await;
        assert!(broken(&ended), "{cut:?}: {ended:?}");
        stage.rests().await;
        assert!(!stage.play.reply(number, comment).is_empty(), "{cut:?}: a call goes on");
    }
    assert_eq!(stage.proxy.cuts(), 4);
    let left = "SELECT (SELECT COUNT(*) FROM lane WHERE leased IS NOT NULL)
                     + (SELECT COUNT(*) FROM outbox_lane WHERE leased IS NOT NULL)";
    assert_eq!(stage.database.count(left).await, 0, "no lease is waited for");
    stage.play.ends().await;
}

async fn with_every_few_commits_cut_a_model_is_still_published_once(forge: ForgeKind) {
    let steps = crate::crash::steps(forge).await;
    let mut stage = Stage::set(forge).await;
    stage.proxy.cuts_every(Some(7));
    let project = stage.play.project.clone();
    let main = project.branch("main").unwrap();
    let change = [File::write("models/iris/params.json", "{\"title\": \"Train longer\"}\n")];
    project.branch_off(AUTHOR, "train-longer", &main, &change, "Train longer").unwrap();
    let number = project.open_merge_request(AUTHOR, "train-longer", "Train longer").unwrap();
    for (step, expected) in steps.iter().enumerate() {
        let ends = |name: &str, files: &[(&str, &[u8])]| {
            let waiting = project.waiting_jobs().unwrap();
            let job = waiting.iter().find(|job| job.name == name).unwrap();
            project.job_succeeds(job.pipeline, name, "done\n", files).unwrap();
        };
        match step {
            0 => {}
            1 => ends("iris:build", &[("models/iris/model.json", b"weights")]),
            2 => ends(
                "iris:test",
                &[
                    ("models/iris/metrics.json", GOOD.as_bytes()),
                    ("models/iris/junit.xml", ALL_GOOD.as_bytes()),
                ],
            ),
            3 | 4 => {
                stage.play.clock.advance(Duration::from_secs(1));
                let verb = if step == 3 { "approve" } else { "publish" };
                project.comment(OWNER, number, &format!("/model {verb}")).unwrap();
            }
            _ => ends("iris:publish", &[]),
        }
        stage.arrives_at(number, expected).await;
    }
    assert!(stage.proxy.cuts() > 10, "{} commits were cut", stage.proxy.cuts());
    stage.proxy.cuts_every(None);
    stage.ends().await;
}
