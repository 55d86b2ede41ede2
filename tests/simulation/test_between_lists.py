"""What happens between two lists, two requests or two rounds: each harmed a backup, or was reported wrongly, once."""

from datetime import timedelta
from typing import Any

import anyio
import httpx
import pytest
from support.build import NOW, config
from support.schedules import item
from support.world import Handler, World

from reconcile.clock import Stop
from reconcile.desired.config import Config
from reconcile.diagnostics import UserError
from reconcile.outcomes import Applied, Finished, Outcome, Rejected, Result
from reconcile.plan.planning import RunOptions
from reconcile.report.apply import result_text
from reconcile.report.document import Text
from reconcile.sandbox.account import Record

S1, S2, S3, S4 = ({"id": number, "name": f"s{number}"} for number in (1, 2, 3, 4))


def nightly(number: int, series: str = "description = 'nightly', every = '1d', keep = 1", settings: str = "") -> Config:
    tables = "[servers.s{0}]\nid = {0}\nbackups = [{{ {1} }}]\n"
    return config(settings + "".join(tables.format(each, series) for each in range(1, number + 1)))


def results_of(world: World, **options: Any) -> list[Result]:  # noqa: ANN401 - as `World.apply`
    results = world.apply(**options)
    assert not isinstance(results, UserError), results
    return results


def ended(result: Result, address: str) -> Finished:
    return next(each for each in result.finished if str(each.action.address) == address)


def changes(world: World, what: str) -> list[object]:
    """Return the servers of the creates, or the ids of the deletes, that the service has carried out."""
    records = [change.record for change in world.record if change.what == what]
    return [record["server"]["id"] if what == "create" else record["id"] for record in records]


def completes(world: World, record: Record, after: float) -> None:
    due = NOW + timedelta(seconds=after)
    world.account._due.append((due, record, "completed"))  # noqa: SLF001 - as a create does


class Limited(World):
    """The first create gets a 429 with a pause of 280 s; after 100 of them, someone changes the account."""

    limited = changed = False

    def change(self) -> None:
        raise NotImplementedError

    def handle(self, request: httpx.Request) -> httpx.Response:
        if self.now() > NOW + timedelta(seconds=100) and not self.changed:
            self.changed = True
            self.change()
        if request.method == "POST" and not self.limited:
            self.limited = True
            return httpx.Response(429, headers={"Retry-After": "280"})
        return super().handle(request)


class TestAChangeThatWaitedForItsTurn:
    def test_is_not_sent_on_the_list_from_before_the_pause_if_it_is_a_create(self) -> None:
        class SomeoneCreates(Limited):
            def change(self) -> None:
                self.account.backups.append({**item(77, S2, "nightly", 0), "created_at": self.now().isoformat()})

        world = SomeoneCreates(config=nightly(2), servers=[S1, S2], backups=[])

        results_of(world)

        assert changes(world, "create") == [1], "there is a backup of s2 since three minutes"

    def test_is_not_sent_on_the_list_from_before_the_pause_if_it_is_a_delete(self) -> None:
        class SomeoneDeletes(Limited):
            def change(self) -> None:
                self.account.backups[:] = [backup for backup in self.account.backups if backup["id"] != 23]

        held = [item(21, S2, "nightly", 3), item(22, S2, "nightly", 2), item(23, S2, "nightly", 0.1)]
        world = SomeoneDeletes(config=nightly(2), servers=[S1, S2], backups=held)

        results_of(world)

        assert any(backup["server"]["id"] == 2 for backup in world.account.backups), "the one to stay is gone"


def test_a_misdated_backup_takes_no_place_beside_one_that_is_only_started() -> None:
    held = [item(1, S1, "nightly", 2), item(2, S1, "nightly", -30)]
    world = World(config=nightly(1), servers=[S1], backups=held, backup_seconds=600)

    results_of(world, options=RunOptions(wait=False))

    assert changes(world, "delete") == []


def test_a_misdated_backup_takes_no_place_where_the_create_falls_on_the_next_day() -> None:
    held = [item(1, S1, "nightly", 0.3), item(2, S1, "nightly", 1.3), item(3, S1, "nightly", -30)]
    series = "description = 'nightly', every = '6h', keep = { daily = 2 }"
    start = NOW.replace(hour=23, minute=59, second=59, microsecond=880000)
    world = World(config=nightly(1, series), servers=[S1], backups=held, time=start)

    results_of(world)

    assert (changes(world, "create"), changes(world, "delete")) == ([1], [])


class TestABackupThatIsBeingDeleted:
    def test_keeps_no_create_from_being_sent_in_an_account_of_several_pages(self) -> None:
        held = [item(1, S1, "nightly", 2, "pending_deletion"), *(item(100 + each, S2, "x", 2) for each in range(3))]
        world = World(config=nightly(1), servers=[S1, S2], backups=held, page_size=2)

        results_of(world)

        assert changes(world, "create") == [1]

    def test_is_not_taken_for_ours_where_a_response_was_lost(self) -> None:
        def lost(world: World, request: httpx.Request, handle: Handler) -> httpx.Response:
            if request.method == "POST":
                world.faults = {}
                raise httpx.ReadError("lost", request=request)
            return handle(request)

        held = [item(1, S1, "nightly", 2, "pending_deletion")]
        world = World(config=nightly(1), servers=[S1], backups=held, faults=dict.fromkeys(range(99), lost))

        (result,) = results_of(world)

        assert changes(world, "create") == [1]
        assert result.is_complete


def test_a_create_of_unknown_outcome_is_not_created_again_by_another_round() -> None:
    bad_lists = iter(range(3))

    def fault(world: World, request: httpx.Request, handle: Handler) -> httpx.Response:
        if request.method == "POST" and not world.hidden_until:
            answer = handle(request)
            world.hidden_until[answer.json()["id"]] = world.now() + timedelta(seconds=15)
            raise httpx.ReadError("lost", request=request)
        answer = handle(request)
        is_of_s1 = request.method == "GET" and request.url.params.get("server_id") == "1"
        if is_of_s1 and world.record and next(bad_lists, None) is not None:
            page = answer.json()
            return httpx.Response(200, json={**page, "count": page["count"] + 1})
        return answer

    held = [item(2, S2, "nightly", 2), item(3, S2, "nightly", 0.001, "in_progress")]
    world = World(config=nightly(2), servers=[S1, S2], backups=held, faults=dict.fromkeys(range(500), fault))
    completes(world, held[1], 2)

    results_of(world)

    assert changes(world, "create") == [1]


def test_the_newest_undersized_backup_stays_also_where_it_became_the_newest_since_the_plan() -> None:
    class SomeoneDeletes(World):
        def handle(self, request: httpx.Request) -> httpx.Response:
            answer = super().handle(request)
            if request.method == "GET" and "servers" in request.url.path:
                self.account.backups[:] = [backup for backup in self.account.backups if backup["id"] != 3]
            return answer

    held = [
        item(1, S1, "nightly", 3),
        {**item(2, S1, "nightly", 2), "size_mb": 0},
        {**item(3, S1, "nightly", 1), "size_mb": 0},
    ]
    series = "description = 'nightly', every = '7d', keep = 1"
    world = SomeoneDeletes(config=nightly(1, series), servers=[S1], backups=held, latency=lambda: 3.0)

    results_of(world)

    assert changes(world, "delete") == []


def test_without_waiting_a_create_is_no_gain_that_lets_a_withheld_backup_go() -> None:
    known = [S1, S2, S3, S4]
    held = [
        item(100 * number + age, each, "nightly", age + 1.5) for number, each in enumerate(known) for age in range(6)
    ]
    file = nightly(4, settings="[settings]\nmax_shrink = '5%'\n")
    world = World(config=file, servers=known, backups=held, backup_seconds=600)

    results_of(world, options=RunOptions(wait=False))

    assert changes(world, "delete") == []


@pytest.mark.parametrize("changed", [{"size_mb": 0}, {"status": "available"}], ids=["undersized", "unknown"])
def test_a_create_that_failed_is_not_overcome_by_another_round_with_nothing_to_do(changed: Record) -> None:
    class Odd(World):
        def handle(self, request: httpx.Request) -> httpx.Response:
            answer = super().handle(request)
            for backup in self.account.backups:
                if backup["server"]["id"] == 1 and backup["status"] == "completed":
                    backup.update(changed)
            return super().handle(request) if request.method == "GET" else answer

    held = [item(2, S2, "nightly", 2), item(3, S2, "nightly", 0.001, "in_progress")]
    world = Odd(config=nightly(2), servers=[S1, S2], backups=held)
    completes(world, held[1], 60 if "size_mb" in changed else 900)

    first, *_ = results_of(world)

    assert ended(first, "s1/nightly").outcome is Outcome.FAILED
    assert not world.converged[-1].is_complete
    last = [event for event in world.events if isinstance(event, Applied)][-1]
    figures = [line.plain for line in result_text(last).lines if isinstance(line, Text)]
    assert figures == [
        "Apply incomplete: 0 created, 1 deleted.",
        "1 create of an earlier plan of this run failed.",
    ]


def test_without_waiting_a_backup_that_has_failed_already_is_no_success() -> None:
    class Failing(World):
        def create(self, server: Record, description: str) -> httpx.Response:
            super().create(server, description)
            self.account._due.clear()  # noqa: SLF001 - it has ended
            self.account.backups[-1]["status"] = "failed"
            return httpx.Response(201, json=self.account.backups[-1])

    world = Failing(config=nightly(2), servers=[S1, S2], backups=[])

    (result,) = results_of(world, options=RunOptions(wait=False))

    assert result.counts[Outcome.FAILED] == 2
    assert "ended as 'failed'" in ended(result, "s1/nightly").explanation


def test_what_a_list_has_shown_as_failed_is_not_in_progress_after_an_interrupt() -> None:
    class Failing(World):
        def handle(self, request: httpx.Request) -> httpx.Response:
            for backup in self.account.list_backups():
                backup["status"] = "failed"
            if request.method == "GET" and self.record:
                for clock in self._running:
                    clock.stop(Stop.INTERRUPTED)
            return super().handle(request)

    (result,) = results_of(Failing(config=nightly(1), servers=[S1], backups=[]))

    assert ended(result, "s1/nightly").outcome is Outcome.FAILED


def test_what_the_last_list_before_an_interrupt_shows_as_completed_has_succeeded() -> None:
    class Interrupted(World):
        def handle(self, request: httpx.Request) -> httpx.Response:
            response = super().handle(request)
            statuses = [backup["status"] for backup in self.account.list_backups()]
            if request.method == "GET" and sorted(set(statuses)) == ["completed", "in_progress"]:
                for clock in self._running:
                    clock.stop(Stop.INTERRUPTED)
            return response

        def create(self, server: Record, description: str) -> httpx.Response:
            self.account.backup_seconds = 30.0 if server["id"] == 1 else 300.0
            return super().create(server, description)

    (result,) = results_of(Interrupted(config=nightly(2), servers=[S1, S2], backups=[]))

    assert ended(result, "s1/nightly").outcome is Outcome.SUCCEEDED
    assert ended(result, "s2/nightly").outcome is Outcome.IN_PROGRESS


@pytest.mark.parametrize("minutes", [2, 10, 20])  # looks are then 12 seconds apart, and a minute
def test_a_backup_that_one_list_leaves_out_is_not_gone(minutes: int) -> None:
    class Flickering(World):
        flickered = False

        def handle(self, request: httpx.Request) -> httpx.Response:
            answer = super().handle(request)
            is_later = self.now() > NOW + timedelta(minutes=minutes)
            if request.method == "GET" and "backups" in request.url.path and is_later and not self.flickered:
                self.flickered = True
                return httpx.Response(200, json={"count": 0, "next": None, "results": []})
            return answer

    (result,) = results_of(Flickering(config=nightly(1), servers=[S1], backups=[], backup_seconds=1800))

    assert ended(result, "s1/nightly").outcome is Outcome.SUCCEEDED


def test_a_server_whose_own_list_fails_is_looked_for_in_that_of_the_account() -> None:
    class Failing(World):
        def handle(self, request: httpx.Request) -> httpx.Response:
            if request.method == "GET" and request.url.params.get("server_id") == "1":
                return httpx.Response(500)
            return super().handle(request)

    world = Failing(config=nightly(3), servers=[S1, S2, S3], backups=[])

    results_of(world)

    assert sorted(str(each) for each in changes(world, "create")) == ["1", "2", "3"]


def test_a_list_that_hangs_does_not_hold_up_the_looks_of_the_others() -> None:
    async def hangs(world: World, request: httpx.Request, handle: Handler) -> httpx.Response:
        of_s1 = request.method == "GET" and request.url.params.get("server_id") == "1"
        if of_s1 and 1 in changes(world, "create"):
            await anyio.sleep(10**6)
        return handle(request)

    held = [item(1000 + each, S4, "x", 2) for each in range(60)]
    two = "description = 'first' }, { description = 'second'"
    faults = dict.fromkeys(range(5000), hangs)
    world = World(config=nightly(3, two), servers=[S1, S2, S3, S4], backups=held, page_size=2, faults=faults)

    results_of(world)

    others = [change.record for change in world.record if change.record["server"]["id"] in {2, 3}]
    assert len(others) == 4
    last = max(record["created_at"] for record in others)
    assert last < (NOW + timedelta(minutes=13)).isoformat(), "two looks, each of two attempts, of three minutes each"


def test_a_second_interrupt_is_not_reported_as_the_deadline() -> None:
    async def interrupts(world: World, request: httpx.Request, handle: Handler) -> httpx.Response:
        if request.method == "POST":
            for clock in world._running:  # noqa: SLF001 - as two signals do
                clock.stop(Stop.INTERRUPTED)
                clock.abort(Stop.INTERRUPTED)
            await anyio.sleep(10)
        return handle(request)

    world = World(config=nightly(1), servers=[S1], backups=[], faults=dict.fromkeys(range(50), interrupts))

    (result,) = results_of(world)

    explanation = ended(result, "s1/nightly").explanation
    assert "no response: interrupted" in explanation
    assert "--timeout" not in explanation


class TestABackupWhoseEntryLosesAField:
    """It is no longer listed by its id, server and type, and may still be there: nobody has deleted it."""

    class Losing(World):
        """Once a backup was created, the entry of #21 loses a field; no delete is carried out."""

        field = ""

        def handle(self, request: httpx.Request) -> httpx.Response:
            if request.method == "DELETE":
                return httpx.Response(204)
            response = super().handle(request)
            if request.method == "GET" and self.has_lost(request):
                page = response.json()
                page["results"] = [
                    {**entry, self.field: None} if entry["id"] == 21 else entry for entry in page["results"]
                ]
                return httpx.Response(200, json=page)
            return response

        def has_lost(self, request: httpx.Request) -> bool:  # noqa: ARG002 - where it matters
            return bool(self.record)

    class LosingOnceDeleted(Losing):
        def has_lost(self, request: httpx.Request) -> bool:  # noqa: ARG002 - as above
            return any(sent.startswith("DELETE") for sent in self.requests)

    FIELDS = pytest.mark.parametrize(
        ("field", "said"),
        [("id", "without a readable id"), ("server", "server.id"), ("backup_type", "backup_type")],
    )

    @FIELDS
    def test_before_its_delete_is_sent_is_not_deleted(self, field: str, said: str) -> None:
        world = self.Losing(config=nightly(1), servers=[S1], backups=[item(21, S1, "nightly", 2)])
        world.field = field

        (result,) = results_of(world)

        delete = ended(result, "s1/nightly#21")
        assert delete.outcome is Outcome.SKIPPED
        assert said in delete.explanation
        assert not any(request.startswith("DELETE") for request in world.requests)
        assert not world.converged[-1].is_complete

    @FIELDS
    def test_after_its_delete_was_accepted_is_not_known_to_be_deleted(self, field: str, said: str) -> None:
        world = self.LosingOnceDeleted(config=nightly(1), servers=[S1], backups=[item(21, S1, "nightly", 2)])
        world.field = field

        (result,) = results_of(world)

        delete = ended(result, "s1/nightly#21")
        assert delete.outcome is Outcome.UNKNOWN
        assert said in delete.explanation
        assert not world.converged[-1].is_complete

    def test_is_not_taken_for_an_entry_that_never_had_an_id(self) -> None:
        odd = {**item(0, S1, "by hand", 1), "id": None}
        world = World(config=nightly(1), servers=[S1], backups=[item(21, S1, "nightly", 2), odd])

        (result,) = results_of(world)

        assert changes(world, "delete") == [21]
        assert ended(result, "s1/nightly#21").outcome is Outcome.SUCCEEDED


@pytest.mark.parametrize("sent", ["nightly \\ud83d", "nightly \ud83d"], ids=["escaped", "bytes"])
def test_half_a_surrogate_pair_in_one_description_stops_the_deletes_of_its_server_and_nothing_else(sent: str) -> None:
    """JSON can escape it, and some services write its bytes as they are: neither is Unicode."""

    class Cutting(World):
        def handle(self, request: httpx.Request) -> httpx.Response:
            response = super().handle(request)
            body = response.content.replace(b"CUT", sent.encode(errors="surrogatepass"))
            return httpx.Response(response.status_code, content=body)

    held = [item(11, S1, "nightly", 2), item(12, S1, "CUT", 9), item(21, S2, "nightly", 2)]
    world = Cutting(config=nightly(2), servers=[S1, S2], backups=held)

    (result,) = results_of(world)

    assert sorted(map(str, changes(world, "create"))) == ["1", "2"]
    assert changes(world, "delete") == [21]
    assert "its description is not readable" in [warning.summary for warning in result.plan.warnings]


def test_a_server_whose_only_entry_has_no_id_is_backed_up_although_its_list_is_read_alone() -> None:
    held = [{**item(0, S1, "by hand", 2), "id": None}, *(item(number, S2, "weekly", number) for number in range(1, 4))]
    world = World(config=nightly(2), servers=[S1, S2], backups=held, page_size=2)

    (result,) = results_of(world)

    assert sorted(map(str, changes(world, "create"))) == ["1", "2"]
    assert result.is_complete


def test_a_pause_beyond_the_deadline_ends_the_run_and_what_else_it_waits_for() -> None:
    class Throttled(World):
        """The second create gets a pause of ten hours, while the first backup is in progress."""

        def handle(self, request: httpx.Request) -> httpx.Response:
            if request.method == "POST" and self.record:
                return httpx.Response(429, headers={"Retry-After": "36000"})
            return super().handle(request)

    world = Throttled(config=nightly(2), servers=[S1, S2], backups=[], backup_seconds=3000)

    (result,) = results_of(world)

    assert result.stopped is Stop.DEADLINE
    assert world.time - NOW < timedelta(minutes=1)
    assert ended(result, "s1/nightly").outcome is Outcome.IN_PROGRESS


class Echoing(World):
    """Responds with what was sent, and lists something else of the backups of the servers `odd`."""

    odd = frozenset({1, 2, 3})
    hides = False

    def handle(self, request: httpx.Request) -> httpx.Response:
        response = super().handle(request)
        if request.method != "GET" or "servers" in request.url.path:
            return response
        page = response.json()
        new = {change.record["id"] for change in self.record if change.record["server"]["id"] in self.odd}
        if self.hides:
            page["results"] = [entry for entry in page["results"] if entry["id"] not in new]
            page["count"] = len(page["results"])
        for entry in page["results"]:
            if entry["id"] in new:
                entry["description"] = "night"
        return httpx.Response(200, json=page)


class TestAServiceWhoseListContradictsItsResponse:
    def test_gets_no_second_backup_where_it_lists_another_description(self) -> None:
        world = Echoing(config=nightly(3), servers=[S1, S2, S3], backups=[], backup_seconds=60)

        (result,) = results_of(world)

        assert len(changes(world, "create")) == 1
        assert "stored backup" in result.notes[0].summary

    @pytest.mark.parametrize(
        ("hides", "said"), [(False, "differently from how it was sent"), (True, "no list shows it")]
    )
    def test_is_caught_after_the_canary_too(self, *, hides: bool, said: str) -> None:
        world = Echoing(config=nightly(2), servers=[S1, S2], backups=[])
        world.odd, world.hides = frozenset({2}), hides

        (result,) = results_of(world)

        assert changes(world, "create") == [1, 2]
        assert ended(result, "s1/nightly").outcome is Outcome.SUCCEEDED
        assert ended(result, "s2/nightly").outcome is Outcome.FAILED
        assert said in ended(result, "s2/nightly").explanation
        assert result.notes, "no more backups are created"


def test_the_first_rejection_of_each_action_is_shown_and_no_other() -> None:
    class BusyTwice(World):
        """Rejects each change twice."""

        rejected = 0

        def handle(self, request: httpx.Request) -> httpx.Response:
            if request.method != "GET":
                self.rejected += 1
                if self.rejected % 3:
                    return httpx.Response(409, json={"detail": "The server is busy."})
            return super().handle(request)

    world = BusyTwice(config=nightly(1), servers=[S1], backups=[item(21, S1, "nightly", 2)])

    (result,) = results_of(world)

    shown = [event for event in world.events if isinstance(event, Rejected)]
    assert result.is_complete
    assert [str(event.action.address) for event in shown] == ["s1/nightly", "s1/nightly#21"]
    assert all("The server is busy" in event.explanation for event in shown)
