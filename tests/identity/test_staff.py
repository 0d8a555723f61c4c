"""Inviting staff, giving roles, and keeping an administrator."""

import threading
from datetime import timedelta

import pytest

from app.audit import queries as audit_queries
from app.core import features
from app.core.errors import Invalid, NotFound
from app.identity import queries, rules, service
from app.identity.rules import UserStatus
from app.identity.service import AlreadyMember, LastAdministrator, LinkExpired, NotYourself
from app.kit import clock
from tests.support.brands import (
    OPERATOR,
    PASSWORD,
    VISITOR,
    Brand,
    Person,
    acting,
    link_in,
    mails,
    make_staff,
    make_trader,
    whole_product,
)


@pytest.fixture
def admin(north: Brand) -> Person:
    return make_staff(north, "admin")


def invite(brand: Brand, by: Person, email: str = "lena@north.example", roles: tuple[str, ...] = ("finance",)) -> str:
    with acting(brand):
        return service.invite_staff(email=email, name="Lena", roles=roles, by=by.actor())[1]


def test_an_invited_person_chooses_a_password_and_is_in(north: Brand, admin: Person) -> None:
    invite(north, admin)
    mail = mails(north, "lena@north.example")[0]
    assert admin.email in mail.text
    token = link_in(mail).rpartition("/")[2]

    with acting(north):
        started = service.accept_invitation(token, name="Lena Weber", password=PASSWORD, by=VISITOR)

    assert (started.signed_in.name, started.signed_in.roles) == ("Lena Weber", ("finance",))
    with pytest.raises(LinkExpired), acting(north):
        service.accept_invitation(token, name="Lena", password=PASSWORD, by=VISITOR)


def test_an_invitation_ends_after_seven_days_and_when_another_is_sent(north: Brand, admin: Person) -> None:
    first = invite(north, admin)
    with acting(north):
        user = queries.user_by_email(rules.UserKind.STAFF, "lena@north.example")
        assert user is not None
        service.invite_again(user.id, by=admin.actor())
    second = link_in(mails(north, "lena@north.example")[0]).rpartition("/")[2]

    with pytest.raises(LinkExpired), acting(north):
        service.accept_invitation(first, name="Lena", password=PASSWORD, by=VISITOR)
    with clock.frozen(clock.now() + timedelta(days=7)), pytest.raises(LinkExpired), acting(north):
        service.accept_invitation(second, name="Lena", password=PASSWORD, by=VISITOR)


def test_an_invitation_to_one_brand_opens_nothing_at_another(north: Brand, south: Brand, admin: Person) -> None:
    token = invite(north, admin)

    with pytest.raises(LinkExpired), acting(south):
        service.accept_invitation(token, name="Lena", password=PASSWORD, by=VISITOR)


def test_who_was_invited_cannot_sign_in_or_reset_before_accepting(north: Brand, admin: Person) -> None:
    invite(north, admin)

    with pytest.raises(service.WrongCredentials), acting(north):
        service.sign_in("lena@north.example", PASSWORD, audience="office", by=VISITOR)
    with acting(north):
        service.request_password_reset("lena@north.example", audience="office", by=VISITOR)
    assert [mail.template for mail in mails(north)] == ["identity.invitation"]


def test_an_address_is_invited_once_and_a_client_may_be_staff_too(north: Brand, admin: Person) -> None:
    make_trader(north, "lena@north.example")
    invite(north, admin)

    with pytest.raises(AlreadyMember) as refusal:
        invite(north, admin, " Lena@North.example")
    assert refusal.value.field == "email"


@pytest.mark.parametrize("roles", [(), ("king",), ("operator",), ("trader",)])
def test_only_staff_roles_can_be_given(north: Brand, admin: Person, roles: tuple[str, ...]) -> None:
    with pytest.raises(Invalid) as refusal:
        invite(north, admin, roles=roles)

    assert refusal.value.field == "roles"


def test_the_last_administrator_stays_and_nobody_changes_their_own_roles(north: Brand, admin: Person) -> None:
    other = make_staff(north, "compliance")
    with pytest.raises(NotYourself), acting(north):
        service.change_roles(admin.id, ["sales"], by=admin.actor())
    with pytest.raises(LastAdministrator), acting(north):
        service.change_roles(admin.id, ["sales"], by=other.actor())
    with pytest.raises(LastAdministrator), acting(north):
        service.disable_staff(admin.id, reason="takes over", by=other.actor())

    second = make_staff(north, "admin", email="second@north.example")
    with acting(north):
        service.change_roles(admin.id, ["sales"], by=second.actor())
    with pytest.raises(LastAdministrator), acting(north):
        service.disable_staff(second.id, reason="takes over", by=admin.actor())


def test_another_brands_staff_and_clients_are_not_found(north: Brand, south: Brand, admin: Person) -> None:
    foreigner, client = make_staff(south, "sales"), make_trader(north)

    for user_id in (foreigner.id, client.id):
        with pytest.raises(NotFound), acting(north):
            service.change_roles(user_id, ["admin"], by=admin.actor())
        with pytest.raises(NotFound), acting(north):
            service.disable_staff(user_id, reason="none", by=admin.actor())


def test_enabling_lets_the_person_back_in(north: Brand, admin: Person) -> None:
    officer = make_staff(north, "sales")
    with acting(north):
        service.disable_staff(officer.id, reason="on leave", by=admin.actor())
        service.enable_staff(officer.id, by=admin.actor())
        assert queries.user(officer.id).status is UserStatus.ACTIVE
        service.sign_in(officer.email, PASSWORD, audience="office", by=VISITOR)


def test_role_changes_are_on_record_with_before_and_after(north: Brand, admin: Person) -> None:
    officer = make_staff(north, "sales")
    with acting(north):
        service.change_roles(officer.id, ["support", "sales"], by=admin.actor())
        (row,) = audit_queries.page_of_log(audit_queries.log(action="identity.staff.roles"), offset=0, limit=10)

    assert (row.before, row.after) == ({"roles": ["sales"]}, {"roles": ["sales", "support"]})
    assert (row.actor_id, row.object_id) == (admin.id, str(officer.id))


def test_permissions_are_refused_unless_a_role_names_them(north: Brand) -> None:
    assert service.permissions_of([]) == frozenset()
    assert service.permissions_of(["king"]) == frozenset()
    for code, permission in features.permissions().items():
        for role in rules.STAFF_ROLES:
            assert (code in service.permissions_of([role])) is (role in permission.roles)
    assert "identity.staff.manage" in service.permissions_of(["admin"])
    assert "identity.staff.manage" not in service.permissions_of(
        [role for role in rules.STAFF_ROLES if role != "admin"]
    )


def test_operators_live_in_their_own_realm(north: Brand) -> None:
    with acting(OPERATOR):
        operator = service.create_operator(email="ops@kontor.example", name="Ops", password=PASSWORD)
        started = service.sign_in("ops@kontor.example", PASSWORD, audience="operator", by=VISITOR)
        assert isinstance(started, service.NewSession)
        who = service.signed_in(started.token, "operator")
    assert who is not None
    assert (who.kind, who.user_id, set(who.roles)) == ("operator", operator.id, {"operator"})
    with acting(north):
        assert service.signed_in(started.token, "operator") is None
    with pytest.raises(service.WrongCredentials), acting(north):
        service.sign_in("ops@kontor.example", PASSWORD, audience="office", by=VISITOR)


def test_two_administrators_who_remove_each_other_leave_one(north: Brand, admin: Person) -> None:
    other = make_staff(north, "admin", email="other@north.example")
    refusals: list[type[Exception]] = []
    ready = threading.Barrier(2)

    def disable(who: Person, by: Person) -> None:
        ready.wait(5)
        try:
            with acting(north):
                service.disable_staff(who.id, reason="takes over", by=by.actor())
        except LastAdministrator as refusal:
            refusals.append(type(refusal))

    threads = [threading.Thread(target=disable, args=pair) for pair in ((admin, other), (other, admin))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(15)

    assert refusals == [LastAdministrator]
    with acting(north):
        assert sorted(queries.user(who.id).status.value for who in (admin, other)) == ["active", "disabled"]


def test_the_first_administrator_is_invited_from_the_command_line(north: Brand) -> None:
    runner = whole_product().test_cli_runner()
    options = ["--email", "first@north.example", "--name", "First Person"]

    invited = runner.invoke(args=["staff", "invite", "--tenant", "north", *options])
    again = runner.invoke(args=["staff", "invite", "--tenant", "north", *options])
    nowhere = runner.invoke(args=["staff", "invite", "--tenant", "west", *options])

    assert invited.exit_code == 0, invited.output
    address = invited.output.strip().splitlines()[-1]
    assert address.startswith("http://office.north.localhost")
    with acting(north):
        token = address.rpartition("/")[2]
        started = service.accept_invitation(token, name="First Person", password=PASSWORD, by=VISITOR)
    assert started.signed_in.roles == ("admin",)
    assert (again.exit_code, "already on the staff" in again.output) == (1, True)
    assert (nowhere.exit_code, "no tenant named west" in nowhere.output) == (1, True)


def test_the_first_operator_is_invited_from_the_command_line(north: Brand) -> None:
    runner = whole_product().test_cli_runner()

    invited = runner.invoke(args=["operator", "invite", "--email", "ops@kontor.example", "--name", "Ops"])

    assert invited.exit_code == 0, invited.output
    address = invited.output.strip().splitlines()[-1]
    assert address.startswith("http://operator.localhost")
    with acting(OPERATOR):
        token = address.rpartition("/")[2]
        started = service.accept_invitation(token, name="Ops", password=PASSWORD, by=VISITOR)
    assert started.signed_in.kind == "operator"
