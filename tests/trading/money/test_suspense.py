"""Money that nothing explains: booked by one or two people, once, visibly, and taken back when it was wrong."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

import pytest

from app.audit import queries as audit_queries
from app.core.actor import Actor
from app.core.errors import Invalid, NotFound
from app.kit.ids import new_id
from app.kit.money import Money
from app.ledger import queries as books
from app.ledger import service as ledger
from app.simulators.mt5.faults import FaultKind
from app.trading.models import OperationState, TradingAccount
from app.trading.money import queries
from app.trading.money.models import BookingStatus, House, SuspenseBooking, Way
from app.trading.money.service import suspense
from app.trading.money.service.suspense import Draft
from app.trading.service import fund
from tests.support.brands import Brand, acting
from tests.trading.conftest import Connector, Desk, wait_until
from tests.trading.money.conftest import People, by_hand, in_suspense, unmatched

REASON = "The bank told us about it."


def propose(desk: Desk, ticket: int, draft: Draft, by: Actor, once: str = "") -> SuspenseBooking:
    with desk.scope(by):
        return suspense.propose(desk.platform_id, ticket, draft, once=once or str(new_id()), by=by)


def booking(desk: Desk, booking_id: UUID) -> SuspenseBooking:
    with desk.scope():
        return queries.bookings_of(desk.platform_id, queries.booking(booking_id).ticket)[-1]


@pytest.mark.parametrize(
    ("house", "name", "purpose"), [(House.BANK, "bank_wire", "bank"), (House.EXPENSE, "expense", "expense")]
)
def test_a_small_sum_is_booked_on_the_house_by_one_person(
    desk: Desk, account: TradingAccount, people: People, house: House, name: str, purpose: str
) -> None:
    anna = people.anna.actor()
    ticket = by_hand(desk, account, "99.99")
    before = desk.house(name, purpose)
    assert in_suspense(desk) == Decimal("99.99")

    row = propose(desk, ticket, Draft(Way.HOUSE, REASON, house=house), anna)

    assert row.status is BookingStatus.BOOKED
    assert (in_suspense(desk), desk.house(name, purpose) - before) == (0, Decimal("-99.99"))
    assert desk.on_platform() == Decimal("99.99")
    assert ticket not in unmatched(desk)
    with desk.scope():
        entries = queries.entries_of(queries.find_deal(desk.platform_id, ticket))
        assert [entry.kind for entry in entries] == ["trading.unmatched", "trading.suspense"]
        assert entries[1].memo == REASON
        assert [entry.id for entry in books.entries_for(account.id)][-1] == row.entry_id


def test_a_large_sum_waits_for_a_second_person(desk: Desk, account: TradingAccount, people: People) -> None:
    anna, boris = people.anna.actor(), people.boris.actor()
    ticket = by_hand(desk, account, "100")

    row = propose(desk, ticket, Draft(Way.HOUSE, REASON, house=House.BANK), anna)

    assert (row.status, in_suspense(desk)) == (BookingStatus.PROPOSED, 100)
    with desk.scope(anna), pytest.raises(suspense.SamePerson):
        suspense.approve(row.id, by=anna)
    with pytest.raises(suspense.BookingUnderWay):
        propose(desk, ticket, Draft(Way.CLIENT, REASON), boris)
    with desk.scope(boris):
        suspense.approve(row.id, by=boris)
    assert (booking(desk, row.id).status, in_suspense(desk)) == (BookingStatus.BOOKED, 0)
    with desk.scope(boris), pytest.raises(suspense.BookingDecided):
        suspense.approve(row.id, by=boris)


def test_a_currency_without_a_sum_always_needs_two_people(desk: Desk, account: TradingAccount, people: People) -> None:
    desk.set(suspense_second_person_from={})
    ticket = by_hand(desk, account, "0.01")

    assert propose(desk, ticket, Draft(Way.CLIENT, REASON), people.anna.actor()).status is BookingStatus.PROPOSED


def test_a_proposal_is_turned_down_and_another_one_made(desk: Desk, account: TradingAccount, people: People) -> None:
    anna, boris = people.anna.actor(), people.boris.actor()
    ticket = by_hand(desk, account, "150")
    first = propose(desk, ticket, Draft(Way.HOUSE, REASON, house=House.EXPENSE), anna)

    with desk.scope(boris), pytest.raises(Invalid):
        suspense.reject(first.id, "no", by=boris)
    with desk.scope(boris):
        suspense.reject(first.id, "It was paid at the bank.", by=boris)
    second = propose(desk, ticket, Draft(Way.HOUSE, REASON, house=House.BANK), boris)
    with desk.scope(anna):
        suspense.approve(second.id, by=anna)

    assert (booking(desk, second.id).status, in_suspense(desk)) == (BookingStatus.BOOKED, 0)


@pytest.mark.parametrize("amount", ["40", "-30"])
def test_the_clients_wallet_is_the_other_side_of_a_transfer_that_nobody_wrote_down(
    desk: Desk, account: TradingAccount, people: People, amount: str
) -> None:
    desk.outcome(desk.ask(fund, account.id, Money(Decimal(50), "USD")))
    ticket = by_hand(desk, account, amount)

    propose(desk, ticket, Draft(Way.CLIENT, REASON), people.anna.actor())

    assert desk.wallet() == 950 - Decimal(amount)
    assert (in_suspense(desk), desk.on_platform()) == (0, 50 + Decimal(amount))


def test_a_client_without_the_money_pays_nothing(desk: Desk, account: TradingAccount, people: People) -> None:
    desk.set(suspense_second_person_from={"USD": "10000"})
    ticket = by_hand(desk, account, "1000.01")

    with pytest.raises(ledger.InsufficientFunds):
        propose(desk, ticket, Draft(Way.CLIENT, REASON), people.anna.actor())

    assert (desk.wallet(), in_suspense(desk)) == (1000, Decimal("1000.01"))
    assert queries_count(desk) == 0


def queries_count(desk: Desk) -> int:
    with desk.scope():
        return sum(len(queries.bookings_of(desk.platform_id, ticket)) for ticket in unmatched_tickets(desk))


def unmatched_tickets(desk: Desk) -> list[int]:
    return list(unmatched(desk))


@pytest.mark.parametrize("amount", ["75", "-25"])
def test_the_platform_moves_it_back(desk: Desk, account: TradingAccount, people: People, amount: str) -> None:
    desk.outcome(desk.ask(fund, account.id, Money(Decimal(50), "USD")))
    ticket = by_hand(desk, account, amount)

    row = propose(desk, ticket, Draft(Way.UNDO, REASON), people.anna.actor())

    assert row.status is BookingStatus.RUNNING
    wait_until(lambda: booking(desk, row.id).status is BookingStatus.BOOKED)
    assert (in_suspense(desk), desk.on_platform(), desk.sim_balance(account.login)) == (0, 50, 50)
    assert unmatched(desk) == {}
    assert not booking(desk, row.id).is_reversible


def test_an_answer_lost_while_moving_back_moves_once(desk: Desk, account: TradingAccount, people: People) -> None:
    ticket = by_hand(desk, account, "75")
    desk.fault(FaultKind.DROP_AFTER, "trade/balance")

    row = propose(desk, ticket, Draft(Way.UNDO, REASON), people.anna.actor())

    wait_until(lambda: booking(desk, row.id).status is BookingStatus.BOOKED)
    assert (in_suspense(desk), desk.on_platform(), desk.sim_balance(account.login)) == (0, 0, 0)


def test_what_the_client_has_lost_cannot_be_moved_back(desk: Desk, account: TradingAccount, people: People) -> None:
    ticket = by_hand(desk, account, "75")
    by_hand(desk, account, "-60")

    row = propose(desk, ticket, Draft(Way.UNDO, REASON), people.anna.actor())

    wait_until(lambda: booking(desk, row.id).status is BookingStatus.FAILED)
    assert booking(desk, row.id).decision_note == "not_enough_money"
    assert in_suspense(desk) == 15
    again = propose(desk, ticket, Draft(Way.HOUSE, REASON, house=House.EXPENSE), people.anna.actor())
    assert again.status is BookingStatus.BOOKED


def test_a_booking_is_taken_back_by_a_reversing_entry(desk: Desk, account: TradingAccount, people: People) -> None:
    anna = people.anna.actor()
    ticket = by_hand(desk, account, "60")
    row = propose(desk, ticket, Draft(Way.CLIENT, REASON), anna)
    assert (desk.wallet(), in_suspense(desk)) == (940, 0)

    with desk.scope(anna):
        suspense.take_back(row.id, "It was another client's.", by=anna)

    assert (desk.wallet(), in_suspense(desk)) == (1000, 60)
    assert ticket in unmatched(desk)
    with desk.scope(anna), pytest.raises(suspense.NotReversible):
        suspense.take_back(row.id, "Once more, please.", by=anna)
    second = propose(desk, ticket, Draft(Way.HOUSE, REASON, house=House.BANK), anna)
    assert (second.status, in_suspense(desk)) == (BookingStatus.BOOKED, 0)


def test_one_form_books_once(desk: Desk, account: TradingAccount, people: People) -> None:
    anna = people.anna.actor()
    ticket = by_hand(desk, account, "60")
    draft = Draft(Way.CLIENT, REASON)

    first, second = (propose(desk, ticket, draft, anna, once="the-same-form-number") for _ in range(2))

    assert first.id == second.id
    assert desk.wallet() == 940
    with pytest.raises(ledger.KeyReused):
        propose(desk, ticket, Draft(Way.UNDO, REASON), anna, once="the-same-form-number")
    with pytest.raises(suspense.NothingInSuspense):
        propose(desk, ticket, draft, anna)


def test_a_form_that_comes_again_with_another_account_of_the_house_is_refused(
    desk: Desk, account: TradingAccount, people: People
) -> None:
    anna = people.anna.actor()
    ticket = by_hand(desk, account, "60")

    propose(desk, ticket, Draft(Way.HOUSE, REASON, House.BANK), anna, once="the-same-form-number")

    with pytest.raises(ledger.KeyReused):
        propose(desk, ticket, Draft(Way.HOUSE, REASON, House.EXPENSE), anna, once="the-same-form-number")


def test_a_request_that_arrived_after_we_had_refused_it_is_matched(
    desk: Desk, account: TradingAccount, people: People
) -> None:
    desk.set(send_within_s="0.5")
    desk.fault(FaultKind.DROP_BEFORE, "trade/balance")
    operation_id = desk.ask(fund, account.id, Money(Decimal(60), "USD"))
    assert desk.outcome(operation_id) is OperationState.REFUSED
    ticket = by_hand(desk, account, "60", comment=desk.operation(operation_id).reference)
    assert unmatched(desk)[ticket].reason == "late"
    assert (desk.wallet(), in_suspense(desk)) == (1000, 60)

    propose(desk, ticket, Draft(Way.MATCH, REASON, operation_id=operation_id), people.anna.actor())

    assert (desk.wallet(), in_suspense(desk), desk.on_platform()) == (940, 0, 60)
    operation = desk.operation(operation_id)
    assert (operation.state, operation.result["ticket"]) == (OperationState.RECONCILED, ticket)


def test_a_movement_by_hand_is_a_request_that_nobody_answered(
    desk: Desk, account: TradingAccount, people: People
) -> None:
    desk.set(send_within_s="60")
    desk.fault(FaultKind.DROP_BEFORE, "trade/balance")
    operation_id = desk.ask(fund, account.id, Money(Decimal(60), "USD"))
    wait_until(lambda: desk.operation(operation_id).state is OperationState.UNKNOWN)
    ticket = by_hand(desk, account, "60", comment="transfer of today")

    with pytest.raises(Invalid):
        propose(
            desk, by_hand(desk, account, "61"), Draft(Way.MATCH, REASON, operation_id=operation_id), people.anna.actor()
        )
    propose(desk, ticket, Draft(Way.MATCH, REASON, operation_id=operation_id), people.anna.actor())

    assert desk.operation(operation_id).state is OperationState.RECONCILED
    assert (desk.wallet(), desk.wallet(ledger.HELD), desk.on_platform(), in_suspense(desk)) == (940, 0, 121, 61)


def test_what_was_taken_back_by_hand_needs_nobody(desk: Desk, account: TradingAccount) -> None:
    ticket = by_hand(desk, account, "60")

    def take_back(server: object) -> None:
        gone = server.delete_deal(ticket)  # type: ignore[attr-defined]
        user = server.user(account.login)  # type: ignore[attr-defined]
        user.balance -= gone.money
        server.user_changed(user)  # type: ignore[attr-defined]

    desk.simulator.call(take_back)

    wait_until(lambda: unmatched(desk) == {})
    assert in_suspense(desk) == 0


def test_every_step_is_on_record(desk: Desk, account: TradingAccount, people: People) -> None:
    anna, boris = people.anna.actor(), people.boris.actor()
    ticket = by_hand(desk, account, "200")
    row = propose(desk, ticket, Draft(Way.HOUSE, REASON, house=House.BANK), anna)
    with desk.scope(boris):
        suspense.approve(row.id, by=boris)
    with desk.scope(boris):
        suspense.take_back(row.id, "The bank was wrong.", by=boris)

    with desk.scope():
        records = audit_queries.page_of_log(audit_queries.log(object_text=str(row.id)), offset=0, limit=10)
        acts = [record.action for record in records]
    assert sorted(acts) == ["trading.suspense.carry_out", "trading.suspense.propose", "trading.suspense.take_back"]


def test_another_brand_books_nothing(desk: Desk, account: TradingAccount, people: People, south: Brand) -> None:
    ticket = by_hand(desk, account, "60")
    row = propose(desk, ticket, Draft(Way.HOUSE, REASON, house=House.BANK), people.anna.actor())

    with acting(south), pytest.raises(NotFound):
        suspense.propose(
            desk.platform_id, ticket, Draft(Way.CLIENT, REASON), once=str(new_id()), by=people.anna.actor()
        )
    with acting(south), pytest.raises(NotFound):
        suspense.take_back(row.id, "Not ours at all.", by=people.anna.actor())


def test_a_connector_may_be_away_when_it_is_proposed(
    desk: Desk, account: TradingAccount, connector: Connector, people: People
) -> None:
    ticket = by_hand(desk, account, "60")
    connector.stop()

    row = propose(desk, ticket, Draft(Way.UNDO, REASON), people.anna.actor())
    assert row.status is BookingStatus.RUNNING
    running = Connector()
    try:
        wait_until(lambda: booking(desk, row.id).status is BookingStatus.BOOKED)
    finally:
        running.stop()
    assert desk.sim_balance(account.login) == 0
