"""What a record costs: to an apply, on the disk, and to plan it again."""

import time
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from reconcile.desired.load import parse_all
from reconcile.insight.replay import replay
from reconcile.plan.record import parse

from .apply import Fleet, fleet_of
from .row import Row

_NIGHTS = 100
_MEASURED = 10


def rows() -> Iterator[Row]:
    """Measure an apply to 500 servers with 8 backups each, and its record."""
    without, _, _ = _apply()
    recorded, seconds, text = _apply(records=[])
    yield Row(
        what="recording an apply to 500 servers with 8 backups each, of its time",
        value=100 * max(0.0, recorded - without) / seconds,
        unit=" %",
        goal=5,
    )
    yield Row(
        what=f"replaying {_NIGHTS} such nights, in seconds of CPU",
        value=min(_replay(text) for _ in range(3)) * _NIGHTS / _MEASURED,
        unit=" s",
        goal=20,
    )


def _replay(text: str) -> float:
    """Return the CPU of planning some nights again, whose files are the same, as the command does."""
    started = time.process_time()
    found = replay(((str(night), parse(text, "record")) for night in range(_MEASURED)), lru_cache(parse_all))
    assert not any(run.findings for run in found)
    return time.process_time() - started


def _apply(**changes: Any) -> tuple[float, float, str]:  # noqa: ANN401 - a field of World
    """Return the CPU of an apply without that of the service, its virtual seconds, and its record."""
    world: Fleet = fleet_of(500, held=8, backup_seconds=5.0, latency=lambda: 0.001, **changes)
    begun, started = world.time, time.process_time()
    world.apply(seconds=24 * 3600)
    cpu = time.process_time() - started - world.service_cpu
    return cpu, (world.time - begun).total_seconds(), (world.records or [""])[0]
