"""restic's own 36 expected results, each through the planner."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from support.build import backup, days, declare, inventory, last, make_plan

from reconcile.desired.keep import KeepCount, KeepWithin, Period
from reconcile.durations import Duration
from reconcile.plan.reasons import KeptBy, KeptRule
from reconcile.plan.retention import retain

RESTIC = json.loads(Path(__file__).with_name("restic_retention_cases.json").read_text(encoding="utf-8"))
UTC_ZONE = ZoneInfo("UTC")


def toml_keep(keep: dict[str, Any]) -> str:
    """Write restic's policy as our file has it; its durations write m for months."""
    return ", ".join(
        f"{key} = {json.dumps(re.sub(r'm', 'mo', value) if 'within' in key else value)}" for key, value in keep.items()
    )


def snapshots() -> list[datetime]:
    return [datetime.fromisoformat(time) for time in RESTIC["snapshots"]]


def test_all_of_restics_cases_are_there() -> None:
    assert len(RESTIC["cases"]) == 36
    assert len(RESTIC["snapshots"]) == 103


@pytest.mark.parametrize("case", RESTIC["cases"], ids=lambda case: str(case["case"]))
def test_the_planner_keeps_what_restic_keeps(case: dict[str, Any]) -> None:
    held = [backup(number, created_at=moment) for number, moment in enumerate(snapshots(), start=1)]
    declared = declare(f'{{ description = "nightly", keep = {{ {toml_keep(case["keep"])} }} }}')

    plan = make_plan(declared, inventory(*held), now=max(snapshots()))

    newest_first = sorted(plan.kept, key=lambda kept: (kept.backup.created_at, kept.backup.id), reverse=True)
    # Invariants first: nothing is created, nothing is lost from sight, something stays.
    assert not plan.creates
    assert len(plan.kept) + len(plan.deletes) == len(held)
    assert plan.kept
    assert [kept.backup.created_at for kept in newest_first] == [datetime.fromisoformat(time) for time in case["kept"]]
    rules = [kept.reason.rules for kept in newest_first if isinstance(kept.reason, KeptBy)]
    assert [[rule.is_oldest for rule in by] for by in rules] == [
        [why.startswith("oldest") for why in matches] for matches in case["matches"]
    ]


def test_the_callers_list_is_left_alone_and_may_be_empty() -> None:
    assert retain([], last(1), UTC_ZONE) == []


def test_days_are_those_of_the_time_zone() -> None:
    evening, midnight = datetime(2026, 3, 9, 22, 30, tzinfo=UTC), datetime(2026, 3, 9, 23, 30, tzinfo=UTC)
    keep = (KeepCount(period=Period.DAILY, count=1),)

    assert retain([midnight, evening], keep, UTC_ZONE)[1] is None
    two_days = KeepCount(period=Period.DAILY, count=2)
    in_rome = retain([midnight, evening], (two_days,), ZoneInfo("Europe/Rome"))
    assert in_rome == [KeptBy(rules=(KeptRule(rule=two_days, is_oldest=False),))] * 2


def test_within_counts_from_the_newest_and_excludes_its_edge() -> None:
    newest = datetime(2026, 3, 31, 12, 0, tzinfo=UTC)
    # Go's AddDate, which restic uses, makes 31 February the third of March.
    edge = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)
    keep = (KeepWithin(period=Period.LAST, duration=Duration.parse("1mo")),)

    kept = retain([newest, edge + timedelta(seconds=1), edge], keep, UTC_ZONE)

    assert [bool(rules) for rules in kept] == [True, True, False]


@pytest.mark.parametrize(
    ("zone", "kept"), [("UTC", (True, True, False)), ("Europe/Berlin", (True, False, False))], ids=str
)
def test_within_a_day_is_an_hour_shorter_where_the_clocks_go_forward(zone: str, kept: tuple[bool, ...]) -> None:
    newest = datetime(2026, 3, 29, 10, tzinfo=UTC)  # noon in Berlin; noon of the day before is eleven
    keep = (KeepWithin(period=Period.LAST, duration=Duration(days=1)),)

    found = retain([newest, newest - timedelta(hours=23), newest - timedelta(hours=24)], keep, ZoneInfo(zone))

    assert tuple(bool(rules) for rules in found) == kept


def test_weeks_are_iso_weeks_also_over_new_year() -> None:
    monday, sunday = datetime(2024, 12, 30, tzinfo=UTC), datetime(2025, 1, 5, tzinfo=UTC)
    before = datetime(2024, 12, 29, tzinfo=UTC)

    kept = retain([sunday, monday, before], (KeepCount(period=Period.WEEKLY, count=2),), UTC_ZONE)

    assert [bool(rules) for rules in kept] == [True, False, True]


def test_the_backup_to_be_created_counts_as_made_now() -> None:
    held = [backup(1, age=days(2)), backup(2, age=days(1))]

    plan = make_plan(
        declare('{ description = "nightly", every = "1d", keep = 2 }'),
        inventory(*held),
        now=held[0].created_at + days(2),
    )

    assert [delete.backup.id for delete in plan.deletes] == [1]
    assert [kept.backup.id for kept in plan.kept] == [2]
    assert plan.creates


def test_keep_all_deletes_none() -> None:
    held = [backup(number, age=days(number)) for number in range(1, 9)]

    assert not make_plan(declare('{ description = "nightly", keep = "all" }'), inventory(*held)).deletes
