"""What is decided without a database: passwords, addresses, delays."""

from datetime import timedelta

import pytest

from app.identity import passwords, rules
from app.identity.rules import UserKind
from app.identity.views.auth import local_path


@pytest.mark.parametrize(
    ("password", "kind", "is_accepted"),
    [
        ("a calm river at noon", UserKind.CLIENT, True),
        ("short", UserKind.CLIENT, False),
        ("7 letters"[:7], UserKind.CLIENT, False),
        ("eight ch", UserKind.CLIENT, True),
        ("eleven char", UserKind.STAFF, False),
        ("twelve chars", UserKind.STAFF, True),
        ("x" * 129, UserKind.CLIENT, False),
        ("aaaaaaaaaaaa", UserKind.CLIENT, False),
        ("password123", UserKind.CLIENT, False),
        ("Password123", UserKind.CLIENT, False),
        ("1234567890", UserKind.CLIENT, False),
        ("north123", UserKind.CLIENT, False),
        ("NorthMarkets1", UserKind.CLIENT, False),
        ("mona.haddad1", UserKind.CLIENT, False),
        ("north winds rarely sleep", UserKind.CLIENT, True),
        ("كلمة سر طويلة", UserKind.CLIENT, True),
    ],
)
def test_a_password_is_long_and_hard_to_guess(password: str, kind: UserKind, is_accepted: bool) -> None:
    problem = rules.password_problem(
        password, kind=kind, email="mona.haddad@example.com", words=("north", "North Markets", "NorthMarkets")
    )

    assert (problem is None) is is_accepted


@pytest.mark.parametrize("email", ["a@b.co", "mona.haddad+x@mail.example.com", "ж@почта.рф", " a@b.co "])
def test_usual_addresses_are_accepted(email: str) -> None:
    assert rules.is_email(email)


@pytest.mark.parametrize(
    "email", ["", "a", "a@b", "a@@b.co", "a b@c.co", "a@b..co", "a@-b.co", "a@b.c", "<a@b.co>", "a@b.co\nbcc: x@y.co"]
)
def test_what_is_no_address_is_refused(email: str) -> None:
    assert not rules.is_email(email)


def test_two_spellings_of_one_address_are_one_person() -> None:
    assert rules.normal_email(" Mona@Example.COM ") == rules.normal_email("mona@example.com")


def test_the_first_five_tries_are_free_then_the_wait_doubles_up_to_five_minutes() -> None:
    waits = [rules.delay_after(failures) for failures in range(20)]

    assert waits[:5] == [timedelta(0)] * 5
    assert [wait.total_seconds() for wait in waits[5:9]] == [2, 4, 8, 16]
    assert max(waits) == timedelta(minutes=5)


def test_a_hash_fits_its_password_alone_and_never_an_absent_one() -> None:
    stored = passwords.hash_password("a calm river at noon")

    assert stored.startswith("$argon2id$")
    assert passwords.verify_password(stored, "a calm river at noon")
    assert not passwords.verify_password(stored, "a calm river at night")
    assert not passwords.verify_password(None, "a calm river at noon")
    assert not passwords.verify_password("not a hash", "a calm river at noon")
    assert not passwords.needs_rehash(stored)


def test_accents_typed_in_two_ways_are_one_password() -> None:
    stored = passwords.hash_password("caf\u00e9 am Morgen")

    assert passwords.verify_password(stored, "cafe\u0301 am Morgen")


@pytest.mark.parametrize(
    "wish", ["//evil.example", "/\\evil.example", "https://evil.example", "", "\\", "/a\nb", "evil"]
)
def test_a_return_path_to_elsewhere_becomes_home(wish: str) -> None:
    assert local_path(wish) == "/"


def test_a_return_path_on_this_host_is_kept() -> None:
    assert local_path("/payments?status=pending") == "/payments?status=pending"
