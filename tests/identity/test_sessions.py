"""How long a session lives, and what ends it."""

from datetime import timedelta

import pytest

from app.core import db
from app.core.db import execute_sql
from app.core.errors import NotFound
from app.identity import rules, service
from app.identity.service import LinkExpired, NewSession, WrongCredentials
from app.kit import clock
from app.restrictions import service as restrictions
from app.restrictions.service import Restricted
from tests.support.brands import (
    PASSWORD,
    VISITOR,
    Brand,
    Person,
    acting,
    enter,
    link_in,
    mails,
    make_staff,
    make_trader,
)

NEW_PASSWORD = "another quiet evening"


def is_open(brand: Brand, started: NewSession) -> bool:
    with acting(brand):
        return service.signed_in(started.token, started.signed_in.audience) is not None


@pytest.fixture
def mona(north: Brand) -> Person:
    return make_trader(north)


@pytest.fixture
def admin(north: Brand) -> Person:
    return make_staff(north, "admin")


def test_every_sign_in_gets_a_cookie_of_its_own(north: Brand, mona: Person) -> None:
    first, second = enter(north, mona, "cabinet"), enter(north, mona, "cabinet")

    assert first.token != second.token
    assert len(first.token) >= 43  # 256 bits.
    with acting(north):
        stored = execute_sql("SELECT token_hash FROM user_session").scalars().all()
    assert first.token not in stored
    assert rules.digest(first.token) in stored


def test_a_made_up_cookie_opens_nothing(north: Brand, mona: Person) -> None:
    with acting(north):
        for cookie in ("", "x", "a" * 43, rules.digest(enter(north, mona, "cabinet").token), "a" * 5000):
            assert service.signed_in(cookie, "cabinet") is None


@pytest.mark.parametrize("audience", ["cabinet", "partner", "office"])
def test_an_idle_session_ends_exactly_at_its_limit(north: Brand, audience: str) -> None:
    person = make_staff(north, "admin") if audience == "office" else make_trader(north)
    limits = rules.SESSION_LIMITS[audience]
    start = clock.now()
    with clock.frozen(start):
        started = enter(north, person, audience)

    with clock.frozen(start + limits.idle - timedelta(seconds=1)):
        assert is_open(north, started)
    with clock.frozen(start + 2 * limits.idle - timedelta(seconds=2)):
        assert is_open(north, started)  # It was used in between.
    with clock.frozen(start + 3 * limits.idle):
        assert not is_open(north, started)


def test_a_busy_session_ends_at_its_absolute_limit(north: Brand, mona: Person) -> None:
    start = clock.now()
    with clock.frozen(start):
        started = enter(north, mona, "cabinet")
    minutes = int(rules.SESSION_LIMITS["cabinet"].absolute.total_seconds() // 60)
    for minute in range(20, minutes, 20):
        with clock.frozen(start + timedelta(minutes=minute)):
            assert is_open(north, started)

    with clock.frozen(start + timedelta(minutes=minutes)):
        assert not is_open(north, started)


def test_changing_the_password_ends_every_other_session(north: Brand, mona: Person) -> None:
    here, elsewhere = enter(north, mona, "cabinet"), enter(north, mona, "partner")
    assert is_open(north, elsewhere)  # Remembered in Redis from now on.

    with acting(north):
        by = here.signed_in.actor(VISITOR.ip)
        service.change_password(mona.id, current=PASSWORD, new=NEW_PASSWORD, by=by)

    assert is_open(north, here)
    assert not is_open(north, elsewhere)
    assert mails(north, mona.email)[0].template == "identity.password_changed"
    with pytest.raises(WrongCredentials), acting(north):
        service.sign_in(mona.email, PASSWORD, audience="cabinet", by=VISITOR)


def test_a_wrong_present_password_changes_nothing(north: Brand, mona: Person) -> None:
    elsewhere = enter(north, mona, "cabinet")

    with pytest.raises(service.WrongPassword) as refusal, acting(north):
        service.change_password(mona.id, current="a guess of mine", new=NEW_PASSWORD, by=mona.actor("client"))

    assert refusal.value.field == "current"
    assert is_open(north, elsewhere)


def test_a_reset_link_works_once_within_thirty_minutes_and_ends_every_session(north: Brand, mona: Person) -> None:
    started = enter(north, mona, "cabinet")
    with acting(north):
        service.request_password_reset(" MONA@example.com ", audience="cabinet", by=VISITOR)
    token = link_in(mails(north, mona.email)[0]).rpartition("/")[2]

    with clock.frozen(clock.now() + timedelta(minutes=30)), pytest.raises(LinkExpired), acting(north):
        service.reset_password(token, NEW_PASSWORD, by=VISITOR)
    assert is_open(north, started)
    with acting(north):
        service.reset_password(token, NEW_PASSWORD, by=VISITOR)
    assert not is_open(north, started)
    with pytest.raises(LinkExpired), acting(north):
        service.reset_password(token, "a third password", by=VISITOR)
    with acting(north):
        service.sign_in(mona.email, NEW_PASSWORD, audience="cabinet", by=VISITOR)


def test_a_newer_reset_link_replaces_the_older(north: Brand, mona: Person) -> None:
    for _ in range(2):
        with acting(north):
            service.request_password_reset(mona.email, audience="cabinet", by=VISITOR)
    newer, older = (link_in(mail).rpartition("/")[2] for mail in mails(north, mona.email)[:2])

    with pytest.raises(LinkExpired), acting(north):
        service.reset_password(older, NEW_PASSWORD, by=VISITOR)
    with acting(north):
        service.reset_password(newer, NEW_PASSWORD, by=VISITOR)


def test_a_reset_for_an_unknown_address_or_at_the_wrong_door_writes_to_nobody(north: Brand, mona: Person) -> None:
    with acting(north):
        service.request_password_reset("nobody@example.com", audience="cabinet", by=VISITOR)
        service.request_password_reset(mona.email, audience="office", by=VISITOR)

    assert mails(north) == []


def test_a_reset_link_of_one_brand_is_unknown_at_another(north: Brand, south: Brand, mona: Person) -> None:
    make_trader(south, mona.email)
    with acting(north):
        service.request_password_reset(mona.email, audience="cabinet", by=VISITOR)
    token = link_in(mails(north, mona.email)[0]).rpartition("/")[2]

    with pytest.raises(LinkExpired), acting(south):
        service.reset_password(token, NEW_PASSWORD, by=VISITOR)


def test_disabling_a_member_of_staff_ends_the_sessions_at_once(north: Brand, admin: Person) -> None:
    officer = make_staff(north, "finance")
    started = enter(north, officer, "office")
    assert is_open(north, started)

    with acting(north):
        service.disable_staff(officer.id, reason="has left", by=admin.actor())

    assert not is_open(north, started)
    with pytest.raises(WrongCredentials), acting(north):
        service.sign_in(officer.email, PASSWORD, audience="office", by=VISITOR)


def test_losing_a_role_ends_the_sessions_that_had_it(north: Brand, admin: Person) -> None:
    officer = make_staff(north, "finance", "sales")
    started = enter(north, officer, "office")
    assert is_open(north, started)

    with acting(north):
        service.change_roles(officer.id, ["sales"], by=admin.actor())

    assert not is_open(north, started)
    assert enter(north, officer, "office").signed_in.roles == ("sales",)


def test_locking_sign_in_ends_the_sessions_and_refuses_the_next(north: Brand, mona: Person, admin: Person) -> None:
    started = enter(north, mona, "cabinet")
    assert is_open(north, started)
    assert mona.client_id is not None

    with acting(north, admin.actor()):
        restrictions.lock(
            mona.client_id, "sign_in", reason_code="security_incident", public_note="Call us.", by=admin.actor()
        )

    assert not is_open(north, started)
    with pytest.raises(Restricted) as refusal, acting(north):
        service.sign_in(mona.email, PASSWORD, audience="cabinet", by=VISITOR)
    assert refusal.value.message.in_english() == "Call us."


def test_a_person_sees_and_ends_their_own_sessions_alone(north: Brand, mona: Person) -> None:
    stranger = make_trader(north, "omar@example.com")
    mine, other, foreign = (enter(north, who, "cabinet") for who in (mona, mona, stranger))
    by = mine.signed_in.actor()

    with acting(north):
        assert {row.id for row in service.sessions_of(mona.id)} == {
            mine.signed_in.session_id,
            other.signed_in.session_id,
        }
        service.end_own_session(other.signed_in.session_id, by=by)
    with pytest.raises(NotFound), acting(north):
        service.end_own_session(foreign.signed_in.session_id, by=by)

    assert (is_open(north, mine), is_open(north, other), is_open(north, foreign)) == (True, False, True)


def test_a_stream_asks_whether_its_session_lives(north: Brand, south: Brand, mona: Person) -> None:
    started = enter(north, mona, "cabinet")
    session_id = str(started.signed_in.session_id)

    assert service.is_session_alive(north.id, session_id)
    assert not service.is_session_alive(south.id, session_id)
    assert not service.is_session_alive(north.id, "")
    with acting(north):
        service.end_session(started.signed_in.session_id, by=started.signed_in.actor())
    assert not service.is_session_alive(north.id, session_id)


def test_a_session_that_was_not_committed_opens_nothing(north: Brand, mona: Person) -> None:
    with db.tenant_scope(north.id):
        started = service.start_session(mona.id, audience="cabinet")
        db.rollback()

    assert not is_open(north, started)
