from __future__ import annotations

from app.core.features import Feature, MenuEntry, Panel
from app.identity import cli, permissions, queries, subscribers
from app.identity.views import cabinet, office, operator, partner
from app.kit.text import _l
from app.restrictions.events import FunctionLocked

FEATURE = Feature(
    name="identity",
    label=_l("Staff and roles"),
    blueprints={"cabinet": (cabinet.bp,), "office": (office.bp,), "partner": (partner.bp,), "operator": (operator.bp,)},
    menu=(
        MenuEntry("office", _l("Staff and roles"), "identity_office.staff", "users-group", 90, permissions.STAFF_READ),
    ),
    panels=(
        Panel(
            audience="office",
            page="client360",
            name="sessions",
            label=_l("Sessions"),
            template="identity/office/client_sessions.html",
            load=office.client_sessions_panel,
            order=85,
            permission=permissions.CLIENT_SESSIONS,
        ),
    ),
    permissions=permissions.ALL,
    functions=permissions.FUNCTIONS,
    subscribers=((FunctionLocked, subscribers.end_sessions_on_lock),),
    cli=(cli.staff, cli.operator),
    ports={"restrictions.client_name": queries.client_name},
)
