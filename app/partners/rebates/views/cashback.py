"""What a trader gets back: from the partner who brought them in, and from the broker."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from app.core.http import render, requires
from app.partners import labels, permissions
from app.partners import queries as partners
from app.partners.portal.person import me
from app.partners.rebates import labels as words
from app.partners.rebates import queries
from app.ui.lists import Page, PageRequest

bp = Blueprint("partners_cashback", __name__, url_prefix="/cashback")


@bp.get("/")
@requires(permissions.PARTNER_PORTAL)
def overview() -> ResponseReturnValue:
    asked = PageRequest.read(request.args)
    rows, total = queries.received(me(), queries.CASHBACK_TRACKS, limit=asked.size, offset=asked.offset)
    return render(
        "partners/rebates/cabinet/cashback.html",
        block="list",
        page=Page(rows, asked.number, asked.size, total),
        labels=labels,
        words=words,
        **_totals(me()),
    )


def _totals(client_id: UUID) -> dict[str, Any]:
    return {
        "totals": queries.received_totals(client_id, queries.CASHBACK_TRACKS),
        "redeemable": {one.currency: one.redeemable for one in partners.balances(client_id)},
        "currency": partners.currency(),
    }


def load_panel(client_id: UUID | None) -> Mapping[str, Any]:
    """A trader's cashback in short; nothing to show before there is any."""
    assert client_id is not None, "The cashback card is about a client."
    return _totals(client_id)
