"""The cabinet: its dashboard."""

from app.core.features import Feature, MenuEntry
from app.kit.text import _l
from app.web.cabinet import permissions, views

FEATURE = Feature(
    name="cabinet",
    blueprints={"cabinet": (views.bp,)},
    menu=(MenuEntry("cabinet", _l("Home"), "cabinet.home", "home", 0, permissions.DASHBOARD, phone=True),),
    permissions=permissions.ALL,
)
