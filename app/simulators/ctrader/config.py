"""What a simulated plant is built from: address, clock, managers, groups, and answers to open questions."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Literal

import msgspec

from app.simulators.ctrader.enums import Permission

DEFAULT_MANAGER_LOGIN = 777
DEFAULT_MANAGER_PASSWORD = "stubpass"  # noqa: S105  # The reference frames' password.
ALL_PERMISSIONS = tuple(int(permission) for permission in Permission)


class ManagerConfig(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A manager account. `permissions` are the platform's numbers, `groups` masks of group names."""

    login: int = DEFAULT_MANAGER_LOGIN
    password: str = DEFAULT_MANAGER_PASSWORD
    permissions: tuple[int, ...] = ALL_PERMISSIONS
    groups: tuple[str, ...] = ("*",)
    disabled_brokers: tuple[str, ...] = ()


class GroupConfig(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A group and its terms. A markup is in points and added on each side of the market."""

    id: int
    name: str
    description: str = ""
    stop_out_share: Decimal = Decimal("0.50")
    markup_points: int = 0
    commission_profile: int = 0  # 0 charges nothing.
    is_enabled: bool = True
    is_swap_enabled: bool = True
    has_negative_balance_protection: bool = True
    is_copy_disabled: bool = False
    max_leverage: int = 500


class CommissionProfile(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What is charged per side. `rate` is scaled by 10^8, a percentage by 10^5."""

    id: int
    name: str
    type: int
    rate: int
    minimum: int = 0


DEFAULT_GROUPS = (
    GroupConfig(101, "Standard", "Spread with markup, no commission", markup_points=6),
    GroupConfig(102, "Raw", "Market spread and commission", commission_profile=1),
    GroupConfig(103, "VIP", "Small markup and commission per lot", markup_points=2, commission_profile=2),
    GroupConfig(104, "Islamic", "Spread with markup, no swap", markup_points=9, is_swap_enabled=False),
    GroupConfig(105, "Copy", "Accounts of copying investors", markup_points=6),
    GroupConfig(106, "Closed", "Archived accounts", is_enabled=True, is_copy_disabled=True),
)
DEFAULT_PROFILES = (
    CommissionProfile(1, "30 USD per million", 1, 3_000_000_000),
    CommissionProfile(2, "2 USD per lot", 2, 200_000_000),
    CommissionProfile(3, "20 USD per million", 1, 2_000_000_000),
)


class AppConfig(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A registered Open API application."""

    client_id: str = "cid"
    client_secret: str = "csecret"  # noqa: S105  # The reference frames' secret.
    redirect_uri: str = "http://127.0.0.1/return"


class Switches(msgspec.Struct, forbid_unknown_fields=True):
    """One switch for each question that only a real server can answer."""

    commission_sign: Literal["negative", "positive"] = "negative"  # On the Manager face.
    swap_sign: Literal["signed", "cost"] = "signed"  # `cost`: what the client pays is positive.
    has_net_profit: bool = True
    detail_money_digits: int | None = None  # Of closing details, where it differs from the deal's.
    is_push_on: bool = True
    needs_subscription: bool = False  # Whether events come only after message 67.
    deal_order: Literal["newest", "oldest"] = "newest"
    keeps_password_on_update: bool = True  # Whether an UPDATE without a password hash keeps the password.
    auth_error: Literal["AUTHENTICATION_FAILED", "WRONG_PASSWORD"] = "AUTHENTICATION_FAILED"
    refuses_duplicate_external_id: bool = False
    has_changed_since_list: bool = True  # Message 591 exists only on newer servers.
    position_lists: Literal["accept", "json", "csv"] = "accept"
    web_writes_per_hour_max: int = 0  # 0 is unlimited.
    market_hours: Literal["always", "weekdays"] = "always"
    lag_seconds: float = 0.0  # Everything that is pushed comes so much later.


class SimConfig(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """One environment of one plant. Ports 0 are chosen by the system."""

    name: str = "ctrader"
    host: str = "127.0.0.1"
    manager_port: int = 0
    web_port: int = 0
    openapi_port: int = 0
    openapi_plain_port: int = 0
    openapi_json_port: int = 0
    oauth_port: int = 0
    control_port: int = 0
    data_dir: str | None = None  # Certificates and state; without it they last as long as the process.
    seed: int = 1
    start: datetime | None = None  # The simulated instant to begin at; now, when absent.
    speed: float = 1.0
    plant: str = "stubplant"
    environment: str = "demo"
    brokers: tuple[str, ...] = ()  # White labels beside the plant's own broker, which is named like the plant.
    certificate_names: tuple[str, ...] = ("localhost", "127.0.0.1")
    managers: tuple[ManagerConfig, ...] = (ManagerConfig(),)
    groups: tuple[GroupConfig, ...] = DEFAULT_GROUPS
    profiles: tuple[CommissionProfile, ...] = DEFAULT_PROFILES
    apps: tuple[AppConfig, ...] = (AppConfig(),)
    switches: Switches = msgspec.field(default_factory=Switches)
    login_first: int = 3_000_001
    trader_first: int = 6001
    list_chunk: int = 200
    version: str = "91.0"
    heartbeat_seconds: float = 10
    silence_seconds: float = 60
    watch_seconds: float = 1.0
    spot_seconds: float = 0.5
    token_seconds: int = 2_628_000
    code_seconds: int = 60
    swap_hour: int = 21

    @property
    def broker_names(self) -> tuple[str, ...]:
        return (self.plant, *self.brokers)

    @property
    def is_live(self) -> bool:
        return self.environment == "live"


class ProcessConfig(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What the process entry reads: any number of environments and one health address."""

    servers: tuple[SimConfig, ...]
    health_host: str = "127.0.0.1"
    health_port: int = 0


def read_config(text: bytes | str) -> ProcessConfig:
    """Read `{"servers": [...]}`, or a single server's object."""
    plain = msgspec.json.decode(text)
    if isinstance(plain, dict) and "servers" not in plain:
        plain = {"servers": [plain]}
    return msgspec.convert(plain, ProcessConfig)
