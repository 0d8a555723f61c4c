from __future__ import annotations

from app.core.features import Feature, Panel
from app.kit.text import _l
from app.restrictions import permissions
from app.restrictions.views import office

FEATURE = Feature(
    name="restrictions",
    label=_l("Restrictions"),
    blueprints={"office": (office.bp,)},
    panels=(
        Panel(
            audience="office",
            page="client360",
            name="restrictions",
            label=_l("Restrictions"),
            template="restrictions/office/panel.html",
            load=office.panel,
            order=80,
            permission=permissions.RESTRICTION_READ,
            refresh_on=("restrictions-changed",),
        ),
    ),
    permissions=permissions.ALL,
)
