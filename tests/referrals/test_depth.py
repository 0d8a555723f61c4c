"""A chain of ten thousand people: everything works at the bottom of it, and what is stored grows with the people."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
import structlog

from app.core.db import execute_sql, in_transaction, transaction
from app.kit import clock
from app.partners import receivers
from app.referrals import links, moves, queries, rules, service
from tests.partners import world
from tests.partners.trades import PLAN, dec
from tests.partners.world import BY

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
DEPTH = rules.PATH_LENGTH_MAX
LEVELS = 3
CHAIN = """
WITH person AS (
  INSERT INTO identity_user (tenant_id, id, kind, email, email_norm, name, country, language, theme, timezone, status,
    client_id, created_at)
  SELECT :tenant_id, md5('u' || n)::uuid, 'client', n || '@deep.example', n || '@deep.example', 'Deep ' || n, 'DE',
    'en', 'auto', 'UTC', 'active', md5('c' || n)::uuid, '2020-01-01Z'
  FROM generate_series(0, :most) AS n
)
INSERT INTO client (tenant_id, id, user_id, number, name, name_sort, email, email_norm, country, language, status,
  kyc_level, signup_ip, created_at)
SELECT :tenant_id, md5('c' || n)::uuid, md5('u' || n)::uuid, 20000000 + n, 'Deep ' || n, 'deep ' || n,
  n || '@deep.example', n || '@deep.example', 'DE', 'en', 'active', 0, '', '2020-01-01Z'
FROM generate_series(0, :most) AS n
"""
LINKS = """
INSERT INTO partner_link (tenant_id, id, child_id, parent_id, valid_from, valid_to, reason, actor_kind, actor_name,
  request_id, created_at)
SELECT :tenant_id, md5('l' || n)::uuid, md5('c' || n)::uuid, md5('c' || n - 1)::uuid, '2020-01-01Z', '9999-12-31Z',
  'test', 'system', 'test', 'l' || n, '2020-01-01Z'
FROM generate_series(1, :most) AS n
"""


@pytest.fixture
def chain(here: None) -> list[UUID]:
    """The top and everybody below, one below the other; the top has 8 per lot. The last is linked by the service."""
    with transaction():
        execute_sql(CHAIN, most=DEPTH + 1)
        execute_sql(LINKS, most=DEPTH - 1)
        people = list(
            execute_sql(
                "SELECT id FROM client WHERE tenant_id = :tenant_id AND number >= 20000000 ORDER BY number"
            ).scalars()
        )
        world.grant(people[0], dec(8))
        world.publish(PLAN)
    with clock.frozen(NOON), transaction():
        service.attribute(people[DEPTH], people[DEPTH - 1], reason="link", by=BY)
    return people


def test_ten_thousand_levels(chain: list[UUID]) -> None:
    bottom, one_more = chain[DEPTH], chain[DEPTH + 1]

    steps = in_transaction(queries.path_at, bottom, NOON)
    assert [step.partner_id for step in steps] == chain[DEPTH - 1 :: -1]

    # Rows grow with the people: three levels each (the first people have fewer above), and one row of the top's amount.
    with transaction():
        rows = execute_sql("SELECT count(*) FROM receiver WHERE tenant_id = :tenant_id").scalar_one()
        assert rows == DEPTH * (LEVELS + 1) - LEVELS * (LEVELS - 1) // 2

    with clock.frozen(NOON), pytest.raises(links.TreeTooDeep), transaction():
        service.attribute(one_more, bottom, reason="link", by=BY)

    three = NOON + timedelta(hours=3)
    with transaction():
        platform = world.make_platform()
        platform.store([{"client_id": bottom, "opened_at": NOON, "closed_at": three}])
    world.settle(NOON.date())
    paid = {(line[2], line[1]): line[7] for line in world.lines()}
    assert paid == {
        (chain[DEPTH - 1], "referral"): dec("4.8"),
        (chain[DEPTH - 2], "referral"): dec("2.4"),
        (chain[DEPTH - 3], "referral"): dec("1.2"),
        (chain[0], "god"): dec(8),
    }

    with clock.frozen(NOON + timedelta(days=2)), transaction():
        # The whole chain may not go below anybody: it would be one too deep. Without its top it may.
        with pytest.raises(links.TreeTooDeep):
            moves.enter(chain[0], one_more, when="immediate", reason="test", by=BY, request_id="too deep")
    with clock.frozen(NOON + timedelta(days=2)), transaction():
        moved = moves.enter(chain[1], one_more, when="immediate", reason="test", by=BY, request_id="second")
    assert moved.people_count == DEPTH
    assert in_transaction(queries.path_at, bottom, NOON + timedelta(days=2))[-1].partner_id == one_more
    assert in_transaction(receivers.differences) == 0


def test_a_path_beyond_the_limit_is_an_alarm_and_never_cut(here: None) -> None:
    with transaction():
        execute_sql(CHAIN, most=DEPTH + 2)
        execute_sql(LINKS, most=DEPTH + 1)  # Corrupt: past the service, one deeper than may be.
        ids = execute_sql("SELECT md5('c0')::uuid AS top, md5('c' || :most)::uuid AS bottom", most=DEPTH + 1).one()
        world.grant(ids.top, dec(8))
    with structlog.testing.capture_logs() as logs:
        with pytest.raises(queries.PathTooLong), transaction():
            queries.path_at(ids.bottom, NOON)
        with pytest.raises(queries.PathTooLong), transaction():
            receivers.rebuild(PLAN)
    assert [entry["event"] for entry in logs] == ["referrals.path_too_long"] * 2
    assert {entry["log_level"] for entry in logs} == {"critical"}
