"""Signing a settled day: somebody has looked it through, and says so by name."""

from __future__ import annotations

from datetime import date

from sqlalchemy import select

from app.audit import service as audit
from app.core import live
from app.core.actor import Actor
from app.core.db import session
from app.core.errors import Conflict, Forbidden, Invalid, NotFound
from app.kit import clock
from app.kit.text import _l
from app.partners.models import SettlementRun

NOTE_LENGTH_MAX = 500


class NotProved(Conflict):
    message = _l("This day is not proved yet. It can be signed afterwards.")


class AlreadySigned(Conflict):
    message = _l("Somebody has already signed this day.")


class OverriddenByYou(Forbidden):
    message = _l("You let this day be settled although deals were missing, so another person signs it.")


def sign(day: date, note: str, *, by: Actor) -> SettlementRun:
    """Sign a day that is proved, once, with a note. It stays for good.

    Raises NotFound, NotProved, AlreadySigned, OverriddenByYou, Invalid that names the field.
    """
    assert by.id is not None, "Only a person signs."
    run = session().scalar(
        select(SettlementRun)
        .where(SettlementRun.business_date == day)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if run is None:
        raise NotFound
    if not run.is_proved:
        raise NotProved
    if run.is_signed:
        raise AlreadySigned
    if run.override_by_id == by.id:
        raise OverriddenByYou
    said = note.strip()
    if len(said) > NOTE_LENGTH_MAX:
        raise Invalid(_l("Use at most %(length)s characters.", length=NOTE_LENGTH_MAX), field="note")
    run.signed_by, run.signed_by_name, run.signed_at, run.signed_note = by.id, by.name, clock.now(), said
    session().flush()
    audit.record(
        "partners.settlement.sign", ("settlement_run", run.id), by=by, after={"day": day.isoformat()}, reason=said
    )
    live.publish("office", "settlement-changed")
    return run
