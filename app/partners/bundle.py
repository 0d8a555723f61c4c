"""The section `[partners]` of a tenant's bundle: applying a changed plan publishes its next version."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import time
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from app.core.features import BundleSection
from app.partners import receivers, versions
from app.partners.disputes.terms import term_faults
from app.partners.faults import faults
from app.partners.plan import PartnersBundle
from app.partners.portal.terms import faults_of_links


def check(section: PartnersBundle) -> Sequence[tuple[str, str]]:
    """What the types cannot say: (dotted key, sentence)."""
    found = [(f"plan.{key}", sentence.in_english()) for key, sentence in faults(section.plan)]
    if section.settle_timezone:
        try:
            ZoneInfo(section.settle_timezone)
        except (ZoneInfoNotFoundError, ValueError):
            found.append(("settle_timezone", f"There is no time zone named `{section.settle_timezone}`."))
    try:
        time.fromisoformat(section.settle_cutoff)
    except ValueError:
        found.append(("settle_cutoff", "Write the cut-off as hours and minutes, like 17:00."))
    if section.effective_from is not None and section.effective_from.tzinfo is None:
        found.append(("effective_from", "An instant carries its offset, like 2026-01-01T00:00:00Z."))
    found += [(key, sentence.in_english()) for key, sentence in term_faults(section.disputes)]
    found += [(key, sentence.in_english()) for key, sentence in faults_of_links(section.links)]
    return found


def apply(section: PartnersBundle) -> None:
    """Publish the plan when the bundle's has changed, and derive the receivers anew when policy or levels did.

    A plan that was made in the office since stays in force until the bundle says something new.
    """
    if not versions.is_what_the_bundle_said_last(section.plan):
        versions.publish(section.plan, effective_from=section.effective_from, by=versions.BUNDLE)
    derive_receivers()


def derive_receivers() -> None:
    """Bring the receiver table in line with the newest plan."""
    plan = versions.plan_for_receivers()
    assert plan is not None
    if receivers.current_digest() != receivers.policy_digest(plan, receivers.levels_max(versions.plans())):
        receivers.rebuild()


SECTION = BundleSection(name="partners", type=PartnersBundle, check=check, apply=apply)
