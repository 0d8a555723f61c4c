"""Who may publish a strategy, see the list, and watch over it."""

from __future__ import annotations

from typing import Final

from app.core.features import Permission, RestrictedFunction
from app.kit.text import _l

STRATEGIES_SEE: Final = "copytrading.strategies.see"
STRATEGIES_READ: Final = "copytrading.strategies.read"
STRATEGIES_MANAGE: Final = "copytrading.strategies.manage"

PUBLISH: Final = "publish_strategy"
COPY: Final = "copy_strategy"

PERMISSIONS = (
    Permission(STRATEGIES_SEE, _l("See published strategies and publish own ones"), frozenset({"trader"})),
    Permission(
        STRATEGIES_READ,
        _l("See all strategies and whose they are"),
        frozenset({"admin", "compliance", "sales", "support", "dealing", "partner_desk"}),
    ),
    Permission(STRATEGIES_MANAGE, _l("Take a strategy off the list"), frozenset({"admin", "compliance", "dealing"})),
)

FUNCTIONS = (
    RestrictedFunction(PUBLISH, _l("Publish strategies")),
    RestrictedFunction(COPY, _l("Copy strategies on the platform's own page")),
)
