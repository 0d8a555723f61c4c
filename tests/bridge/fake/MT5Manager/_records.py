"""Records. One made without a manager cannot be used; one handed to a handler is gone when the handler returns."""

from __future__ import annotations

import functools
from collections.abc import Callable
from decimal import Decimal
from typing import Any, ClassVar

from ._enums import EnDealAction, EnManagerRights

# Names as the package spells them; those that differ from the Web API's are given as package=WebAPI.
_DEAL = (
    "Action Comment:s Commission:f ContractSize:f Deal Dealer Digits DigitsCurrency Entry ExpertID ExternalID:s Fee:f"
    " Flags Gateway:s Login MarketAsk:f MarketBid:f MarketLast:f ModificationFlags=ModifyFlags Order PositionID Price:f"
    " PriceGateway:f PricePosition:f PriceSL:f PriceTP:f Profit:f ProfitRaw:f RateMargin:f RateProfit:f Reason"
    " Storage:f Symbol:s TickSize:f TickValue:f Time TimeMsc Value:f Volume VolumeClosed VolumeClosedExt VolumeExt"
)
_POSITION = (
    "Action ActivationFlags ActivationMode ActivationPrice:f ActivationTime Comment:s ContractSize:f Dealer Digits"
    " DigitsCurrency ExpertID ExpertPositionID ExternalID:s Login ModificationFlags=ModifyFlags Position PriceCurrent:f"
    " PriceOpen:f PriceSL:f PriceTP:f Profit:f RateMargin:f RateProfit:f Reason Storage:f Symbol:s TimeCreate"
    " TimeCreateMsc TimeUpdate TimeUpdateMsc Volume VolumeExt"
)
_ORDER = (
    "ActivationFlags ActivationMode ActivationPrice:f ActivationTime Comment:s ContractSize:f Dealer Digits"
    " DigitsCurrency ExpertID ExternalID:s Login ModificationFlags=ModifyFlags Order PositionByID PositionID"
    " PriceCurrent:f PriceOrder:f PriceSL:f PriceTP:f PriceTrigger:f RateMargin:f Reason State Symbol:s TimeDone"
    " TimeDoneMsc TimeExpiration TimeSetup TimeSetupMsc Type TypeFill TypeTime VolumeCurrent VolumeCurrentExt"
    " VolumeInitial VolumeInitialExt"
)
_USER = (
    "Account:s Address:s Agent Balance:f BalancePrevDay:f BalancePrevMonth:f CertSerialNumber City:s ClientID Color"
    " Comment:s CommissionAgentDaily:f CommissionAgentMonthly:f CommissionDaily:f CommissionMonthly:f Company:s"
    " Country:s Credit:f EMail=Email:s EquityPrevDay:f EquityPrevMonth:f FirstName:s Group:s ID:s InterestRate:f"
    " Language LastAccess LastIP:s LastName:s LastPassChange LeadCampaign:s LeadSource:s Leverage LimitOrders"
    " LimitPositionsValue=LimitPositions:f Login MQID:s MiddleName:s Name:s Phone:s PhonePassword:s Registration Rights"
    " State:s Status:s ZIPCode=ZipCode:s"
)
_ACCOUNT = (
    "Assets:f Balance:f BlockedCommission:f BlockedProfit:f Credit:f CurrencyDigits Equity:f Floating:f Liabilities:f"
    " Login Margin:f MarginFree:f MarginInitial:f MarginLevel:f MarginLeverage MarginMaintenance:f Profit:f"
    " SOActivation SOEquity:f SOLevel:f SOMargin:f SOTime Storage:f"
)
_GROUP = (
    "AuthPasswordMin Company:s Currency:s CurrencyDigits DemoDeposit:f DemoLeverage Group:s LimitOrders LimitPositions"
    " LimitSymbols MarginCall:f MarginMode MarginSOMode MarginStopOut:f PermissionsFlags Server TradeFlags"
)


def _whole(text: Any = 0) -> int:
    return int(Decimal(str(text)))


_MAKE: dict[str, Callable[..., Any]] = {"i": _whole, "f": float, "s": str}


class _Record:
    """Fields by their names; zero or empty until they are set."""

    _fields: ClassVar[str] = ""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        values: dict[str, Any] | None = {} if args and args[0] is not None else None
        object.__setattr__(self, "_values", values)
        if values is not None:
            for name, (_, kind) in self._specification().items():
                values[name] = _MAKE[kind]()

    @classmethod
    @functools.cache
    def _specification(cls) -> dict[str, tuple[str, str]]:
        found: dict[str, tuple[str, str]] = {}
        for word in cls._fields.split():
            name, _, kind = word.partition(":")
            own, _, wire = name.partition("=")
            found[own] = (wire or own, kind or "i")
        return found

    def _load(self, record: dict[str, Any]) -> _Record:
        for name, (wire, kind) in self._specification().items():
            if record.get(wire) is not None:
                self._values[name] = _MAKE[kind](record[wire])
        return self

    def _die(self) -> None:
        object.__setattr__(self, "_values", None)

    def Clear(self) -> bool:
        for name, (_, kind) in self._specification().items():
            self._values[name] = _MAKE[kind]()
        return True

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in self._specification():
            raise AttributeError(name)
        if self._values is None:
            raise RuntimeError(f"{type(self).__name__}: this object has no manager, or its handler has returned.")
        return self._values[name]

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in self._specification():
            raise AttributeError(name)
        if self._values is None:
            raise RuntimeError(f"{type(self).__name__}: this object has no manager, or its handler has returned.")
        self._values[name] = value


class MTDeal(_Record):
    _fields = _DEAL
    EnDealAction = EnDealAction


class MTPosition(_Record):
    _fields = _POSITION


class MTOrder(_Record):
    _fields = _ORDER


class MTUser(_Record):
    _fields = _USER


class MTAccount(_Record):
    _fields = _ACCOUNT


class MTConGroup(_Record):
    _fields = _GROUP


class MTConManager(_Record):
    _fields = "Login Mailbox:s Server"
    EnManagerRights = EnManagerRights

    def Right(self, right: int, flag: bool | None = None) -> Any:
        if flag is not None:
            return False
        rights = self.__dict__.get("_rights")
        return rights is None or int(right) in rights
