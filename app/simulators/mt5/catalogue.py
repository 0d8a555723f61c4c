"""Groups and symbols as the Web API describes them."""

from __future__ import annotations

import re
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Any

from app.kit.money import exponent
from app.simulators.market import Instrument
from app.simulators.mt5.config import GroupConfig
from app.simulators.mt5.records import LOT, fixed

CONTRACT_SIZE = Decimal(100_000)
VOLUME_MIN = VOLUME_STEP = LOT // 100
VOLUME_MAX = 500 * LOT
_SWAP_POINTS = {True: Decimal("-3.2"), False: Decimal("-1.1")}  # Per lot and night: for buyers, for sellers.
_ENTRY_MODE = {"both": "0", "in": "1", "out": "2"}
_ALL_WEEK = [[{"Open": "0", "Close": "1440"}] for _ in range(7)]
_WEEKDAYS: list[list[dict[str, str]]] = [[], *([{"Open": "0", "Close": "1440"}] for _ in range(5)), []]


def swap_points(is_buy: bool) -> Decimal:
    """What a night costs or brings, in points of a symbol."""
    return _SWAP_POINTS[is_buy]


def folded(name: str) -> str:
    """A group's name or mask with every run of backslashes as one: clients differ in how often they escape them."""
    return re.sub(r"\\+", r"\\", name)


def matches(mask: str, path: str) -> bool:
    """Whether `path` is in a comma-separated mask: `*` is any text, `!` excludes, later parts win."""
    is_in = False
    for part in folded(mask).split(","):
        part = part.strip()
        is_excluded = part.startswith("!")
        pattern = part.lstrip("!").lower().replace("[", "[[]").replace("?", "[?]")
        if part and fnmatchcase(path.lower(), pattern):
            is_in = not is_excluded
    return is_in


def group_record(group: GroupConfig) -> dict[str, Any]:
    """A group as `group/get` answers it."""
    commissions: list[dict[str, Any]] = []
    if group.commission_per_lot:
        tier = {
            "Mode": "0",
            "Type": "1",
            "Value": fixed(group.commission_per_lot, 4),
            "Minimal": "0.0000",
            "RangeFrom": "0.0000",
            "RangeTo": "999999999.0000",
            "Currency": group.currency,
        }
        commissions.append(
            {
                "Name": "per lot",
                "Description": "",
                "Path": "*",
                "Mode": "0",
                "RangeMode": "0",
                "ChargeMode": "2",
                "TurnoverCurrency": "",
                "EntryMode": _ENTRY_MODE[group.commission_on],
                "ActionMode": "0",
                "ProfitMode": "0",
                "ReasonMode": "0",
                "Tiers": [tier],
            }
        )
    return {
        "Group": group.name,
        "Server": "1",
        "PermissionsFlags": "2",
        "AuthMode": "0",
        "AuthPasswordMin": str(group.password_length_min),
        "AuthOTPMode": "0",
        "Company": group.company,
        "CompanyPage": "",
        "CompanyEmail": "",
        "CompanySupportPage": "",
        "CompanySupportEmail": "",
        "CompanyCatalog": "",
        "Currency": group.currency,
        "CurrencyDigits": str(exponent(group.currency)),
        "ReportsMode": "0",
        "NewsMode": "2",
        "MailMode": "1",
        "TradeFlags": "31",
        "TradeTransferMode": "0",
        "TradeInterestrate": "0.00",
        "TradeVirtualCredit": "0.00",
        "MarginMode": str(int(group.mode)),
        "MarginSOMode": "0",
        "MarginFreeMode": "1",
        "MarginCall": fixed(group.margin_call_percent, 2),
        "MarginStopOut": fixed(group.stop_out_percent, 2),
        "MarginFreeProfitMode": "0",
        "DemoLeverage": str(group.leverage),
        "DemoDeposit": "0.00",
        "DemoInactivityPeriod": "0",
        "LimitHistory": "0",
        "LimitOrders": "0",
        "LimitSymbols": "0",
        "LimitPositions": "0",
        "Commissions": commissions,
        "Symbols": [{"Path": "*", "SpreadDiff": str(group.markup_points), "SpreadDiffBalance": "0"}],
    }


def symbol_path(instrument: Instrument) -> str:
    return f"{instrument.folder}\\{instrument.name}"


def symbol_record(instrument: Instrument, *, is_open_on_weekends: bool, markup_points: int = 0) -> dict[str, Any]:
    """A symbol as `symbol/get` answers it; with a group's mark-up, as `symbol/get_group` does."""
    sessions = _ALL_WEEK if is_open_on_weekends else _WEEKDAYS
    return {
        "Symbol": instrument.name,
        "Path": symbol_path(instrument),
        "ISIN": "",
        "Description": instrument.description,
        "International": "",
        "Basis": "",
        "Source": "",
        "Page": "",
        "CurrencyBase": instrument.base,
        "CurrencyBaseDigits": str(exponent(instrument.base)),
        "CurrencyProfit": instrument.quote,
        "CurrencyProfitDigits": str(exponent(instrument.quote)),
        "CurrencyMargin": instrument.base,
        "CurrencyMarginDigits": str(exponent(instrument.base)),
        "Color": "4278190080",
        "ColorBackground": "4278190080",
        "Digits": str(instrument.digits),
        "Point": fixed(instrument.point, 8),
        "Multiply": fixed(1 / instrument.point, 8),
        "TickFlags": "7",
        "TickBookDepth": "0",
        "Spread": "0",
        "SpreadBalance": "0",
        "SpreadDiff": str(markup_points),
        "TradeMode": "4",
        "CalcMode": "0",
        "ExecMode": "2",
        "GTCMode": "0",
        "FillFlags": "3",
        "ExpirFlags": "15",
        "ContractSize": fixed(CONTRACT_SIZE, 2),
        "TickValue": "0.00",
        "TickSize": "0.00",
        "VolumeMin": str(VOLUME_MIN // 10_000),
        "VolumeMinExt": str(VOLUME_MIN),
        "VolumeMax": str(VOLUME_MAX // 10_000),
        "VolumeMaxExt": str(VOLUME_MAX),
        "VolumeStep": str(VOLUME_STEP // 10_000),
        "VolumeStepExt": str(VOLUME_STEP),
        "VolumeLimit": "0",
        "VolumeLimitExt": "0",
        "MarginFlags": "0",
        "MarginInitial": "0.00",
        "MarginMaintenance": "0.00",
        "MarginHedged": fixed(CONTRACT_SIZE, 2),
        "SwapMode": "1",
        "SwapLong": fixed(swap_points(True), 2),
        "SwapShort": fixed(swap_points(False), 2),
        "Swap3Day": "3",
        "SessionsQuotes": sessions,
        "SessionsTrades": sessions,
    }
