"""The brand's picture files, judged before anybody sees them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree import ElementTree

from app.tenancy.bundles.schema import BrandingSection
from app.tenancy.bundles.source import BundleSource, Problem

LARGEST_BYTES = 64 * 1024
_MAGIC = {".png": b"\x89PNG\r\n\x1a\n", ".ico": b"\x00\x00\x01\x00"}
_ACTIVE_TAGS = {"script", "foreignObject", "iframe", "embed", "object", "style", "animate", "set", "image"}


def brand_problems(source: BundleSource, branding: BrandingSection) -> Iterator[Problem]:
    """Files that are missing, too large, no picture, or could run or fetch something in a reader's browser."""
    for key, name in branding.files.items():
        path = ("branding", key)
        file = source.brand_file(name)
        if not file.is_file():
            yield source.problem(path, f"The file `brand/{name}` is missing.")
            continue
        content = file.read_bytes()
        if len(content) > LARGEST_BYTES:
            yield source.problem(path, f"`brand/{name}` is larger than {LARGEST_BYTES // 1024} KB.")
        elif file.suffix == ".svg":
            reason = svg_refusal(content)
            if reason:
                yield source.problem(path, f"`brand/{name}` {reason}")
        elif not content.startswith(_MAGIC[file.suffix]):
            yield source.problem(path, f"`brand/{name}` is not what its ending says.")


def svg_refusal(content: bytes) -> str | None:
    """Why an SVG may not be served under the brand's own name, or None when it is plain drawing."""
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
        return "declares a document type, which a picture does not need."
    try:
        root = ElementTree.fromstring(content)  # Entities are refused above.
    except ElementTree.ParseError:
        return "is no well-formed SVG."
    if _local(root.tag) != "svg" or "viewBox" not in root.attrib:
        return "is no SVG with a viewBox."
    for element in root.iter():
        if _local(element.tag) in _ACTIVE_TAGS:
            return f"holds <{_local(element.tag)}>; a logo is drawn from plain shapes."
        for name, value in element.attrib.items():
            if _local(name).startswith("on") or _local(name) == "style":
                return f"holds the attribute `{_local(name)}`; a logo is drawn from plain shapes."
            if _local(name) == "href" and not value.startswith("#"):
                return "points outside itself."
            if re.search(r"url\(\s*['\"]?(?!#)", value):
                return "points outside itself."
    return None


def _local(name: str) -> str:
    return name.rpartition("}")[2]
