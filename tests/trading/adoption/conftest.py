"""A trade server that has been in use for years, before anybody here knew of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from app.kit import clock
from app.simulators.mt5 import SimServer
from app.simulators.mt5.accounts import open_account
from app.simulators.mt5.enums import Action
from app.simulators.mt5.money import change_balance
from app.simulators.mt5.records import LOT
from app.simulators.mt5.roundtrip import book_round_trip
from app.simulators.mt5.state import Passwords, TradeServer
from app.trading.adoption import queries
from app.trading.adoption.models import AdoptedLogin, AdoptionRun, History, HistoryState, LoginState, RunState
from app.trading.adoption.service import runs
from app.trading.models import TradingAccount
from app.trading.queries import accounts
from tests.support.brands import run_jobs
from tests.trading.conftest import SYSTEM, Desk, wait_until

OLD_GROUP = "real\\standard-usd"


def open_old(
    server: TradeServer,
    name: str,
    email: str,
    *,
    deposit: str = "1000",
    group: str = OLD_GROUP,
    days_ago: int = 40,
    trades: int = 1,
) -> int:
    """An account of the past: registered, paid in and traded before we came. Answers its login."""
    manager = next(iter(server.managers.values()))
    fields: dict[str, Any] = {"group": group, "name": name, "email": email, "leverage": "100"}
    user = open_account(server, fields, Passwords("Abcdef1!", "Abcdef2!"), manager)
    registered = server.clock.now() - timedelta(days=days_ago)
    user.registration = server.time.seconds(registered)
    if Decimal(deposit):
        deal = change_balance(server, user, Action.BALANCE, Decimal(deposit), "by hand", dealer=manager.login)
        server.deals.remove(deal.deal)
        deal.time_msc = server.time.msc(registered + timedelta(hours=1))
        deal.time = deal.time_msc // 1000
        server.deals.add(deal)
    for number in range(trades):
        closed_at = server.clock.now() - timedelta(days=days_ago - 1 - number, hours=1)
        opened_at = closed_at - timedelta(minutes=30)
        book_round_trip(server, user, "EURUSD", Action.BUY, LOT // 10, opened_at, closed_at)
    return user.login


@dataclass
class Adopter:
    """The office's hand on an adoption, and what came of it."""

    desk: Desk
    opened: dict[str, int] = field(default_factory=dict)

    @property
    def platform_id(self) -> UUID:
        return self.desk.platform_id

    @property
    def server(self) -> SimServer:
        return self.desk.simulator

    def open_old(self, name: str, email: str, **more: Any) -> int:
        login = self.server.call(lambda server: open_old(server, name, email, **more))
        self.opened[name] = login
        return login

    def starts_now(self) -> datetime:
        now = clock.now().replace(microsecond=0)
        with self.desk.scope():
            runs.set_start(self.platform_id, now, by=SYSTEM)
        return now

    def start(
        self,
        *masks: str,
        creates_clients: bool = False,
        history: History = History.NONE,
        history_from: date | None = None,
        default_type: UUID | None = None,
    ) -> UUID:
        with self.desk.scope():
            run = runs.start_run(
                self.platform_id,
                masks=masks or ("real\\*",),
                default_type_id=default_type,
                creates_clients=creates_clients,
                history=history,
                history_from=history_from,
                by=SYSTEM,
            )
            return run.id

    def run(self, run_id: UUID) -> AdoptionRun:
        with self.desk.scope():
            return queries.run(run_id)

    def login(self, number: int) -> AdoptedLogin:
        with self.desk.scope():
            return queries.login(self.platform_id, number)

    def state(self, number: int) -> LoginState:
        return self.login(number).state

    def account(self, number: int) -> TradingAccount:
        row = self.login(number)
        assert row.account_id is not None
        with self.desk.scope():
            return accounts.account(row.account_id)

    def until_read(self, run_id: UUID) -> None:
        wait_until(lambda: self.run(run_id).state is not RunState.READING)

    def until_matched(self, run_id: UUID) -> None:
        """Wait for the reading, then do the job that a worker does."""
        self.until_read(run_id)
        run_jobs(self.desk.brand)
        assert self.run(run_id).state is RunState.DONE

    def until_adopted(self, *logins: int) -> None:
        wait_until(lambda: all(self.state(login) is LoginState.ADOPTED for login in logins))

    def until_past_read(self, run_id: UUID) -> None:
        wait_until(lambda: self.run(run_id).history_state is HistoryState.DONE)


@pytest.fixture
def adopter(desk: Desk) -> Adopter:
    """An office whose platform may be filled with accounts that it does not know; those of earlier tests are gone."""
    desk.simulator.call(lambda server: server.users.clear())
    return Adopter(desk)
