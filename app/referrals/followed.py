"""Which of the links that a browser has followed counts when its person signs up."""

from __future__ import annotations

from app.identity import clicks
from app.kit import clock
from app.referrals.bundle import settings


def followed_code(cookie: str) -> str:
    """The code of the first or the last link, as the brand says, that is not older than it remembers; else empty."""
    rules = settings()
    followed = clicks.remembered(cookie, clock.now(), rules.cookie_days)
    if not followed:
        return ""
    return followed[0 if rules.click == "first" else -1].code
