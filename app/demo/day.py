"""A whole business day of one brand, driven as its users would: over its pages, and through the platform as traders."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from app.demo import accounts, chaos, closing, crowd, money, office, proving, robots
from app.demo.hooks import Hooks, Proof
from app.demo.world import World

CHAOS = ("connector", "redis")
STORED_SECONDS = 180


def run_day(
    hooks: Hooks, slug: str, *, clients: int, depth: int, seed: int, trouble: Collection[str] = (), threads: int = 4
) -> bool:
    """Drive a day and print what happened. Answers whether every proof holds."""
    world = World(hooks, slug, clients=clients, depth=depth, seed=seed, threads=threads)
    report = world.report
    report.say(f"A day at {slug}: {clients} clients in a tree of {depth} levels, seed {seed}")
    world.align_clocks()
    crowd.sign_up_everybody(world)
    office.verify_clients(world)
    office.grant_god_mode(world)
    money.deposit_everybody(world)
    accounts.open_everybody(world)
    accounts.fund_everybody(world, midway=_when("connector" in trouble, lambda: chaos.kill_connector(world)))
    accounts.change_leverages(world)
    robots.trade(world, midway=_when("redis" in trouble, lambda: chaos.flush_redis(world)))
    report.wait(
        "Deals stored",
        lambda: proving.are_deals_stored(world),
        seconds=STORED_SECONDS,
        missing=lambda: proving.missing_deals(world),
    )
    closing.end_day(world)
    closing.release_commission(world)
    closing.pay_partners_out(world)
    found = proving.proofs(hooks, slug)
    _print(world, found)
    return all(proof.holds for proof in found)


def _when(wanted: bool, act: Callable[[], None]) -> Callable[[], None] | None:
    return act if wanted else None


def _print(world: World, found: Sequence[Proof]) -> None:
    say = world.report.say
    books = world.platform.books()
    say("")
    say("What happened")
    levels = ", ".join(
        f"level {level}: {sum(1 for client in world.clients if client.level == level)}"
        for level in range(1, world.depth + 1)
    )
    say(f"  clients        {len(world.clients)} ({levels})")
    say(f"  platform       {len(books)} accounts, {sum(own.deals for own in books.values())} deals")
    for run in world.hooks.settled_days(world.slug):
        if run.trades or run.lines:
            say(f"  settled        {run.business_date}: {run.trades} trades, {run.lines} lines, {run.reasons} reasons")
    release = world.hooks.release(world.slug)
    say(f"  commission     {release.released} batches released, {release.under_audit} under audit")
    say("")
    say("Totals in the books")
    for total in world.hooks.totals(world.slug):
        say(f"  {total.what:<32}{total.amount:>20,.2f} {total.currency}")
    say("")
    say(f"  {'Latencies in ms':<32}{'times':>7}{'p50':>9}{'p95':>9}{'longest':>9}")
    for name, times, middle, most, longest in world.report.latencies():
        say(f"  {name:<32}{times:>7}{middle:>9.0f}{most:>9.0f}{longest:>9.0f}")
    say("")
    say("Proofs")
    for proof in found:
        say(f"  {'holds' if proof.holds else 'FAILS'}  {proof.name}: {proof.detail}")
