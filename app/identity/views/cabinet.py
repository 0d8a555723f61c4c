from __future__ import annotations

from flask import Blueprint

from app.identity.views import auth, profile

bp = Blueprint("identity_cabinet", __name__)
auth.add_common_views(bp)
auth.add_sign_up_views(bp)
profile.add_profile_views(bp)
