"""The operator's console."""

from app.core.features import Feature, MenuEntry
from app.kit.text import _l
from app.web.operator import permissions, views

FEATURE = Feature(
    name="operator",
    blueprints={"operator": (views.bp,)},
    menu=(
        MenuEntry(
            "operator", _l("Tenants"), "operator.tenants", "building-store", 0, permissions.TENANTS_READ, phone=True
        ),
        MenuEntry(
            "operator", _l("Health"), "operator.health", "heart-rate-monitor", 10, permissions.HEALTH_READ, phone=True
        ),
    ),
    permissions=permissions.ALL,
)
