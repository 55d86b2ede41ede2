"""Many servers at once: how many backups are in progress, how long it takes, and how few requests it costs.

The figures for a thousand servers are in tests/benchmarks; here are the same laws for as many as a test may take.
"""

from functools import cache
from typing import Any

import httpx
import pytest
from support.build import NOW, config
from support.faults import BY_NAME
from support.schedules import Schedule, item, kinds_for, written
from support.world import Crash, World

from reconcile.apply.slots import START
from reconcile.clock import Stop
from reconcile.diagnostics import UserError
from reconcile.outcomes import Outcome, Result, Started
from reconcile.plan.planning import RunOptions
from reconcile.sandbox.account import Record

PARTS, SAMPLE = 8, 1
"""Parts that run side by side, and how many schedules of each run without `--all-pairs`."""
MINUTES = 300.0


class Crowd(World):
    """Keeps count of how many backups were in progress at once, and may refuse to have more than so many."""

    most: int | None = None
    peak: int = 0
    refused: int = 0

    def create(self, server: Record, description: str) -> httpx.Response:
        in_progress = sum(backup["status"] == "in_progress" for backup in self.account.list_backups())
        if self.most is not None and in_progress >= self.most:
            self.refused += 1
            return httpx.Response(429, json={"detail": "Request was throttled."})
        self.peak = max(self.peak, in_progress + 1)
        return super().create(server, description)


def crowd(servers: int, *, backup_seconds: float = MINUTES, **changes: Any) -> Crowd:  # noqa: ANN401 - a field of World
    """Return a world in which each server has a backup that is to be replaced."""
    known: list[Record] = [{"id": number, "name": f"s{number}"} for number in range(1, servers + 1)]
    table = "[servers.s{0}]\nid = {0}\nbackups = [{{ description = 'nightly', every = '1d', keep = 1 }}]\n"
    return Crowd(
        config=config("".join(table.format(server["id"]) for server in known)),
        servers=known,
        backups=[item(server["id"], server, "nightly", 2) for server in known],
        backup_seconds=backup_seconds,
        **changes,
    )


def result_of(world: World, **options: Any) -> Result:  # noqa: ANN401 - as `World.apply`
    results = world.apply(**options)
    assert not isinstance(results, UserError), results
    return results[0]


def elapsed(result: Result) -> list[float]:
    return [ended.elapsed for ended in result.finished if ended.backup]


def test_it_starts_with_ten_and_doubles_with_each_round() -> None:
    world = crowd(70)
    begun = world.time

    assert result_of(world).is_complete

    assert world.peak == 4 * START
    assert (world.time - begun).total_seconds() < 3.3 * MINUTES, "rounds of 10, 20 and 40"


def test_a_completion_is_seen_within_a_tenth_of_the_time_that_a_backup_takes() -> None:
    assert max(elapsed(result_of(crowd(30)))) < 1.1 * MINUTES + 1


def test_backups_that_are_quicker_than_the_first_ones_are_noticed_as_soon() -> None:
    class Faster(Crowd):
        def create(self, server: Record, description: str) -> httpx.Response:
            self.account.backup_seconds = MINUTES if len(self.record) < START else 5
            return super().create(server, description)

    world = crowd(60)
    world.__class__ = Faster
    begun = world.time

    assert result_of(world).is_complete
    assert (world.time - begun).total_seconds() < 1.2 * MINUTES
    assert len(world.requests) <= 4 * 60


def test_no_more_are_in_progress_than_were_asked_for() -> None:
    world = crowd(20, backup_seconds=5)

    assert result_of(world, options=RunOptions(max_in_progress=3)).is_complete
    assert world.peak == 3


def test_a_backup_in_progress_costs_few_requests() -> None:
    world = crowd(60)

    assert result_of(world).is_complete
    assert len(world.requests) <= 4 * 60


def test_a_service_that_throttles_is_not_pressed_and_every_server_gets_its_backup() -> None:
    world = crowd(60)
    world.most = 15

    assert result_of(world, seconds=10 * 3600).is_complete
    assert world.peak == 15
    assert world.refused <= 2 * 60, "each refusal halves what is tried"


def test_a_service_whose_backups_all_fail_is_not_filled_with_them() -> None:
    world = crowd(30, backup_seconds=60)
    world.account.fails = lambda: True

    result = result_of(world, seconds=24 * 3600)

    assert result.counts[Outcome.FAILED] == 30
    assert world.peak == START


def pruning(servers: int, *, held: int = 1, due: int = 0, page_size: int = 1000, **changes: Any) -> Crowd:  # noqa: ANN401 - a field of World
    """Return a world of slow requests in which each server has backups to prune, and some need a new one."""
    known: list[Record] = [{"id": number, "name": f"s{number}"} for number in range(1, servers + 1)]
    table = '[servers.s{0}]\nid = {0}\nprune = "1d"\nbackups = [{{ description = "nightly", every = "{1}" }}]\n'
    tables = (table.format(server["id"], "1d" if server["id"] <= due else "30d") for server in known)
    kept = [item(server["id"], server, "nightly", 3) for server in known]
    return Crowd(
        config=config("[settings]\nmax_shrink = '100%'\n" + "".join(tables)),
        servers=known,
        backups=kept + [item(1000 * server["id"] + n, server, "old", 3) for server in known for n in range(held)],
        page_size=page_size,
        latency=lambda: 0.5,
        **changes,
    )


@pytest.mark.parametrize("parallelism", [2, 10])
def test_deletes_on_many_servers_do_not_hold_each_other_up_until_their_lists_are_too_old(parallelism: int) -> None:
    world = pruning(100)
    begun = world.time

    assert result_of(world, parallelism=parallelism).is_complete

    assert len(world.requests) <= 2.2 * 100, "a list and a delete for each server, and some lists that confirm them"
    assert (world.time - begun).total_seconds() <= len(world.requests) / parallelism + 5


def test_the_deletes_on_one_server_share_its_lists() -> None:
    world = pruning(10, held=20)

    assert result_of(world).is_complete
    assert len(world.requests) <= 10 * (20 + 5), "a list is fresh for five seconds, so for five to ten deletes"


def test_creates_of_many_servers_do_not_hold_each_other_up_either() -> None:
    world = crowd(40, backup_seconds=3, latency=lambda: 0.5)

    assert result_of(world, parallelism=1).is_complete
    assert len(world.requests) <= 5.5 * 40


def test_after_an_interrupt_the_deletes_that_wait_for_their_turn_are_neither_started_nor_listed() -> None:
    world = pruning(100, page_size=10, answers_after=30, interrupt_at=60)

    result = result_of(world)

    assert result.stopped is Stop.INTERRUPTED
    assert len(world.requests) <= 60 + 10 + 10, "what is in flight, and the lists that confirm it"
    assert sum(isinstance(event, Started) for event in world.events) <= 40


@pytest.mark.parametrize("page_size", [1000, 50])
def test_a_create_does_not_wait_for_the_deletes_on_other_servers(page_size: int) -> None:
    sent: list[float] = []

    class Timed(Crowd):
        def create(self, server: Record, description: str) -> httpx.Response:
            sent.append((self.now() - NOW).total_seconds())
            return super().create(server, description)

    world = pruning(200, due=START + 5, answers_after=30, page_size=page_size)
    world.__class__ = Timed
    begun = world.time

    assert result_of(world).is_complete
    assert max(sent) < 30 + 20, "the canary first, then ten others, and the rest as soon as one of them is completed"
    assert (world.time - begun).total_seconds() > 30 + 25, "the deletes take longer"


def test_a_failed_backup_halves_the_number_also_if_its_create_was_rejected_before_the_last_halving() -> None:
    class RejectsThenFails(Crowd):
        """Rejects the first create of each server but that of the canary; from then on, every backup fails."""

        rejected: frozenset[object] = frozenset()
        has_failed = False

        def create(self, server: Record, description: str) -> httpx.Response:
            if server["id"] != 1 and server["id"] not in self.rejected:
                self.rejected |= {server["id"]}
                return httpx.Response(429, headers={"Retry-After": "5"})
            self.account.fails = lambda: bool(self.rejected)
            if not self.has_failed and "failed" in {backup["status"] for backup in self.account.list_backups()}:
                self.has_failed, self.peak = True, 0
            return super().create(server, description)

    plain = crowd(START, backup_seconds=60)
    world = RejectsThenFails(config=plain.config, servers=plain.servers, backups=plain.backups, backup_seconds=60)

    result_of(world)

    assert world.peak <= 3, "halved by the rejections, and then by the first failures"


@cache
def faulty_schedules() -> list[Schedule]:
    """Return every single fault in an apply to twenty servers, three backups in progress at most."""
    world = crowd(20, backup_seconds=3)
    world.apply(options=RunOptions(max_in_progress=3))
    return [((number, kind),) for number, request in enumerate(world.requests) for kind in kinds_for(request)]


@pytest.mark.parametrize("part", range(PARTS))
def test_every_single_fault_leaves_all_twenty_servers_exact(part: int, request: pytest.FixtureRequest) -> None:
    schedules = faulty_schedules()[part::PARTS]
    if not request.config.getoption("--all-pairs"):
        schedules = schedules[:SAMPLE]
    for schedule in schedules:
        world = crowd(20, backup_seconds=3, faults={number: BY_NAME[kind] for number, kind in schedule})
        try:
            world.apply(options=RunOptions(max_in_progress=3))
        except Crash:
            pytest.fail("a fault is no crash")
        world.faults = {}
        world.wait(25)
        assert not isinstance(world.apply(), UserError)
        world.wait(world.backup_seconds)
        held = sorted((backup["server"]["id"], backup["status"]) for backup in world.account.list_backups())
        assert held == [(number, "completed") for number in range(1, 21)], written(schedule)
        assert sum(record.what == "create" for record in world.record) == 20, written(schedule)
