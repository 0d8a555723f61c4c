"""The bridge inside the simulator and the Windows program tell the same: the same trades end in the same rows."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
from sqlalchemy import select

from app.core import db
from app.kit import clock
from app.simulators.mt5.config import PushConfig
from app.simulators.mt5.enums import Action
from app.simulators.mt5.execution import close_by, close_position, market_order
from app.simulators.mt5.money import change_balance
from app.simulators.mt5.state import TradeServer
from app.trading.models import AccountStateRow, ClosedTrade, DealRow, OpenPosition, SymbolRow, TradingAccount
from app.trading.queries import accounts as account_queries
from app.trading.service import connections
from tests.bridge.support import CRM, BridgeProcess
from tests.support.brands import Brand
from tests.trading.conftest import BRIDGE_SECRET, Desk, make_desk, wait_until
from tests.trading.test_intake import LOT

OWN = {
    "id", "tenant_id", "platform_id", "account_id", "client_id", "batch_no", "arrived_at", "corrected_at", "updated_at",
    "revision", "at",
}  # fmt: skip


def twin(desk: Desk, account: TradingAccount, of: Brand) -> Desk:
    """Another brand with a platform on the same server, which takes the same login for one of its own."""
    other = make_desk(desk.simulator, of)
    with desk.scope():
        original = account_queries.account(account.id)
        copied = {name: getattr(original, name) for name in ("login", "group_name", "currency", "leverage", "rights")}
        copied |= {
            name: getattr(original, name) for name in ("nickname", "status", "is_demo", "is_hedging", "opened_at")
        }
        symbols = [
            {column.key: getattr(row, column.key) for column in SymbolRow.__table__.columns}
            for row in db.session().scalars(select(SymbolRow))
        ]
    with other.scope():
        for row in symbols:
            row |= {"tenant_id": of.id, "platform_id": other.platform_id}
            db.session().add(SymbolRow(**row))
        type_id = db.execute_sql("SELECT id FROM account_type WHERE code = 'standard'").scalar_one()
        twin_of = TradingAccount(
            client_id=other.client_id,
            platform_id=other.platform_id,
            type_id=type_id,
            reference="A-TWIN",
            created_at=clock.now(),
            **copied,
        )
        db.session().add(twin_of)
    for each in (desk, other):
        msc = desk.simulator.call(lambda server: server.time.msc())
        with each.scope():
            connections.record_server_time(each.platform_id, msc, clock.now())
    return other


def rows(desk: Desk, login: int) -> dict[str, list[dict[str, Any]]]:
    """All that is stored about an account, without what is each brand's own."""
    with desk.scope():
        account_id = db.session().scalars(select(TradingAccount.id).where(TradingAccount.login == login)).one()
        found: dict[str, list[dict[str, Any]]] = {}
        for model, mine, order in (
            (DealRow, DealRow.login == login, DealRow.ticket),
            (ClosedTrade, ClosedTrade.login == login, ClosedTrade.closing_deal),
            (OpenPosition, OpenPosition.login == login, OpenPosition.ticket),
            (AccountStateRow, AccountStateRow.account_id == account_id, AccountStateRow.account_id),
        ):
            columns = [column.key for column in model.__table__.columns if column.key not in OWN]
            read = db.session().scalars(select(model).where(mine).order_by(order))
            found[model.__tablename__] = [{name: getattr(row, name) for name in columns} for row in read]
        for row in found["deal"] + found["closed_trade"]:
            row["deleted_at"] = row.get("deleted_at") is not None
        return found


def act(server: TradeServer, login: int) -> None:
    """A day of a busy trader and of an administrator who corrects things afterwards."""
    user = server.user(login)

    def opened(symbol: str, side: Action, lots: str) -> Any:
        ticket = market_order(server, user, symbol, side, int(Decimal(lots) * LOT)).position
        return server.positions[login][ticket]

    first = opened("EURUSD", Action.BUY, "0.30")
    close_position(server, user, first, None, LOT // 10)
    one, two = opened("GBPUSD", Action.BUY, "0.20"), opened("GBPUSD", Action.SELL, "0.15")
    close_by(server, user, one.position, two.position)
    change_balance(server, user, 2, Decimal("12.34"), "gift", dealer=1)
    change_balance(server, user, 6, Decimal("50"), "bonus", dealer=1)
    yen = opened("USDJPY", Action.SELL, "0.07")
    close_position(server, user, yen)
    corrected, deleted = opened("EURUSD", Action.SELL, "0.02"), opened("EURUSD", Action.BUY, "0.02")
    closing = close_position(server, user, corrected).deals[0]
    server.change_deal(msgspec.structs.replace(closing, profit=Decimal("-3.21"), modify_flags=1))
    server.delete_deal(close_position(server, user, deleted).deals[0].deal)


def test_the_same_trades_end_in_the_same_rows(
    desk: Desk, account: TradingAccount, south: Brand, crm: CRM, start_bridge: Callable[..., BridgeProcess]
) -> None:
    login = int(account.login or 0)
    other = twin(desk, account, south)
    push = PushConfig(
        url=f"http://127.0.0.1:{crm.port}/bridge/{desk.brand.slug}-mt5", secret=BRIDGE_SECRET, bridge="sim"
    )
    desk.simulator.call(lambda _: desk.simulator.simulator.push_to(push))
    start_bridge(url=f"http://127.0.0.1:{crm.port}/bridge/{south.slug}-mt5")
    wait_until(lambda: {name for name, kind in told(crm) if kind == "bridge.sync"} == {"sim", "test"})

    desk.simulator.call(lambda server: act(server, login))
    for name in ("sim", "test"):
        wait_until(lambda name=name: (name, "deal.delete") in told(crm))  # type: ignore[misc]
    wait_until(lambda: told(crm).count(("sim", "deal.add")) == told(crm).count(("test", "deal.add")) > 10)

    pushed, bridged = rows(desk, login), rows(other, login)
    desk.simulator.call(lambda _: desk.simulator.simulator.bridge.pause(True))
    pushed["deal"] = [row for row in pushed["deal"] if row["ticket"] >= bridged["deal"][0]["ticket"]]
    assert pushed["deal"] == bridged["deal"]
    assert pushed["closed_trade"] == bridged["closed_trade"]
    assert pushed["open_position"] == bridged["open_position"]
    assert pushed["account_state"] == bridged["account_state"]
    assert len(bridged["closed_trade"]) >= 5
    assert len(bridged["open_position"]) == 2


def told(crm: CRM) -> list[tuple[str, str]]:
    """(bridge, kind) of every event that was stored."""
    return [
        (batch["bridge"], event["type"])
        for batch, status, _ in list(crm.batches)
        for event in batch["events"]
        if status == 200
    ]
