"""Measures what applies, start-up, planning and reading cost, and prints goal, measured and verdict.

    python -m tests.benchmarks                       # all of it, some minutes
    python -m tests.benchmarks start plan-10k        # some of it

Every figure is a ratio within one run, or CPU beside that of a plain script (plain.py) in the same run, so that neither
the machine nor its load decides the verdict. Of several runs the fastest counts: load only ever adds.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # for support/, as the tests have it

from . import apply, latency, peers, planner, reading, records, start
from .row import Row, Table, table_text

GROUPS = {
    "apply": (Table.APPLY, apply.rows),
    "start": (Table.START_AND_PLAN, start.rows),
    "plan-10k": (Table.START_AND_PLAN, lambda: reading.rows(servers=500, series=20)),
    "plan-100k": (Table.START_AND_PLAN, lambda: reading.rows(servers=5000, series=20)),
    "compare": (Table.START_AND_PLAN, reading.comparing),
    "planner": (Table.START_AND_PLAN, planner.rows),
    "fleets": (Table.START_AND_PLAN, planner.fleets),
    "gaps": (Table.START_AND_PLAN, planner.gaps),
    "growth": (Table.START_AND_PLAN, planner.growth),
    "records": (Table.APPLY, records.rows),
    "latency": (Table.START_AND_PLAN, latency.rows),
    "peers": (Table.START_AND_PLAN, peers.rows),
}
"""What can be asked for, the table that its rows stand in, and what measures them."""


def main() -> None:
    """Measure what was asked for, and print it table by table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("group", nargs="*", help=f"what to measure (default: all): {', '.join(GROUPS)}")
    asked = parser.parse_args().group or list(GROUPS)
    if unknown := sorted(set(asked) - set(GROUPS)):
        parser.error(f"there is no {unknown[0]!r}; known are {', '.join(GROUPS)}")
    tables: dict[Table, list[Row]] = {}
    for name in asked:
        print(f"measuring {name} …", file=sys.stderr)  # noqa: T201 - a script
        table, rows = GROUPS[name]
        tables.setdefault(table, []).extend(rows())
    for table, found in tables.items():
        print(table_text(table, found))  # noqa: T201 - a script


if __name__ == "__main__":
    main()
