"""A partner's statement as files: PDF in the reader's language, CSV with every digit."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from app.kit.csv import write_rows
from app.kit.text import _l, _lp
from app.partners import labels
from app.partners.papers import labels as words
from app.partners.papers.service import PartnerStatement
from app.tenancy import papers
from app.ui import formats
from app.ui.pdf import Column

Namer = Callable[[str], str]
COLUMNS = (
    "record", "day", "at", "kind", "track", "trade", "revision", "component", "symbol", "lots", "client",
    "client_number", "level", "rate", "amount", "under_audit", "redeemable", "currency", "reason", "entry",
)  # fmt: skip


def statement_csv(statement: PartnerStatement, shown_name: Namer) -> str:
    """Line by line: balances, entries with what both wallets held after each, every amount, reason and hold."""
    rows: list[dict[str, object]] = [
        {
            "record": "opening_balance",
            "day": statement.period.first.isoformat(),
            "under_audit": statement.opening_audit.amount,
            "redeemable": statement.opening_redeem.amount,
        }
    ]
    for move in statement.movements:
        rows.append(
            {
                "record": "movement",
                "day": move.day.isoformat(),
                "at": formats.iso(move.at),
                "kind": move.kind,
                "amount": (move.under_audit + move.redeemable).amount,
                "under_audit": move.under_audit_after.amount,
                "redeemable": move.redeemable_after.amount,
                "entry": move.entry_id,
                "reason": move.memo,
            }
        )
    for batch in statement.batches:
        day = batch.business_date.isoformat()
        common = {"day": day, "kind": batch.purpose, "track": batch.track}
        rows += [
            {"record": "carried_in", "amount": f"{batch.carry_in:f}", **common},
            {"record": "lines", "amount": f"{batch.lines:f}", **common},
            {"record": "posted", "amount": batch.posted.amount, "entry": batch.entry_id or "", **common},
            {"record": "carried_on", "amount": f"{batch.carry_out:f}", **common},
        ]
        if batch.converted is not None:
            rows.append({"record": "converted", "amount": f"{batch.converted:f}", **common})
    for row in statement.paid:
        rows.append(
            {
                "record": row.what,
                "day": row.paid_on.isoformat(),
                "kind": row.award_kind,
                "component": row.component,
                "level": row.level,
                "rate": "" if row.rate is None else f"{row.rate:f}",
                "amount": f"{row.amount:f}",
                "reason": row.note,
                **_trade(row, shown_name),
            }
        )
    for row in statement.unpaid:
        rows.append(
            {
                "record": "not_paid",
                "day": row.business_date.isoformat(),
                "amount": 0,
                "reason": row.reason,
                **_trade(row, shown_name),
            }
        )
    for row in statement.held:
        rows.append(
            {
                "record": "hold",
                "day": row.held_on.isoformat(),
                "kind": row.outcome or "waiting",
                "track": row.track,
                "trade": row.trade_id,
                "revision": row.revision,
                "symbol": row.symbol,
                "amount": f"{row.amount:f}",
                "reason": " ".join(row.gates),
            }
        )
    rows.append(
        {
            "record": "closing_balance",
            "day": statement.period.last.isoformat(),
            "under_audit": statement.closing_audit.amount,
            "redeemable": statement.closing_redeem.amount,
        }
    )
    return write_rows(
        COLUMNS, ([{**row, "currency": statement.currency}.get(key, "") for key in COLUMNS] for row in rows)
    )


def _trade(row: Any, shown_name: Namer) -> dict[str, object]:
    return {
        "track": row.track,
        "trade": row.trade_id if row.trade_id is not None else "",
        "revision": row.revision if row.revision is not None else "",
        "at": formats.iso(row.closed_at) if row.closed_at is not None else "",
        "symbol": row.symbol or "",
        "lots": "" if row.lots is None else f"{row.lots:f}",
        "client": shown_name(row.client_name) if row.client_name else "",
        "client_number": row.client_number or "",
    }


def statement_pdf(statement: PartnerStatement, partner: str, number: int, shown_name: Namer) -> bytes:
    """The statement for printing."""
    period = statement.period
    sheet = papers.sheet(str(_l("Commission statement")))
    sheet.note(
        str(
            _l(
                "%(partner)s, number %(number)s. From %(first)s to %(last)s. Entries bear the settlement day that they"
                " belong to; releases and payouts the day on which they were made.",
                partner=partner,
                number=str(number),
                first=formats.day(period.first),
                last=formats.day(period.last),
            )
        )
    )

    def money(value: Any) -> str:
        return formats.money(value)

    sheet.heading(str(_l("Balances")))
    sheet.table(
        [
            Column("", 46),
            Column(str(_l("Under audit")), 27, is_number=True),
            Column(str(_l("Redeemable")), 27, is_number=True),
        ],
        [
            [str(_l("Opening balance")), money(statement.opening_audit), money(statement.opening_redeem)],
            *(
                [str(words.movement(kind)), money(audit), money(redeem)]
                for kind, (audit, redeem) in statement.sums.items()
            ),
            [str(_l("Closing balance")), money(statement.closing_audit), money(statement.closing_redeem)],
        ],
    )
    sheet.heading(str(_l("From lines to money")))
    sheet.table(
        [
            Column(str(_l("Kind")), 28),
            Column(str(_l("Lines")), 12, is_number=True),
            Column(str(_l("Sum of lines")), 18, is_number=True),
            Column(str(_l("Carried in")), 14, is_number=True),
            Column(str(_l("Carried on")), 14, is_number=True),
            Column(str(_l("Posted")), 16, is_number=True),
        ],
        [
            [
                str(words.track(one.track)),
                formats.number(one.line_count),
                exact(one.lines),
                exact(one.carried_in),
                exact(one.carried_on),
                money(one.posted),
            ]
            for one in statement.tracks
        ],
    )
    if statement.movements:
        sheet.heading(str(_l("Entries")))
        sheet.table(
            [
                Column(str(_l("Day")), 16),
                Column(str(_lp("statement", "What")), 28),
                Column(str(_l("Under audit")), 14, is_number=True),
                Column(str(_l("after")), 14, is_number=True),
                Column(str(_l("Redeemable")), 14, is_number=True),
                Column(str(_l("after")), 14, is_number=True),
            ],
            [
                [
                    formats.day(one.day),
                    str(words.movement(one.kind)),
                    money(one.under_audit),
                    money(one.under_audit_after),
                    money(one.redeemable),
                    money(one.redeemable_after),
                ]
                for one in statement.movements
            ],
        )
    if statement.paid:
        sheet.heading(str(_l("Lines")))
        sheet.table(
            [
                Column(str(_l("Counted on")), 17),
                Column(str(_l("Trade")), 23),
                Column(str(_l("Client")), 22),
                Column(str(_l("Kind")), 22),
                Column(str(_l("Amount, %(currency)s", currency=statement.plan_currency)), 16, is_number=True),
            ],
            [_paid_cells(row, shown_name) for row in statement.paid],
        )
    if statement.held:
        sheet.heading(str(_l("On hold")))
        sheet.table(
            [
                Column(str(_l("Since")), 18),
                Column(str(_l("Trade")), 20),
                Column(str(_l("Outcome")), 40),
                Column(str(_l("Amount, %(currency)s", currency=statement.plan_currency)), 22, is_number=True),
            ],
            [[formats.day(row.held_on), row.symbol, outcome(row), exact(row.amount)] for row in statement.held],
        )
    if statement.reasons:
        sheet.heading(str(_l("Not paid")))
        sheet.table(
            [Column(str(_l("Reason")), 80), Column(str(_l("Times")), 20, is_number=True)],
            [[str(labels.reason(code)), formats.number(times)] for code, times in statement.reasons],
        )
    if statement.is_cut:
        sheet.note(str(_l("There are more lines than fit here. The CSV file holds them all.")))
    return sheet.bytes()


def _paid_cells(row: Any, shown_name: Namer) -> list[str]:
    kind = str(words.paid(row.what, row.track, row.component, row.award_kind, row.note))
    if row.component == "reversal":
        kind = f"{kind} ({_l('taken back')})"
    return [
        formats.day(row.paid_on),
        f"{row.symbol} {formats.lots(row.lots)}" if row.symbol else "",
        f"{shown_name(row.client_name)} #{row.client_number}" if row.client_name else "",
        kind,
        exact(row.amount),
    ]


def outcome(row: Any) -> str:
    """What became of a line that waited."""
    if row.outcome is None:
        return str(_l("Waits"))
    if row.outcome == "cleared":
        return str(_l("Paid on %(day)s", day=formats.day(row.decided_on)))
    return str(_l("Given up on %(day)s", day=formats.day(row.decided_on)))


def exact(amount: Decimal) -> str:
    """A number with all digits that it has, for reading."""
    places = max(2, -int(amount.normalize().as_tuple().exponent))
    return formats.number(amount, places)
