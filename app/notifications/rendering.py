"""A mail put into words: its template in the recipient's language, under the tenant's name and colours."""

from __future__ import annotations

import html
import re
from typing import Any

from flask import current_app, g
from flask_babel import force_locale

from app import tenancy
from app.core.http import audience_url
from app.notifications import rules
from app.notifications.models import Mail
from app.notifications.service import Letter
from app.ui.branding import Branding, mail_colours

_TITLE = re.compile(r"<title>(.*?)</title>", re.DOTALL)


def letter(row: Mail) -> Letter:
    """The mail as its recipient reads it. The subject is the page's title."""
    feature, _, name = row.template.partition(".")
    brand = tenancy.current()
    with current_app.app_context(), force_locale(row.language):  # A context of its own: nothing of it stays behind.
        g.tenant_id, g.tenant = brand.id, brand  # Addresses and the time zone are this tenant's.
        page = current_app.jinja_env.get_template(f"{feature}/mail/{name}.html").render(
            **_brand(brand),
            **rules.unpacked(row.params),
            recipient={"name": row.to_name, "email": row.to_email},
            audience_url=audience_url,
        )
    found = _TITLE.search(page)
    assert found is not None, row.template
    return Letter(subject=html.unescape(" ".join(found.group(1).split())), html=page)


def _brand(brand: tenancy.TenantConfig) -> dict[str, Any]:
    look = brand.branding
    ground, ink = mail_colours(Branding(look.primary, look.accent, look.sidebar, look.radius, look.font))
    return {"tenant": {"name": brand.name, "mail_colour": ground, "mail_text_colour": ink}}
