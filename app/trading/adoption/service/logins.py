"""Whose each login is, and taking it into the books.

Every step may run twice. A login becomes an account of ours in one transaction with its opening entry, so a crash
leaves it either where it was or taken over whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from uuid import UUID

from app.audit import service as audit
from app.clients import queries as clients
from app.core import live
from app.core.actor import Actor, system_actor
from app.core.db import get, session
from app.core.errors import Conflict, Invalid
from app.core.jobs import enqueue_after_commit
from app.identity import service as identity
from app.kit import clock
from app.kit.ids import reference
from app.kit.text import _l
from app.ledger import service as ledger
from app.ledger.service import EntryDraft, Line, Owner
from app.trading import ingest
from app.trading.access import baseline
from app.trading.access import rules as access
from app.trading.adoption import queries
from app.trading.adoption.models import AdoptedLogin, History, LoginState, RunState
from app.trading.adoption.rules import Opening
from app.trading.models import AccountStateRow, AccountStatus, AccountType, TradingAccount
from app.trading.platforms.base import AccountRecord, ServerClock
from app.trading.queries import accounts as account_queries
from app.trading.queries import ingest as ingest_queries
from app.trading.queries import platforms
from app.trading.service import outcomes

ADOPTION = system_actor("adoption")
OPENING = Owner("house", "opening_balance")
NEWCOMERS_AT_ONCE = 50

REASON_LENGTH_MAX = 300


class LoginDecided(Conflict):
    message = _l("This account has its client already.")


def require_type(platform_id: UUID, type_id: UUID) -> AccountType:
    """An account type of this platform. Raises Invalid at `type_id`."""
    kind = get(AccountType, type_id)
    if kind is None or kind.platform_id != platform_id:
        raise Invalid(_l("Choose one of the account types."), field="type_id")
    return kind


def match(run_id: UUID) -> int:
    """Match what waits on the run's platform by e-mail. Answers how many logins have their client now."""
    run = queries.run(run_id, lock=True)
    matched = queries.match_by_email(run.platform_id, clock.now())
    if matched:
        audit.record("trading.adoption.match", run, by=ADOPTION, after={"matched": matched})
    live.publish("office", "adoption-changed")
    return matched


def create_newcomers(run_id: UUID) -> int:
    """Make clients of some people of the run whom we do not know; answers how many. They have no password yet."""
    run = queries.run(run_id)
    if not run.creates_clients:
        return 0
    found = queries.newcomers(run_id, NEWCOMERS_AT_ONCE)
    for person in found:
        name = " ".join(person.name.split())[:100] or person.email.partition("@")[0]
        identity.create_lead(email=person.email, name=name)
    return len(found)


def finish_matching(run_id: UUID) -> None:
    """Everybody who can be matched by rule is; the rest waits for a person."""
    run = queries.run(run_id, lock=True)
    if run.state is RunState.MATCHING:
        run.state, run.matched_at = RunState.DONE, clock.now()
        live.publish("office", "adoption-changed")


def match_again(platform_id: UUID, *, by: Actor) -> None:
    """Match what still waits: clients may have signed up, or changed their e-mail, since."""
    runs = queries.runs_of(platform_id, limit=1)
    if runs:
        audit.record("trading.adoption.match_again", runs[0], by=by)
        enqueue_after_commit("trading.adoption_match", run_id=str(runs[0].id))


def assign(platform_id: UUID, login: int, client_id: UUID, *, type_id: UUID | None, by: Actor) -> AdoptedLogin:
    """Say whose a login is. It is taken over within seconds. Raises LoginDecided, Invalid at `client` or `type_id`."""
    row = queries.login(platform_id, login, lock=True)
    _assign(row, client_id, type_id, matched_by=by.name)
    audit.record(
        "trading.adoption.assign",
        ("adopted_login", f"{platform_id}:{login}"),
        by=by,
        after={"login": login},
        client_id=client_id,
    )
    live.publish("office", "adoption-changed")
    return row


def _assign(row: AdoptedLogin, client_id: UUID, type_id: UUID | None, *, matched_by: str) -> None:
    if row.state in (LoginState.MATCHED, LoginState.ADOPTED):
        raise LoginDecided
    clients.get(client_id)
    chosen = type_id or type_for(row)
    if chosen is None:
        raise Invalid(_l("No account type names this group. Choose one."), field="type_id")
    require_type(row.platform_id, chosen)
    row.state, row.client_id, row.type_id = LoginState.MATCHED, client_id, chosen
    row.obstacle, row.note, row.matched_by, row.decided_at = "", "", matched_by, clock.now()
    session().flush()


def type_for(row: AdoptedLogin) -> UUID | None:
    """The account type that a login gets by rule: the one that names its group, else the run's."""
    return (
        row.type_id or queries.type_of_group(row.platform_id, row.group_name) or queries.run(row.run_id).default_type_id
    )


def assign_from_sheet(rows: Sequence[tuple[AdoptedLogin, UUID]]) -> None:
    """The same for many, in the caller's transaction: all or none."""
    for row, client_id in rows:
        _assign(row, client_id, None, matched_by="sheet")
    live.publish("office", "adoption-changed")


def ignore(platform_id: UUID, login: int, *, note: str, by: Actor) -> AdoptedLogin:
    """Put a login aside: it never becomes an account of ours, unless somebody brings it back. Raises LoginDecided."""
    row = queries.login(platform_id, login, lock=True)
    if row.state in (LoginState.MATCHED, LoginState.ADOPTED):
        raise LoginDecided
    if len(note.strip()) < 5:
        raise Invalid(_l("Say why, in at least five characters."), field="note")
    row.state, row.note, row.decided_at = LoginState.IGNORED, note.strip()[:REASON_LENGTH_MAX], clock.now()
    audit.record(
        "trading.adoption.ignore",
        ("adopted_login", f"{platform_id}:{login}"),
        by=by,
        after={"login": login},
        reason=row.note,
    )
    live.publish("office", "adoption-changed")
    return row


def bring_back(platform_id: UUID, login: int, *, by: Actor) -> AdoptedLogin:
    """Let an ignored login wait for a client again. Raises Conflict."""
    row = queries.login(platform_id, login, lock=True)
    if row.state is not LoginState.IGNORED:
        raise Conflict
    row.state, row.note, row.decided_at = LoginState.WAITING, "", None
    audit.record("trading.adoption.bring_back", ("adopted_login", f"{platform_id}:{login}"), by=by)
    live.publish("office", "adoption-changed")
    return row


def record_gone(platform_id: UUID, logins: Sequence[int]) -> None:
    """The platform no longer has these logins: they wait for a person."""
    for row in queries.lock_logins(platform_id, logins).values():
        if row.state is LoginState.MATCHED:
            row.state, row.obstacle, row.client_id, row.matched_by = LoginState.WAITING, "gone", None, ""
    live.publish("office", "adoption-changed")


def late_from(platform_id: UUID, logins: Sequence[int]) -> int | None:
    """Since when deals of these logins may be missing, in the platform's time: their run reads the past up to there.
    None when nobody wanted the past."""
    ends = {
        run.history_end_msc
        for run_id in {row.run_id for row in queries.logins_by_number(platform_id, logins).values()}
        if (run := queries.run(run_id)).history is not History.NONE
    }
    known = [end for end in ends if end is not None]
    return min(known) if known else None


def adopt(platform_id: UUID, openings: Sequence[Opening]) -> int:
    """Make these logins accounts of ours, each with its opening entry and with what was stored of its past.

    Only logins that have their client and are none of ours yet; answers how many became accounts.
    """
    ingest_queries.next_batch()  # From here on no deal of these logins is stored by somebody who does not know them.
    rows = queries.lock_logins(platform_id, [opening.record.login for opening in openings])
    ours = queries.known_logins(platform_id, rows)
    times = platforms.server_clock(platform_id)
    kinds = {kind.id: kind for kind in account_queries.account_types(offered_only=False)}
    made: list[tuple[TradingAccount, Opening]] = []
    for opening in openings:
        row = rows.get(opening.record.login)
        if row is None or row.state is not LoginState.MATCHED or row.login in ours:
            continue  # What is ours already is joined below.
        made.append((_make_account(row, opening, times, kinds), opening))
    session().flush()  # The accounts stand before what points at them.
    for account, opening in made:
        row = rows[opening.record.login]
        row.state, row.account_id = LoginState.ADOPTED, account.id
        session().add(_state_of(account, opening.record))
    session().flush()
    drafts = _opening_entries(platform_id, [account for account, _ in made])
    if drafts:
        ledger.post_slice(drafts, ADOPTION)
    with_past = queries.logins_with_deals(platform_id, [opening.record.login for opening in openings])
    for account, _ in made:
        if account.login in with_past:
            ingest.link_account(account)
        audit.record(
            "trading.adoption.adopt",
            account,
            by=ADOPTION,
            after={"login": account.login, "balance": account.opening_balance, "currency": account.currency},
            client_id=account.client_id,
        )
    live.publish_to_all(sorted({f"client:{account.client_id}" for account, _ in made}), "accounts-changed")
    if len(made) < len(rows):
        queries.join_known_accounts(platform_id, clock.now())
    ingest.want_refresh(platform_id, [opening.record.login for _, opening in made])
    live.publish("office", "adoption-changed")
    return len(made)


def _make_account(
    row: AdoptedLogin, opening: Opening, times: ServerClock | None, kinds: Mapping[UUID, AccountType]
) -> TradingAccount:
    record, now = opening.record, clock.now()
    assert row.client_id is not None, "A matched login has a client."
    assert row.type_id is not None, "A matched login has a type."
    account = TradingAccount(
        client_id=row.client_id,
        platform_id=row.platform_id,
        type_id=row.type_id,
        login=record.login,
        group_name=record.group or row.group_name,
        currency=record.currency or row.currency,
        leverage=record.leverage,
        rights=record.rights,
        nickname="",
        status=AccountStatus.ACTIVE,
        is_demo=kinds[row.type_id].is_demo,
        is_hedging=row.is_hedging,
        reference=reference("A"),
        created_at=now,
        opened_at=times.utc(row.registered_msc) if times is not None and row.registered_msc else None,
        adopted_at=now,
        opening_msc=opening.at_msc,
        opening_balance=opening.balance,
    )
    baseline.note(account, record.access)  # What the broker's own people took away is not ours to give back.
    account.take_access(record.access)
    account.access_known = access.as_stored(record.access)
    session().add(account)
    return account


def _state_of(account: TradingAccount, record: AccountRecord) -> AccountStateRow:
    """Its figures until they are read, as if nothing were open."""
    equity = record.balance + record.credit
    return AccountStateRow(
        account_id=account.id,
        balance=record.balance,
        credit=record.credit,
        equity=equity,
        margin=Decimal(0),
        free_margin=equity,
        margin_level=None,
        floating_profit=Decimal(0),
        at=clock.now(),
    )


def _opening_entries(platform_id: UUID, accounts: Sequence[TradingAccount]) -> list[EntryDraft]:
    """What stood on the platform when the accounts came to us, against the house account for such money."""
    moved = [
        (account, money)
        for account in accounts
        if not account.is_demo and (money := outcomes.money_of(account.opening_balance or Decimal(0), account.currency))
    ]
    purses = {
        currency: (
            outcomes.platform_wallet(platform_id, currency),
            ledger.wallet(OPENING, "opening", currency).id,
        )
        for currency in sorted({money.currency for _, money in moved})
    }
    return [
        EntryDraft(
            key=f"adoption:{platform_id}:{account.login}",
            kind="trading.opening",
            lines=[Line(purses[money.currency][0], money), Line(purses[money.currency][1], -money)],
            links=[("trading_account", account.id)],
        )
        for account, money in moved
    ]
