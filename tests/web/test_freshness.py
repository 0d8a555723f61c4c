"""What the mark of freshness on a page says, by when the platforms last answered."""

from app.web.live import oldest_link

NOW = 1_000_000.0
MT5, CTRADER = "0198f0aa-0000-7000-8000-000000000001", "0198f0aa-0000-7000-8000-000000000002"


def links(**seconds_ago: float) -> dict[bytes, bytes]:
    names = {"mt5": MT5, "ctrader": CTRADER}
    return {names[name].encode(): str(NOW - ago).encode() for name, ago in seconds_ago.items()}


def test_a_page_about_no_platform_is_as_stale_as_the_stalest() -> None:
    assert oldest_link(links(mt5=1, ctrader=40), ["u:1", "client:2"], NOW) == 40


def test_a_page_about_one_platform_does_not_suffer_from_another() -> None:
    assert oldest_link(links(mt5=1, ctrader=40), ["client:2", f"platform:{MT5}"], NOW) == 1
    assert oldest_link(links(mt5=1, ctrader=40), ["client:2", f"platform:{CTRADER}"], NOW) == 40


def test_a_platform_that_never_answered_or_is_long_gone_is_not_waited_for() -> None:
    assert oldest_link({}, ["client:2"], NOW) is None
    assert oldest_link(links(mt5=8 * 86_400), ["client:2"], NOW) is None
    assert oldest_link(links(mt5=8 * 86_400, ctrader=2), ["client:2"], NOW) == 2
