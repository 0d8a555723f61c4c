"""The ban matrix: what a lock takes away, from whom, until when."""

import threading
from datetime import timedelta

import pytest

from app.audit import queries as audit_queries
from app.core import db
from app.core.errors import Invalid, NotFound
from app.kit import clock
from app.kit.ids import new_id
from app.restrictions import queries, service
from app.restrictions.models import Restriction
from app.restrictions.service import AlreadyLifted, Restricted
from tests.support.brands import Brand, Person, acting, make_staff

CLIENT, OTHER = new_id(), new_id()


@pytest.fixture
def officer(north: Brand) -> Person:
    return make_staff(north, "compliance")


def lock(brand: Brand, officer: Person, function: str = "sign_in", **values: object) -> Restriction:
    with acting(brand):
        return service.lock(CLIENT, function, reason_code="aml_review", by=officer.actor(), **values)  # type: ignore[arg-type]


def is_locked(brand: Brand, function: str = "sign_in") -> bool:
    with acting(brand):
        return service.is_locked(function, CLIENT)


def test_a_lock_denies_one_function_to_one_client_of_one_brand(north: Brand, south: Brand, officer: Person) -> None:
    lock(north, officer, public_note="We need a document from you.")

    with pytest.raises(Restricted) as refusal, acting(north):
        service.require("sign_in", CLIENT)
    assert refusal.value.status_code == 403
    assert refusal.value.message.in_english() == "We need a document from you."
    with acting(north):
        service.require("profile_edit", CLIENT)
        service.require("sign_in", OTHER)
        assert service.locked_clients("sign_in") == {CLIENT}
    with acting(south):
        service.require("sign_in", CLIENT)
        assert service.locked_clients("sign_in") == set()


def test_a_note_with_a_percent_sign_is_shown_as_it_is(north: Brand, officer: Person) -> None:
    lock(north, officer, public_note="100 %(x)s of it")

    with pytest.raises(Restricted) as refusal, acting(north):
        service.require("sign_in", CLIENT)
    assert refusal.value.message.in_english() == "100 %(x)s of it"


def test_without_a_note_the_client_reads_a_general_sentence(north: Brand, officer: Person) -> None:
    lock(north, officer, internal_note="suspected fraud")

    with pytest.raises(Restricted) as refusal, acting(north):
        service.require("sign_in", CLIENT)
    assert "support" in refusal.value.message.in_english()
    assert "fraud" not in refusal.value.message.in_english()


def test_a_lock_ends_at_the_exact_instant(north: Brand, officer: Person) -> None:
    start = clock.now()
    end = start + timedelta(hours=72)
    with clock.frozen(start):
        lock(north, officer, expires_at=end)

    with clock.frozen(end - timedelta(microseconds=1)):
        assert is_locked(north)
    with clock.frozen(end):
        assert not is_locked(north)
        with acting(north):
            assert service.locked_clients("sign_in") == set()


def test_of_two_locks_lifting_one_leaves_the_other(north: Brand, officer: Person) -> None:
    first, second = lock(north, officer), lock(north, officer)

    with acting(north):
        service.lift(first.id, reason="document received", by=officer.actor())
    assert is_locked(north)
    with acting(north):
        service.lift(second.id, reason="cleared", by=officer.actor())
    assert not is_locked(north)


def test_a_lift_needs_a_reason_and_happens_once(north: Brand, south: Brand, officer: Person) -> None:
    row = lock(north, officer)

    with pytest.raises(Invalid) as refusal, acting(north):
        service.lift(row.id, reason="  ", by=officer.actor())
    assert refusal.value.field == "reason"
    with pytest.raises(NotFound), acting(south):
        service.lift(row.id, reason="not mine", by=officer.actor())
    with acting(north):
        service.lift(row.id, reason="cleared", by=officer.actor())
    with pytest.raises(AlreadyLifted), acting(north):
        service.lift(row.id, reason="again", by=officer.actor())


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("function", {"function": "fly"}),
        ("reason_code", {"reason_code": "whim"}),
        ("expires_at", {"expires_at": clock.now() - timedelta(seconds=1)}),
        ("public_note", {"public_note": "x" * 501}),
    ],
)
def test_a_lock_that_makes_no_sense_names_the_field(
    north: Brand, officer: Person, field: str, values: dict[str, object]
) -> None:
    wanted = {"function": "sign_in", "reason_code": "test", "by": officer.actor(), **values}

    with pytest.raises(Invalid) as refusal, acting(north):
        service.lock(CLIENT, **wanted)  # type: ignore[arg-type]

    assert refusal.value.field == field
    assert not is_locked(north)


def test_a_check_point_with_a_misspelt_function_fails_loudly(north: Brand) -> None:
    with pytest.raises(LookupError), acting(north):
        service.require("sign-in", CLIENT)


def test_setting_and_lifting_are_on_record_under_the_client(north: Brand, officer: Person) -> None:
    row = lock(north, officer, internal_note="see case 7")
    with acting(north):
        service.lift(row.id, reason="cleared", by=officer.actor())
        found = audit_queries.page_of_log(audit_queries.log(client_id=CLIENT), offset=0, limit=10)

    assert [record.action for record in found] == ["restrictions.lift", "restrictions.lock"]
    assert found[1].after is not None
    assert found[1].after["internal_note"] == "see case 7"
    assert found[0].reason == "cleared"


def test_a_lock_waits_for_the_act_that_passed_its_check(north: Brand, officer: Person) -> None:
    order: list[str] = []

    def set_lock() -> None:
        lock(north, officer)
        order.append("locked")

    with db.tenant_scope(north.id):
        service.require("sign_in", CLIENT)
        setting = threading.Thread(target=set_lock)
        setting.start()
        setting.join(0.3)
        order.append("acted")
        db.commit()
    setting.join(10)

    assert order == ["acted", "locked"]
    assert is_locked(north)


def test_the_set_of_locked_clients_joins_into_a_larger_statement(north: Brand, officer: Person) -> None:
    lock(north, officer)

    with acting(north):
        statement = queries.locked_clients_select("sign_in", clock.now())
        assert db.session().execute(statement).scalars().all() == [CLIENT]
