"""Plans on disk: the same after reading, and refused when anything is off."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from laws.test_planning import configs, inventories
from support.build import backup, days, declare, hours, inventory, make_plan

from reconcile.actual.inventory import Inventory
from reconcile.desired.config import Config
from reconcile.diagnostics import UserError
from reconcile.plan.saved import FORMAT_VERSION, dump, parse

DECLARED = declare(
    '{ description = "nightly", every = "1d", keep = { last = 1, within_daily = "1mo" } },'
    '{ description = "not yet", min_size = "10MiB", renamed_from = ["older", "auto-*"] }',
    server='prune = "7d"\npinned = [6, 77]',
)
HELD = (
    backup(1, age=hours(30)),
    backup(2, age=days(90)),
    backup(3, age=days(3), status="failed"),
    backup(4, age=days(3), status="queued"),
    backup(5, age=-days(3)),
    backup(6, "pinned", age=days(30)),
    backup(7, "undeclared", age=days(8)),
    backup("8", "not yet", age=days(2)),
)
PLAN = make_plan(DECLARED, inventory(*HELD))


def test_a_plan_with_every_kind_of_entry_survives_being_saved() -> None:
    saved = parse(dump(PLAN, "1.0"), "x")

    assert replace(saved, warnings=()) == replace(PLAN, warnings=())
    assert [(each.summary, each.spot) for each in saved.warnings] == [
        (each.summary, each.spot) for each in PLAN.warnings
    ]
    assert any(each.spot for each in saved.warnings)


@given(configs(), inventories())
def test_any_plan_survives_being_saved(config: Config, seen: Inventory) -> None:
    plan = make_plan(config, seen)

    assert parse(dump(plan, "1.0"), "x") == plan


GARBAGE = [
    "",
    "{",
    "[]",
    "null",
    '"x"',
    "{}",
    "\x00",
    "\ud800",
    "NaN",
    "[" * 100_000,
    '{"plan":' * 100_000,
    "9" * 100_000,
    "1e999",
    '{"reconcile_plan": 2}',
    '{"format_version": "1.2"}',
    '{"reconcile_plan": NaN, "version": "1", "sha256": "", "plan": {}}',
    '{"reconcile_plan": 2, "version": 1, "sha256": "", "plan": {}}',
    '{"reconcile_plan": "2", "version": "1", "sha256": "", "plan": {}}',
]


@pytest.mark.parametrize("text", GARBAGE, ids=lambda text: text[:20] if text.isprintable() else f"U+{ord(text):04X}")
def test_what_is_no_plan_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="x is not a saved plan, or is damaged"):
        parse(text, "x")


@given(st.text() | st.recursive(st.none() | st.floats() | st.integers() | st.text(), st.lists).map(json.dumps))
def test_no_text_at_all_is_anything_but_a_user_error(text: str) -> None:
    with pytest.raises(UserError):
        parse(text, "x")


def test_any_change_to_it_is_noticed() -> None:
    text = dump(PLAN, "1.0")

    for old, new in (("nightly", "weekly"), ("https", "http:"), ('"id": 1', '"id": 2'), ("1024", "1e999")):
        assert old in text
        with pytest.raises(UserError, match="x is damaged"):
            parse(text.replace(old, new, 1), "x")


def signed(change: Callable[[dict[str, Any]], object]) -> str:
    """Write the plan with a body that somebody has changed, and a digest that fits."""
    envelope = json.loads(dump(PLAN, "1.0"))
    change(envelope["plan"])
    digest = hashlib.sha256(json.dumps(envelope["plan"], sort_keys=True).encode()).hexdigest()
    return json.dumps({**envelope, "sha256": digest})


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda body: body.pop("servers"), "1 values are not as expected"),
        (lambda body: body.update(servers=3), "1 values are not as expected"),
        (lambda body: body["servers"][0]["series"][0]["create"]["reason"].update(kind="x"), "values are not"),
        (lambda body: body["servers"][0]["series"][0]["create"]["reason"].update(age="P" + "9" * 99 + "D"), "values"),
        (lambda body: body.update(zone="Atlantis/Poseidonis"), "1 values"),
        (lambda body: body.update(zone="../../etc/passwd"), "1 values"),
        (lambda body: body.update(zone="Europe"), "1 values"),
        (lambda body: body.update(planned_at="2026-03-10T12:00:00"), "1 values"),
        (lambda body: body["servers"][0]["pruned"][0]["backup"].update(created_at="2026-03-10T12:00:00"), "1 values"),
    ],
)
def test_a_body_that_is_no_plan_is_refused_though_its_digest_is_right(
    change: Callable[[dict[str, Any]], object], problem: str
) -> None:
    with pytest.raises(UserError, match=f"x is damaged: .*{problem}"):
        parse(signed(change), "x")


def test_another_format_names_the_version_that_wrote_it() -> None:
    newer = {**json.loads(dump(PLAN, "9.0")), "reconcile_plan": FORMAT_VERSION + 1}

    with pytest.raises(
        UserError,
        match=rf"the format {FORMAT_VERSION + 1}, written by reconcile 9\.0; this version reads {FORMAT_VERSION}",
    ):
        parse(json.dumps(newer), "x")
