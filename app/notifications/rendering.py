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

_TITLE = re.compile(r"<title>(.*?)</title>", re.DOTALL)


def letter(row: Mail) -> Letter:
    """The mail as its recipient reads it. The subject is the page's title."""
    feature, _, name = row.template.partition(".")
    brand = tenancy.current()
    g.tenant_id = brand.id  # Addresses outside a request belong to this tenant.
    with force_locale(row.language):
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
    return {"tenant": {"name": brand.name, "mail_colour": brand.branding.primary}}
