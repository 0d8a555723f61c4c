"""Who may see commission, grant god-mode, run a settlement; and what the ban matrix can take from a partner."""

from __future__ import annotations

from app.core.features import Permission, RestrictedFunction
from app.kit.text import _l

COMMISSION_READ = "partners.commission.read"
GOD_MODE_GRANT = "partners.god_mode.grant"
SETTLEMENT_READ = "partners.settlement.read"
SETTLEMENT_RUN = "partners.settlement.run"
PLAN_EDIT = "partners.plan.edit"
PLAN_ACCEPT = "partners.plan.accept"
PLAN_PUBLISH = "partners.plan.publish"
PARTNER_PORTAL = "partners.portal"
SHARE_DECIDE = "partners.share.decide"
BANNER_EDIT = "partners.banner.edit"
DISPUTE_READ = "partners.dispute.read"
DISPUTE_ANSWER = "partners.dispute.answer"
DISPUTE_DECIDE = "partners.dispute.decide"

COMMISSION_ACCRUAL = "commission_accrual"
COMMISSION_RELEASE = "commission_release"
COMMISSION_PAYOUT = "commission_payout"
COMMISSION_SHARING = "commission_sharing"
COMMISSION_DISPUTE = "commission_dispute"

PERMISSIONS = (
    Permission(
        COMMISSION_READ,
        _l("See commission plans, lines and balances of partners"),
        frozenset({"admin", "finance", "compliance", "partner_desk"}),
    ),
    Permission(GOD_MODE_GRANT, _l("Give a partner an amount per lot"), frozenset({"admin", "partner_desk"})),
    Permission(
        SETTLEMENT_READ, _l("See settlement runs"), frozenset({"admin", "finance", "compliance", "partner_desk"})
    ),
    Permission(SETTLEMENT_RUN, _l("Run a settlement and release commission"), frozenset({"admin", "finance"})),
    Permission(PLAN_EDIT, _l("Draft commission plans"), frozenset({"admin", "partner_desk"})),
    Permission(
        PLAN_ACCEPT,
        _l("Accept by name that a plan may cost more than it earns"),
        frozenset({"admin", "finance", "compliance"}),
    ),
    Permission(PLAN_PUBLISH, _l("Publish commission plans"), frozenset({"admin"})),
    Permission(
        DISPUTE_READ,
        _l("See disputes about commission"),
        frozenset({"admin", "finance", "compliance", "partner_desk"}),
    ),
    Permission(DISPUTE_ANSWER, _l("Answer disputes about commission"), frozenset({"admin", "partner_desk"})),
    Permission(
        DISPUTE_DECIDE,
        _l("Accept or refuse disputes about commission"),
        frozenset({"admin", "finance", "partner_desk"}),
    ),
    Permission(BANNER_EDIT, _l("Give partners banners and withdraw them"), frozenset({"admin", "partner_desk"})),
    Permission(
        SHARE_DECIDE, _l("Decide about rebates that partners want to give"), frozenset({"admin", "partner_desk"})
    ),
    Permission(PARTNER_PORTAL, _l("Use the partner portal"), frozenset({"trader", "partner"})),
)
FUNCTIONS = (
    RestrictedFunction(COMMISSION_ACCRUAL, _l("Earn commission, and let others earn on their trades")),
    RestrictedFunction(COMMISSION_RELEASE, _l("Have commission released after its audit period")),
    RestrictedFunction(COMMISSION_PAYOUT, _l("Move commission to the main wallet")),
    RestrictedFunction(COMMISSION_SHARING, _l("Share commission with clients and sub-partners")),
    RestrictedFunction(COMMISSION_DISPUTE, _l("Dispute commission")),
)
