"""Plans on disk: the same after reading, and refused when anything is off."""

import hashlib
import json

import pytest
from hypothesis import given
from laws.test_planning import configs, inventories
from support.build import NOW, backup, declare, hours, inventory

from reconcile.actual.inventory import Inventory
from reconcile.desired.config import Config
from reconcile.diagnostics import UserError
from reconcile.plan.planner import plan
from reconcile.plan.saved import dump, parse

PLAN = plan(declare('{ description = "nightly", every = "1d" }'), inventory(backup(1, age=hours(30))), NOW)


@given(configs(), inventories())
def test_a_plan_survives_being_saved(config: Config, seen: Inventory) -> None:
    made = plan(config, seen, NOW)

    assert parse(dump(made, "1.0"), "x") == made


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '"x"', "{}", '{"reconcile_plan": 1}', '{"format_version": "1.2"}']
)
def test_what_is_no_plan_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="x is not a saved plan, or a damaged one"):
        parse(text, "x")


def test_any_change_to_it_is_noticed() -> None:
    text = dump(PLAN, "1.0")

    for old, new in (("nightly", "weekly"), ("https", "http:"), ('"id": 1', '"id": 2')):
        assert old in text
        with pytest.raises(UserError, match="x is damaged"):
            parse(text.replace(old, new, 1), "x")


def test_a_body_that_is_none_is_refused_though_its_digest_is_right() -> None:
    body = {"servers": 3}
    digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()

    with pytest.raises(UserError, match="x is damaged: 7 values"):
        parse(json.dumps({"reconcile_plan": 1, "version": "1.0", "sha256": digest, "plan": body}), "x")


def test_a_newer_format_names_the_version_that_wrote_it() -> None:
    newer = {**json.loads(dump(PLAN, "9.0")), "reconcile_plan": 2}

    with pytest.raises(UserError, match=r"x is of format 2, written by reconcile 9\.0; this one reads 1"):
        parse(json.dumps(newer), "x")
