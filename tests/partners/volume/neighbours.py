"""What stands around random trades: money and deals of their accounts, points, people who are one person; and the slow
reference over all of a day's trades together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from hypothesis import strategies as st
from sqlalchemy import insert

from app.core.db import execute_sql, session, tenant_id
from app.kit.ids import new_id
from app.partners.plan import Match, Plan
from app.partners.rules import ClosedTrade, Facts, Outcome, Path, settle_trade
from app.partners.rules.steps import quotient_step
from app.partners.volume.counting import Funds, count, net_hedges
from app.partners.volume.periods import cap_periods
from app.partners.volume.statements import counts_volume
from app.partners.volume.terms import PeriodCaps
from app.referrals.rules import FOREVER
from app.trading.models import DealRow, SymbolRow
from tests.partners import world

POINTS = {"EURUSD": Decimal("0.00001"), "USDJPY": Decimal("0.001")}  # Nobody knows those of gold.


def at_hour(day: date, hour: float) -> datetime:
    """An instant of a day."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(hours=hour)


def drawn_gates(draw: st.DrawFn) -> dict[str, Any]:
    """Settings of the gates that look at volume, accounts and people."""
    rarely = draw(st.integers(0, 2)) == 0
    return {
        "partial_close": draw(st.sampled_from(["pro_rata", "pro_rata", "exclude", "final_only"])),
        "close_by": draw(st.sampled_from(["both", "exclude", "larger_side", "net"])),
        "hedge_netting": draw(st.sampled_from(["off", "max_side"])),
        "credit_coefficient": draw(st.sampled_from(["off", "on"])),
        "equity_unknown": draw(st.sampled_from(["exclude", "balance"])),
        "negative_balance": draw(st.sampled_from(["pay", "pay", "exclude"])),
        "min_points": draw(st.sampled_from([Decimal(0), Decimal(150)])) if rarely else Decimal(0),
        "max_volume_lots": draw(st.sampled_from([None, None, Decimal(2)])),
        "client_funded": rarely and draw(st.booleans()),
        "include_own_accounts": draw(st.booleans()),
        "include_sub_ib_accounts": not rarely or draw(st.booleans()),
    }


def drawn_period_caps(draw: st.DrawFn) -> PeriodCaps:
    """Caps of one partner by day, week and month; often none."""
    limits = st.one_of(st.none(), st.none(), st.sampled_from([Decimal(1), Decimal("7.77"), Decimal(20)]))
    return PeriodCaps(per_day=draw(limits), per_week=draw(limits), per_month=draw(limits))


def drawn_match(draw: st.DrawFn, day_free: Mapping[str, Any]) -> Match:
    """Which trades a rule is for, by traits beside what is given. Instants stand for hours until the day is known."""
    more: dict[str, Any] = draw(
        st.sampled_from(
            [
                {},
                {},
                {},
                {"countries": ("FR", "X*")},
                {"account_currencies": ("EUR",)},
                {"account_types": ("t*",)},
                {"account_types": ("elsewhere",)},
                {"platforms": ("p*",), "countries": ("DE",)},
            ]
        )
    )
    return Match(**day_free, **more)


def drawn_trade(draw: st.DrawFn) -> dict[str, Any]:
    """Which side a trade was on, of which position it was a leg, and which order closed it against another."""
    return {
        "side": draw(st.sampled_from(["buy", "sell"])),
        "position": draw(st.integers(1, 3)),
        "close_by_order": draw(st.sampled_from([None, 1, 1, 2])),
    }


def drawn_world(draw: st.DrawFn, count: int) -> dict[str, Any]:
    """Money of accounts, accounts that pay nothing, and who is one person."""
    people = st.integers(0, count - 1)
    account = st.tuples(people, st.sampled_from(["standard", "cent-a"]), st.sampled_from(["USD", "EUR", "YYY"]))
    amounts = st.sampled_from([Decimal(1000), Decimal(250), Decimal("333.33"), Decimal(-100), Decimal(-2000)])
    money = st.tuples(account, st.sampled_from(["balance", "credit"]), amounts, st.sampled_from([1.0, 9.0, 12.9995]))
    return {
        "money": draw(st.lists(money, max_size=6)),
        "excluded": draw(st.lists(st.tuples(account, st.sampled_from([0.0, 11.0, 13.0])), max_size=2)),
        "same": draw(st.one_of(st.just(()), st.tuples(people, people))),
    }


@dataclass
class Around:
    """What was stored around the trades, as the reference needs it."""

    trades: list[ClosedTrade]
    funds: dict[int, Funds]
    funded: set[UUID]
    person: dict[UUID, UUID]
    fallen: set[int]


def store(
    platform: world.Platform, trades: Sequence[ClosedTrade], given: Mapping[str, Any], day: date, ids: list[UUID]
) -> Around:
    """Write the accounts' money and deals, and answer the trades with what is known of them now."""
    codes = execute_sql(
        "SELECT p.code AS platform, t.code AS kind FROM trading_platform AS p"
        " JOIN account_type AS t ON t.tenant_id = p.tenant_id AND t.platform_id = p.id"
        " WHERE p.tenant_id = :tenant_id AND p.id = :id",
        id=platform.id,
    ).one()
    _store_points(platform.id)
    off: dict[UUID, datetime] = {}
    for (person, group, currency), hour in given["excluded"]:
        account = platform.account(ids[person], group, currency)
        if account not in off:
            off[account] = at_hour(day, hour)
            _exclude(account, off[account])
    person_of = _store_same(given["same"], ids)
    found = []
    for trade, one in zip(trades, given["trades"], strict=True):
        account = platform.account(trade.client_id, trade.group, one["account_currency"])
        found.append(
            replace(
                trade,
                deal=trade.seq,
                position=trade.seq // 1_000 * 1_000_000 + trades[0].seq * 10 + one["position"],
                side=one["side"],
                close_by_order=one["close_by_order"] if trade.is_close_by else None,
                platform=codes.platform,
                account_type=codes.kind,
                account_currency=one["account_currency"],
                point=POINTS.get(trade.symbol),
                is_account_excluded=account in off and trade.closed_at >= off[account],
            )
        )
    deals = _deals(platform, found, given, day, ids)
    if deals:
        session().execute(insert(DealRow), deals)
    return Around(found, _funds(found, deals), _funded(platform, deals), person_of, _fallen(found, deals))


def settle(
    prepared: Sequence[tuple[ClosedTrade, Path, Facts]], plan: Plan, around: Around, day_of: Callable[[datetime], date]
) -> dict[int, Outcome]:
    """The reference over all trades of a day: volume and hedges before, caps by period afterwards."""
    trades = [trade for trade, _, _ in prepared]
    volumes = count(trades, plan.gates, around.funds, around.fallen) if counts_volume(plan) else {}

    def outcomes() -> dict[int, Outcome]:
        return {
            trade.seq: settle_trade(trade, path, plan, replace(facts, volume=volumes.get(trade.seq)))
            for trade, path, facts in prepared
        }

    found = outcomes()
    if plan.gates.hedge_netting == "max_side":
        volumes = net_hedges([trade for trade, _, _ in prepared if found[trade.seq].passes], volumes, day_of)
        found = outcomes()
    if plan.caps.partner.binds:
        found = cap_periods([(trade, found[trade.seq]) for trade, _, _ in prepared], plan, day_of, {})
    return found


def average_spread(symbol: str, day: date, days: int) -> Decimal | None:
    """The mean opening spread of a symbol over the days before, from the stored trades, by the slowest way."""
    rows = execute_sql(
        "SELECT open_bid, open_ask FROM closed_trade WHERE tenant_id = :tenant_id AND symbol = :symbol AND NOT is_demo"
        " AND deleted_at IS NULL AND closed_at >= :begin AND closed_at < :end",
        symbol=symbol,
        begin=at_hour(day - timedelta(days=days), 0),
        end=at_hour(day, 0),
    )
    spreads = [row.open_ask - row.open_bid for row in rows if row.open_bid and row.open_ask >= row.open_bid > 0]
    return quotient_step(sum(spreads, Decimal(0)), Decimal(len(spreads))) if spreads else None


def _store_points(platform_id: UUID) -> None:
    digits = {"EURUSD": 5, "USDJPY": 3}
    session().execute(
        insert(SymbolRow),
        [
            {
                "tenant_id": tenant_id(),
                "platform_id": platform_id,
                "name": name,
                "path": name,
                "symbol_class": "fx",
                "description": "",
                "profit_currency": "USD",
                "margin_currency": "USD",
                "digits": count_,
                "contract_size": Decimal(100_000),
                "updated_at": world.FAR_BACK,
            }
            for name, count_ in digits.items()
        ],
    )


def _exclude(account: UUID, since: datetime) -> None:
    execute_sql(
        "INSERT INTO account_exclusion"
        " (tenant_id, id, account_id, valid_from, valid_to, reason, actor_name, created_at)"
        " VALUES (:tenant_id, :id, :account, :since, :forever, 'test', 'test', :since)",
        id=new_id(),
        account=account,
        since=since,
        forever=FOREVER,
    )


def _store_same(same: Sequence[int], ids: list[UUID]) -> dict[UUID, UUID]:
    person = new_id()
    found = {ids[one]: person for one in same}
    for client_id in found:
        execute_sql(
            "INSERT INTO same_person (tenant_id, client_id, person_id, reason, actor_name, created_at)"
            " VALUES (:tenant_id, :client, :person, 'test', 'test', now())",
            client=client_id,
            person=person,
        )
    return found


def deal(platform: world.Platform, ticket: int, login: int, at: datetime, **values: Any) -> dict[str, Any]:
    """A deal as ingest stores it: without further words one that moves nothing."""
    return {
        "tenant_id": tenant_id(),
        "platform_id": platform.id,
        "ticket": ticket,
        "login": login,
        "kind": "trade",
        "side": "buy",
        "entry": None,
        "reason": "client",
        "is_service": False,
        "order_ticket": 0,
        "position_id": 0,
        "symbol": "",
        "volume_lots": Decimal(0),
        "volume_closed_lots": None,
        "contract_size": Decimal(1),
        "price": Decimal(0),
        "profit": Decimal(0),
        "swap": Decimal(0),
        "commission": Decimal(0),
        "fee": Decimal(0),
        "comment": "",
        "manager_login": 0,
        "modify_flags": 0,
        "money_digits": 2,
        "is_copied": False,
        "is_sign_unverified": False,
        "server_time_msc": int(at.timestamp() * 1000),
        "at": at,
        "content_hash": "",
        "batch_no": 1,
        "arrived_at": at,
        "revision": 0,
    } | values


def login_of(account: UUID) -> int:
    """The login of an account."""
    row = execute_sql(
        "SELECT login FROM trading_account WHERE tenant_id = :tenant_id AND id = :id", id=account
    ).scalar_one()
    return int(row)


def _deals(
    platform: world.Platform, trades: Sequence[ClosedTrade], given: Mapping[str, Any], day: date, ids: list[UUID]
) -> list[dict[str, Any]]:
    found = []
    for place, ((person, group, currency), kind, amount, hour) in enumerate(given["money"]):
        login = login_of(platform.account(ids[person], group, currency))
        ticket = trades[0].seq + 20_000_000 + place
        found.append(deal(platform, ticket, login, at_hour(day, hour), kind=kind, side=None, profit=amount))
    for trade in trades:
        login = login_of(platform.account(trade.client_id, trade.group, trade.account_currency))
        lots = {"volume_lots": trade.volume_lots, "position_id": trade.position}
        if trade.opened_at is not None:
            found.append(deal(platform, trade.seq + 10_000_000, login, trade.opened_at, entry="in", **lots))
        entry = "out_by" if trade.is_close_by else "out"
        order = trade.close_by_order or 0
        money = {"profit": trade.profit, "commission": trade.commission}
        found.append(
            deal(platform, trade.seq, login, trade.closed_at, entry=entry, order_ticket=order, **lots, **money)
        )
    return found


def _funds(trades: Sequence[ClosedTrade], deals: Sequence[Mapping[str, Any]]) -> dict[int, Funds]:
    """Balance and credit before each opening deal, and whether another position was open then."""
    by_ticket = {one["ticket"]: one for one in deals}
    found = {}
    for trade in trades:
        opening = by_ticket.get(trade.seq + 10_000_000)
        if opening is None:
            continue
        place = (opening["server_time_msc"], opening["ticket"])
        before = [
            one for one in deals if one["login"] == opening["login"] and (one["server_time_msc"], one["ticket"]) < place
        ]
        balance = _balance(before)
        credit = sum((one["profit"] for one in before if one["kind"] == "credit"), Decimal(0))
        lots = sum(
            (one["volume_lots"] * (1 if one["entry"] == "in" else -1) for one in before if one["kind"] == "trade"),
            Decimal(0),
        )
        found[trade.seq] = Funds(balance, credit, is_known=credit <= 0 or lots <= 0)
    return found


def _balance(deals: Iterable[Mapping[str, Any]]) -> Decimal:
    return sum((one["profit"] + one["commission"] for one in deals if one["kind"] != "credit"), Decimal(0))


def _fallen(trades: Sequence[ClosedTrade], deals: Sequence[Mapping[str, Any]]) -> set[int]:
    """The trades that lost money and left the account's balance below zero."""
    by_ticket = {one["ticket"]: one for one in deals}
    found = set()
    for trade in trades:
        closing = by_ticket[trade.seq]
        place = (closing["server_time_msc"], closing["ticket"])
        until = [
            one
            for one in deals
            if one["login"] == closing["login"] and (one["server_time_msc"], one["ticket"]) <= place
        ]
        if closing["profit"] + closing["commission"] < 0 and _balance(until) < 0:
            found.add(trade.seq)
    return found


def _funded(platform: world.Platform, deals: Sequence[Mapping[str, Any]]) -> set[UUID]:
    paid = {one["login"] for one in deals if one["kind"] == "balance" and one["profit"] > 0}
    return {client for (client, _, _), account in platform.accounts.items() if login_of(account) in paid}
