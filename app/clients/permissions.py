"""Who may see clients and change what the office knows about them."""

from __future__ import annotations

from app.core.features import Permission
from app.kit.text import _l

OWN = "clients.own"
CLIENT_READ = "clients.read"
CLIENT_EXPORT = "clients.export"
CLIENT_NOTE = "clients.note"
CLIENT_ASSIGN = "clients.assign"
CLIENT_STATUS = "clients.status"
KYC_SET = "clients.kyc.set"

_EVERY_STAFF_ROLE = frozenset({"admin", "finance", "compliance", "sales", "support", "dealing", "partner_desk"})

ALL = (
    Permission(OWN, _l("See one's own client record"), frozenset({"trader"})),
    Permission(CLIENT_READ, _l("See clients"), _EVERY_STAFF_ROLE),
    Permission(CLIENT_EXPORT, _l("Export the list of clients"), frozenset({"admin", "compliance", "finance"})),
    Permission(CLIENT_NOTE, _l("Write notes on clients"), _EVERY_STAFF_ROLE),
    Permission(CLIENT_ASSIGN, _l("Assign clients to staff"), frozenset({"admin", "sales"})),
    Permission(CLIENT_STATUS, _l("Suspend and reactivate clients"), frozenset({"admin", "compliance"})),
    Permission(KYC_SET, _l("Set the verification level of a client"), frozenset({"compliance"})),
)
