"""Signing up, in and out, and what guessing meets."""

import threading
from datetime import timedelta

import pytest

from app.core import redis as core_redis
from app.core.db import execute_sql, tenant_scope
from app.core.errors import Invalid
from app.identity import queries, rules, service
from app.identity.rules import TokenPurpose, UserKind
from app.identity.service import AwaitsConfirmation, LinkExpired, NewSession, TooManyTries, WrongCredentials
from app.kit import clock
from tests.support.brands import PASSWORD, VISITOR, Brand, acting, enter, link_in, mails, make_staff, make_trader

EMAIL = "mona@example.com"


def sign_up(brand: Brand, email: str = EMAIL, password: str = PASSWORD, name: str = "Mona Haddad") -> None:
    with acting(brand):
        service.register(email=email, name=name, country="AE", password=password, language="en", by=VISITOR)


def sign_in(
    brand: Brand, password: str = PASSWORD, email: str = EMAIL, audience: str = "cabinet"
) -> NewSession | AwaitsConfirmation:
    with acting(brand):
        return service.sign_in(email, password, audience=audience, by=VISITOR)


def token_in_mail(brand: Brand, to: str = EMAIL) -> str:
    return link_in(mails(brand, to)[0]).rpartition("/")[2]


def test_a_client_signs_up_confirms_and_is_signed_in(north: Brand) -> None:
    sign_up(north)
    token = token_in_mail(north)

    with acting(north):
        started = service.confirm_email(token, PASSWORD, audience="cabinet", by=VISITOR)

    assert started.signed_in.email == EMAIL
    assert started.signed_in.client_id is not None
    with acting(north):
        who = service.signed_in(started.token, "cabinet")
        assert who is not None
        assert (who.kind, who.client_id) == ("client", started.signed_in.client_id)


def test_the_link_alone_confirms_nothing(north: Brand) -> None:
    sign_up(north)
    token = token_in_mail(north)

    with pytest.raises(WrongCredentials), acting(north):
        service.confirm_email(token, "a calm river at night", audience="cabinet", by=VISITOR)

    assert isinstance(sign_in(north), AwaitsConfirmation)


def test_a_confirmation_link_works_once_and_for_two_days(north: Brand) -> None:
    sign_up(north)
    token = token_in_mail(north)

    with clock.frozen(clock.now() + timedelta(days=2)), pytest.raises(LinkExpired), acting(north):
        service.confirm_email(token, PASSWORD, audience="cabinet", by=VISITOR)
    with acting(north):
        service.confirm_email(token, PASSWORD, audience="cabinet", by=VISITOR)
    with pytest.raises(LinkExpired), acting(north):
        service.confirm_email(token, PASSWORD, audience="cabinet", by=VISITOR)


def test_who_has_not_confirmed_gets_a_new_link_and_no_session(north: Brand) -> None:
    sign_up(north)
    first = token_in_mail(north)

    assert isinstance(sign_in(north), AwaitsConfirmation)

    assert token_in_mail(north) != first
    with pytest.raises(LinkExpired), acting(north):
        service.user_of_link(TokenPurpose.CONFIRM_EMAIL, first)


def test_signing_up_again_before_confirming_keeps_the_latest_password(north: Brand) -> None:
    sign_up(north, password="a stranger was here first")
    sign_up(north)
    token = token_in_mail(north)

    with pytest.raises(WrongCredentials), acting(north):
        service.confirm_email(token, "a stranger was here first", audience="cabinet", by=VISITOR)
    with acting(north):
        service.confirm_email(token, PASSWORD, audience="cabinet", by=VISITOR)


def test_signing_up_with_a_known_address_tells_its_owner_alone(north: Brand) -> None:
    person = make_trader(north, EMAIL)

    sign_up(north, password="somebody else tries", name="Somebody Else")

    assert mails(north, EMAIL)[0].template == "identity.already_registered"
    with acting(north):
        assert queries.user(person.id).name == "Mona Haddad"
    with pytest.raises(WrongCredentials):
        sign_in(north, "somebody else tries")


def test_the_same_e_mail_in_two_brands_is_two_people(north: Brand, south: Brand) -> None:
    here, there = make_trader(north, EMAIL), make_trader(south, EMAIL)
    started = enter(north, here, "cabinet")

    with acting(south):
        assert service.signed_in(started.token, "cabinet") is None
        service.change_password(there.id, current=PASSWORD, new="another quiet evening", by=there.actor("client"))

    assert isinstance(sign_in(north), NewSession)
    with pytest.raises(WrongCredentials):
        sign_in(south)


def test_a_client_does_not_get_into_the_office_and_staff_not_into_the_cabinet(north: Brand) -> None:
    client, officer = make_trader(north, EMAIL), make_staff(north, "admin")

    with pytest.raises(WrongCredentials):
        sign_in(north, audience="office")
    with pytest.raises(WrongCredentials):
        sign_in(north, email=officer.email)
    with acting(north):
        assert service.signed_in(enter(north, client, "cabinet").token, "office") is None
        assert service.signed_in(enter(north, client, "cabinet").token, "partner") is None


def test_an_unknown_address_a_wrong_password_and_a_disabled_login_answer_alike(north: Brand) -> None:
    make_trader(north, EMAIL)
    admin, officer = make_staff(north, "admin"), make_staff(north, "sales")
    with acting(north):
        service.disable_staff(officer.id, reason="has left", by=admin.actor())

    said = []
    for email, audience in (("nobody@example.com", "cabinet"), (EMAIL, "cabinet"), (officer.email, "office")):
        with pytest.raises(WrongCredentials) as refusal:
            sign_in(north, "a wrong password", email, audience)
        said.append((refusal.value.status_code, refusal.value.message.in_english(), refusal.value.field))

    assert len(set(said)) == 1


def test_an_unknown_address_takes_as_long_as_a_wrong_password(north: Brand) -> None:
    import time

    make_trader(north, EMAIL)

    def seconds(email: str) -> float:
        began = time.perf_counter()
        with pytest.raises(WrongCredentials):
            sign_in(north, "a wrong password", email)
        return time.perf_counter() - began

    seconds("warm@example.com")
    known = min(seconds(EMAIL) for _ in range(3))
    unknown = min(seconds("nobody@example.com") for _ in range(3))

    assert unknown > known / 2


def test_after_five_wrong_passwords_the_right_one_waits_too_and_then_works(north: Brand) -> None:
    make_trader(north, EMAIL)
    start = clock.now()
    with clock.frozen(start):
        for _ in range(rules.FREE_FAILURES):
            with pytest.raises(WrongCredentials):
                sign_in(north, "a wrong password")
        with pytest.raises(TooManyTries) as refusal:
            sign_in(north)
    assert "2" in refusal.value.message.in_english()

    with clock.frozen(start + timedelta(seconds=3)):
        assert isinstance(sign_in(north), NewSession)
        for _ in range(rules.FREE_FAILURES):  # Success has cleared the count.
            with pytest.raises(WrongCredentials):
                sign_in(north, "a wrong password")


def test_an_unknown_address_is_slowed_down_alike(north: Brand) -> None:
    with clock.frozen(clock.now()):
        for _ in range(rules.FREE_FAILURES):
            with pytest.raises(WrongCredentials):
                sign_in(north, "a wrong password", "nobody@example.com")
        with pytest.raises(TooManyTries):
            sign_in(north, "a wrong password", "nobody@example.com")


def test_one_brands_guesses_slow_down_nobody_at_another(north: Brand, south: Brand) -> None:
    make_trader(north, EMAIL)
    make_trader(south, EMAIL)
    with clock.frozen(clock.now()):
        for _ in range(rules.FREE_FAILURES):
            with pytest.raises(WrongCredentials):
                sign_in(north, "a wrong password")

        assert isinstance(sign_in(south), NewSession)


def test_an_address_that_guesses_many_accounts_is_stopped(north: Brand) -> None:
    make_trader(north, EMAIL)
    client = core_redis.client()
    with clock.frozen(clock.now()):
        with pytest.raises(WrongCredentials):
            sign_in(north, "a wrong password", "first@example.com")
        (counter,) = list(client.keys("*count:901:fail*"))
        client.set(counter, 30)

        with pytest.raises(TooManyTries):
            sign_in(north)


def test_a_flushed_redis_locks_nobody_out(north: Brand) -> None:
    person = make_trader(north, EMAIL)
    started = enter(north, person, "cabinet")
    with clock.frozen(clock.now()):
        for _ in range(rules.FREE_FAILURES):
            with pytest.raises(WrongCredentials):
                sign_in(north, "a wrong password")
        core_redis.client().flushdb()

        assert isinstance(sign_in(north), NewSession)
    with acting(north):
        assert service.signed_in(started.token, "cabinet") is not None


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("email", {"email": "no address"}),
        ("name", {"name": "   "}),
        ("password", {"password": "short"}),
        ("password", {"password": "north1234"}),
    ],
)
def test_a_bad_sign_up_names_the_field_and_makes_nobody(north: Brand, field: str, values: dict[str, str]) -> None:
    with pytest.raises(Invalid) as refusal:
        sign_up(north, **values)

    assert refusal.value.field == field
    with tenant_scope(north.id):
        assert queries.user_by_email(UserKind.CLIENT, EMAIL) is None
    assert mails(north) == []


def test_two_sign_ups_of_one_address_at_once_make_one_person(north: Brand) -> None:
    failures: list[Exception] = []

    def attempt() -> None:
        try:
            sign_up(north)
        except Exception as failure:  # Told by the assertion below.
            failures.append(failure)

    threads = [threading.Thread(target=attempt) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert failures == []
    with acting(north):
        assert execute_sql("SELECT count(*) FROM identity_user WHERE tenant_id = :tenant_id").scalar_one() == 1
        assert execute_sql("SELECT count(*) FROM mailed_link WHERE used_at IS NULL").scalar_one() == 1


def test_guesses_sent_all_at_once_count_one_after_the_other(north: Brand) -> None:
    make_trader(north, EMAIL)
    outcomes: list[str] = []

    def guess() -> None:
        try:
            sign_in(north, "a wrong password")
        except (WrongCredentials, TooManyTries) as refusal:
            outcomes.append(type(refusal).__name__)

    threads = [threading.Thread(target=guess) for _ in range(9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert outcomes.count("WrongCredentials") == rules.FREE_FAILURES
    assert outcomes.count("TooManyTries") == 9 - rules.FREE_FAILURES
