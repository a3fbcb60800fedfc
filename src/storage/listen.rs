//! Hears what other processes committed. It only saves time: whoever sleeps looks again by himself after a
//! few seconds.

use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use tokio::sync::Notify;

use super::connect::{ANSWER_LIMIT, CHANNEL};

/// How long we leave a server alone that cannot be reached.
const PAUSE: Duration = Duration::from_secs(2);

/// Wakes sleepers for every commit of a process other than `own`, until it is dropped.
pub(super) async fn run(options: PgConnectOptions, own: String, woken: Arc<Notify>) {
    let pool =
        PgPoolOptions::new().max_connections(1).acquire_timeout(ANSWER_LIMIT).connect_lazy_with(options);
    loop {
        // An error is one of the connection; those who write tell of it.
        let _lost = hear(&pool, &own, &woken).await;
        // Whatever was told meanwhile was missed.
        woken.notify_waiters();
        tokio::time::sleep(PAUSE).await;
    }
}

async fn hear(pool: &sqlx::PgPool, own: &str, woken: &Notify) -> Result<(), sqlx::Error> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen(CHANNEL).await?;
    while let Some(told) = listener.try_recv().await? {
        if told.payload() != own {
            woken.notify_waiters();
        }
    }
    Ok(())
}
