"""The session cookie and what a browser remembers of a person's taste."""

from __future__ import annotations

from flask import request
from werkzeug.wrappers import Response

from app.identity import service

_YEAR_SECONDS = 31_536_000
REFERRAL_COOKIE = "ref"
DEVICE_COOKIE = "device"


def session_cookie(response: Response, token: str, secure: bool) -> None:
    """Let the browser hold this session until it closes. The session's own limits end it earlier."""
    response.set_cookie(
        service.cookie_name(secure=secure), token, secure=secure, httponly=True, samesite="Lax", path="/"
    )


def device_cookie(response: Response, token: str, secure: bool) -> None:
    """Let the browser be known again: a random word that it keeps, noted with the session by its hash alone."""
    device = service.note_device(token, request.cookies.get(DEVICE_COOKIE, ""))
    response.set_cookie(
        DEVICE_COOKIE, device, max_age=_YEAR_SECONDS, secure=secure, httponly=True, samesite="Lax", path="/"
    )


def clear_session_cookie(response: Response, secure: bool) -> None:
    """Let the browser forget the session, and what it has stored of our pages."""
    name = service.cookie_name(secure=secure)
    response.delete_cookie(name, secure=secure, httponly=True, samesite="Lax", path="/")
    response.headers["Clear-Site-Data"] = '"cache", "storage"'


def preference_cookies(response: Response, *, language: str, theme: str) -> None:
    """Let this browser show pages as the person has just chosen, whatever it was switched to before."""
    for name, value in (("language", language), ("theme", theme)):
        response.set_cookie(name, value, max_age=_YEAR_SECONDS, secure=request.is_secure, samesite="Lax", path="/")
