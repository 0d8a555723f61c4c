"""Partners who are paid in a currency other than the plan's: choosing it, and freezing its rate for a run.

A day's sum is converted once, when it is summed up, at the middle rate of the cut-off; the carry stays in the partner's
currency. What is taken back goes in the currency and at the rate of the batch that held it.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select

from app import tenancy
from app.audit import service as audit
from app.clients import queries as clients
from app.core import live
from app.core.actor import Actor
from app.core.db import execute_sql, session
from app.core.errors import Invalid
from app.kit import clock
from app.kit.money import exponent
from app.kit.text import _l
from app.partners import versions
from app.partners.models import SettlementRun
from app.partners.rules.steps import product, quotient_step
from app.partners.settlement.facts import sql
from app.partners.settlement.models import PartnerCurrency, RunWallet
from app.rates import service as rates


class CurrencyNotOffered(Invalid):
    message = _l("Choose one of the brand's currencies that has an exchange rate.")
    field = "currency"


def plan_currency() -> str:
    """The currency of the plan in force; the brand's own where there is none."""
    version = versions.plan_for_receivers()
    return version.currency if version is not None else tenancy.current().base_currency


def currency_of(partner_id: UUID) -> str:
    """The currency in which a partner is paid from the next run on."""
    chosen = session().scalar(select(PartnerCurrency.currency).where(PartnerCurrency.partner_id == partner_id))
    return chosen or plan_currency()


def currencies_in_use() -> list[str]:
    """The plan's currency, and the others in which some partner is paid."""
    first = plan_currency()
    others = session().scalars(select(PartnerCurrency.currency).distinct().order_by(PartnerCurrency.currency))
    return [first, *(code for code in others if code != first)]


def offered() -> list[str]:
    """The currencies that a partner may be paid in."""
    first = plan_currency()
    return [first, *(code for code in tenancy.current().currencies if code != first and _has_rate(first, code))]


def _has_rate(base: str, quote: str) -> bool:
    try:
        rates.rate(base, quote)
    except rates.RateUnknown:
        return False
    return True


def choose_currency(partner_id: UUID, currency: str, *, by: Actor) -> str:
    """Pay a partner in this currency from the next run on. What was posted before stays where it is.

    Raises NotFound, CurrencyNotOffered.
    """
    client = clients.get(partner_id)
    before = currency_of(client.id)
    if currency not in offered():
        raise CurrencyNotOffered
    if currency == before:
        return currency
    session().execute(delete(PartnerCurrency).where(PartnerCurrency.partner_id == client.id))
    if currency != plan_currency():
        session().add(
            PartnerCurrency(
                partner_id=client.id,
                currency=currency,
                chosen_at=clock.now(),
                chosen_by=by.id,
                chosen_by_name=by.name,
            )
        )
    session().flush()
    audit.record(
        "partners.currency.choose", ("client", client.id), by=by, before={"currency": before},
        after={"currency": currency}, client_id=client.id,
    )  # fmt: skip
    live.publish(f"partner:{client.id}", "commission-changed")
    return currency


def without_rate(run: SettlementRun) -> list[str]:
    """Currencies of partners that have no rate by the run's cut-off: they stop the run."""
    wanted = {row.currency for row in execute_sql(sql("freeze_wallets"), currency=run.currency)}
    return sorted(code for code in wanted if not _has_rate_at(run, code))


def _has_rate_at(run: SettlementRun, code: str) -> bool:
    try:
        rates.rate(run.currency, code, run.day_end)
    except rates.RateUnknown:
        return False
    return True


def freeze(run: SettlementRun) -> None:
    """Store who is paid in another currency in this run, and its rate. Called again it stores them anew."""
    session().execute(delete(RunWallet).where(RunWallet.business_date == run.business_date))
    quotes: dict[str, Any] = {}
    for row in execute_sql(sql("freeze_wallets"), currency=run.currency).all():
        quote = quotes.setdefault(row.currency, rates.rate(run.currency, row.currency, run.day_end))
        session().add(
            RunWallet(
                business_date=run.business_date,
                partner_id=row.partner_id,
                currency=row.currency,
                places=exponent(row.currency),
                multiply=quote.numerator,
                divide=quote.denominator,
                source=quote.source,
                quoted_at=quote.at,
            )
        )
    session().flush()


def convert(amount: Decimal, multiply: Decimal | None, divide: Decimal | None) -> Decimal | None:
    """A sum in the currency of a batch, to ten decimals; None where it is the plan's."""
    if multiply is None or divide is None:
        return None
    return quotient_step(product(amount, multiply), divide)


def has_any(day: date) -> bool:
    """Whether anybody is paid in another currency in this run."""
    found = session().scalar(select(RunWallet.partner_id).where(RunWallet.business_date == day).limit(1))
    return found is not None


def others_of(run: SettlementRun) -> list[str]:
    """The currencies other than the plan's in which the run has batches."""
    rows = execute_sql(sql("other_currencies"), business_date=run.business_date, currency=run.currency)
    return [row.currency for row in rows]


def state(run: SettlementRun) -> None:
    """Write the statements in other currencies, after those in the plan's."""
    given = {"business_date": run.business_date, "currency": run.currency}
    for name in ("statements_in_wallets", "left_in_plan", "take_out_of_plan", "put_back_in_plan"):
        text = sql(name)
        execute_sql(text, **{key: value for key, value in given.items() if f":{key}" in text})
