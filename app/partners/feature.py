"""Commission in the product."""

from __future__ import annotations

from app.core.features import Feature, MenuEntry
from app.kit.text import _l
from app.partners import cli, panels, permissions, subscribers
from app.partners.bundle import SECTION
from app.partners.drafts import views as drafts
from app.partners.replay import views as replay
from app.partners.service import move_moment
from app.partners.views import office, portal
from app.referrals.events import SponsorChanged

OWN = permissions.PARTNER_PORTAL

FEATURE = Feature(
    name="partners",
    label=_l("Commission"),
    blueprints={
        "cabinet": (portal.cabinet,),
        "partner": (portal.partner,),
        "office": (office.bp, drafts.bp, replay.bp),
    },
    menu=(
        MenuEntry("cabinet", _l("Partner"), "partners_cabinet.home", "users-group", 60, OWN),
        MenuEntry("partner", _l("Home"), "partners_portal.home", "home", 0, OWN, phone=True),
        MenuEntry("partner", _l("Network"), "partners_portal.network", "sitemap", 10, OWN, phone=True),
        MenuEntry("partner", _l("Commission"), "partners_portal.earnings", "coins", 20, OWN, phone=True),
        MenuEntry("partner", _l("Statements"), "partners_portal.statements", "file-text", 30, OWN, phone=True),
        MenuEntry("partner", _l("Move to wallet"), "partners_portal.payout", "transfer", 40, OWN),
        MenuEntry("office", _l("Settlements"), "partners_office.settlements", "coins", 60, permissions.SETTLEMENT_READ),
        MenuEntry(
            "office", _l("Commission plan"), "partners_office.plan", "percentage", 61, permissions.COMMISSION_READ
        ),
    ),
    panels=panels.PANELS,
    permissions=permissions.PERMISSIONS,
    functions=permissions.FUNCTIONS,
    jobs=("app.partners.jobs",),
    subscribers=((SponsorChanged, subscribers.on_sponsor_changed),),
    bundle=SECTION,
    cli=(cli.settlement,),
    ports={"referrals.move_moment": move_moment},
)
