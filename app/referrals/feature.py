"""The sponsor tree in the product."""

from __future__ import annotations

from app.clients.events import ClientRegistered
from app.core.features import Feature, MenuEntry
from app.kit.text import _l
from app.referrals import membership, permissions, queries, subscribers
from app.referrals.bundle import SECTION, settings
from app.referrals.followed import followed_code
from app.referrals.views import joining, members, moves, office, programme


def waiting() -> int:
    """Corrections that wait for a second person, and applications to the programme."""
    return queries.waiting_reattributions() + membership.waiting_count()


def asks_to_join() -> bool:
    """Whether there is anything to say about taking part: not where everybody does and nobody can leave."""
    return settings().join != "open" or settings().opt_out


FEATURE = Feature(
    name="referrals",
    label=_l("Partner tree"),
    blueprints={
        "office": (office.bp, moves.bp, members.bp),
        "cabinet": (programme.cabinet, joining.bp),
        "partner": (programme.partner,),
    },
    menu=(
        MenuEntry(
            "office",
            _l("Partner tree"),
            "referrals_office.tree",
            "sitemap",
            50,
            permissions.TREE_READ,
            badge=waiting,
        ),
        MenuEntry(
            "partner",
            _l("Referral programme"),
            "referrals_portal.programme",
            "user-check",
            42,
            permissions.PROGRAMME_OWN,
            is_offered=asks_to_join,
        ),
    ),
    permissions=permissions.PERMISSIONS,
    functions=permissions.FUNCTIONS,
    bundle=SECTION,
    ports={"identity.followed_code": followed_code},
    subscribers=((ClientRegistered, subscribers.on_registration),),
)
