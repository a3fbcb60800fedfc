use std::io::{Cursor, Write as _};

use zip::CompressionMethod;
use zip::write::{SimpleFileOptions, ZipWriter};

use super::*;

const LIMITS: ArchiveLimits =
    ArchiveLimits { compressed: 1 << 20, expanded: 1 << 20, entries: 100, wanted: 1000 };

fn zipped(build: impl FnOnce(&mut ZipWriter<Cursor<Vec<u8>>>)) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    build(&mut writer);
    writer.finish().unwrap().into_inner()
}

fn one(path: &str, content: &[u8]) -> Vec<u8> {
    zipped(|zip| {
        zip.start_file(path, SimpleFileOptions::default()).unwrap();
        zip.write_all(content).unwrap();
    })
}

fn read(bytes: &[u8], limits: ArchiveLimits, wanted: &[&str]) -> Result<Archive, ArchiveError> {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    let wanted = wanted.iter().map(|path| (*path).to_owned()).collect();
    open(file, limits)?.read(&wanted)
}

/// The same archive with one text replaced by another of the same length, everywhere.
fn forged(mut bytes: Vec<u8>, from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut changed = 0;
    for at in 0..bytes.len() {
        if bytes[at..].starts_with(from) {
            bytes[at..at + from.len()].copy_from_slice(to);
            changed += 1;
        }
    }
    assert!(changed > 0);
    bytes
}

#[test]
fn digests_of_all_and_content_of_the_wanted() {
    let bytes = zipped(|zip| {
        zip.add_directory("models/", SimpleFileOptions::default()).unwrap();
        zip.start_file("models/b.json", SimpleFileOptions::default()).unwrap();
        zip.write_all(b"{}").unwrap();
        let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        zip.start_file("./a.txt", stored).unwrap();
        zip.write_all(b"abc").unwrap();
    });
    let archive = read(&bytes, LIMITS, &["models/b.json", "absent"]).unwrap();
    let seen: Vec<_> = archive.entries.iter().map(|entry| (entry.path.as_str(), entry.size)).collect();
    assert_eq!(seen, [("a.txt", 3), ("models/b.json", 2)]);
    assert_eq!(archive.entries[0].sha256, Digest::of("abc"));
    assert_eq!(archive.files, BTreeMap::from([("models/b.json".to_owned(), b"{}".to_vec())]));
}

#[test]
fn an_archive_written_as_a_stream_is_read() {
    let mut writer = ZipWriter::new_stream(Vec::new());
    writer.start_file("model.json", SimpleFileOptions::default()).unwrap();
    writer.write_all(b"weights").unwrap();
    let bytes = writer.finish().unwrap().into_inner();
    let archive = read(&bytes, LIMITS, &["model.json"]).unwrap();
    assert_eq!(archive.files["model.json"], b"weights");
}

#[test]
fn paths_that_leave_the_archive_are_refused() {
    for path in ["../x", "a/../../x", "/etc/passwd", "a//b", "a/./b", "C:/x", "a\\..\\x", "..", "a\nb"] {
        let bytes =
            forged(one(&"q".repeat(path.len()), b"x"), "q".repeat(path.len()).as_bytes(), path.as_bytes());
        let error = read(&bytes, LIMITS, &[]).unwrap_err();
        assert!(matches!(error, ArchiveError::BadPath { .. }), "{path}: {error}");
    }
    let bytes = forged(one("qq", b"x"), b"qq", b"\xff\xfe");
    assert!(matches!(read(&bytes, LIMITS, &[]).unwrap_err(), ArchiveError::BadPath { .. }));
    let error = read(&one(&"q".repeat(1025), b"x"), LIMITS, &[]).unwrap_err();
    assert!(matches!(error, ArchiveError::BadPath { .. }), "{error}");
}

#[test]
fn links_and_devices_are_refused() {
    let link = zipped(|zip| zip.add_symlink("link", "/etc/passwd", SimpleFileOptions::default()).unwrap());
    assert!(
        matches!(read(&link, LIMITS, &[]).unwrap_err(), ArchiveError::SpecialFile(path) if path == "link")
    );
    for (mode, special) in
        [(0o010_644, true), (0o060_644, true), (0o140_644, true), (0o100_644, false), (0o644, false)]
    {
        assert_eq!(is_special(mode), special, "{mode:o}");
    }
}

#[test]
fn an_encrypted_entry_is_refused() {
    let mut bytes = one("secret", b"x");
    let header = bytes.windows(4).position(|window| window == b"PK\x01\x02").unwrap();
    bytes[header + 8] |= 1;
    assert!(
        matches!(read(&bytes, LIMITS, &[]).unwrap_err(), ArchiveError::Encrypted(path) if path == "secret")
    );
}

#[test]
fn one_path_twice_is_refused() {
    let two = |a: &str, b: &str| {
        zipped(|zip| {
            for path in [a, b] {
                zip.start_file(path, SimpleFileOptions::default()).unwrap();
                zip.write_all(path.as_bytes()).unwrap();
            }
        })
    };
    let bytes = forged(two("aaa", "bbb"), b"bbb", b"aaa");
    assert!(matches!(read(&bytes, LIMITS, &[]).unwrap_err(), ArchiveError::Twice(_)));
    assert!(matches!(read(&two("a", "./a"), LIMITS, &[]).unwrap_err(), ArchiveError::Twice(_)));
}

#[test]
fn a_bomb_is_refused_by_what_it_unpacks_to_not_by_what_it_promises() {
    let bomb = one("bomb", &vec![0; 2 << 20]);
    assert!(bomb.len() < 10_000);
    assert!(matches!(read(&bomb, LIMITS, &[]).unwrap_err(), ArchiveError::TooMuchContent(_)));
    let lying = forged(bomb, &(2u32 << 20).to_le_bytes(), &5u32.to_le_bytes());
    let error = read(&lying, LIMITS, &[]).unwrap_err();
    assert!(matches!(error, ArchiveError::TooMuchContent(_) | ArchiveError::Broken(_)), "{error}");
    let exact = one("fits", &vec![7; 1 << 20]);
    assert_eq!(read(&exact, LIMITS, &[]).unwrap().entries[0].size, 1 << 20);
}

#[test]
fn too_many_entries_are_refused_before_they_are_read() {
    let many = |count: usize| {
        zipped(|zip| {
            for index in 0..count {
                zip.start_file(format!("f{index}"), SimpleFileOptions::default()).unwrap();
            }
        })
    };
    assert_eq!(read(&many(100), LIMITS, &[]).unwrap().entries.len(), 100);
    assert!(matches!(read(&many(101), LIMITS, &[]).unwrap_err(), ArchiveError::TooManyEntries(100)));
}

#[test]
fn a_hundred_thousand_entries_in_64_bit_form_are_counted_before_they_are_read() {
    let bytes = zipped(|zip| {
        let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        for index in 0..70_000 {
            zip.start_file(format!("{index}"), stored).unwrap();
        }
    });
    let size = bytes.len() as u64;
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&bytes).unwrap();
    assert_eq!(directory::entries(&mut file, size).unwrap(), 70_000);
    let limits = ArchiveLimits { compressed: size, ..LIMITS };
    assert!(matches!(open(file, limits), Err(ArchiveError::TooManyEntries(100))));
}

#[test]
fn a_wanted_entry_has_a_limit_of_its_own() {
    assert_eq!(read(&one("m", &[1; 1000]), LIMITS, &["m"]).unwrap().files["m"].len(), 1000);
    let error = read(&one("m", &[1; 1001]), LIMITS, &["m"]).unwrap_err();
    assert!(matches!(error, ArchiveError::EntryTooLarge { limit: 1000, .. }), "{error}");
    assert!(read(&one("m", &[1; 1001]), LIMITS, &[]).is_ok(), "an unwanted one is only digested");
}

#[test]
fn all_wanted_entries_together_have_a_limit_too() {
    let names: Vec<String> = (0..5).map(|number| format!("m{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let bytes = zipped(|zip| {
        for name in &names {
            zip.start_file(*name, SimpleFileOptions::default()).unwrap();
            zip.write_all(&[0; 1000]).unwrap();
        }
    });
    assert_eq!(read(&bytes, LIMITS, &names[..4]).unwrap().files.len(), 4);
    let error = read(&bytes, LIMITS, &names).unwrap_err();
    assert!(matches!(error, ArchiveError::TooMuchWanted(4000)), "{error}");
}

#[test]
fn the_archive_itself_has_a_limit() {
    let bytes = one("m", b"x");
    let size = bytes.len() as u64;
    assert!(read(&bytes, ArchiveLimits { compressed: size, ..LIMITS }, &[]).is_ok());
    let error = read(&bytes, ArchiveLimits { compressed: size - 1, ..LIMITS }, &[]).unwrap_err();
    assert!(matches!(error, ArchiveError::TooLarge(_)), "{error}");
}

#[test]
fn a_broken_or_cut_archive_is_refused_wherever_it_is_cut() {
    let noise: Vec<u8> = (0..4000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let bytes = one("model.bin", &noise);
    for end in 0..bytes.len() {
        assert!(read(&bytes[..end], LIMITS, &["model.bin"]).is_err(), "cut at {end}");
    }
    for text in [&b""[..], b"not a zip", b"<html>502</html>"] {
        assert!(matches!(read(text, LIMITS, &[]).unwrap_err(), ArchiveError::Broken(_)));
    }
    let mut damaged = bytes;
    damaged[200] ^= 0xff;
    assert!(matches!(read(&damaged, LIMITS, &["model.bin"]).unwrap_err(), ArchiveError::Broken(_)));
}
