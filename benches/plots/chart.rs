//! Lines over two logarithmic axes, as plain SVG.

use std::fmt::Write as _;

const WIDTH: f64 = 800.0;
const HEIGHT: f64 = 440.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 256.0;
const TOP: f64 = 44.0;
const BOTTOM: f64 = 52.0;
/// Told apart by people who see colours differently, too (Okabe and Ito).
const COLOURS: [&str; 7] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000"];

pub struct Chart<'a> {
    pub title: &'a str,
    pub x: &'a str,
    pub y: &'a str,
    pub lines: Vec<Line>,
}

pub struct Line {
    pub name: String,
    /// By x.
    pub points: Vec<(f64, f64)>,
}

/// A logarithmic axis over whole decades.
struct Axis {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

impl Axis {
    fn of(values: impl Iterator<Item = f64> + Clone, from: f64, to: f64) -> Self {
        let positive = values.filter(|value| *value > 0.0);
        let low = positive.clone().fold(f64::INFINITY, f64::min).log10().floor();
        let high = positive.fold(0.0, f64::max).log10().ceil();
        Self { low, high: high.max(low + 1.0), from, to }
    }

    fn at(&self, value: f64) -> f64 {
        let part = (value.max(f64::MIN_POSITIVE).log10() - self.low) / (self.high - self.low);
        self.from + part.max(0.0) * (self.to - self.from)
    }

    fn decades(&self) -> impl Iterator<Item = f64> {
        (self.low as i32..=self.high as i32).map(|exponent| 10_f64.powi(exponent))
    }
}

fn number(value: f64) -> String {
    if value >= 1_000_000.0 {
        format!("{} M", value / 1e6)
    } else if value >= 1_000.0 {
        format!("{} k", value / 1e3)
    } else {
        format!("{value}")
    }
}

impl Chart<'_> {
    /// The document.
    pub fn svg(&self) -> String {
        let points = || self.lines.iter().flat_map(|line| &line.points);
        let x = Axis::of(points().map(|point| point.0), LEFT, WIDTH - RIGHT);
        let y = Axis::of(points().map(|point| point.1), HEIGHT - BOTTOM, TOP);
        let mut out = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"12\">\n\
             <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#fff\"/>\n\
             <text x=\"{LEFT}\" y=\"24\" font-size=\"16\">{}</text>\n",
            self.title
        );
        self.grid(&mut out, &x, &y).expect("writing to a text succeeds");
        for (number, line) in self.lines.iter().enumerate() {
            line.draw(&mut out, number, &x, &y).expect("writing to a text succeeds");
        }
        out.push_str("</svg>\n");
        out
    }

    fn grid(&self, out: &mut String, x: &Axis, y: &Axis) -> std::fmt::Result {
        let (left, right, top, bottom) = (LEFT, WIDTH - RIGHT, TOP, HEIGHT - BOTTOM);
        for value in x.decades() {
            let (at, text) = (x.at(value), number(value));
            writeln!(out, "<path d=\"M{at:.1} {top}V{bottom}\" stroke=\"#ddd\"/>")?;
            writeln!(
                out,
                "<text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{text}</text>",
                bottom + 18.0
            )?;
        }
        for value in y.decades() {
            let (at, text) = (y.at(value), number(value));
            writeln!(out, "<path d=\"M{left} {at:.1}H{right}\" stroke=\"#ddd\"/>")?;
            writeln!(
                out,
                "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{text}</text>",
                left - 8.0,
                at + 4.0
            )?;
        }
        let middle = f64::midpoint(left, right);
        writeln!(
            out,
            "<text x=\"{middle:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            HEIGHT - 12.0,
            self.x
        )?;
        let middle = f64::midpoint(top, bottom);
        writeln!(
            out,
            "<text transform=\"translate(16 {middle:.1}) rotate(-90)\" text-anchor=\"middle\">{}</text>",
            self.y
        )
    }
}

impl Line {
    fn draw(&self, out: &mut String, number: usize, x: &Axis, y: &Axis) -> std::fmt::Result {
        let colour = COLOURS[number % COLOURS.len()];
        let places: Vec<_> = self.points.iter().map(|point| (x.at(point.0), y.at(point.1))).collect();
        let path: Vec<_> = places.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        writeln!(
            out,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
            path.join(" ")
        )?;
        for (x, y) in places {
            writeln!(out, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{colour}\"/>")?;
        }
        let (at, row) = (WIDTH - RIGHT + 16.0, TOP + 8.0 + 20.0 * number as f64);
        writeln!(out, "<path d=\"M{at} {row:.1}h18\" stroke=\"{colour}\" stroke-width=\"3\"/>")?;
        writeln!(out, "<text x=\"{}\" y=\"{:.1}\">{}</text>", at + 24.0, row + 4.0, self.name)
    }
}
