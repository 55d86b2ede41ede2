"""`--max-age`: "there must be a backup at most this old", before a deploy, over real HTTP."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.build import entry
from support.command import Sandbox, sandbox

WEB = [{"id": 1, "name": "web"}]
FILE = (
    '[servers.web]\nid = 1\nbackups = [{ description = "nightly", every = "1d", keep = 7 }, { description = "old" }]\n'
)
DEPLOY = ("apply", "--auto-approve", "--target", "web/nightly", "--max-age", "15min")


def held() -> dict[str, Any]:
    """Return an account as of now, for its ages are in what is printed."""
    return {
        "servers": WEB,
        "backups": [entry(1, "nightly", timedelta(hours=3)), entry(2, "old", timedelta(days=90))],
    }


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Sandbox]:
    with sandbox(tmp_path, backup_seconds=0.2, seed=held()) as served:
        served.write(FILE)
        yield served


def test_a_nightly_of_three_hours_ago_is_not_enough_and_a_new_one_is_waited_for(service: Sandbox) -> None:
    assert service.run("plan", "--detailed-exitcode").returncode == 0

    made = service.run(*DEPLOY)

    assert made.returncode == 0, made.shown
    assert "newest is 3h old, at most 15min asked for" in made.stdout
    assert "Each series must have a backup no older than 15min." in made.stdout
    assert [backup["status"] for backup in service.backups()] == ["completed"] * 3

    again = service.run(*DEPLOY)

    assert again.returncode == 0
    assert "No changes." in again.stdout
    assert len(service.backups()) == 3


def test_a_create_that_fails_is_an_error(tmp_path: Path) -> None:
    with sandbox(tmp_path, backup_seconds=0.2, seed=held(), fails=True) as service:
        service.write(FILE)

        done = service.run(*DEPLOY)

    assert done.returncode == 1
    assert "ended as 'failed'" in done.stdout


def test_the_plan_says_so_in_every_format(service: Sandbox) -> None:
    asked = ("--max-age", "15min", "--target", "web/nightly")

    as_json = json.loads(service.run("plan", *asked, "--json").stdout)
    assert as_json["reconcile"]["max_age"] == "15min"
    (create,) = (change for change in as_json["resource_changes"] if change["change"]["actions"] == ["create"])
    assert (create["action_reason"], create["reconcile_reason"]) == ("due", "newest is 3h old, at most 15min asked for")
    markdown = service.run("plan", *asked, "--markdown").stdout
    assert "Each series must have a backup no older than 15min" in markdown
    assert service.run("plan", *asked, "--detailed-exitcode").returncode == 2


def test_a_saved_plan_does_what_was_planned_and_is_stale_afterwards(service: Sandbox) -> None:
    asked = ("--max-age", "15min", "--target", "web/nightly")
    assert service.run("plan", *asked, "--out", "saved.plan").returncode == 0

    assert service.run("apply", "saved.plan", "--no-wait").returncode == 1
    assert len(service.backups()) == 2
    assert service.run("apply", "saved.plan").returncode == 0
    assert len(service.backups()) == 3
    assert "Saved plan is stale" in service.run("apply", "saved.plan").stderr


def test_it_is_wrong_usage_not_to_wait_for_it(service: Sandbox) -> None:
    done = service.run(*DEPLOY, "--no-wait")

    assert done.returncode == 1
    assert "--max-age can't be combined with --no-wait" in done.stderr
    assert service.run("plan", "--max-age", "15m").returncode == 1


def test_the_age_is_measured_from_the_beginning_of_the_run_however_long_it_takes(tmp_path: Path) -> None:
    seed = {"servers": [*WEB, {"id": 2, "name": "db"}], "backups": held()["backups"][:1]}
    with sandbox(tmp_path, backup_seconds=1.5, seed=seed) as service:
        nightly = 'backups = [{ description = "nightly", keep = 7 }]\n'
        service.write(f"[servers.web]\nid = 1\n{nightly}[servers.db]\nid = 2\n{nightly}")
        headers = {"Authorization": f"Bearer {service.token}"}
        # After this one has been waited for, apply plans again: the new one of web is older than a second by then.
        httpx.post(f"{service.url}/backups/", json={"server_id": 2, "description": "nightly"}, headers=headers)

        assert service.run("apply", "--auto-approve", "--max-age", "1s").returncode == 0

        assert [backup["server"]["name"] for backup in service.backups()].count("web") == 2


def test_a_saved_plan_that_counted_on_one_under_way_ends_in_an_error_if_that_fails(tmp_path: Path) -> None:
    with sandbox(tmp_path, backup_seconds=1.5, seed=held(), fails=True) as service:
        service.write(FILE)
        headers = {"Authorization": f"Bearer {service.token}"}
        httpx.post(f"{service.url}/backups/", json={"server_id": 1, "description": "nightly"}, headers=headers)
        service.run("plan", "--target", "web/nightly", "--max-age", "15min", "--out", "saved.plan")

        done = service.run("apply", "saved.plan")

    assert done.returncode == 1
    assert "web/nightly: no usable backup is at most 15min old" in done.stdout
