"""Makes the font files of this folder from Inter; see README for how to run it."""

import sys
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont

FAMILY = "Chainrule Sans"
MATH = (
    "−×÷·√∑∏∫∂∞≤≥≈≠→←↑↓²³¹⁰⁴⁵⁶⁷⁸⁹⁻₀₁₂₃₄₅₆₇₈₉‖…–—‘’“”•▲▼◀▶●○ℓ′″ϵ"
)
ASCII = set(range(0x20, 0x7F))
GREEK = set(range(0x391, 0x3CA))
LATIN_AND_CYRILLIC = set(range(0xA0, 0x180)) | set(range(0x410, 0x450))

# What a PNG may show, and what travels inside every SVG.
SETS = {
    "otf": ASCII | GREEK | LATIN_AND_CYRILLIC | set(map(ord, MATH)),
    "woff2": ASCII | set(map(ord, "αβγδεηθλμπρστφω²³" + MATH)),
}


def make(source: Path, weight: str, flavour: str) -> None:
    font = TTFont(source)
    options = subset.Options()
    # Without kerning and ligatures a text is as wide as the sum of its
    # advances, which is what the drawing measures.
    options.layout_features = []
    options.hinting = False
    options.name_IDs = [0, 1, 2, 3, 4, 5, 6, 13, 14]
    options.drop_tables += ["GDEF", "GPOS", "GSUB"]
    cut = subset.Subsetter(options)
    cut.populate(unicodes=SETS[flavour])
    cut.subset(font)
    for name in font["name"].names:
        if name.nameID in (1, 4, 16):
            name.string = FAMILY
        elif name.nameID in (3, 6):
            name.string = f"{FAMILY.replace(' ', '')}-{weight}"
    font["OS/2"].usWeightClass = {"Regular": 400, "SemiBold": 600}[weight]
    font["head"].modified = font["head"].created
    font.recalcTimestamp = False
    if flavour == "woff2":
        font.flavor = "woff2"
    font.save(Path(__file__).parent / f"ChainruleSans-{weight}.{flavour}")


for weight in ("Regular", "SemiBold"):
    for flavour in SETS:
        make(Path(sys.argv[1]) / f"Inter-{weight}.otf", weight, flavour)
