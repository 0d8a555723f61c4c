"""Printed documents: titles, pairs and tables as PDF, in the reader's language and direction.

The fonts are those of the pages. Arabic is shaped and runs from right to left, with its columns in that order.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fpdf import FPDF
from fpdf.enums import TableBordersLayout, TextEmphasis, XPos, YPos
from fpdf.fonts import FontFace

from app.kit import clock
from app.ui import branding, formats, locales
from app.ui.branding import Branding

FONTS: Final = Path(__file__).parent / "fonts"
SCRIPTS: Final = ("latin", "latin-ext", "cyrillic", "cyrillic-ext", "greek", "arabic")
MUTED: Final = (96, 104, 118)
LINE: Final = (222, 226, 232)

for _library in ("fontTools", "fpdf"):  # They tell every step of making a file.
    logging.getLogger(_library).setLevel(logging.ERROR)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: its heading, its share of the width, and whether it holds figures."""

    heading: str
    width: int
    is_number: bool = False


class Sheet:
    """A document that is written from top to bottom. Texts come translated and formatted."""

    def __init__(self, title: str, brand: Branding, issuer: str, footer: str, *, locale: str) -> None:
        self._is_rtl = locales.direction(locale) == "rtl"
        self._colour = branding.parse_colour(brand.primary)
        self._pdf = _Pages(footer, is_rtl=self._is_rtl)
        self._pdf.set_lang(locale.replace("_", "-"))
        self._pdf.set_title(title)
        self._pdf.set_author(issuer)
        self._pdf.set_creator("Kontor")
        self._pdf.set_creation_date(clock.now())
        self._pdf.add_page()
        self._pdf.set_text_color(*self._colour)
        self._text(issuer, size=10, bold=True)
        self._pdf.set_text_color(0)
        self._text(title, size=17, bold=True)

    def _text(self, text: str, *, size: float, bold: bool = False, gap: float = 1.5) -> None:
        self._pdf.write_as(bold=bold, size=size)
        self._pdf.multi_cell(0, None, text, align="R" if self._is_rtl else "L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self._pdf.ln(gap)

    def note(self, text: str) -> None:
        """A line of small print."""
        self._pdf.set_text_color(*MUTED)
        self._text(text, size=8.5, gap=2.5)
        self._pdf.set_text_color(0)

    def heading(self, text: str) -> None:
        """The title of a part."""
        self._pdf.ln(3)
        self._text(text, size=12, bold=True)

    def pairs(self, pairs: Sequence[tuple[str, str]]) -> None:
        """Labels with their values, one pair in a line; figures stand at the end."""
        self.table(
            [Column("", 60), Column("", 40, is_number=True)], [list(pair) for pair in pairs], with_headings=False
        )

    def table(self, columns: Sequence[Column], rows: Sequence[Sequence[str]], *, with_headings: bool = True) -> None:
        """A table that repeats its headings on each page."""
        order = list(reversed(range(len(columns)))) if self._is_rtl else list(range(len(columns)))
        near, far = ("R", "L") if self._is_rtl else ("L", "R")
        self._pdf.write_as(bold=False, size=8.5)
        self._pdf.set_draw_color(*LINE)
        headings = FontFace(emphasis=TextEmphasis.B, color=MUTED, fill_color=None)
        with self._pdf.table(
            col_widths=[columns[number].width for number in order],
            text_align=[far if columns[number].is_number else near for number in order],
            borders_layout=TableBordersLayout.HORIZONTAL_LINES,
            headings_style=headings,
            first_row_as_headings=with_headings,
            line_height=self._pdf.font_size * 1.5,
            padding=(0.6, 1, 0.6, 1),
        ) as table:
            if with_headings:
                table.row([columns[number].heading for number in order])
            for cells in rows:
                table.row([_plain(cells[number]) for number in order])
        self._pdf.ln(2)

    def bytes(self) -> bytes:
        """The finished document."""
        return bytes(self._pdf.output())


def _plain(text: str) -> str:
    """Without the marks that isolate directions on a page; a cell of its own is isolated already."""
    return text.replace(formats.LTR_ISOLATE, "").replace(formats.POP_ISOLATE, "").replace(formats.NBSP, " ")


class _Pages(FPDF):
    """Pages with a footer and all scripts at hand."""

    def __init__(self, footer: str, *, is_rtl: bool) -> None:
        super().__init__(format="A4")
        self._footer, self._is_rtl = footer, is_rtl
        for script in SCRIPTS:
            self.add_font(script, "", FONTS / f"{script}-regular.ttf")
            self.add_font(script, "B", FONTS / f"{script}-bold.ttf")
        self.set_fallback_fonts(list(SCRIPTS), exact_match=True)
        self.set_text_shaping(use_shaping_engine=True)
        self.set_auto_page_break(auto=True, margin=18)
        self.set_margins(16, 16)

    def write_as(self, *, bold: bool, size: float) -> None:
        """Choose weight and size of what comes."""
        self.set_font("arabic" if self._is_rtl else "latin", "B" if bold else "", size)

    def footer(self) -> None:
        """The issuer's line and the number of the page."""
        self.set_y(-14)
        self.write_as(bold=False, size=7.5)
        self.set_text_color(*MUTED)
        self.cell(0, 4, f"{self._footer}  ·  {formats.number(self.page_no())}", align="R" if self._is_rtl else "L")
        self.set_text_color(0)
