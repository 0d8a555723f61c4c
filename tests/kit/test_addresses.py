"""Whose request it is."""

from __future__ import annotations

import pytest

from app.kit.addresses import is_address, is_loopback, sender


@pytest.mark.parametrize(
    ("peer", "forwarded", "found"),
    [
        ("203.0.113.7", "", "203.0.113.7"),
        ("203.0.113.7", "198.51.100.1", "203.0.113.7"),  # Who is not the proxy says whom it speaks for in vain.
        ("127.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("::1", "203.0.113.7, 198.51.100.1", "198.51.100.1"),  # The proxy writes the last one.
        ("127.0.0.1", "2001:DB8:0::1", "2001:db8::1"),
        ("127.0.0.1", "unknown", "127.0.0.1"),
        ("127.0.0.1", "198.51.100.1,", "127.0.0.1"),
        ("", "198.51.100.1", ""),
    ],
)
def test_the_proxy_header_is_believed_from_this_machine_alone(peer: str, forwarded: str, found: str) -> None:
    assert sender(peer, forwarded) == found


def test_a_text_is_an_address_or_is_not() -> None:
    assert is_address("203.0.113.7")
    assert is_address("::1")
    assert not is_address("203.0.113")
    assert not is_address("")


def test_only_this_machine_is_loopback() -> None:
    assert is_loopback("127.0.0.2")
    assert not is_loopback("10.0.0.1")
    assert not is_loopback("localhost")
