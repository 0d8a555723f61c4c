"""What referrals shows in the cabinet. Following a link is partners' work, which counts it."""

from __future__ import annotations

from flask import Blueprint

bp = Blueprint("referrals_cabinet", __name__)
