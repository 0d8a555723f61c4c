"""Staff test a platform's connection and read what is missing."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, Response, url_for
from flask.typing import ResponseReturnValue

from app.core.actor import current_actor
from app.core.errors import Invalid
from app.core.http import is_partial, redirect_to, render, requires, unrestricted
from app.kit import clock
from app.kit.text import _l
from app.trading import forms, permissions
from app.trading.link_tests import queries, service, words
from app.trading.queries import platforms

bp = Blueprint("trading_link_tests", __name__, url_prefix="/platforms/<uuid:platform_id>/test")


@bp.get("/")
@requires(permissions.PLATFORM_TEST)
def page(platform_id: UUID) -> ResponseReturnValue:
    return _page(platform_id, forms.LinkTestForm(formdata=None))


@bp.post("/")
@requires(permissions.PLATFORM_TEST)
@unrestricted("Staff act under their own permission; the act is recorded.")
def start(platform_id: UUID) -> ResponseReturnValue:
    form = forms.LinkTestForm()
    if form.sent():
        asked = form.attempt(lambda: service.request(platform_id, _login(form.login.data or ""), by=current_actor()))
        if asked is not None and not is_partial():
            return redirect_to(url_for(".page", platform_id=platform_id))
    return _page(platform_id, form)


def _login(text: str) -> int | None:
    text = text.strip()
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or int(text) > 2**62:
        raise Invalid(_l("Enter the number of the account in digits."), field="login")
    return int(text)


def _page(platform_id: UUID, form: forms.LinkTestForm) -> Response:
    found = queries.latest(platform_id)
    return render(
        "trading/office/link_test.html",
        block="result",
        status=form.status,
        platform=platforms.platform(platform_id),
        f=form,
        test=found,
        lines=words.lines(found.findings) if found is not None else [],
        is_late=found is not None and found.state != "done" and clock.now() - found.requested_at > service.LATE,
    )
