"""What one entry does, what it refuses, and what the database refuses by itself."""

from uuid import UUID

import pytest
from sqlalchemy.exc import DBAPIError

from app.core.db import execute_sql, in_transaction, rollback, tenant_scope, transaction
from app.core.errors import NotFound
from app.kit.ids import new_id
from app.kit.money import Money
from app.ledger import queries
from app.ledger import service as ledger
from app.ledger.rules import EntryDraft, Line, Owner
from tests.ledger.conftest import HERE, SYSTEM, THERE, bank, client_wallet, give, usd


def test_money_goes_from_one_wallet_to_the_other(here: None) -> None:
    with transaction():
        source, target = client_wallet(filled=10_000), client_wallet()
        ledger.post("t-1", "transfer", [Line(source, -usd("30.00")), Line(target, usd("30.00"))], SYSTEM)

    assert ledger.balance(source) == usd("70.00")
    assert ledger.balance(target) == usd("30.00")
    assert [(line.kind, line.amount, line.balance_after) for line in queries.statement(source)] == [
        ("transfer", -usd("30.00"), usd("70.00")),
        ("deposit", usd("100.00"), usd("100.00")),
    ]


def test_a_wallet_never_falls_below_zero(here: None) -> None:
    with transaction():
        source, target = client_wallet(filled=10_000), client_wallet()
    with pytest.raises(ledger.InsufficientFunds), transaction():
        ledger.post("t-1", "transfer", [Line(source, -usd("100.01")), Line(target, usd("100.01"))], SYSTEM)

    assert (ledger.balance(source), ledger.balance(target)) == (usd("100.00"), usd(0))


def test_the_same_key_with_the_same_content_is_once(here: None) -> None:
    with transaction():
        target = client_wallet()
        first = give(target, usd("5.00"), "same")
    with transaction():
        second = give(target, usd("5.00"), "same")

    assert (second.id, first.is_new, second.is_new) == (first.id, True, False)
    assert ledger.balance(target) == usd("5.00")


def test_the_same_key_with_other_content_is_refused(here: None) -> None:
    with transaction():
        target = client_wallet()
        give(target, usd("5.00"), "same")
    with pytest.raises(ledger.KeyReused), transaction():
        give(target, usd("6.00"), "same")

    assert ledger.balance(target) == usd("5.00")


def test_lines_that_do_not_balance_are_refused(here: None) -> None:
    with transaction():
        a, b, yen = client_wallet(filled=100), client_wallet(), client_wallet("JPY")
    for lines in (
        [],
        [Line(a, -usd(1)), Line(b, usd(2))],
        [Line(a, -usd(100)), Line(yen, Money.from_minor(100, "JPY"))],
    ):
        with pytest.raises(ledger.Unbalanced), transaction():
            ledger.post("t-1", "transfer", lines, SYSTEM)


def test_a_line_in_another_currency_than_its_wallet_is_refused(here: None) -> None:
    with transaction():
        euro, dollar = client_wallet("EUR"), client_wallet("USD", filled=100)
    with pytest.raises(ledger.CurrencyMismatch), transaction():
        ledger.post("t-1", "transfer", [Line(dollar, -usd(1)), Line(euro, usd(1))], SYSTEM)


def test_another_tenants_wallet_does_not_exist(books: None) -> None:
    with tenant_scope(THERE), transaction():
        foreign = client_wallet(filled=500)
    with tenant_scope(HERE):
        with transaction():
            own = client_wallet()
        with pytest.raises(ledger.WalletMissing), transaction():
            ledger.post("t-1", "transfer", [Line(foreign, -usd(100)), Line(own, usd(100))], SYSTEM)
        draft = EntryDraft("t-2", "transfer", [Line(foreign, -usd(100)), Line(own, usd(100))])
        with pytest.raises(ledger.WalletMissing), transaction():
            ledger.post_slice([draft], SYSTEM)
        with pytest.raises(NotFound):
            ledger.balance(foreign)
    with tenant_scope(THERE):
        assert ledger.balance(foreign) == usd(500)


def test_two_tenants_may_use_the_same_key(books: None) -> None:
    for number in (HERE, THERE):
        with tenant_scope(number), transaction():
            give(client_wallet(), usd(100), "same")


def test_a_wallet_may_stand_twice_in_an_entry(here: None) -> None:
    with transaction():
        a, b = client_wallet(filled=100), client_wallet()
        lines = [Line(a, -usd(60)), Line(b, usd(60)), Line(a, usd(10)), Line(b, -usd(10))]
        ledger.post("t-1", "transfer", lines, SYSTEM)

    assert (ledger.balance(a), ledger.balance(b)) == (usd(50), usd(50))


def test_a_house_wallet_is_summed_and_its_snapshot_changes_nothing(here: None) -> None:
    from datetime import timedelta

    from app.kit import clock

    with transaction():
        target = client_wallet()
        give(target, usd("5.00"))
    assert ledger.balance(bank()) == -usd("5.00")
    with transaction():
        assert ledger.take_snapshots(clock.now() + timedelta(hours=2)) == 1
        assert ledger.take_snapshots(clock.now() + timedelta(hours=2)) == 0
        late = ledger.post(
            f"give:{new_id()}", "deposit", [Line(bank(), -usd("7.00")), Line(target, usd("7.00"))], SYSTEM
        )
    # The snapshot lies two hours ahead, so the entry of now is missing from the sum: the proof must see that.
    with pytest.raises(AssertionError):
        assert ledger.verify() == []
    with transaction():
        execute_sql("SELECT 1")
    assert late.is_new
    _forget_snapshots()


def _forget_snapshots() -> None:
    """As the owner: the app itself may not delete a snapshot."""
    import psycopg

    from app.config import settings

    with psycopg.connect(settings().database_owner_url.replace("+psycopg", "")) as owner:
        owner.execute("SELECT set_config('app.tenant_id', %s, false)", (str(HERE),))
        owner.execute("DELETE FROM wallet_snapshot WHERE tenant_id = %s", (HERE,))


def test_a_reversal_returns_to_the_start_and_happens_once(here: None) -> None:
    with transaction():
        a, b = client_wallet(filled=100), client_wallet()
        entry = ledger.post("t-1", "transfer", [Line(a, -usd(60)), Line(b, usd(60))], SYSTEM)
    with transaction():
        first = ledger.reverse(entry.id, "r-1", SYSTEM, "A mistake")
        again = ledger.reverse(entry.id, "r-1", SYSTEM, "A mistake")
    with pytest.raises(ledger.AlreadyReversed), transaction():
        ledger.reverse(entry.id, "r-2", SYSTEM, "Once more")
    with pytest.raises(ledger.NotReversible), transaction():
        ledger.reverse(first.id, "r-3", SYSTEM, "Back again")

    assert again.id == first.id
    assert (ledger.balance(a), ledger.balance(b)) == (usd(100), usd(0))


def test_a_reversal_that_would_overdraw_is_refused(here: None) -> None:
    with transaction():
        a = client_wallet()
        entry = give(a, usd(100))
        ledger.post("t-1", "transfer", [Line(a, -usd(60)), Line(client_wallet(), usd(60))], SYSTEM)
    with pytest.raises(ledger.InsufficientFunds), transaction():
        ledger.reverse(entry.id, "r-1", SYSTEM, "A mistake")


def _raw_entry(amounts: dict[UUID, int]) -> None:
    entry = new_id()
    execute_sql(
        "INSERT INTO journal_entry"
        " (tenant_id, id, key, content_hash, kind, business_date, posted_at, actor_kind, actor_name)"
        " VALUES (:tenant_id, :id, :key, '\\x00', 'raw', current_date, now(), 'system', 'attack')",
        id=entry,
        key=str(entry),
    )
    values = ", ".join(
        f"(:tenant_id, '{entry}', {number}, '{wallet}', 'USD', {amount})"
        for number, (wallet, amount) in enumerate(amounts.items(), 1)
    )
    execute_sql(f"INSERT INTO posting (tenant_id, entry_id, number, wallet_id, currency, amount_minor) VALUES {values}")


def test_the_database_itself_refuses_an_unbalanced_entry(here: None) -> None:
    with transaction():
        a, b = client_wallet(), client_wallet()
    with pytest.raises(DBAPIError, match="does not balance"), transaction():
        _raw_entry({a: 100, b: -99})


def test_the_database_itself_refuses_a_changed_or_deleted_posting(here: None) -> None:
    with transaction():
        a = client_wallet(filled=100)
    for attack in (
        "UPDATE posting SET amount_minor = 1 WHERE tenant_id = :tenant_id",
        "DELETE FROM posting WHERE tenant_id = :tenant_id",
        "UPDATE journal_entry SET memo = 'x' WHERE tenant_id = :tenant_id",
        "DELETE FROM journal_entry WHERE tenant_id = :tenant_id",
        "DELETE FROM wallet WHERE tenant_id = :tenant_id",
    ):
        with pytest.raises(DBAPIError, match="permission denied"), transaction():
            execute_sql(attack)
    with pytest.raises(DBAPIError, match="wallet_floor"), transaction():
        execute_sql("UPDATE wallet SET balance_minor = -1 WHERE tenant_id = :tenant_id AND id = :id", id=a)


def test_the_proof_names_a_balance_that_was_changed_behind_its_back(here: None) -> None:
    with transaction():
        a = client_wallet(filled=100)
    execute_sql("UPDATE wallet SET balance_minor = 150 WHERE tenant_id = :tenant_id AND id = :id", id=a)

    assert [(d.what, d.object_id, d.expected, d.found) for d in ledger.verify()] == [
        ("wallet_balance", a, "100", "150")
    ]
    rollback()


def test_two_wallets_of_one_owner_are_made_once(here: None) -> None:
    owner = Owner("client", new_id())
    first = in_transaction(ledger.wallet, owner, ledger.MAIN, "USD")
    second = in_transaction(ledger.wallet, owner, ledger.MAIN, "USD")
    many = in_transaction(ledger.wallets, [(owner, ledger.MAIN, "USD"), (owner, ledger.MAIN, "EUR")])

    assert first.id == second.id == many[(owner, ledger.MAIN, "USD")]
    assert len(set(many.values())) == 2


def test_only_a_redeem_wallet_may_be_taken_below_zero(here: None) -> None:
    with transaction():
        partner = Owner("partner", new_id())
        redeem = ledger.wallet(partner, ledger.REDEEM, "USD").id
        temporary = ledger.wallet(partner, ledger.TEMPORARY, "USD").id
        ledger.post("c-1", "clawback", [Line(redeem, -usd(100)), Line(bank(), usd(100))], SYSTEM)
    with pytest.raises(ledger.InsufficientFunds), transaction():
        ledger.post("c-2", "clawback", [Line(temporary, -usd(100)), Line(bank(), usd(100))], SYSTEM)

    assert ledger.balance(redeem) == -usd(100)
