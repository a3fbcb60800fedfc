//! How the bot ends when a part of it does: never as half a bot that answers as if all were well.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use mergewright::app::{App, How, Running};
use mergewright::config::server::ServerConfig;
use mergewright::domain::{ForgeKind, SystemClock};
use mergewright::sandbox::{Fault, File, Person, Sandbox, SandboxOptions, SandboxProject};
use mergewright::storage::Store;
use mergewright::telemetry;
use metrics_exporter_prometheus::PrometheusHandle;
use secrecy::ExposeSecret as _;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection as _, SqliteConnection};
use tokio::sync::oneshot;

use super::flow::IRIS;
use super::flow::play::{AUTHOR, SIGNING_TOKEN, founded, server_config};

/// A forge, and the bot as `serve` runs it; this thread's numbers are its numbers.
struct Whole {
    sandbox: Arc<Sandbox>,
    project: SandboxProject,
    config: ServerConfig,
    store: Store,
    numbers: PrometheusHandle,
    _recording: metrics::LocalRecorderGuard<'static>,
    _folder: tempfile::TempDir,
}

impl Whole {
    async fn runs() -> (Self, Running) {
        let sandbox = Sandbox::start(SandboxOptions::by_hand(Arc::new(SystemClock))).await.unwrap();
        let (bot, project): (Person, _) = founded(ForgeKind::GitLab, &sandbox, IRIS);
        project.hook("http://127.0.0.1:9/webhooks/gitlab", Some(SIGNING_TOKEN), None).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let lines = "repositories: [\"group/models\"]\nworkers: 1\n";
        let config =
            server_config(ForgeKind::GitLab, &folder.path().join("mergewright.yml"), lines, &sandbox, &bot);
        let recorder = Box::leak(Box::new(telemetry::recorder().unwrap()));
        let (numbers, recording) = (recorder.handle(), metrics::set_default_local_recorder(recorder));
        let app = App::assemble(&config, Arc::new(SystemClock), numbers.clone()).await.unwrap();
        let store = app.store.clone();
        let running = app.listen(config.listen).await.unwrap();
        let sandbox = Arc::new(sandbox);
        let whole = Self { sandbox, project, config, store, numbers, _recording: recording, _folder: folder };
        (whole, running)
    }

    /// Alarms about a task that ended.
    fn alarms(&self) -> bool {
        self.numbers.render().contains("mergewright_alarms_total{kind=\"task_ended\"} 1")
    }

    /// A merge request is opened, and the bot stands in the middle of its first look at the forge.
    async fn begins(&self, running: &Running) {
        let once = Mutex::new(true);
        self.sandbox.choose_failures(Some(Arc::new(move |_: &str, path: &str| {
            let read = path.ends_with("/merge_requests/1");
            (read && std::mem::take(&mut *once.lock().unwrap())).then_some(Fault::HoldAfter)
        })));
        let main = self.project.branch("main").unwrap();
        let change = [File::write("models/iris/params.json", "{\"depth\": 3}\n")];
        self.project.branch_off(AUTHOR, "deeper", &main, &change, "Go deeper").unwrap();
        self.project.open_merge_request(AUTHOR, "deeper", "Go deeper").unwrap();
        let url = format!("http://{}/webhooks/gitlab", running.address);
        loop {
            tokio::select! {
                biased;
                () = self.sandbox.held() => return,
                delivery = self.sandbox.next_delivery() => {
                    assert_eq!(self.sandbox.send_to(&delivery, &url).await, Ok(202));
                }
            }
        }
    }
}

async fn status(address: &str, path: &str) -> u16 {
    reqwest::get(format!("http://{address}{path}")).await.unwrap().status().as_u16()
}

#[tokio::test]
async fn a_task_that_breaks_is_an_alarm_and_ends_the_bot_after_what_is_under_way() {
    for how in [How::Returned, How::Panicked] {
        let (whole, mut running) = Whole::runs().await;
        let (breaks, broken) = oneshot::channel::<()>();
        running.work.add("one more", async move |_| {
            broken.await.unwrap();
            assert_eq!(how, How::Returned, "the defect");
        });
        whole.begins(&running).await;
        let address = running.address.to_string();
        assert_eq!(status(&address, "/readyz").await, 200, "not before the end is looked for");
        let running = tokio::spawn(running.until(std::future::pending()));
        assert_eq!(status(&address, "/readyz").await, 200);
        assert!(!whole.alarms());
        breaks.send(()).unwrap();
        while status(&address, "/readyz").await != 503 {}
        assert!(whole.alarms(), "said at once, not at the end");
        assert!(!running.is_finished(), "a job is under way");
        whole.sandbox.let_go();

        let ended = running.await.unwrap().unwrap_err();
        assert_eq!((ended.task, ended.how), ("one more", how));
        assert!(!ended.to_string().contains("the defect"), "for the log only");
        assert!(reqwest::get(format!("http://{address}/healthz")).await.is_err(), "the door is closed");
        // The next process finds the database free and the job where it was left.
        let next = App::assemble(&whole.config, Arc::new(SystemClock), whole.numbers.clone()).await.unwrap();
        assert!(next.store.queue().await.unwrap().0 > 0);
        next.store.close().await;
    }
}

#[tokio::test]
async fn a_forge_that_hangs_and_a_database_that_somebody_holds_do_not_keep_the_bot_from_ending() {
    let (whole, mut running) = Whole::runs().await;
    whole.begins(&running).await;
    let file = whole.config.database_url.expose_secret().strip_prefix("sqlite://").unwrap();
    let options = SqliteConnectOptions::new().filename(file);
    let mut other = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    running.limit = Duration::from_millis(600);
    // Held for ever: without a limit, the first to give up would be SQLite, after five seconds.
    let ended = tokio::time::timeout(Duration::from_secs(4), running.until(std::future::ready(()))).await;
    ended.expect("in time").unwrap();
    other.close().await.unwrap();

    let next = App::assemble(&whole.config, Arc::new(SystemClock), whole.numbers.clone()).await.unwrap();
    assert!(next.store.queue().await.unwrap().0 > 0, "the job is there as after a crash");
    next.store.close().await;
}

#[tokio::test]
async fn without_its_database_the_bot_ends_instead_of_waiting_for_ever() {
    let (whole, running) = Whole::runs().await;
    let running = tokio::spawn(running.until(std::future::pending()));
    whole.store.close().await;
    let ended = running.await.unwrap().unwrap_err();
    assert_eq!((ended.task, ended.how), ("the database", How::Returned));
    assert!(whole.alarms());
}

#[tokio::test]
async fn who_is_asked_to_end_has_no_alarm_and_no_error() {
    let (whole, running) = Whole::runs().await;
    running.until(std::future::ready(())).await.unwrap();
    assert!(!whole.alarms());
}
