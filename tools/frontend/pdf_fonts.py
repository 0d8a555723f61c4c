"""Makes the fonts of printed documents from the same families as the pages: one static file per weight and script.

Run after the packages of `package.json` are installed; needs fonttools and brotli. The files are committed.
"""

from __future__ import annotations

from pathlib import Path

from fontTools.ttLib import TTFont
from fontTools.varLib.instancer import instantiateVariableFont

HERE = Path(__file__).parent
TARGET = HERE.parents[1] / "app" / "ui" / "fonts"
SOURCES = {
    "latin": "inter/files/inter-latin-wght-normal.woff2",
    "latin-ext": "inter/files/inter-latin-ext-wght-normal.woff2",
    "cyrillic": "inter/files/inter-cyrillic-wght-normal.woff2",
    "cyrillic-ext": "inter/files/inter-cyrillic-ext-wght-normal.woff2",
    "greek": "inter/files/inter-greek-wght-normal.woff2",
    "arabic": "vazirmatn/files/vazirmatn-arabic-wght-normal.woff2",
}
WEIGHTS = {"regular": 400, "bold": 700}


def main() -> None:
    TARGET.mkdir(exist_ok=True)
    for script, source in SOURCES.items():
        for name, weight in WEIGHTS.items():
            font = TTFont(HERE / "node_modules" / "@fontsource-variable" / source)
            font.flavor = None
            instantiateVariableFont(font, {"wght": weight}).save(TARGET / f"{script}-{name}.ttf")


if __name__ == "__main__":
    main()
