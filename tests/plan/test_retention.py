"""restic's own 36 expected results, each through the planner."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from support.build import WEB, backup, config, days, declare, inventory

from reconcile.desired.config import KeepCount, KeepWithin, Period
from reconcile.durations import Duration
from reconcile.plan.planner import plan
from reconcile.plan.retention import retain

RESTIC = json.loads(Path(__file__).with_name("restic_retention_cases.json").read_text(encoding="utf-8"))
UTC_ZONE = ZoneInfo("UTC")


def toml_keep(keep: dict[str, Any]) -> str:
    """Write restic's policy as our file has it; its durations write m for months."""
    return ", ".join(
        f"{key} = {json.dumps(re.sub(r'm', 'mo', it) if 'within' in key else it)}" for key, it in keep.items()
    )


def snapshots() -> list[datetime]:
    return [datetime.fromisoformat(it) for it in RESTIC["snapshots"]]


def test_all_of_restics_cases_are_there() -> None:
    assert len(RESTIC["cases"]) == 36
    assert len(RESTIC["snapshots"]) == 103


@pytest.mark.parametrize("case", RESTIC["cases"], ids=lambda case: str(case["case"]))
def test_the_planner_keeps_what_restic_keeps(case: dict[str, Any]) -> None:
    held = [backup(number, created_at=moment) for number, moment in enumerate(snapshots(), start=1)]
    declared = declare(f'{{ description = "nightly", keep = {{ {toml_keep(case["keep"])} }} }}')

    made = plan(declared, inventory(*held), max(snapshots()))

    kept = sorted((it.backup.created_at for it in made.kept), reverse=True)
    # Invariants first: nothing is created, nothing is lost from sight, something stays.
    assert not made.creates
    assert len(made.kept) + len(made.deletes) == len(held)
    assert kept
    assert kept == [datetime.fromisoformat(it) for it in case["kept"]]
    reasons = [
        it.words.split(", ")
        for it in sorted(made.kept, key=lambda it: (it.backup.created_at, it.backup.id), reverse=True)
    ]
    assert [len(it) for it in reasons] == [len(it) for it in case["matches"]]
    oldest = [[why.startswith("oldest") for why in it] for it in reasons]
    assert oldest == [[why.startswith("oldest") for why in it] for it in case["matches"]]


def test_the_callers_list_is_left_alone_and_may_be_empty() -> None:
    assert retain([], (KeepCount(period=Period.LAST, count=1),), UTC_ZONE) == []


def test_days_are_those_of_the_time_zone() -> None:
    evening, midnight = datetime(2026, 3, 9, 22, 30, tzinfo=UTC), datetime(2026, 3, 9, 23, 30, tzinfo=UTC)
    keep = (KeepCount(period=Period.DAILY, count=1),)

    assert retain([midnight, evening], keep, UTC_ZONE)[1] == ()
    two_days_in_rome = retain([midnight, evening], (KeepCount(period=Period.DAILY, count=2),), ZoneInfo("Europe/Rome"))
    assert two_days_in_rome == [("daily=2",), ("daily=2",)]


def test_within_counts_from_the_newest_and_excludes_its_edge() -> None:
    newest = datetime(2026, 3, 31, 12, 0, tzinfo=UTC)
    # Go's AddDate, which restic uses, makes 31 February the third of March.
    edge = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)
    keep = (KeepWithin(period=Period.LAST, duration=Duration.parse("1mo")),)

    kept = retain([newest, edge + timedelta(seconds=1), edge], keep, UTC_ZONE)

    assert [bool(it) for it in kept] == [True, True, False]


def test_weeks_are_iso_weeks_also_over_new_year() -> None:
    monday, sunday = datetime(2024, 12, 30, tzinfo=UTC), datetime(2025, 1, 5, tzinfo=UTC)
    before = datetime(2024, 12, 29, tzinfo=UTC)

    kept = retain([sunday, monday, before], (KeepCount(period=Period.WEEKLY, count=2),), UTC_ZONE)

    assert [bool(it) for it in kept] == [True, False, True]


def test_the_backup_to_be_created_counts_as_made_now() -> None:
    held = [backup(1, age=days(2)), backup(2, age=days(1))]

    made = plan(
        declare('{ description = "nightly", every = "1d", keep = 2 }'), inventory(*held), held[0].created_at + days(2)
    )

    assert [it.backup.id for it in made.deletes] == [1]
    assert [it.backup.id for it in made.kept] == [2]
    assert made.creates


def test_keep_all_deletes_none() -> None:
    held = [backup(number, age=days(number)) for number in range(1, 9)]
    everything = config(f'[servers.web]\nid = {WEB.id}\nbackups = [{{ description = "nightly", keep = "all" }}]')

    assert not plan(everything, inventory(*held), held[0].created_at).deletes
