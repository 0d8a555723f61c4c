"""Publishing a strategy, taking it off the list, and computing the figures of all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from app.audit import service as audit
from app.copytrading import bundle, permissions, queries, rules
from app.copytrading.models import EquityDay, Strategy, StrategyFigures, StrategyStatus
from app.core import live
from app.core.actor import Actor
from app.core.db import session
from app.core.errors import Conflict, Invalid, NotFound
from app.kit import clock
from app.kit.ids import new_id
from app.kit.money import round_decimal
from app.kit.text import _l
from app.rates import service as rates
from app.restrictions import service as restrictions
from app.tenancy import service as tenancy
from app.trading.copies import service as copies
from app.trading.models import TradingAccount

ABOUT_MAX = 500


class NotOffered(NotFound):
    """The brand has no list of strategies."""


class TooMany(Conflict):
    message = _l("You have published as many strategies as one person may. Withdraw one first.")


def publish(client_id: UUID, account_id: UUID, *, name: str, about: str, has_accepted: bool, by: Actor) -> Strategy:
    """Put a client's live account on the list under a name. Raises NotOffered, Invalid, TooMany, and what the ban
    matrix raises."""
    section = bundle.section()
    if section is None:
        raise NotOffered
    restrictions.require(permissions.PUBLISH, client_id)
    account = next((one for one in queries.accounts_to_publish(client_id) if one.id == account_id), None)
    if account is None:
        raise Invalid(_l("Choose one of your live accounts that is not published yet."), field="account")
    if not has_accepted:
        raise Invalid(_l("Accept the terms to publish a strategy."), field="has_accepted")
    queries.wait_for_names()
    name = checked_name(name)
    if queries.count_standing(client_id) >= section.strategies_max:
        raise TooMany
    strategy = Strategy(
        id=new_id(),
        client_id=client_id,
        account_id=account.id,
        name=name,
        about=about.strip()[:ABOUT_MAX],
        status=StrategyStatus.PUBLISHED,
        terms_version=section.terms_version(),
        published_at=clock.now(),
    )
    session().add(strategy)
    session().flush()
    audit.record(
        "copytrading.strategy.publish",
        strategy,
        by=by,
        after={"name": name, "login": account.login, "terms": strategy.terms_version},
        client_id=client_id,
    )
    compute(strategy, account)
    rank()
    live.publish("office", "strategies-changed")
    return strategy


def checked_name(name: str, *, besides: UUID | None = None) -> str:
    """A name for a strategy as it is kept. Raises Invalid."""
    name = " ".join(name.split())
    if not 3 <= len(name) <= rules.DISPLAY_NAME_MAX or "@" in name or not name.isprintable():
        raise Invalid(
            _l("Write a name of 3 to %(most)s characters, without an e-mail address.", most=rules.DISPLAY_NAME_MAX),
            field="name",
        )
    if queries.name_is_taken(name, besides=besides):
        raise Invalid(_l("Another strategy has this name."), field="name")
    return name


def describe(strategy_id: UUID, *, name: str, about: str, client_id: UUID, by: Actor) -> Strategy:
    """Give one's own strategy another name or text. Raises NotFound, Invalid."""
    strategy = own(strategy_id, client_id)
    queries.wait_for_names()
    before = {"name": strategy.name, "about": strategy.about}
    strategy.name, strategy.about = checked_name(name, besides=strategy.id), about.strip()[:ABOUT_MAX]
    after = {"name": strategy.name, "about": strategy.about}
    if before != after:
        audit.record("copytrading.strategy.describe", strategy, by=by, before=before, after=after, client_id=client_id)
    return strategy


def withdraw(strategy_id: UUID, *, client_id: UUID, by: Actor) -> Strategy:
    """Take one's own strategy off the list. Its figures stay with the account; it may be published anew."""
    strategy = own(strategy_id, client_id)
    if strategy.status is StrategyStatus.WITHDRAWN:
        return strategy
    strategy.status, strategy.ended_at = StrategyStatus.WITHDRAWN, clock.now()
    audit.record("copytrading.strategy.withdraw", strategy, by=by, client_id=client_id)
    session().flush()
    rank()
    live.publish("office", "strategies-changed")
    return strategy


def own(strategy_id: UUID, client_id: UUID) -> Strategy:
    """One of the client's strategies, locked. Raises NotFound for anybody else's."""
    strategy = queries.locked(strategy_id)
    if strategy.client_id != client_id:
        raise NotFound
    return strategy


def hide(strategy_id: UUID, *, reason: str, by: Actor) -> Strategy:
    """Take a strategy off the list for a reason that its owner reads. Raises Invalid, Conflict."""
    return _decide(strategy_id, StrategyStatus.PUBLISHED, StrategyStatus.HIDDEN, reason, by)


def show_again(strategy_id: UUID, *, reason: str, by: Actor) -> Strategy:
    """Put a hidden strategy back on the list. Raises Invalid, Conflict."""
    return _decide(strategy_id, StrategyStatus.HIDDEN, StrategyStatus.PUBLISHED, reason, by)


def _decide(strategy_id: UUID, before: StrategyStatus, after: StrategyStatus, reason: str, by: Actor) -> Strategy:
    strategy = queries.locked(strategy_id)
    if strategy.status is not before:
        raise Conflict(_l("Somebody has changed this strategy meanwhile. Reload the page."))
    reason = " ".join(reason.split())
    if len(reason) < 5:
        raise Invalid(_l("Give a reason of at least five characters."), field="reason")
    strategy.status = after
    strategy.hidden_reason = reason[:500] if after is StrategyStatus.HIDDEN else ""
    audit.record(
        "copytrading.strategy.hide" if after is StrategyStatus.HIDDEN else "copytrading.strategy.show_again",
        strategy,
        by=by,
        before={"status": before.value},
        after={"status": after.value},
        reason=reason,
        client_id=strategy.client_id,
    )
    session().flush()
    rank()
    live.publish("office", "strategies-changed")
    live.publish(f"client:{strategy.client_id}", "strategies-changed")
    return strategy


def refresh(now: datetime) -> int:
    """Note today's equity of every listed account, and compute all figures and ranks anew. Answers how many."""
    timezone = tenancy.current().timezone
    today = now.astimezone(timezone).date()
    ahead = clock.business_now() - clock.now()
    begin = datetime.combine(today, time(), timezone) - ahead  # Readings carry machine time.
    queries.note_equity(today, begin)
    computed = queries.to_compute()
    for strategy, account in computed:
        compute(strategy, account)
    rank()
    return len(computed)


def compute(strategy: Strategy, account: TradingAccount) -> StrategyFigures:
    """The figures of one strategy from our own deals, closed trades and readings of its equity."""
    config = tenancy.current()
    today = clock.business_now().astimezone(config.timezone).date()
    days = days_of(account, today)
    points = rules.growth(days)
    trades = queries.trade_sums(account.id)
    first = points[0].day if points else None
    values: dict[str, Any] = {
        "first_day": first,
        "last_day": points[-1].day if points else None,
        "age_days": (today - first).days if first else 0,
        "return_1m": rules.total_return(points, rules.back(today, 1)),
        "return_3m": rules.total_return(points, rules.back(today, 3)),
        "return_6m": rules.total_return(points, rules.back(today, 6)),
        "return_12m": rules.total_return(points, rules.back(today, 12)),
        "return_all": rules.total_return(points),
        "drawdown": rules.max_drawdown(points),
        "trades": trades.trades,
        "lots": trades.lots,
        "won": trades.won,
        "gross_profit": trades.gross_profit,
        "gross_loss": trades.gross_loss,
        "holding_ms": trades.holding_ms,
        "equity": days[-1].equity if days else Decimal(0),
        "currency": account.currency,
        **_copies(strategy, account),
        "curve": [[point.day.isoformat(), str(point.index)] for point in points],
        "computed_at": clock.now(),
    }
    figures = session().get(StrategyFigures, (strategy.tenant_id, strategy.id))
    if figures is None:
        figures = StrategyFigures(strategy_id=strategy.id, score=Decimal(0), rank=None, **values)
        session().add(figures)
    else:
        for name, value in values.items():
            setattr(figures, name, value)
    session().flush()
    return figures


def _copies(strategy: Strategy, account: TradingAccount) -> dict[str, Any]:
    """Who follows a strategy, and with how much; unknown where nobody has said which provider it is."""
    if not strategy.provider:
        return {"copiers": None, "copied_equity": None}
    people, balances = copies.copies_of(account.platform_id, strategy.provider)
    base, total = tenancy.current().base_currency, Decimal(0)
    for currency, balance in balances:
        try:
            total += round_decimal(rates.rate(currency, base, clock.now()).exact(balance), 2)
        except rates.RateUnknown:
            return {"copiers": people, "copied_equity": None}
    return {"copiers": people, "copied_equity": total}


def name_provider(strategy_id: UUID, provider: str, *, by: Actor) -> Strategy:
    """Say by which of the platform's providers a strategy is copied; empty takes it back. Raises Invalid, NotFound."""
    row = queries.strategy_row(strategy_id)
    strategy = queries.locked(strategy_id)
    if provider and provider not in {one.provider for one in copies.providers(row.account.platform_id)}:
        raise Invalid(_l("Choose one of the options."), field="provider")
    before, strategy.provider = strategy.provider, provider
    if before != provider:
        audit.record(
            "copytrading.strategy.provider",
            strategy,
            by=by,
            before={"provider": before},
            after={"provider": provider},
            client_id=strategy.client_id,
        )
        compute(strategy, row.account)
        rank()
        live.publish("office", "strategies-changed")
    return strategy


def days_of(account: TradingAccount, today: date) -> list[rules.Day]:
    """Every business day of an account from its first movement of money until today.

    The equity of a day is the last that was read on it; without a reading it is the balance by deals with the open
    profit that was read last, which is the closest that deals alone tell.
    """
    rows = queries.money_of(account, str(tenancy.current().timezone))
    if not rows:
        return []
    readings = queries.readings_of(account.id)
    by_day: dict[date, list[Any]] = {}
    for row in rows:
        by_day.setdefault(row.day, []).append(row)
    days: list[rules.Day] = []
    balance, floating = Decimal(0), Decimal(0)
    day = rows[0].day
    while day <= max(today, rows[-1].day):
        todays = by_day.get(day, ())
        flows = [rules.Flow(row.balance_before + floating, row.net) for row in todays if row.is_flow]
        for row in todays:
            if row.is_last:
                balance = row.balance
        reading = readings.get(day)
        floating = _floating(reading, floating)
        lowest = reading.lowest if reading is not None else None
        days.append(rules.Day(day, flows, balance + floating, lowest))
        day += timedelta(days=1)
    return days


def _floating(reading: EquityDay | None, last: Decimal) -> Decimal:
    return reading.floating if reading is not None else last


def rank() -> None:
    """Order the list. Strategies that are too young, too small or without a trade are listed as new, unranked."""
    section = bundle.section()
    if section is None:
        return
    figures = queries.figures_by_strategy()
    listed = [figures[one.id] for one, _ in queries.to_compute() if one.is_published and one.id in figures]
    ranked = {str(one.strategy_id): one for one in listed if _is_ranked(one, section)}
    found = rules.scores(
        {key: rules.Standing(one.return_3m, one.drawdown, one.age_days, one.copiers) for key, one in ranked.items()},
        weights_of(section),
    )
    order = sorted(ranked.values(), key=lambda one: (-found[str(one.strategy_id)], -one.age_days, str(one.strategy_id)))
    for one in figures.values():
        one.rank, one.score = None, Decimal(0)
    for number, one in enumerate(order, start=1):
        one.rank, one.score = number, found[str(one.strategy_id)]
    session().flush()


def weights_of(section: bundle.CopyTradingSection) -> Mapping[str, Decimal]:
    """The weights of the rank by the names of the rule."""
    weights = section.weights
    return {
        "return": weights.performance,
        "drawdown": weights.drawdown,
        "age": weights.age,
        "copiers": weights.copiers,
    }


def _is_ranked(figures: StrategyFigures, section: bundle.CopyTradingSection) -> bool:
    return figures.age_days >= section.min_age_days and figures.equity >= section.min_equity and figures.trades > 0


def points_of(row: queries.StrategyRow) -> Sequence[rules.Point]:
    """The stored curve of a strategy."""
    if row.figures is None:
        return ()
    found = [(date.fromisoformat(day), Decimal(index)) for day, index in row.figures.curve]
    return [rules.Point(day, index, index) for day, index in found]
