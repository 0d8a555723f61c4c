"""The platform's own page for copying, inside the cabinet."""

from __future__ import annotations

from flask import Blueprint, request
from flask.typing import ResponseReturnValue
from flask_babel import get_locale

from app.copytrading import pages, permissions
from app.copytrading.views import shared
from app.copytrading.views.cabinet import me
from app.core.actor import current_actor
from app.core.http import commit_then_wait, let_in_frames_from, render, requires, restricted

bp = Blueprint("copytrading_page", __name__, url_prefix="/strategies/copy")


@bp.get("/<code>")
@requires(permissions.STRATEGIES_SEE)
def opening(code: str) -> ResponseReturnValue:
    """What the page is, before a code is asked for: one that nobody uses is a code too many."""
    shared.offered()
    platform, page = pages.page_of(code, me())
    return render("copytrading/cabinet/copy_page.html", platform=platform, host=pages.origin(page), address="")


@bp.post("/<code>")
@requires(permissions.STRATEGIES_SEE)
@restricted(permissions.COPY)
def shown(code: str) -> ResponseReturnValue:
    """The page itself. Its code opens it once, so a reload asks for another."""
    shared.offered()
    platform, page = pages.page_of(code, me())
    language = str(get_locale()).partition("_")[0]
    asked = pages.ask_for_code(platform, me(), language, current_actor())
    answer = commit_then_wait(asked.request_key, asked.message, asked.answer_key, seconds=pages.CODE_WITHIN_S)
    given = pages.code_in(answer)
    theme = "dark" if request.cookies.get("theme") == "dark" else "light"
    if given:
        let_in_frames_from(pages.origin(page))
    return render(
        "copytrading/cabinet/copy_page.html",
        status=200 if given else 503,
        platform=platform,
        host=pages.origin(page),
        address=pages.address(page, given, language, theme) if given else "",
        has_failed=not given,
    )
