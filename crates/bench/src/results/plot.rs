//! Plots, as SVG: bars, or lines.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::is_ours;
use crate::contenders::Failure;

/// A plot, in a file of its name.
pub struct Plot {
    pub name: &'static str,
    pub title: String,
    /// What the axes count.
    pub axes: (&'static str, &'static str),
    pub drawn: Drawn,
}

/// What is drawn.
pub enum Drawn {
    /// A bar for each, on a logarithmic axis, and what it is labelled with.
    Bars(Vec<(String, f64, String)>),
    /// A line for each name.
    Lines { series: Vec<(String, Vec<(f64, f64)>)>, is_log: bool },
}

const WIDTH: u32 = 860;
const FONT: &str = "sans-serif";
const OURS: RGBColor = RGBColor(0xc2, 0x41, 0x0c);
const THEIRS: [RGBColor; 8] = [
    RGBColor(0x1d, 0x4e, 0xd8),
    RGBColor(0x15, 0x80, 0x3d),
    RGBColor(0x7e, 0x22, 0xce),
    RGBColor(0x0e, 0x74, 0x90),
    RGBColor(0x85, 0x4d, 0x0e),
    RGBColor(0xbe, 0x18, 0x5d),
    RGBColor(0x47, 0x55, 0x69),
    RGBColor(0x65, 0xa3, 0x0d),
];

impl Plot {
    /// How RESULTS.md shows it.
    pub fn image(&self) -> String {
        format!("![{}](plots/{}.svg)\n\n", self.title, self.name)
    }

    /// The file.
    ///
    /// # Errors
    ///
    /// When it can't be drawn.
    pub fn svg(&self) -> Result<String, Failure> {
        let mut svg = String::new();
        let drawn = match &self.drawn {
            Drawn::Bars(bars) => self.bars(&mut svg, bars),
            Drawn::Lines { series, is_log } => self.lines(&mut svg, series, *is_log),
        };
        // Its error borrows the text.
        drawn.map_err(|error| error.to_string())?;
        Ok(svg)
    }

    fn bars(&self, svg: &mut String, bars: &[(String, f64, String)]) -> Result<(), Failure> {
        const ROW: i32 = 22;
        const LEFT: i32 = 330;
        let height = ROW * bars.len() as i32 + 60;
        let root = SVGBackend::with_string(svg, (WIDTH, height as u32)).into_drawing_area();
        root.fill(&WHITE).map_err(told)?;
        let text = |size: i32| (FONT, size).into_font().color(&BLACK);
        root.draw(&Text::new(self.title.clone(), (12, 12), text(17))).map_err(told)?;
        let values = || bars.iter().map(|(_, value, _)| value.max(f64::MIN_POSITIVE).log10());
        let (least, most) =
            (values().fold(f64::INFINITY, f64::min).floor(), values().fold(f64::NEG_INFINITY, f64::max));
        let scale = f64::from(WIDTH as i32 - LEFT - 130) / (most - least).max(1.0);
        for (row, ((name, _, label), value)) in bars.iter().zip(values()).enumerate() {
            let top = 44 + ROW * row as i32;
            let right = LEFT + ((value - least) * scale) as i32;
            let colour = if is_ours(name) { OURS } else { THEIRS[6] };
            let bar = Rectangle::new([(LEFT, top), (right, top + ROW - 6)], colour.filled());
            root.draw(&bar).map_err(told)?;
            let middle = top + (ROW - 6) / 2;
            let name_style = text(13).pos(Pos::new(HPos::Right, VPos::Center));
            root.draw(&Text::new(name.clone(), (LEFT - 8, middle), name_style)).map_err(told)?;
            let label_style = text(13).pos(Pos::new(HPos::Left, VPos::Center));
            root.draw(&Text::new(label.clone(), (right + 8, middle), label_style)).map_err(told)?;
        }
        root.present().map_err(told)
    }

    fn lines(&self, svg: &mut String, series: &[(String, Vec<(f64, f64)>)], is_log: bool) -> Result<(), Failure> {
        let root = SVGBackend::with_string(svg, (WIDTH, 420)).into_drawing_area();
        root.fill(&WHITE).map_err(told)?;
        let at = |value: f64| if is_log { value.max(1e-9).log10() } else { value };
        let points = || series.iter().flat_map(|(_, points)| points).map(|(x, y)| (at(*x), at(*y)));
        let range = |of: fn((f64, f64)) -> f64| {
            let (least, most) = points()
                .map(of)
                .fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), value| (least.min(value), most.max(value)));
            if is_log { least.floor()..most.ceil() } else { least.min(0.0).max(least)..most }
        };
        let (x, y) = (range(|(x, _)| x), range(|(_, y)| y));
        let y = if is_log { y } else { 0.0..y.end * 1.1 };
        let mut chart = ChartBuilder::on(&root)
            .caption(&self.title, (FONT, 17))
            .margin(12)
            .margin_right(40)
            .x_label_area_size(44)
            .y_label_area_size(70)
            .build_cartesian_2d(x, y)
            .map_err(told)?;
        let label = |value: &f64| match is_log {
            true if (value - value.round()).abs() > 1e-6 => String::new(),
            true => power(*value),
            false => format!("{value:.0}"),
        };
        let mut mesh = chart.configure_mesh();
        mesh.x_desc(self.axes.0).y_desc(self.axes.1).x_label_formatter(&label).y_label_formatter(&label);
        mesh.axis_desc_style((FONT, 14)).label_style((FONT, 13)).light_line_style(WHITE).draw().map_err(told)?;
        let mut others = THEIRS.iter().cycle();
        for (name, points) in series {
            let (colour, width) = match is_ours(name) {
                true => (OURS, 3),
                false => (*others.next().unwrap_or(&BLACK), 2),
            };
            let style = colour.stroke_width(width);
            let line = LineSeries::new(points.iter().map(|(x, y)| (at(*x), at(*y))), style);
            let legend = move |(x, y)| PathElement::new([(x, y), (x + 18, y)], style);
            chart.draw_series(line).map_err(told)?.label(name).legend(legend);
        }
        // Where lines grow from the lower left, the upper left is free; else the foot, which no rate comes near.
        let position = if is_log { SeriesLabelPosition::UpperLeft } else { SeriesLabelPosition::LowerMiddle };
        let mut legend = chart.configure_series_labels();
        legend.position(position).background_style(WHITE.mix(0.8)).border_style(WHITE);
        legend.label_font((FONT, 13)).draw().map_err(told)?;
        root.present().map_err(told)
    }
}

/// Ten to the power of it, as people write it.
fn power(exponent: f64) -> String {
    match exponent {
        0.0.. => super::grouped(10_f64.powf(exponent).round() as usize),
        _ => format!("{}", 10_f64.powf(exponent)),
    }
}

fn told(error: impl std::fmt::Display) -> Failure {
    error.to_string().into()
}
