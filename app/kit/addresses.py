"""Network addresses: whether a text is one, and whose request it is."""

from __future__ import annotations

import ipaddress


def is_address(text: str) -> bool:
    """Whether this is an address of IPv4 or IPv6."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def is_loopback(text: str) -> bool:
    """Whether this is an address of this machine itself."""
    return is_address(text) and ipaddress.ip_address(text).is_loopback


def sender(peer: str, forwarded: str) -> str:
    """The address of who asks: `peer`, or the last one of the `X-Forwarded-For` header when loopback passes it on."""
    told = forwarded.rpartition(",")[2].strip()
    return str(ipaddress.ip_address(told)) if is_loopback(peer) and is_address(told) else peer
