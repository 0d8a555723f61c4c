"""Banners: pictures that the office gives to partners, and the text with which one is put on a page."""

from __future__ import annotations

import struct
from uuid import UUID

from markupsafe import escape

from app.audit import service as audit
from app.core import files
from app.core.actor import Actor
from app.core.db import get, session
from app.core.errors import Invalid, NotFound
from app.core.files import FileKindRefused, StoredFile
from app.kit import clock
from app.kit.text import _l
from app.partners.portal.models import PartnerBanner
from app.tenancy import service as tenancy

SIDE_MAX = 4000
BYTES_MAX = 1024 * 1024
ANY_LANGUAGE = ""


class NoPicture(FileKindRefused):
    message = _l("Upload a PNG or JPEG picture of at most 1 MB and 4000 pixels on each side.")
    field = "picture"


def add_banner(name: str, language: str, filename: str, content: bytes, *, by: Actor) -> PartnerBanner:
    """Give the brand's partners a banner. `language` may be empty. Raises Invalid that names the field, NoPicture."""
    name = " ".join(name.split())
    if not name or len(name) > 80:
        raise Invalid(_l("Give the banner a name of at most 80 characters."), field="name")
    if language not in (ANY_LANGUAGE, *tenancy.current().languages):
        raise Invalid(_l("Choose one of the options."), field="language")
    width, height = _size_of(content)
    stored = files.store(filename, content)
    banner = PartnerBanner(
        name=name,
        language=language,
        width=width,
        height=height,
        file_id=stored.id,
        created_at=clock.now(),
        created_by=by.name,
        withdrawn_at=None,
    )
    session().add(banner)
    session().flush()
    after = {"name": name, "language": language, "width": width, "height": height, "sha256": stored.sha256}
    audit.record("partners.banner.add", banner, by=by, after=after)
    return banner


def withdraw_banner(banner_id: UUID, *, by: Actor) -> PartnerBanner:
    """Stop serving a banner. Pages on which it stands show a gap from then on. Raises NotFound."""
    banner = get(PartnerBanner, banner_id, lock=True)
    if banner is None:
        raise NotFound
    if banner.withdrawn_at is None:
        banner.withdrawn_at = clock.now()
        audit.record("partners.banner.withdraw", banner, by=by, before={"name": banner.name})
    return banner


def picture(banner_id: UUID) -> tuple[StoredFile, bytes]:
    """A banner as anybody may see it. Raises NotFound, also for one that is withdrawn."""
    banner = get(PartnerBanner, banner_id)
    if banner is None or banner.withdrawn_at is not None:
        raise NotFound
    return files.read(banner.file_id)


def snippet(banner: PartnerBanner, link: str, image: str) -> str:
    """The HTML that shows a banner on a page and leads whoever presses it along a link."""
    return (
        f'<a href="{escape(link)}" rel="sponsored noopener" target="_blank"><img src="{escape(image)}"'
        f' width="{banner.width}" height="{banner.height}" alt="{escape(banner.name)}"></a>'
    )


def _size_of(content: bytes) -> tuple[int, int]:
    media_type = files.media_type_of(content)
    found = None
    if media_type == "image/png":
        found = _png_size(content)
    elif media_type == "image/jpeg":
        found = _jpeg_size(content)
    if found is None or len(content) > BYTES_MAX or not (0 < min(found) <= max(found) <= SIDE_MAX):
        raise NoPicture
    return found


def _png_size(content: bytes) -> tuple[int, int] | None:
    """The size that the header chunk says; it always stands first."""
    if content[12:16] != b"IHDR" or len(content) < 33:
        return None
    width, height = struct.unpack(">II", content[16:24])
    return width, height


def _jpeg_size(content: bytes) -> tuple[int, int] | None:
    """The size that the frame header says, found by walking from segment to segment."""
    place = 2
    while place + 9 <= len(content) and content[place] == 0xFF:
        marker, length = content[place + 1], int.from_bytes(content[place + 2 : place + 4])
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", content[place + 5 : place + 9])
            return width, height
        place += 2 + length
    return None
