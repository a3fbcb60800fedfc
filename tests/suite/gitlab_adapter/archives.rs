//! Artifacts over the wire; what a hostile archive may hold is proved where archives are read.

use std::io::{Cursor, Write as _};
use std::time::Duration;

use mergewright::domain::{Digest, Job, JobId, JobStatus};
use mergewright::forge::{Archive, ArchiveLimits, ArtifactKind, ErrorKind, Forge as _, ForgeError, Limits};
use serde_json::json;

use super::{REPO, TOKEN, adapter, with_limits};
use crate::scripted::{Answer, Server, on, raw};

const ARTIFACTS: &str = "/projects/7/jobs/42/artifacts";
const LIMITS: ArchiveLimits = ArchiveLimits { compressed: 4096, expanded: 4096, entries: 10, wanted: 1000 };

fn zipped(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (path, content) in files {
        writer.start_file(*path, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

async fn read(answers: impl IntoIterator<Item = Answer>) -> (Result<Archive, ForgeError>, Server) {
    read_within(Limits::default(), answers).await
}

async fn read_within(
    limits: Limits,
    answers: impl IntoIterator<Item = Answer>,
) -> (Result<Archive, ForgeError>, Server) {
    let server = Server::start(answers).await;
    let job = Job {
        id: JobId(42),
        model: None,
        task: "test".to_owned(),
        status: JobStatus::Succeeded,
        web_url: String::new(),
        source: "42".to_owned(),
        started_at: None,
        finished_at: None,
        log_tail: None,
    };
    let wanted = |path: &str| path.ends_with(".json");
    let result =
        with_limits(&server, limits).archive(REPO, &job, ArtifactKind::Reports, &wanted, LIMITS).await;
    (result, server)
}

#[tokio::test]
async fn an_archive_gives_digests_of_all_and_the_wanted_contents() {
    let bytes = zipped(&[("models/iris/metrics.json", b"{}"), ("models/iris/log.txt", b"abc")]);
    let (archive, server) = read([raw("GET", ARTIFACTS, 200, bytes)]).await;
    let archive = archive.unwrap();
    let seen: Vec<_> = archive.entries.iter().map(|entry| (entry.path.as_str(), entry.sha256)).collect();
    assert_eq!(
        seen,
        [("models/iris/log.txt", Digest::of("abc")), ("models/iris/metrics.json", Digest::of("{}"))]
    );
    assert_eq!(archive.files.keys().collect::<Vec<_>>(), ["models/iris/metrics.json"]);
    assert_eq!(server.only().header("private-token"), Some(TOKEN));
}

#[tokio::test]
async fn a_file_takes_the_time_of_its_size_and_no_more() {
    let bytes = zipped(&[("a.json", b"{}"), ("b.json", b"{}")]);
    // All of it takes longer than any answer of the API may.
    let least = Limits { transfer: Duration::from_secs(1), least_rate: 10, ..Limits::default() };
    let (archive, _server) =
        read_within(least, [raw("GET", ARTIFACTS, 200, bytes.clone()).in_parts(8, 250)]).await;
    assert_eq!(archive.unwrap().files.len(), 2);

    let more = Limits { least_rate: 1 << 20, ..least };
    let (archive, _server) = read_within(more, [raw("GET", ARTIFACTS, 200, bytes).in_parts(8, 250)]).await;
    let error = archive.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Retry { after: None });
    assert!(error.external.contains("in time"), "{}", error.external);
}

#[tokio::test]
async fn an_archive_in_a_storage_is_fetched_without_the_token() {
    let storage = Server::start([raw("GET", "/b?X-Sig=1", 200, zipped(&[("a.json", b"1")]))]).await;
    let (archive, _server) =
        read([raw("GET", ARTIFACTS, 302, "").header("location", format!("{}/b?X-Sig=1", storage.url()))])
            .await;
    assert_eq!(archive.unwrap().files["a.json"], b"1");
    assert_eq!(storage.only().header("private-token"), None);
}

#[tokio::test]
async fn a_token_that_was_withheld_once_is_withheld_for_the_rest_of_the_way() {
    let server = Server::start([]).await;
    let storage = Server::start([raw("GET", "/back", 302, "")
        .header("location", format!("{}/api/v4/projects/7/jobs/43/artifacts", server.url()))])
    .await;
    server.add([
        raw("GET", ARTIFACTS, 302, "").header("location", format!("{}/back", storage.url())),
        raw("GET", "/projects/7/jobs/43/artifacts", 200, zipped(&[("a.json", b"1")])),
    ]);
    let job = Job {
        id: JobId(42),
        model: None,
        task: "test".to_owned(),
        status: JobStatus::Succeeded,
        web_url: String::new(),
        source: "42".to_owned(),
        started_at: None,
        finished_at: None,
        log_tail: None,
    };
    let all = |_: &str| true;
    adapter(&server).archive(REPO, &job, ArtifactKind::Model, &all, LIMITS).await.unwrap();
    assert_eq!(server.finished()[1].header("private-token"), None);
}

#[tokio::test]
async fn a_storage_that_refuses_says_nothing_about_our_token() {
    for (status, expected) in [
        (401, ErrorKind::Retry { after: None }),
        (403, ErrorKind::Retry { after: None }),
        (404, ErrorKind::Gone),
        (503, ErrorKind::Retry { after: None }),
    ] {
        let storage = Server::start([raw("GET", "/b", status, "<Error/>")]).await;
        let (result, _server) =
            read([raw("GET", ARTIFACTS, 302, "").header("location", format!("{}/b", storage.url()))]).await;
        assert_eq!(result.unwrap_err().kind, expected, "{status}");
    }
}

#[tokio::test]
async fn missing_hostile_and_oversized_archives_are_told_apart() {
    let gone = on("GET", ARTIFACTS, 404, json!({ "message": "404 Not found" }));
    assert_eq!(read([gone]).await.0.unwrap_err().kind, ErrorKind::Gone);
    for (bytes, why) in [
        (zipped(&[("../escape", b"x")]), "leaves the archive"),
        (zipped(&[("big.txt", &[0; 5000])]), "unpacks to more than 4096"),
        (zipped(&[("wanted.json", &[0; 1001])]), "larger than 1000"),
        (b"not a zip".to_vec(), "not a readable zip"),
        (vec![0; 4097], "larger than 4096 bytes"),
    ] {
        let (result, _server) = read([raw("GET", ARTIFACTS, 200, bytes)]).await;
        let error = result.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Refused, "{why}");
        assert!(error.external.contains(why), "{}", error.external);
    }
}

#[tokio::test]
async fn a_download_that_breaks_off_is_tried_again_and_not_taken_for_a_bad_archive() {
    let bytes = zipped(&[("a.json", &[1; 500])]);
    let (result, _server) = read([raw("GET", ARTIFACTS, 200, bytes).broken_off()]).await;
    assert_eq!(result.unwrap_err().kind, ErrorKind::Retry { after: None });
}
