//! Reads how many entries a zip declares before anything is allocated for them.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};

use super::ArchiveError;

/// Bytes of the end record without its comment.
const END: usize = 22;
/// Bytes of the locator of the 64-bit end record, which stands right before the end record.
const LOCATOR: usize = 20;
/// Longest comment after the end record.
const LONGEST_COMMENT: u64 = 65_535;

/// The number of entries that the end of the archive declares. A reader that believes it allocates
/// for all of them at once, so it is looked at first.
pub(super) fn entries(file: &mut File, size: u64) -> Result<u64, ArchiveError> {
    let tail = size.min(LONGEST_COMMENT + (END + LOCATOR) as u64);
    let bytes = read_at(file, size - tail, tail).map_err(ArchiveError::Disk)?;
    let end = bytes
        .windows(END)
        .rposition(|window| window.starts_with(b"PK\x05\x06"))
        .ok_or_else(|| ArchiveError::Broken("its end is missing, it may be cut off".to_owned()))?;
    let short = number(&bytes, end + 10, 2);
    let locator =
        end.checked_sub(LOCATOR).filter(|at| bytes.get(*at..).is_some_and(|b| b.starts_with(b"PK\x06\x07")));
    let Some(locator) = locator else { return Ok(short) };
    let record = number(&bytes, locator + 8, 8);
    if record.saturating_add(56) > size {
        return Err(ArchiveError::Broken("its 64-bit end record lies outside".to_owned()));
    }
    let long = read_at(file, record, 56).map_err(ArchiveError::Disk)?;
    if !long.starts_with(b"PK\x06\x06") {
        return Err(ArchiveError::Broken("its 64-bit end record is missing".to_owned()));
    }
    Ok(short.max(number(&long, 32, 8)))
}

fn read_at(file: &mut File, start: u64, length: u64) -> io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.take(length).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// A little-endian number of `length` bytes; zero outside.
fn number(bytes: &[u8], at: usize, length: usize) -> u64 {
    bytes
        .get(at..at + length)
        .unwrap_or_default()
        .iter()
        .rev()
        .fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}
