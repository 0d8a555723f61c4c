"""Words for payouts."""

from __future__ import annotations

from app.kit.text import Message, _l

METHODS: dict[str, Message] = {
    "wallet": _l("To your main wallet"),
    "account": _l("To your trading account"),
    "bank": _l("To your bank account"),
}
METHODS_OF_OTHERS: dict[str, Message] = {
    "wallet": _l("Own main wallet"),
    "account": _l("Own trading account"),
    "bank": _l("Bank account"),
}
