"""The list that leads an administrator from the simulator to a real server."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, Response, url_for
from flask.typing import ResponseReturnValue
from wtforms import StringField

from app.core.actor import current_actor
from app.core.errors import DomainError
from app.core.forms import Form, Required
from app.core.http import redirect_to, render, requires, toast, unrestricted
from app.kit.text import _l
from app.trading import permissions
from app.trading.golive import service

bp = Blueprint("golive_office", __name__, url_prefix="/platforms/<uuid:platform_id>/go-live")
STAFF = "Staff act under their own permission; the act is recorded."


class ConfirmForm(Form):
    note = StringField(_l("How do you know?"), [Required()])


@bp.get("/")
@requires(permissions.PLATFORM_READ)
def checklist(platform_id: UUID) -> ResponseReturnValue:
    return _page(platform_id)


def _page(platform_id: UUID, *, step: str = "", form: ConfirmForm | None = None, status: int = 200) -> Response:
    found = service.look(platform_id)
    return render(
        "trading/golive/checklist.html",
        block="checklist",
        status=status,
        found=found,
        platform=found.platform,
        asked_step=step,
        f=form or ConfirmForm(formdata=None),
        may_confirm=current_actor().may(permissions.GO_LIVE),
        urls={
            "platform": url_for("trading_sync.platform", platform_id=platform_id),
            "queue": url_for("trading_money.waiting"),
            "test": url_for("trading_link_tests.page", platform_id=platform_id),
            "adoption": url_for("trading_adoption.overview", platform_id=platform_id),
        },
    )


@bp.post("/<step>")
@requires(permissions.GO_LIVE)
@unrestricted(STAFF)
def confirm(platform_id: UUID, step: str) -> ResponseReturnValue:
    form = ConfirmForm()
    if form.sent():
        done = form.attempt(lambda: service.confirm(platform_id, step, note=form.note.data or "", by=current_actor()))
        if done is not None:
            return redirect_to(url_for(".checklist", platform_id=platform_id))
    return _page(platform_id, step=step, form=form, status=form.status)


@bp.post("/<step>/take-back")
@requires(permissions.GO_LIVE)
@unrestricted(STAFF)
def take_back(platform_id: UUID, step: str) -> ResponseReturnValue:
    service.take_back(platform_id, step, by=current_actor())
    return redirect_to(url_for(".checklist", platform_id=platform_id))


@bp.post("/live")
@requires(permissions.GO_LIVE)
@unrestricted(STAFF)
def declare_live(platform_id: UUID) -> ResponseReturnValue:
    try:
        service.declare_live(platform_id, by=current_actor())
    except DomainError as refusal:
        if refusal.status_code == 404:
            raise
        toast(refusal.message, "danger")
        return _page(platform_id, status=refusal.status_code)
    toast(_l("The platform is live."))
    return redirect_to(url_for(".checklist", platform_id=platform_id))
