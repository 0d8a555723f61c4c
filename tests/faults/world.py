"""Two brands on a troubled platform, clients with accounts and money, and what the books and the platform say."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from uuid import UUID

import msgspec

from app.core import db
from app.core import redis as core_redis
from app.core.actor import acting_as, system_actor
from app.kit.ids import new_id, reference
from app.kit.money import Money
from app.ledger import service as ledger
from app.ledger.service import Line, Owner
from app.tenancy import secrets
from app.trading import bundle, wire
from app.trading.models import OperationKind, OperationState, PlatformOperation, TradingAccount, UnmatchedDeal
from app.trading.queries import accounts as account_queries
from app.trading.queries import leases, platforms
from app.trading.queries import operations as operation_queries
from app.trading.service import Requested, fund, open_account, operations, proof, withdraw_from
from tests.faults.grounds import Ground, Movement
from tests.support.brands import Brand, make_brand, make_trader
from tests.trading.conftest import Connector, slower, wait_until

SYSTEM = system_actor("test")
START = Decimal(100)  # What each wallet begins with.
THERE = Decimal(50)  # What an account begins with from which money or credit is taken.
WAITS = {
    "send_within_s": "3",
    "answer_within_s": "1.5",
    "overdue_s": "5",
    "look_after_s": ["0.2", "0.5", "0.8"],
    "quick_looks": True,
    "operation_expires_s": 60,
}
_numbers = itertools.count(951)


class Act(msgspec.Struct, frozen=True):
    """One operation that moves money, and the sum it moves."""

    kind: OperationKind
    amount: Decimal

    @property
    def name(self) -> str:
        return self.kind.value

    @property
    def signed(self) -> Decimal:
        """What the platform adds to the account."""
        return -self.amount if self.kind.takes else self.amount

    @property
    def is_booked(self) -> bool:
        """Whether the books know this money: it is no play money and no credit."""
        return self.kind.moves_money and self.kind is not OperationKind.DEMO_DEPOSIT

    @property
    def is_the_clients(self) -> bool:
        """Whether the client's wallet is the other side; of a correction it is suspense."""
        return self.kind in (OperationKind.FUND, OperationKind.WITHDRAW)

    @property
    def wallet_before(self) -> Decimal:
        """What the client's wallet holds when the account has been made ready for the act."""
        return START - THERE if PREPARED.get(self.kind) is OperationKind.FUND else START


ACTS = tuple(Act(kind, Decimal("12.34")) for kind in OperationKind if kind.moves_money or kind.is_credit)
PREPARED = {
    OperationKind.WITHDRAW: OperationKind.FUND,
    OperationKind.CORRECT_OUT: OperationKind.FUND,
    OperationKind.CREDIT_OUT: OperationKind.CREDIT_IN,
}


@dataclass(frozen=True)
class Place:
    """A client with an account: one act is tried on each."""

    client_id: UUID
    account_id: UUID
    login: int


@dataclass(frozen=True)
class Trace:
    """What one act has left behind."""

    state: OperationState
    refusal: str | None
    movements: Sequence[Movement]  # On the platform, under the act's reference.
    wallet: Decimal  # The client's, against the start.
    held: Decimal
    booked: Decimal  # Moved in the books between the client and the platform.


@dataclass
class Aftermath:
    """What the whole trouble has left behind."""

    traces: dict[str, Trace] = field(default_factory=dict)
    unmatched: Sequence[str] = ()
    money_agrees: bool = False
    books_are_right: bool = False
    outsider_operations: int = 0

    def require(self, act: Act, *, is_done: bool | None) -> None:
        """The act has ended, on the platform and in the books alike, and as it should where that is certain."""
        trace = self.traces[act.name]
        assert trace.state.is_final
        done = trace.state.is_done
        if is_done is not None:
            assert done is is_done, trace
        assert [move.amount for move in trace.movements] == ([act.signed] if done else [])
        assert trace.held == 0
        assert trace.wallet == (-act.signed if done and act.is_the_clients else 0)
        assert trace.booked == (act.signed if done and act.is_booked else 0)

    def require_agreement(self) -> None:
        """Nothing is unexplained, and the books agree with themselves and with the platform's own deals."""
        assert self.unmatched == []
        assert self.money_agrees
        assert self.books_are_right
        assert self.outsider_operations == 0


class World:
    """The hands of a test on two brands and a platform."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        core_redis.client().flushdb()
        with db.batch_scope("test"):  # The connections of an earlier world in the same test are nobody's any more.
            db.in_transaction(lambda: db.execute_sql("DELETE FROM platform_lease"))
        self._places: dict[str, Place] = {}
        self._moves: dict[int, int] = {}
        self.brand, self.outsider = (
            make_brand(number, f"faults{number}") for number in (next(_numbers), next(_numbers))
        )
        self.platform_id = self._connect(self.brand, is_outsider=False)
        self._connect(self.outsider, is_outsider=True)

    def _connect(self, brand: Brand, *, is_outsider: bool) -> UUID:
        real, demo = self.ground.groups(is_outsider=is_outsider)
        platform = {
            "code": "main",
            "name": "Main",
            "server_name": "Main-Live",
            "password_secret": "platform.password",
            **self.ground.platform(brand.slug, is_outsider=is_outsider),
            **WAITS,
        }
        shared = {"platform": "main", "leverages": [100], "default_leverage": 100}
        types = [
            {"code": "real", "label": {"en": "Real"}, "groups": {"USD": real}, **shared},
            {"code": "demo", "label": {"en": "Demo"}, "groups": {"USD": demo}, "demo": True, **shared},
        ]
        section = msgspec.convert(
            {"platforms": [platform], "account_types": types}, bundle.TradingSection, strict=False
        )
        with self.scope(brand):
            secrets.put("platform.password", self.ground.secret(is_outsider=is_outsider))
            secrets.put("platform.bridge", "bridge-secret-of-the-test")
            bundle.apply(section)
            return platforms.platforms()[0].id

    @contextmanager
    def scope(self, brand: Brand | None = None) -> Iterator[None]:
        """Work as a brand; what the block did is committed at its end."""
        with db.tenant_scope((brand or self.brand).id), acting_as(SYSTEM), db.transaction():
            yield

    @contextmanager
    def connector(self) -> Iterator[None]:
        """A connector that has found the platform."""
        running = Connector(slower(reconnect=0.02))  # Each break on the way doubles the pause.
        try:
            wait_until(self._is_linked)
            yield
        finally:
            running.stop()

    def _is_linked(self) -> bool:
        with self.scope():
            return platforms.status(self.platform_id).link == "up"

    def is_owned_by(self, pid: int) -> bool:
        """Whether the connector of this process holds the connection, and the platform answers it."""
        with db.directory_scope():
            owners = {platform: (owner, is_live) for _, platform, owner, _, is_live in leases.owners()}
        owner, is_live = owners.get(self.platform_id, ("", False))
        return is_live and f":{pid}:" in owner and self._is_linked()

    def settle_in(self, acts: Sequence[Act]) -> dict[str, Place]:
        """A client with a funded account for each act. Needs a connector."""
        asked = {act.name: self._open(act) for act in acts}
        places = {name: self._place(operation_id) for name, operation_id in asked.items()}
        started = []
        self._places = places
        for act in acts:
            place = places[act.name]
            with self.scope():
                bank = ledger.wallet(Owner("house", "bank_wire"), "bank", "USD").id
                main = ledger.wallet(Owner("client", place.client_id), ledger.MAIN, "USD").id
                money = Money(START, "USD")
                ledger.post(f"give:{new_id()}", "deposit", [Line(bank, -money), Line(main, money)], SYSTEM)
            if act.kind in PREPARED:
                started.append(self.ask(Act(PREPARED[act.kind], THERE), place))
        self.wait_final(started)
        self.wait_final(self._unfinished())
        self._moves = {place.login: len(self.ground.movements(place.login)) for place in places.values()}
        return places

    def _open(self, act: Act) -> UUID:
        client = make_trader(self.brand, f"{act.name}@{self.brand.slug}.example")
        assert client.client_id is not None
        code = "demo" if act.kind is OperationKind.DEMO_DEPOSIT else "real"
        with self.scope():
            requested = open_account(client.client_id, code, "USD", 100, key=str(new_id()), by=SYSTEM)
        return self._hand_over(requested)

    def _place(self, operation_id: UUID) -> Place:
        self.wait_final([operation_id])
        with self.scope():
            account = account_queries.account(operation_queries.find(operation_id).account_id)
            assert account.login is not None, "The account was not opened."
            return Place(account.client_id, account.id, account.login)

    def ask(self, act: Act, place: Place, *, handed_over: bool = True) -> UUID:
        """Do as a page does: write the operation, commit, hand its message over. Answers the operation's id."""
        with self.scope():
            requested = self._request(act, place)
        return self._hand_over(requested) if handed_over else requested.operation.id

    def ask_until_sent(self, act: Act, place: Place) -> UUID:
        """Ask, and ask anew when the link was just broken; answers when the platform has done it."""
        while True:
            operation_id = self.ask(act, place)
            wait_until(partial(self._has_acted_or_ended, place, operation_id))
            if self.has_acted(place):
                return operation_id
            assert self.operation(operation_id).refusal_reason == "not_sent"

    def _has_acted_or_ended(self, place: Place, operation_id: UUID) -> bool:
        return self.has_acted(place) or self.operation(operation_id).state.is_final

    def _request(self, act: Act, place: Place) -> Requested:
        key, money = str(new_id()), Money(act.amount, "USD")
        if act.kind is OperationKind.FUND:
            return fund(place.account_id, money, key=key, by=SYSTEM)
        if act.kind is OperationKind.WITHDRAW:
            return withdraw_from(place.account_id, money, key=key, by=SYSTEM)
        account = db.get(TradingAccount, place.account_id)
        assert account is not None
        operation = operations.request(
            act.kind, account, key=key, reference=reference("D"), by=SYSTEM, expires_s=60, money=money
        )
        return Requested(operation, account, wire.encode_request(self.brand.id, wire.Request(operation.id)))

    def _hand_over(self, requested: Requested) -> UUID:
        core_redis.client().lpush(requested.request_key, requested.message)
        return requested.operation.id

    def operation(self, operation_id: UUID) -> PlatformOperation:
        with self.scope():
            return operation_queries.find(operation_id)

    def _unfinished(self) -> list[UUID]:
        with self.scope():
            rows = db.execute_sql(
                "SELECT id FROM platform_operation WHERE tenant_id = :tenant_id"
                " AND state NOT IN ('confirmed', 'refused', 'reconciled')"
            )
            return list(rows.scalars())

    def all_acted(self) -> bool:
        """Whether the platform has carried out something on every account since it was made ready."""
        return all(self.has_acted(place) for place in self._places.values())

    def has_acted(self, place: Place) -> bool:
        """Whether the platform has moved money on this account since it was made ready."""
        return len(self.ground.movements(place.login)) > self._moves[place.login]

    def wait_final(self, operations_: Sequence[UUID], *, seconds: float = 60) -> None:
        """Wait until these operations have their outcome."""
        wait_until(lambda: all(self.operation(each).state.is_final for each in operations_), seconds=seconds)

    def money_agrees(self) -> bool:
        """Whether the books and the platform's own balance deals say the same."""
        with self.scope():
            return proof.verify_platform_money() == []

    def aftermath(self, places: Mapping[str, Place], asked: Mapping[str, UUID]) -> Aftermath:
        """Wait for every outcome and until all deals are read, and take down what stands. Needs a connector."""
        self.wait_final(list(asked.values()))
        wait_until(self.money_agrees)
        left = Aftermath({name: self._trace(places[name], asked[name]) for name in asked})
        with self.scope():
            left.unmatched = [row.reason for row in db.session().query(UnmatchedDeal).all()]
            left.books_are_right = ledger.verify() == []
        left.money_agrees = self.money_agrees()
        with self.scope(self.outsider):
            left.outsider_operations = db.session().query(PlatformOperation).count()
        return left

    def _trace(self, place: Place, operation_id: UUID) -> Trace:
        operation = self.operation(operation_id)
        movements = [each for each in self.ground.movements(place.login) if each.reference == operation.reference]
        with self.scope():
            owner = Owner("client", place.client_id)
            main, held = (ledger.wallet(owner, purpose, "USD").balance.amount for purpose in (ledger.MAIN, ledger.HELD))
            booked = db.execute_sql(
                "SELECT coalesce(sum(p.amount_minor), 0) FROM posting AS p"
                " JOIN journal_entry AS e ON e.tenant_id = p.tenant_id AND e.id = p.entry_id"
                " JOIN wallet AS w ON w.tenant_id = p.tenant_id AND w.id = p.wallet_id"
                " WHERE p.tenant_id = :tenant_id AND w.house = 'platform' AND e.key LIKE :key",
                key=f"operation:{operation_id}:%",
            ).scalar_one()
        wallet = main - Act(operation.kind, THERE).wallet_before
        return Trace(operation.state, operation.refusal_reason, movements, wallet, held, Decimal(booked) / 100)


def disturbed(
    world: World,
    acts: Sequence[Act],
    arm: Callable[[Place], None],
    disturb: Callable[[], None] = lambda: None,
    *,
    in_turn: bool = False,
) -> Aftermath:
    """Every act at once, each under its own trouble, and something that happens to all of them on the way.

    `in_turn` asks for the next one when the platform has done the one before.
    """
    with world.connector():
        places = world.settle_in(acts)
        for place in places.values():
            arm(place)
        asked = {}
        for act in acts:
            asked[act.name] = (
                world.ask_until_sent(act, places[act.name]) if in_turn else world.ask(act, places[act.name])
            )
        disturb()
        return world.aftermath(places, asked)
