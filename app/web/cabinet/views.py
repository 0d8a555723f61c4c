"""The cabinet's dashboard: what the trader came for first, then what to do next, then what happened."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Blueprint, url_for
from flask.typing import ResponseReturnValue

from app import tenancy
from app.clients import queries as clients
from app.core.actor import current_actor
from app.core.errors import Forbidden
from app.core.http import is_partial, redirect_to, render, requires
from app.kit.money import Money
from app.web import panels
from app.web import queries as figures
from app.web.actions import Action, possible
from app.web.cabinet.permissions import DASHBOARD

bp = Blueprint("cabinet", __name__)

SIDE_PANELS = frozenset({"verification", "partner", "activity", "referrals"})
# What a trader does most, in order; a feature that is not there leaves its button out.
ACTIONS = (
    Action("payments_cabinet.deposit", "deposit", "transfer-in"),
    Action("payments_cabinet.withdraw", "withdraw", "transfer-out"),
    Action("payments_moves.transfer", "transfer", "transfer"),
)


@bp.get("/")
@requires(DASHBOARD)
def home() -> ResponseReturnValue:
    client_id = _me()
    drawn = [
        (panel, panels.draw(panel, client_id, "cabinet.panel")) for panel in panels.visible("cabinet", "dashboard")
    ]
    return render(
        "cabinet/home.html",
        block="worth",
        client=clients.get(client_id),
        actions=possible(ACTIONS),
        **_worth(client_id),
        main_panels=[shown for panel, shown in drawn if panel.name not in SIDE_PANELS],
        side_panels=[shown for panel, shown in drawn if panel.name in SIDE_PANELS and not shown.is_empty],
    )


@bp.get("/panels/<name>")
@requires(DASHBOARD)
def panel(name: str) -> ResponseReturnValue:
    if not is_partial():
        return redirect_to(url_for(".home"))
    found = panels.find("cabinet", "dashboard", name)
    return render("web/_panel.html", panel=panels.draw(found, _me(), "cabinet.panel"))


def _worth(client_id: UUID) -> dict[str, Any]:
    """What the client has altogether, and where, in the brand's base currency."""
    wallets = figures.wallet_totals([client_id]).get(client_id)
    accounts = figures.equities([client_id]).get(client_id, Money.zero(tenancy.current().base_currency))
    total = wallets + accounts if wallets is not None and accounts is not None else None
    return {"total": total, "in_wallets": wallets, "in_accounts": accounts}


def _me() -> UUID:
    client_id = current_actor().client_id
    if client_id is None:
        raise Forbidden
    return client_id
