"""What the delete protocol does, case by case: nothing goes that a fresh list does not show as planned."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import httpx
import pytest
from support.build import config
from support.faults import BY_NAME
from support.schedules import CREATES, DB, FAILED, JUNK, OLD, WEB, item, small_world
from support.world import Handler, World

from reconcile.desired.keep import KeepCount, Period
from reconcile.diagnostics import UserError
from reconcile.outcomes import Finished, Outcome
from reconcile.plan.guards import Appeared, Changed, KeptOneChanged
from reconcile.plan.model import Delete
from reconcile.plan.reasons import Veto


def ended(world: World) -> dict[object, Finished]:
    """Apply, and return what became of each delete."""
    results = world.apply()
    assert not isinstance(results, UserError)
    return {it.action.backup.id: it for it in results[0].finished if isinstance(it.action, Delete)}


def once_created(change: Callable[[World], None]) -> Callable[[World, httpx.Request, Handler], httpx.Response]:
    """Return a fault that changes the account just before the first list after the creates, and nothing else."""

    def meets(world: World, request: httpx.Request, handle: Handler) -> httpx.Response:
        created = sum(it.what == "create" for it in world.record)
        if request.method == "GET" and not world.hidden_until and created == CREATES:
            world.hidden_until[object()] = world.now()  # done once
            change(world)
        return handle(request)

    return meets


def world_that(change: Callable[[World], None]) -> World:
    return small_world(faults=dict.fromkeys(range(100), once_created(change)))


def record_of(world: World, backup_id: int) -> dict[str, object]:
    return next(it for it in world.account.backups if it["id"] == backup_id)


def test_one_that_has_appeared_in_the_series_keeps_all_until_the_next_plan() -> None:
    world = world_that(lambda it: it.account.backups.append(item(99, DB, "nightly", 0)))

    deletes = ended(world)

    assert deletes[OLD].outcome is Outcome.SKIPPED
    assert deletes[OLD].objection == Appeared(id=99)
    assert deletes[JUNK].outcome is Outcome.SUCCEEDED, "another series is none of its business"
    assert {OLD, FAILED} <= {it["id"] for it in world.account.backups}


def test_a_failed_one_that_has_appeared_is_nothing_to_wait_for() -> None:
    world = world_that(lambda it: it.account.backups.append(item(99, DB, "nightly", 0, "failed")))

    assert ended(world)[OLD].outcome is Outcome.SUCCEEDED


def test_the_new_one_that_is_gone_again_saves_the_old_one() -> None:
    def lose_the_new_one(world: World) -> None:
        world.account.backups[:] = [it for it in world.account.backups if it["id"] < 500 or it["server"]["id"] != 2]

    deletes = ended(world_that(lose_the_new_one))

    assert deletes[OLD].outcome is Outcome.SKIPPED
    assert deletes[OLD].objection == Veto.NOT_CREATED


@pytest.mark.parametrize(
    ("field", "value", "changed"),
    [
        ("status", "completed", "state"),
        ("description", "kept by hand", "description"),
        ("backup_type", "automatic", None),
        ("created_at", "2026-03-01T00:00:00Z", "created_at"),
    ],
)
def test_one_that_is_not_what_was_planned_stays(field: str, value: str, changed: str | None) -> None:
    world = world_that(lambda it: record_of(it, FAILED).update({field: value}))

    ended_so = ended(world)[FAILED]

    assert record_of(world, FAILED)[field] == value
    if changed:
        assert ended_so.outcome is Outcome.SKIPPED
        assert isinstance(ended_so.objection, Changed)
        assert ended_so.objection.field == changed


def test_one_that_is_gone_already_is_deleted() -> None:
    world = world_that(lambda it: it.account.delete(record_of(it, FAILED)))

    ended_so = ended(world)[FAILED]

    assert (ended_so.outcome, ended_so.explanation) == (Outcome.SUCCEEDED, "no longer listed")


def test_one_failing_delete_does_not_stop_the_others() -> None:
    refused = BY_NAME["refused"]

    def for_junk(world: World, request: httpx.Request, handle: Handler) -> httpx.Response:
        is_junk = request.method == "DELETE" and request.url.path.endswith(f"/{JUNK}/")
        answer = refused(world, request, handle) if is_junk else handle(request)
        assert isinstance(answer, httpx.Response)
        return answer

    deletes = ended(small_world(faults=dict.fromkeys(range(100), for_junk)))

    assert {id_: it.outcome for id_, it in deletes.items()} == {
        JUNK: Outcome.FAILED,
        OLD: Outcome.SUCCEEDED,
        FAILED: Outcome.SUCCEEDED,
    }


@pytest.mark.parametrize("fault", ["lost_after", "error_after", "timeout_after"])
def test_a_lost_answer_is_settled_by_the_list_and_not_sent_again(fault: str) -> None:
    world = small_world()
    first_delete = next(number for number, it in enumerate(_clean()) if it.startswith("DELETE"))
    world.faults = {first_delete: BY_NAME[fault]}

    deletes = ended(world)

    assert {it.outcome for it in deletes.values()} == {Outcome.SUCCEEDED}
    assert sum(it.startswith("DELETE") for it in world.requests) == 3


def test_one_that_is_refused_after_a_lost_answer_was_certainly_not_carried_out() -> None:
    sent = 0

    def lost_then_refused(world: World, request: httpx.Request, handle: Handler) -> httpx.Response:  # noqa: ARG001
        nonlocal sent
        if request.method != "DELETE" or not request.url.path.endswith(f"/{JUNK}/"):
            return handle(request)
        sent += 1
        return httpx.Response(500 if sent == 1 else 403)

    junk = ended(small_world(faults=dict.fromkeys(range(100), lost_then_refused)))[JUNK]

    assert (sent, junk.outcome) == (2, Outcome.FAILED)
    assert junk.is_final


def test_a_busy_server_is_asked_again_when_it_says_so() -> None:
    asked_at: list[datetime] = []

    def busy_with_junk(world: World, request: httpx.Request, handle: Handler) -> httpx.Response:
        if request.method == "DELETE" and request.url.path.endswith(f"/{JUNK}/"):
            asked_at.append(world.now())
            if len(asked_at) == 1:
                return httpx.Response(409, headers={"Retry-After": "40"})
        return handle(request)

    deletes = ended(small_world(faults=dict.fromkeys(range(100), busy_with_junk)))

    assert deletes[JUNK].outcome is Outcome.SUCCEEDED
    first, second = asked_at
    assert timedelta(seconds=40) <= second - first < timedelta(seconds=42)


def _clean() -> list[str]:
    world = small_world()
    world.apply()
    return world.requests


def test_where_one_that_was_to_stay_is_gone_the_others_stay_instead() -> None:
    keeper = 23
    world = world_that(lambda it: it.account.delete(record_of(it, keeper)))
    world.account.backups.append(item(keeper, DB, "nightly", 1.2))
    (web, db) = world.config.servers
    two = replace(db.series[0], keep=(KeepCount(period=Period.LAST, count=2),))
    world.config = replace(world.config, servers=(web, replace(db, series=(two,))))

    ended_so = ended(world)[OLD]

    assert ended_so.outcome is Outcome.SKIPPED
    assert ended_so.objection == KeptOneChanged(id=keeper)
    assert OLD in {it["id"] for it in world.account.backups}


def test_a_delete_of_unknown_outcome_counts_as_carried_out_so_the_last_backup_stays() -> None:
    file = """
        [servers.web]
        id = 1
        prune = true
        backups = []

        [servers.db]
        id = 2
        backups = [{ description = "nightly" }]
        """
    backups = [item(11, WEB, "by hand", 2), item(12, WEB, "by hand", 1)]
    world = World(config=config(file), servers=[dict(WEB), dict(DB)], backups=backups)
    lists_denied = 0

    def lost(_: World, request: httpx.Request, handle: Handler) -> httpx.Response:
        nonlocal lists_denied
        if request.method == "POST":
            return httpx.Response(403)
        if request.method == "DELETE" and not world.record:
            handle(request)
            return httpx.Response(502)
        if request.method == "GET" and world.record and not lists_denied:
            lists_denied += 1
            return httpx.Response(403)
        return handle(request)

    world.faults = dict.fromkeys(range(100), lost)

    deletes = ended(world)

    assert deletes[11].outcome is Outcome.UNKNOWN
    assert deletes[12].objection == Veto.LAST_USABLE
    assert [backup["id"] for backup in world.account.backups] == [12]


def test_someones_own_backup_in_progress_holds_up_no_delete() -> None:
    world = small_world()
    world.account.backups.append(item(99, WEB, "by a person", 0.002, "in_progress"))

    deletes = ended(world)

    assert deletes[JUNK].outcome is Outcome.SUCCEEDED
    assert world.converged[-1].is_complete
