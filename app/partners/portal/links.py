"""A partner's named links: made, changed, hidden; and where a code leads whoever follows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit
from uuid import UUID

from app.audit import service as audit
from app.core.actor import Actor
from app.core.db import get, session
from app.core.errors import Conflict, Invalid, NotFound
from app.kit import clock
from app.kit.text import Message, _l
from app.partners import versions
from app.partners.portal import queries
from app.partners.portal.models import CampaignLink
from app.partners.portal.terms import OWN_PAGES, LinkTerms
from app.referrals import membership
from app.referrals import queries as tree
from app.referrals import service as referrals
from app.referrals.rules import normal_code

LINKS_MAX = 200
"""Open links of one partner."""
NAME_MAX, TAG_MAX = 80, 60
_OWN_NAMES: dict[str, Message] = {"sign_up": _l("Sign-up"), "sign_in": _l("Sign-in")}


class TooManyLinks(Conflict):
    message = _l("You have as many links as one partner may have. Hide one that you no longer use.")


@dataclass(frozen=True, slots=True)
class LinkFields:
    """What a person says about a link. The three tags are what analytics call source, medium and campaign."""

    name: str
    target: str
    source: str = ""
    medium: str = ""
    campaign: str = ""


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a followed code leads: the key of one of our own pages, or an address from the brand's bundle."""

    partner_id: UUID
    code: str
    link_id: UUID | None
    page: str
    address: str
    tags: dict[str, Any]


def terms() -> LinkTerms:
    """What the brand says about links."""
    section = versions.settings()
    return section.links if section is not None else LinkTerms()


def targets() -> dict[str, Message | str]:
    """The pages that a link may lead to, by their keys."""
    return {**_OWN_NAMES, **{page.key: page.name for page in terms().landing_pages}}


def create_link(partner_id: UUID, fields: LinkFields, *, by: Actor) -> CampaignLink:
    """Give a partner a named link with a code of its own.

    Raises NotInProgramme, Invalid that names the field, TooManyLinks.
    """
    membership.require(partner_id)
    checked = _checked(fields)
    if queries.open_links_of(partner_id) >= LINKS_MAX:
        raise TooManyLinks
    link = CampaignLink(
        partner_id=partner_id,
        code=referrals.add_code(partner_id),
        name=checked.name,
        target=checked.target,
        source=checked.source,
        medium=checked.medium,
        campaign=checked.campaign,
        created_at=clock.now(),
        closed_at=None,
    )
    session().add(link)
    session().flush()
    audit.record("partners.link.create", link, by=by, after=_said(link), client_id=partner_id)
    return link


def change_link(partner_id: UUID, link_id: UUID, fields: LinkFields, *, by: Actor) -> CampaignLink:
    """Change what a link is called and where it leads. Its code stays. Raises Invalid, NotFound."""
    link = _own(partner_id, link_id, lock=True)
    checked, before = _checked(fields), _said(link)
    link.name, link.target = checked.name, checked.target
    link.source, link.medium, link.campaign = checked.source, checked.medium, checked.campaign
    if _said(link) != before:
        audit.record("partners.link.change", link, by=by, before=before, after=_said(link), client_id=partner_id)
    return link


def hide_link(partner_id: UUID, link_id: UUID, *, by: Actor) -> CampaignLink:
    """Take a link off the partner's list. Whoever follows it still comes, and still counts for the partner."""
    link = _own(partner_id, link_id, lock=True)
    if link.closed_at is None:
        link.closed_at = clock.now()
        audit.record("partners.link.hide", link, by=by, client_id=partner_id)
    return link


def link_of(partner_id: UUID, link_id: UUID) -> CampaignLink:
    """A partner's own link. Raises NotFound for anybody else's."""
    return _own(partner_id, link_id)


def destination(code_text: str) -> Destination | None:
    """Where a code leads, or None for a code of nobody who may bring in clients."""
    code = normal_code(code_text)
    partner_id = referrals.sponsor_by_code(code) if code else None
    if code is None or partner_id is None:
        return None
    link = queries.link_by_code(code)
    if link is None:
        return Destination(partner_id, code, None, "sign_up", "", {})
    tags = {
        name: value
        for name, value in (
            ("utm_source", link.source),
            ("utm_medium", link.medium),
            ("utm_campaign", link.campaign),
        )
        if value
    }
    if link.target in OWN_PAGES:
        return Destination(partner_id, code, link.id, link.target, "", tags)
    landing = next((page for page in terms().landing_pages if page.key == link.target), None)
    if landing is None:  # The brand has taken the page away since; its visitors are not lost.
        return Destination(partner_id, code, link.id, "sign_up", "", tags)
    return Destination(partner_id, code, link.id, "", _with_tags(landing.url, {**tags, "ref": code}), tags)


def record_registration(client_id: UUID, code_text: str) -> None:
    """Note by whose code, and by which link, a newcomer came. A code that attributed nobody leaves nothing."""
    now = clock.business_now()
    code = normal_code(code_text) if code_text else None
    row = tree.code_row(code) if code else None
    partner_id = tree.parent_at(client_id, now)
    if partner_id is None:
        return
    link = queries.link_by_code(code) if code and row is not None and row.client_id == partner_id else None
    queries.add_registration(
        client_id=client_id,
        partner_id=partner_id,
        link_id=link.id if link is not None else None,
        business_date=versions.day_cut().day_of(now),
        registered_at=now,
    )


def _own(partner_id: UUID, link_id: UUID, *, lock: bool = False) -> CampaignLink:
    link = get(CampaignLink, link_id, lock=lock)
    if link is None or link.partner_id != partner_id:
        raise NotFound
    return link


def _checked(fields: LinkFields) -> LinkFields:
    name = " ".join(fields.name.split())
    if not name or len(name) > NAME_MAX:
        raise Invalid(_l("Give the link a name of at most 80 characters."), field="name")
    if fields.target not in targets():
        raise Invalid(_l("Choose one of the options."), field="target")
    tags = {key: " ".join(getattr(fields, key).split()) for key in ("source", "medium", "campaign")}
    for key, value in tags.items():
        if len(value) > TAG_MAX or not value.isprintable():
            raise Invalid(_l("Write at most 60 characters."), field=key)
    return LinkFields(name, fields.target, **tags)


def _said(link: CampaignLink) -> dict[str, str]:
    return {
        "name": link.name,
        "target": link.target,
        "source": link.source,
        "medium": link.medium,
        "campaign": link.campaign,
    }


def _with_tags(url: str, tags: dict[str, str]) -> str:
    parts = urlsplit(url)
    query = urlencode([*parse_qsl(parts.query, keep_blank_values=True), *tags.items()])
    return urlunsplit((parts.scheme, parts.netloc, parts.path or "/", query, ""))
