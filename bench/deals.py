"""A tenant with accounts, and many deals on them as a platform writes them: what the intake benchmarks feed."""

from __future__ import annotations

import json
import random
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg

from bench.harness import Bench
from tools import roles

ACCOUNTS = 1_000
FIRST_LOGIN = 700_001
SYMBOLS = ("EURUSD", "GBPUSD", "USDJPY", "XAUUSD")
BEGINS = datetime(2026, 10, 1, tzinfo=UTC)
BEGINS_MSC = int(BEGINS.timestamp() * 1000)
SPACING_MSC = 700  # Between two deals: a million of them are eight days.


def world(bench: Bench, tenant: int, kind: str, *, read_until_msc: int = 0) -> None:
    """A tenant without a bundle, its platform and its accounts, written straight into the tables by their owner. Its
    deals are known up to a server time."""
    with owner(bench) as connection:
        connection.execute(
            "INSERT INTO tenant (id, slug, name, status, is_sandbox, config_version, created_at)"
            " VALUES (%s, %s, %s, 'active', true, 1, now())",
            (tenant, f"intake-{tenant}", f"Intake {tenant}"),
        )
        connection.execute(
            _WORLD.format(
                tenant=tenant, kind=kind, accounts=ACCOUNTS, first=FIRST_LOGIN, read_until=read_until_msc
            ).encode()
        )
        for name in SYMBOLS:
            connection.execute(
                "INSERT INTO symbol (tenant_id, platform_id, name, path, symbol_class, description, profit_currency,"
                " margin_currency, digits, contract_size, updated_at)"
                " VALUES (%s, md5('p')::uuid, %s, %s, 'forex', %s, 'USD', 'USD', 5, 100000, now())",
                (tenant, name, f"Forex\\{name}", name),
            )


_WORLD = """
INSERT INTO identity_user (tenant_id, id, kind, email, email_norm, name, country, language, theme, timezone, status,
  client_id, created_at)
SELECT {tenant}, md5('u' || n)::uuid, 'client', n || '@bench.example', n || '@bench.example', 'Client ' || n, 'DE',
  'en', 'auto', 'UTC', 'active', md5('c' || n)::uuid, '2020-01-01Z'
FROM generate_series(1, {accounts}) AS n;
INSERT INTO client (tenant_id, id, user_id, number, name, name_sort, email, email_norm, country, language, status,
  kyc_level, signup_ip, created_at)
SELECT {tenant}, md5('c' || n)::uuid, md5('u' || n)::uuid, 1000000 + n, 'Client ' || n, 'client ' || n,
  n || '@bench.example', n || '@bench.example', 'DE', 'en', 'active', 0, '', '2020-01-01Z'
FROM generate_series(1, {accounts}) AS n;
INSERT INTO trading_platform (tenant_id, id, code, kind, name, server_name, settings, password_secret, bridge_secret,
  is_active, created_at)
VALUES ({tenant}, md5('p')::uuid, 'bench', '{kind}', 'Bench', 'Bench', '{{}}', '', '', false, '2020-01-01Z');
INSERT INTO platform_status (tenant_id, platform_id, link, link_changed_at, last_error, bridge_seq, catch_up_wanted,
  high_water_msc) VALUES ({tenant}, md5('p')::uuid, 'up', now(), '', 0, 'start', {read_until});
INSERT INTO server_offset (tenant_id, platform_id, from_msc, minutes, measured_at)
VALUES ({tenant}, md5('p')::uuid, 0, CASE '{kind}' WHEN 'mt5' THEN 120 ELSE 0 END, now());
INSERT INTO account_type (tenant_id, id, code, platform_id, label, description, groups, leverages, default_leverage,
  leverage_warning_above, min_deposit, is_hedging, is_swap_free, is_demo, demo_deposit, accounts_max, position,
  is_offered)
VALUES ({tenant}, md5('t')::uuid, 'bench', md5('p')::uuid, '{{}}', '{{}}', '{{}}', '[100]', 100, 100, 0, true, false,
  false, 0, 10, 0, true);
INSERT INTO trading_account (tenant_id, id, client_id, platform_id, type_id, login, group_name, currency, leverage,
  nickname, status, is_demo, is_hedging, reference, created_at, opened_at)
SELECT {tenant}, md5('a' || n)::uuid, md5('c' || n)::uuid, md5('p')::uuid, md5('t')::uuid, {first} - 1 + n,
  'real\\standard', 'USD', 100, '', 'active', false, true, 'A-' || n, '2020-01-01Z', '2020-01-01Z'
FROM generate_series(1, {accounts}) AS n;
ANALYZE;
"""


@contextmanager
def owner(bench: Bench) -> Iterator[psycopg.Connection[Any]]:
    """A connection as the owner of the tables."""
    with psycopg.connect(roles.libpq(bench.env["DATABASE_OWNER_URL"]), autocommit=True) as connection:
        yield connection


@dataclass(frozen=True, slots=True)
class Execution:
    """One deal of the made-up market, before a platform writes it down its own way."""

    ticket: int
    login: int
    position: int
    at_msc: int
    is_buy: bool
    entry: int  # As MT5 numbers them: 0 in, 1 out, 2 reversal.
    hundredths: int  # Of a lot.
    closed: int
    symbol: str
    price: int  # In hundred-thousandths.
    entry_price: int
    opened_msc: int
    profit: int  # In cents.


def executions(count: int, *, seed: int = 1) -> Iterator[Execution]:
    """`count` deals, oldest first, of positions that overlap: most are opened once and closed once, some in parts,
    some are added to, some turned round."""
    rng = random.Random(seed)
    waiting: dict[int, list[tuple[int, bool, int, int, int, int, int, int]]] = {}  # By the ticket that comes next.
    position = 0
    ticket = 0
    while ticket < count:
        due = waiting.pop(ticket, None)
        at = BEGINS_MSC + ticket * SPACING_MSC
        if due:
            number, is_buy, entry, lots, closed, price, entry_price, opened = due[0]
            if len(due) > 1:
                waiting.setdefault(ticket + 1, []).extend(due[1:])
            profit = (price - entry_price) * closed // 100 * (-1 if is_buy else 1)
            yield Execution(
                ticket + 1, FIRST_LOGIN + number % ACCOUNTS, number + 1, at, is_buy, entry, lots, closed,
                SYMBOLS[number % len(SYMBOLS)], price, entry_price, opened, profit if closed else 0,
            )  # fmt: skip
            ticket += 1
            continue
        position += 1
        is_buy, lots, price = rng.random() < 0.5, rng.randint(1, 200), 110_000 + rng.randint(-500, 500)
        yield Execution(
            ticket + 1, FIRST_LOGIN + position % ACCOUNTS, position + 1, at, is_buy, 0, lots, 0,
            SYMBOLS[position % len(SYMBOLS)], price, 0, at, 0,
        )  # fmt: skip
        later, last = ticket + rng.randint(50, 4000), price + rng.randint(-200, 200)
        shape = rng.random()
        parts: list[tuple[bool, int, int, int, int]] = [(not is_buy, 1, lots, lots, last)]
        if shape < 0.10 and lots > 1:
            first = rng.randint(1, lots - 1)
            parts = [(not is_buy, 1, first, first, last), (not is_buy, 1, lots - first, lots - first, last + 7)]
        elif shape < 0.15:
            parts = [(is_buy, 0, lots, 0, last), (not is_buy, 1, lots * 2, lots * 2, last + 9)]
        elif shape < 0.18:
            parts = [(not is_buy, 2, lots * 3, lots, last), (is_buy, 1, lots * 2, lots * 2, last - 5)]
        for side, entry, volume, closed, at_price in parts:
            waiting.setdefault(later, []).append((position, side, entry, volume, closed, at_price, price, at))
            later += rng.randint(20, 500)
        ticket += 1


def mt5_lines(found: Iterable[Execution]) -> Iterator[bytes]:
    """Deal records as the simulator writes them, one a line."""
    template = _template() + "\n"
    return ((template % _values(each)).encode() for each in found)


def mt5_bodies(found: Iterator[Execution], per_body: int) -> Iterator[bytes]:
    """Answers of `deal/get_batch`, byte for byte as the simulator writes them."""
    template = _template()
    rows: list[str] = []
    for each in found:
        rows.append(template % _values(each))
        if len(rows) == per_body:
            yield _body(rows)
            rows = []
    if rows:
        yield _body(rows)


def _body(rows: Sequence[str]) -> bytes:
    return ('{"retcode":"0 Done","answer":[' + ",".join(rows) + "]}").encode()


def _template() -> str:
    from app.simulators.mt5.records import Deal, wire

    sample = Deal(
        deal=0, login=0, action=0, time=0, time_msc=0, digits=5, contract_size=Decimal(100_000), rate_profit=Decimal(1)
    )
    return json.dumps({**wire(sample), **dict.fromkeys(_FIELDS, "%s")}, separators=(",", ":"))


_FIELDS = (
    "Deal", "Login", "Order", "Action", "Entry", "Time", "TimeMsc", "Symbol", "Price", "Volume", "VolumeExt", "Profit",
    "Commission", "PositionID", "PricePosition", "VolumeClosed", "VolumeClosedExt", "MarketBid", "MarketAsk",
)  # fmt: skip


def _values(each: Execution) -> tuple[object, ...]:
    price, before = f"{each.price / 100_000:.5f}", f"{each.entry_price / 100_000:.5f}"
    return (
        each.ticket, each.login, each.ticket, 0 if each.is_buy else 1, each.entry, each.at_msc // 1000, each.at_msc,
        each.symbol, price, each.hundredths * 100, each.hundredths * 1_000_000, f"{each.profit / 100:.2f}",
        f"{-each.hundredths * 3 / 100:.2f}", each.position, before, each.closed * 100, each.closed * 1_000_000,
        f"{(each.price - 3) / 100_000:.5f}", f"{(each.price + 3) / 100_000:.5f}",
    )  # fmt: skip


CTRADER_LOT = 10_000_000  # Hundredths of a unit of the base asset.
CTRADER_SYMBOLS = {name: number for number, name in enumerate(SYMBOLS, start=1)}


def ctrader_message(each: Execution, trader: int, symbols: Mapping[str, int]) -> Any:
    """A deal as the platform's list holds it; one that closes says what it closed."""
    from app.simulators.ctrader.proto import sim_manager_pb2 as pb

    volume = each.hundredths * CTRADER_LOT // 100
    deal = pb.ProtoDeal(
        dealId=each.ticket, orderId=each.ticket, positionId=each.position, traderId=trader, volume=volume,
        filledVolume=volume, symbolId=symbols[each.symbol], createTimestamp=each.at_msc, executionTimestamp=each.at_msc,
        utcLastUpdateTimestamp=each.at_msc, executionPrice=each.price / 100_000, tradeSide=1 if each.is_buy else 2,
        dealStatus=2, dealType=1, commission=-each.hundredths * 3, bookType=1, channel="cTrader", lotSize=CTRADER_LOT,
        markup=3, moneyDigits=2,
    )  # fmt: skip
    if each.closed:
        costs = each.hundredths * 3
        deal.closePositionDetail.CopyFrom(
            pb.ProtoClosePositionDetail(
                entryPrice=each.entry_price / 100_000, swap=0, commission=costs, profit=each.profit,
                balance=1_000_000_00, closedVolume=each.closed * CTRADER_LOT // 100, balanceVersion=each.ticket,
                netProfit=each.profit - costs, offsetDealTimestamp=each.opened_msc, moneyDigits=2, markup=3,
                quoteToDepositConversionRate=1.0,
            )
        )  # fmt: skip
    return deal


def ctrader_bodies(found: Iterator[Execution], per_body: int) -> Iterator[bytes]:
    """Answers to a list of deals, in pieces."""
    from app.simulators.ctrader.proto import sim_manager_pb2 as pb

    rows: list[Any] = []
    for each in found:
        rows.append(ctrader_message(each, each.login, CTRADER_SYMBOLS))
        if len(rows) == per_body:
            yield pb.ProtoManagerDealListRes(deal=rows, hasMore=True).SerializeToString()
            rows = []
    if rows:
        yield pb.ProtoManagerDealListRes(deal=rows, hasMore=False).SerializeToString()


def write_ctrader(path: Path, found: Iterator[Execution], traders: Sequence[int], symbols: Mapping[str, int]) -> None:
    """A file of deals with its index, as the simulator's /written wants them."""
    from app.simulators.ctrader.proto import sim_manager_pb2 as pb

    index, end = array("q"), 0
    with path.open("wb") as file:
        for each in found:
            trader = traders[each.login - FIRST_LOGIN]
            message = ctrader_message(each, trader, symbols)
            row = pb.ProtoManagerDealListRes(deal=[message]).SerializePartialToString()
            file.write(row)
            end += len(row)
            index.extend((each.at_msc, end))
    path.with_name(path.name + ".index").write_bytes(index.tobytes())
