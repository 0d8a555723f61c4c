"""Which fields of a record are sent, under which names, and how their values are written.

Names and order are those of the MT5 Web API, so that the receiver knows one vocabulary. The vendor's package spells
some of them otherwise; they are read under its names. Every value is sent as a text. Passwords and one-time secrets
are not sent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from operator import attrgetter
from typing import Any

Values = tuple[Any, ...]

_READ_AS = {
    "Email": "EMail",
    "ZipCode": "ZIPCode",
    "LimitPositions": "LimitPositionsValue",
    "ModifyFlags": "ModificationFlags",
}

# i whole number, s text, p price, m money, r rate (8 places), t two places
_DEAL = (
    "Deal:i ExternalID:s Login:i Dealer:i Order:i Action:i Entry:i Reason:i Digits:i DigitsCurrency:i"
    " ContractSize:t Time:i TimeMsc:i Symbol:s Price:p Volume:i VolumeExt:i Profit:m Storage:m Commission:m Fee:m"
    " RateProfit:r RateMargin:r ExpertID:i PositionID:i Comment:s ProfitRaw:t PricePosition:p PriceSL:p PriceTP:p"
    " VolumeClosed:i VolumeClosedExt:i TickValue:r TickSize:r Flags:i Gateway:s PriceGateway:p ModifyFlags:i"
    " Value:r MarketBid:p MarketAsk:p MarketLast:p"
)
_POSITION = (
    "Position:i ExternalID:s Login:i Dealer:i Symbol:s Action:i Digits:i DigitsCurrency:i Reason:i ContractSize:t"
    " TimeCreate:i TimeUpdate:i TimeCreateMsc:i TimeUpdateMsc:i ModifyFlags:i PriceOpen:p PriceCurrent:p PriceSL:p"
    " PriceTP:p Volume:i VolumeExt:i Profit:m Storage:m RateProfit:r RateMargin:r ExpertID:i ExpertPositionID:i"
    " Comment:s ActivationMode:i ActivationTime:i ActivationPrice:p ActivationFlags:i"
)
_ORDER = (
    "Order:i ExternalID:s Login:i Dealer:i Symbol:s Digits:i DigitsCurrency:i ContractSize:t State:i Reason:i"
    " TimeSetup:i TimeExpiration:i TimeDone:i TimeSetupMsc:i TimeDoneMsc:i ModifyFlags:i Type:i TypeFill:i"
    " TypeTime:i PriceOrder:p PriceTrigger:p PriceCurrent:p PriceSL:p PriceTP:p VolumeInitial:i VolumeInitialExt:i"
    " VolumeCurrent:i VolumeCurrentExt:i ExpertID:i PositionID:i PositionByID:i Comment:s RateMargin:r"
    " ActivationMode:i ActivationTime:i ActivationPrice:p ActivationFlags:i"
)
_USER = (
    "Login:i Group:s CertSerialNumber:i Rights:i MQID:s Registration:i LastAccess:i LastPassChange:i LastIP:s"
    " Name:s FirstName:s LastName:s MiddleName:s Company:s Account:s Country:s Language:i ClientID:i City:s"
    " State:s ZipCode:s Address:s Phone:s Email:s ID:s Status:s Comment:s Color:i Leverage:i Agent:i Balance:m"
    " Credit:m InterestRate:t CommissionDaily:m CommissionMonthly:m CommissionAgentDaily:m"
    " CommissionAgentMonthly:m BalancePrevDay:m BalancePrevMonth:m EquityPrevDay:m EquityPrevMonth:m LeadSource:s"
    " LeadCampaign:s LimitOrders:i LimitPositions:m"
)
_ACCOUNT = (
    "Login:i CurrencyDigits:i Balance:m Credit:m Margin:m MarginFree:m MarginLevel:t MarginLeverage:i"
    " MarginInitial:m MarginMaintenance:m Profit:m Storage:m Floating:m Equity:m SOActivation:i SOTime:i SOLevel:t"
    " SOEquity:m SOMargin:m BlockedCommission:m BlockedProfit:m Assets:m Liabilities:m"
)
_GROUP = (
    "Group:s Server:i PermissionsFlags:i AuthPasswordMin:i Company:s Currency:s CurrencyDigits:i TradeFlags:i"
    " MarginMode:i MarginSOMode:i MarginCall:t MarginStopOut:t DemoLeverage:i DemoDeposit:t LimitOrders:i"
    " LimitSymbols:i LimitPositions:i"
)


class Layout:
    """How one kind of record is read and written."""

    def __init__(self, fields: str, *, renames: bool = True) -> None:
        pairs = [field.split(":") for field in fields.split()]
        self.names = [name for name, _ in pairs]
        self._kinds = [kind for _, kind in pairs]
        self._attributes = [_READ_AS.get(name, name) if renames else name for name in self.names]
        self._get: Callable[[Any], Values] | None = None
        self._present: list[int] = []

    def copy(self, record: Any) -> Values:
        """The values of a record, quickly: the record lives no longer than the handler. Fields that an older build of
        the package lacks are left out."""
        if self._get is None:
            self._present = [index for index, name in enumerate(self._attributes) if hasattr(record, name)]
            self._get = attrgetter(*(self._attributes[index] for index in self._present))
        return self._get(record)

    def write(self, values: Values, money_digits: int | None = None) -> dict[str, str]:
        """The values as they are sent."""
        raw = {self.names[index]: values[place] for place, index in enumerate(self._present)}
        price_digits = whole(raw.get("Digits", 5))
        if money_digits is None:
            money_digits = whole(raw.get("DigitsCurrency", raw.get("CurrencyDigits", 2)))
        places = {"p": price_digits, "m": money_digits, "r": 8, "t": 2}
        written: dict[str, str] = {}
        for place, index in enumerate(self._present):
            kind, value = self._kinds[index], values[place]
            if kind == "s":
                written[self.names[index]] = text(value)
            elif kind == "i":
                written[self.names[index]] = str(whole(value))
            else:
                written[self.names[index]] = fixed(value, places[kind])
        return written


DEAL, POSITION, ORDER = Layout(_DEAL), Layout(_POSITION), Layout(_ORDER)
USER, ACCOUNT, GROUP = Layout(_USER), Layout(_ACCOUNT), Layout(_GROUP, renames=False)
BY_KIND: Mapping[str, Layout] = {
    "deal": DEAL,
    "position": POSITION,
    "order": ORDER,
    "user": USER,
    "account": ACCOUNT,
    "group": GROUP,
}


def whole(value: Any) -> int:
    """A whole number, whatever the package makes of it. Its times are seconds or `datetime`."""
    if isinstance(value, datetime):
        return int(value.timestamp())
    try:
        return int(value)
    except (TypeError, ValueError):
        return 0


def text(value: Any) -> str:
    """A text without what no database stores: zero characters and halves of surrogate pairs."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    clean = "" if value is None else str(value).replace("\x00", "")
    return clean.encode("utf-8", "replace").decode("utf-8")


def fixed(value: Any, places: int) -> str:
    """A number with exactly so many places. The platform's doubles are exact to the places it shows."""
    try:
        number = f"{float(value):.{places}f}"
    except (TypeError, ValueError):
        return f"{Decimal(0):.{places}f}"
    return number[1:] if number.startswith("-") and not number.strip("-0.") else number


def plain(values: Sequence[tuple[str, Any]]) -> dict[str, str]:
    """A record that is no record of the platform, such as a sign-in."""
    return {name: text(value) for name, value in values}
