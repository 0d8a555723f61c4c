"""A tenant's stylesheet, made from a few colours. Contrast is computed here and never left to the tenant.

A brand may choose any colour: text upon it, links and the menu are adjusted until they reach WCAG's 4.5:1.
"""

from __future__ import annotations

import colorsys
import hashlib
from dataclasses import dataclass
from functools import lru_cache

RGB = tuple[int, int, int]
WHITE: RGB = (255, 255, 255)
BLACK: RGB = (0, 0, 0)
# The least favourable surfaces on which a link may stand, per theme; a page's own ground is easier.
LIGHT_SURFACE: RGB = (241, 241, 241)
DARK_SURFACE: RGB = (43, 43, 43)
DARK_SIDE: RGB = (22, 22, 22)
ENOUGH = 4.5

FONTS = {
    "inter": "",
    "system": 'system-ui, -apple-system, "Segoe UI", Roboto, Vazirmatn, Tahoma, sans-serif',
    "serif": 'Charter, "Bitstream Charter", "Iowan Old Style", Georgia, "Noto Serif", Vazirmatn, serif',
    "humanist": 'Seravek, "Gill Sans Nova", Ubuntu, Calibri, Inter, Vazirmatn, sans-serif',
    "rounded": 'ui-rounded, "Hiragino Maru Gothic ProN", Quicksand, Comfortaa, Manjari, Inter, Vazirmatn, sans-serif',
}


@dataclass(frozen=True, slots=True)
class Branding:
    """What a brand chooses. Colours are `#rrggbb`; radius is in pixels; `font` is one of FONTS."""

    primary: str = "#2f5bd0"
    accent: str = "#0f9d8a"
    sidebar: str = "#141b2d"
    radius: int = 10
    font: str = "inter"


def parse_colour(text: str) -> RGB:
    """`#rrggbb` as three numbers. Raises ValueError for anything else."""
    if len(text) != 7 or text[0] != "#":
        raise ValueError(f"{text!r} is no colour of the form #rrggbb.")
    value = int(text[1:], 16)
    return (value >> 16, (value >> 8) & 255, value & 255)


def to_hex(colour: RGB) -> str:
    """Three numbers as `#rrggbb`."""
    return "#" + "".join(f"{part:02x}" for part in colour)


def luminance(colour: RGB) -> float:
    """WCAG's relative luminance, from 0 to 1."""

    def linear(part: int) -> float:
        share = part / 255
        return share / 12.92 if share <= 0.04045 else float(((share + 0.055) / 1.055) ** 2.4)

    red, green, blue = (linear(part) for part in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: RGB, other: RGB) -> float:
    """WCAG's contrast ratio, from 1 to 21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def mix(colour: RGB, other: RGB, share: float) -> RGB:
    """`colour` moved by `share` (0 to 1) towards `other`."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(colour, other, strict=True))
    return (red, green, blue)


def text_on(ground: RGB) -> RGB:
    """White where it reads well on `ground`, else black; one of the two always reaches 4.5:1."""
    return WHITE if contrast(WHITE, ground) >= ENOUGH else BLACK


def readable(colour: RGB, surface: RGB, wanted: float = ENOUGH) -> RGB:
    """`colour`, moved no further than needed towards black or white, so that it reads on `surface`."""
    end = BLACK if luminance(surface) > 0.18 else WHITE
    for step in range(101):
        moved = mix(colour, end, step / 100)
        if contrast(moved, surface) >= wanted:
            return moved
    return end


def hover(colour: RGB) -> RGB:
    """The brand's colour under the pointer: darker, or lighter where it is nearly black; its text stays readable."""
    for end, share in ((BLACK, 0.12), (WHITE, 0.12), (BLACK, 0.06), (WHITE, 0.06)):
        moved = mix(colour, end, share)
        if moved != colour and contrast(text_on(colour), moved) >= ENOUGH:
            return moved
    return colour


def turned(colour: RGB, degrees: float) -> RGB:
    """The same strength in another hue, for the further lines of a chart."""
    hue, light, saturation = colorsys.rgb_to_hls(*(part / 255 for part in colour))
    parts = colorsys.hls_to_rgb((hue + degrees / 360) % 1, min(max(light, 0.38), 0.6), max(saturation, 0.35))
    red, green, blue = (round(part * 255) for part in parts)
    return (red, green, blue)


def _chart_colours(primary: RGB, accent: RGB, surface: RGB) -> list[RGB]:
    others = [turned(primary, degrees) for degrees in (150, 210, 60, 280)]
    return [readable(colour, surface, 3.0) for colour in (primary, accent, *others)]


def _side_rules(side: RGB) -> dict[str, RGB]:
    front = text_on(side)
    grounds = (mix(side, front, share / 100) for share in (12, 8, 5, 3))
    active = next((ground for ground in grounds if contrast(front, ground) >= ENOUGH), side)
    softer = (mix(front, side, share / 100) for share in range(34, 0, -2))
    muted = next((one for one in softer if min(contrast(one, side), contrast(one, active)) >= ENOUGH), front)
    return {
        "side-bg": side,
        "side-fg": front,
        "side-muted": muted,
        "side-line": mix(side, front, 0.12),
        "side-active": active,
    }


def _rules(names: dict[str, RGB]) -> str:
    return "".join(f"--app-{name}:{to_hex(colour)};" for name, colour in names.items())


@lru_cache(maxsize=512)
def stylesheet(brand: Branding) -> str:
    """The brand's variables for both themes. Small, and the same for the same brand."""
    primary, accent, side = (parse_colour(text) for text in (brand.primary, brand.accent, brand.sidebar))
    dark_side = DARK_SIDE if luminance(side) > 0.18 else mix(side, BLACK, 0.3)
    common = (
        f"--tblr-primary:{to_hex(primary)};--tblr-primary-rgb:{','.join(map(str, primary))};"
        f"--tblr-primary-darken:{to_hex(hover(primary))};--tblr-primary-fg:{to_hex(text_on(primary))};"
        f"--app-primary:{to_hex(primary)};--app-primary-hover:{to_hex(hover(primary))};--app-on-primary:{to_hex(text_on(primary))};"
        f"--app-accent:{to_hex(accent)};--app-radius:{brand.radius}px;"
    )
    if FONTS[brand.font]:
        # A serif is for headings; figures and small text stay in the face that is made for screens.
        common += f"--app-font{'-heading' if brand.font == 'serif' else ''}:{FONTS[brand.font]};"
    light = _rules({"link": readable(primary, LIGHT_SURFACE), **_side_rules(side)})
    dark = _rules({"link": readable(primary, DARK_SURFACE), **_side_rules(dark_side)})
    for number, (on_light, on_dark) in enumerate(
        zip(_chart_colours(primary, accent, WHITE), _chart_colours(primary, accent, DARK_SURFACE), strict=True), start=1
    ):
        light += f"--chart-{number}:{to_hex(on_light)};"
        dark += f"--chart-{number}:{to_hex(on_dark)};"
    return f":root{{{common}}}:root,[data-bs-theme=light]{{{light}}}[data-bs-theme=dark]{{{dark}}}"


@lru_cache(maxsize=512)
def fingerprint(brand: Branding) -> str:
    """Changes when the brand's stylesheet changes."""
    return hashlib.sha256(stylesheet(brand).encode()).hexdigest()[:12]


def mail_colours(brand: Branding) -> tuple[str, str]:
    """Ground and text of a button in a mail."""
    primary = parse_colour(brand.primary)
    return brand.primary, to_hex(text_on(primary))
