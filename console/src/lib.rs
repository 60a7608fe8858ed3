//! The console: the read model, the JSON API and the pages, behind the private port.
//!
//! The read model is one SQLite file, folded from the profiles, alerts, deliveries and history topics by one thread. Positions in the log are committed in the transaction of the
//! rows folded from it, so a crash at any point neither loses nor doubles anything; and the whole file is a cache: delete it, and it is folded again.
//!
//! Nothing is decided here. What people do (acknowledge, link, move the clock) is appended to the log, and shows when the machines have folded it.
mod api;
mod app;
mod auth;
mod backtest;
mod barrier;
mod config;
mod console;
mod db;
mod error;
mod fold;
mod live;
mod metrics;
mod pages;
mod progress;
mod read;
mod time;

pub use backtest::{Backtest, BacktestMoved, MOVED_MAX};
pub use barrier::Stage;
pub use config::{ApiToken, ConsoleConfig, ConsoleLimits};
pub use console::Console;
pub use error::ConsoleError;
pub use live::Changes;
