"""The `[trading]` section of a tenant's bundle: its platforms and the account types it offers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Literal
from uuid import UUID

import msgspec
from sqlalchemy import select

from app.core import db
from app.core.features import BundleSection
from app.kit import clock
from app.kit.ids import new_id
from app.tenancy.bundles.schema import Refused, Section
from app.trading.models import AccountType, PlatformStatus, TradingPlatform
from app.trading.queries import leases

_CODE = re.compile(r"[a-z][a-z0-9-]{0,30}")
_ADDRESS = re.compile(r"simulator|[A-Za-z0-9.-]+:[0-9]{2,5}")
_BRIDGE_KEY = re.compile(r"[a-z0-9][a-z0-9-]{2,60}")


class PlatformSection(Section, frozen=True):
    """`[[trading.platforms]]`. The address `simulator` means the brand's simulator, wherever this instance runs it.

    `ca_file` pins a certificate authority; without it the system's trust decides. Verification cannot be switched off.
    A command is written within `send_within_s` or not at all; its answer is awaited for `answer_within_s`. One that
    nobody finished within `overdue_s` has an unknown outcome; it is looked for `look_after_s` after it could last be
    sent.
    """

    code: str
    name: str
    server_name: str
    address: str
    login: int
    password_secret: str
    bridge_key: str
    bridge_secret: str
    kind: Literal["mt5"] = "mt5"
    ca_file: str = ""
    tls_name: str = ""
    connections: int = 3
    requests_per_s: Decimal = Decimal(20)
    send_within_s: Decimal = Decimal(5)
    answer_within_s: Decimal = Decimal(10)
    overdue_s: Decimal = Decimal(30)
    look_after_s: tuple[Decimal, ...] = (Decimal(10), Decimal(30), Decimal(60))
    operation_expires_s: int = 60

    def __post_init__(self) -> None:
        if not _CODE.fullmatch(self.code):
            raise Refused("code", "A code is small letters, digits and hyphens, and begins with a letter.")
        if not _ADDRESS.fullmatch(self.address):
            raise Refused("address", "Write the address as `host:port`, or `simulator`.")
        if not _BRIDGE_KEY.fullmatch(self.bridge_key):
            raise Refused("bridge_key", "A bridge key is 3 to 61 small letters, digits and hyphens.")
        if not 1 <= self.connections <= 20:
            raise Refused("connections", "Between 1 and 20 connections are kept open.")
        if self.requests_per_s < 1:
            raise Refused("requests_per_s", "At least one request a second must be allowed.")
        if self.send_within_s <= 0 or self.answer_within_s <= 0:
            raise Refused("send_within_s", "A command needs some time to be sent and answered.")
        if self.overdue_s <= self.send_within_s + self.answer_within_s:
            raise Refused("overdue_s", "A command is overdue only after it could have been sent and answered.")
        if len(self.look_after_s) < 3 or list(self.look_after_s) != sorted(self.look_after_s):
            raise Refused(
                "look_after_s", "An unanswered operation is looked for at least three times, later each time."
            )


class AccountTypeSection(Section, frozen=True):
    """`[[trading.account_types]]`. `groups` names the platform's group for each account currency."""

    code: str
    platform: str
    label: dict[str, str]
    groups: dict[str, str]
    leverages: tuple[int, ...]
    default_leverage: int
    description: dict[str, str] = {}
    leverage_warning_above: int = 100
    min_deposit: Decimal = Decimal(0)
    hedging: bool = True
    swap_free: bool = False
    demo: bool = False
    demo_deposit: Decimal = Decimal(10000)
    accounts_max: int = 10

    def __post_init__(self) -> None:
        if not _CODE.fullmatch(self.code):
            raise Refused("code", "A code is small letters, digits and hyphens, and begins with a letter.")
        if not self.groups:
            raise Refused("groups", "Name the platform's group for at least one currency.")
        if not self.label:
            raise Refused("label", "Give the account type a name in at least one language.")
        if any(not 1 <= leverage <= 5000 for leverage in self.leverages):
            raise Refused("leverages", "A leverage lies between 1 and 5000.")
        if self.default_leverage not in self.leverages:
            raise Refused("default_leverage", "The default leverage is not among the leverages.")
        if self.min_deposit < 0 or self.demo_deposit < 0:
            raise Refused("min_deposit", "An amount is not negative.")


class TradingSection(Section, frozen=True):
    """`[trading]`."""

    platforms: tuple[PlatformSection, ...] = ()
    account_types: tuple[AccountTypeSection, ...] = ()

    def __post_init__(self) -> None:
        codes = [platform.code for platform in self.platforms]
        if len(set(codes)) != len(codes):
            raise Refused("platforms", "Two platforms have the same code.")
        names = [kind.code for kind in self.account_types]
        if len(set(names)) != len(names):
            raise Refused("account_types", "Two account types have the same code.")
        for kind in self.account_types:
            if kind.platform not in codes:
                raise Refused("account_types", f"The account type `{kind.code}` names no platform of this bundle.")


def apply(section: TradingSection) -> None:
    """Make platforms and account types as the bundle says. What it no longer names stays, but is not offered."""
    session = db.session()
    platforms = {row.code: row for row in session.scalars(select(TradingPlatform))}
    for platform in section.platforms:
        platforms[platform.code] = _apply_platform(platform, platforms.get(platform.code))
    named = {platform.code for platform in section.platforms}
    for code, row in platforms.items():
        row.is_active = code in named
    session.flush()
    types = {row.code: row for row in session.scalars(select(AccountType))}
    for position, kind in enumerate(section.account_types):
        _apply_type(kind, types.get(kind.code), platforms[kind.platform].id, position)
    for code in types.keys() - {kind.code for kind in section.account_types}:
        types[code].is_offered = False
    session.flush()


def _apply_platform(section: PlatformSection, row: TradingPlatform | None) -> TradingPlatform:
    now = clock.now()
    is_new = row is None
    if row is None:
        row = TradingPlatform(id=new_id(), code=section.code, created_at=now)
        db.session().add(row)
    row.kind, row.name, row.server_name = section.kind, section.name, section.server_name
    row.password_secret, row.bridge_secret, row.is_active = section.password_secret, section.bridge_secret, True
    row.settings = msgspec.to_builtins(
        {
            "address": section.address,
            "login": section.login,
            "ca_file": section.ca_file,
            "tls_name": section.tls_name,
            "connections": section.connections,
            "requests_per_s": str(section.requests_per_s),
            "send_within_s": str(section.send_within_s),
            "answer_within_s": str(section.answer_within_s),
            "overdue_s": str(section.overdue_s),
            "look_after_s": [str(wait) for wait in section.look_after_s],
            "operation_expires_s": section.operation_expires_s,
        }
    )
    db.session().flush()
    if is_new:
        db.session().add(
            PlatformStatus(
                platform_id=row.id,
                link="never",
                link_changed_at=now,
                last_error="",
                bridge_seq=0,
                catch_up_wanted="start",
                high_water_msc=0,
            )
        )
    leases.announce(row.id, section.bridge_key)
    return row


def _apply_type(section: AccountTypeSection, row: AccountType | None, platform_id: UUID, position: int) -> None:
    if row is None:
        row = AccountType(code=section.code)
        db.session().add(row)
    row.platform_id, row.position, row.is_offered = platform_id, position, True
    row.label, row.description, row.groups = dict(section.label), dict(section.description), dict(section.groups)
    row.leverages, row.default_leverage = list(section.leverages), section.default_leverage
    row.leverage_warning_above, row.min_deposit = section.leverage_warning_above, section.min_deposit
    row.is_hedging, row.is_swap_free, row.is_demo = section.hedging, section.swap_free, section.demo
    row.demo_deposit, row.accounts_max = section.demo_deposit, section.accounts_max


def secrets_needed(section: TradingSection) -> Sequence[str]:
    """The names of the secrets without which the platforms cannot be reached."""
    return [name for platform in section.platforms for name in (platform.password_secret, platform.bridge_secret)]


SECTION = BundleSection(name="trading", type=TradingSection, apply=apply)
