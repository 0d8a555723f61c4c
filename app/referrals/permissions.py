"""Who may see and change the sponsor tree."""

from __future__ import annotations

from app.core.features import Permission, RestrictedFunction
from app.kit.text import _l

TREE_READ = "referrals.tree.read"
TREE_MOVE = "referrals.tree.move"
REFERRAL_ATTRIBUTION = "referral_attribution"

PERMISSIONS = (
    Permission(
        TREE_READ,
        _l("See the partner tree"),
        frozenset({"admin", "finance", "compliance", "sales", "support", "partner_desk"}),
    ),
    Permission(TREE_MOVE, _l("Move a client to another partner"), frozenset({"admin", "partner_desk"})),
)
FUNCTIONS = (RestrictedFunction(REFERRAL_ATTRIBUTION, _l("Bring in new clients by a referral link")),)
