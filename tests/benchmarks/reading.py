"""A plan of a large account that needs no change, beside the plain script."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from . import fleet
from .process import PYTHON, RECONCILE, fastest
from .row import Row
from .service import service

_PLAIN = str(Path(__file__).with_name("plain.py"))
_GOALS = {500: (2.5, 75.0), 5000: (1.6, 300.0)}
_TIMES = {500: 5, 5000: 2}


def rows(servers: int, series: int) -> Iterator[Row]:
    """Measure CPU and memory for so many servers with so many series of one backup each."""
    with tempfile.TemporaryDirectory() as folder, service(servers, series) as base_url:
        file = Path(folder, "backups.toml")
        file.write_text(fleet.toml(servers, series), encoding="utf-8")
        commands = {
            "plain": (PYTHON, _PLAIN, str(file), base_url),
            "ours": (*RECONCILE, "plan", "-f", str(file), "--base-url", base_url),
        }
        costs = fastest(commands, _TIMES[servers])
    plain, ours = costs["plain"], costs["ours"]
    assert "0 to create, 0 to delete" in plain.output, plain.output
    assert "No changes" in ours.output, ours.output
    what = f"no-op `plan`, {servers * series:,} series on {servers:,} servers"
    most_cpu, most_memory = _GOALS[servers]
    note = f"CPU {ours.cpu:.2f} s, plain {plain.cpu:.2f} s; wall {ours.wall / plain.wall:.1f} times"
    yield Row(what=what, value=ours.cpu / plain.cpu, unit=" times plain", goal=most_cpu, note=note)
    yield Row(
        what="memory of the same",
        value=ours.memory,
        unit=" MiB",
        goal=most_memory,
        note=f"plain {plain.memory:.0f} MiB",
    )


def comparing(servers: int = 5000) -> Iterator[Row]:
    """Measure a plan that is compared with the files before a change, beside the plan alone.

    Once with forty servers that change, once with all of them.
    """
    with tempfile.TemporaryDirectory() as folder, service(servers, 1) as base_url:
        before, file = Path(folder, "before.toml"), Path(folder, "backups.toml")
        before.write_text(fleet.toml(servers, 1), encoding="utf-8")
        plan = (*RECONCILE, "plan", "-f", str(file), "--base-url", base_url)
        for changed in (40, servers):
            file.write_text(
                before.read_text(encoding="utf-8").replace(f"keep = {fleet.KEEP}", "keep = 9", changed),
                encoding="utf-8",
            )
            costs = fastest({"plan": plan, "compare": (*plan, "--compare", str(before))}, 3)
            alone, compared = costs["plan"], costs["compare"]
            assert f"{changed:,} series get a longer policy" in compared.output, compared.output
            yield Row(
                what=f"`plan --compare`, {servers:,} servers, of which {changed:,} change",
                value=compared.cpu / alone.cpu,
                unit=" times a plan",
                goal=1.5,
                note=f"CPU {compared.cpu:.2f} s, plan {alone.cpu:.2f} s",
            )


def plain_cpu() -> float:
    """Return the CPU that the plain script takes for 10,000 series, as a measure of this machine."""
    with tempfile.TemporaryDirectory() as folder, service(500, 20) as base_url:
        file = Path(folder, "backups.toml")
        file.write_text(fleet.toml(500, 20), encoding="utf-8")
        return fastest({"plain": (PYTHON, _PLAIN, str(file), base_url)}, 5)["plain"].cpu
