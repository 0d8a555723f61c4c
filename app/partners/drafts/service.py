"""Making, changing, accepting and publishing drafts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import select

from app.audit import service as audit
from app.core.actor import Actor
from app.core.db import get, session
from app.core.errors import Conflict, DomainError, Invalid, NotFound
from app.kit import clock
from app.kit.ids import new_id
from app.kit.text import Message, _l
from app.partners import versions
from app.partners.arbitrage import ArbitrageRow, arbitrage
from app.partners.awards.faults import AwardLoss, award_losses
from app.partners.bundle import derive_receivers
from app.partners.drafts.differences import Difference, differences
from app.partners.drafts.golden import Checked, GoldenExample, check_all
from app.partners.drafts.models import PlanDraft
from app.partners.faults import faults
from app.partners.models import PlanVersion
from app.partners.plan import GodRule, Level, Plan, ReferralRule, ReferralTrack

EXAMPLES_MAX = 50
RULES_MAX = 100


class Outdated(Conflict):
    message = _l("Somebody else has changed this draft meanwhile. Reload the page; your change was not saved.")


class Closed(Conflict):
    message = _l("This draft is published or discarded and no longer changes.")


class NotReady(DomainError):
    """Something of the draft keeps it from being published."""

    status_code = 409


@dataclass(frozen=True, slots=True)
class Review:
    """Everything that matters about a draft before it is published."""

    faults: Sequence[tuple[str, Message]]
    checked: Sequence[Checked]
    arbitrage: Sequence[ArbitrageRow]
    differences: Sequence[Difference]
    is_accepted: bool
    award_losses: Sequence[AwardLoss] = ()

    @property
    def loses(self) -> bool:
        """Whether a usual lot or a deposit can cost more than it brings in, and nothing limits it."""
        return any(not row.is_safe for row in self.arbitrage) or bool(self.award_losses)

    @property
    def obstacles(self) -> list[Message]:
        """Why it cannot be published now."""
        found = [sentence for _, sentence in self.faults]
        wrong = sum(not one.is_right for one in self.checked)
        if wrong:
            found.append(_l("Not all worked examples come out as expected."))
        if self.loses and not self.is_accepted:
            found.append(
                _l("One lot can cost more than it earns. Set a cap, or have a second person accept it.")
                if any(not row.is_safe for row in self.arbitrage)
                else _l("A deposit can cost more than it brings in. Pay less, or have a second person accept it.")
            )
        return found


def open_drafts() -> Sequence[PlanDraft]:
    """The drafts that are being worked on, the latest first."""
    statement = (
        select(PlanDraft)
        .where(PlanDraft.published_number.is_(None), PlanDraft.discarded_at.is_(None))
        .order_by(PlanDraft.changed_at.desc())
    )
    return session().scalars(statement).all()


def draft(draft_id: UUID, *, lock: bool = False) -> PlanDraft:
    """One draft. Raises NotFound."""
    found = get(PlanDraft, draft_id, lock=lock)
    if found is None:
        raise NotFound
    return found


def begin(number: int | None, *, currency: str, by: Actor) -> PlanDraft:
    """A new draft, from a version or from nothing. Raises NotFound."""
    if number is None:
        plan = Plan(
            name="New plan",
            currency=currency,
            referral=ReferralTrack(
                levels=tuple(
                    Level(name=name, share=Decimal(share))
                    for name, share in (("Direct", "0.40"), ("Indirect", "0.20"), ("Network", "0.10"))
                )
            ),
        )
    else:
        version = versions.version(number)
        if version is None:
            raise NotFound
        plan = msgspec.structs.replace(version.plan, arbitrage_accepted_by="")
    now = clock.now()
    made = PlanDraft(
        id=new_id(),
        body=msgspec.to_builtins(plan),
        examples=_examples_of(number),
        based_on=number,
        revision=1,
        changed_at=now,
        changed_by=by.id,
        changed_by_name=by.name,
        created_at=now,
        accepted_digest="",
        accepted_by=None,
        accepted_by_name="",
        published_number=None,
        discarded_at=None,
    )
    session().add(made)
    session().flush()
    audit.record("partners.plan.draft", made, by=by, after={"based_on": number, "name": plan.name})
    return made


def _examples_of(number: int | None) -> list[Any]:
    """The worked examples of the draft that became a version go on to the next draft."""
    if number is None:
        return []
    statement = select(PlanDraft.examples).where(PlanDraft.published_number == number)
    return list(session().scalars(statement).first() or [])


def change(draft_id: UUID, plan: Plan, *, revision: int, by: Actor) -> PlanDraft:
    """Replace a draft's plan. Raises NotFound, Closed, Outdated."""
    found = _writable(draft_id, revision)
    before = found.plan
    told = {one.key: [one.before, one.after] for one in differences(before, plan)}
    found.body = msgspec.to_builtins(plan)
    _changed(found, by)
    if told:
        audit.record("partners.plan.change", found, by=by, after=told)
    return found


def put_rule(
    draft_id: UUID, number: int | None, rule: ReferralRule | GodRule, *, revision: int, by: Actor
) -> PlanDraft:
    """Add a rule at the end of its track, or replace the one of that number. Raises Invalid, what `change` raises."""
    found = draft(draft_id)
    plan = found.plan
    rules: list[Any] = list(_rules(plan, rule))
    others = [one.name for place, one in enumerate(rules) if place != number]
    if rule.name in others:
        raise Invalid(_l("Another rule of this kind has this name."), field="name")
    if number is None:
        if len(rules) >= RULES_MAX:
            raise Invalid(_l("A plan has at most %(most)s rules of a kind.", most=RULES_MAX), field="name")
        rules.append(rule)
    elif number < len(rules):
        rules[number] = rule
    else:
        raise NotFound
    return change(draft_id, _with_rules(plan, rule, rules), revision=revision, by=by)


def remove_rule(draft_id: UUID, track: str, number: int, *, revision: int, by: Actor) -> PlanDraft:
    """Take a rule away. Raises NotFound, and what `change` raises."""
    plan = draft(draft_id).plan
    part = plan.god if track == "god" else plan.referral
    if part is None or not 0 <= number < len(part.rules):
        raise NotFound
    rules = [one for place, one in enumerate(part.rules) if place != number]
    return change(draft_id, _with_rules(plan, part.rules[number], rules), revision=revision, by=by)


def _rules(plan: Plan, like: ReferralRule | GodRule) -> Sequence[ReferralRule | GodRule]:
    part = plan.god if isinstance(like, GodRule) else plan.referral
    if part is None:
        raise NotFound
    return part.rules


def _with_rules(plan: Plan, like: ReferralRule | GodRule, rules: Sequence[Any]) -> Plan:
    if isinstance(like, GodRule):
        assert plan.god is not None
        return msgspec.structs.replace(plan, god=msgspec.structs.replace(plan.god, rules=tuple(rules)))
    assert plan.referral is not None
    return msgspec.structs.replace(plan, referral=msgspec.structs.replace(plan.referral, rules=tuple(rules)))


def put_example(draft_id: UUID, example: GoldenExample, *, revision: int, by: Actor) -> PlanDraft:
    """Add a worked example, or replace the one of that name. Raises Invalid, NotFound, Closed, Outdated."""
    found = _writable(draft_id, revision)
    others = [one for one in examples(found) if one.name != example.name]
    if len(others) >= EXAMPLES_MAX:
        raise Invalid(_l("A draft has at most %(most)s worked examples.", most=EXAMPLES_MAX), field="name")
    found.examples = msgspec.to_builtins([*others, example])
    _changed(found, by)
    audit.record("partners.plan.example", found, by=by, after={"name": example.name})
    return found


def remove_example(draft_id: UUID, name: str, *, revision: int, by: Actor) -> PlanDraft:
    """Take a worked example away. Raises NotFound, Closed, Outdated."""
    found = _writable(draft_id, revision)
    kept = [one for one in examples(found) if one.name != name]
    if len(kept) == len(found.examples):
        raise NotFound
    found.examples = msgspec.to_builtins(kept)
    _changed(found, by)
    audit.record("partners.plan.example_removed", found, by=by, before={"name": name})
    return found


def examples(found: PlanDraft) -> list[GoldenExample]:
    """The worked examples of a draft."""
    return msgspec.convert(found.examples, list[GoldenExample], strict=False)


def review(found: PlanDraft) -> Review:
    """Look at a draft as it stands, on the tree as it stands."""
    return review_of(found, found.plan)


def review_of(found: PlanDraft, plan: Plan) -> Review:
    """Look at a plan that a draft might become."""
    base = versions.version(found.based_on) if found.based_on is not None else None
    is_limited = plan.caps.binds_paths
    rows = arbitrage(plan, versions.worst_god_rate(plan))
    return Review(
        faults=[one for one in faults(plan) if not one[0].startswith("typical.")],
        checked=check_all(plan, examples(found)),
        arbitrage=[] if is_limited else rows,
        differences=differences(base.plan if base is not None else None, plan),
        is_accepted=found.accepted_digest == versions.digest_of(plan),
        award_losses=award_losses(plan),
    )


def accept(draft_id: UUID, *, revision: int, reason: str, by: Actor) -> PlanDraft:
    """Accept by name that one lot may cost more than it earns, of the draft as it was seen. Who changed the draft last
    cannot. Raises Invalid, Closed, Outdated."""
    found = _writable(draft_id, revision)
    if found.changed_by == by.id:
        raise Invalid(_l("You changed this draft last. Somebody else must accept it."), field="reason")
    reason = " ".join(reason.split())
    if len(reason) < 5:
        raise Invalid(_l("Give a reason of at least five characters."), field="reason")
    found.accepted_digest = versions.digest_of(found.plan)
    found.accepted_by, found.accepted_by_name = by.id, by.name
    seen = review(found)
    worst = {row.symbol: f"{row.worst:f} / {row.revenue:f}" for row in seen.arbitrage if not row.is_safe}
    worst |= {loss.rule: f"{loss.pays:f} / {loss.deposit:f}" for loss in seen.award_losses}
    audit.record("partners.plan.accept", found, by=by, after={"worst": worst}, reason=reason)
    return found


def publish(draft_id: UUID, *, revision: int, effective_from: datetime | None, by: Actor) -> PlanVersion:
    """Make the draft the next version. Raises NotReady, Closed, Outdated, and what `versions.publish` raises."""
    found = _writable(draft_id, revision)
    seen = review(found)
    for obstacle in seen.obstacles:
        raise NotReady(obstacle)
    plan = found.plan
    if seen.loses:
        plan = msgspec.structs.replace(plan, arbitrage_accepted_by=found.accepted_by_name)
    version = versions.publish(plan, effective_from=effective_from, by=by.name)
    if version is None:
        raise NotReady(_l("The newest version says the same already."))
    derive_receivers()
    found.published_number = version.number
    audit.record(
        "partners.plan.publish",
        found,
        by=by,
        after={
            "version": version.number,
            "effective_from": version.effective_from,
            "accepted_by": plan.arbitrage_accepted_by,
        },
    )
    return version


def discard(draft_id: UUID, *, by: Actor) -> None:
    """Throw a draft away. Told twice, it counts once. Raises NotFound, Closed."""
    found = draft(draft_id, lock=True)
    if found.published_number is not None:
        raise Closed
    if found.discarded_at is None:
        found.discarded_at = clock.now()
        audit.record("partners.plan.discard", found, by=by)


def _writable(draft_id: UUID, revision: int) -> PlanDraft:
    found = draft(draft_id, lock=True)
    if not found.is_open:
        raise Closed
    if found.revision != revision:
        raise Outdated
    return found


def _changed(found: PlanDraft, by: Actor) -> None:
    found.revision += 1
    found.changed_at, found.changed_by, found.changed_by_name = clock.now(), by.id, by.name
    session().flush()
