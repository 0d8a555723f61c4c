"""What a process tells Prometheus about the platforms it works with. Labels are the tenant's slug and the platform's
code, never a person or an account."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from prometheus_client import Counter, Gauge, Histogram

_PLATFORM: Final = ("tenant", "platform")
_SECONDS: Final = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)

CONNECTIONS = Gauge("kontor_connector_leases", "Platform connections that this connector owns.")
LINK_UP = Gauge("kontor_platform_link_up", "1 while the platform answers, 0 while it does not.", _PLATFORM)
OPERATIONS = Gauge(
    "kontor_platform_operations", "Operations of a platform that have no outcome yet.", (*_PLATFORM, "state")
)
BACKLOG = Gauge("kontor_platform_backlog", "What waits in the connector.", (*_PLATFORM, "what"))
GAPS = Gauge(
    "kontor_platform_gaps_open", "Times in which something may have been missed, not read again yet.", _PLATFORM
)
LATENCY = Histogram(
    "kontor_platform_latency_seconds",
    "From receiving to committed (event), a command's way there and back (command), a bare question (ping).",
    (*_PLATFORM, "kind"),
    buckets=_SECONDS,
)
TROUBLES = Counter("kontor_platform_troubles_total", "Failures of work on a platform.", (*_PLATFORM, "trouble"))
OVERFLOWS = Counter(
    "kontor_platform_overflows_total", "Times when more was pushed than could be stored, and is asked again.", _PLATFORM
)


def show_operations(tenant: str, platform: str, counts: Mapping[str, int]) -> None:
    """How many operations are in each state that is no outcome."""
    for state in ("requested", "sent", "unknown"):
        OPERATIONS.labels(tenant, platform, state).set(counts.get(state, 0))


def forget(tenant: str, platform: str) -> None:
    """Show nothing more of a platform that this process no longer owns: another tells of it now."""
    for gauge in (LINK_UP, GAPS):
        _remove(gauge, [(tenant, platform)])
    _remove(OPERATIONS, [(tenant, platform, state) for state in ("requested", "sent", "unknown")])
    _remove(BACKLOG, [(tenant, platform, what) for what in ("operations", "reports", "database")])


def _remove(gauge: Gauge, labels: Iterable[tuple[str, ...]]) -> None:
    for some in labels:
        try:
            gauge.remove(*some)
        except KeyError:
            continue  # It was never shown.
