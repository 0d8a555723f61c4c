"""The audit chain: every act is on record, sealed in order, and no change of the past goes unseen."""

import os
import threading
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import psycopg
import pytest
from sqlalchemy.exc import ProgrammingError

from app.audit import jobs, queries, rules, service
from app.audit.cli import group
from app.core import db
from app.core.actor import Actor
from app.kit import clock
from app.kit.ids import new_id
from tests.support.brands import Brand, acting

BY = Actor("staff", new_id(), "Lena Weber", ip="203.0.113.9")


def record(brand: Brand, action: str = "test.act", **values: object) -> UUID:
    with acting(brand):
        return service.record(action, ("thing", new_id()), by=BY, after=values).id


def seal(brand: Brand) -> int:
    with acting(brand):
        return service.seal()


def findings(brand: Brand) -> list[str]:
    with acting(brand):
        return [finding.sentence for finding in service.verify()]


def tamper(statement: str, **values: object) -> None:
    """What only somebody with the owner's power over the database could do."""
    address = os.environ["DATABASE_OWNER_URL"].replace("postgresql+psycopg://", "postgresql://")
    with psycopg.connect(address) as connection:
        connection.execute("SET app.tenant_id = '901'")
        connection.execute(statement, values)


def test_records_are_sealed_in_order_and_the_chain_is_whole(north: Brand, south: Brand) -> None:
    ids = [record(north, number=number) for number in range(5)]
    record(south)

    assert (seal(north), seal(north), seal(south)) == (5, 0, 1)

    with acting(north):
        assert [link.record_id for link, _ in queries.chain()] == ids
        assert [link.seq for link, _ in queries.chain()] == [1, 2, 3, 4, 5]
    record(north)
    assert seal(north) == 1
    assert findings(north) == findings(south) == []


def test_values_come_back_as_plain_json_and_the_act_says_who_and_from_where(north: Brand) -> None:
    record_id = record(north, amount=Decimal("12.30"), at=clock.now(), names={"b", "a"})
    seal(north)

    with acting(north):
        row = queries.record(record_id)
    assert row is not None
    assert row.after is not None
    assert (row.after["amount"], row.after["names"]) == ("12.30", ["a", "b"])
    assert (row.actor_kind, row.actor_id, row.actor_name, row.ip) == ("staff", BY.id, "Lena Weber", "203.0.113.9")
    assert findings(north) == []


def test_an_act_that_is_rolled_back_leaves_no_record(north: Brand) -> None:
    with db.tenant_scope(north.id):
        service.record("test.act", ("thing", 1), by=BY)
        db.rollback()

    assert seal(north) == 0


@pytest.mark.parametrize(
    ("statement", "sentence"),
    [
        ("UPDATE audit_record SET after = '{\"number\": 9}' WHERE tenant_id = 901 AND id = %(id)s", "values"),
        ("UPDATE audit_record SET actor_name = 'Nobody' WHERE tenant_id = 901 AND id = %(id)s", "values"),
        ("UPDATE audit_record SET action = 'test.other' WHERE tenant_id = 901 AND id = %(id)s", "has been changed"),
        (
            "UPDATE audit_record SET at = at + interval '1 day' WHERE tenant_id = 901 AND id = %(id)s",
            "has been changed",
        ),
        ("DELETE FROM audit_link WHERE tenant_id = 901 AND record_id = %(id)s", "is missing"),
        ("UPDATE audit_link SET previous_hash = hash WHERE tenant_id = 901 AND record_id = %(id)s", "does not follow"),
    ],
)
def test_the_first_broken_link_is_named(north: Brand, statement: str, sentence: str) -> None:
    ids = [record(north, number=number) for number in range(3)]
    seal(north)

    tamper(statement, id=ids[1])

    found = findings(north)
    assert sentence in found[0]
    assert "2" in found[0]


def test_a_record_that_was_never_to_be_sealed_is_named(north: Brand) -> None:
    record_id = record(north)

    tamper("DELETE FROM audit_pending WHERE tenant_id = 901 AND record_id = %(id)s", id=record_id)

    assert findings(north) == [f"Record {record_id} is neither in the chain nor waiting for it."]


def test_what_waits_for_more_than_ten_seconds_is_named(north: Brand) -> None:
    start = clock.now()
    with clock.frozen(start):
        record_id = record(north)
    with clock.frozen(start + timedelta(seconds=10)):
        assert findings(north) == []
    with clock.frozen(start + timedelta(seconds=11)):
        assert findings(north) == [f"Record {record_id} has waited 11 seconds for its seal."]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_record SET reason = 'x'",
        "DELETE FROM audit_record",
        "UPDATE audit_link SET hash = 'x'",
        "DELETE FROM audit_link",
    ],
)
def test_the_product_itself_can_change_nothing_on_record(north: Brand, statement: str) -> None:
    record(north)
    seal(north)

    with pytest.raises(ProgrammingError, match="permission denied"), acting(north):
        db.execute_sql(statement)


def test_two_acts_of_one_brand_do_not_wait_for_each_other(north: Brand) -> None:
    def act() -> None:
        record(north, "test.second")

    with db.tenant_scope(north.id):
        service.record("test.first", ("thing", 1), by=BY)  # Not committed yet.
        second = threading.Thread(target=act)
        second.start()
        second.join(5)
        assert not second.is_alive()
        db.commit()

    assert seal(north) == 2
    assert findings(north) == []


def test_a_second_sealer_has_nothing_to_do(north: Brand) -> None:
    record(north)
    counts: list[int] = []

    with db.tenant_scope(north.id):
        assert service.seal() == 1  # Not committed yet.
        other = threading.Thread(target=lambda: counts.append(seal(north)))
        other.start()
        other.join(5)
        db.commit()

    assert counts == [0]
    assert findings(north) == []


def test_the_scheduler_seals_every_brand(north: Brand, south: Brand) -> None:
    record(north)
    record(south)

    jobs.seal_all()

    for brand in (north, south):
        with acting(brand):
            assert queries.sealed_count() == 1
            assert queries.pending_since(clock.now() + timedelta(days=1)) == []


def test_the_command_proves_every_chain_and_fails_on_a_broken_one(north: Brand, south: Brand) -> None:
    from click.testing import CliRunner

    record_id = record(north, number=1)
    record(south)
    jobs.seal_all()
    whole = CliRunner().invoke(group, ["verify"])
    assert (whole.exit_code, "north: whole, 1 records sealed." in whole.output) == (0, True)

    tamper("UPDATE audit_record SET reason = 'x' WHERE tenant_id = 901 AND id = %(id)s", id=record_id)

    broken = CliRunner().invoke(group, ["verify", "--tenant", "north"])
    assert broken.exit_code == 1
    assert "north: The values of the record in link 1 have been changed." in broken.output
    assert CliRunner().invoke(group, ["verify", "--tenant", "south"]).exit_code == 0


def test_only_what_changed_is_shown_as_changed() -> None:
    shown = rules.differences({"a": 1, "b": "x", "gone": True}, {"a": 1, "b": "y", "new": ["z"]})

    assert [(one.field, one.before, one.after) for one in shown] == [
        ("b", "x", "y"),
        ("gone", "true", None),
        ("new", None, '["z"]'),
    ]


def test_the_log_of_one_brand_shows_nothing_of_another(north: Brand, south: Brand) -> None:
    record_id = record(north)

    with acting(south):
        assert queries.count_of_log(queries.log()) == 0
        assert queries.record(record_id) is None
