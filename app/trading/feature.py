"""Trading as the factory sees it."""

from __future__ import annotations

from app.core.features import Feature
from app.trading import permissions
from app.trading.bundle import SECTION

FEATURE = Feature(
    name="trading",
    permissions=permissions.PERMISSIONS,
    functions=permissions.FUNCTIONS,
    bundle=SECTION,
)
