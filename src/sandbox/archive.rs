//! Real zip archives for artifacts.

use std::io::{Cursor, Read as _, Write as _};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

/// An archive of these files; equal files give equal bytes.
pub(crate) fn pack<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> std::io::Result<Vec<u8>> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    // The default time of an entry is fixed: no clock is read.
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(zip::DateTime::default())
        .unix_permissions(0o644);
    for (path, content) in files {
        zip.start_file(path, options).map_err(std::io::Error::other)?;
        zip.write_all(content)?;
    }
    Ok(zip.finish().map_err(std::io::Error::other)?.into_inner())
}

/// Every file of an archive: path and content. Entries that would leave the folder are refused.
pub(crate) fn unpack(bytes: &[u8]) -> std::io::Result<Vec<(std::path::PathBuf, Vec<u8>)>> {
    let mut zip = ZipArchive::new(Cursor::new(bytes)).map_err(std::io::Error::other)?;
    let mut files = Vec::new();
    for number in 0..zip.len() {
        let mut entry = zip.by_index(number).map_err(std::io::Error::other)?;
        if entry.is_dir() {
            continue;
        }
        let outside = || std::io::Error::other("an archive entry leaves the folder");
        let path = entry.enclosed_name().ok_or_else(outside)?;
        let mut content = Vec::new();
        entry.read_to_end(&mut content)?;
        files.push((path, content));
    }
    Ok(files)
}

/// One file of an archive.
pub(crate) fn entry(bytes: &[u8], path: &str) -> Option<Vec<u8>> {
    let mut zip = ZipArchive::new(Cursor::new(bytes)).ok()?;
    let mut content = Vec::new();
    zip.by_name(path).ok()?.read_to_end(&mut content).ok()?;
    Some(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_gives_back_its_files_and_is_the_same_each_time() {
        let files = [("models/iris/model.json", &b"{}"[..]), ("note.txt", b"")];
        let zip = pack(files).unwrap();
        assert_eq!(zip, pack(files).unwrap());
        assert_eq!(entry(&zip, "models/iris/model.json").unwrap(), b"{}");
        assert_eq!(entry(&zip, "model.json"), None);
        let paths: Vec<_> = unpack(&zip).unwrap().into_iter().map(|(path, _content)| path).collect();
        assert_eq!(paths, [std::path::Path::new("models/iris/model.json"), std::path::Path::new("note.txt")]);
        assert!(unpack(&pack([("../escape", &b"x"[..])]).unwrap()).is_err());
    }
}
