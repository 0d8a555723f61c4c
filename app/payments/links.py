"""Where a movement's own page is in the cabinet."""

from __future__ import annotations

from flask import url_for

from app.payments.queries import HistoryRow


def link_of(row: HistoryRow) -> str | None:
    """The address of a payment or transfer; None for a booking without a page."""
    if row.kind == "deposit":
        return url_for("payments_cabinet.deposit_page", deposit_id=row.id)
    if row.kind == "withdrawal":
        return url_for("payments_cabinet.withdrawal_page", withdrawal_id=row.id)
    return url_for("payments_moves.transfer_page", transfer_id=row.id) if row.reference else None


def office_link_of(row: HistoryRow) -> str | None:
    """The same in the office, where transfers have no page of their own."""
    if row.kind == "deposit":
        return url_for("payments_office.deposit_page", deposit_id=row.id)
    if row.kind == "withdrawal":
        return url_for("payments_office.withdrawal_page", withdrawal_id=row.id)
    return None
