"""Counting who follows a link: machines are left out, and nothing that names a person is kept."""

from __future__ import annotations

import hashlib
import hmac
import re
from datetime import timedelta
from uuid import UUID

from app.config import settings
from app.core.db import session, tenant_id
from app.identity.service import throttle
from app.kit import clock
from app.partners import versions
from app.partners.portal import queries
from app.partners.portal.models import LinkClick
from app.referrals import queries as tree
from app.referrals.bundle import settings as settings_of_brand

CLICKS_PER_HOUR = 60
"""Clicks of one address that are counted; whoever follows more is led on, and counts for nothing."""
FOLLOWS_PER_MINUTE = 120
"""How often one address may follow links at all."""
FORGOTTEN_AT_ONCE = 10_000
_BOT = re.compile(
    r"bot\b|bot[/;_-]|crawl|spider|slurp|preview|facebookexternal|whatsapp|telegram|skypeuri|embedly|monitor|headless|"
    r"lighthouse|python|curl|wget|java/|okhttp|go-http|libwww|scrapy|axios|node-fetch|httpclient|feed|validator|scan",
    re.IGNORECASE,
)
_TABLET = re.compile(r"ipad|tablet|kindle|silk/|playbook|android(?!.*mobile)", re.IGNORECASE)
_PHONE = re.compile(r"mobi|iphone|ipod|android|windows phone", re.IGNORECASE)


def is_machine(user_agent: str, purpose: str) -> bool:
    """Whether a program asks, or a browser only looks ahead (`purpose` is its Sec-Purpose or Purpose header)."""
    return not user_agent or "fetch" in purpose.lower() or "preview" in purpose.lower() or bool(_BOT.search(user_agent))


def device_of(user_agent: str) -> str:
    """What kind of device: phone, tablet or computer. Nothing finer is kept."""
    if _TABLET.search(user_agent):
        return "tablet"
    return "phone" if _PHONE.search(user_agent) else "computer"


def may_follow(address: str) -> bool:
    """Whether this address may follow another link now."""
    return throttle.limit("link_follow", address, times=FOLLOWS_PER_MINUTE, seconds=60)


def count(partner_id: UUID, code: str, link_id: UUID | None, *, address: str, user_agent: str) -> None:
    """Keep one click of a person, up to so many of one address in an hour."""
    if not throttle.limit("link_click", address, times=CLICKS_PER_HOUR, seconds=3600):
        return
    now = clock.business_now()
    day = versions.day_cut().day_of(now)
    tree.count_visit(code)
    session().add(
        LinkClick(
            partner_id=partner_id,
            link_id=link_id,
            business_date=day,
            clicked_at=now,
            visitor=_visitor(day.isoformat(), address, user_agent),
            device=device_of(user_agent),
        )
    )


def forget() -> int:
    """Forget some of the clicks that are older than the brand keeps them; the sum of all stays. Answers how many.

    Call it again until it answers zero: so no transaction is long.
    """
    days = settings_of_brand().click_days
    before = versions.day_cut().day_of(clock.business_now()) - timedelta(days=days)
    return queries.forget_clicks(before, limit=FORGOTTEN_AT_ONCE)


def _visitor(day: str, address: str, user_agent: str) -> str:
    """The same browser at the same address gets the same mark all day, another tomorrow. The key is the instance's."""
    key = f"link clicks of tenant {tenant_id()} on {day} {settings().secret_key}".encode()
    return hmac.new(key, f"{address}\n{user_agent}".encode(), hashlib.sha256).hexdigest()[:24]
