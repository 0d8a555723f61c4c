"""The office: its first page, the clients and the search."""

from app.clients import permissions as client_permissions
from app.core.features import Feature, MenuEntry
from app.kit.text import _l
from app.web.office import permissions, views

FEATURE = Feature(
    name="office",
    label=_l("Back office"),
    blueprints={"office": (views.bp,)},
    menu=(
        MenuEntry("office", _l("Home"), "office.home_page", "home", 0, permissions.OFFICE_OPEN, phone=True),
        MenuEntry(
            "office", _l("Clients"), "office.client_list_page", "users", 10, client_permissions.CLIENT_READ, phone=True
        ),
    ),
    permissions=permissions.ALL,
)
