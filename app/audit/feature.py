from __future__ import annotations

from app.audit import cli, permissions
from app.core.features import Feature

FEATURE = Feature(
    name="audit",
    permissions=permissions.ALL,
    jobs=("app.audit.jobs",),
    cli=(cli.group,),
)
