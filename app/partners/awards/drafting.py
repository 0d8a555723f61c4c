"""Award rules of a draft: added, changed, taken away."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import msgspec

from app.core.actor import Actor
from app.core.errors import Invalid, NotFound
from app.kit.text import _l
from app.partners.awards.faults import award_faults
from app.partners.awards.terms import AwardRule, ClawbackTerms
from app.partners.drafts import service as drafts
from app.partners.drafts.models import PlanDraft
from app.partners.plan import Plan

RULES_MAX = 50
_FIELDS = {"min_lots", "min_days", "kyc_level", "min_deposit"}


def put(draft_id: UUID, place: int | None, rule: AwardRule, *, revision: int, by: Actor) -> PlanDraft:
    """Add an award rule at the end, or replace the one at a place. Raises Invalid that names the field, NotFound, and
    what changing a draft raises."""
    plan = drafts.draft(draft_id).plan
    rules = list(plan.awards)
    if place is not None and not 0 <= place < len(rules):
        raise NotFound
    if any(one.name == rule.name for number, one in enumerate(rules) if number != place):
        raise Invalid(_l("Another rule of this kind has this name."), field="name")
    if place is None:
        if len(rules) >= RULES_MAX:
            raise Invalid(_l("A plan has at most %(most)s rules of a kind.", most=RULES_MAX), field="name")
        rules.append(rule)
    else:
        rules[place] = rule
    changed = _with(plan, rules)
    _refuse_faulty(changed, rule)
    return drafts.change(draft_id, changed, revision=revision, by=by)


def _refuse_faulty(plan: Plan, rule: AwardRule) -> None:
    """Tell what is wrong with this rule beside its field, while somebody still looks at it."""
    prefix = f"awards.{rule.name}."
    for key, sentence in award_faults(plan):
        if key.startswith(prefix):
            parts = key.removeprefix(prefix).split(".")
            raise Invalid(sentence, field=parts[-1] if parts[-1] in _FIELDS else parts[0])


def remove(draft_id: UUID, place: int, *, revision: int, by: Actor) -> PlanDraft:
    """Take an award rule away. Raises NotFound, and what changing a draft raises."""
    plan = drafts.draft(draft_id).plan
    if not 0 <= place < len(plan.awards):
        raise NotFound
    rules = [one for number, one in enumerate(plan.awards) if number != place]
    return drafts.change(draft_id, _with(plan, rules), revision=revision, by=by)


def set_clawback(draft_id: UUID, terms: ClawbackTerms, *, revision: int, by: Actor) -> PlanDraft:
    """Say for how long and for what commission is taken back. Raises Invalid that names the field, and what changing a
    draft raises."""
    plan = msgspec.structs.replace(drafts.draft(draft_id).plan, clawback=terms)
    for key, sentence in award_faults(plan):
        if key.startswith("clawback."):
            raise Invalid(sentence, field=key.removeprefix("clawback."))
    return drafts.change(draft_id, plan, revision=revision, by=by)


def _with(plan: Plan, rules: Sequence[AwardRule]) -> Plan:
    return msgspec.structs.replace(plan, awards=tuple(rules))
