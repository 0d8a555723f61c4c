"""The cashback card on the trader's dashboard, and for whom there is one."""

from __future__ import annotations

from app.core.actor import current_actor
from app.core.features import Panel
from app.kit.text import _l
from app.partners import permissions
from app.partners.rebates import queries
from app.partners.rebates.views.cashback import load_panel


def offers_cashback() -> bool:
    """Whether the signed-in trader has or may have cashback."""
    client_id = current_actor().client_id
    return client_id is not None and queries.has_cashback(client_id)


PANELS = (
    Panel(
        audience="cabinet",
        page="dashboard",
        name="cashback",
        label=_l("Cashback"),
        template="partners/rebates/cabinet/panel.html",
        load=load_panel,
        order=42,
        permission=permissions.PARTNER_PORTAL,
        refresh_on=("commission-changed",),
    ),
)
