//! A figure as people read it, on the terminal and in the table of results.

/// Three digits that count.
pub fn shown(value: f64) -> String {
    match value.abs() {
        n if n >= 100.0 => format!("{value:.0}"),
        n if n >= 10.0 => format!("{value:.1}"),
        n if n >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}
