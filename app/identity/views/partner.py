from __future__ import annotations

from flask import Blueprint

from app.identity.views import auth, profile

bp = Blueprint("identity_partner", __name__)
auth.add_common_views(bp)
profile.add_profile_views(bp)
