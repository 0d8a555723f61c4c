"""Who may see commission, grant god-mode, run a settlement; and what the ban matrix can take from a partner."""

from __future__ import annotations

from app.core.features import Permission, RestrictedFunction
from app.kit.text import _l

COMMISSION_READ = "partners.commission.read"
GOD_MODE_GRANT = "partners.god_mode.grant"
RANK_SET = "partners.rank.set"
RATE_GIVE = "partners.rate.give"
RATE_AGREE = "partners.rate.agree"
SETTLEMENT_READ = "partners.settlement.read"
SETTLEMENT_RUN = "partners.settlement.run"
SETTLEMENT_SIGN = "partners.settlement.sign"
CURRENCY_CHOOSE = "partners.currency.choose"
PAYOUT_READ = "partners.payout.read"
PAYOUT_APPROVE = "partners.payout.approve"
EARLY_RELEASE_ASK = "partners.early_release.ask"
EARLY_RELEASE_APPROVE = "partners.early_release.approve"
PLAN_EDIT = "partners.plan.edit"
PLAN_ACCEPT = "partners.plan.accept"
PLAN_PUBLISH = "partners.plan.publish"
ACCOUNT_EXCLUDE = "partners.account.exclude"
PERSON_JOIN = "partners.person.join"
PARTNER_PORTAL = "partners.portal"
SHARE_DECIDE = "partners.share.decide"
API_READ = "partners.api.read"
BANNER_EDIT = "partners.banner.edit"
AWARD_COST = "partners.award.cost"
CLAWBACK_ASK = "partners.clawback.ask"
CLAWBACK_DECIDE = "partners.clawback.decide"
DISPUTE_READ = "partners.dispute.read"
DISPUTE_ANSWER = "partners.dispute.answer"
DISPUTE_DECIDE = "partners.dispute.decide"
FINDING_READ = "partners.finding.read"
FINDING_DECIDE = "partners.finding.decide"

COMMISSION_ACCRUAL = "commission_accrual"
COMMISSION_RELEASE = "commission_release"
COMMISSION_PAYOUT = "commission_payout"
COMMISSION_SHARING = "commission_sharing"
PARTNER_API = "partner_api"
COMMISSION_DISPUTE = "commission_dispute"

PERMISSIONS = (
    Permission(
        COMMISSION_READ,
        _l("See commission plans, lines and balances of partners"),
        frozenset({"admin", "finance", "compliance", "partner_desk"}),
    ),
    Permission(GOD_MODE_GRANT, _l("Give a partner an amount per lot"), frozenset({"admin", "partner_desk"})),
    Permission(RANK_SET, _l("Set a partner's rank by hand"), frozenset({"admin", "partner_desk"})),
    Permission(RATE_GIVE, _l("Give a partner a rate of their own, and end it"), frozenset({"admin", "partner_desk"})),
    Permission(
        RATE_AGREE, _l("Agree to a partner's own rate that somebody else asks for"), frozenset({"admin", "finance"})
    ),
    Permission(
        SETTLEMENT_READ, _l("See settlement runs"), frozenset({"admin", "finance", "compliance", "partner_desk"})
    ),
    Permission(SETTLEMENT_RUN, _l("Run a settlement and release commission"), frozenset({"admin", "finance"})),
    Permission(
        SETTLEMENT_SIGN, _l("Sign a settled day as looked through"), frozenset({"admin", "finance", "compliance"})
    ),
    Permission(
        CURRENCY_CHOOSE,
        _l("Choose the currency in which a partner is paid"),
        frozenset({"admin", "finance", "partner_desk"}),
    ),
    Permission(
        PAYOUT_READ,
        _l("See payouts of commission"),
        frozenset({"admin", "finance", "compliance", "partner_desk"}),
    ),
    Permission(PAYOUT_APPROVE, _l("Approve and reject payouts of commission"), frozenset({"admin", "finance"})),
    Permission(
        EARLY_RELEASE_ASK,
        _l("Ask for commission to be released before its audit period ends"),
        frozenset({"admin", "finance", "partner_desk"}),
    ),
    Permission(
        EARLY_RELEASE_APPROVE,
        _l("Decide whether commission is released early"),
        frozenset({"admin", "finance", "compliance"}),
    ),
    Permission(AWARD_COST, _l("Enter what a partner's clients cost in a period"), frozenset({"admin", "finance"})),
    Permission(
        CLAWBACK_ASK,
        _l("Ask that a client's commission is taken back"),
        frozenset({"admin", "finance", "compliance", "partner_desk"}),
    ),
    Permission(
        CLAWBACK_DECIDE,
        _l("Decide that a client's commission is taken back"),
        frozenset({"admin", "finance", "compliance"}),
    ),
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
    Permission(
        FINDING_READ,
        _l("See patterns of abuse that were found in commission"),
        frozenset({"admin", "finance", "compliance"}),
    ),
    Permission(
        FINDING_DECIDE,
        _l("Decide about patterns of abuse in commission"),
        frozenset({"admin", "finance", "compliance"}),
    ),
    Permission(BANNER_EDIT, _l("Give partners banners and withdraw them"), frozenset({"admin", "partner_desk"})),
    Permission(
        SHARE_DECIDE, _l("Decide about rebates that partners want to give"), frozenset({"admin", "partner_desk"})
    ),
    Permission(
        ACCOUNT_EXCLUDE,
        _l("Take a trading account out of commission"),
        frozenset({"admin", "compliance", "partner_desk"}),
    ),
    Permission(
        PERSON_JOIN, _l("Say that two clients are one person"), frozenset({"admin", "compliance", "partner_desk"})
    ),
    Permission(API_READ, _l("Read own commission with a key, by a program"), frozenset({"trader", "partner"})),
    Permission(PARTNER_PORTAL, _l("Use the partner portal"), frozenset({"trader", "partner"})),
)
FUNCTIONS = (
    RestrictedFunction(COMMISSION_ACCRUAL, _l("Earn commission, and let others earn on their trades")),
    RestrictedFunction(COMMISSION_RELEASE, _l("Have commission released after its audit period")),
    RestrictedFunction(COMMISSION_PAYOUT, _l("Move commission to the main wallet")),
    RestrictedFunction(PARTNER_API, _l("Make keys for own programs and read with them")),
    RestrictedFunction(COMMISSION_SHARING, _l("Share commission with clients and sub-partners")),
    RestrictedFunction(COMMISSION_DISPUTE, _l("Dispute commission")),
)
