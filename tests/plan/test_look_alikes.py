"""Backups whose description is nearly that of a series: mistyped, or what the service made of it."""

import unicodedata

import pytest
import tomli
from plan.test_linear import steps
from support.build import backup, config, declare, inventory, make_plan

from reconcile.actual.inventory import Server
from reconcile.plan.look_alikes import is_variant, look_alikes

LONG = "nightly backup of the web server, before the jobs start"


@pytest.mark.parametrize(
    ("declared", "held", "shown"),
    [
        ("nightly", "Nightly", "'Nightly'"),
        ("at  night", "at night", "'at night'"),
        ("at night", "at\N{NO-BREAK SPACE}night", r"'at\xa0night'"),
        ("caf\N{LATIN SMALL LETTER E WITH ACUTE}", unicodedata.normalize("NFD", "café"), r"'cafe\u0301'"),
    ],
)
def test_one_that_differs_only_in_form_is_warned_about_with_what_can_not_be_seen(
    declared: str, held: str, shown: str
) -> None:
    plan = make_plan(declare(f'{{ description = "{declared}", keep = 1 }}'), inventory(backup(1, held)))

    (warning,) = plan.warnings
    assert warning.summary == f"no backup has the description {declared!a}, but one has {shown}"
    assert warning.place
    assert warning.place.path == ("servers", "web", "backups", 0, "description")
    assert len(plan.creates) == 1
    line = warning.detail.partition("add ")[2].partition(";")[0]
    assert tomli.loads(line) == {"renamed_from": held}
    adopted = declare(f'{{ description = "{declared}", keep = 1, {line} }}')
    assert make_plan(adopted, inventory(backup(1, held))).actions == ()


@pytest.mark.parametrize("length", [16, 30, len(LONG) - 1])
def test_one_that_the_service_may_have_cut_is_an_error_and_nothing_is_created(length: int) -> None:
    held = LONG[:length].strip()
    declared = declare(f'{{ description = "{LONG}" }}, {{ description = "other" }}', server="prune = true")

    plan = make_plan(declared, inventory(backup(1, held)))

    (error,) = plan.errors
    assert error.summary == f"no backup has the description {LONG!r}, but the service may have cut it to {held!r}"
    assert f"at most {len(held)} characters" in error.detail
    assert f'renamed_from = "{held}"' in error.detail
    assert f'ignore = "{held}"' in error.detail
    assert [create.description for create in plan.creates] == ["other"]


@pytest.mark.parametrize("held", [LONG[:15], LONG[1:40], f"{LONG} and after", "x" * 30, None])
def test_one_that_is_otherwise_similar_is_none(held: str | None) -> None:
    plan = make_plan(declare(f'{{ description = "{LONG}" }}'), inventory(backup(1, held)))

    assert (plan.errors, plan.warnings, len(plan.creates)) == ((), (), 1)


def test_a_series_that_has_a_member_has_no_look_alike() -> None:
    plan = make_plan(declare(f'{{ description = "{LONG}" }}'), inventory(backup(1, LONG), backup(2, LONG[:20])))

    assert (plan.errors, plan.warnings, plan.actions) == ((), (), ())


def test_nor_has_one_whose_only_look_alike_is_declared() -> None:
    plan = make_plan(
        declare(f'{{ description = "{LONG}" }}, {{ description = "{LONG[:20]}" }}'), inventory(backup(2, LONG[:20]))
    )

    assert (plan.errors, plan.warnings, len(plan.creates)) == ((), (), 1)


def test_nor_has_one_whose_only_look_alike_is_ignored() -> None:
    declared = declare(f'{{ description = "{LONG}" }}', server=f'ignore = "{LONG[:20]}"')

    plan = make_plan(declared, inventory(backup(2, LONG[:20])))

    assert (plan.errors, plan.warnings, len(plan.creates)) == ((), (), 1)


def test_also_with_a_target_which_does_not_match_it() -> None:
    plan = make_plan(declare(f'{{ description = "{LONG}" }}'), inventory(backup(1, LONG[:20])), f"web/{LONG}")

    assert len(plan.errors) == 1
    assert plan.creates == ()


def test_of_a_fleet_each_member_has_its_own() -> None:
    servers = tuple(Server(id=number, name=f"web-{number}") for number in (1, 2))
    declared = config(f'[fleets.web]\nmatch = "*"\nbackups = [{{ description = "{LONG}" }}]\n')

    plan = make_plan(declared, inventory(backup(1, LONG[:20], server=servers[0]), servers=servers))

    assert [error.address for error in plan.errors] == [f"web-1/{LONG}"]
    assert [create.server_id for create in plan.creates] == [2]


def test_the_same_rule_says_what_became_of_a_create_whose_response_is_lost() -> None:
    assert is_variant(LONG, LONG[:30])
    assert is_variant("Nightly", " nightly")
    assert not is_variant(LONG, LONG)
    assert not is_variant(LONG, "nightly")
    assert not is_variant(LONG, None)


def test_many_are_looked_up_and_not_compared_with_each_other() -> None:
    def work(number: int) -> int:
        declared, held = ([f"{letter * 200} {each}" for each in range(number)] for letter in "xy")
        return steps(lambda: look_alikes(declared, held))

    assert work(400) < 10 * work(50)
