"""What the create protocol does, case by case; each with the reason why."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Any

import anyio
import httpx
import pytest
from support.build import NOW, config
from support.faults import BY_NAME, lost_after, lost_before
from support.schedules import DB, FAILED, JUNK, OLD, WEB, clean_requests, is_exact, item, small_world
from support.world import BASE_URL, TIMEOUT, Fault, Handler, World

from reconcile.actual.http import FRESH
from reconcile.clock import Stop
from reconcile.desired.config import Config
from reconcile.diagnostics import UserError
from reconcile.outcomes import Announced, Outcome, Rejected, Result, Waiting
from reconcile.plan.model import Create
from reconcile.plan.planning import RunOptions

FIRST_POST = 2


ONE_AT_A_TIME = RunOptions(max_in_progress=1)


def applied(world: World, *, seconds: float = TIMEOUT, options: RunOptions = RunOptions()) -> Result:
    results = world.apply(seconds=seconds, options=options)
    assert not isinstance(results, UserError), results
    return results[0]


def outcomes(result: Result) -> dict[str, Outcome]:
    return {str(ended.action.address): ended.outcome for ended in result.finished}


def posts(world: World) -> int:
    return sum(request.startswith("POST") for request in world.requests)


@dataclass(frozen=True)
class Case:
    reason: str
    fault: str
    posts: int
    outcome: Outcome
    longest: float
    """Seconds that the apply may take."""


CASES = [
    Case("never sent, so sent again after a moment", "not_sent", 3, Outcome.SUCCEEDED, 20),
    Case("a limit says when to come back", "limited", 3, Outcome.SUCCEEDED, 20),
    Case("a busy server is asked again", "busy", 3, Outcome.SUCCEEDED, 20),
    Case("carried out, and found in the list at once: no pause, no repeat", "lost_after", 2, Outcome.SUCCEEDED, 20),
    Case("an error page after it was carried out is a lost answer", "error_after", 2, Outcome.SUCCEEDED, 20),
    Case("an answer that can't be read is a lost answer", "cut_short", 2, Outcome.SUCCEEDED, 20),
    Case("not carried out: repeated, but only after the pause", "lost_before", 3, Outcome.SUCCEEDED, 60),
    Case("the list shows it only after the first look: still no repeat", "hidden_and_lost", 2, Outcome.SUCCEEDED, 60),
    Case("refused for good is never repeated", "refused", 2, Outcome.FAILED, 20),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.reason)
def test_a_create_that_meets(case: Case) -> None:
    world = small_world(faults={FIRST_POST: BY_NAME[case.fault]})
    begun = world.time

    result = applied(world)

    assert outcomes(result)["web/before the upgrade"] is case.outcome, case.reason
    assert posts(world) == case.posts, case.reason
    assert world.time - begun < timedelta(seconds=case.longest), case.reason


def test_what_is_lost_again_and_again_is_sent_three_times_and_then_said_to_be_unknown() -> None:
    world = small_world(faults=dict.fromkeys(range(200), partial(for_web, lost_before)))

    result = applied(world)

    assert outcomes(result)["web/before the upgrade"] is Outcome.UNKNOWN
    assert outcomes(result)["db/nightly"] is Outcome.SUCCEEDED
    assert posts(world) == 1 + 3


def for_web(fault: Fault, world: World, request: httpx.Request, handle: Handler) -> Any:  # noqa: ANN401 - as a fault
    if request.method == "POST" and b'"server_id":1' in request.content:
        return fault(world, request, handle)
    return handle(request)


@pytest.mark.parametrize("fault", ["not_sent", "busy"])
def test_what_is_rejected_for_ever_fails_after_ten_minutes_in_the_services_own_words(fault: str) -> None:
    world = small_world(faults=dict.fromkeys(range(200), partial(for_web, BY_NAME[fault])))

    result = applied(world)

    web = next(ended for ended in result.finished if str(ended.action.address) == "web/before the upgrade")
    assert web.outcome is Outcome.FAILED, "nothing was lost, so it was not created"
    assert re.match(r"given up after 9min \d+s: POST ", web.explanation)
    assert timedelta(minutes=5) < world.time - NOW < timedelta(minutes=11)
    rejected = [event for event in world.events if isinstance(event, Rejected)]
    assert [str(event.action.address) for event in rejected] == ["web/before the upgrade"], "announced once, at once"


def test_what_is_rejected_until_the_deadline_has_failed_in_the_services_own_words() -> None:
    world = small_world(faults=dict.fromkeys(range(200), partial(for_web, BY_NAME["busy"])))

    result = applied(world, seconds=60)

    web = next(ended for ended in result.finished if str(ended.action.address) == "web/before the upgrade")
    assert web.outcome is Outcome.FAILED
    assert "409" in web.explanation
    assert result.stopped is Stop.DEADLINE


def test_somebody_else_made_one_after_the_plan_so_none_is_made() -> None:
    world = small_world()

    async def slow(world: World, request: httpx.Request, handle: Handler) -> httpx.Response:
        await anyio.sleep(FRESH + 1)
        world.account.backups += [item(98, DB, "nightly", 0.1), item(99, DB, "nightly", 0)]
        return handle(request)

    world.faults = {1: slow}  # the servers are listed slowly, so the backups that were listed beside them grow old

    result = applied(world)

    assert outcomes(result)["db/nightly"] is Outcome.SKIPPED
    assert "the series gained #99, #98 meanwhile" in [ended.explanation for ended in result.finished]
    assert {OLD, FAILED} <= {entry["id"] for entry in world.account.backups}, "its deletes wait for the next plan"
    world.faults = {}
    world.apply()
    assert is_exact(world)


def test_a_stalled_backup_completed_after_the_plan_so_none_is_created() -> None:
    stalled = item(99, DB, "nightly", 2, "in_progress")
    world = World(config=every("7d"), servers=[dict(DB)], backups=[stalled])

    async def slow(_: World, request: httpx.Request, handle: Handler) -> httpx.Response:
        await anyio.sleep(FRESH + 1)
        stalled.update(status="completed", size_mb=100)
        return handle(request)

    world.faults = {1: slow}

    result = applied(world)

    assert posts(world) == 0
    assert [(ended.outcome, ended.explanation) for ended in result.finished] == [
        (Outcome.SKIPPED, "the series gained #99 meanwhile")
    ]


@pytest.mark.parametrize("status", ["failed", "in_progress"])
def test_a_backup_that_counts_no_more_than_before_holds_up_no_create(status: str) -> None:
    backups = [item(98, DB, "nightly", 2, status), item(99, DB, "nightly", -2)]
    world = World(config=every("7d"), servers=[dict(DB)], backups=backups)

    assert outcomes(applied(world))["db/nightly"] is Outcome.SUCCEEDED


def every(interval: str) -> Config:
    return config(f'[servers.db]\nid = 2\nbackups = [{{ description = "nightly", every = "{interval}" }}]\n')


def test_where_the_list_cannot_be_read_again_before_a_create_nothing_is_sent_and_the_create_has_failed() -> None:
    async def slow(_: World, request: httpx.Request, handle: Handler) -> httpx.Response:
        await anyio.sleep(FRESH + 1)
        return handle(request)

    world = small_world(faults={1: slow, **dict.fromkeys(range(2, 200), BY_NAME["refused"])})

    result = applied(world)

    creates = [ended for ended in result.finished if isinstance(ended.action, Create)]
    assert [ended.outcome for ended in creates] == [Outcome.FAILED] * 2
    assert all(ended.explanation.startswith("GET ") for ended in creates)
    assert posts(world) == 0
    assert not world.record


ALTERATIONS: dict[str, Callable[[str], str]] = {
    "trimmed": lambda text: f" {text} ",
    "cut": lambda text: text[:5],
    "folded": str.upper,
    "dropped": lambda _: "",
}


class TestEcho:
    """A service that stores another description than the one sent (spec, section 4.5)."""

    @pytest.mark.parametrize("alteration", ALTERATIONS)
    def test_stops_all_further_creates_and_names_the_odd_backup(self, alteration: str) -> None:
        world = small_world(stored_as=ALTERATIONS[alteration])

        result = applied(world, options=ONE_AT_A_TIME)

        assert posts(world) == 1
        assert outcomes(result)["web/before the upgrade"] is Outcome.FAILED
        assert outcomes(result)["db/nightly"] is Outcome.NOT_STARTED
        (note,) = result.notes
        stored = ALTERATIONS[alteration]("before the upgrade")
        assert "#501" in note.summary
        assert f"Sent description 'before the upgrade', stored {stored!r}." in note.detail
        assert not result.is_complete
        assert OLD in {entry["id"] for entry in world.account.backups}

    def test_is_noticed_in_the_answer_where_nothing_is_waited_for(self) -> None:
        world = small_world(stored_as=ALTERATIONS["cut"])

        result = applied(world, options=RunOptions(max_in_progress=1, wait=False))

        assert posts(world) == 1, "no list is read that would show the alteration"
        assert outcomes(result)["web/before the upgrade"] is Outcome.FAILED

    @pytest.mark.parametrize("alteration", ["trimmed", "folded"])
    def test_is_noticed_also_where_the_answer_was_lost(self, alteration: str) -> None:
        world = small_world(stored_as=ALTERATIONS[alteration], faults={FIRST_POST: BY_NAME["lost_after"]})

        result = applied(world, options=ONE_AT_A_TIME)

        assert posts(world) == 1, "sent again, it would be made for ever"
        assert outcomes(result)["web/before the upgrade"] is Outcome.FAILED
        assert result.notes


@pytest.mark.parametrize("description", ["", "made by hand before the holidays"])
def test_another_backup_that_appears_while_an_answer_is_lost_is_not_taken_for_ours_altered(description: str) -> None:
    def somebody_elses(world: World, request: httpx.Request, handle: Handler) -> httpx.Response:
        world.account.backups.append(item(99, WEB, description, 0))
        return lost_before(world, request, handle)

    world = small_world(faults={FIRST_POST: somebody_elses})

    result = applied(world, options=ONE_AT_A_TIME)

    assert outcomes(result)["web/before the upgrade"] is Outcome.SUCCEEDED
    assert not result.notes


def accepted(_: World, request: httpx.Request, handle: Handler) -> httpx.Response:
    response = handle(request)
    return httpx.Response(202, json={"message": "queued"}) if request.method == "POST" else response


def cut_off_after_its_status(_: World, request: httpx.Request, handle: Handler) -> httpx.Response:
    response = handle(request)
    if request.method != "POST":
        return response

    class CutOff(httpx.AsyncByteStream):
        async def __aiter__(self):  # type: ignore[no-untyped-def] # noqa: ANN204 - an async generator
            yield response.content[:9]
            raise httpx.RemoteProtocolError("closed", request=request)

    return httpx.Response(response.status_code, stream=CutOff())


@pytest.mark.parametrize("fault", [accepted, cut_off_after_its_status])
def test_a_create_that_was_accepted_is_found_however_late_the_list_shows_it(fault: Fault) -> None:
    world = small_world(faults=dict.fromkeys(range(500), fault), hide_new_for=200)

    result = applied(world)

    assert posts(world) == 2, "one for each series that was due"
    assert result.is_complete
    assert is_exact(world)
    announced = [event.text for event in world.events if isinstance(event, Announced)]
    assert len(announced) == 2, "the search for each, once"
    assert "web/before the upgrade: looking for the backup in the list: POST " in announced[0]


def test_a_create_that_was_accepted_and_is_never_listed_is_the_only_one() -> None:
    world = small_world(faults=dict.fromkeys(range(500), accepted), hide_new_for=3600)

    result = applied(world)

    assert posts(world) == 1
    assert timedelta(minutes=10) < world.time - NOW < timedelta(minutes=11)
    assert outcomes(result)["web/before the upgrade"] is Outcome.UNKNOWN
    assert outcomes(result)["db/nightly"] is Outcome.NOT_STARTED
    assert [note.summary for note in result.notes] == ["the service does not list the backup, which it said it created"]


def test_a_lost_create_is_found_even_if_the_service_lists_other_servers_too() -> None:
    def unfiltered(world: World, request: httpx.Request, handle: Handler) -> httpx.Response:
        if request.method == "GET":
            return handle(httpx.Request("GET", request.url.copy_remove_param("server_id")))
        return lost_after(world, request, handle) if request.method == "POST" else handle(request)

    world = small_world(faults=dict.fromkeys(range(500), unfiltered), hide_new_for=20)

    result = applied(world, options=ONE_AT_A_TIME)

    assert result.is_complete
    assert is_exact(world)


@pytest.mark.parametrize("field", ["id", "server", "description"])
def test_a_lost_create_is_not_sent_again_if_it_may_be_a_new_entry_that_cannot_be_read(field: str) -> None:
    def unreadable(_: World, request: httpx.Request, handle: Handler) -> httpx.Response:
        response = handle(request)
        if request.method == "POST":
            return httpx.Response(502)
        page = response.json()
        for entry in page["results"]:
            if entry["id"] > 500:
                del entry[field]
        return httpx.Response(200, json=page)

    world = small_world(faults=dict.fromkeys(range(500), unreadable))

    result = applied(world, options=ONE_AT_A_TIME)

    assert posts(world) == 2, "one for each series that was due"
    created = [ended for ended in result.finished if isinstance(ended.action, Create)]
    assert [ended.outcome for ended in created] == [Outcome.UNKNOWN] * 2
    assert all(f"; a new entry with an unreadable {field}" in ended.explanation for ended in created)


def test_of_two_backups_that_a_lost_create_left_the_one_that_has_not_failed_is_ours() -> None:
    def created_twice(_: World, request: httpx.Request, handle: Handler) -> httpx.Response:
        handle(request)
        world.account.backups.append(item(99, WEB, "before the upgrade", 0, "failed"))
        raise httpx.RemoteProtocolError("closed", request=request)

    world = small_world(faults={FIRST_POST: created_twice})

    result = applied(world, options=ONE_AT_A_TIME)

    assert outcomes(result)["web/before the upgrade"] is Outcome.SUCCEEDED
    assert posts(world) == 2, "one for each series that was due"


def test_a_token_that_may_no_longer_list_ends_the_wait_and_says_so() -> None:
    def revoked(world: World, request: httpx.Request, handle: Handler) -> httpx.Response:
        return handle(request) if request.method == "POST" or not world.record else httpx.Response(403)

    world = small_world(faults=dict.fromkeys(range(200), revoked), backup_seconds=600)

    result = applied(world, options=ONE_AT_A_TIME)

    (web,) = [ended for ended in result.finished if str(ended.action.address) == "web/before the upgrade"]
    assert web.outcome is Outcome.UNKNOWN
    assert web.explanation.startswith("#501 was started, but the list can't be read: GET ")


async def forever(_: World, __: httpx.Request, ___: Handler) -> httpx.Response:
    await anyio.sleep(10**9)
    raise AssertionError("it was waited for all the same")


def test_a_service_that_never_answers_ends_in_a_clear_error_and_not_in_a_hang() -> None:
    world = small_world(faults=dict.fromkeys(range(1000), forever))

    refusal = world.apply()

    assert isinstance(refusal, UserError)
    assert str(refusal).startswith(f"GET {BASE_URL}/")
    assert "no complete response within 180 seconds" in str(refusal)


def test_the_deadline_bounds_the_whole_and_what_is_begun_is_told() -> None:
    world = small_world(backup_seconds=10**6)

    result = applied(world, seconds=600)

    assert world.time - NOW < timedelta(seconds=700)
    assert 500 < max(event.elapsed for event in world.events if isinstance(event, Waiting)) <= 600
    assert {ended.explanation for ended in result.finished if ended.outcome is Outcome.NOT_STARTED} == {"not started"}
    assert outcomes(result) == {
        "web/before the upgrade": Outcome.IN_PROGRESS,
        f"web/by hand#{JUNK}": Outcome.NOT_STARTED,
        "db/nightly": Outcome.IN_PROGRESS,
        f"db/nightly#{OLD}": Outcome.NOT_STARTED,
        f"db/nightly#{FAILED}": Outcome.NOT_STARTED,
    }


def test_waiting_costs_few_requests() -> None:
    world = small_world(backup_seconds=1200)

    applied(world)

    assert sum(request == "GET /backups/" for request in world.requests) < 100


class TestInterrupt:
    @pytest.mark.parametrize("at", range(2, len(clean_requests())))
    def test_finishes_what_is_in_flight_and_the_next_apply_does_the_rest(self, at: int) -> None:
        world = small_world(interrupt_at=at)

        result = applied(world)
        assert not result.is_complete or is_exact(world)
        sent = len(world.requests)
        assert sent <= at + 3, "nothing new is started"
        world.interrupt_at = None
        world.apply()
        world.wait(world.backup_seconds)

        assert is_exact(world)


def test_a_description_that_looks_like_a_backups_address_is_told_apart_from_it() -> None:
    world = small_world()
    (web, db) = world.config.servers
    odd = replace(db.series[0], description=f"nightly#{FAILED}")
    world.config = replace(world.config, servers=(web, replace(db, series=(*db.series, odd))))

    result = applied(world)

    same = [ended for ended in result.finished if str(ended.action.address) == f"db/nightly#{FAILED}"]
    assert [(type(ended.action).__name__, ended.backup is not None) for ended in same] == [
        ("Delete", False),
        ("Create", True),
    ]


def test_backups_of_other_servers_in_the_list_of_one_are_not_taken_for_the_lost_one() -> None:
    lost = False

    def unfiltered(_: World, request: httpx.Request, handle: Handler) -> httpx.Response:
        nonlocal lost
        if request.method == "POST" and not lost:
            lost = True
            raise httpx.ReadError("lost", request=request)
        url = request.url.copy_remove_param("server_id")
        return handle(httpx.Request(request.method, url, content=request.content))

    world = small_world(faults=dict.fromkeys(range(500), unfiltered))

    assert applied(world).is_complete
    assert is_exact(world)
