"""Random movements under random trouble: whatever happens, the books end as the platform's own deals say.

`KONTOR_FAULT_EXAMPLES` asks for more sequences than the few that every run tries.
"""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.core import db
from app.core import redis as core_redis
from app.ledger import service as ledger
from app.ledger.service import Owner
from app.trading.models import OperationKind, OperationState, UnmatchedDeal
from tests.faults.grounds import Ground, Trouble
from tests.faults.world import ACTS, THERE, Act, Place, World
from tests.trading.conftest import Connector, wait_until

EXAMPLES = int(os.environ.get("KONTOR_FAULT_EXAMPLES", "3"))
cents = st.integers(1, 7_000).map(lambda minor: Decimal(minor) / 100)


@dataclass(frozen=True)
class Move:
    """An operation under a trouble; sometimes its outcome is waited for, sometimes the next one comes at once."""

    kind: OperationKind
    amount: Decimal
    trouble: Trouble
    is_waited_for: bool


@dataclass(frozen=True)
class ByHand:
    """Somebody moves money in the manager's terminal."""

    amount: Decimal


@dataclass(frozen=True)
class Mishap:
    """Something that concerns everything: Redis loses its memory, the platform or the connector starts again."""

    what: str


moves = st.builds(
    Move, st.sampled_from([act.kind for act in ACTS]), cents, st.sampled_from(list(Trouble)), st.booleans()
)
mishaps = st.builds(Mishap, st.sampled_from(["redis", "platform", "connector"]))
steps = st.lists(st.one_of(moves, moves, moves, st.builds(ByHand, cents), mishaps), min_size=3, max_size=9)


@settings(
    max_examples=EXAMPLES,
    derandomize="KONTOR_FAULT_EXAMPLES" not in os.environ,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(steps=steps)
def test_any_sequence_ends_with_books_that_agree(ground: Ground, steps: Sequence[Move | ByHand | Mishap]) -> None:
    ground.calm()
    story = _Story(World(ground))
    story.tell(steps)
    story.require_agreement()


class _Story:
    def __init__(self, world: World) -> None:
        self._world = world
        self._connector = Connector()
        self._asked: dict[UUID, tuple[Place, Act]] = {}
        self._by_hand: list[Decimal] = []

    def tell(self, steps: Sequence[Move | ByHand | Mishap]) -> None:
        try:
            self._places = self._world.settle_in(ACTS)
            self._begun_with = {place.login: len(self._moved(place)) for place in self._places.values()}
            for step in steps:
                self._take(step)
            self._world.wait_final(list(self._asked))
            wait_until(self._world.money_agrees)
            wait_until(lambda: len(self._unmatched()) == len(self._by_hand))
        finally:
            self._connector.stop()

    def _take(self, step: Move | ByHand | Mishap) -> None:
        if isinstance(step, Mishap):
            self._happen(step.what)
        elif isinstance(step, ByHand):
            self._world.ground.move_by_hand(self._places["fund"].login, step.amount, "by hand")
            self._by_hand.append(step.amount)
        else:
            act = Act(step.kind, step.amount)
            place = self._places["demo_deposit" if step.kind is OperationKind.DEMO_DEPOSIT else step.kind.value]
            try:
                operation_id = self._world.ask(act, place)
            except ledger.InsufficientFunds:
                return
            self._world.ground.arm(step.trouble, place.login, 2)
            self._asked[operation_id] = (place, act)
            if step.is_waited_for:
                self._world.wait_final([operation_id])

    def _happen(self, what: str) -> None:
        if what == "redis":
            core_redis.client().flushdb()
        elif what == "platform":
            threading.Thread(target=self._world.ground.restart, args=(0.5,)).start()
        else:
            self._connector.stop()
            self._connector = Connector()

    def _moved(self, place: Place) -> list[Decimal]:
        return [move.amount for move in self._world.ground.movements(place.login)]

    def _unmatched(self) -> list[Decimal]:
        with self._world.scope():
            return [row.amount for row in db.session().query(UnmatchedDeal).all()]

    def require_agreement(self) -> None:
        """Each operation moved its money once or not at all, and the books, wallets and platform say the same."""
        moved = {name: Decimal(0) for name in self._places}
        wanted: dict[int, list[Decimal]] = {place.login: [] for place in self._places.values()}
        for operation_id, (place, act) in self._asked.items():
            operation = self._world.operation(operation_id)
            under_it = [
                m.amount for m in self._world.ground.movements(place.login) if m.reference == operation.reference
            ]
            assert under_it == ([act.signed] if operation.state.is_done else [])
            assert operation.state is not OperationState.UNKNOWN
            if operation.state.is_done:
                wanted[place.login].append(act.signed)
                moved[act.name] += act.signed if act.is_the_clients else 0
        wanted[self._places["fund"].login] += self._by_hand
        for place in self._places.values():
            assert Counter(self._moved(place)[self._begun_with[place.login] :]) == Counter(wanted[place.login])
        assert Counter(self._unmatched()) == Counter(self._by_hand)
        with self._world.scope():
            assert ledger.verify() == []
            for name, place in self._places.items():
                owner = Owner("client", place.client_id)
                start = Act(OperationKind(name), THERE).wallet_before
                assert ledger.wallet(owner, ledger.MAIN, "USD").balance.amount == start - moved[name]
                assert ledger.wallet(owner, ledger.HELD, "USD").balance.amount == 0
