"""What machine words of a statement are called."""

from __future__ import annotations

from app.kit.text import Message, _l, _lp
from app.partners import labels

MOVEMENTS: dict[str, Message] = {
    "commission.settle": _lp("movement", "Settled"),
    "commission.clawback": _lp("movement", "Taken back"),
    "commission.release": _lp("movement", "Released"),
    "commission.draw": _lp("movement", "Drawn from the brand's pool"),
    "commission.payout": _lp("movement", "Moved to the main wallet"),
    "adjustment": _lp("movement", "Correction by hand"),
}
_OF_A_TRACK = frozenset({"commission.settle", "commission.clawback", "commission.release"})
OTHER_MOVEMENT = _lp("movement", "Other movement")
AWARDS: dict[str, Message] = {
    "cpa": _l("For a new client"),
    "pct_deposit": _l("Share of deposits"),
    "revenue_share": _l("Share of revenue"),
    "true_up": _l("Tier reached"),
    "override": _l("From partners below"),
    "correction": _l("Correction after a dispute"),
    "cashback": _l("Cashback"),
}
SHARES: dict[str, Message] = {"given": _l("Share given"), "received": _l("Share received")}
AWARD_TRACK = _lp("track", "Awards")


def movement(kind: str) -> Message:
    """What an entry on a partner's wallets is called."""
    return MOVEMENTS.get(kind, OTHER_MOVEMENT)


def note(kind: str, memo: str) -> Message | None:
    """Which track an entry is of: what the settlement writes down with it begins with the track's machine word."""
    return track(memo.partition(" ")[0]) if memo and kind in _OF_A_TRACK else None


def track(name: str) -> Message:
    """What a track is called."""
    return labels.TRACKS.get(name, AWARD_TRACK)


def paid(what: str, track_name: str, component: str, award_kind: str, note: str) -> Message:
    """What an amount of a statement is for."""
    if what == "award":
        return AWARDS.get(award_kind, AWARD_TRACK)
    if what == "share":
        return SHARES.get(note, AWARD_TRACK)
    return track(track_name)
