//! A statement with its values, for whichever database it meets.

use std::borrow::Cow;

use futures_util::stream::{BoxStream, StreamExt as _, TryStreamExt as _};
use sqlx::postgres::PgArguments;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Postgres, SqlSafeStr, SqlStr, Sqlite};

use super::{Connection, Driver, Row};

/// One statement and what stands for its `$1`, `$2`, …
pub(in crate::storage) struct Query<'q> {
    sql: SqlStr,
    values: Vec<Value<'q>>,
}

/// A statement: exactly one, since Postgres takes no more with values.
pub(in crate::storage) fn query<'q>(sql: impl SqlSafeStr) -> Query<'q> {
    Query { sql: sql.into_sql_str(), values: Vec::new() }
}

/// What a statement that answers no rows did.
pub(in crate::storage) struct Done {
    rows: u64,
}

impl Done {
    /// How many rows it changed.
    pub(in crate::storage) const fn rows_affected(&self) -> u64 {
        self.rows
    }
}

/// A value of a statement.
pub(in crate::storage) enum Value<'q> {
    Integer(Option<i64>),
    Boolean(bool),
    Text(Option<Cow<'q, str>>),
    Bytes(&'q [u8]),
}

impl<'q> Query<'q> {
    /// The next value.
    pub(in crate::storage) fn bind(mut self, value: impl Into<Value<'q>>) -> Self {
        self.values.push(value.into());
        self
    }

    /// Runs it for what it changes.
    pub(in crate::storage) async fn execute(self, connection: &mut Connection) -> Result<Done, sqlx::Error> {
        let rows = match connection.driver() {
            Driver::Sqlite(connection) => self.sqlite().execute(connection).await?.rows_affected(),
            Driver::Postgres(connection) => self.postgres().execute(connection).await?.rows_affected(),
        };
        Ok(Done { rows })
    }

    /// The one row that it answers.
    pub(in crate::storage) async fn fetch_one(self, connection: &mut Connection) -> Result<Row, sqlx::Error> {
        match connection.driver() {
            Driver::Sqlite(connection) => self.sqlite().fetch_one(connection).await.map(Row::Sqlite),
            Driver::Postgres(connection) => self.postgres().fetch_one(connection).await.map(Row::Postgres),
        }
    }

    /// The row that it answers, if there is one.
    pub(in crate::storage) async fn fetch_optional(
        self,
        connection: &mut Connection,
    ) -> Result<Option<Row>, sqlx::Error> {
        Ok(match connection.driver() {
            Driver::Sqlite(connection) => self.sqlite().fetch_optional(connection).await?.map(Row::Sqlite),
            Driver::Postgres(connection) => {
                self.postgres().fetch_optional(connection).await?.map(Row::Postgres)
            }
        })
    }

    /// All rows that it answers.
    pub(in crate::storage) async fn fetch_all(
        self,
        connection: &mut Connection,
    ) -> Result<Vec<Row>, sqlx::Error> {
        self.fetch(connection).try_collect().await
    }

    /// The rows that it answers, one after the other.
    pub(in crate::storage) fn fetch<'c>(
        self,
        connection: &'c mut Connection,
    ) -> BoxStream<'c, Result<Row, sqlx::Error>>
    where
        'q: 'c,
    {
        match connection.driver() {
            Driver::Sqlite(connection) => self.sqlite().fetch(connection).map_ok(Row::Sqlite).boxed(),
            Driver::Postgres(connection) => self.postgres().fetch(connection).map_ok(Row::Postgres).boxed(),
        }
    }

    fn sqlite(self) -> sqlx::query::Query<'q, Sqlite, SqliteArguments> {
        self.values.into_iter().fold(sqlx::query(self.sql), |query, value| match value {
            Value::Integer(value) => query.bind(value),
            Value::Boolean(value) => query.bind(value),
            Value::Text(value) => query.bind(value.map(Cow::into_owned)),
            Value::Bytes(value) => query.bind(value),
        })
    }

    fn postgres(self) -> sqlx::query::Query<'q, Postgres, PgArguments> {
        self.values.into_iter().fold(sqlx::query(self.sql), |query, value| match value {
            Value::Integer(value) => query.bind(value),
            Value::Boolean(value) => query.bind(value),
            Value::Text(value) => query.bind(value.as_deref().map(without_nul)),
            Value::Bytes(value) => query.bind(value),
        })
    }
}

/// Postgres keeps no U+0000 in a text: what stands for what cannot be shown takes its place.
pub(in crate::storage) fn without_nul(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { Cow::Owned(text.replace('\0', "\u{fffd}")) } else { Cow::Borrowed(text) }
}

impl From<i64> for Value<'_> {
    fn from(value: i64) -> Self {
        Self::Integer(Some(value))
    }
}

impl From<u32> for Value<'_> {
    fn from(value: u32) -> Self {
        Self::Integer(Some(value.into()))
    }
}

impl From<Option<i64>> for Value<'_> {
    fn from(value: Option<i64>) -> Self {
        Self::Integer(value)
    }
}

impl From<bool> for Value<'_> {
    fn from(value: bool) -> Self {
        Self::Boolean(value)
    }
}

impl<'q> From<&'q str> for Value<'q> {
    fn from(value: &'q str) -> Self {
        Self::Text(Some(Cow::Borrowed(value)))
    }
}

impl<'q> From<&'q String> for Value<'q> {
    fn from(value: &'q String) -> Self {
        Self::Text(Some(Cow::Borrowed(value)))
    }
}

impl From<String> for Value<'_> {
    fn from(value: String) -> Self {
        Self::Text(Some(Cow::Owned(value)))
    }
}

impl<'q> From<Option<&'q str>> for Value<'q> {
    fn from(value: Option<&'q str>) -> Self {
        Self::Text(value.map(Cow::Borrowed))
    }
}

impl From<Option<String>> for Value<'_> {
    fn from(value: Option<String>) -> Self {
        Self::Text(value.map(Cow::Owned))
    }
}

impl<'q> From<&'q Option<String>> for Value<'q> {
    fn from(value: &'q Option<String>) -> Self {
        Self::Text(value.as_deref().map(Cow::Borrowed))
    }
}

impl<'q> From<&'q [u8]> for Value<'q> {
    fn from(value: &'q [u8]) -> Self {
        Self::Bytes(value)
    }
}
