"""What is left alone by agreement: ignored backups, and every delete under `--no-delete`."""

import pytest
from support.build import NOW, backup, config, days, declare, inventory, make_plan

from reconcile.desired.desired import resolve
from reconcile.diagnostics import UserError
from reconcile.insight.status import status
from reconcile.plan.model import Plan
from reconcile.plan.reasons import Veto
from reconcile.plan.safety import withheld, without_deletes

NIGHTLY = '{ description = "nightly", every = "1d", keep = 1 }'
OLD = [backup(number, age=days(number)) for number in range(2, 12)]


def test_without_deletes_everything_is_created_and_every_delete_is_withheld() -> None:
    seen = inventory(*OLD)
    plan = without_deletes(make_plan(declare(NIGHTLY), seen))

    assert (len(plan.creates), len(plan.deletes)) == (1, 10)
    assert withheld(plan) == {delete.address: Veto.NO_DELETE for delete in plan.deletes}
    assert plan.loss.lost == 0, "so nothing has to be allowed"


def pruned(plan: Plan) -> set[object]:
    return {delete.backup.id for delete in plan.deletes}


def test_globs_of_the_settings_and_of_the_server_add_up() -> None:
    seen = inventory(backup(1, "before php8"), backup(2, "by Anna"), backup(3, "left"), backup(4, None))
    declared = declare("", settings='ignore = "before *"\nprune = true', server='ignore = ["*Anna"]')

    plan = make_plan(declared, seen)

    assert pruned(plan) == {3, 4}
    assert [entry.backup.id for entry in plan.ignored] == [1, 2]


def test_a_fleet_ignores_too() -> None:
    declared = config('[settings]\nignore = "a*"\n[fleets.all]\nmatch = "*"\nprune = "1d"\nignore = "b*"')

    plan = make_plan(declared, inventory(*(backup(n, text, age=days(9)) for n, text in enumerate(("a1", "b1", "c1")))))

    assert pruned(plan) == {2}


def test_status_counts_them() -> None:
    seen = inventory(backup(1, "before php8"), backup(2, "left"))

    found = status(resolve(declare("", server='ignore = "before *"'), seen), seen, NOW)

    assert (len(found.undeclared), found.ignored) == (2, frozenset({1}))


def test_an_ignored_backup_is_no_look_alike() -> None:
    seen = inventory(backup(1, "Nightly"))

    assert make_plan(declare(NIGHTLY), seen).warnings
    assert not make_plan(declare(NIGHTLY, server='ignore = "Night*"'), seen).warnings


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('[settings]\nignore = ["x", "night*"]\n[servers.web]\nid = 1\nbackups = [{ description = "nightly" }]', 2),
        ('[servers.web]\nid = 1\nignore = "night*"\nbackups = [{ description = "nightly" }]', 3),
        ('[fleets.web]\nmatch = "*"\nignore = ["*ly"]\nbackups = [{ description = "nightly" }]', 3),
        ('[servers.web]\nid = 1\nignore = "old"\nbackups = [{ description = "new", renamed_from = "old" }]', 3),
    ],
)
def test_a_glob_that_matches_a_series_is_an_error_at_its_line(text: str, line: int) -> None:
    with pytest.raises(UserError) as refused:
        config(text)

    (mistake,) = refused.value.diagnostics
    assert mistake.summary.startswith("ignore: ")
    assert mistake.spot
    assert mistake.spot.start.line == line
