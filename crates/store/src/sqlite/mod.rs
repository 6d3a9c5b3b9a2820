//! The file: how it is opened and checked, its tables, its rows, the lock and the ballast beside it.

pub(crate) mod ballast;
pub(crate) mod lock;
pub(crate) mod open;
pub(crate) mod rows;
pub(crate) mod schema;
