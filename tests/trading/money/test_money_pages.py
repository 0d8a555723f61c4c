"""The pages of what waits for a person: found, filtered, taken on, decided, exported; and closed to others."""

from __future__ import annotations

from decimal import Decimal

import pytest
from flask import Flask

from app.core.db import execute_sql
from app.kit.money import Money
from app.ledger import service as ledger
from app.simulators.mt5.faults import FaultKind
from app.trading.models import OperationState, TradingAccount
from app.trading.money import queries
from app.trading.money.models import BookingStatus
from app.trading.service import fund
from tests.support.brands import Brand, browser_of, make_staff
from tests.support.browsing import Visitor, text_of
from tests.trading.conftest import Desk, wait_until
from tests.trading.money.conftest import People, by_hand, in_suspense, unmatched
from tests.trading.money.test_reconciliation import compared, differences, on_platform

WAITING = "/waiting"


@pytest.fixture
def anna(app: Flask, desk: Desk, people: People) -> Visitor:
    return browser_of(app, desk.brand, people.anna, "office")


@pytest.fixture
def boris(app: Flask, desk: Desk, people: People) -> Visitor:
    return browser_of(app, desk.brand, people.boris, "office")


def lost(desk: Desk, account: TradingAccount) -> str:
    """A request whose outcome nobody knows. Answers its id."""
    desk.set(send_within_s="600")
    desk.fault(FaultKind.DROP_BEFORE, "trade/balance")
    operation_id = desk.ask(fund, account.id, Money(Decimal(60), "USD"))
    wait_until(lambda: desk.operation(operation_id).state is OperationState.UNKNOWN)
    return str(operation_id)


def address(desk: Desk, ticket: int) -> str:
    return f"/waiting/deals/{desk.platform_id}/{ticket}"


def test_the_queue_shows_everything_that_waits(desk: Desk, account: TradingAccount, anna: Visitor) -> None:
    assert "Nothing waits" in text_of(anna.get(WAITING))
    operation_id = lost(desk, account)
    ticket = by_hand(desk, account, "40", comment="promised by phone")

    def spoil(user: object) -> None:
        user.balance += 5  # type: ignore[attr-defined]

    on_platform(desk, account, spoil)
    compared(desk)
    reference = desk.operation(operation_id).reference  # type: ignore[arg-type]

    page = text_of(anna.get(WAITING))
    for words in (reference, "promised by phone", "Balance of an account", "Mona Haddad", str(account.login)):
        assert words in page
    only_deals = text_of(anna.get(f"{WAITING}?kind=deal", target="list"))
    assert "promised by phone" in only_deals
    assert reference not in only_deals
    assert reference in text_of(anna.get(f"{WAITING}?q={reference}"))
    assert "Nothing waits" in text_of(anna.get(f"{WAITING}?q=nobody"))
    table = anna.get(f"{WAITING}/list.csv")
    assert (table.status_code, table.mimetype) == (200, "text/csv")
    assert {reference, "promised by phone"} <= set(table.get_data(as_text=True).replace("\r\n", ",").split(","))
    assert ">3<" in anna.get("/").get_data(as_text=True)  # The number on the menu.
    assert anna.get(address(desk, ticket)).status_code == 200
    assert anna.get(f"/waiting/differences/{differences(desk)['balance'].id}").status_code == 200


def test_somebody_takes_a_matter_on(desk: Desk, account: TradingAccount, anna: Visitor, boris: Visitor) -> None:
    ticket = by_hand(desk, account, "40")
    key = f"deal/{desk.platform_id}:{ticket}"

    assert anna.post(f"{WAITING}/{key}/take-on").status_code == 303
    assert anna.post(f"{WAITING}/{key}/take-on").status_code == 303
    assert boris.post(f"{WAITING}/{key}/take-on").status_code == 409
    assert str(ticket) not in text_of(boris.get(f"{WAITING}?whose=mine"))
    assert "by hand" in text_of(anna.get(f"{WAITING}?whose=mine"))
    assert "by hand" not in text_of(anna.get(f"{WAITING}?whose=nobodys"))
    assert boris.post(f"{WAITING}/{key}/give-up").status_code == 303
    assert "by hand" in text_of(anna.get(f"{WAITING}?whose=nobodys"))
    for wrong in ("deal/nonsense", "operation/nonsense", "weather/1", f"deal/{desk.platform_id}:1"):
        assert anna.post(f"{WAITING}/{wrong}/take-on").status_code == 404


def test_two_people_book_a_movement_on_its_page(
    desk: Desk, account: TradingAccount, anna: Visitor, boris: Visitor
) -> None:
    ticket = by_hand(desk, account, "400")
    page = address(desk, ticket)
    wrong = anna.post(page, {"way": "house:bank", "reason": "", "once": anna.form_number(page)})
    assert wrong.status_code == 422
    assert anna.post(page, {"way": "house:moon", "reason": "A good one.", "once": "x" * 20}).status_code == 422

    sent = anna.post(page, {"way": "house:bank", "reason": "Wire of Monday.", "once": anna.form_number(page)})

    assert sent.status_code == 303
    with desk.scope():
        (booking,) = queries.bookings_of(desk.platform_id, ticket)
    act = f"/waiting/bookings/{booking.id}"
    assert "Waits for a second person" in text_of(anna.get(page))
    assert anna.post(f"{act}/carry-out").status_code == 403
    assert boris.get(f"{act}/turn-down").status_code == 200
    assert boris.post(f"{act}/turn-down", {"note": "no"}).status_code == 422
    assert boris.post(f"{act}/carry-out").status_code == 303
    assert in_suspense(desk) == 0
    after = text_of(anna.get(page))
    assert "Settled" in after
    assert "Wire of Monday." in after
    assert "Carried a booking out" in after
    assert anna.get(f"{act}/take-back").status_code == 200
    assert anna.post(f"{act}/take-back", {"note": "Wrong client."}).status_code == 303
    assert (in_suspense(desk), list(unmatched(desk))) == (400, [ticket])


def test_a_client_sees_the_correction_and_not_the_reason(
    app: Flask, desk: Desk, account: TradingAccount, anna: Visitor
) -> None:
    page = address(desk, by_hand(desk, account, "40"))
    anna.post(page, {"way": "client", "reason": "He phoned and was rude.", "once": anna.form_number(page)})

    history = text_of(browser_of(app, desk.brand, desk.trader, "cabinet").get("/history"))

    assert desk.wallet() == 960
    assert "Correction of a transfer" in history
    assert "rude" not in history


def test_a_movement_is_matched_with_a_request_on_its_page(desk: Desk, account: TradingAccount, anna: Visitor) -> None:
    operation_id = lost(desk, account)
    ticket = by_hand(desk, account, "60")
    page = address(desk, ticket)
    assert desk.operation(operation_id).reference in text_of(anna.get(page))  # type: ignore[arg-type]

    sent = anna.post(
        page, {"way": f"match:{operation_id}", "reason": "It is the same.", "once": anna.form_number(page)}
    )

    assert sent.status_code == 303
    assert desk.operation(operation_id).state is OperationState.RECONCILED  # type: ignore[arg-type]
    assert (desk.wallet(), desk.wallet(ledger.HELD), in_suspense(desk)) == (940, 0, 0)
    with desk.scope():
        assert queries.bookings_of(desk.platform_id, ticket)[0].status is BookingStatus.BOOKED


def test_an_operation_page_tells_its_life_and_takes_a_word(
    desk: Desk, account: TradingAccount, anna: Visitor, boris: Visitor
) -> None:
    operation_id = lost(desk, account)
    page = f"/waiting/operations/{operation_id}"

    shown = text_of(anna.get(page))
    for words in ("No usable answer came", "Still held", "Sent to the platform", "Two people must see the same"):
        assert words in shown
    assert anna.post(f"{page}/look").status_code == 303
    assert anna.post(page, {"outcome": "absent", "note": "no"}).status_code == 422
    assert anna.post(page, {"outcome": "absent", "note": "Not in the history."}).status_code == 303
    assert "saw that it was not carried out" in text_of(boris.get(page))
    assert boris.post(page, {"outcome": "absent", "note": "I see the same."}).status_code == 303
    assert desk.operation(operation_id).state is OperationState.REFUSED  # type: ignore[arg-type]
    assert "Nothing waits" in text_of(anna.get(WAITING))
    assert "Why it was refused" in text_of(anna.get(page))


def test_money_that_is_held_though_its_operation_has_ended_is_seen(
    desk: Desk, account: TradingAccount, anna: Visitor
) -> None:
    operation_id = lost(desk, account)
    with desk.scope():  # Nothing of ours does this: an outcome and its hold are one transaction.
        execute_sql(
            "UPDATE platform_operation SET state = 'refused', next_look_at = NULL WHERE tenant_id = :tenant_id"
            " AND id = :id",
            id=operation_id,
        )

    assert "its money is still held" in text_of(anna.get(WAITING))
    assert "Still held" in text_of(anna.get(f"/waiting/operations/{operation_id}"))


def test_differences_are_explained_and_runs_listed(desk: Desk, account: TradingAccount, anna: Visitor) -> None:
    def spoil(user: object) -> None:
        user.credit += 5  # type: ignore[attr-defined]

    assert "Nothing was compared yet" in text_of(anna.get("/waiting/comparisons"))
    on_platform(desk, account, spoil)
    compared(desk)
    row = differences(desk)["credit"]
    page = f"/waiting/differences/{row.id}"

    assert anna.post(page, {"category": "moon", "note": "Given by phone."}).status_code == 422
    assert anna.post(page, {"category": "by_hand", "note": "Given by phone."}).status_code == 303
    assert "Somebody changed it in the manager's terminal" in text_of(anna.get(page))
    listed = text_of(anna.get("/waiting/comparisons"))
    assert "Credit of an account" in listed
    assert "Finished" in listed
    lines = anna.get("/waiting/comparisons.csv").get_data(as_text=True).splitlines()
    assert lines[1].split(",")[2:4] == ["asked", "done"]
    assert anna.post(f"/waiting/comparisons/{desk.platform_id}").status_code == 303


@pytest.mark.usefixtures("anna")
def test_others_are_kept_out(app: Flask, desk: Desk, account: TradingAccount, people: People, south: Brand) -> None:
    operation_id = lost(desk, account)
    ticket = by_hand(desk, account, "40")
    dealer = browser_of(app, desk.brand, make_staff(desk.brand, "dealing"), "office")
    support = browser_of(app, desk.brand, make_staff(desk.brand, "support"), "office")
    stranger = browser_of(app, south, make_staff(south, "admin"), "office")
    pages = (WAITING, address(desk, ticket), f"/waiting/operations/{operation_id}", "/waiting/comparisons")

    for page in pages:
        assert support.get(page).status_code == 403
        assert dealer.get(page).status_code == 200
    for page in pages[1:3]:
        assert stranger.get(page).status_code == 404
        assert dealer.post(page, {"way": "client", "outcome": "done"}).status_code == 403
        assert (
            stranger.post(
                page, {"way": "client", "reason": "A good one.", "outcome": "done", "note": "It is there."}
            ).status_code
            == 404
        )
    assert "Nothing waits" in text_of(stranger.get(WAITING))
    assert in_suspense(desk) == 40
