"""A sentence for every reason."""

from dataclasses import replace
from typing import get_args
from zoneinfo import ZoneInfo

import pytest
from support.build import NOW, backup, days, hours, last

from reconcile.addresses import SeriesAddress
from reconcile.desired.keep import KeepCount, KeepWithin, Period
from reconcile.durations import Duration
from reconcile.plan.model import Kept
from reconcile.plan.reasons import (
    CreateReason,
    DeleteReason,
    Due,
    Exemption,
    Failed,
    KeepReason,
    KeptBy,
    KeptRule,
    Missing,
    NotKept,
    PrunedLater,
    TooOld,
    TooYoung,
    Undeclared,
    Undersized,
)
from reconcile.report.plan.sentences import kept_text, why_text

ROME = ZoneInfo("Europe/Rome")
A_WEEK = Duration(days=7)
DAILY = KeepCount(period=Period.DAILY, count=7)
WITHIN = KeepWithin(period=Period.WEEKLY, duration=Duration(months=14))

CREATES: dict[CreateReason, str] = {
    Missing(has_others=False): "no backup exists",
    Missing(has_others=True): "no backup is usable or in progress",
    Due(age=hours(26), every=Duration(days=1)): "newest is 1d 2h old, due every 1d",
    Due(age=hours(19), every=Duration(days=1)): "newest is 19h old, due every 1d by date",
    TooOld(age=hours(3), max_age=Duration(seconds=900)): "newest is 3h old, at most 15min asked for",
}
DELETES: dict[DeleteReason, str] = {
    NotKept(keep=(*last(3), DAILY, WITHIN)): "not kept by last=3, daily=7, within_weekly=1y2mo",
    Failed(status="error"): "its status is 'error'",
    Undersized(min_size=1): "smaller than min_size = 1MiB",
    Undeclared(age=days(9), prune=None): "prune = true",
    Undeclared(age=days(9), prune=A_WEEK): "9d old, pruned after 7d",
}
KEEPS: dict[KeepReason, str] = {
    KeptBy(
        rules=(KeptRule(rule=last(7)[0], is_oldest=False), KeptRule(rule=DAILY, is_oldest=True))
    ): "last=7 oldest (daily=7)",
    Exemption.NEWEST_UNDERSIZED: "undersized, but no newer backup is usable",
    Exemption.BESIDE_UNKNOWN: "an unknown backup belongs, or may belong, to the series",
    TooYoung(min_age=A_WEEK): "younger than min_age = 7d",
    PrunedLater(prune=A_WEEK, at=NOW): "will be pruned at 2026-03-10 13:00 (prune = 7d)",
    Exemption.PINNED: "pinned",
    Exemption.IGNORED: "ignored",
    Exemption.NOT_PRUNED: "prune = false",
    Exemption.MISDATED: "dated in the future: 2026-03-08 13:00",
    Exemption.STALLED: "stalled: queued for 2d",
    Exemption.IN_PROGRESS: "queued for 2d",
    Exemption.UNKNOWN_STATUS: "unknown status 'queued'",
    Exemption.NOT_READABLE: "created_at and size_mb not readable",
}


@pytest.mark.parametrize(("reason", "text"), CREATES.items())
def test_creates(reason: CreateReason, text: str) -> None:
    assert why_text(reason) == text


@pytest.mark.parametrize(("reason", "text"), DELETES.items())
def test_deletes(reason: DeleteReason, text: str) -> None:
    assert why_text(reason) == text


@pytest.mark.parametrize(("reason", "text"), KEEPS.items())
def test_what_stays(reason: KeepReason, text: str) -> None:
    held = backup(1, age=days(2), status="queued")
    kept = Kept(
        series=SeriesAddress("web", "nightly"),
        backup=replace(held, unreadable=("created_at", "size_mb")),
        reason=reason,
    )

    assert kept_text(kept, NOW, ROME) == text


def test_no_reason_is_missing_above() -> None:
    for reasons, table in (
        (CreateReason, CREATES),
        (DeleteReason, DELETES),
        (KeepReason, KEEPS),
    ):
        assert {type(reason) for reason in table} == set(get_args(reasons))
    assert set(Exemption) < set(KEEPS)
