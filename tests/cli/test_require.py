"""`[require]` in the commands: refused in a merge request, and where it got through, nothing is deleted."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.build import held
from support.command import Sandbox, run, sandbox

RULES = '[require]\nretention = "30d"\nmin_age = "3d"\n'
SERVER = '[servers.web]\nid = 1\n[[servers.web.backups]]\ndescription = "nightly"\nevery = "1d"\nkeep = {}\n'


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Sandbox]:
    with sandbox(tmp_path, seed=held("nightly", 9)) as world:
        world.write("[settings]\nmax_shrink = '100%'\n" + RULES + SERVER.format(2))
        yield world


def test_validate_points_at_the_series_and_says_what_would_do(tmp_path: Path) -> None:
    (tmp_path / "backups").mkdir()
    (tmp_path / "backups" / "00-require.toml").write_text(RULES, encoding="utf-8")
    (tmp_path / "backups" / "web.toml").write_text(SERVER.format(7), encoding="utf-8")

    done = run("validate", "-f", "backups", folder=tmp_path)

    assert done.returncode == 1
    assert done.stdout == ""
    assert "error: the backups of server 'web' reach back only 6d; [require] retention needs 30d" in done.stderr
    assert "backups/web.toml:6:8" in done.stderr
    assert "Use keep = 31 or daily = 31. Required by retention in [require], backups/00-require" in done.stderr


def test_validate_json_is_not_valid_then(tmp_path: Path) -> None:
    (tmp_path / "backups.toml").write_text(RULES + SERVER.format(7), encoding="utf-8")

    found = json.loads(run("validate", "--json", folder=tmp_path).stdout)

    assert (found["valid"], found["error_count"]) == (False, 1)


def test_validate_is_content_with_what_is_advised(tmp_path: Path) -> None:
    for keep in ("31", "{ daily = 31 }"):
        (tmp_path / "backups.toml").write_text(RULES + SERVER.format(keep), encoding="utf-8")

        assert run("validate", folder=tmp_path).returncode == 0


def test_plan_and_status_check_report_it(world: Sandbox) -> None:
    plan, status = world.run("plan"), world.run("status", "--check")

    assert (plan.returncode, status.returncode) == (1, 2)
    assert "Withheld: 6 deletes. Nothing is deleted on a server that breaks a [require] rule" in plan.stdout
    assert (
        "ERROR web/nightly: the backups of server 'web' reach back only 1d; [require] retention needs 30d"
        in status.stdout
    )


def test_a_plan_that_breaks_a_rule_is_not_saved(world: Sandbox) -> None:
    assert world.run("plan", "--out", "plan.json").returncode == 1
    assert not (world.folder / "plan.json").exists()


def test_an_apply_creates_and_deletes_nothing(world: Sandbox) -> None:
    before = {backup["id"] for backup in world.backups()}
    world.write(RULES + SERVER.format(2) + '[[servers.web.backups]]\ndescription = "second"\nevery = "1d"\nkeep = 1\n')

    done = world.run("apply", "--auto-approve", "--allow-loss", "99")

    left = {backup["id"] for backup in world.backups()}
    assert done.returncode == 1
    assert before < left
    assert "Withheld: 6 deletes. Nothing is deleted on a server that breaks a [require] rule" in done.stdout
    assert "--allow-loss" not in done.stdout


def test_what_is_young_stays_and_its_reason_is_shown(world: Sandbox) -> None:
    world.write('[require]\nmin_age = "4d"\n' + SERVER.format(2))

    text, markdown, as_json = (world.run("plan", option) for option in ("-v", "--markdown", "--json"))

    assert "kept: younger than min_age = 4d" in text.stdout
    assert "younger than min&#95;age = 4d" in markdown.stdout
    reasons = [change.get("reconcile_reason") for change in json.loads(as_json.stdout)["resource_changes"]]
    assert "younger than min_age = 4d" in reasons
