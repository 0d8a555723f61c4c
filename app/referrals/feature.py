"""The sponsor tree in the product."""

from __future__ import annotations

from app.clients.events import ClientRegistered
from app.core.features import Feature, MenuEntry
from app.kit.text import _l
from app.referrals import permissions, queries, subscribers
from app.referrals.bundle import SECTION
from app.referrals.followed import followed_code
from app.referrals.views import moves, office

FEATURE = Feature(
    name="referrals",
    label=_l("Partner tree"),
    blueprints={"office": (office.bp, moves.bp)},
    menu=(
        MenuEntry(
            "office",
            _l("Partner tree"),
            "referrals_office.tree",
            "sitemap",
            50,
            permissions.TREE_READ,
            badge=queries.waiting_reattributions,
        ),
    ),
    permissions=permissions.PERMISSIONS,
    functions=permissions.FUNCTIONS,
    bundle=SECTION,
    ports={"identity.followed_code": followed_code},
    subscribers=((ClientRegistered, subscribers.on_registration),),
)
