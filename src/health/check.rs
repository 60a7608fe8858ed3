//! `c360 health check`: what is wrong with a file of rules, and where.
use anyhow::{Context, bail};
use c360_health::Rules;
use std::io::Read;
use std::path::Path;

/// The text of a file, or of standard input for `-`.
pub(super) fn read(file: &Path) -> anyhow::Result<String> {
    if file == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).context("standard input cannot be read")?;
        return Ok(text);
    }
    let bytes = std::fs::read(file).with_context(|| format!("{} cannot be read", file.display()))?;
    String::from_utf8(bytes).with_context(|| format!("{} is not UTF-8", file.display()))
}

/// The rules of a file; its mistakes go to the terminal.
pub(super) fn checked(file: &Path, text: &str) -> anyhow::Result<Rules> {
    match c360_health::check(text) {
        Ok(rules) => Ok(rules),
        Err(mistakes) => {
            for mistake in &mistakes {
                eprintln!("{}:{mistake}\n", file.display());
            }
            let plural = if mistakes.len() == 1 { "" } else { "s" };
            bail!("{} has {} mistake{plural}", file.display(), mistakes.len());
        }
    }
}

pub(super) fn run(file: &Path) -> anyhow::Result<()> {
    let rules = checked(file, &read(file)?)?;
    println!("{} is good: \"{}\", {}", file.display(), rules.name, super::summary(&rules));
    Ok(())
}
