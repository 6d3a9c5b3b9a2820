//! The tests of the scheduler with a store and a clock of their own, in one binary.

mod catch_up;
mod turns;
mod windows;
