"""What the words of ranks and tiers are called on a page."""

from __future__ import annotations

from app.kit.text import Message, _l

MEASURES: dict[str, Message] = {
    "active_clients": _l("Active clients"),
    "lots": _l("Lots"),
    "usd_volume": _l("Volume in US dollars"),
    "net_deposits": _l("Deposits less withdrawals"),
    "own_deposits": _l("Own deposits"),
}
DEMOTIONS: dict[str, Message] = {
    "auto": _l("Loses the rank"),
    "manual": _l("Keeps the rank until a person decides"),
    "never": _l("Keeps the rank for good"),
}
WINDOWS: dict[str, Message] = {"month": _l("The calendar month before"), "days": _l("The last days")}
CLIENTS: dict[str, Message] = {"all": _l("Everybody below"), "direct": _l("Own clients alone")}
TIER_METHODS: dict[str, Message] = {
    "": _l("No tiers"),
    "previous_period": _l("The month before gives the rate"),
    "marginal": _l("Each lot at its own band"),
    "flat_on_reach": _l("All lots at the band that is reached"),
}
UNITS: dict[str, Message] = {"share": _l("Share"), "per_lot": _l("Amount per lot")}
AWARDS: dict[str, Message] = {
    "override": _l("Share in what a lower rank received"),
    "same_rank": _l("Share in what the same rank received"),
    "true_up": _l("Difference to the band that was reached"),
}
