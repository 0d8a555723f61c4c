"""What a brand's bundle says about the links of its partners."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from app.kit.text import Message, _l
from app.partners.parts import Part

KEY = re.compile(r"[a-z][a-z0-9-]{0,39}")
OWN_PAGES = ("sign_up", "sign_in")


class LandingPage(Part, frozen=True):
    """A page of the brand's own website to which a partner's link may lead. `key` stays the same for ever."""

    key: str
    name: str
    url: str


class LinkTerms(Part, frozen=True):
    """Where links may lead besides sign-up and sign-in."""

    landing_pages: tuple[LandingPage, ...] = ()


def faults_of_links(terms: LinkTerms) -> Iterator[tuple[str, Message]]:
    """What the types cannot say: (dotted key, sentence)."""
    seen: set[str] = set()
    for place, page in enumerate(terms.landing_pages):
        where = f"links.landing_pages[{place}]"
        if not KEY.fullmatch(page.key) or page.key in seen:
            yield f"{where}.key", _l("Give every landing page a key of its own: small letters, digits and hyphens.")
        seen.add(page.key)
        if not page.name.strip():
            yield f"{where}.name", _l("Give the landing page a name.")
        parts = urlsplit(page.url)
        if parts.scheme != "https" or not parts.hostname or parts.username or parts.fragment:
            yield f"{where}.url", _l("A landing page has an address that begins with https.")
