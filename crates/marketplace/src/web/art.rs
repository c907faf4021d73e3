//! The style sheet and the drawings of the goods: one drawing a department, in twelve colourings.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use super::fault::{Fault, Page};

const STYLE: &str = include_str!("../../assets/shop.css");
const FOREVER: &str = "public, max-age=31536000, immutable";

static STYLE_PATH: LazyLock<String> = LazyLock::new(|| {
    let hash: String = Sha256::digest(STYLE).iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    format!("/assets/shop.css?v={hash}")
});

/// The style sheet's address; it changes with its content.
pub fn style_path() -> &'static str {
    &STYLE_PATH
}

/// The style sheet.
pub async fn style() -> Response {
    ([(CONTENT_TYPE, "text/css; charset=utf-8"), (CACHE_CONTROL, FOREVER)], STYLE).into_response()
}

/// A drawing: `/art/mug/3.svg`.
pub async fn picture(Path((kind, variant)): Path<(String, String)>) -> Page<Response> {
    let variant: usize = variant.strip_suffix(".svg").and_then(|v| v.parse().ok()).ok_or(Fault::NotFound)?;
    let colours = COLOURS.get(variant).ok_or(Fault::NotFound)?;
    let shapes = shapes(&kind).ok_or(Fault::NotFound)?;
    let headers = [(CONTENT_TYPE, "image/svg+xml"), (CACHE_CONTROL, FOREVER)];
    Ok((headers, draw(shapes, colours)).into_response())
}

/// Wall, table, body, shade, light.
type Colours = [&'static str; 5];

const COLOURS: [Colours; 12] = [
    ["#e4eadb", "#c9d6b8", "#4f7a4a", "#35573a", "#a8c686"],
    ["#f3e6d3", "#e2cda9", "#b8763a", "#8a5322", "#e0aa66"],
    ["#f6e3da", "#e8c4b2", "#b65a3c", "#86402a", "#e39a78"],
    ["#e3e8ee", "#c3cfda", "#48698a", "#304a66", "#8fb0cc"],
    ["#efe9df", "#d8ccb6", "#7d6a52", "#57483a", "#b8a283"],
    ["#f6efcf", "#e9d998", "#c79a1e", "#8f6c10", "#f0cf63"],
    ["#ebe3ee", "#d0c0d8", "#7b5a8c", "#573f66", "#b595c4"],
    ["#dfece8", "#b5d2c8", "#3b7d72", "#285850", "#7fbcae"],
    ["#f4e1e4", "#e5bcc4", "#ab4c62", "#7c3445", "#d98c9d"],
    ["#e9e7e2", "#cbc6bb", "#5c5a57", "#3e3c3a", "#99958e"],
    ["#fbe9d0", "#f2cf9a", "#d2691e", "#974910", "#f3a55c"],
    ["#e2ebf0", "#bcd3dd", "#2f7f96", "#1f586a", "#76b8ca"],
];

/// Drawings of body `{b}`, shade `{s}` and light `{l}`, standing on a table at y = 176.
const SHAPES: &[(&str, &str)] = &[
    (
        "loaf",
        "<path d='M52 178c-14-8-14-74 14-88 30-16 80-16 110 0 26 14 26 80 12 88z' fill='{b}'/><path d='M52 178c-8-5-12-30-8-52 40 22 110 22 152 0 4 22 0 47-8 52z' fill='{s}' opacity='.35'/><g stroke='{l}' stroke-width='8' stroke-linecap='round'><path d='M86 104l16 26M118 98l16 28M150 102l12 24'/></g>",
    ),
    (
        "jar",
        "<rect x='74' y='84' width='92' height='96' rx='16' fill='{l}'/><path d='M74 108h92v56a16 16 0 0 1-16 16H90a16 16 0 0 1-16-16z' fill='{b}'/><rect x='80' y='62' width='80' height='26' rx='6' fill='{s}'/><rect x='90' y='120' width='60' height='38' rx='4' fill='#fffdf6'/><path d='M100 132h40M100 144h26' stroke='{s}' stroke-width='4' stroke-linecap='round'/><path d='M86 104v48' stroke='#fff' stroke-width='5' stroke-linecap='round' opacity='.5'/>",
    ),
    (
        "cheese",
        "<path d='M44 138l126-58c20 8 28 24 28 42v22z' fill='{l}'/><path d='M44 138l154 6v34H44z' fill='{b}'/><g fill='{s}' opacity='.6'><circle cx='82' cy='158' r='9'/><circle cx='128' cy='164' r='6'/><circle cx='164' cy='156' r='10'/><circle cx='150' cy='114' r='8'/><circle cx='118' cy='122' r='5'/></g>",
    ),
    (
        "cup",
        "<ellipse cx='116' cy='176' rx='72' ry='10' fill='{l}'/><path d='M64 108h104v24a48 46 0 0 1-48 46h-8a48 46 0 0 1-48-46z' fill='{b}'/><path d='M168 118h10a18 18 0 0 1 0 36h-16' fill='none' stroke='{b}' stroke-width='10'/><ellipse cx='116' cy='108' rx='52' ry='10' fill='{s}'/><g fill='none' stroke='{s}' stroke-width='5' stroke-linecap='round' opacity='.45'><path d='M96 88c-8-10 8-16 0-28M118 84c-8-10 8-16 0-28M140 88c-8-10 8-16 0-28'/></g>",
    ),
    (
        "candle",
        "<rect x='92' y='96' width='56' height='84' rx='6' fill='{b}'/><path d='M92 110c12 12 18-6 28 6s18-4 28 4v-18a6 6 0 0 0-6-6H98a6 6 0 0 0-6 6z' fill='{l}'/><path d='M120 96V82' stroke='{s}' stroke-width='4'/><path d='M120 44c16 18 14 38 0 40-14-2-16-22 0-40z' fill='#f4b23c'/><path d='M120 60c7 9 6 20 0 22-6-2-7-13 0-22z' fill='#fff3c4'/><ellipse cx='120' cy='180' rx='46' ry='8' fill='{s}'/>",
    ),
    (
        "mug",
        "<path d='M70 84h92v82a14 14 0 0 1-14 14H84a14 14 0 0 1-14-14z' fill='{b}'/><path d='M162 100h14a24 28 0 0 1 0 56h-14' fill='none' stroke='{b}' stroke-width='13'/><ellipse cx='116' cy='84' rx='46' ry='9' fill='{s}'/><path d='M70 128c30 14 62 14 92 0v22c-30 12-62 12-92 0z' fill='{l}'/><g fill='{s}' opacity='.5'><circle cx='90' cy='110' r='2'/><circle cx='126' cy='106' r='2.5'/><circle cx='146' cy='118' r='2'/><circle cx='104' cy='168' r='2'/><circle cx='140' cy='170' r='2'/></g>",
    ),
    (
        "scarf",
        "<path d='M60 92h120v84H60z' fill='{b}'/><path d='M60 92h120v18H60zM60 128h120v12H60zM60 156h120v8H60z' fill='{l}'/><path d='M60 92c0-20 120-20 120 0' fill='{s}'/><g stroke='{s}' stroke-width='4' stroke-linecap='round'><path d='M66 178v12M80 178v12M94 178v12M108 178v12M122 178v12M136 178v12M150 178v12M164 178v12M176 178v12'/></g>",
    ),
    (
        "soap",
        "<path d='M50 132l20-34h110l14 34v36a12 12 0 0 1-12 12H62a12 12 0 0 1-12-12z' fill='{s}'/><rect x='46' y='118' width='148' height='62' rx='14' fill='{b}'/><rect x='66' y='132' width='108' height='34' rx='8' fill='none' stroke='{l}' stroke-width='5'/><g fill='#fff' opacity='.8'><circle cx='74' cy='92' r='11'/><circle cx='98' cy='78' r='7'/><circle cx='160' cy='90' r='9'/><circle cx='140' cy='70' r='5'/></g>",
    ),
    (
        "plant",
        "<path d='M84 136h72l-9 44H93z' fill='#b8643f'/><rect x='78' y='126' width='84' height='16' rx='4' fill='#cf7c53'/><path d='M120 128V58' stroke='{s}' stroke-width='5'/><g fill='{b}'><path d='M120 122c-34 0-48-16-54-32 28-4 50 10 54 32z'/><path d='M120 122c34 0 48-16 54-32-28-4-50 10-54 32z'/><path d='M120 92c-26 0-38-12-42-26 22-4 40 8 42 26z'/><path d='M120 92c26 0 38-12 42-26-22-4-40 8-42 26z'/></g><path d='M120 66c-14-10-12-26 0-36 12 10 14 26 0 36z' fill='{l}'/>",
    ),
    (
        "cookies",
        "<g fill='{b}'><ellipse cx='120' cy='166' rx='58' ry='15'/><ellipse cx='116' cy='144' rx='56' ry='15'/><ellipse cx='122' cy='122' rx='55' ry='15'/></g><ellipse cx='118' cy='98' rx='56' ry='24' fill='{l}'/><g fill='{s}'><circle cx='92' cy='94' r='6'/><circle cx='116' cy='86' r='5'/><circle cx='142' cy='96' r='6'/><circle cx='122' cy='106' r='5'/><circle cx='102' cy='110' r='4'/></g><g fill='none' stroke='{s}' stroke-width='3' opacity='.5'><path d='M66 150c20 14 80 14 100 0M70 128c20 14 84 14 104 0'/></g>",
    ),
    (
        "bottle",
        "<rect x='108' y='44' width='24' height='22' rx='3' fill='{s}'/><path d='M110 66h20v18c0 12 22 14 22 40v46a12 12 0 0 1-12 12h-40a12 12 0 0 1-12-12v-46c0-26 22-28 22-40z' fill='{b}'/><rect x='94' y='122' width='52' height='38' rx='3' fill='#fffdf6'/><path d='M104 134h32M104 146h20' stroke='{s}' stroke-width='4' stroke-linecap='round'/><path d='M98 116c2-8 8-12 12-18' stroke='{l}' stroke-width='5' stroke-linecap='round' fill='none'/>",
    ),
    (
        "bowl",
        "<path d='M44 104h152c0 46-30 72-60 76h-32c-30-4-60-30-60-76z' fill='{b}'/><ellipse cx='120' cy='104' rx='76' ry='18' fill='{l}'/><ellipse cx='120' cy='106' rx='62' ry='12' fill='{s}' opacity='.55'/><path d='M58 138c30 16 94 16 124 0' stroke='{l}' stroke-width='6' fill='none' opacity='.7'/>",
    ),
    (
        "vase",
        "<path d='M104 70h32c0 20 28 36 28 66 0 26-16 44-30 44h-28c-14 0-30-18-30-44 0-30 28-46 28-66z' fill='{b}'/><ellipse cx='120' cy='70' rx='17' ry='5' fill='{s}'/><path d='M120 70V34M120 58c-12-4-18-14-18-24M120 52c12-4 18-12 18-22' stroke='{s}' stroke-width='4' fill='none'/><circle cx='120' cy='32' r='8' fill='{l}'/><circle cx='101' cy='32' r='6' fill='{l}'/><circle cx='139' cy='28' r='6' fill='{l}'/><path d='M80 140c26 12 54 12 80 0' stroke='{l}' stroke-width='7' fill='none'/>",
    ),
    (
        "bag",
        "<path d='M76 76h88l8 92a12 12 0 0 1-12 12H80a12 12 0 0 1-12-12z' fill='{b}'/><path d='M72 62h96l-4 22H76z' fill='{s}'/><rect x='90' y='108' width='60' height='46' rx='4' fill='#fffdf6'/><circle cx='120' cy='126' r='10' fill='{l}'/><path d='M102 145h36' stroke='{s}' stroke-width='4' stroke-linecap='round'/>",
    ),
    (
        "print",
        "<rect x='62' y='46' width='116' height='134' fill='#fffdf6' stroke='{s}' stroke-width='6'/><path d='M74 150l30-44 22 28 16-18 24 34v18H74z' fill='{b}'/><circle cx='144' cy='82' r='15' fill='{l}'/><path d='M74 168h92' stroke='{s}' stroke-width='4'/>",
    ),
];

fn shapes(kind: &str) -> Option<&'static str> {
    SHAPES.iter().find(|(name, _)| *name == kind).map(|(_, shapes)| *shapes)
}

fn draw(shapes: &str, [wall, table, body, shade, light]: &Colours) -> String {
    let shapes = shapes.replace("{b}", body).replace("{s}", shade).replace("{l}", light);
    format!(
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 240 240'><rect width='240' height='240' fill='{wall}'/>\
         <rect y='172' width='240' height='68' fill='{table}'/><ellipse cx='120' cy='184' rx='82' ry='9' fill='#000' opacity='.1'/>\
         {shapes}</svg>"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_department_has_a_drawing() {
        for category in crate::catalog::CATEGORIES {
            for (noun, ..) in category.goods {
                let drawing = draw(shapes(category.drawing(noun)).unwrap(), &COLOURS[3]);
                assert!(!drawing.contains('{'), "{drawing}");
                assert!(category.colours().iter().all(|colour| *colour < COLOURS.len()));
            }
        }
    }
}
