"""Changes of an account's settings, each seen on the platform before it counts as done.

WebServices change single settings. The Manager API only replaces a whole account, so there it is read first, changed as
it was received, and written under its version.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from app.trading.platforms.base import (
    AccountRecord,
    OutcomeUnknown,
    PlatformError,
    PlatformUnavailable,
    RefusalReason,
    Refused,
)
from app.trading.platforms.ctrader import units
from app.trading.platforms.ctrader.errors import CHANGED_MEANWHILE, NamedRefusal
from app.trading.platforms.ctrader.link import Link
from app.trading.platforms.ctrader.protos import ctmgr_pb2 as pb
from app.trading.platforms.ctrader.reading import Reading
from app.trading.platforms.ctrader.traders import RIGHT_NAMES, Trader, access_for, account_record
from app.trading.platforms.ctrader.webservices import WebServices, state_of
from app.trading.platforms.ctrader.world import World

_UPDATE: Final = 3
_ATTEMPTS: Final = 3
_LOOKS_S: Final = (0.0, 0.1, 0.3, 0.6, 1.0)  # The two interfaces may show a change a moment apart.


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an account should have; None leaves it as it is."""

    leverage: int | None = None
    group: str | None = None
    rights: int | None = None

    def is_in(self, record: AccountRecord) -> bool:
        return (
            self.leverage in (None, record.leverage)
            and self.group in (None, record.group)
            and self.rights in (None, record.rights)
        )

    def as_fields(self) -> dict[str, object]:
        """As WebServices take it."""
        fields: dict[str, object] = {}
        if self.leverage is not None:
            fields["leverageInCents"] = self.leverage * 100
        if self.group is not None:
            fields["groupName"] = self.group
        if self.rights is not None:
            fields["accessRights"] = RIGHT_NAMES[self.rights]
        return fields


class Writing:
    """Changes settings of accounts of one environment."""

    def __init__(self, link: Link, web: WebServices | None, reading: Reading, world: World, path: str) -> None:
        self._link = link
        self._web = web
        self._reading = reading
        self._world = world
        self._path = path

    async def change(self, trader: Trader, wanted: Wanted, send_by: float | None) -> AccountRecord:
        """Make an account have what is wanted and answer it as it then is. Raises Refused when the platform keeps what
        it had."""
        if send_by is not None and asyncio.get_running_loop().time() >= send_by:
            raise PlatformUnavailable("The time to send it has passed.")
        if self._path == "web" and self._web is not None:
            await self._web.change_trader(trader.login, wanted.as_fields())
        else:
            await self._replace(trader, wanted, send_by)
        return await self._seen(trader, wanted)

    async def _replace(self, trader: Trader, wanted: Wanted, send_by: float | None) -> None:
        for attempt in range(_ATTEMPTS):
            row = await self._read(trader)
            if wanted.leverage is not None:
                row.leverageInCents = wanted.leverage * 100
            if wanted.group is not None:
                row.groupId = self._world.catalogue.group_number(wanted.group)
            if wanted.rights is not None:
                row.accessRights = wanted.rights
            request = pb.ProtoCrudTraderReq(operation=_UPDATE, trader=row, validateVersion=True)
            try:
                await self._link.change(request, pb.ProtoCrudTraderRes, send_by=send_by)
                return
            except NamedRefusal as refusal:  # Somebody else was faster, and surely nothing was written.
                if refusal.name != CHANGED_MEANWHILE or attempt == _ATTEMPTS - 1:
                    raise

    async def _seen(self, trader: Trader, wanted: Wanted) -> AccountRecord:
        """The account with the change in it. A platform may drop a value that it does not like without a word."""
        for pause in _LOOKS_S:
            await asyncio.sleep(pause)
            try:
                record = await self._record(trader)
            except PlatformError as error:
                raise OutcomeUnknown(f"The change could not be seen: {error}", trouble=error.trouble) from None
            if wanted.is_in(record):
                return record
        raise Refused(0, RefusalReason.IGNORED, "The platform kept the old value.")

    async def _record(self, trader: Trader) -> AccountRecord:
        if not self._link.is_up and self._web is not None:
            return await self.read_by_web(trader.login)
        row = await self._read(trader)
        self._world.take_trader(row)
        return account_record(row, self._world.catalogue)

    async def _read(self, trader: Trader) -> pb.ProtoTrader:
        rows = await self._reading.traders_by_number([trader.number])
        if not rows:
            raise NamedRefusal("TRADER_NOT_FOUND", str(trader.login))
        return rows[0]

    async def read_by_web(self, login: int) -> AccountRecord:
        """An account as WebServices show it, for as long as the Manager API cannot be asked."""
        assert self._web is not None, "Callers ask only where it is configured."
        return web_record(login, await self._web.read_trader(login))


def web_record(login: int, row: Mapping[str, Any]) -> AccountRecord:
    """An account as WebServices write it."""
    state = state_of(login, row)
    name = str(row.get("accessRights", ""))
    rights = RIGHT_NAMES.index(name) if name in RIGHT_NAMES else len(RIGHT_NAMES)
    access = access_for(rights)
    contact = row.get("contactDetails") or {}
    return AccountRecord(
        login=login,
        group=str(row.get("groupName", "")),
        name=" ".join(filter(None, (row.get("name"), row.get("lastName")))),
        leverage=units.leverage(int(row.get("leverageInCents") or 0)),
        rights=rights,
        balance=state.balance,
        credit=state.credit,
        comment=str(row.get("description") or ""),
        may_trade=access.can_trade,
        access=access,
        email=str(contact.get("email") or ""),
        currency=str(row.get("depositCurrency") or ""),
        registered_server_msc=int(row.get("registrationTimestamp") or 0),
    )
