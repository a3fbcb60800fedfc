//! Brings an archive here and reads it.

use crate::domain::JobId;
use crate::forge::classify::Operation;
use crate::forge::transport::Transport;
use crate::forge::{Archive, ArchiveLimits, ErrorKind, ForgeError};

use super::{ArchiveError, open};

impl Transport {
    /// Streams the archive of a job to disk, then digests all of it and keeps the `wanted` files.
    pub(crate) async fn archive(
        &self,
        operation: &Operation,
        path: &str,
        job: JobId,
        wanted: &(dyn for<'a> Fn(&'a str) -> bool + Send + Sync),
        limits: ArchiveLimits,
    ) -> Result<Archive, ForgeError> {
        let response = self.download(operation, path).await?;
        let file = self.to_file(operation, response, limits.compressed).await?;
        let opened = tokio::task::spawn_blocking(move || open(file, limits)).await;
        let opened = unpacked(operation, job, opened)?;
        let chosen = opened.paths().filter(|path| wanted(path)).map(str::to_owned).collect();
        let read = tokio::task::spawn_blocking(move || opened.read(&chosen)).await;
        unpacked(operation, job, read)
    }
}

fn unpacked<T>(
    operation: &Operation,
    job: JobId,
    result: Result<Result<T, ArchiveError>, tokio::task::JoinError>,
) -> Result<T, ForgeError> {
    let error = match result {
        Ok(Ok(value)) => return Ok(value),
        Ok(Err(error)) => error,
        Err(stopped) => ArchiveError::Disk(std::io::Error::other(stopped.to_string())),
    };
    let kind = if error.is_ours() { ErrorKind::Retry { after: None } } else { ErrorKind::Refused };
    Err(ForgeError {
        kind,
        external: format!("the artifacts of job {job} cannot be used: {error}"),
        internal: format!("{}: job {job}: {error}", operation.name),
    })
}
