//! A real broker for the tests of this process, and a log of its own on it for each test.
pub mod broker;
pub mod fixture;
