"""Which referral links a browser has followed before signing up: the signed content of the cookie `ref`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from itsdangerous import BadSignature, URLSafeSerializer

from app.config import settings
from app.core.db import tenant_id

CLICKS_MAX = 10
"""Links that a browser remembers: the first and the latest nine."""


@dataclass(frozen=True, slots=True)
class Click:
    """A link that was followed, by its code, and when."""

    code: str
    at: datetime


def remembered(cookie: str, now: datetime, days: int) -> list[Click]:
    """The links in a cookie that are no older than so many days, the latest last.

    A cookie of another brand, or one that somebody has changed, holds none.
    """
    try:
        rows = _serializer().loads(cookie)
        clicks = [Click(str(code), datetime.fromtimestamp(int(at), UTC)) for code, at in rows]
    except (BadSignature, ValueError, TypeError, OverflowError):
        return []
    return [click for click in clicks if now - timedelta(days=days) <= click.at <= now + timedelta(minutes=1)]


def remember(clicks: Sequence[Click], code: str, now: datetime) -> str:
    """The cookie after one more link was followed. The very first stays when there are too many."""
    kept = [*clicks, Click(code, now)]
    if len(kept) > CLICKS_MAX:
        kept = [kept[0], *kept[1 - CLICKS_MAX :]]
    return str(_serializer().dumps([[click.code, int(click.at.timestamp())] for click in kept]))


def _serializer() -> URLSafeSerializer:
    return URLSafeSerializer(settings().secret_key, salt=f"referral clicks of tenant {tenant_id()}")
