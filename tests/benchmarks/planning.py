"""How planning grows with the account: ratios within one run, so that the machine does not matter.

Run it by hand: `python tests/benchmarks/planning.py`. Twice the backups should take about twice as long.
"""

import sys
import timeit
from datetime import timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from support.build import NOW, backup, config, inventory

from reconcile.actual.inventory import Server
from reconcile.plan.planner import plan

BACKUPS_A_SERVER = 20
SIZES = (125, 250, 500, 1000)


def seconds(servers: int) -> float:
    """Return how long it takes to plan for so many servers, the best of three."""
    account = tuple(Server(id=number, name=f"s{number}") for number in range(servers))
    series = '{{ description = "nightly", every = "1d", keep = {{ daily = 7, weekly = 4 }} }}'
    table = f"[servers.s{{0}}]\nid = {{0}}\nbackups = [{series}]\n"
    declared = config("".join(table.format(it.id) for it in account))
    held = [
        backup(number * BACKUPS_A_SERVER + day, age=timedelta(days=day), server=server)
        for number, server in enumerate(account)
        for day in range(BACKUPS_A_SERVER)
    ]
    seen = inventory(*held, servers=account)
    return min(timeit.repeat(lambda: plan(declared, seen, NOW), number=1, repeat=3))


def main() -> None:
    """Print the time of each size, and its ratio to the one before."""
    before = None
    for servers in SIZES:
        took = seconds(servers)
        ratio = f"{took / before:.2f} times the one before" if before else ""
        print(f"{servers * BACKUPS_A_SERVER:>6,} backups on {servers:>5,} servers: {took:.3f}s  {ratio}")  # noqa: T201 - a script
        before = took


if __name__ == "__main__":
    main()
