"""What the sponsor tree is made of, without a database."""

from __future__ import annotations

import re
from datetime import UTC, datetime

FOREVER = datetime(
    9999, 12, 31, tzinfo=UTC
)  # Where a link has no end yet. A real instant, so that it compares and sorts.
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
BY_LINK = "link"  # The reason of a link that registration made; whatever a person writes is shown as written.
BY_INVITATION = "invitation"  # The reason of a link that an accepted invitation made.
PATH_LENGTH_MAX = 10_000  # Only corrupt data is deeper. Reaching it is an error, never a silent cut.
_CODE = re.compile(r"[0-9A-HJKMNP-TV-Z]{4,20}")


def normal_code(text: str) -> str | None:
    """A referral code as it is stored, from what somebody typed or followed; None for what cannot be one."""
    code = text.strip().upper().replace("-", "").replace("O", "0").replace("I", "1").replace("L", "1")
    return code if _CODE.fullmatch(code) else None
