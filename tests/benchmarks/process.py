"""Runs commands as whole processes, and tells what each took."""

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PYTHON = sys.executable
RECONCILE = (PYTHON, "-c", "import sys; from reconcile.cli.main import main; sys.exit(main())")
"""What the installed command does, from this source tree."""

_BYTECODE = tempfile.mkdtemp(prefix="reconcile-benchmarks-")
"""Installed code is compiled once. So is this tree here, also where writing bytecode beside it is switched off."""
atexit.register(shutil.rmtree, _BYTECODE, ignore_errors=True)
_ENVIRONMENT = os.environ | {
    "PYTHONPATH": str(ROOT),
    "PYTHONPYCACHEPREFIX": _BYTECODE,
    "PYTHONDONTWRITEBYTECODE": "",
    "VPS_API_TOKEN": "vps_benchmark",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Cost:
    """What a process took: seconds of CPU, seconds from start to end, and MiB of memory at its peak."""

    cpu: float
    wall: float
    memory: float
    output: str


class FailedError(Exception):
    """A command failed, and what it said."""


def run(command: Sequence[str], *, folder: Path = ROOT) -> Cost:
    """Run a command to its end; raises FailedError where it does not end well."""
    started = time.perf_counter()
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=folder,
        env=_ENVIRONMENT,
    )
    assert process.stdout
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)  # what this one process took, which subprocess does not tell
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stdout.close()
    if process.returncode:
        raise FailedError(f"{' '.join(command)[:200]}: {process.returncode}\n{output[-2000:]}")
    return Cost(cpu=usage.ru_utime + usage.ru_stime, wall=wall, memory=usage.ru_maxrss / 1024, output=output)


def fastest(commands: Mapping[str, Sequence[str]], times: int) -> dict[str, Cost]:
    """Run each command so many times, in turns, and return the least that each took; the first run only compiles."""
    costs: dict[str, list[Cost]] = {name: [] for name in commands}
    for command in commands.values():
        run(command)
    for _ in range(times):
        for name, command in commands.items():
            costs[name].append(run(command))
    return {
        name: Cost(
            cpu=min(cost.cpu for cost in found),
            wall=min(cost.wall for cost in found),
            memory=min(cost.memory for cost in found),
            output=found[0].output,
        )
        for name, found in costs.items()
    }
