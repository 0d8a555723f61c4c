"""The sponsor tree in the product."""

from __future__ import annotations

from app.clients.events import ClientRegistered
from app.core.features import Feature
from app.referrals import subscribers
from app.referrals.permissions import FUNCTIONS, PERMISSIONS

FEATURE = Feature(
    name="referrals",
    permissions=PERMISSIONS,
    functions=FUNCTIONS,
    subscribers=((ClientRegistered, subscribers.on_registration),),
)
