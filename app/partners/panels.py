"""Parts of composed pages: the network tab of client 360, and the partner card on the trader's dashboard."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from app.clients import queries as clients
from app.core.features import Panel
from app.kit import clock
from app.kit.text import _l
from app.partners import permissions, queries
from app.partners.portal.views.links import address_of
from app.referrals import permissions as tree_permissions
from app.referrals import queries as tree
from app.referrals import service as referrals


def load_network(client_id: UUID | None) -> Mapping[str, Any]:
    """Where a client stands in the tree and what they earn, for staff."""
    assert client_id is not None, "The network panel is about a client."
    now = clock.business_now()
    steps = tree.path_at(client_id, now)[:20]
    names = clients.names_of(step.partner_id for step in steps)
    below = tree.people_below(client_id, now)
    return {
        "path": [(step.partner_id, *names[step.partner_id]) for step in steps],
        "below": below,
        "below_total": sum(below.values()),
        "code": tree.code_of(client_id),
        "visits": tree.visits_of(client_id),
        "balances": queries.balances(client_id),
        "god_rate": queries.god_rate(client_id, now),
        "currency": queries.currency(),
    }


def load_dashboard(client_id: UUID | None) -> Mapping[str, Any]:
    """A trader's own partner figures in short."""
    assert client_id is not None, "The partner card is about a client."
    return {
        "balances": queries.balances(client_id),
        "link": address_of(referrals.give_code(client_id)),
        "below_total": sum(tree.people_below(client_id, clock.business_now()).values()),
    }


PANELS = (
    Panel(
        audience="office",
        page="client360",
        name="network",
        label=_l("Network"),
        template="partners/office/network_panel.html",
        load=load_network,
        order=10,
        permission=tree_permissions.TREE_READ,
        tab="network",
    ),
    Panel(
        audience="cabinet",
        page="dashboard",
        name="partner",
        label=_l("Partner"),
        template="partners/portal/panel.html",
        load=load_dashboard,
        order=40,
        permission=permissions.PARTNER_PORTAL,
        refresh_on=("commission-changed",),
    ),
)
