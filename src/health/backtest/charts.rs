//! The report's charts, as SVG.
use super::compare::Outcome;
use std::collections::BTreeSet;
use std::fmt::Write;

const WIDTH: f64 = 720.0;
const BANDS: [(&str, &str); 4] = [("green", "#2e8b57"), ("yellow", "#d9a400"), ("red", "#c0392b"), ("unknown", "#9aa3ab")];
const COLOURS: [&str; 2] = ["#7a8794", "#1f6feb"];

fn head(height: f64, title: &str) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"system-ui, sans-serif\" font-size=\"13\">\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/><text x=\"16\" y=\"26\" font-size=\"16\" font-weight=\"600\">{title}</text>"
    )
}

/// How many customers end in which band, by each set of rules.
pub(super) fn bands(outcomes: [&Outcome; 2]) -> String {
    let mut svg = head(150.0, "Customers by band at the end");
    for (row, outcome) in outcomes.into_iter().enumerate() {
        let (y, whole) = (50.0 + row as f64 * 46.0, outcome.customers.max(1) as f64);
        let _ = write!(svg, "<text x=\"16\" y=\"{}\">{}</text>", y + 19.0, escaped(&outcome.rules));
        let mut x = 190.0;
        for (band, colour) in BANDS {
            let count = outcome.bands.get(band).copied().unwrap_or(0);
            let width = (WIDTH - 210.0) * count as f64 / whole;
            let _ = write!(
                svg,
                "<rect x=\"{x:.1}\" y=\"{y}\" width=\"{width:.1}\" height=\"28\" fill=\"{colour}\"><title>{band}: {count}</title></rect>"
            );
            if width > 26.0 {
                let _ = write!(
                    svg,
                    "<text x=\"{:.1}\" y=\"{}\" fill=\"#fff\" text-anchor=\"middle\">{count}</text>",
                    x + width / 2.0,
                    y + 19.0
                );
            }
            x += width;
        }
    }
    svg + "</svg>\n"
}

/// Alerts that opened, month by month, by each set of rules.
pub(super) fn by_month(outcomes: [&Outcome; 2]) -> String {
    let months: BTreeSet<&String> = outcomes.iter().flat_map(|outcome| outcome.by_month.keys()).collect();
    let most = outcomes.iter().flat_map(|outcome| outcome.by_month.values()).copied().max().unwrap_or(0).max(1) as f64;
    let mut svg = head(260.0, "Alerts that opened, by month");
    for (number, outcome) in outcomes.into_iter().enumerate() {
        let x = 16.0 + number as f64 * 200.0;
        let _ = write!(svg, "<rect x=\"{x}\" y=\"38\" width=\"12\" height=\"12\" fill=\"{}\"/>", COLOURS[number]);
        let _ = write!(svg, "<text x=\"{}\" y=\"49\">{}</text>", x + 18.0, escaped(&outcome.rules));
    }
    let step = (WIDTH - 32.0) / months.len().max(1) as f64;
    for (index, month) in months.iter().enumerate() {
        let left = 16.0 + index as f64 * step;
        for (number, outcome) in outcomes.into_iter().enumerate() {
            let count = outcome.by_month.get(*month).copied().unwrap_or(0);
            let (height, width) = (160.0 * count as f64 / most, (step / 2.0 - 2.0).max(1.0));
            let (x, y) = (left + number as f64 * (width + 1.0), 230.0 - height);
            let _ = write!(
                svg,
                "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" fill=\"{}\"><title>{month}: {count}</title></rect>",
                COLOURS[number]
            );
        }
        if months.len() <= 14 || index % (months.len() / 12 + 1) == 0 {
            let _ = write!(svg, "<text x=\"{left:.1}\" y=\"248\" font-size=\"11\">{month}</text>");
        }
    }
    svg + "</svg>\n"
}

fn escaped(text: &str) -> String {
    let short: String = text.chars().take(26).collect();
    short.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
