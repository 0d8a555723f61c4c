"""Parts of composed pages: a client's wallets on the dashboard, and wallets and payments on client 360."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from app.core.features import Panel
from app.kit import clock
from app.kit.money import Money
from app.kit.text import Message, _l
from app.ledger import queries as books
from app.ledger import service as ledger
from app.payments import bundle, permissions, queries, stages
from app.payments.links import link_of, office_link_of
from app.payments.models import Deposit, Withdrawal
from app.payments.queries import HistoryFilter
from app.tenancy.papers import instant_for_field


@dataclass(frozen=True, slots=True)
class WalletLine:
    """One currency of a client: what may be spent, and what is set aside for payments under way."""

    currency: str
    available: Money
    held: Money


def balances(client_id: UUID) -> list[WalletLine]:
    """A client's money by currency: the offered ones, and others that hold something."""
    found: dict[tuple[str, str], Money] = {
        (wallet.purpose, wallet.currency): wallet.balance
        for wallet in books.wallets_of(ledger.Owner("client", client_id), (ledger.MAIN, ledger.HELD))
    }
    order = [entry.currency for entry in bundle.offered()]
    order += sorted({currency for (_, currency), money in found.items() if money and currency not in order})
    return [
        WalletLine(
            currency,
            found.get((ledger.MAIN, currency), Money.zero(currency)),
            found.get((ledger.HELD, currency), Money.zero(currency)),
        )
        for currency in order
    ]


def load_as_of(client_id: UUID, at: datetime | None, refusal: Message | None) -> Mapping[str, Any]:
    """A client's wallets as of an instant, where one is asked for: the sum of all entries booked up to it."""
    found = books.balances_at(ledger.Owner("client", client_id), at) if at is not None else {}
    currencies = sorted({currency for _, currency in found})
    return {
        "as_of": at,
        "as_of_refusal": refusal,
        "as_of_shown": instant_for_field(at or clock.now()),
        "as_of_lines": [
            WalletLine(
                currency,
                found.get((ledger.MAIN, currency), Money.zero(currency)),
                found.get((ledger.HELD, currency), Money.zero(currency)),
            )
            for currency in currencies
        ],
    }


def available(client_id: UUID, currency: str) -> Money:
    """What a client may spend in a currency. Looking makes no wallet."""
    found = books.find_wallet(ledger.Owner("client", client_id), ledger.MAIN, currency)
    return found.balance if found is not None else Money.zero(currency)


def load_wallets(client_id: UUID | None) -> Mapping[str, Any]:
    """Wallets and the latest movements, for the client."""
    assert client_id is not None, "A wallet panel is about a client."
    rows, _total = queries.history(client_id, HistoryFilter(), limit=8)
    return {
        "wallet_lines": balances(client_id),
        "movements": rows,
        "kind_label": stages.kind_label,
        "kind_icons": stages.KIND_ICONS,
        "status_of": stages.status_of,
        "link_of": link_of,
    }


def load_client360(client_id: UUID | None) -> Mapping[str, Any]:
    """Wallets, totals and the latest movements, for staff."""
    assert client_id is not None, "A client's panel is about a client."
    rows, total = queries.history(client_id, HistoryFilter(), limit=20)
    deposited, withdrawn = queries.totals_of_client(client_id)
    return {
        "wallet_lines": balances(client_id),
        "deposited": deposited,
        "withdrawn": withdrawn,
        "movements": rows,
        "movement_total": total,
        "kind_label": stages.kind_label,
        "status_of": stages.status_of,
        "link_of": office_link_of,
    }


def load_office_home(_subject: UUID | None) -> Mapping[str, Any]:
    """What waits for finance."""
    return {
        "deposits_waiting": queries.waiting_count(Deposit),
        "withdrawals_waiting": queries.waiting_count(Withdrawal),
        "oldest_withdrawal_at": queries.oldest_waiting(Withdrawal),
        "oldest_deposit_at": queries.oldest_waiting(Deposit),
    }


PANELS = (
    Panel(
        audience="cabinet",
        page="dashboard",
        name="wallets",
        label=_l("Wallets"),
        template="payments/cabinet/wallets_panel.html",
        load=load_wallets,
        order=20,
        permission=permissions.OWN,
        refresh_on=("wallet-changed",),
    ),
    Panel(
        audience="office",
        page="client360",
        name="payments",
        label=_l("Wallets and payments"),
        template="payments/office/client_panel.html",
        load=load_client360,
        order=30,
        permission=permissions.DEPOSIT_READ,
        tab="payments",
        refresh_on=("wallet-changed",),
    ),
    Panel(
        audience="office",
        page="office_home",
        name="payments",
        label=_l("Payments"),
        template="payments/office/home_panel.html",
        load=load_office_home,
        order=20,
        permission=permissions.DEPOSIT_READ,
        refresh_on=("payments-changed",),
    ),
)
