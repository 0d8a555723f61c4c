"""The reasons that a lock may have, in words for staff."""

from __future__ import annotations

from app.kit.text import Message, _l

REASONS: dict[str, Message] = {
    "aml_review": _l("Money laundering review"),
    "chargeback": _l("Chargeback"),
    "identity_mismatch": _l("Identity does not match"),
    "multi_account": _l("Several accounts of one person"),
    "hold_time_abuse": _l("Trades held too briefly"),
    "court_order": _l("Court order"),
    "client_request": _l("The client's own request"),
    "responsible_trading": _l("Responsible trading"),
    "security_incident": _l("Security incident"),
    "deceased": _l("The client has died"),
    "dormant": _l("Dormant account"),
    "platform_change": _l("Changed on the trading platform"),
    "test": _l("Test"),
}
NOTE_LENGTH_MAX = 500
