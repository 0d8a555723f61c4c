"""What a partner sees of a client below them: the tenant decides how much."""

from __future__ import annotations

from app.kit.text import _l
from app.referrals.bundle import settings


def shown_name(name: str) -> str:
    """A client's name as their partner sees it: the first name and an initial, unless the tenant says otherwise."""
    rule = settings().masking.name
    words = name.split()
    if rule == "full" or not words:
        return name
    if rule == "number":
        return str(_l("Client"))
    return f"{words[0]} {words[-1][0]}." if len(words) > 1 else words[0]


def shown_email(email: str) -> str:
    """A client's e-mail as their partner sees it; empty where the tenant hides it."""
    rule = settings().masking.email
    if rule == "full":
        return email
    if rule == "hidden" or "@" not in email:
        return ""
    local, _, domain = email.partition("@")
    return f"{local[:1]}***@{domain}"


def shown_country(country: str) -> str:
    """A client's country as their partner sees it; empty where the tenant hides it."""
    return country if settings().masking.country == "shown" else ""
