"""The section `[referrals]` of a tenant's bundle: who brings in clients, how they are attributed, moved and shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from app import tenancy
from app.core.features import BundleSection
from app.referrals import queries

COOKIE_DAYS_MAX = 400  # What browsers keep at most.
PATH_LENGTH_MOST = 10_000


class MoveLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What keeps a client from being moved. Nothing does unless a brand says so."""

    once_per_client: bool = False
    only_verified: bool = False
    only_untraded: bool = False
    account_younger_days: int = 0  # 0: of any age.
    partner_registered_first: bool = False
    dated_days_max: int = 366


class Masking(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a partner sees of a client who stands below them."""

    name: Literal["initial", "full", "number"] = "initial"
    email: Literal["hidden", "masked", "full"] = "hidden"
    country: Literal["shown", "hidden"] = "shown"


class ReferralsBundle(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole section. A brand without one has an open programme with these defaults."""

    enabled: bool = True
    join: Literal["open", "approval", "invitation"] = "open"
    opt_out: bool = True
    countries_denied: tuple[str, ...] = ()
    requires_kyc_level: int = 1
    click: Literal["first", "last"] = "last"
    cookie_days: int = 30
    click_days: int = 400
    invitation_days: int = 14
    mail_partners: bool = True
    max_path_length: int = PATH_LENGTH_MOST
    reattribute_window_days: int = 30
    move: MoveLimits = MoveLimits()
    masking: Masking = Masking()


DEFAULTS = ReferralsBundle()


def settings() -> ReferralsBundle:
    """The bound tenant's referral settings."""
    tenant = tenancy.current()
    found: ReferralsBundle = tenant.section(SECTION.name) if tenant.has_section(SECTION.name) else DEFAULTS
    return found


def check(section: ReferralsBundle) -> Sequence[tuple[str, str]]:
    """What the types cannot say: (dotted key, sentence)."""
    ranges = (
        ("cookie_days", section.cookie_days, 0, COOKIE_DAYS_MAX),
        ("click_days", section.click_days, 1, 3_660),
        ("invitation_days", section.invitation_days, 1, 365),
        ("requires_kyc_level", section.requires_kyc_level, 0, 9),
        ("max_path_length", section.max_path_length, 1, PATH_LENGTH_MOST),
        ("reattribute_window_days", section.reattribute_window_days, 0, 366),
        ("move.account_younger_days", section.move.account_younger_days, 0, 36_500),
        ("move.dated_days_max", section.move.dated_days_max, 0, 3_660),
    )
    found = [
        (key, f"Give a number from {least} to {most}.")
        for key, value, least, most in ranges
        if not least <= value <= most
    ]
    wrong = [code for code in section.countries_denied if not (len(code) == 2 and code.isascii() and code.isupper())]
    if wrong:
        found.append(("countries_denied", f"`{wrong[0]}` is not a country's code of two capital letters, like DE."))
    return found


def apply(section: ReferralsBundle) -> None:
    """Turn from an open programme to one with admissions without taking anything from those who are in it."""
    if section.join != "open":
        queries.admit_standing()


SECTION = BundleSection(name="referrals", type=ReferralsBundle, check=check, apply=apply)
