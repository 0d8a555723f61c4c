"""QR codes of addresses, made here: no other server learns who asks for one."""

from __future__ import annotations

import io

import segno
from markupsafe import Markup


def qr_of(text: str) -> Markup:
    """A QR code as an SVG that needs no style attribute."""
    out = io.BytesIO()
    segno.make(text, error="m").save(out, kind="svg", xmldecl=False, svgns=False, scale=4, border=2, light="#fff")
    return Markup(out.getvalue().decode("ascii"))  # Made by segno from digits alone.


def qr_file(text: str, kind: str) -> bytes:
    """A QR code as a file for print or screen; `kind` is svg or png."""
    out = io.BytesIO()
    if kind == "svg":
        segno.make(text, error="m").save(out, kind="svg", scale=10, border=4, light="#fff")
    else:
        segno.make(text, error="m").save(out, kind="png", scale=12, border=4, light="#fff")
    return out.getvalue()
