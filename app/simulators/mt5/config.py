"""What a simulated trade server is built from: address, clock, managers, groups, and answers to open questions."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Literal

import msgspec

from app.simulators.mt5.enums import MarginMode

DEFAULT_MANAGER_LOGIN = 1000
DEFAULT_MANAGER_PASSWORD = "Password1"  # noqa: S105  # The reference vectors' password.


class ManagerConfig(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A manager account. `rights` are the numbers of the platform's list; None gives all of them."""

    login: int = DEFAULT_MANAGER_LOGIN
    password: str = DEFAULT_MANAGER_PASSWORD
    name: str = "CRM"
    rights: tuple[int, ...] | None = None
    groups: tuple[str, ...] = ("*",)
    addresses: tuple[str, ...] = ()
    is_enabled: bool = True

    def may(self, right: int) -> bool:
        return self.rights is None or right in self.rights


class GroupConfig(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A group of trading accounts and its terms."""

    name: str
    currency: str = "USD"
    margin_mode: Literal["netting", "hedging"] = "hedging"
    leverage: int = 100
    margin_call_percent: Decimal = Decimal(100)
    stop_out_percent: Decimal = Decimal(50)
    password_length_min: int = 8
    commission_per_lot: Decimal = Decimal(0)  # In the group's currency, on each deal that `commission_on` names.
    commission_on: Literal["both", "in", "out"] = "both"
    markup_points: int = 0  # Added to the market's spread, half on each side.
    company: str = "Kontor Simulated Markets"
    close_only: bool = False  # Its symbols have the trade mode "close only".

    @property
    def mode(self) -> MarginMode:
        return MarginMode.HEDGING if self.margin_mode == "hedging" else MarginMode.NETTING


DEFAULT_GROUPS = (
    GroupConfig("real\\standard-usd"),
    GroupConfig("real\\standard-eur", currency="EUR"),
    GroupConfig("real\\standard-gbp", currency="GBP"),
    GroupConfig("real\\raw-usd", commission_per_lot=Decimal("3.50"), leverage=200),
    GroupConfig("real\\raw-eur", currency="EUR", commission_per_lot=Decimal("3.20"), leverage=200),
    GroupConfig("real\\netting-usd", margin_mode="netting"),
    GroupConfig("real\\netting-eur", currency="EUR", margin_mode="netting"),
    GroupConfig("demo\\standard-usd"),
    GroupConfig("demo\\netting-usd", margin_mode="netting"),
    GroupConfig("close\\standard-usd", close_only=True),
    GroupConfig("close\\standard-eur", currency="EUR", close_only=True),
    GroupConfig("close\\standard-gbp", currency="GBP", close_only=True),
    GroupConfig("close\\raw-usd", commission_per_lot=Decimal("3.50"), leverage=200, close_only=True),
    GroupConfig("close\\raw-eur", currency="EUR", commission_per_lot=Decimal("3.20"), leverage=200, close_only=True),
    GroupConfig("close\\netting-usd", margin_mode="netting", close_only=True),
    GroupConfig("close\\netting-eur", currency="EUR", margin_mode="netting", close_only=True),
)


class PushConfig(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Where the bridge posts its events."""

    url: str
    secret: str
    bridge: str = "sim"
    headers: dict[str, str] = {}


class Switches(msgspec.Struct, forbid_unknown_fields=True):
    """One switch for each question that only a real server can answer."""

    password_policy: Literal["strict", "classic"] = "strict"  # noqa: S105
    unknown_group: int = 3  # The documentation says 8, a public client's tests expect 3.
    missing_right: Literal["retcode", "forbidden"] = "retcode"
    is_window_end_included: bool = True
    inactive_account: Literal["not_found", "nothing", "empty"] = "not_found"
    needs_cookie: bool = False
    moves_open_positions: bool = False  # Whether an account with open positions may change to a group of like terms.
    is_daylight_in_zone: bool = False  # Whether `TimeZone` in time/get already contains daylight saving.
    sessions_max: int = 0  # Web API connections per manager; 0 is unlimited.
    batch_records_max: int = 0  # After so many records a batch answers 14; 0 is unlimited.
    market_hours: Literal["always", "weekdays"] = "always"
    antiflood_errors_max: int = 0  # Failed sign-ins per minute and address before the address is blocked; 0 is off.


class SimConfig(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """One trade server. Ports 0 are chosen by the system."""

    name: str = "mt5"
    host: str = "127.0.0.1"
    port: int = 0
    control_port: int = 0
    data_dir: str | None = None  # Certificates and state; without it they last as long as the process.
    seed: int = 1
    start: datetime | None = None  # The simulated instant to begin at; now, when absent.
    speed: float = 1.0
    zone: str = "Europe/Athens"
    certificate_names: tuple[str, ...] = ("localhost", "127.0.0.1")
    managers: tuple[ManagerConfig, ...] = (ManagerConfig(),)
    groups: tuple[GroupConfig, ...] = DEFAULT_GROUPS
    symbols: tuple[str, ...] = ()  # All that are known, when empty.
    pegs: dict[str, tuple[str, str]] = {}
    push: PushConfig | None = None
    switches: Switches = msgspec.field(default_factory=Switches)
    login_first: int = 100001
    login_last: int = 999999
    version: int = 3950
    answer_window_seconds: float = 10
    idle_seconds: float = 180
    ping_seconds: float = 20
    watch_seconds: float = 1.0
    heartbeat_seconds: float = 2.0


class ProcessConfig(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What the process entry reads: any number of trade servers and one health address."""

    servers: tuple[SimConfig, ...]
    health_host: str = "127.0.0.1"
    health_port: int = 0


def read_config(text: bytes | str) -> ProcessConfig:
    """Read `{"servers": [...]}`, or a single server's object."""
    plain = msgspec.json.decode(text)
    if isinstance(plain, dict) and "servers" not in plain:
        plain = {"servers": [plain]}
    return msgspec.convert(plain, ProcessConfig)
