"""A service that is slow, full or odd, or says what is not so: what it harms, and what it must not harm."""

import re
from datetime import datetime, timedelta
from typing import Any

import anyio
import httpx
import pytest
from support.build import NOW, config
from support.schedules import item
from support.world import Handler, World

from reconcile.apply.slots import START
from reconcile.clock import Stop, StoppedError
from reconcile.desired.config import Config
from reconcile.diagnostics import UserError
from reconcile.outcomes import Applied, Outcome, Result, Started, Waiting
from reconcile.plan.model import Create, Delete
from reconcile.plan.planning import RunOptions
from reconcile.report.apply import result_text
from reconcile.report.apply.sentences import event_text
from reconcile.report.document import Text
from reconcile.sandbox.account import Record

DAY = 86400.0


def servers(number: int) -> list[Record]:
    return [{"id": each, "name": f"s{each}"} for each in range(1, number + 1)]


def nightly(number: int, *descriptions: str, keep: str = "1") -> Config:
    series = ", ".join(
        f"{{ description = '{description}', every = '1d', keep = {keep} }}"
        for description in descriptions or ["nightly"]
    )
    return config("".join(f"[servers.s{each}]\nid = {each}\nbackups = [{series}]\n" for each in range(1, number + 1)))


def result_of(world: World, **options: Any) -> Result:  # noqa: ANN401 - as `World.apply`
    results = world.apply(**options)
    assert not isinstance(results, UserError), results
    return results[-1]


def outcomes(result: Result) -> dict[str, Outcome]:
    return {str(ended.action.address): ended.outcome for ended in result.finished}


def explanation(result: Result, address: str) -> str:
    return next(ended.explanation for ended in result.finished if str(ended.action.address) == address)


def report(result: Result) -> str:
    return "\n".join(line.plain for line in result_text(Applied(result=result)).lines if isinstance(line, Text))


def creates(world: World) -> list[Any]:
    return [change.record["server"]["id"] for change in world.record if change.what == "create"]


class Hanging(World):
    """Backups of servers 1 to 10 never end."""

    def create(self, server: Record, description: str) -> httpx.Response:
        answer = super().create(server, description)
        if server["id"] <= 10:
            self.account._due.pop()  # noqa: SLF001 - it never ends
        return answer


class TestBackupsThatHang:
    def test_give_up_their_places_after_ten_minutes_although_none_has_completed(self) -> None:
        world = Hanging(config=nightly(14), servers=servers(14), backups=[])

        result = result_of(world, seconds=1800)

        assert {address for address, outcome in outcomes(result).items() if outcome is Outcome.SUCCEEDED} == {
            f"s{number}/nightly" for number in (11, 12, 13, 14)
        }
        assert result.counts[Outcome.IN_PROGRESS] == 10
        assert result.stopped is Stop.DEADLINE

    def test_come_last_the_next_night(self) -> None:
        held = [item(number, each, "nightly", 1.1) for number, each in enumerate(servers(14))]
        world = Hanging(config=nightly(14), servers=servers(14), backups=held)
        result_of(world, seconds=1800)
        world.wait(DAY)
        before = len(world.record)

        result_of(world, seconds=300)

        again = [change.record["server"]["id"] for change in world.record[before:] if change.what == "create"]
        assert {11, 12, 13, 14} < set(again[:START])

    @pytest.mark.parametrize("minutes", [0, 15], ids=["quick", "hangs at first"])
    def test_do_not_hold_up_the_next_series_of_their_server(self, minutes: int) -> None:
        class FirstHangs(World):
            def create(self, server: Record, description: str) -> httpx.Response:
                answer = super().create(server, description)
                due, record, status = self.account._due.pop()  # noqa: SLF001 - the first never ends, the second later
                if description == "b":
                    self.account._due.append((due + timedelta(minutes=minutes), record, status))  # noqa: SLF001
                return answer

        held = [item(1, servers(1)[0], "b", 2)]
        world = FirstHangs(config=nightly(1, "aaa", "b"), servers=servers(1), backups=held)

        result = result_of(world, seconds=3600)

        assert outcomes(result) == {
            "s1/aaa": Outcome.IN_PROGRESS,
            "s1/b": Outcome.SUCCEEDED,
            "s1/b#1": Outcome.SUCCEEDED,
        }


@pytest.mark.parametrize(("pause", "minutes"), [("7200", 2), ("300", 12)])
def test_a_server_whose_host_is_unavailable_holds_up_no_other(pause: str, minutes: int) -> None:
    class Unavailable(World):
        def handle(self, request: httpx.Request) -> httpx.Response:
            if request.method == "POST" and b'"server_id":1,' in request.content:
                return httpx.Response(503, headers={"Retry-After": pause}, json={"detail": "The host is down."})
            return super().handle(request)

    held = [item(each["id"], each, "nightly", 2) for each in servers(4)[1:]]
    world = Unavailable(config=nightly(4), servers=servers(4), backups=held)

    result = result_of(world)

    assert creates(world) == [2, 3, 4]
    assert datetime.fromisoformat(world.record[-1].record["created_at"]) < NOW + timedelta(minutes=2)
    assert outcomes(result)["s1/nightly"] is Outcome.UNKNOWN
    assert "The host is down" in explanation(result, "s1/nightly")
    assert world.time - NOW < timedelta(minutes=minutes)


def test_a_server_whose_list_fails_is_given_up_after_ten_minutes_whatever_the_number_of_its_series() -> None:
    class Fails(World):
        def handle(self, request: httpx.Request) -> httpx.Response:
            return httpx.Response(500) if request.url.params.get("server_id") == "1" else super().handle(request)

    series = ("a", "b", "c")
    held = [item(number, servers(1)[0], "d", number / 2) for number in (1, 2, 3)]
    world = Fails(config=nightly(2, *series, "d"), servers=servers(2), backups=held, answers_after=60)

    result = result_of(world)

    assert creates(world) == [2] * 4
    assert all("given up after" in explanation(result, f"s1/{each}") for each in (*series, "d#2"))
    assert world.time - NOW < timedelta(minutes=12)


def test_a_server_whose_list_hangs_is_given_up_after_ten_minutes_too() -> None:
    class Hangs(World):
        async def send(self, request: httpx.Request) -> httpx.Response:
            if request.url.params.get("server_id") == "1":
                await anyio.sleep(60)
                raise httpx.ReadTimeout("", request=request)
            return await super().send(request)

    world = Hangs(config=nightly(2), servers=servers(2), backups=[], answers_after=60)

    result = result_of(world)

    assert creates(world) == [2]
    assert re.match(r"given up after (8|9|10)min.*timed out", explanation(result, "s1/nightly"))
    assert world.time - NOW < timedelta(minutes=12)


@pytest.mark.parametrize("pause", ["20", "7200"])
def test_a_server_whose_list_is_unavailable_holds_up_no_other(pause: str) -> None:
    class Unavailable(World):
        def handle(self, request: httpx.Request) -> httpx.Response:
            if request.url.params.get("server_id") == "1":
                return httpx.Response(503, headers={"Retry-After": pause}, json={"detail": "The host is down."})
            return super().handle(request)

    held = [item(each["id"], each, "nightly", 2) for each in servers(20)]
    world = Unavailable(config=nightly(20), servers=servers(20), backups=held, page_size=5)

    result = result_of(world)

    assert sorted(creates(world)) == list(range(2, 21))
    assert datetime.fromisoformat(world.record[-1].record["created_at"]) < NOW + timedelta(minutes=2)
    assert "The host is down" in explanation(result, "s1/nightly")
    assert len(world.requests) < 20 * 10
    assert world.time - NOW < timedelta(minutes=12)


def test_a_server_that_is_unavailable_once_its_create_is_lost_holds_up_no_other() -> None:
    class Unavailable(World):
        """The host of server 1 goes down with the first create of the run."""

        def handle(self, request: httpx.Request) -> httpx.Response:
            if request.method == "POST" and b'"server_id":1,' in request.content:
                raise httpx.ReadError("reset", request=request)
            if self.requests.count("POST /backups/") and request.url.params.get("server_id") == "1":
                return httpx.Response(503, headers={"Retry-After": "3600"}, json={"detail": "The host is down."})
            return super().handle(request)

    held = [item(1, servers(1)[0], "nightly", 3)] + [item(each["id"], each, "nightly", 2) for each in servers(9)[1:]]
    world = Unavailable(config=nightly(9), servers=servers(9), backups=held)

    result = result_of(world)

    assert sorted(creates(world)) == list(range(2, 10))
    assert outcomes(result)["s1/nightly"] is Outcome.UNKNOWN
    assert "The host is down" in explanation(result, "s1/nightly")
    assert world.time - NOW < timedelta(minutes=2)


def test_a_change_that_is_rejected_for_a_while_is_sent_again_after_that() -> None:
    sent_at: list[datetime] = []

    class Unavailable(World):
        def handle(self, request: httpx.Request) -> httpx.Response:
            if request.method == "POST":
                sent_at.append(self.now())
                if len(sent_at) == 1:
                    return httpx.Response(503, headers={"Retry-After": "300"})
            return super().handle(request)

    world = Unavailable(config=nightly(1), servers=servers(1), backups=[])

    assert result_of(world).is_complete
    assert sent_at[1] - sent_at[0] >= timedelta(seconds=300)


class Protecting(World):
    """Deletes are rejected, as of a server that is busy, for ever."""

    def handle(self, request: httpx.Request) -> httpx.Response:
        if request.method == "DELETE":
            return httpx.Response(409, json={"detail": "This backup is protected."})
        return super().handle(request)


def test_a_server_whose_deletes_time_out_holds_the_run_for_ten_minutes_and_one_attempt_of_each() -> None:
    class Hangs(World):
        async def send(self, request: httpx.Request) -> httpx.Response:
            if request.method == "DELETE":
                await anyio.sleep(60)
                raise httpx.ReadTimeout("", request=request)
            return await super().send(request)

    (server,) = servers(1)
    held = [item(number, server, "nightly", 2 + number) for number in range(6)]
    world = Hangs(config=nightly(1, keep="1"), servers=[server], backups=held)

    result = result_of(world, options=RunOptions(allow_loss=6))

    assert explanation(result, "s1/nightly#5").endswith("timed out) (6 attempts)")
    assert explanation(result, "s1/nightly#0").endswith("timed out) (1 attempt)")
    assert world.time - NOW < timedelta(minutes=17)


def test_servers_whose_lists_fail_do_not_keep_the_others_from_their_backups() -> None:
    class Broken(World):
        """The lists of servers 1 to 30, the longest overdue, fail."""

        def handle(self, request: httpx.Request) -> httpx.Response:
            if request.method == "GET" and int(request.url.params.get("server_id", 31)) <= 30:
                return httpx.Response(500)
            return super().handle(request)

    held = [item(each["id"], each, "nightly", 5 if each["id"] <= 30 else 2) for each in servers(50)]
    held += [item(1000 + number, servers(50)[0], "x", 2) for number in range(50)]
    world = Broken(config=nightly(50), servers=servers(50), backups=held, page_size=50, answers_after=60)

    result = result_of(world)

    sent = {change.record["server"]["id"]: change.record["created_at"] for change in world.record}
    assert set(range(31, 51)) <= set(sent)
    assert max(sent[number] for number in range(31, 51)) < (NOW + timedelta(minutes=5)).isoformat()
    failed = next(ended for ended in result.finished if str(ended.action.address) == "s1/nightly")
    assert failed.outcome is Outcome.FAILED
    assert re.match(r"given up after 9min \d+s: GET .*: 500", failed.explanation)


class TestADeleteThatIsRejectedForEver:
    def test_keeps_no_series_of_its_server_from_its_backup_and_ends_after_ten_minutes(self) -> None:
        held = [item(number, servers(1)[0], description, 2) for number, description in enumerate("abc", start=1)]
        world = Protecting(config=nightly(1, *"abc"), servers=servers(1), backups=held)

        result = result_of(world)

        assert [change.what for change in world.record] == ["create"] * 3
        assert result.count(Create, Outcome.SUCCEEDED) == 3
        assert re.match(r"given up after 9min \d+s: DELETE ", explanation(result, "s1/a#1"))
        assert "This backup is protected" in explanation(result, "s1/c#3")
        assert world.time - NOW < timedelta(minutes=13), "the deletes of a server share the ten minutes"

    def test_is_not_of_unknown_outcome_at_the_deadline(self) -> None:
        world = Protecting(config=nightly(1), servers=servers(1), backups=[item(1, servers(1)[0], "nightly", 2)])

        result = result_of(world, seconds=60)

        assert outcomes(result)["s1/nightly#1"] is Outcome.FAILED
        assert "This backup is protected" in explanation(result, "s1/nightly#1")
        assert "Out of time: the run ended at its --timeout. To allow more time, increase it." in report(result)


class Cutting(World):
    """Descriptions are cut to six characters, in the response and in the list."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.stored_as = lambda text: text[:6]


class Hiding(World):
    """What this token has created is never listed."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.hide_new_for = 1e9


class TestTheCanary:
    @pytest.mark.parametrize("service", [Cutting, Hiding])
    def test_a_service_that_alters_or_hides_backups_gets_one_more_in_a_run(self, service: type[World]) -> None:
        world = service(config=nightly(12), servers=servers(12), backups=[])

        for night in range(1, 4):
            result = result_of(world)
            assert len(world.record) == night, "one for all twelve servers"
            assert not result.is_complete
            assert len(result.notes) == 1
            assert "Run apply again" not in report(result)
            world.wait(DAY)

    def test_one_server_whose_host_alters_descriptions_holds_up_the_others_for_one_night_at_most(self) -> None:
        class Folding(World):
            def create(self, server: Record, description: str) -> httpx.Response:
                self.stored_as = str.upper if server["id"] == 2 else str
                return super().create(server, description)

        names = {each: "nightly backup" if each == 2 else "nightly" for each in range(1, 5)}
        file = config(
            "".join(
                f"[servers.s{each}]\nid = {each}\nbackups = [{{ description = '{name}', every = '1d', keep = 7 }}]\n"
                for each, name in names.items()
            )
        )
        held = [item(each["id"], each, "nightly", 1.1) for each in servers(4) if each["id"] != 2]
        world = Folding(config=file, servers=servers(4), backups=held)

        for _ in range(2):
            assert not result_of(world).is_complete
            world.wait(DAY)

        assert creates(world) == [2, 1, 3, 4, 2]

    def test_if_it_is_altered_the_other_series_are_neither_started_nor_listed(self) -> None:
        held = [item(number, server, "nightly", 2) for number, server in enumerate(servers(20))]
        world = Cutting(config=nightly(20), servers=servers(20), backups=held, answers_after=60)

        assert result_of(world).counts == {Outcome.FAILED: 1, Outcome.NOT_STARTED: 19, Outcome.SKIPPED: 20}

        assert len(world.requests) == 2 + 2, "a list before the canary, and no other"
        assert sum(isinstance(event, Started) for event in world.events) == 1

    @pytest.mark.parametrize("oddity", ["cut", "hidden", "no backup"])
    def test_one_odd_server_whose_backup_is_missing_every_night_holds_up_no_other(self, oddity: str) -> None:
        class Odd(World):
            def create(self, server: Record, description: str) -> httpx.Response:
                is_odd = server["id"] == 2
                if is_odd and oddity == "no backup":
                    return httpx.Response(200, html="<h1>Blocked by the firewall</h1>")
                self.stored_as = (lambda text: text[:5]) if is_odd and oddity == "cut" else str
                self.hide_new_for = 1e9 if is_odd and oddity == "hidden" else 0.0
                return super().create(server, description)

        held = [item(each["id"], each, "nightly", 1.1) for each in servers(4) if each["id"] != 2]
        world = Odd(config=nightly(4, keep="7"), servers=servers(4), backups=held)

        for night in range(1, 3):
            result = result_of(world)
            assert not result.is_complete
            assert result.notes
            assert [each for each in creates(world) if each != 2] == [1, 3, 4] * night
            world.wait(DAY)

    def test_one_that_no_list_shows_is_looked_for_for_ten_minutes(self) -> None:
        world = Hiding(config=nightly(2), servers=servers(2), backups=[])

        result = result_of(world)

        assert timedelta(minutes=10) < world.time - NOW < timedelta(minutes=12)
        assert explanation(result, "s1/nightly") == "the service accepted #501, but no list shows it"
        assert outcomes(result)["s2/nightly"] is Outcome.NOT_STARTED
        assert "does not list backup #501" in result.notes[0].summary

    def test_one_that_the_list_shows_late_is_no_reason_to_stop(self) -> None:
        world = World(config=nightly(3), servers=servers(3), backups=[], hide_new_for=300)

        assert result_of(world).is_complete
        assert creates(world) == [1, 2, 3]

    def test_where_nothing_is_waited_for_it_is_waited_for_until_it_is_listed(self) -> None:
        world = Hiding(config=nightly(12), servers=servers(12), backups=[])

        result_of(world, options=RunOptions(wait=False))

        assert len(world.record) == 1

    def test_it_is_the_longest_description_and_only_it_is_sent_before_a_list_has_shown_it(self) -> None:
        listed_after: list[int] = []

        def count(world: World, request: httpx.Request, handle: Handler) -> httpx.Response:
            if request.method == "GET" and world.record and not listed_after:
                listed_after.append(len(world.record))
            return handle(request)

        file = config(
            "".join(
                f"[servers.s{each}]\nid = {each}\nbackups = [{{ description = '{'x' * each}' }}]\n"
                for each in (1, 2, 3)
            )
        )
        world = World(config=file, servers=servers(3), backups=[], faults=dict.fromkeys(range(99), count))

        result_of(world)

        assert creates(world)[0] == 3
        assert listed_after == [1]

    def test_where_it_is_rejected_the_next_servers_create_takes_its_place(self) -> None:
        class Busy(World):
            def create(self, server: Record, description: str) -> httpx.Response:
                if server["id"] == 1:
                    return httpx.Response(423, json={"detail": "The server is locked."})
                return super().create(server, description)

        world = Busy(config=nightly(3), servers=servers(3), backups=[])

        result = result_of(world)

        assert creates(world) == [2, 3]
        assert world.record[-1].record["created_at"] < (NOW + timedelta(minutes=1)).isoformat()
        assert "The server is locked" in explanation(result, "s1/nightly")

    @pytest.mark.parametrize("field", ["description", "backup_type"])
    def test_its_response_may_lack_what_the_list_has(self, field: str) -> None:
        class Silent(World):
            def create(self, server: Record, description: str) -> httpx.Response:
                made = super().create(server, description).json()
                return httpx.Response(201, json={**made, field: None})

        assert result_of(Silent(config=nightly(2), servers=servers(2), backups=[])).is_complete

    def test_a_backup_of_another_type_is_said_to_be_so(self) -> None:
        class Automatic(World):
            def create(self, server: Record, description: str) -> httpx.Response:
                made = super().create(server, description).json()
                return httpx.Response(201, json={**made, "backup_type": "automatic"})

        (note,) = result_of(Automatic(config=nightly(2), servers=servers(2), backups=[])).notes

        assert "Sent type 'manual', stored 'automatic'." in note.detail
        assert "in the file" not in note.detail, "no description in the file would help"


class Keeping(World):
    """Deletes are accepted, and not carried out for `slow` seconds."""

    slow = 1e8
    status = 204

    def handle(self, request: httpx.Request) -> httpx.Response:
        if request.method == "DELETE":
            (id_,) = (part for part in request.url.path.split("/") if part.isdigit())
            backup = self.account.backup(id_)
            assert backup
            self.gone_at[backup["id"]] = self.now() + timedelta(seconds=self.slow)
            return httpx.Response(self.status)
        for backup in [each for each in self.account.backups if self.gone_at.get(each["id"], self.now()) < self.now()]:
            self.account.delete(backup)
        return super().handle(request)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.gone_at: dict[Any, Any] = {}


class TestADeleteThatIsAccepted:
    @pytest.mark.parametrize("status", [204, 404])
    def test_and_not_carried_out_has_failed(self, status: int) -> None:
        """Some services send 404 if the token has no permission to delete."""
        world = Keeping(config=nightly(1), servers=servers(1), backups=[item(1, servers(1)[0], "nightly", 2)])
        world.status = status

        result = result_of(world)

        assert outcomes(result)["s1/nightly#1"] is Outcome.FAILED
        assert explanation(result, "s1/nightly#1") == "accepted, but still listed as 'completed'"
        assert not result.is_complete

    def test_and_takes_a_while_succeeds(self) -> None:
        known = servers(1)
        held = [item(number, known[0], "nightly", 2 + number) for number in range(1, 9)]
        world = Keeping(config=nightly(1), servers=known, backups=held)
        world.slow = 20

        result = result_of(world, options=RunOptions(allow_loss=9))

        assert result.is_complete
        assert sorted(backup["id"] for backup in world.account.backups) == [501]

    def test_and_shown_as_being_deleted_succeeds_and_stops_no_other(self) -> None:
        class Marking(Keeping):
            slow = 60

            def handle(self, request: httpx.Request) -> httpx.Response:
                answer = super().handle(request)
                for backup in self.account.backups:
                    if backup["id"] in self.gone_at:
                        backup["status"] = "deleting"
                return answer

        known = servers(1)
        held = [item(number, known[0], "nightly", 2 + number) for number in range(1, 9)]
        world = Marking(config=nightly(1), servers=known, backups=held)

        result = result_of(world, options=RunOptions(allow_loss=9))

        assert result.is_complete
        assert result.count(Delete, Outcome.SUCCEEDED) == 8
        assert world.apply() == [], "nothing is left to do, and nothing is deleted twice"


def test_runs_that_are_too_short_for_all_serve_the_longest_overdue_first() -> None:
    known = servers(10)
    held = [item(each["id"], each, "nightly", 1.1) for each in known]
    world = World(config=nightly(10, keep="7"), servers=known, backups=held, backup_seconds=60)

    for _ in range(2):
        result_of(world, seconds=170, options=RunOptions(max_in_progress=2))
        world.wait(DAY - 170)

    assert sorted(set(creates(world))) == [each["id"] for each in known], "nobody is served twice before all are"


class TestAStatusThatIsNotKnown:
    def test_is_named_from_the_first_look_on(self) -> None:
        world = _becomes("available")

        result = result_of(world, seconds=60)

        waits = [event for event in world.events if isinstance(event, Waiting)]
        text = event_text(waits[1])
        assert "s1/nightly#501: available, a status that reconcile does not know" in text.plain
        assert "its status is 'available'" in explanation(result, "s1/nightly")

    def test_is_no_longer_waited_for_after_ten_minutes(self) -> None:
        world = _becomes("available")

        result = result_of(world)

        assert outcomes(result)["s1/nightly"] is Outcome.FAILED
        assert timedelta(minutes=10) < world.time - NOW < timedelta(minutes=12)


def _becomes(status: str) -> World:
    class Renaming(World):
        def handle(self, request: httpx.Request) -> httpx.Response:
            for backup in self.account.list_backups():
                backup["status"] = status
            return super().handle(request)

    return Renaming(config=nightly(1), servers=servers(1), backups=[])


def test_after_an_interrupt_what_was_started_is_in_progress_with_its_id() -> None:
    world = World(config=nightly(3), servers=servers(3), backups=[], backup_seconds=600)

    async def interrupt(world: World, request: httpx.Request, handle: Handler) -> httpx.Response:
        answer = handle(request)
        if len(creates(world)) == 3:
            for clock in world._running:  # noqa: SLF001 - as a signal does
                clock.stop(Stop.INTERRUPTED)
        await anyio.sleep(0.1)
        return answer

    world.faults = dict.fromkeys(range(99), interrupt)

    result = result_of(world)

    assert set(outcomes(result).values()) == {Outcome.IN_PROGRESS}
    report_lines = report(result).splitlines()
    assert report_lines[0] == "3 creates: still in progress: interrupted; counted by the next apply"
    assert "  s1/nightly#501" in report_lines
    assert result.stopped is Stop.INTERRUPTED


def test_lists_that_fail_until_the_deadline_leave_a_backup_in_progress_and_the_run_out_of_time() -> None:
    class Failing(World):
        def handle(self, request: httpx.Request) -> httpx.Response:
            is_late = self.now() > NOW + timedelta(seconds=500)
            return httpx.Response(502) if is_late and request.method == "GET" else super().handle(request)

    result = result_of(Failing(config=nightly(1), servers=servers(1), backups=[], backup_seconds=DAY), seconds=600)

    assert outcomes(result) == {"s1/nightly": Outcome.IN_PROGRESS}
    assert result.stopped is Stop.DEADLINE
    assert "Out of time" in report(result)


def test_an_approval_after_the_deadline_starts_nothing_and_says_that_the_time_is_over() -> None:
    world = World(config=nightly(1), servers=servers(1), backups=[], answers_after=700)

    refusal = world.apply(seconds=600)

    assert isinstance(refusal, StoppedError)
    assert refusal.reason is Stop.DEADLINE
    assert not world.record


class Cached(World):
    """A cache on the way keeps each list for a minute, and says how old it is, as RFC 9111 asks."""

    honours_no_cache = False
    loses_first = False
    """Whether the response to the first create is lost."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.cache: dict[str, tuple[datetime, httpx.Response]] = {}

    def handle(self, request: httpx.Request) -> httpx.Response:
        is_fresh_wanted = self.honours_no_cache and request.headers.get("Cache-Control") == "no-cache"
        if request.method == "POST" and self.loses_first and not self.record:
            super().handle(request)
            raise httpx.ReadError("cut", request=request)
        if request.method != "GET" or is_fresh_wanted:
            return super().handle(request)
        at, kept = self.cache.get(str(request.url), (NOW, None))
        if kept is None or self.now() - at > timedelta(minutes=1):
            at, kept = self.cache[str(request.url)] = self.now(), super().handle(request)
        age = int((self.now() - at).total_seconds())
        return httpx.Response(kept.status_code, headers={"Age": str(age)}, content=kept.content)


class CachedOnRequest(Cached):
    honours_no_cache = True


class TestACacheOnTheWay:
    @pytest.mark.parametrize("kind", [Cached, CachedOnRequest])
    def test_of_lists_causes_no_second_backup(self, kind: type[Cached]) -> None:
        held = [item(1, servers(1)[0], "nightly", 2)]
        world = kind(config=nightly(1), servers=servers(1), backups=held, answers_after=61)
        world.loses_first = True

        result = result_of(world)

        assert creates(world) == [1]
        assert result.is_complete

    def test_that_asks_the_service_on_request_delays_nothing(self) -> None:
        world = CachedOnRequest(config=nightly(1), servers=servers(1), backups=[])

        assert result_of(world).is_complete
        assert world.time - NOW < timedelta(seconds=30)
