//! Whether the database takes a delivery: one is written that nobody sent, and taken away again.

use super::{Connection, query};
use crate::storage::StoreError;

/// More than a delivery usually takes with all that goes with it, so that the last page of a disk which is
/// otherwise full proves nothing.
const SIZE: usize = 256 * 1024;

/// A forge that there is not: no delivery of a real one is met, and one that a crash left here is shown to nobody.
pub(in crate::storage) const FORGE: &str = "trial";

/// Writes the delivery, of bytes that nothing makes smaller.
pub(in crate::storage) async fn begin(connection: &mut Connection) -> Result<(), StoreError> {
    let mut body = vec![0; SIZE];
    fastrand::fill(&mut body);
    query(
        "INSERT INTO delivery (forge, external_id, event, received_at, outcome, headers, body)
         VALUES ($1, '', 'trial', 0, 'ignored', '[]', $2)
         ON CONFLICT (forge, external_id) DO UPDATE SET body = excluded.body",
    )
    .bind(FORGE)
    .bind(body.as_slice())
    .execute(connection)
    .await?;
    Ok(())
}

/// Takes it away.
pub(in crate::storage) async fn end(connection: &mut Connection) -> Result<(), StoreError> {
    query("DELETE FROM delivery WHERE forge = $1").bind(FORGE).execute(connection).await?;
    Ok(())
}
