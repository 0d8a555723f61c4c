"""Who may see and change staff, sessions and sign-ins; and what every client may do with their own login."""

from __future__ import annotations

from app.core.features import Permission, RestrictedFunction
from app.kit.text import _l

PROFILE_OWN = "identity.profile.own"
STAFF_READ = "identity.staff.read"
STAFF_MANAGE = "identity.staff.manage"
CLIENT_SESSIONS = "identity.client.sessions"

SIGN_IN = "sign_in"
PROFILE_EDIT = "profile_edit"

_EVERY_STAFF_ROLE = frozenset({"admin", "finance", "compliance", "sales", "support", "dealing", "partner_desk"})

ALL = (
    Permission(
        PROFILE_OWN,
        _l("Change one's own profile, password and sessions"),
        _EVERY_STAFF_ROLE | {"trader", "partner", "operator"},
    ),
    Permission(STAFF_READ, _l("See staff and roles"), frozenset({"admin", "compliance"})),
    Permission(
        CLIENT_SESSIONS,
        _l("See and end sessions of clients"),
        frozenset({"admin", "compliance", "support"}),
    ),
    Permission(STAFF_MANAGE, _l("Invite staff, change roles, disable sign-ins"), frozenset({"admin"})),
)

FUNCTIONS = (
    RestrictedFunction(SIGN_IN, _l("Sign-in"), _l("Signing in to the cabinet and the partner portal; sessions end.")),
    RestrictedFunction(PROFILE_EDIT, _l("Profile changes"), _l("Changing name, language and time zone.")),
)
