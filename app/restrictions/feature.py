from __future__ import annotations

from app.core.features import Feature
from app.restrictions import permissions

FEATURE = Feature(name="restrictions", permissions=permissions.ALL)
