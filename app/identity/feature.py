from __future__ import annotations

from app.core.features import Feature
from app.identity import cli, permissions, subscribers
from app.restrictions.events import FunctionLocked

FEATURE = Feature(
    name="identity",
    permissions=permissions.ALL,
    functions=permissions.FUNCTIONS,
    subscribers=((FunctionLocked, subscribers.end_sessions_on_lock),),
    cli=(cli.staff, cli.operator),
)
