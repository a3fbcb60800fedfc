//! The audit log as it can be read and proved.

use super::{AuditEnd, AuditRow, BrokenAudit, Store, StoreError, sql};

impl Store {
    /// Where the log ends, when all of it is as it was written; else the first row that was changed, removed
    /// or put in by somebody else.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn verify_audit(&self) -> Result<Result<AuditEnd, BrokenAudit>, StoreError> {
        self.read(|connection| Box::pin(sql::audit::verify(connection))).await
    }

    /// At most `limit` rows behind row `after`, the oldest first.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; [`StoreError::Damaged`] when the detail of one is no JSON any more.
    pub async fn audit_rows(&self, after: i64, limit: u32) -> Result<Vec<AuditRow>, StoreError> {
        self.read(move |connection| Box::pin(sql::audit::rows(connection, after, limit))).await
    }
}
