//! The tests of the store on files and across processes, in one binary.

mod aside;
mod bounds;
mod common;
mod crash;
mod destinations;
mod enlist;
mod full;
mod history;
mod model;
mod opening;
mod order;
mod spool;
