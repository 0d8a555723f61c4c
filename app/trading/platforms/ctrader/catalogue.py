"""What the platform's numbers stand for: assets, instruments, groups and countries, as last read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from app.trading.platforms.base import Group, PlatformUnavailable, Symbol
from app.trading.platforms.ctrader import units
from app.trading.platforms.ctrader.errors import NamedRefusal
from app.trading.platforms.ctrader.protos import ctmgr_pb2 as pb

_DEFAULT_LOT_SIZE: Final = 10_000_000  # 100,000 units; only for an instrument that the platform no longer lists.
_CLASSES: Final = {"fx": "forex", "currencies": "forex"}


@dataclass(frozen=True, slots=True)
class Asset:
    """A currency, or whatever else is counted."""

    number: int
    name: str
    digits: int
    is_deposit: bool


@dataclass(frozen=True, slots=True)
class Instrument:
    """A symbol of this environment. `lot_size` is in hundredths of a unit, as volumes are."""

    number: int
    name: str
    description: str
    digits: int
    lot_size: int
    category: str
    base: int
    quote: int

    @property
    def contract_size(self) -> Decimal:
        return units.units(self.lot_size)


@dataclass(frozen=True, slots=True)
class GroupEntry:
    """A group of accounts. One that the manager login may not see is known by name only."""

    number: int
    name: str
    has_access: bool
    stop_out: Decimal


class Catalogue:
    """Assets, instruments, groups and countries by number and by name. Belongs to one environment."""

    def __init__(self) -> None:
        self.assets: dict[int, Asset] = {}
        self.instruments: dict[int, Instrument] = {}
        self.groups: dict[int, GroupEntry] = {}
        self.countries: dict[str, int] = {}
        self.pairs: dict[tuple[int, int], int] = {}  # (base, quote) to the instrument.
        self._categories: dict[int, str] = {}
        self._group_numbers: dict[str, int] = {}

    def take_assets(self, assets: Iterable[pb.ProtoAsset]) -> None:
        self.assets = {
            row.assetId: Asset(row.assetId, row.name, row.digits if row.HasField("digits") else 2, row.depositAsset)
            for row in assets
        }

    def take_categories(
        self, classes: Iterable[pb.ProtoAssetClass], categories: Iterable[pb.ProtoSymbolCategory]
    ) -> None:
        """An instrument's class is that of its category; a server that names no classes is read by categories."""
        names = {row.id: row.name for row in classes}
        self._categories = {row.id: names.get(row.assetClassId) or row.name for row in categories}

    def take_symbols(self, symbols: Iterable[pb.ProtoManagerSymbol]) -> None:
        self.instruments, self.pairs = {}, {}
        for row in symbols:
            self.take_symbol(row)

    def take_symbol(self, row: pb.ProtoManagerSymbol) -> None:
        category = self._categories.get(row.symbolCategoryId, "")
        self.instruments[row.symbolId] = Instrument(
            number=row.symbolId,
            name=row.name,
            description=row.description,
            digits=row.digits,
            lot_size=row.lotSize or _DEFAULT_LOT_SIZE,
            category=_CLASSES.get(category.strip().lower(), category),
            base=row.baseAssetId,
            quote=row.quoteAssetId,
        )
        self.pairs[row.baseAssetId, row.quoteAssetId] = row.symbolId

    def take_groups(self, groups: Iterable[pb.ProtoLightGroup]) -> None:
        self.groups, self._group_numbers = {}, {}
        for row in groups:
            self.take_group(row)

    def take_group(self, row: pb.ProtoLightGroup) -> None:
        known = self.groups.get(row.groupId)
        if row.deleted:
            self.groups.pop(row.groupId, None)
            return
        name = row.name or (known.name if known else f"#{row.groupId}")
        has_access = row.hasAccess if row.HasField("hasAccess") or known is None else known.has_access
        stop_out = (Decimal(repr(row.marginStopout)) * 100).normalize()
        self.groups[row.groupId] = GroupEntry(row.groupId, name, has_access, stop_out)
        self._group_numbers[name] = row.groupId

    def take_countries(self, countries: Iterable[pb.ProtoCountry]) -> None:
        self.countries = {row.countryA2Code.upper(): row.countryId for row in countries if row.countryA2Code}

    def instrument(self, number: int, lot_size: int = 0) -> Instrument:
        """The instrument of a deal. One that is no longer listed keeps its number for a name."""
        found = self.instruments.get(number)
        if found is not None:
            return found
        return Instrument(number, f"#{number}", "", 5, lot_size or _DEFAULT_LOT_SIZE, "", 0, 0)

    def group_name(self, number: int) -> str:
        entry = self.groups.get(number)
        return entry.name if entry else f"#{number}"

    def group_number(self, name: str) -> int:
        """The group of this name. Raises Refused when there is none, or none that the manager login may see."""
        number = self._group_numbers.get(name)
        if number is None or number not in self.groups or not self.groups[number].has_access:
            raise NamedRefusal("TRADER_GROUP_NOT_FOUND", name)
        return number

    def deposit_asset(self, currency: str) -> Asset:
        """The asset that accounts in this currency are kept in. Raises Refused."""
        for asset in self.assets.values():
            if asset.name == currency and asset.is_deposit:
                return asset
        raise NamedRefusal("DEPOSIT_CURRENCY_NOT_ALLOWED", currency)

    def asset_name(self, number: int) -> str:
        asset = self.assets.get(number)
        return asset.name if asset else ""

    def asset(self, number: int) -> Asset:
        """An asset by number. Raises PlatformUnavailable while the list that would hold it has not been read."""
        asset = self.assets.get(number)
        if asset is None:
            raise PlatformUnavailable(f"The asset {number} is not known.")
        return asset

    def port_groups(self) -> list[Group]:
        """The groups that the manager login may see. Currency belongs to accounts here, so a group has none."""
        return [
            Group(
                name=entry.name,
                currency="",
                currency_digits=2,
                is_hedging=True,
                margin_call_level=Decimal(0),
                stop_out_level=entry.stop_out,
            )
            for entry in sorted(self.groups.values(), key=lambda entry: entry.name)
            if entry.has_access
        ]

    def port_symbols(self) -> list[Symbol]:
        """Every listed instrument. The platform sets no least volume on the symbol itself, so one step stands there."""
        step = Decimal("0.01")
        return [
            Symbol(
                name=row.name,
                path=f"{row.category}\\{row.name}" if row.category else row.name,
                description=row.description,
                profit_currency=self.asset_name(row.quote),
                margin_currency=self.asset_name(row.base),
                digits=row.digits,
                contract_size=row.contract_size,
                volume_min_lots=step,
                volume_step_lots=step,
            )
            for row in self.instruments.values()
        ]
