"""Deals and closed orders by ticket, by account and by time."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

from app.simulators.mt5.records import Deal, Order

R = TypeVar("R", Deal, Order)
_Key = tuple[int, int]  # Milliseconds of trading time, ticket.
_LAST = 1 << 62


class Timeline(Generic[R]):
    """Records that are asked for by window of time, of one account or of many."""

    def __init__(self, key: Callable[[R], _Key]) -> None:
        self._key: Callable[[R], _Key] = key
        self.by_ticket: dict[int, R] = {}
        self._all: list[_Key] = []
        self._by_login: dict[int, list[_Key]] = {}

    def __len__(self) -> int:
        return len(self.by_ticket)

    def __iter__(self) -> Iterator[R]:
        return (self.by_ticket[ticket] for _, ticket in self._all)

    def add(self, record: R) -> None:
        """File a record, wherever in time it belongs."""
        key = self._key(record)
        self.by_ticket[key[1]] = record
        insort(self._all, key)
        insort(self._by_login.setdefault(record.login, []), key)

    def remove(self, ticket: int) -> R | None:
        """Take a record out; None when there is no such ticket."""
        record = self.by_ticket.pop(ticket, None)
        if record is not None:
            key = self._key(record)
            self._all.remove(key)
            self._by_login[record.login].remove(key)
        return record

    def of_login(self, login: int) -> list[R]:
        """All records of an account, oldest first."""
        return [self.by_ticket[ticket] for _, ticket in self._by_login.get(login, ())]

    def count(self, login: int, start_msc: int, end_msc: int) -> int:
        """How many records of an account lie in the window, both ends included."""
        first, last = _bounds(self._by_login.get(login, []), start_msc, end_msc)
        return last - first

    def window(self, start_msc: int, end_msc: int, logins: Iterable[int] | None = None) -> list[R]:
        """Records from `start_msc` to `end_msc`, both included, oldest first."""
        if logins is None:
            first, last = _bounds(self._all, start_msc, end_msc)
            return [self.by_ticket[ticket] for _, ticket in self._all[first:last]]
        keys: list[_Key] = []
        for login in logins:
            own = self._by_login.get(login, [])
            first, last = _bounds(own, start_msc, end_msc)
            keys.extend(own[first:last])
        keys.sort()
        return [self.by_ticket[ticket] for _, ticket in keys]


def _bounds(keys: list[_Key], start_msc: int, end_msc: int) -> tuple[int, int]:
    return bisect_left(keys, (start_msc, -1)), bisect_right(keys, (end_msc, _LAST))


def deal_key(deal: Deal) -> _Key:
    return deal.time_msc, deal.deal


def order_key(order: Order) -> _Key:
    return order.time_done_msc, order.order
