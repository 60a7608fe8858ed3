//! `c360 health backtest`: rules tried on history. Every customer's records are lived through twice in memory, by the rules in force and by those of the file, with the code that runs
//! live; then the two are held against each other and against who really left.
mod charts;
mod compare;
mod fold;
mod load;
mod report;
mod run;

pub(super) use run::run;
