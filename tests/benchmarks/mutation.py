"""How many small mistakes the tests notice: mutmut makes them, and this runs a sample of them, the same every time.

Run it by hand: `tox run -e mutation -- --sample 100 --seed 7 "reconcile.plan.*"`. Which files are mutated, and which
tests are run, is in pyproject.toml, [tool.mutmut]. mutmut works in a copy, so the checkout stays as it is. With
`--folder` the copy stays, and the tests of the next run there need not be timed first, which takes most of the time.

A survivor is a mistake that no test noticed, or code that means the same. mutmut mutates function bodies only: not the
constants of a module, not the fields of a class, nothing that is decorated (properties, for one).

If mutmut fails to run pytest, look for a test whose id has a backslash in it: pytest can't select that by its id.
"""

import argparse
import random
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from contextlib import ExitStack
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).parents[2]
COPIED = ("reconcile", "tests", "examples", "pyproject.toml")
NOTICED = {"killed", "timeout", "segfault"}


def mutmut(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("mutmut")), *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def statuses(folder: Path) -> dict[str, str]:
    """Return what became of each mutant, by its name."""
    lines = mutmut(folder, "results", "--all", "true").stdout.splitlines()
    return dict(line.strip().rsplit(": ", 1) for line in lines if ": " in line)


def copy_to(folder: Path) -> None:
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.rmtree(folder / name, ignore_errors=True)
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / name)


def main() -> None:
    """Choose the sample, run it, and print what survived."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pattern", nargs="*", default=["*"], help="globs of mutants to choose from (default: all)")
    parser.add_argument("--sample", type=int, default=60, help="how many mutants to run (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the choice (default: %(default)s)")
    parser.add_argument("--folder", type=Path, help="where to keep the mutants (default: nowhere)")
    asked = parser.parse_args()
    with ExitStack() as stack:
        folder = asked.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        copy_to(folder)
        # mutmut can't make mutants without running some. Asked for one that does not exist, it makes them all, times
        # the tests, and gives up.
        prepared = mutmut(folder, "run", "none")
        known = sorted(it for it in statuses(folder) if any(fnmatch(it, glob) for glob in asked.pattern))
        if "nothing matches" not in prepared.stderr or not known:
            sys.exit(f"mutmut found nothing to run:\n{prepared.stdout[-4000:]}\n{prepared.stderr[-4000:]}")
        chosen = random.Random(asked.seed).sample(known, min(asked.sample, len(known)))
        ran = mutmut(folder, "run", *chosen)
        found = {it: status for it, status in statuses(folder).items() if it in chosen}
        if "not checked" in found.values():
            sys.exit(f"mutmut did not finish:\n{ran.stdout[-4000:]}\n{ran.stderr[-4000:]}")
        survivors = [it for it, status in found.items() if status not in NOTICED]
        for survivor in survivors:
            print(mutmut(folder, "show", survivor).stdout)  # noqa: T201 - a script
    counts = ", ".join(f"{count} {status}" for status, count in Counter(found.values()).most_common())
    noticed = 1 - len(survivors) / len(chosen)
    print(f"{len(chosen)} of {len(known)} mutants, seed {asked.seed}: {counts}; {noticed:.1%} noticed")  # noqa: T201


if __name__ == "__main__":
    main()
