//! Secrets in files that only their owner reads, and that nobody overwrites by mistake.

use std::io::Write as _;
use std::path::Path;

use secrecy::{ExposeSecret as _, SecretString};

/// Writes a whole new file, readable by its owner alone, or none.
pub(super) fn keep(file: &Path, secret: &SecretString, replace: bool) -> std::io::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Made with mode 0600, and moved to its place when everything is in it.
    let mut made = tempfile::NamedTempFile::new_in(folder)?;
    made.write_all(secret.expose_secret().as_bytes())?;
    made.as_file().sync_all()?;
    if replace { made.persist(file) } else { made.persist_noclobber(file) }?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_its_owners_alone_and_replaced_only_when_asked() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("app.pem");
        keep(&file, &"first".into(), false).unwrap();
        let again = keep(&file, &"second".into(), false).unwrap_err();
        assert_eq!(again.kind(), std::io::ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "first");
        keep(&file, &"third".into(), true).unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "third");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }
}
