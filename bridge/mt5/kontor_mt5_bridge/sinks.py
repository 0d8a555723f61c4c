"""The objects that the vendor's package calls, on its own network thread. It finds the handlers by their names.

A record handed to a handler is the package's own and dies when the handler returns, so its fields are copied at once.
Nothing is asked of the server here, nothing waits, and no handler raises.
"""

from __future__ import annotations

from typing import Any

from kontor_mt5_bridge.queue import EventQueue
from kontor_mt5_bridge.records import ACCOUNT, BY_KIND

SYNC_PARTS = frozenset({"user", "order", "position"})


class Sink:
    """What all sinks share."""

    def __init__(self, queue: EventQueue) -> None:
        self._queue = queue

    def _record(self, kind: str, record: Any) -> None:
        try:
            self._queue.put(kind, BY_KIND[kind.partition(".")[0]].copy(record))
        except Exception:
            self._queue.lose()

    def _plain(self, kind: str, **values: Any) -> None:
        self._queue.put(kind, values)

    def _login(self, kind: str, ip: Any, user: Any, connection: Any) -> None:
        try:
            self._queue.put(kind, {"Login": int(user.Login), "IP": str(ip), "Type": int(connection)})
        except Exception:
            self._queue.lose()


class DealSink(Sink):
    def OnDealAdd(self, deal: Any) -> None:
        self._record("deal.add", deal)

    def OnDealUpdate(self, deal: Any) -> None:
        self._record("deal.update", deal)

    def OnDealDelete(self, deal: Any) -> None:
        self._record("deal.delete", deal)

    def OnDealClean(self, login: Any) -> None:
        self._plain("deal.clean", Login=login)


class PositionSink(Sink):
    def OnPositionAdd(self, position: Any) -> None:
        self._record("position.add", position)

    def OnPositionUpdate(self, position: Any) -> None:
        self._record("position.update", position)

    def OnPositionDelete(self, position: Any) -> None:
        self._record("position.delete", position)

    def OnPositionClean(self, login: Any) -> None:
        self._plain("position.clean", Login=login)

    def OnPositionSync(self) -> None:
        self._plain("part.sync", Part="position")


class OrderSink(Sink):
    def OnOrderAdd(self, order: Any) -> None:
        self._record("order.add", order)

    def OnOrderUpdate(self, order: Any) -> None:
        self._record("order.update", order)

    def OnOrderDelete(self, order: Any) -> None:
        self._record("order.delete", order)

    def OnOrderSync(self) -> None:
        self._plain("part.sync", Part="order")


class UserSink(Sink):
    def OnUserAdd(self, user: Any) -> None:
        self._record("user.add", user)

    def OnUserUpdate(self, user: Any) -> None:
        self._record("user.update", user)

    def OnUserDelete(self, user: Any) -> None:
        self._record("user.delete", user)

    def OnUserClean(self, login: Any) -> None:
        self._plain("user.clean", Login=login)

    def OnUserLogin(self, ip: Any, user: Any, type: Any) -> None:
        self._login("user.login", ip, user, type)

    def OnUserLogout(self, ip: Any, user: Any, type: Any) -> None:
        self._login("user.logout", ip, user, type)

    def OnUserArchive(self, user: Any) -> None:
        self._record("user.archive", user)

    def OnUserRestore(self, user: Any) -> None:
        self._record("user.restore", user)

    def OnUserSync(self) -> None:
        self._plain("part.sync", Part="user")


class AccountSink(Sink):
    def _account(self, kind: str, account: Any) -> None:
        try:
            self._queue.put(kind, ACCOUNT.copy(account))
        except Exception:
            self._queue.lose()

    def OnAccountMarginCallEnter(self, account: Any, group: Any) -> None:
        self._account("account.margin_call", account)

    def OnAccountMarginCallLeave(self, account: Any, group: Any) -> None:
        self._account("account.margin_call_end", account)

    def OnAccountStopOutEnter(self, account: Any, group: Any) -> None:
        self._account("account.stop_out", account)

    def OnAccountStopOutLeave(self, account: Any, group: Any) -> None:
        self._account("account.stop_out_end", account)


class GroupSink(Sink):
    def OnGroupAdd(self, group: Any) -> None:
        self._record("group.add", group)

    def OnGroupUpdate(self, group: Any) -> None:
        self._record("group.update", group)

    def OnGroupDelete(self, group: Any) -> None:
        self._record("group.delete", group)


class ConnectionSink(Sink):
    def OnConnect(self) -> None:
        self._plain("bridge.connect")

    def OnDisconnect(self) -> None:
        self._plain("bridge.disconnect")
