"""What everybody may open: a partner's link, which leads on, and the banners on partners' own pages."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, Response, request, url_for
from flask.typing import ResponseReturnValue

from app.core.actor import current_actor
from app.core.errors import TooMany
from app.core.http import public, redirect_to
from app.identity import clicks as browser
from app.identity.cookies import REFERRAL_COOKIE
from app.kit import clock
from app.partners.portal import banners, clicks, links
from app.referrals import bundle as referral_rules

bp = Blueprint("partners_follow", __name__)
_PAGES = {"sign_up": "identity_cabinet.sign_up", "sign_in": "identity_cabinet.sign_in"}
_DAY_SECONDS = 86_400


@bp.get("/r/<code>")
@public
def follow(code: str) -> ResponseReturnValue:
    """Remember the code and lead on to its page. A code of nobody leads to sign-up, and remembers nothing."""
    by = current_actor()
    if not clicks.may_follow(by.ip):
        raise TooMany
    found = links.destination(code)
    if found is None:
        return redirect_to(url_for(_PAGES["sign_up"]))
    response = redirect_to(found.address or url_for(_PAGES[found.page], **found.tags))
    _remember(response, found.code)
    purpose = request.headers.get("Sec-Purpose", "") or request.headers.get("Purpose", "")
    if request.method == "GET" and not clicks.is_machine(by.user_agent, purpose):
        clicks.count(found.partner_id, found.code, found.link_id, address=by.ip, user_agent=by.user_agent)
    return response


def _remember(response: Response, code: str) -> None:
    days, now = referral_rules.settings().cookie_days, clock.now()
    before = browser.remembered(request.cookies.get(REFERRAL_COOKIE, ""), now, days)
    response.set_cookie(
        REFERRAL_COOKIE,
        browser.remember(before, code, now),
        max_age=days * _DAY_SECONDS,
        httponly=True,
        samesite="Lax",
        secure=request.is_secure,
    )


@bp.get("/banner/<uuid:banner_id>")
@public
def banner(banner_id: UUID) -> ResponseReturnValue:
    """A banner's picture, as it stands on other people's pages."""
    stored, content = banners.picture(banner_id)
    headers = {
        "Cache-Control": f"public, max-age={_DAY_SECONDS}",
        "Content-Disposition": "inline",
        "Cross-Origin-Resource-Policy": "cross-origin",
    }
    return Response(content, mimetype=stored.media_type, headers=headers)
