"""The `[trading]` section of a tenant's bundle: its platforms and the account types it offers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
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
from app.trading.service import leaving

_CODE = re.compile(r"[a-z][a-z0-9-]{0,30}")
_ADDRESS = re.compile(r"simulator|[A-Za-z0-9.-]+:[0-9]{2,5}")
_SIMULATED = re.compile(r"simulator|(127\.0\.0\.1|localhost):[0-9]+")
_COUNTRY = re.compile(r"[A-Z]{2}")
_PATH = re.compile(r"/[A-Za-z0-9._/-]+")
_HOUR = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
_BRIDGE_KEY = re.compile(r"[a-z0-9][a-z0-9-]{2,60}")

LOOK_UNTIL_S = 60  # What is not there so long after it could last be sent was surely not done.


class CopyPageSection(Section, frozen=True):
    """`copy_page = {…}` of a cTrader platform: the vendor's own page for copying, shown inside the cabinet.

    `url` is the page. WebServices gives the code that opens it once: asked at `code_path` with the person's number in
    `user_field`, it answers with the code in `code_field`. The vendor tells these words with the agreement; they stand
    in no public paper.
    """

    url: str
    code_path: str
    user_field: str
    code_field: str

    def __post_init__(self) -> None:
        if not self.url.startswith("https://") and self.url != "simulator":
            raise Refused("url", "The address of the page begins with `https://`.")
        if not _PATH.fullmatch(self.code_path):
            raise Refused("code_path", "Write the path as WebServices has it; it begins with `/`.")
        if not (self.user_field and self.code_field):
            raise Refused("user_field", "Name the fields as the vendor told you.")


class PlatformSection(Section, frozen=True):
    """`[[trading.platforms]]`. The address `simulator` means the brand's simulator, wherever this instance runs it.

    `ca_file` pins a certificate authority; without it the system's trust decides. Verification cannot be switched off.
    A command is written within `send_within_s` or not at all; its answer is awaited for `answer_within_s`. One that
    nobody finished within `overdue_s` has an unknown outcome; it is looked for `look_after_s` after it could last be
    sent. Only a simulator may be looked at so quickly (`quick_looks`) that a late answer would be missed.

    A cTrader platform's address is that of its Manager API; `plant` and `environment` name the server there, `broker`
    the white label (empty: the plant's own). `write_path` says by which interface settings of accounts are changed, and
    `signs` which sign a charge has in closing deals; `check` finds out deal by deal. Newer servers may tell nothing
    before it is asked for (`subscribe_events`).

    `close_only_groups` names, for a group of MT5, its twin whose symbols take closing deals only. `drift` says what
    becomes of rights that somebody changes on the platform. Credit of `credit_second_person_from` or more, by currency,
    needs two people; so does any credit in a currency without an amount. `suspense_second_person_from` says the same of
    money that nothing explains. At `reconcile_at` by the brand's clock everything is compared with the platform, at no
    more than `reconcile_requests_per_s`.
    """

    code: str
    name: str
    server_name: str
    address: str
    login: int
    password_secret: str
    bridge_key: str = ""
    bridge_secret: str = ""
    kind: Literal["mt5", "ctrader"] = "mt5"
    ca_file: str = ""
    tls_name: str = ""
    connections: int = 3
    requests_per_s: Decimal = Decimal(20)
    send_within_s: Decimal = Decimal(5)
    answer_within_s: Decimal = Decimal(10)
    overdue_s: Decimal = Decimal(30)
    look_after_s: tuple[Decimal, ...] = (Decimal(10), Decimal(30), Decimal(60))
    operation_expires_s: int = 60
    starts_at: datetime | None = None  # For a server in use already; once it is set, the office moves it.
    quick_looks: bool = False
    close_only_groups: dict[str, str] = {}
    drift: Literal["adopt", "overwrite"] = "adopt"
    credit_second_person_from: dict[str, Decimal] = {}
    suspense_second_person_from: dict[str, Decimal] = {}
    reconcile_at: str = "03:00"
    reconcile_requests_per_s: Decimal = Decimal(5)
    plant: str = ""
    environment: str = ""
    web_services: str = ""
    broker: str = ""
    write_path: Literal["web", "manager"] = "web"
    signs: Literal["check", "charge_negative", "charge_positive"] = "check"
    subscribe_events: bool = False
    copy_page: CopyPageSection | None = None

    def __post_init__(self) -> None:
        if not _CODE.fullmatch(self.code):
            raise Refused("code", "A code is small letters, digits and hyphens, and begins with a letter.")
        if self.starts_at is not None and self.starts_at.tzinfo is None:
            raise Refused("starts_at", "Write the instant with its offset from UTC, such as 2026-11-01T00:00:00Z.")
        if not _ADDRESS.fullmatch(self.address):
            raise Refused("address", "Write the address as `host:port`, or `simulator`.")
        if self.kind == "mt5" and not _BRIDGE_KEY.fullmatch(self.bridge_key):
            raise Refused("bridge_key", "A bridge key is 3 to 61 small letters, digits and hyphens.")
        if self.kind == "mt5" and not self.bridge_secret:
            raise Refused("bridge_secret", "Name the secret that the bridge signs with.")
        if self.kind == "ctrader":
            self._check_plant()
        elif self.copy_page is not None:
            raise Refused("copy_page", "Only cTrader has a page for copying that can be shown here.")
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
        if self.quick_looks and not _SIMULATED.fullmatch(self.address):
            raise Refused("quick_looks", "Only a simulator may be looked at quickly.")
        if self.look_after_s[-1] < LOOK_UNTIL_S and not self.quick_looks:
            raise Refused("look_after_s", f"The last look comes at least {LOOK_UNTIL_S} seconds after the last send.")
        twins = list(self.close_only_groups.values())
        if len(set(twins)) != len(twins) or set(twins) & self.close_only_groups.keys():
            raise Refused("close_only_groups", "Each group has a twin of its own, which is the twin of no other.")
        if any(amount <= 0 for amount in self.credit_second_person_from.values()):
            raise Refused("credit_second_person_from", "The amount from which two people decide is more than zero.")
        if any(amount <= 0 for amount in self.suspense_second_person_from.values()):
            raise Refused("suspense_second_person_from", "The amount from which two people decide is more than zero.")
        if not _HOUR.fullmatch(self.reconcile_at):
            raise Refused("reconcile_at", "Write the hour as `03:00`.")
        if self.reconcile_requests_per_s <= 0:
            raise Refused("reconcile_requests_per_s", "More than no request a second must be allowed.")

    def _check_plant(self) -> None:
        if self.bridge_key or self.bridge_secret:
            raise Refused("bridge_key", "A cTrader platform has no bridge.")
        if self.address != "simulator" and not (self.plant and self.environment):
            raise Refused("plant", "Name the plant and the environment as the vendor gave them to you.")
        if self.web_services and not self.web_services.startswith("https://"):
            raise Refused("web_services", "The address of WebServices begins with `https://`.")
        if self.write_path == "web" and self.address != "simulator" and not self.web_services:
            raise Refused("write_path", "Without WebServices, accounts can only be changed by the Manager API.")
        if self.copy_page is not None and self.address != "simulator":
            if not self.web_services:
                raise Refused("copy_page", "The page for copying needs WebServices, which give the code for it.")
            if self.copy_page.url == "simulator":
                raise Refused("copy_page", "Only a simulator has a page at the address `simulator`.")


class LeverageCeiling(Section, frozen=True):
    """`[[trading.leverage_ceilings]]`, or of one account type: no more than `max` where all of the rest holds."""

    max: int
    countries: tuple[str, ...] = ()
    segments: tuple[str, ...] = ()
    currency: str = ""
    equity_from: Decimal | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.max <= 5000:
            raise Refused("max", "A leverage lies between 1 and 5000.")
        if any(not _COUNTRY.fullmatch(country) for country in self.countries):
            raise Refused("countries", "Write a country as two capital letters.")
        if self.equity_from is not None and self.equity_from < 0:
            raise Refused("equity_from", "An amount is not negative.")


class VisibleTo(Section, frozen=True):
    """`[trading.account_types.visible_to]`: who is offered the type. What is left out asks nothing."""

    countries: tuple[str, ...] = ()
    not_countries: tuple[str, ...] = ()
    kyc_level_from: int = 0
    segments: tuple[str, ...] = ()
    not_segments: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if any(not _COUNTRY.fullmatch(country) for country in (*self.countries, *self.not_countries)):
            raise Refused("countries", "Write a country as two capital letters.")


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
    leverage_ceilings: tuple[LeverageCeiling, ...] = ()
    visible_to: VisibleTo = VisibleTo()
    margin_call_level: Decimal = Decimal(100)

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
        if self.margin_call_level <= 0:
            raise Refused("margin_call_level", "The margin level at which a margin call comes is more than zero.")


class TradingSection(Section, frozen=True):
    """`[trading]`."""

    platforms: tuple[PlatformSection, ...] = ()
    account_types: tuple[AccountTypeSection, ...] = ()
    leverage_ceilings: tuple[LeverageCeiling, ...] = ()
    bulk_second_person_above: int = 50  # A change of more accounts at once needs two people.

    def __post_init__(self) -> None:
        if self.bulk_second_person_above < 0:
            raise Refused("bulk_second_person_above", "Write how many accounts one person may change at once.")
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
        made = _apply_type(kind, types.get(kind.code), platforms[kind.platform].id, position)
        made.leverage_ceilings = msgspec.to_builtins((*section.leverage_ceilings, *kind.leverage_ceilings))
    for code in types.keys() - {kind.code for kind in section.account_types}:
        types[code].is_offered = False
    session.flush()


def _apply_platform(section: PlatformSection, row: TradingPlatform | None) -> TradingPlatform:
    now = clock.now()
    is_new = row is None
    if row is None:
        row = TradingPlatform(id=new_id(), code=section.code, created_at=now)
        db.session().add(row)
    left_simulator_at = row.settings.get("left_simulator_at") if not is_new else None
    if not is_new and row.settings["address"] != section.address:
        if row.settings["address"] == "simulator":
            left_simulator_at = now.isoformat()
            leaving.leave_simulator(row, now)
        row.address_since = now  # Another server: what was tried and opened before says nothing about it.
    row.kind, row.name, row.server_name = section.kind, section.name, section.server_name
    row.password_secret, row.bridge_secret, row.is_active = section.password_secret, section.bridge_secret, True
    row.settings = msgspec.to_builtins(
        {
            "address": section.address,
            "left_simulator_at": left_simulator_at,
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
            "close_only_groups": section.close_only_groups,
            "drift": section.drift,
            "credit_second_person_from": section.credit_second_person_from,
            "suspense_second_person_from": section.suspense_second_person_from,
            "reconcile_at": section.reconcile_at,
            "reconcile_requests_per_s": str(section.reconcile_requests_per_s),
            "plant": section.plant,
            "environment": section.environment,
            "web_services": section.web_services,
            "broker": section.broker,
            "write_path": section.write_path,
            "signs": section.signs,
            "subscribe_events": section.subscribe_events,
            "copy_page": section.copy_page,
        }
    )
    row.starts_at = row.starts_at or section.starts_at
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
    leases.announce(row.id, section.bridge_key or f"none-{row.id.hex}")
    return row


def _apply_type(section: AccountTypeSection, row: AccountType | None, platform_id: UUID, position: int) -> AccountType:
    if row is None:
        row = AccountType(code=section.code)
        db.session().add(row)
    row.platform_id, row.position, row.is_offered = platform_id, position, True
    row.label, row.description, row.groups = dict(section.label), dict(section.description), dict(section.groups)
    row.leverages, row.default_leverage = list(section.leverages), section.default_leverage
    row.leverage_warning_above, row.min_deposit = section.leverage_warning_above, section.min_deposit
    row.is_hedging, row.is_swap_free, row.is_demo = section.hedging, section.swap_free, section.demo
    row.demo_deposit, row.accounts_max = section.demo_deposit, section.accounts_max
    row.visible_to, row.margin_call_level = msgspec.to_builtins(section.visible_to), section.margin_call_level
    return row


def secrets_needed(section: TradingSection) -> Sequence[str]:
    """The names of the secrets without which the platforms cannot be reached."""
    names = [name for platform in section.platforms for name in (platform.password_secret, platform.bridge_secret)]
    return [name for name in names if name]


SECTION = BundleSection(name="trading", type=TradingSection, apply=apply)
