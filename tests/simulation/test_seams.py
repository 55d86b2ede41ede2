"""What happens to one thing when another beside it fails, is interrupted or is slow: each did harm once."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from support.build import config
from support.schedules import item
from support.world import World

from reconcile.desired.config import Config
from reconcile.diagnostics import UserError
from reconcile.outcomes import Outcome, Result, Waiting
from reconcile.plan.guards import UnknownBeside
from reconcile.plan.model import Delete
from reconcile.plan.planning import RunOptions
from reconcile.plan.reasons import Veto
from reconcile.sandbox.account import Record

DAY = 86400.0


def servers(number: int) -> list[Record]:
    return [{"id": each, "name": f"s{each}"} for each in range(1, number + 1)]


def nightly(number: int, keep: str = "1", every: str = "1d") -> Config:
    series = f"{{ description = 'nightly', every = '{every}', keep = {keep} }}"
    return config("".join(f"[servers.s{each}]\nid = {each}\nbackups = [{series}]\n" for each in range(1, number + 1)))


def results_of(world: World, **options: Any) -> list[Result]:  # noqa: ANN401 - as `World.apply`
    results = world.apply(**options)
    assert not isinstance(results, UserError), results
    return results


def ids(world: World) -> list[object]:
    return sorted(backup["id"] for backup in world.account.backups)


def in_progress(world: World, record: Record, seconds: float = 60) -> None:
    """Add a backup that somebody else has begun, and that completes after so many seconds."""
    world.account.backups.append({**record, "status": "in_progress", "size_mb": None})
    due = world.now() + timedelta(seconds=seconds)
    world.account._due.append((due, world.account.backups[-1], "completed"))  # noqa: SLF001 - as a create does


def test_after_an_interrupted_rotation_backups_do_not_pile_up() -> None:
    known = servers(10)
    held = [item(each["id"], each, "nightly", 1.1) for each in known]
    world = World(config=nightly(10), servers=known, backups=held, backup_seconds=300)
    world.apply(seconds=60)

    assert results_of(world)[-1].is_complete, "what was in progress takes the place of an older one"
    assert len(world.account.backups) == 10


def test_what_piled_up_once_stays_so_many_until_a_person_allows_it_to_go() -> None:
    known = servers(10)
    held = [item(each["id"] * 10 + age, each, "nightly", 1.1 + age) for each in known for age in (0, 1)]
    world = World(config=nightly(10), servers=known, backups=held, backup_seconds=300)

    for _ in range(3):
        (result,) = results_of(world)
        assert result.loss_still_to_allow == 10
        withheld = [ended for ended in result.finished if ended.outcome is Outcome.WITHHELD]
        assert {ended.objection for ended in withheld} == {Veto.TOO_MUCH_LOST}
        assert len(world.account.backups) == 20
        world.wait(DAY)
    assert results_of(world, options=RunOptions(allow_loss=10))[-1].is_complete
    assert len(world.account.backups) == 10


@pytest.mark.parametrize(("busy", "most"), [(10, 100), (1, 1)])
def test_servers_that_are_busy_do_not_keep_the_others_from_their_backups(busy: int, most: int) -> None:
    class Busy(World):
        def create(self, server: Record, description: str) -> httpx.Response:
            if server["id"] <= busy:
                return httpx.Response(409, json={"detail": "A backup of this server is in progress."})
            return super().create(server, description)

    world = Busy(config=nightly(busy + 3), servers=servers(busy + 3), backups=[])

    world.apply(options=RunOptions(max_in_progress=most))

    assert len(world.account.backups) == 3


def test_backups_that_hang_do_not_keep_the_others_waiting_until_the_deadline() -> None:
    class Hanging(World):
        def create(self, server: Record, description: str) -> httpx.Response:
            answer = super().create(server, description)
            if server["id"] in {2, 3}:
                self.account._due.pop()  # noqa: SLF001 - it never ends
            return answer

    world = Hanging(config=nightly(9), servers=servers(9), backups=[], backup_seconds=30)

    (result,) = results_of(world, options=RunOptions(max_in_progress=2))

    assert result.counts == {Outcome.SUCCEEDED: 7, Outcome.IN_PROGRESS: 2}
    assert len(world.record) == 9, "each was sent once"


@pytest.mark.parametrize("keep", ["{ daily = 3 }", "{ hourly = 3 }"])
def test_a_backup_made_after_midnight_does_not_take_the_place_of_another_day(keep: str) -> None:
    (server,) = servers(1)
    held = [item(number, server, "nightly", 0) for number in (1, 2, 3)]
    for day, backup in zip((8, 9, 10), held, strict=True):
        backup["created_at"] = datetime(2026, 3, day, 16, tzinfo=UTC).isoformat()
    late = datetime(2026, 3, 10, 23, 59, 58, tzinfo=UTC)

    async def slow(world: World, request: httpx.Request, handle: Any) -> httpx.Response:  # noqa: ANN401 - a handler
        await world.clock.sleep(5)
        answer: httpx.Response = handle(request)
        return answer

    world = World(config=nightly(1, keep, "6h"), servers=[server], backups=held, time=late, faults={1: slow})

    (result,) = results_of(world)

    assert result.is_complete
    assert {2, 3} <= set(ids(world)), "they are the newest of their days"


def test_a_failed_backup_of_somebody_else_is_not_taken_for_ours() -> None:
    class Service(World):
        posts: int = 0

        def handle(self, request: httpx.Request) -> httpx.Response:
            if request.method == "POST":
                self.posts += 1
                if self.posts == 1:
                    self.account.backups.append(item(7, self.servers[0], "nightly", 0, "failed"))
                    return httpx.Response(409, json={"detail": "A backup of this server is in progress."})
                if self.posts == 2:
                    raise httpx.ReadError("reset", request=request)
            return super().handle(request)

    world = Service(config=nightly(1), servers=servers(1), backups=[])

    assert results_of(world)[0].is_complete
    assert [record.what for record in world.record] == ["create"]


def test_a_status_that_becomes_unknown_meanwhile_keeps_the_whole_series() -> None:
    (server,) = servers(1)
    world = World(config=nightly(1), servers=[server], backups=[item(1, server, "nightly", 2)])

    def verifies(world: World, request: httpx.Request, handle: Any) -> httpx.Response:  # noqa: ANN401 - a handler
        world.account.backups.append(item(2, server, "nightly", 1.9, "verifying"))
        world.faults = {}
        answer: httpx.Response = handle(request)
        return answer

    world.faults = {3: verifies}

    (result,) = results_of(world)

    assert result.counts[Outcome.SKIPPED] == 1
    assert 1 in ids(world)


def test_a_create_does_not_wait_for_another_series_of_its_server_that_was_in_progress_before() -> None:
    (server,) = servers(1)
    file = config("[servers.s1]\nid = 1\nbackups = [{ description = 'a', keep = 1 }, { description = 'b' }]\n")
    world = World(config=file, servers=[server], backups=[item(1, server, "a", 2)])
    in_progress(world, item(2, server, "a", 0.01), seconds=1800)
    begun = world.time

    world.apply()

    (created, *_) = world.record
    assert (created.what, created.record["description"]) == ("create", "b")
    assert datetime.fromisoformat(str(created.record["created_at"])) - begun < timedelta(seconds=10)
    assert ids(world) == [2, 501], "what was in progress is waited for all the same, and takes the place of #1"
    waits = [event for event in world.events if isinstance(event, Waiting) and str(event.address) == "s1/a"]
    assert (waits[0].backup.id, waits[0].elapsed) == (2, 0)


def test_the_creates_of_one_server_are_carried_out_one_at_a_time() -> None:
    class Counting(World):
        peak: int = 0

        def create(self, server: Record, description: str) -> httpx.Response:
            pending = sum(backup["status"] == "in_progress" for backup in self.account.list_backups())
            self.peak = max(self.peak, pending + 1)
            return super().create(server, description)

    (server,) = servers(1)
    series = ", ".join(f"{{ description = '{name}' }}" for name in "abcd")
    world = Counting(config=config(f"[servers.s1]\nid = 1\nbackups = [{series}]\n"), servers=[server], backups=[])

    world.apply()

    assert (world.peak, len(world.record)) == (1, 4)


def test_one_that_was_in_progress_before_and_still_is_makes_an_apply_incomplete() -> None:
    (server,) = servers(1)
    world = World(config=nightly(1), servers=[server], backups=[item(1, server, "nightly", 0.5)])
    in_progress(world, item(2, server, "nightly", 0.01), seconds=600)

    (stopped,) = results_of(world, seconds=60)
    assert ([backup.id for _, backup in stopped.still_pending], stopped.is_complete) == ([2], False)

    done = results_of(world)
    assert (done[0].still_pending, done[-1].is_complete) == ((), True)
    assert ids(world) == [2]


def test_without_waiting_last_nights_backup_takes_its_place_tonight() -> None:
    (server,) = servers(1)
    world = World(config=nightly(1), servers=[server], backups=[item(1, server, "nightly", 1)], backup_seconds=60)

    for _ in range(8):
        world.apply(options=RunOptions(wait=False))
        world.wait(DAY)

    assert len(world.account.backups) <= 2


def test_an_allowed_loss_is_for_the_whole_run() -> None:
    known = servers(8)
    file = config(
        "[settings]\nprune = true\n"
        + "".join(f"[servers.s{each}]\nid = {each}\nbackups = [{{ description = 'a' }}]\n" for each in range(1, 9))
    )
    held = [item(each["id"] * 10, each, "a", 2) for each in known]
    held += [item(each["id"] * 10 + number, each, "x", 2) for each in known for number in (1, 2)]
    world = World(config=file, servers=known, backups=held)
    in_progress(world, item(99, known[0], "a", 0.01))

    def appears(world: World, request: httpx.Request, handle: Any) -> httpx.Response:  # noqa: ANN401 - a handler
        if world.record and all(backup["id"] < 1000 for backup in world.account.backups):
            world.account.backups += [item(1000 + each["id"], each, "x", 2) for each in known]
        answer: httpx.Response = handle(request)
        return answer

    world.faults = dict.fromkeys(range(200), appears)

    world.apply(options=RunOptions(allow_loss=16))

    undeclared = [record for record in world.record if record.what == "delete" and record.record["description"] == "x"]
    assert len(undeclared) == 16


def test_a_backup_that_was_in_progress_makes_room_for_one_delete_and_not_for_one_in_each_round() -> None:
    known = servers(5)
    held = [item(each["id"] * 10 + age, each, "nightly", 1.1 + age) for each in known for age in range(3)]
    held[-3:] = held[-1:]  # the last server has not piled up
    world = World(config=nightly(5), servers=known, backups=held)
    for each in known[:4]:
        in_progress(world, item(each["id"] * 10 + 9, each, "nightly", 0.01))

    def appears(world: World, request: httpx.Request, handle: Any) -> httpx.Response:  # noqa: ANN401 - a handler
        if request.url.params.get("server_id") == "5" and 59 not in ids(world):
            in_progress(world, item(59, known[4], "nightly", 0.01), seconds=120)
        answer: httpx.Response = handle(request)
        return answer

    world.faults = dict.fromkeys(range(20), appears)

    rounds = results_of(world)

    assert len(rounds) == 3, "the last one waits for what the second found in progress"
    assert [len(each.withheld) for each in rounds] == [8, 8, 8]
    assert world.usable() == {(f"s{number}", "nightly"): 1 if number == 5 else 3 for number in range(1, 6)}


def test_a_list_whose_pages_shifted_is_not_believed_before_a_create() -> None:
    known = servers(2)
    # Listed from the last: #3 and #2 on the first page, #1 on the second.
    held = [item(1, known[0], "nightly", 0.1), item(2, known[1], "other", 1), item(3, known[1], "other", 1.2)]

    def shifts(world: World, request: httpx.Request, handle: Any) -> httpx.Response:  # noqa: ANN401 - a handler
        answer: httpx.Response = handle(request)
        if not request.url.params.get("page") and "backups" in request.url.path and not world.record:
            # The first page is read; now #1 moves onto it, and #4 is where #1 was: as many as before, and #1 unseen.
            world.account.backups.pop()
            world.account.backups.insert(0, item(4, known[1], "other", 9))
            world.faults = {}
        return answer

    file = config("[servers.s1]\nid = 1\nbackups = [{ description = 'nightly', keep = 'all' }]\n")
    world = World(config=file, servers=known, backups=held, page_size=2, faults=dict.fromkeys(range(3), shifts))

    (result,) = results_of(world)

    assert result.counts == {Outcome.SKIPPED: 1}, "it was planned, since the whole list did not show #1"
    assert not world.record


@pytest.mark.parametrize("field", ["description", "created_at"])
def test_a_backup_that_appears_and_cannot_be_read_keeps_the_whole_series(field: str) -> None:
    (server,) = servers(1)
    world = World(config=nightly(1), servers=[server], backups=[item(1, server, "nightly", 2)])
    odd = item(2, server, "nightly", 1.9, "failed")
    del odd[field]

    def appears(world: World, request: httpx.Request, handle: Any) -> httpx.Response:  # noqa: ANN401 - a handler
        if request.method == "GET" and world.record and odd not in world.account.backups:
            world.account.backups.append(odd)
        answer: httpx.Response = handle(request)
        return answer

    world.faults = dict.fromkeys(range(99), appears)

    (result,) = results_of(world)

    (delete,) = (ended for ended in result.finished if isinstance(ended.action, Delete))
    assert delete.objection == UnknownBeside(id=2, status=None)
    assert 1 in ids(world)


def test_nothing_is_deleted_on_a_server_that_breaks_a_rule_and_the_reason_is_the_rule() -> None:
    (server,) = servers(1)
    file = config(
        "[require]\nevery = '1h'\n"
        "[servers.s1]\nid = 1\nbackups = [{ description = 'nightly', every = '1d', keep = 1 }]\n"
    )
    world = World(config=file, servers=[server], backups=[item(1, server, "nightly", 2)])

    (result,) = results_of(world)

    assert [ended.objection for ended in result.finished] == [None, Veto.RULE_BROKEN]
    assert len(ids(world)) == 2, "the create is carried out"
