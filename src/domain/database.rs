//! The file of a database: judged alike where it is written down and where it is opened.

use std::path::PathBuf;

/// A path that can be the file of a database.
///
/// # Errors
/// What is wrong with it.
pub fn database_file(path: &str) -> Result<PathBuf, &'static str> {
    match path {
        "" => Err("the path is empty"),
        path if path.contains(['?', '\0']) => Err("the path holds a `?`"),
        path if path.ends_with('/') => Err("the path names a folder"),
        path => Ok(PathBuf::from(path)),
    }
}
