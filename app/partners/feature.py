"""Commission in the product."""

from __future__ import annotations

from app.clients.events import ClientRegistered
from app.core.features import Feature, MenuEntry
from app.kit.text import _l
from app.partners import cli, panels, permissions, subscribers
from app.partners.abuse import queries as findings
from app.partners.abuse.views import office as abuse
from app.partners.attribution import service as attribution
from app.partners.awards.views import editor as award_editor
from app.partners.awards.views import office as award_desk
from app.partners.awards.views import portal as award_pages
from app.partners.bundle import SECTION
from app.partners.disputes import queries as open_disputes
from app.partners.disputes.views import office as desk
from app.partners.disputes.views import portal as disputes
from app.partners.drafts import views as drafts
from app.partners.network import inviting
from app.partners.papers import views as papers
from app.partners.payouts import queries as payout_queue
from app.partners.payouts.views import office as payouts
from app.partners.portal.views import follow
from app.partners.portal.views import office as materials
from app.partners.ranks import queries as rank_queries
from app.partners.ranks import views as ranks
from app.partners.rebates import panels as sharing_panels
from app.partners.rebates import service as shares
from app.partners.rebates.views import cashback
from app.partners.rebates.views import office as share_desk
from app.partners.rebates.views import portal as share_pages
from app.partners.replay import views as replay
from app.partners.service import move_moment
from app.partners.settlement import overdue
from app.partners.settlement.views import office as settlement_desk
from app.partners.tokens import service as tokens
from app.partners.tokens.views import api
from app.partners.tokens.views import portal as keys
from app.partners.views import office, portal
from app.partners.volume import views as volume
from app.referrals.events import InvitationAccepted, SponsorChanged

OWN = permissions.PARTNER_PORTAL

FEATURE = Feature(
    name="partners",
    label=_l("Commission"),
    blueprints={
        "cabinet": (
            award_pages.cabinet,
            portal.cabinet,
            follow.bp,
            disputes.cabinet,
            papers.cabinet,
            share_pages.cabinet,
            cashback.bp,
            keys.cabinet,
        ),
        "partner": (
            award_pages.partner,
            portal.partner,
            disputes.partner,
            papers.partner,
            share_pages.partner,
            keys.partner,
        ),
        "api": (api.bp,),
        "office": (
            award_desk.bp,
            award_editor.bp,
            office.bp,
            settlement_desk.bp,
            payouts.bp,
            drafts.bp,
            replay.bp,
            materials.bp,
            desk.bp,
            papers.office,
            share_desk.bp,
            ranks.bp,
            volume.bp,
            abuse.bp,
        ),
    },
    menu=(
        MenuEntry("partner", _l("Keys for programs"), "partners_tokens.overview", "key", 45, OWN),
        MenuEntry(
            "cabinet",
            _l("Cashback"),
            "partners_cashback.overview",
            "coins",
            58,
            OWN,
            is_offered=sharing_panels.offers_cashback,
        ),
        MenuEntry("partner", _l("Clients and shares"), "partners_shares.overview", "percentage", 25, OWN),
        MenuEntry(
            "office",
            _l("Rebates and shares"),
            "partners_shares_office.queue",
            "percentage",
            63,
            permissions.COMMISSION_READ,
            badge=shares.waiting_count,
        ),
        MenuEntry("cabinet", _l("Partner"), "partners_cabinet.home", "users-group", 60, OWN),
        MenuEntry("partner", _l("Home"), "partners_portal.home", "home", 0, OWN, phone=True),
        MenuEntry("partner", _l("Network"), "partners_portal.network", "sitemap", 10, OWN, phone=True),
        MenuEntry("partner", _l("Clients"), "partners_portal.clients", "users", 11, OWN),
        MenuEntry("partner", _l("Links"), "partners_portal.link_list", "link", 12, OWN),
        MenuEntry("partner", _l("Funnel"), "partners_portal.funnel", "filter", 14, OWN),
        MenuEntry("partner", _l("Commission"), "partners_portal.earnings", "coins", 20, OWN, phone=True),
        MenuEntry("partner", _l("Rank"), "partners_portal.rank", "trophy", 22, OWN, is_offered=ranks.shows_ranks),
        MenuEntry("office", _l("Ranks"), "partners_ranks.overview", "trophy", 65, permissions.COMMISSION_READ),
        MenuEntry(
            "office",
            _l("Own rates"),
            "partners_ranks.rates",
            "percentage",
            66,
            permissions.COMMISSION_READ,
            badge=rank_queries.waiting_count,
        ),
        MenuEntry("partner", _l("Awards"), "partners_awards_portal.overview", "gift", 22, OWN),
        MenuEntry(
            "office",
            _l("Taking back"),
            "partners_awards.clawback_list",
            "history",
            64,
            permissions.COMMISSION_READ,
        ),
        MenuEntry("partner", _l("Statements"), "partners_portal.statements", "file-text", 30, OWN, phone=True),
        MenuEntry("partner", _l("Payouts"), "partners_portal.payout", "transfer", 40, OWN),
        MenuEntry("partner", _l("Disputes"), "partners_disputes_portal.overview", "flag", 35, OWN),
        MenuEntry("office", _l("Funnel"), "partners_materials.funnel", "filter", 52, permissions.COMMISSION_READ),
        MenuEntry("office", _l("Banners"), "partners_materials.banner_list", "photo", 53, permissions.COMMISSION_READ),
        MenuEntry(
            "office",
            _l("Payouts of commission"),
            "partners_payouts.queue",
            "transfer",
            61,
            permissions.PAYOUT_READ,
            badge=payout_queue.waiting_count,
        ),
        MenuEntry(
            "office",
            _l("Held for too long"),
            "partners_settlement.held_too_long",
            "hourglass",
            62,
            permissions.COMMISSION_READ,
            badge=overdue.count,
        ),
        MenuEntry("office", _l("Settlements"), "partners_office.settlements", "coins", 60, permissions.SETTLEMENT_READ),
        MenuEntry(
            "office", _l("Commission plan"), "partners_office.plan", "percentage", 61, permissions.COMMISSION_READ
        ),
        MenuEntry(
            "office",
            _l("Disputes"),
            "partners_disputes_office.queue",
            "flag",
            62,
            permissions.DISPUTE_READ,
            badge=open_disputes.waiting_count,
        ),
        MenuEntry(
            "office",
            _l("Findings"),
            "partners_abuse.queue",
            "eye",
            63,
            permissions.FINDING_READ,
            badge=findings.waiting_count,
        ),
    ),
    panels=(*panels.PANELS, *sharing_panels.PANELS, volume.PANEL),
    permissions=permissions.PERMISSIONS,
    functions=permissions.FUNCTIONS,
    jobs=("app.partners.jobs",),
    subscribers=(
        (ClientRegistered, subscribers.on_registration),
        (SponsorChanged, subscribers.on_sponsor_changed),
        (InvitationAccepted, inviting.on_accepted),
    ),
    bundle=SECTION,
    cli=(cli.settlement,),
    ports={"api.bearer": tokens.bearer, "referrals.move_moment": move_moment, **attribution.PORTS},
)
