"""What a plan says about sharing: how much of their own line a partner may give away, and who decides about it."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from app.partners.parts import Part


class Rebates(Part, frozen=True):
    """Limits of what one line may be shared by, each a share of the line, and how a rebate to a client begins.

    `give_max` is the most a partner may give to a direct sub-partner, `take_max` the most that they may take from one.
    Amounts below `rebate_min` wait in the receiver's carry.
    """

    rebate_max: Decimal = Decimal(1)
    approval: Literal["automatic", "office"] = "automatic"
    rebate_min: Decimal = Decimal("0.01")
    give_max: Decimal = Decimal(0)
    take_max: Decimal = Decimal(0)
