"""Corrections by hand need a reason and two people."""

import threading

import pytest
from sqlalchemy.exc import DBAPIError

from app.core.actor import Actor
from app.core.db import execute_sql, in_transaction, tenant_scope, transaction
from app.core.errors import Invalid, NotFound
from app.kit.ids import new_id
from app.ledger import service as ledger
from app.ledger.models import AdjustmentStatus
from tests.ledger.conftest import HERE, THERE, bank, client_wallet, person, usd

ANNA, BORIS, CHEN = person("Anna"), person("Boris"), person("Chen")


def test_a_second_person_books_it(here: None) -> None:
    with transaction():
        wallet = client_wallet(filled=1_000)
        proposal = ledger.propose_adjustment(wallet, usd(250), "Goodwill for the outage", once=str(new_id()), by=ANNA)
    assert ledger.balance(wallet) == usd(1_000)
    in_transaction(ledger.approve_adjustment, proposal.id, by=BORIS)

    assert ledger.balance(wallet) == usd(1_250)
    assert (proposal.status, proposal.decided_by_name) == (AdjustmentStatus.APPROVED, "Boris")


def test_the_proposer_cannot_approve_not_even_in_the_database(here: None) -> None:
    with transaction():
        wallet = client_wallet(filled=1_000)
        proposal = ledger.propose_adjustment(wallet, -usd(250), "Booked to a wrong client", once=str(new_id()), by=ANNA)
        entry = ledger.post("any", "any", [ledger.Line(wallet, usd(1)), ledger.Line(bank(), -usd(1))], ANNA)
    with pytest.raises(ledger.SamePerson), transaction():
        ledger.approve_adjustment(proposal.id, by=ANNA)
    with pytest.raises(DBAPIError, match="adjustment_two_people"), transaction():
        execute_sql(
            "UPDATE adjustment SET status = 'approved', decided_by = proposed_by, entry_id = :entry"
            " WHERE tenant_id = :tenant_id AND id = :id",
            id=proposal.id,
            entry=entry.id,
        )

    assert ledger.balance(wallet) == usd(1_001)


def test_two_people_approving_at_once_book_it_once(books: None) -> None:
    with tenant_scope(HERE), transaction():
        wallet = client_wallet(filled=1_000)
        proposal = ledger.propose_adjustment(wallet, usd(250), "Goodwill for the outage", once=str(new_id()), by=ANNA)
    outcomes: list[str] = []

    def work(who: Actor) -> None:
        with tenant_scope(HERE):
            try:
                in_transaction(ledger.approve_adjustment, proposal.id, by=who)
                outcomes.append("approved")
            except ledger.AdjustmentDecided:
                outcomes.append("decided")

    threads = [threading.Thread(target=work, args=(who,)) for who in (BORIS, CHEN)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == ["approved", "decided"]
    with tenant_scope(HERE):
        assert ledger.balance(wallet) == usd(1_250)


def test_a_double_click_proposes_once(here: None) -> None:
    with transaction():
        wallet = client_wallet()
        first = ledger.propose_adjustment(wallet, usd(5), "Goodwill for the outage", once="k" * 20, by=ANNA)
        second = ledger.propose_adjustment(wallet, usd(5), "Goodwill for the outage", once="k" * 20, by=ANNA)

    assert first.id == second.id


def test_a_form_that_was_changed_and_sent_again_is_refused(here: None) -> None:
    with transaction():
        wallet = client_wallet()
        ledger.propose_adjustment(wallet, usd(5), "Goodwill for the outage", once="k" * 20, by=ANNA)
    with pytest.raises(ledger.KeyReused), transaction():
        ledger.propose_adjustment(wallet, usd(500), "Goodwill for the outage", once="k" * 20, by=ANNA)


def test_bad_proposals_name_their_field(here: None) -> None:
    with transaction():
        wallet, house = client_wallet(), bank()
    for target, money, reason, field in (
        (wallet, usd(0), "Goodwill for the outage", "amount"),
        (wallet, usd(5), "  no ", "reason"),
        (house, usd(5), "Goodwill for the outage", "wallet_id"),
    ):
        with pytest.raises(Invalid) as refusal, transaction():
            ledger.propose_adjustment(target, money, reason, once=str(new_id()), by=ANNA)
        assert refusal.value.field == field


def test_an_adjustment_that_would_overdraw_is_refused_and_stays_open(here: None) -> None:
    with transaction():
        wallet = client_wallet(filled=100)
        proposal = ledger.propose_adjustment(wallet, -usd(101), "Booked to a wrong client", once=str(new_id()), by=ANNA)
    with pytest.raises(ledger.InsufficientFunds), transaction():
        ledger.approve_adjustment(proposal.id, by=BORIS)
    with transaction():
        rejected = ledger.reject_adjustment(proposal.id, "Not covered", by=BORIS)

    assert rejected.status is AdjustmentStatus.REJECTED
    assert ledger.balance(wallet) == usd(100)


def test_another_tenant_does_not_find_it(books: None) -> None:
    with tenant_scope(HERE), transaction():
        proposal = ledger.propose_adjustment(client_wallet(), usd(5), "Goodwill", once=str(new_id()), by=ANNA)
    with tenant_scope(THERE), pytest.raises(NotFound), transaction():
        ledger.approve_adjustment(proposal.id, by=BORIS)
