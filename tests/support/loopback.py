"""No test talks to the outside: a connection to anything but this machine is an error."""

import ipaddress
import sys
from typing import Any


class OutsideConnection(RuntimeError):
    """A test tried to reach another machine."""


def _refuse_outside(event: str, args: tuple[Any, ...]) -> None:
    if event == "socket.connect":
        address = args[1]
        host = address[0] if isinstance(address, tuple) else None
    elif event == "socket.getaddrinfo":
        host = args[0]
    else:
        return
    if host is None or host in ("", "localhost", b"localhost"):
        return
    text = host.decode() if isinstance(host, bytes) else str(host)
    try:
        is_loopback = ipaddress.ip_address(text.partition("%")[0]).is_loopback or text == "0.0.0.0"
    except ValueError:
        is_loopback = text.endswith(".localhost")
    if not is_loopback:
        raise OutsideConnection(f"A test tried to reach {text}: tests stay on this machine.")


def stay_on_this_machine() -> None:
    """From now on, in this process, sockets reach only the loopback address and local sockets."""
    sys.addaudithook(_refuse_outside)
