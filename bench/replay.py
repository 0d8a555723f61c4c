"""A draft run over a past day: trades per second of a replay at two sizes, under the policy in force and another one.

It is what a settlement computes, without money: paths, amounts, reasons, and the five views of the comparison. Another
policy for several partners with an amount per lot has every path derived anew first.
"""

from __future__ import annotations

import time
from typing import Any

from bench.harness import Bench, benchmark
from bench.settlement import DAY, PLAIN, TENANT, body_of, make_trades, make_world, owner

SMALL, LARGE = 100_000, 1_000_000
OTHER_POLICY: dict[str, Any] = {"god": {"nested_policy": "nearest"}}
SECONDS_MAX = 600  # A million trades in minutes.


@benchmark("replay")
def run(bench: Bench) -> None:
    """Trades per second from the waiting row to the finished comparison."""
    with owner(bench) as connection:
        is_made = connection.execute("SELECT 1 FROM tenant WHERE id = %s", (TENANT,)).fetchone()
    if not is_made:
        make_world(bench)
    measured = {}
    for trades in (SMALL, LARGE):
        prepare(bench, trades)
        seconds = measured[trades] = replay(PLAIN, trades)
        bench.say(f"{trades} trades: {seconds:.1f} s")
    other = replay(OTHER_POLICY, LARGE)
    bench.report("replay.trades_100k", SMALL / measured[SMALL], "1/s")
    bench.report("replay.trades", LARGE / measured[LARGE], "1/s")
    bench.report("replay.million", measured[LARGE], "s", goal=SECONDS_MAX, goal_is="value", better="lower")
    bench.report("replay.trades_other_policy", LARGE / other, "1/s")


def prepare(bench: Bench, trades: int) -> None:
    """A day of so many closed trades under a published plan, nothing of it settled."""
    from app.core import db
    from app.factory import install_features
    from app.kit.ids import new_id
    from app.partners import receivers
    from app.partners.models import PlanVersion
    from app.referrals.rules import BEGINNING

    install_features()
    make_trades(bench, trades)
    with db.tenant_scope(TENANT), db.transaction():
        db.session().add(
            PlanVersion(
                number=1,
                name="Bench",
                currency="USD",
                effective_from=BEGINNING,
                body=body_of(PLAIN),
                digest=str(new_id()),
                published_at=BEGINNING,
                published_by="bench",
            )
        )
        db.session().flush()
        receivers.rebuild()


def replay(plan: dict[str, Any], trades: int) -> float:
    """Run a plan over the day as a job does it; answers the seconds that it took."""
    from app.core import db
    from app.kit import clock
    from app.kit.ids import new_id
    from app.partners.replay import running, service
    from app.partners.replay.models import Replay, ReplayState

    with db.tenant_scope(TENANT):
        with db.transaction():
            row = Replay(
                id=new_id(),
                draft_id=None,
                body=body_of(plan),
                day_from=DAY,
                day_to=DAY,
                state=ReplayState.WAITING,
                trades=0,
                trades_done=0,
                seconds=None,
                failure="",
                asked_by=None,
                asked_by_name="bench",
                asked_at=clock.now(),
                finished_at=None,
                done_until=None,
            )
            db.session().add(row)
            replay_id = row.id
        began = time.perf_counter()
        running.run(replay_id)
        seconds = time.perf_counter() - began
        with db.transaction():
            done = service.replay(replay_id)
            assert done.state is ReplayState.DONE, (done.state, done.failure)
            assert done.trades_done == trades, (done.trades_done, trades)
    return seconds
