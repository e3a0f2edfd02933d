//! The drawing as pixels, with the letters that the binary carries and no others.

use std::sync::Arc;

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree, fontdb::Database};

use super::{DrawError, letters};

/// More pixels than this are refused.
const MOST_PIXELS: f64 = 100e6;

/// Turns an SVG into a PNG, `scale` pixels for each of its units (2 is good on
/// a slide). The SVG must name a theme: nobody is there to be asked.
///
/// # Errors
/// [`DrawError::TooLarge`], [`DrawError::Pixels`].
pub fn png(svg: &str, scale: f64) -> Result<Vec<u8>, DrawError> {
    let mut fonts = Database::new();
    fonts.load_font_data(letters::REGULAR.to_vec());
    fonts.load_font_data(letters::SEMIBOLD.to_vec());
    let options = Options { font_family: letters::FAMILY.into(), fontdb: Arc::new(fonts), ..Options::default() };
    let tree = Tree::from_str(svg, &options).map_err(|_| DrawError::Pixels)?;
    let (width, height) = (f64::from(tree.size().width()), f64::from(tree.size().height()));
    // A very large drawing gets one pixel a unit, or as many as there may be.
    let most = (MOST_PIXELS / (width * height)).sqrt();
    let scale = scale.min(most).min(32_000.0 / width.max(height));
    if scale < 0.25 {
        return Err(DrawError::TooLarge { size: (width as u32, height as u32) });
    }
    let pixels = |length: f64| (length * scale).round().max(1.0) as u32;
    let mut pixmap = Pixmap::new(pixels(width), pixels(height)).ok_or(DrawError::Pixels)?;
    let transform = Transform::from_scale(scale as f32, scale as f32);
    resvg::render(&tree, transform, &mut pixmap.as_mut());
    pixmap.encode_png().map_err(|_| DrawError::Pixels)
}
