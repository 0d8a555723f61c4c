from __future__ import annotations

from app.audit import cli, permissions
from app.audit.views import office
from app.core.features import Feature, MenuEntry
from app.kit.text import _l

FEATURE = Feature(
    name="audit",
    label=_l("Audit log"),
    blueprints={"office": (office.bp,)},
    menu=(MenuEntry("office", _l("Audit log"), "audit_office.log", "list-check", 95, permissions.AUDIT_READ),),
    permissions=permissions.ALL,
    jobs=("app.audit.jobs",),
    cli=(cli.group,),
)
