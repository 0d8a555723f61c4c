"""Parts of composed pages: accounts on the dashboard, accounts and positions on client 360, platforms on the
office's home."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from app.core.db import tenant_id
from app.core.features import Panel
from app.kit import clock
from app.kit.text import _l
from app.trading import permissions, wire
from app.trading.queries import accounts as queries
from app.trading.queries import platforms
from app.trading.service.connections import BRIDGE_SILENCE
from app.trading.sync_health import words
from app.trading.views.shared import in_readers_language, tell_freshness_of


def load_accounts(client_id: UUID | None) -> Mapping[str, Any]:
    """A client's accounts with their figures, which the connector keeps current while the page is open."""
    assert client_id is not None, "An accounts panel is about a client."
    wire.watch(tenant_id(), [client_id])
    views = queries.accounts_of(client_id)
    tell_freshness_of({view.platform.id for view in views if view.account.is_active})
    return {"views": views, "text_of": in_readers_language}


def load_positions(client_id: UUID | None) -> Mapping[str, Any]:
    """What a client has open."""
    assert client_id is not None, "A positions panel is about a client."
    wire.watch(tenant_id(), [client_id])
    return {"rows": queries.positions_of_client(client_id)}


def load_platforms(_client_id: UUID | None) -> Mapping[str, Any]:
    """How the platforms are."""
    now = clock.now()
    states = [(row, platforms.status(row.id)) for row in platforms.platforms() if row.is_active]
    rows = [(row, status, words.unattended(status, now)) for row, status in states]
    return {
        "rows": rows,
        "waiting": platforms.waiting_for_a_person(),
        "now": now,
        "silence": BRIDGE_SILENCE,
    }


PANELS = (
    Panel(
        audience="cabinet",
        page="dashboard",
        name="accounts",
        label=_l("Trading accounts"),
        template="trading/cabinet/accounts_panel.html",
        load=load_accounts,
        order=10,
        permission=permissions.ACCOUNT_OWN,
        refresh_on=("accounts-changed",),
    ),
    Panel(
        audience="office",
        page="client360",
        name="accounts",
        label=_l("Trading accounts"),
        template="trading/office/accounts_panel.html",
        load=load_accounts,
        order=10,
        permission=permissions.ACCOUNT_READ,
        refresh_on=("accounts-changed",),
    ),
    Panel(
        audience="office",
        page="client360",
        name="positions",
        label=_l("Open positions"),
        template="trading/office/positions_panel.html",
        load=load_positions,
        order=20,
        permission=permissions.ACCOUNT_READ,
        refresh_on=("trades-changed",),
    ),
    Panel(
        audience="office",
        page="office_home",
        name="platforms",
        label=_l("Platforms"),
        template="trading/office/home_panel.html",
        load=load_platforms,
        order=40,
        permission=permissions.PLATFORM_READ,
        refresh_on=("platforms-changed",),
    ),
)
