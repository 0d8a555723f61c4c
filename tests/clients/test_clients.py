"""What happens to clients, for two brands and an outsider."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.audit.models import AuditRecord
from app.clients import queries, rules, service
from app.clients.events import ClientRegistered, KYCLevelChanged
from app.clients.queries import ClientFilter
from app.clients.rules import ClientStatus
from app.core import db, events
from app.core.errors import Invalid, NotFound
from app.identity.permissions import SIGN_IN
from app.restrictions import service as restrictions
from tests.support.brands import Brand, acting, enter, make_staff, make_trader


def client_of(brand: Brand, email: str = "mona@example.com", name: str = "Mona Haddad") -> UUID:
    person = make_trader(brand, email, name=name)
    assert person.client_id is not None
    return person.client_id


def acts(brand: Brand, client_id: UUID) -> list[str]:
    with db.tenant_scope(brand.id):
        rows = db.session().query(AuditRecord).where(AuditRecord.client_id == client_id).order_by(AuditRecord.id)
        return [row.action for row in rows]


def test_a_person_who_signs_up_becomes_a_client_and_the_floors_above_hear_it(north: Brand) -> None:
    heard: list[ClientRegistered] = []
    events.subscribe(ClientRegistered, heard.append)

    client_id = client_of(north)

    with db.tenant_scope(north.id):
        client = queries.get(client_id)
    assert (client.status, client.kyc_level, client.country) == (ClientStatus.ACTIVE, 0, "AE")
    assert 1_000_000 <= client.number <= 9_999_999
    assert [event.client_id for event in heard if event.client_id == client_id] == [client_id]
    assert "clients.register" in acts(north, client_id)


def test_a_suspension_locks_the_sign_in_and_ends_sessions_and_its_end_opens_it_again(north: Brand) -> None:
    mona = make_trader(north)
    assert mona.client_id is not None
    enter(north, mona, "cabinet")
    officer = make_staff(north, "compliance").actor()

    with acting(north):
        service.suspend_client(mona.client_id, reason_code="aml_review", note="Odd wires.", by=officer)
    with acting(north):
        assert restrictions.is_locked(SIGN_IN, mona.client_id)
        assert queries.get(mona.client_id).status is ClientStatus.SUSPENDED
        open_sessions = db.execute_sql("SELECT count(*) FROM user_session WHERE ended_at IS NULL").scalar_one()
        assert open_sessions == 0
        with pytest.raises(service.AlreadySuspended):
            service.suspend_client(mona.client_id, reason_code="test", note="", by=officer)
    with acting(north):
        service.activate_client(mona.client_id, reason="Cleared.", by=officer)
    with acting(north):
        assert not restrictions.is_locked(SIGN_IN, mona.client_id)
        assert queries.get(mona.client_id).status is ClientStatus.ACTIVE
        with pytest.raises(service.NotSuspended):
            service.activate_client(mona.client_id, reason="Again.", by=officer)


def test_another_lock_survives_the_end_of_a_suspension(north: Brand) -> None:
    client_id = client_of(north)
    officer = make_staff(north, "compliance").actor()
    with acting(north):
        restrictions.lock(client_id, SIGN_IN, reason_code="court_order", by=officer)
        service.suspend_client(client_id, reason_code="test", note="", by=officer)
    with acting(north):
        service.activate_client(client_id, reason="Cleared.", by=officer)

    with acting(north):
        assert restrictions.is_locked(SIGN_IN, client_id)


def test_a_suspension_whose_lock_was_lifted_by_hand_still_ends(north: Brand) -> None:
    client_id = client_of(north)
    officer = make_staff(north, "compliance").actor()
    with acting(north):
        client = service.suspend_client(client_id, reason_code="test", note="", by=officer)
        lock_id = client.suspension_id
    assert lock_id is not None
    with acting(north):
        restrictions.lift(lock_id, reason="By hand.", by=officer)
    with acting(north):
        assert service.activate_client(client_id, reason="Done.", by=officer).status is ClientStatus.ACTIVE


def test_the_verification_level_is_set_with_a_reason_and_recorded(north: Brand) -> None:
    client_id = client_of(north)
    officer = make_staff(north, "compliance").actor()
    heard: list[KYCLevelChanged] = []
    events.subscribe(KYCLevelChanged, heard.append)

    with acting(north):
        service.set_kyc_level(client_id, 2, reason="Passport and bill seen.", by=officer)
    with acting(north):
        with pytest.raises(service.SameLevel):
            service.set_kyc_level(client_id, 2, reason="Again.", by=officer)
        with pytest.raises(Invalid):
            service.set_kyc_level(client_id, 1, reason="  ", by=officer)
        with pytest.raises(Invalid):
            service.set_kyc_level(client_id, 7, reason="Why not.", by=officer)

    assert [(event.before, event.after) for event in heard if event.client_id == client_id] == [(0, 2)]
    with db.tenant_scope(north.id):
        record = db.session().query(AuditRecord).where(AuditRecord.action == "clients.kyc.set").one()
        assert (record.before, record.after) == ({"kyc_level": 0}, {"kyc_level": 2})
        assert record.reason == "Passport and bill seen."


def test_notes_are_kept_in_order_and_only_for_their_brand(north: Brand, south: Brand) -> None:
    client_id = client_of(north)
    sales = make_staff(north, "sales").actor()
    for text in ("Called, no answer.", "Called, wants a raw account."):
        with acting(north):
            service.add_note(client_id, text, by=sales)

    with acting(north):
        assert [note.text for note in queries.notes_of(client_id)] == [
            "Called, wants a raw account.",
            "Called, no answer.",
        ]
    with acting(south):
        assert list(queries.notes_of(client_id)) == []
        with pytest.raises(NotFound):
            service.add_note(client_id, "From outside.", by=sales)


def test_only_ones_own_active_staff_can_look_after_a_client(north: Brand, south: Brand) -> None:
    client_id = client_of(north)
    admin, stranger = make_staff(north, "admin"), make_staff(south, "admin")
    with acting(north):
        assert service.assign_client(client_id, admin.id, by=admin.actor()).owner_id == admin.id
    with acting(north):
        with pytest.raises(Invalid):
            service.assign_client(client_id, stranger.id, by=admin.actor())
    with acting(north):
        assert service.assign_client(client_id, None, by=admin.actor()).owner_id is None


def test_the_search_finds_by_name_mail_and_number_and_never_across_brands(north: Brand, south: Brand) -> None:
    jose = client_of(north, "jose.nunez@example.com", "José Núñez")
    client_of(north, "other@example.com", "Somebody Else")
    namesake = client_of(south, "jose.nunez@example.com", "José Núñez")

    with db.tenant_scope(north.id):
        number = queries.get(jose).number
        for text in ("nunez", "NÚÑ", "jose.nunez@", "jose nunez", str(number), f"#{number}", f" {number} "):
            assert queries.search(text) == [jose], text
        for text in ("", "  ", "%", "_", "\\", "nobody", str(number)[:4]):
            assert jose not in queries.search(text), text
        assert [client.id for client in queries.search_clients("example.com")] == [
            jose,
            *[row for row in queries.search("example.com") if row != jose],
        ]
    with db.tenant_scope(south.id):
        assert queries.search("nunez") == [namesake]


def test_the_search_function_cannot_be_asked_for_another_tenant(north: Brand, south: Brand) -> None:
    jose = client_of(south, "jose@example.com", "José Núñez")

    with db.tenant_scope(north.id):
        found = db.execute_sql("SELECT id FROM client_search('jose', 500)").scalars().all()
        assert list(found) == []
        rows = db.execute_sql("SELECT count(*) FROM client WHERE id = :id", id=jose).scalar_one()
        assert rows == 0


def test_the_list_walks_forth_and_back(north: Brand) -> None:
    ids = [client_of(north, f"c{n}@example.com", f"Client {n}") for n in range(5)]

    with db.tenant_scope(north.id):
        first = queries.page_of_clients(ClientFilter(), sort="name", size=2)
        second = queries.page_of_clients(ClientFilter(), sort="name", size=2, after=first.after or "")
        third = queries.page_of_clients(ClientFilter(), sort="name", size=2, after=second.after or "")
        back = queries.page_of_clients(ClientFilter(), sort="name", size=2, before=third.before or "")
        other = queries.page_of_clients(ClientFilter(), sort="-name", size=2, after=first.after or "")

    assert [[row.id for row in page.rows] for page in (first, second, third)] == [ids[:2], ids[2:4], ids[4:]]
    assert (first.before, third.after, first.total) == (None, None, 5)
    assert [row.id for row in back.rows] == ids[2:4]
    assert [row.id for row in other.rows] == [ids[4], ids[3]]  # A cursor of another order leads to the first page.


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("  José   NÚÑEZ ", "jose nunez"),
        ("Straße", "strasse"),
        ("Ольга Чайковская", "ольга чаиковская"),
        ("مُحَمَّد", "محمد"),
    ],
)
def test_names_are_ordered_without_case_and_accents(name: str, key: str) -> None:
    assert rules.sort_key(name) == key


@given(st.text(max_size=40))
def test_a_sort_key_stays_as_it_is(name: str) -> None:
    once = rules.sort_key(name)

    assert rules.sort_key(once) == once


def test_arabic_digits_find_a_number() -> None:
    assert rules.search_word("#١٢٣٤٥٦٧") == "1234567"
