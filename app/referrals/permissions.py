"""Who may see and change the sponsor tree."""

from __future__ import annotations

from app.core.features import Permission, RestrictedFunction
from app.kit.text import _l

TREE_READ = "referrals.tree.read"
TREE_MOVE = "referrals.tree.move"
TREE_CORRECT = "referrals.tree.correct"
TREE_CORRECT_APPROVE = "referrals.tree.correct.approve"
MEMBER_DECIDE = "referrals.member.decide"
PROGRAMME_OWN = "referrals.programme.own"
REFERRAL_ATTRIBUTION = "referral_attribution"

PERMISSIONS = (
    Permission(
        TREE_READ,
        _l("See the partner tree"),
        frozenset({"admin", "finance", "compliance", "sales", "support", "partner_desk"}),
    ),
    Permission(TREE_MOVE, _l("Move a client to another partner"), frozenset({"admin", "partner_desk"})),
    Permission(TREE_CORRECT, _l("Propose to correct an attribution"), frozenset({"admin", "partner_desk"})),
    Permission(
        TREE_CORRECT_APPROVE,
        _l("Approve a corrected attribution"),
        frozenset({"admin", "finance", "compliance", "partner_desk"}),
    ),
    Permission(
        MEMBER_DECIDE, _l("Decide who takes part in the referral programme"), frozenset({"admin", "partner_desk"})
    ),
    Permission(PROGRAMME_OWN, _l("Take part in the referral programme"), frozenset({"trader", "partner"})),
)
FUNCTIONS = (RestrictedFunction(REFERRAL_ATTRIBUTION, _l("Bring in new clients by a referral link")),)
