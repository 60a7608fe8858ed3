//! What is wrong with a file, and where.
use std::fmt;
use std::ops::Range;

/// One mistake in a file of rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Bytes of the text that it is about.
    pub span: Range<usize>,
    /// From 1.
    pub line: usize,
    /// Characters from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub help: Option<String>,
    /// The line that it stands in.
    pub source: String,
}

impl Mistake {
    pub(crate) fn new(text: &str, span: Range<usize>, message: String, help: Option<String>) -> Self {
        let floor = |at: usize| (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        let start = floor(span.start);
        let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
        Self {
            line: text[..start].matches('\n').count() + 1,
            column: text[line_start..start].chars().count() + 1,
            source: text[line_start..].lines().next().unwrap_or_default().to_owned(),
            span: start..floor(span.end).max(start),
            message,
            help,
        }
    }

    /// How many characters of its line it covers, 1 at least.
    fn width(&self) -> usize {
        let rest = self.source.chars().count().saturating_sub(self.column - 1);
        (self.span.end - self.span.start).clamp(1, rest.max(1))
    }
}

impl fmt::Display for Mistake {
    /// `12:7: what is wrong`, the line with the place under it, and what to write instead.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, column, message, source, help, .. } = self;
        let source = source.replace('\t', " ");
        let gutter = line.to_string().len();
        writeln!(f, "{line}:{column}: {message}")?;
        writeln!(f, "{:gutter$} |", "")?;
        writeln!(f, "{line} | {source}")?;
        write!(f, "{:gutter$} | {:>column$}{}", "", "^", "^".repeat(self.width() - 1))?;
        help.as_ref().map_or(Ok(()), |help| write!(f, "\n{:gutter$} = {help}", ""))
    }
}
