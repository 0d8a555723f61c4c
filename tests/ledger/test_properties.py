"""Whatever is posted in whatever order: no cent appears or vanishes, and every balance is its postings."""

import threading
from collections.abc import Callable
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.core.db import in_transaction, tenant_scope, transaction
from app.kit.ids import new_id
from app.ledger import service as ledger
from app.ledger.rules import EntryDraft, Line
from tests.ledger.conftest import HERE, SYSTEM, bank, client_wallet, give, usd

slow = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
moves = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(1, 2_000), st.integers(0, 12)).filter(
        lambda move: move[0] != move[1]
    ),
    max_size=25,
)


def _fresh_wallets() -> list[UUID]:
    with transaction():
        return [client_wallet(filled=filled) for filled in (1_000, 500, 1, 0)]


def _transfer(key: str, source: UUID, target: UUID, minor: int) -> ledger.PostedEntry:
    return ledger.post(key, "transfer", [Line(source, -usd(minor)), Line(target, usd(minor))], SYSTEM)


@slow
@given(moves=moves)
def test_transfers_keep_the_sum_and_the_floor_and_agree_with_plain_arithmetic(
    here: None, moves: list[tuple[int, int, int, int]]
) -> None:
    wallets = _fresh_wallets()
    run = new_id()
    expected = [1_000, 500, 1, 0]
    posted: dict[int, tuple[int, int, int]] = {}
    for source, target, minor, key in moves:
        outcome = "posted"
        try:
            with transaction():
                _transfer(f"{run}:{key}", wallets[source], wallets[target], minor)
        except ledger.KeyReused:
            outcome = "reused"
        except ledger.InsufficientFunds:
            outcome = "insufficient"
        if key in posted:
            assert outcome == ("posted" if posted[key] == (source, target, minor) else "reused")
        elif expected[source] < minor:
            assert outcome == "insufficient"
        else:
            assert outcome == "posted"
            posted[key] = (source, target, minor)
            expected[source] -= minor
            expected[target] += minor

    assert [ledger.balance(wallet).minor for wallet in wallets] == expected
    assert ledger.verify() == []


@slow
@given(moves=moves)
def test_a_batch_does_what_its_entries_do_one_by_one(here: None, moves: list[tuple[int, int, int, int]]) -> None:
    one_by_one, together = _fresh_wallets(), _fresh_wallets()
    run = new_id()
    refused_singly = []
    for number, (source, target, minor, _) in enumerate(moves):
        try:
            with transaction():
                _transfer(f"{run}:single:{number}", one_by_one[source], one_by_one[target], minor)
        except ledger.InsufficientFunds:
            refused_singly.append(number)
    drafts = [
        EntryDraft(
            f"{run}:batch:{number}",
            "transfer",
            [Line(together[source], -usd(minor)), Line(together[target], usd(minor))],
        )
        for number, (source, target, minor, _) in enumerate(moves)
    ]
    result = ledger.post_batch(drafts, SYSTEM)
    again = ledger.post_batch([draft for draft in drafts if draft not in [d for d, _ in result.refused]], SYSTEM)

    assert [draft.key for draft, _ in result.refused] == [f"{run}:batch:{number}" for number in refused_singly]
    assert [ledger.balance(w).minor for w in together] == [ledger.balance(w).minor for w in one_by_one]
    assert (result.posted, again.posted, again.known) == (len(moves) - len(refused_singly), 0, result.posted)
    assert ledger.verify() == []


@slow
@given(amounts=st.lists(st.integers(1, 300), min_size=1, max_size=8))
def test_reversing_everything_backwards_returns_to_the_start(here: None, amounts: list[int]) -> None:
    with transaction():
        a, b = client_wallet(filled=sum(amounts)), client_wallet()
        entries = [_transfer(f"t:{new_id()}", a, b, minor) for minor in amounts]
    with transaction():
        for entry in reversed(entries):
            ledger.reverse(entry.id, f"undo:{entry.id}", SYSTEM, "Back to the start")

    assert (ledger.balance(a).minor, ledger.balance(b).minor) == (sum(amounts), 0)


@slow
@given(total=st.integers(1, 1_000), parts=st.lists(st.integers(1, 400), max_size=6))
def test_a_hold_is_spent_in_parts_and_the_rest_returns(here: None, total: int, parts: list[int]) -> None:
    with transaction():
        wallet = client_wallet(filled=total)
        hold = ledger.place_hold(f"h:{new_id()}", wallet, usd(total), "Property", SYSTEM)
    spent = 0
    for number, part in enumerate(parts):
        refusal: type[Exception] | None = None
        if spent == total:
            refusal = ledger.HoldClosed
        elif spent + part > total:
            refusal = ledger.HoldExceeded
        capture = [Line(bank(), usd(part))]
        if refusal is not None:
            with pytest.raises(refusal), transaction():
                ledger.capture_hold(hold.id, f"{hold.id}:{number}", capture, SYSTEM)
            continue
        for _ in range(2):  # The second call under the same key changes nothing.
            in_transaction(ledger.capture_hold, hold.id, f"{hold.id}:{number}", capture, SYSTEM)
        spent += part
    if spent < total:
        for _ in range(2):
            in_transaction(ledger.void_hold, hold.id, f"{hold.id}:void", SYSTEM)

    assert ledger.balance(wallet).minor == total - spent
    assert ledger.balance(hold.held_wallet_id).minor == 0
    assert ledger.verify() == []


def _in_threads(count: int, work: Callable[[int], None]) -> list[BaseException]:
    """Run `work` in so many threads at once, each in a scope and on a connection of its own."""
    failures: list[BaseException] = []
    gate = threading.Barrier(count)

    def body(number: int) -> None:
        with tenant_scope(HERE):
            gate.wait()
            try:
                work(number)
            except BaseException as error:  # Shown by the test, which asserts that there is none.
                failures.append(error)

    threads = [threading.Thread(target=body, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return failures


def test_concurrent_transfers_over_the_same_wallets_keep_every_balance_equal_to_its_postings(books: None) -> None:
    with tenant_scope(HERE), transaction():
        wallets = [client_wallet(filled=1_000) for _ in range(4)]

    def work(number: int) -> None:
        for turn in range(25):
            source, target = wallets[(number + turn) % 4], wallets[(number * 3 + turn + 1) % 4]
            if source == target:
                continue
            try:
                with transaction():
                    _transfer(f"{number}:{turn}", source, target, 1 + (number * 37 + turn * 53) % 400)
            except ledger.InsufficientFunds:
                continue

    assert _in_threads(6, work) == []
    with tenant_scope(HERE):
        assert sum(ledger.balance(wallet).minor for wallet in wallets) == 4_000
        assert ledger.verify() == []


def test_concurrent_batches_and_transfers_do_not_stop_each_other(books: None) -> None:
    with tenant_scope(HERE), transaction():
        wallets = [client_wallet(filled=10_000) for _ in range(10)]

    def work(number: int) -> None:
        if number % 2:
            for turn in range(10):
                with transaction():
                    _transfer(f"single:{number}:{turn}", wallets[turn % 10], wallets[(turn + 3) % 10], 5)
            return
        drafts = [
            EntryDraft(f"shared:{i}", "transfer", [Line(wallets[i % 10], -usd(1)), Line(wallets[(i + 7) % 10], usd(1))])
            for i in range(200)
        ]
        ledger.post_batch(drafts[::-1] if number % 4 else drafts, SYSTEM)  # The same keys from two sides.

    assert _in_threads(4, work) == []
    with tenant_scope(HERE):
        assert sum(ledger.balance(wallet).minor for wallet in wallets) == 100_000
        assert ledger.verify() == []


def test_one_key_sent_by_many_at_once_posts_once(books: None) -> None:
    with tenant_scope(HERE), transaction():
        wallet = client_wallet()
    outcomes: list[bool] = []

    def work(_number: int) -> None:
        with transaction():
            outcomes.append(give(wallet, usd(700), "one key").is_new)

    assert _in_threads(6, work) == []
    assert sorted(outcomes) == [False] * 5 + [True]
    with tenant_scope(HERE):
        assert ledger.balance(wallet) == usd(700)


def test_two_holds_of_the_whole_balance_at_once_hold_it_once(books: None) -> None:
    with tenant_scope(HERE), transaction():
        wallet = client_wallet(filled=1_000)
    refused: list[int] = []

    def work(number: int) -> None:
        try:
            with transaction():
                ledger.place_hold(f"h:{number}", wallet, usd(1_000), "All of it", SYSTEM)
        except ledger.InsufficientFunds:
            refused.append(number)

    assert _in_threads(4, work) == []
    assert len(refused) == 3
