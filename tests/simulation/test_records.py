"""Every run leaves a record that plans again exactly as the run did.

Under every fault, and also if it was killed: `support.schedules.run` checks that of every schedule.
"""

import json
from typing import Any

import pytest
from support.schedules import SMALL, replayed, small_world

from reconcile.plan.planning import RunOptions


def test_a_run_that_waits_for_what_it_found_pending_records_each_of_its_plans() -> None:
    world = small_world(records=[])
    pending = {**world.account.backups[2], "id": 99, "status": "in_progress", "size_mb": None}
    pending["created_at"] = world.now().isoformat()
    world.account.backups.append(pending)
    due = world.now().fromtimestamp(world.now().timestamp() + 60, world.now().tzinfo)
    world.account._due.append((due, pending, "completed"))  # noqa: SLF001 - as a create does

    world.apply()

    assert world.records
    rounds = json.loads(world.records[0])["rounds"]
    assert len(rounds) == 2
    assert rounds[1]["observed"]["backups"]["count"] < rounds[0]["observed"]["backups"]["count"]
    assert not any(run.findings for run in replayed(world))


@pytest.mark.parametrize("options", [RunOptions(wait=False), RunOptions(allow_loss=5)])
@pytest.mark.parametrize("max_age", [None, "15min"])
def test_a_run_with_options_replays_identically(options: RunOptions, max_age: str | None) -> None:
    world = small_world(records=[], max_age=None if not options.wait else max_age)
    world.apply(options=options)

    found = replayed(world)
    assert not any(run.findings for run in found)
    assert sum(run.sent["create"] for run in found) >= 2


def test_the_record_of_an_interrupted_run_says_so() -> None:
    world = small_world(records=[], interrupt_at=6)
    world.apply()
    assert world.records
    record: dict[str, Any] = json.loads(world.records[0])

    assert record["ended_at"]
    assert record["is_complete"] is False
    assert not any(run.findings for run in replayed(world))
    assert SMALL.sources[0].text == record["files"][0]["text"]
