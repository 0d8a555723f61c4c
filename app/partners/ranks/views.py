"""Ranks and own rates in the office, their part of the plan editor, and a partner's own page about them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, request, url_for
from flask.typing import ResponseReturnValue

from app.clients import queries as clients
from app.core.actor import current_actor
from app.core.errors import DomainError, Invalid, NotFound
from app.core.forms import once_key
from app.core.http import redirect_to, render, requires, toast, unrestricted
from app.kit import clock
from app.kit.text import Message, _l
from app.partners import labels as words
from app.partners import permissions, versions
from app.partners import queries as partners
from app.partners.drafts import service as drafts
from app.partners.drafts.typed import PERCENT, number, whole
from app.partners.plan import Plan
from app.partners.portal.person import me
from app.partners.ranks import labels, queries, reading, service
from app.partners.ranks.forms import (
    CONDITIONS,
    NEEDS,
    EndRateForm,
    RankForm,
    RanksForm,
    RateForm,
    SetRankForm,
    choices_of,
)
from app.partners.ranks.models import PartnerRate
from app.partners.ranks.terms import Rank
from app.referrals.rules import FOREVER
from app.ui.lists import Page, PageRequest

bp = Blueprint("partners_ranks", __name__, url_prefix="/commission")
STAFF_ACT = "Staff act here; whether a partner may earn is asked when a day is settled."
Render = Callable[..., Response]


@bp.get("/ranks")
@requires(permissions.COMMISSION_READ)
def overview() -> ResponseReturnValue:
    now = clock.business_now()
    version = versions.version_at(now)
    ranks = version.plan.ranks if version is not None else None
    names = [rank.name for rank in ranks.ranks] if ranks is not None else []
    asked, wanted = PageRequest.read(request.args), request.args.get("rank", "")
    rank = wanted if wanted in names else ""
    rows, total = queries.holders(rank, now, limit=asked.size, offset=asked.offset)
    return render(
        "partners/ranks/overview.html",
        block="list",
        ranks=ranks,
        choices=[(name, name) for name in names],
        rank=rank,
        counts=queries.counts(now),
        assessments=queries.assessments(),
        page=Page(rows, asked.number, asked.size, total),
        labels=labels,
        currency=partners.currency(),
    )


@bp.route("/partners/<uuid:partner_id>/rank", methods=["GET", "POST"])
@requires(permissions.COMMISSION_READ)
@unrestricted(STAFF_ACT)
def partner_rank(partner_id: UUID) -> ResponseReturnValue:
    """A partner's rank with its history and the way to the next one; whoever may, sets it by hand."""
    client = clients.get(partner_id)
    standing = queries.standing(partner_id, clock.business_now())
    form = SetRankForm(rank=standing.rank.name if standing is not None else "")
    form.rank.choices = choices_of([(rank.name, rank.name) for rank in standing.ranks.ranks] if standing else [])
    may_set = current_actor().may(permissions.RANK_SET)
    if form.sent():
        if not may_set:
            raise NotFound
        done = form.attempt(lambda: _set_rank(partner_id, form))
        if done is not None:
            toast(_l("The rank holds from now on."))
            return redirect_to(url_for(".partner_rank", partner_id=partner_id))
    return render(
        "partners/ranks/partner.html",
        block="form",
        status=form.status,
        client=client,
        standing=standing,
        history=queries.history(partner_id),
        f=form,
        labels=labels,
        words=labels,
        currency=partners.currency(),
        may_set=may_set,
        forever=FOREVER,
    )


def _set_rank(partner_id: UUID, form: SetRankForm) -> object:
    return service.set_rank(
        partner_id,
        form.rank.data or "",
        is_pinned=bool(form.is_pinned.data),
        reason=form.reason.data or "",
        by=current_actor(),
        request_id=f"rank:{partner_id}:{once_key()}",
    )


@bp.get("/rates")
@requires(permissions.COMMISSION_READ)
def rates() -> ResponseReturnValue:
    asked, status = PageRequest.read(request.args), request.args.get("status", "")
    now = clock.business_now()
    rows, total = queries.all_rates(status, now, limit=asked.size, offset=asked.offset)
    return render(
        "partners/ranks/rates.html",
        block="list",
        page=Page(rows, asked.number, asked.size, total),
        status_shown=status,
        **_about_rates(),
    )


def _about_rates() -> dict[str, Any]:
    actor, now = current_actor(), clock.business_now()
    return {
        "labels": labels,
        "words": words,
        "currency": partners.currency(),
        "forever": FOREVER,
        "in_force": lambda row: queries.holds(row, now),
        "may_give": actor.may(permissions.RATE_GIVE),
        "may_agree": lambda row: actor.may(permissions.RATE_AGREE) and row.asked_by != actor.id,
    }


@bp.route("/partners/<uuid:partner_id>/rates", methods=["GET", "POST"])
@requires(permissions.COMMISSION_READ)
@unrestricted(STAFF_ACT)
def partner_rates(partner_id: UUID) -> ResponseReturnValue:
    client = clients.get(partner_id)
    plan = versions.plan_for_receivers()
    targets = _targets(plan) if plan is not None else []
    form = RateForm()
    form.target.choices = choices_of([(_key(target), label) for target, label in targets])
    if form.sent():
        if not current_actor().may(permissions.RATE_GIVE):
            raise NotFound
        done = form.attempt(lambda: _give(partner_id, form, targets))
        if done is not None:
            given = done.status.value == "given"
            toast(_l("The rate holds from now on.") if given else _l("The rate waits for a second person."))
            return redirect_to(url_for(".partner_rates", partner_id=partner_id))
    return render(
        "partners/ranks/partner_rates.html",
        block="form",
        status=form.status,
        client=client,
        rows=queries.rates_of(partner_id),
        god_rate=partners.god_rate(partner_id, clock.business_now()),
        limits=plan.own_rates if plan is not None else None,
        f=form,
        **_about_rates(),
    )


Target = tuple[str, str, int]  # Track, rule (empty for all), level (0 for an amount per lot).


def _targets(plan: Plan) -> list[tuple[Target, Message]]:
    """What a partner can have a rate of their own for."""
    found: list[tuple[Target, Message]] = []
    if plan.god is not None:
        found.append((("god", "", 0), _l("Amount per lot, everywhere")))
        found += [
            (("god", rule.name, 0), _l("Amount per lot: %(rule)s", rule=rule.name))
            for rule in plan.god.rules
            if len(plan.god.rules) > 1
        ]
    if plan.referral is not None and plan.referral.level_base == "root":
        rules = plan.referral.rules
        found += [
            (("referral", "", place), _l("Share of level %(level)s, everywhere", level=place))
            for place in range(1, max(len(plan.levels_of(rule)) for rule in rules) + 1)
        ]
        found += [
            (("referral", rule.name, place), _l("Share of level %(level)s: %(rule)s", level=place, rule=rule.name))
            for rule in rules
            if len(rules) > 1
            for place in range(1, len(plan.levels_of(rule)) + 1)
        ]
        found += [
            (("referral", rule.name, 0), _l("Amount per lot that levels share: %(rule)s", rule=rule.name))
            for rule in rules
            if rule.kind == "per_lot"
        ]
    return found


def _key(target: Target) -> str:
    track, rule, level = target
    return f"{track}:{level}:{rule}"


def _give(partner_id: UUID, form: RateForm, targets: list[tuple[Target, Message]]) -> PartnerRate:
    chosen = next((target for target, _ in targets if _key(target) == form.target.data), None)
    if chosen is None:
        raise Invalid(_l("Choose one of the options."), field="target")
    track, rule, level = chosen
    typed = number(form, "amount")
    assert typed is not None
    return service.give_rate(
        partner_id,
        track=track,
        rule=rule,
        level=level,
        amount=typed / PERCENT if level else typed,
        reason=form.reason.data or "",
        by=current_actor(),
        request_id=f"rate:{partner_id}:{once_key()}",
    )


@bp.post("/rates/<uuid:rate_id>/agree")
@requires(permissions.RATE_AGREE)
@unrestricted(STAFF_ACT)
def agree(rate_id: UUID) -> ResponseReturnValue:
    return _decide(rate_id, agrees=True)


@bp.post("/rates/<uuid:rate_id>/refuse")
@requires(permissions.RATE_AGREE)
@unrestricted(STAFF_ACT)
def refuse(rate_id: UUID) -> ResponseReturnValue:
    return _decide(rate_id, agrees=False)


def _decide(rate_id: UUID, *, agrees: bool) -> Response:
    partner_id = queries.rate(rate_id).partner_id
    try:
        service.decide_rate(rate_id, agrees=agrees, by=current_actor())
    except DomainError as refusal:
        if refusal.status_code == 404:
            raise
        toast(refusal.message, "danger")
    else:
        toast(_l("The rate holds from now on.") if agrees else _l("The rate is refused."))
    return redirect_to(url_for(".partner_rates", partner_id=partner_id))


@bp.route("/rates/<uuid:rate_id>/end", methods=["GET", "POST"])
@requires(permissions.RATE_GIVE)
@unrestricted(STAFF_ACT)
def end(rate_id: UUID) -> ResponseReturnValue:
    row = queries.rate(rate_id)
    form = EndRateForm()
    if form.sent():
        done = form.attempt(lambda: service.end_rate(rate_id, reason=form.reason.data or "", by=current_actor()))
        if done is not None:
            toast(_l("The rate holds no longer."))
            return redirect_to(url_for(".partner_rates", partner_id=row.partner_id))
    return render(
        "partners/ranks/end.html",
        block="form",
        status=form.status,
        client=clients.get(row.partner_id),
        row=row,
        f=form,
        **_about_rates(),
    )


@bp.route("/drafts/<uuid:draft_id>/ranks", methods=["GET", "POST"])
@requires(permissions.PLAN_EDIT)
@unrestricted(STAFF_ACT)
def draft_ranks(draft_id: UUID) -> ResponseReturnValue:
    """A draft's ranks, who may be paid at all, and what one person may give."""
    found = drafts.draft(draft_id)
    form = RanksForm(data=reading.fill_ranks(found.plan, found.revision))
    if form.sent():
        done = form.attempt(lambda: _change(draft_id, reading.read_ranks(form, found.plan), form))
        if done is not None:
            toast(_l("The draft is saved."))
            return redirect_to(url_for(".draft_ranks", draft_id=draft_id))
        found = drafts.draft(draft_id)
    return render(
        "partners/ranks/draft.html",
        block="form",
        status=form.status,
        draft=found,
        plan=found.plan,
        f=form,
        needs=[form[field] for field in NEEDS.values()],
        labels=labels,
    )


def _change(draft_id: UUID, plan: Plan, form: RanksForm | RankForm) -> object:
    return drafts.change(draft_id, plan, revision=whole(form, "revision", 0), by=current_actor())


@bp.route("/drafts/<uuid:draft_id>/ranks/new", methods=["GET", "POST"], defaults={"place": None})
@bp.route("/drafts/<uuid:draft_id>/ranks/<int:place>", methods=["GET", "POST"])
@requires(permissions.PLAN_EDIT)
@unrestricted(STAFF_ACT)
def draft_rank(draft_id: UUID, place: int | None) -> ResponseReturnValue:
    found = drafts.draft(draft_id)
    standing = found.plan.ranks.ranks if found.plan.ranks is not None else ()
    if place is not None and place >= len(standing):
        raise NotFound
    known = standing[place] if place is not None else Rank(name="")
    shown = (place if place is not None else len(standing)) + 1
    form = RankForm(data=reading.fill_rank(known, shown, found.revision))
    if form.sent():
        done = form.attempt(lambda: _put_rank(draft_id, found.plan, place, form))
        if done is not None:
            toast(_l("The rank is saved."))
            return redirect_to(url_for(".draft_ranks", draft_id=draft_id))
    return render(
        "partners/ranks/rank.html",
        block="form",
        status=form.status,
        draft=drafts.draft(draft_id),
        place=place,
        f=form,
        conditions=[form[field] for field in CONDITIONS.values()],
    )


def _put_rank(draft_id: UUID, plan: Plan, old: int | None, form: RankForm) -> object:
    rank = reading.read_rank(form)
    others = plan.ranks.ranks if plan.ranks is not None else ()
    if any(one.name == rank.name for place, one in enumerate(others) if place != old):
        raise Invalid(_l("Another rank has this name."), field="name")
    if old is None and len(others) >= service.RANKS_MAX:
        raise Invalid(_l("A plan has at most %(most)s ranks.", most=service.RANKS_MAX), field="name")
    return _change(draft_id, reading.put_rank(plan, old, rank, whole(form, "place", len(others) + 1)), form)


@bp.post("/drafts/<uuid:draft_id>/ranks/<int:place>/remove")
@requires(permissions.PLAN_EDIT)
@unrestricted(STAFF_ACT)
def remove_rank(draft_id: UUID, place: int) -> ResponseReturnValue:
    found = drafts.draft(draft_id)
    if found.plan.ranks is None or place >= len(found.plan.ranks.ranks):
        raise NotFound
    form = RanksForm()
    try:
        _change(draft_id, reading.remove_rank(found.plan, place), form)
    except DomainError as refusal:
        if refusal.status_code == 404:
            raise
        toast(refusal.message, "danger")
    return redirect_to(url_for(".draft_ranks", draft_id=draft_id))


def add_rank_views(portal: Blueprint, page: Render) -> None:
    """Hang the page about a partner's own rank and rates into a partner's pages."""

    @portal.get("/rank")
    @requires(permissions.PARTNER_PORTAL)
    def rank() -> ResponseReturnValue:
        now = clock.business_now()
        return page(
            "rank.html",
            standing=queries.standing(me(), now),
            history=queries.history(me()),
            rates=queries.rates_in_force(me(), now),
            words=labels,
            currency=partners.currency(),
            forever=FOREVER,
        )


def shows_ranks() -> bool:
    """Whether the plan in force has ranks to look at."""
    version = versions.version_at(clock.business_now())
    return version is not None and version.plan.ranks is not None
