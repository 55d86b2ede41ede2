"""A list of many pages from a service that takes its time over each."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from reconcile.actual.http import PARALLELISM

from . import fleet
from .process import RECONCILE, fastest
from .row import Row
from .service import service

_LATENCY = 0.05
_SERVERS, _SERIES = 500, 41
_PAGE = 20


def rows() -> Iterator[Row]:
    """Measure a plan of 1,050 pages of 20: 1,025 of backups and 25 of servers, at 50 ms each."""
    with (
        tempfile.TemporaryDirectory() as folder,
        service(_SERVERS, _SERIES, latency=_LATENCY, largest_page=_PAGE) as base_url,
    ):
        file = Path(folder, "backups.toml")
        file.write_text(fleet.toml(_SERVERS, _SERIES), encoding="utf-8")
        cost = fastest({"ours": (*RECONCILE, "plan", "-f", str(file), "--base-url", base_url)}, 2)["ours"]
    pages = (_SERVERS + _SERVERS * _SERIES) / _PAGE
    least = pages * _LATENCY / PARALLELISM
    yield Row(
        what=f"the list at 50 ms latency, {pages:,.0f} pages",
        value=(cost.wall - cost.cpu) / least,
        unit=" times the least, beside CPU",
        goal=1.3,
        note=f"{cost.wall:.1f} s, of them CPU {cost.cpu:.1f} s; pages * latency / parallelism is {least:.1f} s",
    )
