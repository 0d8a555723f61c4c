"""Reading commission: balances, lines and reasons with all that explains them, statements, runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from app.clients.models import Client
from app.core.db import execute_sql, load_sql, session
from app.core.errors import NotFound
from app.kit.money import Money
from app.ledger import queries as books
from app.ledger import service as ledger
from app.partners import versions
from app.partners.attribution import queries as attribution
from app.partners.models import CommissionBatch, CommissionStatement, GodGrant, PlanVersion, SettlementRun
from app.partners.plan import BaseKind, ReferralRule
from app.partners.settlement import pool, wallets
from app.partners.settlement.posting import partner_owner
from app.referrals import queries as tree


@dataclass(frozen=True, slots=True)
class Balances:
    """A partner's money in one currency."""

    currency: str
    under_audit: Money
    redeemable: Money


@dataclass(frozen=True, slots=True)
class Earning:
    """One line, or one reason why there is none (then `reason` names it and the amount is zero)."""

    trade_id: int
    revision: int
    track: str
    component: str
    business_date: date
    distance: int
    level: int
    rate: Decimal
    amount: Decimal
    cap: str
    reason: str
    closed_at: datetime
    lots: Decimal
    symbol: str
    client_id: UUID
    client_name: str
    client_number: int
    hold_outcome: str | None
    held_on: date | None
    batch_status: str | None
    due_at: datetime | None

    @property
    def is_share(self) -> bool:
        """Whether it is a part of a line that went to somebody else, or came from somebody else."""
        return self.component.startswith("share")

    @property
    def state(self) -> str:
        """Where its money is: unpaid, held, given_up, taken_back, computed, posted or released."""
        if self.reason:
            return "unpaid"
        if self.component.endswith("reversal"):
            return "taken_back"
        if self.held_on is not None and self.hold_outcome != "cleared":
            return "given_up" if self.hold_outcome == "rejected" else "held"
        return self.batch_status or "computed"


@dataclass(frozen=True, slots=True)
class EarningFilter:
    """What a list of earnings is narrowed to. `kind` is all, paid or unpaid; `reason` is a code."""

    kind: str = "all"
    reason: str = ""
    track: str = ""
    symbol: str = ""
    day_from: date | None = None
    day_to: date | None = None
    client_id: UUID | None = None


def currency_of(partner_id: UUID) -> str:
    """The currency in which a partner is paid."""
    return wallets.currency_of(partner_id)


def currency() -> str:
    """The currency in which partners are paid now; the brand's plan says it."""
    version = versions.plan_for_receivers()
    return version.currency if version is not None else "USD"


def balances(partner_id: UUID) -> list[Balances]:
    """A partner's money, the currency in which they are paid first and always."""
    found = {
        (wallet.purpose, wallet.currency): wallet.balance
        for wallet in books.wallets_of(partner_owner(partner_id), (ledger.TEMPORARY, ledger.REDEEM))
    }
    pooled = pool.shares_of(partner_id)  # A payout draws it out of the pool by itself.
    first = wallets.currency_of(partner_id)
    order = [first, *sorted({code for code in (*(each for _, each in found), *pooled) if code != first})]
    return [
        Balances(
            code,
            found.get((ledger.TEMPORARY, code), Money.zero(code)),
            found.get((ledger.REDEEM, code), Money.zero(code)) + pooled.get(code, Money.zero(code)),
        )
        for code in order
    ]


def releases(partner_id: UUID) -> list[tuple[datetime, Money]]:
    """Money under audit, with the instants at which it comes free."""
    rows = execute_sql(load_sql("app.partners", "sql/under_audit.sql"), partner_id=partner_id)
    return [(row.due_at, Money.from_minor(int(row.minor), row.currency)) for row in rows]


def earned_by_day(partner_id: UUID, day_from: date, day_to: date) -> list[tuple[date, str, Money]]:
    """What each day brought in the currency in which the partner is paid: (day, track, money)."""
    code = wallets.currency_of(partner_id)
    rows = execute_sql(
        load_sql("app.partners", "sql/earned_by_day.sql"),
        partner_id=partner_id,
        currency=code,
        day_from=day_from,
        day_to=day_to,
    )
    return [(row.business_date, row.track, Money.from_minor(int(row.minor), code)) for row in rows]


def earnings(
    partner_id: UUID, wanted: EarningFilter, *, limit: int, offset: int = 0, trade_id: int | None = None
) -> tuple[list[Earning], int]:
    """A partner's lines and reasons, the newest trade first, and how many there are."""
    given = {
        "partner_id": partner_id,
        "kind": "unpaid" if wanted.reason else wanted.kind,
        "reason": wanted.reason,
        "track": wanted.track,
        "symbol": wanted.symbol,
        "day_from": wanted.day_from,
        "day_to": wanted.day_to,
        "client_id": wanted.client_id,
        "trade_id": trade_id,
    }
    rows = execute_sql(_list_sql("earnings"), limit=limit, offset=offset, **given).all()
    if offset == 0 and len(rows) < limit:
        total = len(rows)
    else:
        total = execute_sql(_list_sql("earning_count"), limit=None, offset=0, **given).scalar_one()
    return [Earning(**row._mapping) for row in rows], total


def _list_sql(name: str) -> str:
    listed = load_sql("app.partners", "sql/earning_list.sql")
    return load_sql("app.partners", f"sql/{name}.sql").replace("/* include earning_list */", listed)


@dataclass(frozen=True, slots=True)
class Explanation:
    """One line or reason with everything that it was computed from."""

    partner_id: UUID
    earning: Earning
    facts: Any
    version: PlanVersion
    path: Sequence[tree.Step]
    gates: Sequence[str]
    amount_before_cap: Decimal | None
    batch: CommissionBatch | None

    @property
    def rule(self) -> str:
        """The name of the rule that paid; empty where none matched."""
        if self.earning.track not in ("god", "referral"):
            return ""
        plan = self.version.plan
        god_names = [rule.name for rule in plan.god.rules] if plan.god else []
        referral_names = [rule.name for rule in plan.referral.rules] if plan.referral else []
        is_god = self.earning.track == "god"
        number, names = (self.facts.god_rule, god_names) if is_god else (self.facts.referral_rule, referral_names)
        return names[number] if 0 <= number < len(names) else ""

    @property
    def referral_rule(self) -> ReferralRule | None:
        """The referral rule of the trade; None where none matched."""
        plan, number = self.version.plan, self.facts.referral_rule
        rules = plan.referral.rules if plan.referral else ()
        return rules[number] if 0 <= number < len(rules) else None

    @property
    def kind(self) -> BaseKind:
        """Of what the levels got their shares."""
        rule = self.referral_rule
        return rule.kind if rule is not None else "pct_spread"

    @property
    def basis(self) -> str:
        """Which spread the trade's referral rule looks at."""
        return self.version.plan.basis_of(self.referral_rule)


def explain(partner_id: UUID, trade_id: int, revision: int, track: str, component: str) -> Explanation:
    """Compose the explanation of a line, or of a reason (whose component is empty). Raises NotFound."""
    found, _ = earnings(partner_id, EarningFilter(track=track), limit=50, trade_id=trade_id)
    earning = next(
        (one for one in found if (one.revision, one.component) == (revision, component) and not one.is_share), None
    )
    facts = execute_sql(load_sql("app.partners", "sql/explain.sql"), trade_id=trade_id, revision=revision).one_or_none()
    if earning is None or facts is None:
        raise NotFound
    version = versions.version(facts.plan_number)
    assert version is not None
    key = {"partner_id": partner_id, "trade_id": trade_id, "revision": revision, "track": track}
    gates: list[str] = []
    before: Decimal | None = None
    if earning.reason:
        gates = execute_sql(
            "SELECT gates FROM commission_reason WHERE tenant_id = :tenant_id AND partner_id = :partner_id"
            " AND trade_id = :trade_id AND revision = :revision AND track = :track",
            **key,
        ).scalar_one()
    else:
        before = execute_sql(
            "SELECT amount_before_cap FROM commission_line WHERE tenant_id = :tenant_id AND partner_id = :partner_id"
            " AND trade_id = :trade_id AND revision = :revision AND track = :track AND component = :component",
            component=component,
            **key,
        ).scalar_one()
        gates = (
            execute_sql(
                "SELECT gates FROM commission_hold WHERE tenant_id = :tenant_id AND partner_id = :partner_id"
                " AND trade_id = :trade_id AND revision = :revision AND track = :track"
                " AND outcome IS DISTINCT FROM 'cleared'",
                **key,
            ).scalar()
            or []
        )
        if earning.state == "given_up":
            gates = [gate for gate in gates if gate != "FRAUD_HOLD"]  # Nobody examines it any more.
    batch = session().scalar(
        select(CommissionBatch).where(
            CommissionBatch.partner_id == partner_id,
            CommissionBatch.track == track,
            CommissionBatch.business_date == earning.business_date,
            CommissionBatch.sequence == 0,
        )
    )
    return Explanation(partner_id, earning, facts, version, _path_of(facts, trade_id, revision), gates, before, batch)


def _path_of(facts: Any, trade_id: int, revision: int) -> list[tree.Step]:
    """The path on which a revision was settled: as links say, or as was kept when the client was attributed anew."""
    kept = attribution.kept_path(trade_id, revision)
    if kept is None:
        return tree.path_at(facts.client_id, facts.path_at)
    return [tree.Step(*pair, distance) for distance, pair in enumerate(zip(*kept, strict=True), 1)]


def statements(partner_id: UUID, *, limit: int, offset: int = 0) -> tuple[list[CommissionStatement], int]:
    """A partner's statements, the newest first, and how many there are."""
    mine = CommissionStatement.partner_id == partner_id
    rows = session().scalars(
        select(CommissionStatement)
        .where(mine)
        .order_by(CommissionStatement.business_date.desc())
        .limit(limit)
        .offset(offset)
    )
    total = session().scalar(select(func.count()).select_from(CommissionStatement).where(mine)) or 0
    return list(rows), total


def statement(partner_id: UUID, day: date) -> CommissionStatement:
    """A partner's statement of one day. Raises NotFound."""
    found = session().scalar(
        select(CommissionStatement)
        .where(CommissionStatement.partner_id == partner_id, CommissionStatement.business_date == day)
        .order_by(func.abs(CommissionStatement.posted_minor).desc(), CommissionStatement.currency)
        .limit(1)  # Two where a day takes back in one currency and pays in another.
    )
    if found is None:
        raise NotFound
    return found


def batches_of(partner_id: UUID, day: date) -> list[CommissionBatch]:
    """The batches of one partner and day, tracks in order."""
    return list(
        session().scalars(
            select(CommissionBatch)
            .where(CommissionBatch.partner_id == partner_id, CommissionBatch.business_date == day)
            .order_by(CommissionBatch.track, CommissionBatch.sequence)
        )
    )


def god_rate(partner_id: UUID, at: datetime) -> Decimal | None:
    """A partner's amount per lot as of an instant, or None without god-mode."""
    return session().scalar(
        select(GodGrant.rate_per_lot).where(
            GodGrant.partner_id == partner_id, GodGrant.valid_from <= at, GodGrant.valid_to > at
        )
    )


def god_rates(partner_ids: Sequence[UUID], at: datetime) -> dict[UUID, Decimal]:
    """The amounts per lot of those among many who have one."""
    rows = session().execute(
        select(GodGrant.partner_id, GodGrant.rate_per_lot).where(
            GodGrant.partner_id.in_(partner_ids), GodGrant.valid_from <= at, GodGrant.valid_to > at
        )
    )
    return {row.partner_id: row.rate_per_lot for row in rows}


def grants_of(partner_id: UUID) -> list[GodGrant]:
    """A partner's amounts per lot over time, the newest first."""
    return list(
        session().scalars(
            select(GodGrant).where(GodGrant.partner_id == partner_id).order_by(GodGrant.valid_from.desc())
        )
    )


def runs(*, limit: int, offset: int = 0) -> tuple[list[SettlementRun], int]:
    """Settlement runs, the newest day first, and how many there are."""
    rows = session().scalars(
        select(SettlementRun).order_by(SettlementRun.business_date.desc()).limit(limit).offset(offset)
    )
    total = session().scalar(select(func.count()).select_from(SettlementRun)) or 0
    return list(rows), total


def batches_of_run(day: date, *, limit: int, offset: int = 0) -> tuple[list[tuple[CommissionBatch, str, int]], int]:
    """What a run posted, the largest first: (batch, partner's name, partner's number)."""
    rows = session().execute(
        select(CommissionBatch, Client.name, Client.number)
        .join(Client, (Client.tenant_id == CommissionBatch.tenant_id) & (Client.id == CommissionBatch.partner_id))
        .where(CommissionBatch.business_date == day)
        .order_by(CommissionBatch.posted_minor.desc(), CommissionBatch.partner_id, CommissionBatch.track)
        .limit(limit)
        .offset(offset)
    )
    total = (
        session().scalar(select(func.count()).select_from(CommissionBatch).where(CommissionBatch.business_date == day))
        or 0
    )
    return [(row[0], row.name, row.number) for row in rows], total


def reason_counts(day: date) -> list[tuple[str, int]]:
    """Why a day's trades did not pay, the most frequent first."""
    rows = execute_sql(
        "SELECT reason, count(*) AS times FROM commission_reason WHERE tenant_id = :tenant_id AND business_date = :day"
        " GROUP BY reason ORDER BY count(*) DESC, reason",
        day=day,
    )
    return [(row.reason, row.times) for row in rows]


def run_totals(day: date) -> Sequence[Any]:
    """What went into a run and what came out of it, by currency."""
    return execute_sql(load_sql("app.partners", "settlement/sql/run_totals.sql"), business_date=day).all()


def waiting_releases(now: datetime) -> int:
    """How many batches have come through their audit and wait for the sweep."""
    return int(
        session().scalar(
            select(func.count())
            .select_from(CommissionBatch)
            .where(
                CommissionBatch.status == "posted", CommissionBatch.purpose == "settle", CommissionBatch.due_at <= now
            )
        )
        or 0
    )
