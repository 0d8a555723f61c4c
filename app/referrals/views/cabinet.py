"""Referral links: whoever follows one is remembered until they sign up."""

from __future__ import annotations

from flask import Blueprint, request, url_for
from flask.typing import ResponseReturnValue

from app.core.http import public, redirect_to
from app.identity import clicks
from app.identity.cookies import REFERRAL_COOKIE
from app.kit import clock
from app.referrals import queries, rules, service

bp = Blueprint("referrals_cabinet", __name__)
REMEMBERED_SECONDS = 30 * 86400


@bp.get("/r/<code>")
@public
def follow(code: str) -> ResponseReturnValue:
    """Remember the code and go on to sign-up. A code of nobody leads there too, and remembers nothing."""
    normal = rules.normal_code(code)
    response = redirect_to(url_for("identity_cabinet.sign_up"))
    if normal is not None and service.sponsor_by_code(normal) is not None:
        queries.count_visit(normal)
        before = clicks.remembered(request.cookies.get(REFERRAL_COOKIE, ""), clock.now())
        response.set_cookie(
            REFERRAL_COOKIE,
            clicks.remember(before, normal, clock.now()),
            max_age=REMEMBERED_SECONDS,
            httponly=True,
            samesite="Lax",
            secure=request.is_secure,
        )
    return response
