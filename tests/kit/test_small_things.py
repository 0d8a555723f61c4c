"""Clock, ids, text and CSV."""

from datetime import UTC, datetime, timedelta

import pytest

from app.kit import clock, csv, ids
from app.kit.text import _l, _ln


def test_ids_of_a_process_sort_by_creation_and_are_version_7() -> None:
    made = [ids.new_id() for _ in range(20_000)]

    assert made == sorted(made)
    assert len(set(made)) == len(made)
    assert all(one.version == 7 for one in made[:100])


def test_a_reference_fits_into_a_platform_comment() -> None:
    reference = ids.reference("D")

    assert len(reference) == 12
    assert reference.isascii()


def test_a_frozen_clock_stands_still_and_business_time_runs_ahead() -> None:
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    with clock.frozen(noon), clock.bind_business_offset(timedelta(days=2)):
        assert clock.now() == noon
        assert clock.business_now() == noon + timedelta(days=2)
    assert clock.business_now() - clock.now() < timedelta(seconds=1)


def test_a_business_clock_never_runs_behind() -> None:
    with pytest.raises(ValueError), clock.bind_business_offset(timedelta(seconds=-1)):
        pass


def test_an_instant_without_a_time_zone_is_refused() -> None:
    with pytest.raises(ValueError), clock.frozen(datetime(2026, 3, 1, 12)):  # noqa: DTZ001  # That is the point.
        pass


def test_a_message_fills_in_its_values_and_counts() -> None:
    assert _l("At most %(limit)s.", limit=5).in_english() == "At most 5."
    assert _ln("%(num)s day", "%(num)s days", 1).in_english() == "1 day"
    assert _ln("%(num)s day", "%(num)s days", 3).in_english() == "3 days"


def test_a_spreadsheet_runs_nothing_from_a_csv_file() -> None:
    text = csv.write_rows(["name", "amount"], [["=1+1", "-12.50"], ["@x", "+7"], ["Ann, Bob", None]])

    assert text == "name,amount\r\n'=1+1,-12.50\r\n'@x,+7\r\n\"Ann, Bob\",\r\n"
