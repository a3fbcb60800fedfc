//! Artifacts over the wire; what a hostile archive may hold is proved where archives are read.

use std::io::{Cursor, Write as _};
use std::time::Duration;

use mergewright::domain::{Digest, Job, JobId, JobStatus};
use mergewright::forge::{Archive, ArchiveLimits, ArtifactKind, ErrorKind, Forge as _, ForgeError, Limits};
use serde_json::{Value, json};

use super::{REPO, TOKEN, adapter, serve, with_limits};
use crate::scripted::{Answer, Server, on, raw};

const ZIP: &str = "/repos/acme/models/actions/artifacts/81/zip";
const LIMITS: ArchiveLimits = ArchiveLimits { compressed: 4096, expanded: 4096, entries: 10, wanted: 1000 };

fn zipped(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (path, content) in files {
        writer.start_file(*path, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn listed(name: &str, artifacts: impl Into<Value>) -> Answer {
    let artifacts = artifacts.into();
    let target = format!("/repos/acme/models/actions/runs/31/artifacts?name={name}&per_page=100");
    on("GET", target, 200, json!({ "total_count": 1, "artifacts": artifacts }))
}

fn reports() -> Answer {
    listed("iris-reports", json!([{ "id": 81, "name": "iris-reports", "expired": false }]))
}

fn job() -> Job {
    Job {
        id: JobId(42),
        model: Some("iris".parse().unwrap()),
        task: "test".to_owned(),
        status: JobStatus::Succeeded,
        web_url: String::new(),
        source: "31".to_owned(),
        started_at: None,
        finished_at: None,
        log_tail: None,
    }
}

async fn read(
    kind: ArtifactKind,
    answers: impl IntoIterator<Item = Answer>,
) -> (Result<Archive, ForgeError>, Server) {
    read_within(Limits::default(), kind, answers).await
}

async fn read_within(
    limits: Limits,
    kind: ArtifactKind,
    answers: impl IntoIterator<Item = Answer>,
) -> (Result<Archive, ForgeError>, Server) {
    let server = serve(answers).await;
    let wanted = |path: &str| path.ends_with(".json");
    let result = with_limits(&server, limits).archive(REPO, &job(), kind, &wanted, LIMITS).await;
    (result, server)
}

#[tokio::test]
async fn a_file_takes_the_time_of_its_size_and_no_more() {
    let bytes = zipped(&[("a.json", b"{}"), ("b.json", b"{}")]);
    // All of it takes longer than any answer of the API may.
    let least = Limits { transfer: Duration::from_secs(1), least_rate: 10, ..Limits::default() };
    let (archive, _server) = read_within(
        least,
        ArtifactKind::Reports,
        [reports(), raw("GET", ZIP, 200, bytes.clone()).in_parts(8, 250)],
    )
    .await;
    assert_eq!(archive.unwrap().files.len(), 2);

    let more = Limits { least_rate: 1 << 20, ..least };
    let (archive, _server) =
        read_within(more, ArtifactKind::Reports, [reports(), raw("GET", ZIP, 200, bytes).in_parts(8, 250)])
            .await;
    let error = archive.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Retry { after: None });
    assert!(error.external.contains("in time"), "{}", error.external);
}

#[tokio::test]
async fn an_archive_is_the_newest_of_its_name_and_is_fetched_without_the_token() {
    let bytes = zipped(&[("models/iris/metrics.json", b"{}"), ("models/iris/log.txt", b"abc")]);
    let storage = Server::start([raw("GET", "/b?sig=1", 200, bytes)]).await;
    let all = json!([
        { "id": 80, "name": "iris-model", "expired": true },
        { "id": 81, "name": "iris-model", "expired": false },
        { "id": 82, "name": "iris-model-of-somebody-else", "expired": false },
    ]);
    let (archive, server) = read(
        ArtifactKind::Model,
        [
            listed("iris-model", all),
            raw("GET", ZIP, 302, "").header("location", format!("{}/b?sig=1", storage.url())),
        ],
    )
    .await;
    let archive = archive.unwrap();
    let seen: Vec<_> = archive.entries.iter().map(|entry| (entry.path.as_str(), entry.sha256)).collect();
    assert_eq!(
        seen,
        [("models/iris/log.txt", Digest::of("abc")), ("models/iris/metrics.json", Digest::of("{}"))]
    );
    assert_eq!(archive.files.keys().collect::<Vec<_>>(), ["models/iris/metrics.json"]);
    assert!(server.finished()[2].header("authorization").is_some());
    let asked = storage.only();
    assert_eq!(asked.header("authorization"), None);
    assert!(!format!("{:?}", asked.headers).contains(TOKEN));
}

#[tokio::test]
async fn a_token_that_was_withheld_once_is_withheld_for_the_rest_of_the_way() {
    let server = serve([reports()]).await;
    let back = format!("{}/api/v3/repos/acme/models/actions/artifacts/82/zip", server.url());
    let storage = Server::start([raw("GET", "/back", 302, "").header("location", back)]).await;
    server.add([
        raw("GET", ZIP, 302, "").header("location", format!("{}/back", storage.url())),
        raw("GET", "/repos/acme/models/actions/artifacts/82/zip", 200, zipped(&[("a.json", b"1")])),
    ]);
    let all = |_: &str| true;
    adapter(&server).archive(REPO, &job(), ArtifactKind::Reports, &all, LIMITS).await.unwrap();
    assert_eq!(server.finished()[3].header("authorization"), None);
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
        let moved = raw("GET", ZIP, 302, "").header("location", format!("{}/b", storage.url()));
        let (result, _server) = read(ArtifactKind::Reports, [reports(), moved]).await;
        assert_eq!(result.unwrap_err().kind, expected, "{status}");
    }
}

#[tokio::test]
async fn missing_expired_hostile_and_oversized_archives_are_told_apart() {
    let expired = json!([{ "id": 81, "name": "iris-reports", "expired": true }]);
    let gone = on("GET", ZIP, 410, json!({ "message": "Artifact has expired" }));
    for (answers, why) in [
        (vec![listed("iris-reports", json!([]))], "does not exist"),
        (vec![listed("iris-reports", expired)], "has expired"),
        (vec![reports(), gone], "Artifact has expired"),
    ] {
        let (result, server) = read(ArtifactKind::Reports, answers).await;
        let error = result.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Gone, "{why}");
        assert!(error.external.contains(why), "{}", error.external);
        server.finished();
    }
    for (bytes, why) in [
        (zipped(&[("../escape", b"x")]), "leaves the archive"),
        (zipped(&[("wanted.json", &[0; 1001])]), "larger than 1000"),
        (vec![0; 4097], "larger than 4096 bytes"),
    ] {
        let (result, _server) = read(ArtifactKind::Reports, [reports(), raw("GET", ZIP, 200, bytes)]).await;
        let error = result.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Refused, "{why}");
        assert!(error.external.contains(why), "{}", error.external);
    }
}

#[tokio::test]
async fn a_download_that_breaks_off_is_tried_again_and_not_taken_for_a_bad_archive() {
    let broken = raw("GET", ZIP, 200, zipped(&[("a.json", &[1; 500])])).broken_off();
    let (result, _server) = read(ArtifactKind::Reports, [reports(), broken]).await;
    assert_eq!(result.unwrap_err().kind, ErrorKind::Retry { after: None });
}
