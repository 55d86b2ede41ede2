"""The planner alone: pure, in this process."""

import time
import timeit
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from functools import partial
from random import Random

from support.build import backup, config, inventory, make_plan

from reconcile.actual.inventory import Inventory, Server
from reconcile.desired.config import Config
from reconcile.desired.desired import resolve
from reconcile.insight.status import status

from .process import PYTHON, ROOT, run
from .reading import plain_cpu
from .row import Row

_BACKUPS_A_SERVER = 20
_PLAIN_REFERENCE = 0.27
"""Seconds of CPU that the plain script takes for 10,000 series on the machine that the goals are written for."""

_RICH = "{ last = 3, daily = 7, weekly = 4, monthly = 12 }"
_SPANS = '{ within = "7d", within_daily = "1mo", within_weekly = "6mo", within_monthly = "2y" }'


def rows() -> Iterator[Row]:
    """Measure a plan for 100,000 backups, twenty to a series, whose policies have four rules."""
    # In a process of its own, which leaves this one small: what a child's memory was at its peak includes its parent's.
    script = "import sys; sys.path[:0] = ['tests']; from benchmarks.planner import seconds; print(seconds(5000))"
    took = float(run((PYTHON, "-c", script), folder=ROOT).output)
    plain = plain_cpu()
    yield Row(
        what="planner alone, 100,000 backups, four rules",
        value=took / plain,
        unit=" times plain's 10,000",
        goal=0.6 / _PLAIN_REFERENCE,
        note=f"CPU {took:.2f} s, plain {plain:.2f} s; the goal is 0.6 s where that takes {_PLAIN_REFERENCE} s",
    )


def growth() -> Iterator[Row]:
    """Measure how planning grows: twice the backups should take about twice as long."""
    sizes = (250, 500, 1000)
    took = [seconds(size) for size in sizes]
    for number in range(1, len(sizes)):
        what = f"planner, {sizes[number] * _BACKUPS_A_SERVER:,} backups, beside half of them"
        yield Row(what=what, value=took[number] / took[number - 1], unit=" times", goal=2.6)


def fleets() -> Iterator[Row]:
    """Measure a plan for 5,000 servers in three fleets, beside the same with each server written out."""
    declared, seen = _account(5000)
    series = f'backups = [{{ description = "nightly", every = "1d", keep = {_RICH} }}]'
    # Names begin with s1 to s9: the last fleet's glob is tried only for what the others leave.
    globs = ("s[1-3]*", "s[4-6]*", "*")
    chosen = config("".join(f"[fleets.f{at}]\nmatch = '{glob}'\n{series}\n" for at, glob in enumerate(globs)))
    _ = seen.by_server
    # In turn, so that whatever else the machine does meets both.
    timers = [timeit.Timer(partial(make_plan, each, seen), timer=time.process_time) for each in (declared, chosen)]
    rounds = [[timer.timeit(1) for timer in timers] for _ in range(5)]
    written_out, in_fleets = (min(took) for took in zip(*rounds, strict=True))
    yield Row(
        what="planner, 5,000 servers in three fleets, beside the same written out",
        value=in_fleets / written_out,
        unit=" times",
        goal=1.1,
        note=f"CPU {in_fleets:.2f} s, written out {written_out:.2f} s, 20 backups each, without reading the files",
    )


def gaps() -> Iterator[Row]:
    """Measure status, which looks for gaps, for 5,000 series with 20 daily backups, beside a plan for them.

    Once with nothing missing, once with three nights missing everywhere, and once with ten of thirty nights missing,
    different ones in each series.
    """
    random = Random(1)
    outage = {5, 6, 7}
    nights = {
        "nothing missing": lambda: range(_BACKUPS_A_SERVER),
        "an outage": lambda: [day for day in range(_BACKUPS_A_SERVER + len(outage)) if day not in outage],
        "nights of its own": lambda: sorted(random.sample(range(30), _BACKUPS_A_SERVER)),
    }
    for policy, keep in {"counts": _RICH, "spans": _SPANS}.items():
        for what, ages in nights.items():
            declared, seen = _account(5000, keep, ages)
            desired = resolve(declared, seen)
            _ = seen.by_server
            # The first run, because the later ones find its results in a cache.
            looked_at = timeit.timeit(
                partial(status, desired, seen, seen.observed_at), timer=time.process_time, number=1
            )
            planned = timeit.timeit(partial(make_plan, declared, seen), timer=time.process_time, number=1)
            yield Row(
                what=f"status with gaps, 5,000 series, layered {policy}, {what}, beside a plan",
                value=looked_at / planned,
                unit=" times",
                goal=2.5 if what == "nights of its own" else 0.7,
                note=f"CPU {looked_at:.2f} s, plan {planned:.2f} s, 20 backups each, without reading the files",
            )


def seconds(servers: int) -> float:
    """Return the CPU that it takes to plan for so many servers, the best of three."""
    declared, seen = _account(servers)
    _ = seen.by_server  # grouping is the inventory's, and done once however often is planned
    return min(timeit.repeat(lambda: make_plan(declared, seen), timer=time.process_time, number=1, repeat=3))


def _account(
    servers: int, keep: str = _RICH, ages: Callable[[], Sequence[int]] = lambda: range(_BACKUPS_A_SERVER)
) -> tuple[Config, Inventory]:
    """Return servers with one series each, whose backups are so many days old."""
    account = tuple(Server(id=number, name=f"s{number}") for number in range(servers))
    series = f'{{ description = "nightly", every = "1d", keep = {keep} }}'
    declared = config("".join(f"[servers.s{it.id}]\nid = {it.id}\nbackups = [{series}]\n" for it in account))
    held = (
        backup(number * _BACKUPS_A_SERVER + place, age=timedelta(days=day), server=server)
        for number, server in enumerate(account)
        for place, day in enumerate(ages())
    )
    return declared, inventory(*held, servers=account)
