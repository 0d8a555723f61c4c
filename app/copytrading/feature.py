"""Copy trading in the product."""

from __future__ import annotations

from app.copytrading import bundle, permissions
from app.copytrading.views import cabinet, copy_page, office
from app.core.features import Feature, MenuEntry
from app.kit.text import _l


def is_offered() -> bool:
    """Whether the brand has a list of strategies."""
    return bundle.section() is not None


FEATURE = Feature(
    name="copytrading",
    label=_l("Copy trading"),
    blueprints={"cabinet": (cabinet.bp, copy_page.bp), "office": (office.bp,)},
    menu=(
        MenuEntry(
            "cabinet",
            _l("Strategies"),
            "copytrading_cabinet.board",
            "trophy",
            50,
            permissions.STRATEGIES_SEE,
            is_offered=is_offered,
        ),
        MenuEntry(
            "office",
            _l("Strategies"),
            "copytrading_office.board",
            "trophy",
            42,
            permissions.STRATEGIES_READ,
            is_offered=is_offered,
        ),
    ),
    permissions=permissions.PERMISSIONS,
    functions=permissions.FUNCTIONS,
    jobs=("app.copytrading.jobs",),
    bundle=bundle.SECTION,
)
