"""Starting: whole processes beside a bare Python."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from . import fleet
from .process import PYTHON, RECONCILE, fastest
from .row import Row
from .service import service

_TIMES = 15


def rows() -> Iterator[Row]:
    """Measure the commands that people and hooks start most."""
    with tempfile.TemporaryDirectory() as folder, service(2, 2) as base_url:
        file = Path(folder, "backups.toml")
        file.write_text(fleet.toml(2, 2), encoding="utf-8")
        costs = fastest(
            {
                "bare": (PYTHON, "-c", "pass"),
                "version": (*RECONCILE, "--version"),
                "help": (*RECONCILE, "--help"),
                "completion": (
                    *("env", "_RECONCILE_COMPLETE=bash_complete", "COMP_WORD=--"),
                    *(f"COMP_LINE=reconcile validate -f {file} --", *RECONCILE),
                ),
                "validate": (*RECONCILE, "validate", "-f", str(file)),
                "plan": (*RECONCILE, "plan", "-f", str(file), "--base-url", base_url),
            },
            _TIMES,
        )
    bare = costs.pop("bare")
    goals = {"version": 4.5, "help": 6.0, "completion": 6.0, "validate": 12.0, "plan": 24.0}
    titles = {
        "version": "`--version`",
        "help": "`--help`",
        "completion": "a Tab",
        "validate": "`validate`, small",
        "plan": "`plan`, small",
    }
    for name, cost in costs.items():
        note = (
            f"CPU {cost.cpu * 1000:.0f} ms, bare Python {bare.cpu * 1000:.0f}; wall {cost.wall / bare.wall:.1f} times"
        )
        yield Row(what=titles[name], value=cost.cpu / bare.cpu, unit=" times", goal=goals[name], note=note)
