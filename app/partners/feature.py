"""Commission in the product."""

from __future__ import annotations

from app.core.features import Feature
from app.partners import subscribers
from app.partners.bundle import SECTION
from app.partners.permissions import FUNCTIONS, PERMISSIONS
from app.partners.service import move_moment
from app.referrals.events import SponsorChanged

FEATURE = Feature(
    name="partners",
    permissions=PERMISSIONS,
    functions=FUNCTIONS,
    subscribers=((SponsorChanged, subscribers.on_sponsor_changed),),
    bundle=SECTION,
    ports={"referrals.move_moment": move_moment},
)
