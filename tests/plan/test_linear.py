"""The cost of planning is linear: counted in steps of the interpreter, so that the machine does not matter."""

import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from types import FrameType

import pytest
from support.build import NOW, backup, config, days, inventory
from support.build import config as parse

from reconcile.actual.inventory import Inventory, Server
from reconcile.desired.config import Config
from reconcile.desired.desired import resolve, select
from reconcile.diagnostics import UserError
from reconcile.insight.difference import compare
from reconcile.insight.importing import declare
from reconcile.insight.status import status
from reconcile.plan.planner import plan


class CountedId(int):
    """An id that counts how often it is compared, which a search through a list does without the interpreter."""

    comparisons = 0

    def __eq__(self, other: object) -> bool:
        CountedId.comparisons += 1
        return int.__eq__(self, other)

    def __hash__(self) -> int:
        return int.__hash__(self)


def steps(work: Callable[[], object]) -> int:
    """Return how many lines `work` runs, and how many ids it compares."""
    lines = 0

    def count(frame: FrameType, event: str, argument: object) -> object:  # noqa: ARG001 - what settrace calls
        nonlocal lines
        lines += event == "line"
        return count

    CountedId.comparisons = 0
    before = sys.gettrace()
    sys.settrace(count)  # type: ignore[arg-type] # it returns itself
    try:
        work()
    finally:
        sys.settrace(before)
    return lines + CountedId.comparisons


def account(servers: int, series: int, backups: int) -> tuple[Config, Inventory]:
    """Return a file and its account: so many servers, series on each, backups and pins in each."""
    listed = tuple(Server(id=number, name=f"s{number}") for number in range(servers))
    held = [
        backup(
            CountedId((server.id * series + number) * backups + night),  # type: ignore[operator] # whole numbers
            f"series {number}",
            age=days(night),
            server=server,
            status="failed" if night % 3 else "completed",
        )
        for server in listed
        for number in range(series)
        for night in range(backups)
    ]
    every_other = [f'{{ description = "series {number}", keep = 3 }}' for number in range(0, series, 2)]
    tables = [
        f"[servers.{server.name}]\nid = {server.id}\nprune = true\n"
        f"pinned = {[int(each.id) for each in held if each.server_id == server.id][::2]}\n"
        f"backups = [{', '.join(every_other)}]\n"
        for server in listed
    ]
    return config("".join(tables)), inventory(*held, servers=listed)


FLEETS = config(
    "[fleets.odd]\nmatch = 's*[13579]'\nbackups = [{ description = 'series 0' }]\n"
    "[fleets.none]\nmatch = 'nobody'\n"
    "[fleets.rest]\nmatch = '*'\nexclude = '*0'\nbackups = [{ description = 'series 1', keep = 3 }]\n"
)
WORK: dict[str, Callable[[Config, Inventory], object]] = {
    "plan": lambda declared, seen: plan(resolve(declared, seen), seen, NOW),
    "status": lambda declared, seen: status(resolve(declared, seen), seen, NOW),
    "plan of fleets": lambda _, seen: plan(resolve(FLEETS, seen), seen, NOW),
    "compare": lambda declared, seen: compare(declared, resolve(FLEETS, seen), seen, NOW),
    "import": lambda _, seen: declare(seen, NOW),
    "import beside a file": lambda declared, seen: declare(seen, NOW, existing=declared),
}


@pytest.mark.parametrize("work", WORK.values(), ids=WORK)
@pytest.mark.parametrize("larger", [(64, 2, 4), (8, 16, 4), (8, 2, 32)], ids=["servers", "series", "backups"])
def test_eight_times_the_account_is_eight_times_the_work(
    larger: tuple[int, int, int], work: Callable[[Config, Inventory], object]
) -> None:
    small, large = account(8, 2, 4), account(*larger)
    work(*account(2, 2, 2))  # loads what is loaded only once

    assert steps(lambda: work(*large)) < 9 * steps(lambda: work(*small))


def misspelled(number: int) -> str:
    policies = "".join(f"[policies.policy-{each}]\n" for each in range(number))
    series = ", ".join(f'{{ description = "{each}", policy = "policies-{each}" }}' for each in range(number))
    return f"{policies}[servers.a]\nid = 1\nbackups = [{series}]\n"


def renamed(number: int) -> str:
    series = ", ".join(f'{{ description = "{each}", renamed_from = "old {each}" }}' for each in range(number))
    return f"[servers.a]\nid = 1\nbackups = [{series}]\n"


@pytest.mark.parametrize("text", [misspelled, renamed])
def test_eight_times_the_file_is_eight_times_the_work(text: Callable[[int], str]) -> None:
    small, large = text(25), text(200)

    def read(text: str) -> None:
        with suppress(UserError):
            parse(text)

    assert steps(lambda: read(large)) < 9 * steps(lambda: read(small))


@pytest.mark.parametrize("target", ["s{}/series 1", "s{}/*", "s{}", "*{}/series 1", "*s{}/*"])
def test_eight_times_the_account_and_the_targets_is_eight_times_the_work(target: str) -> None:
    def work(servers: int) -> int:
        desired = resolve(*(found := account(servers, 2, 1)))
        targets = tuple(target.format(number) for number in range(servers))
        return steps(lambda: select(desired, found[1], targets))

    work(8 * 16)  # to compile a glob costs more than to match it, and is done once
    assert work(8 * 16) < 9 * work(16)


@pytest.mark.parametrize("glob", ["auto-{}-*", "*-{}-x"])
def test_eight_times_the_globs_on_one_server_is_eight_times_the_work(glob: str) -> None:
    def work(number: int) -> int:
        names = [glob.format(f"{each:03}") for each in range(number)]
        series = ", ".join(f'{{ description = "{each}", renamed_from = "{name}" }}' for each, name in enumerate(names))
        declared = config(f"[servers.web]\nid = 1\nbackups = [{series}]\n")
        seen = inventory(*(backup(each, name.replace("*", "x")) for each, name in enumerate(names)))
        desired = resolve(declared, seen)
        return steps(lambda: (plan(desired, seen, NOW), status(desired, seen, NOW)))

    work(8 * 25)  # as above
    assert work(8 * 25) < 9 * work(25)


@pytest.mark.parametrize("name", ["auto-{day} {server}", "auto-{server} {day}"])
def test_eight_times_the_dated_names_is_eight_times_the_work_of_an_import(name: str) -> None:
    def work(number: int) -> int:
        listed = tuple(Server(id=each, name=f"s{each:03}") for each in range(number))
        held = (
            backup(2 * server.id + night, name.format(day=f"2026-03-0{1 + night}", server=server.name), server=server)  # type: ignore[operator] # whole numbers
            for server in listed
            for night in range(2)
        )
        seen = inventory(*held, servers=listed)
        return steps(lambda: declare(seen, NOW))

    work(8 * 12)  # as above
    assert work(8 * 12) < 9 * work(12)


def test_comparing_plans_again_only_what_differs() -> None:
    declared, seen = account(100, 2, 3)
    desired, other = resolve(declared, seen), config(declared.sources[0].text.replace("keep = 3", "keep = 4", 1))
    compare(other, desired, seen, NOW)  # groups the inventory for both, and imports what a difference needs

    assert steps(partial(compare, other, desired, seen, NOW)) < 1.8 * steps(partial(plan, desired, seen, NOW))
