//! Values bound to a statement's `$1 … $n`: one list for both drivers.

use sqlx::Arguments;
use sqlx::postgres::PgArguments;
use sqlx::sqlite::SqliteArguments;
use sqlx::types::Json;
use uuid::Uuid;

use super::error::{Error, Result};

/// One bound value. A NULL keeps its type, which Postgres needs.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// INTEGER 0/1 | BOOLEAN
    Bool(Option<bool>),
    /// INTEGER
    Int(Option<i32>),
    /// INTEGER | BIGINT
    BigInt(Option<i64>),
    /// REAL | DOUBLE PRECISION
    Double(Option<f64>),
    /// TEXT
    Text(Option<String>),
    /// BLOB of 16 bytes | UUID
    Uuid(Option<Uuid>),
    /// BLOB | BYTEA
    Bytes(Option<Vec<u8>>),
    /// TEXT | JSONB
    Json(Option<serde_json::Value>),
}

macro_rules! from {
    ($($type:ty => $variant:ident),+ $(,)?) => {$(
        impl From<$type> for Value {
            fn from(value: $type) -> Self { Self::$variant(Some(value.into())) }
        }
        impl From<Option<$type>> for Value {
            fn from(value: Option<$type>) -> Self { Self::$variant(value.map(Into::into)) }
        }
    )+};
}
from! {
    bool => Bool, i32 => Int, i64 => BigInt, u32 => BigInt, f64 => Double, &str => Text, String => Text, &String => Text,
    Uuid => Uuid, Vec<u8> => Bytes, &[u8] => Bytes, serde_json::Value => Json,
}

/// The values of one statement, in order. Made by [`args!`](crate::args!).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Args(pub Vec<Value>);

impl Args {
    /// No values.
    pub fn none() -> Self {
        Self::default()
    }

    /// Appends one value.
    pub fn push(&mut self, value: impl Into<Value>) {
        self.0.push(value.into());
    }

    pub(crate) fn sqlite(self) -> Result<SqliteArguments> {
        let mut args = SqliteArguments::default();
        for value in self.0 {
            bind(&mut args, value)?;
        }
        Ok(args)
    }

    pub(crate) fn postgres(self) -> Result<PgArguments> {
        let mut args = PgArguments::default();
        for value in self.0 {
            bind(&mut args, value)?;
        }
        Ok(args)
    }
}

/// `args![a, b, c]`: the values of `$1`, `$2`, `$3`.
#[macro_export]
macro_rules! args {
    ($($value:expr),* $(,)?) => { $crate::Args(vec![$($crate::db::Value::from($value)),*]) };
}

fn bind<A>(args: &mut A, value: Value) -> Result<()>
where
    A: Arguments,
    Option<bool>: for<'q> sqlx::Encode<'q, A::Database> + sqlx::Type<A::Database>,
    Option<i32>: for<'q> sqlx::Encode<'q, A::Database> + sqlx::Type<A::Database>,
    Option<i64>: for<'q> sqlx::Encode<'q, A::Database> + sqlx::Type<A::Database>,
    Option<f64>: for<'q> sqlx::Encode<'q, A::Database> + sqlx::Type<A::Database>,
    Option<String>: for<'q> sqlx::Encode<'q, A::Database> + sqlx::Type<A::Database>,
    Option<Uuid>: for<'q> sqlx::Encode<'q, A::Database> + sqlx::Type<A::Database>,
    Option<Vec<u8>>: for<'q> sqlx::Encode<'q, A::Database> + sqlx::Type<A::Database>,
    Option<Json<serde_json::Value>>: for<'q> sqlx::Encode<'q, A::Database> + sqlx::Type<A::Database>,
{
    match value {
        Value::Bool(value) => args.add(value),
        Value::Int(value) => args.add(value),
        Value::BigInt(value) => args.add(value),
        Value::Double(value) => args.add(value),
        Value::Text(value) => args.add(value),
        Value::Uuid(value) => args.add(value),
        Value::Bytes(value) => args.add(value),
        Value::Json(value) => args.add(value.map(Json)),
    }
    .map_err(|error| Error::Sqlx(sqlx::Error::Encode(error)))
}

impl TryFrom<sea_query::Values> for Args {
    type Error = Error;

    fn try_from(values: sea_query::Values) -> Result<Self> {
        values.0.into_iter().map(from_sea).collect::<Result<Vec<_>>>().map(Self)
    }
}

fn from_sea(value: sea_query::Value) -> Result<Value> {
    use sea_query::Value as Sea;
    Ok(match value {
        Sea::Bool(v) => Value::Bool(v),
        Sea::TinyInt(v) => Value::BigInt(v.map(Into::into)),
        Sea::SmallInt(v) => Value::BigInt(v.map(Into::into)),
        Sea::Int(v) => Value::BigInt(v.map(Into::into)),
        Sea::BigInt(v) => Value::BigInt(v),
        Sea::TinyUnsigned(v) => Value::BigInt(v.map(Into::into)),
        Sea::SmallUnsigned(v) => Value::BigInt(v.map(Into::into)),
        Sea::Unsigned(v) => Value::BigInt(v.map(Into::into)),
        Sea::BigUnsigned(v) => {
            Value::BigInt(v.map(|v| i64::try_from(v).map_err(|_| Error::invalid(format!("{v} does not fit a 64-bit integer")))).transpose()?)
        }
        Sea::Float(v) => Value::Double(v.map(Into::into)),
        Sea::Double(v) => Value::Double(v),
        Sea::String(v) => Value::Text(v),
        Sea::Char(v) => Value::Text(v.map(String::from)),
        Sea::Bytes(v) => Value::Bytes(v),
        Sea::Uuid(v) => Value::Uuid(v),
        other => return Err(Error::invalid(format!("{other:?} cannot be bound"))),
    })
}
