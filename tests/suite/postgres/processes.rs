//! Three real processes share one Postgres server: one receives, two act, and every webhook comes twice.

use std::sync::Arc;
use std::time::Duration;

use mergewright::domain::{ForgeKind, SystemClock};
use mergewright::sandbox::{File, Person, Sandbox, SandboxOptions, SandboxProject};

use super::Database;
use crate::crash::bot::{Bot, Log, Starting};
use crate::flow::forges::{door, on_both_forges, server_lines, subscribe};
use crate::flow::outcome::{End, GOOD, published};
use crate::flow::play::{ALL_GOOD, AUTHOR, IRIS, OWNER, founded};

on_both_forges! {
    two threads:
    #[ignore = "needs a Postgres server: .ci/postgres starts one"]
    one_receives_and_two_act_and_everything_is_done_once,
}

/// A step that takes longer never comes.
const PATIENCE: Duration = Duration::from_secs(400);

struct Stage {
    forge: ForgeKind,
    sandbox: Sandbox,
    project: SandboxProject,
    account: Person,
    folder: tempfile::TempDir,
    database: Database,
    log: Log,
}

impl Stage {
    async fn set(forge: ForgeKind) -> Self {
        let options = SandboxOptions { forge, ..SandboxOptions::by_hand(Arc::new(SystemClock)) };
        let sandbox = Sandbox::start(options).await.unwrap();
        let (account, project) = founded(forge, &sandbox, IRIS);
        // Nobody listens there: the play carries every delivery itself.
        subscribe(forge, &project, "http://127.0.0.1:9");
        let (folder, database) = (tempfile::tempdir().unwrap(), Database::new().await);
        let lines = format!(
            "repositories: [\"group/*\"]\nlog: {{format: json, level: info}}\nworkers: 2\ndatabase_url: {}\n",
            database.url()
        );
        let text = server_lines(forge, &lines, &sandbox);
        std::fs::write(folder.path().join("mergewright.yml"), text).unwrap();
        Self { forge, sandbox, project, account, folder, database, log: Log::default() }
    }

    async fn process(&self, role: &str) -> Bot {
        let config = self.folder.path().join("mergewright.yml");
        Starting::acting_as(role, &config, self.account.token(), &self.log).listening().await
    }

    /// Carries webhooks to `web`, each twice and commands also under another id, until this is to be seen.
    async fn reaches(&self, web: &Bot, number: u64, expected: &End) {
        let url = format!("http://{}{}", web.address, door(self.forge));
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while End::of(&self.project, self.account.id, number) != *expected {
            tokio::select! {
                biased;
                delivery = self.sandbox.next_delivery() => {
                    let mut again = delivery.clone();
                    if delivery.body.contains("/model ") {
                        again.id.push_str("-again");
                    }
                    let both = tokio::join!(
                        self.sandbox.send_to(&delivery, &url),
                        self.sandbox.send_to(&again, &url)
                    );
                    assert!(matches!(both, (Ok(200 | 202), Ok(200 | 202))), "{both:?}");
                }
                () = self.sandbox.moved() => {}
                () = tokio::time::sleep_until(deadline) => {
                    let seen = End::of(&self.project, self.account.id, number);
                    assert_eq!(seen, *expected, "{}", self.log.lock().unwrap().join("\n"));
                }
            }
        }
    }

    fn job_ends(&self, name: &str, files: &[(&str, &[u8])]) {
        let waiting = self.project.waiting_jobs().unwrap();
        let job = waiting.iter().find(|job| job.name == name).unwrap();
        self.project.job_succeeds(job.pipeline, name, "done\n", files).unwrap();
    }
}

async fn one_receives_and_two_act_and_everything_is_done_once(forge: ForgeKind) {
    let steps = crate::crash::steps(forge).await;
    let stage = Stage::set(forge).await;
    // All at once, on an empty database: one of them makes the tables.
    let (web, one, two) =
        tokio::join!(stage.process("web"), stage.process("worker"), stage.process("worker"));

    let main = stage.project.branch("main").unwrap();
    let change = [File::write("models/iris/params.json", "{\"title\": \"Train longer\"}\n")];
    stage.project.branch_off(AUTHOR, "train-longer", &main, &change, "Train longer").unwrap();
    let number = stage.project.open_merge_request(AUTHOR, "train-longer", "Train longer").unwrap();
    for (step, expected) in steps.iter().enumerate() {
        match step {
            0 => {}
            1 => stage.job_ends("iris:build", &[("models/iris/model.json", b"weights")]),
            2 => stage.job_ends(
                "iris:test",
                &[
                    ("models/iris/metrics.json", GOOD.as_bytes()),
                    ("models/iris/junit.xml", ALL_GOOD.as_bytes()),
                ],
            ),
            3 | 4 => {
                let verb = if step == 3 { "approve" } else { "publish" };
                stage.project.comment(OWNER, number, &format!("/model {verb}")).unwrap();
            }
            _ => stage.job_ends("iris:publish", &[]),
        }
        stage.reaches(&web, number, expected).await;
    }
    assert_eq!(steps.last(), Some(&published(forge)));
    for bot in [web, one, two] {
        assert_eq!(bot.end().await, Some(0), "{}", stage.log.lock().unwrap().join("\n"));
    }
    let count = async |sql| stage.database.count(sql).await;
    assert_eq!(count("SELECT COUNT(*) FROM version").await, 1);
    assert_eq!(count("SELECT COUNT(*) FROM job WHERE status = 'dead'").await, 0);
    assert_eq!(count("SELECT COUNT(*) FROM outbox WHERE status = 'dead'").await, 0);
    assert_eq!(count("SELECT COUNT(*) FROM lane WHERE leased IS NOT NULL").await, 0, "all leases ended");
    let log = stage.log.lock().unwrap().join("\n");
    assert_eq!(log.matches("asks the forge what was missed").count(), 1, "one of them sweeps:\n{log}");
    assert!(!log.contains("not-a-secret"), "no password in the log");
}
